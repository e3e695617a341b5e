"""People in DynamoDB by boto3, and the round that keeps them as the directory has them."""

import hashlib
import json
from collections.abc import Callable, Iterable

import boto3
from boto3.dynamodb.conditions import Key

# The most keys of one BatchGetItem.
KEYS_MAX = 100


class Expired(Exception):
    """The delta link is no longer accepted: everybody must be read again."""


class People:
    """The people of one tenant, an item each, and an item that says where the walk stands."""

    def __init__(self, needs: dict) -> None:
        self.dynamodb = boto3.resource(
            "dynamodb",
            endpoint_url=needs["dynamodb"],
            region_name="local",
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )
        self.tenant = needs["tenant"]
        self.table = self.dynamodb.create_table(
            TableName=needs["table"],
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        )

    def sync(self, pages: Callable[[str | None], Iterable[tuple[list[dict], str | None]]]) -> None:
        """One round. `pages` walks from a delta link, or from the beginning: people, and the new delta link at the end."""
        link = self._link()
        try:
            if link is None:
                raise Expired
            link = self._apply_changes(pages(link))
        except Expired:
            link = self._apply_everybody(pages(None))
        self.table.put_item(Item={"pk": self.tenant, "sk": "state", "link": link})

    def stored(self) -> int:
        """How many people are stored."""
        ask = {"KeyConditionExpression": self._everybody(), "Select": "COUNT"}
        return sum(page["Count"] for page in self._pages(ask))

    def _apply_changes(self, pages: Iterable[tuple[list[dict], str | None]]) -> str | None:
        """Entries hold what changed, so each is laid over what is stored."""
        link = None
        for entries, link in pages:
            before = self._read([entry["id"] for entry in entries])
            with self._writer() as writer:
                for entry in entries:
                    person = before.get(entry["id"], {}) | entry
                    if "@removed" in entry:
                        writer.delete_item(Key=self._key(entry["id"]))
                    elif digest(person) != before.get(entry["id"], {}).get("digest"):
                        writer.put_item(Item=self._item(person))
        return link

    def _apply_everybody(self, pages: Iterable[tuple[list[dict], str | None]]) -> str | None:
        """Writes whoever differs from what is stored, and deletes whoever is no longer there."""
        before = self._digests()
        met, link = set(), None
        with self._writer() as writer:
            for entries, link in pages:
                for person in entries:
                    if "@removed" in person:
                        continue
                    met.add(person["id"])
                    if digest(person) != before.get(person["id"]):
                        writer.put_item(Item=self._item(person))
            for gone in before.keys() - met:
                writer.delete_item(Key=self._key(gone))
        return link

    def _writer(self):
        return self.table.batch_writer(overwrite_by_pkeys=["pk", "sk"])

    def _link(self) -> str | None:
        answer = self.table.get_item(Key={"pk": self.tenant, "sk": "state"}, ConsistentRead=True)
        return answer.get("Item", {}).get("link")

    def _digests(self) -> dict[str, str]:
        ask = {"KeyConditionExpression": self._everybody(), "ProjectionExpression": "id, digest"}
        return {item["id"]: item["digest"] for page in self._pages(ask) for item in page["Items"]}

    def _read(self, ids: list[str]) -> dict[str, dict]:
        ids, people = list(dict.fromkeys(ids)), {}
        for start in range(0, len(ids), KEYS_MAX):
            left = {self.table.name: {"Keys": [self._key(id) for id in ids[start : start + KEYS_MAX]]}}
            while left:
                answer = self.dynamodb.batch_get_item(RequestItems=left)
                people |= {item["id"]: item for item in answer["Responses"].get(self.table.name, [])}
                left = answer["UnprocessedKeys"]
        return people

    def _pages(self, ask: dict) -> Iterable[dict]:
        while True:
            page = self.table.query(**ask)
            yield page
            if "LastEvaluatedKey" not in page:
                return
            ask = ask | {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def _everybody(self):
        return Key("pk").eq(self.tenant) & Key("sk").begins_with("person#")

    def _key(self, id: str) -> dict:
        return {"pk": self.tenant, "sk": f"person#{id}"}

    def _item(self, person: dict) -> dict:
        return person | self._key(person["id"]) | {"digest": digest(person)}


def digest(person: dict) -> str:
    """A digest of what Graph shows, without what was added to store it."""
    shown = {name: value for name, value in person.items() if name not in ("pk", "sk", "digest")}
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()
