"""Keeps people in DynamoDB by requests and boto3."""

from collections.abc import Iterator

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

import contest
from people import Expired, People

NEEDS = contest.needs()


class Graph:
    """Microsoft Graph over one session."""

    def __init__(self) -> None:
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {NEEDS['access_token']}"
        # Retry-After is respected.
        again = Retry(total=5, backoff_factor=1, status_forcelist=[429, 503, 504], raise_on_status=False)
        self.session.mount(NEEDS["graph"], HTTPAdapter(max_retries=again))

    def pages(self, link: str | None) -> Iterator[tuple[list[dict], str | None]]:
        """Walks from a delta link, or from the beginning."""
        url = link or f"{NEEDS['graph']}/v1.0/users/delta?$select=id,manager,{','.join(NEEDS['attributes'])}"
        while url is not None:
            answer = self.session.get(url, timeout=30)
            page = answer.json()
            if answer.status_code == 410 or page.get("error", {}).get("code") == "syncStateNotFound":
                raise Expired
            answer.raise_for_status()
            yield [managed(entry) for entry in page["value"]], page.get("@odata.deltaLink")
            url = page.get("@odata.nextLink")


def managed(entry: dict) -> dict:
    """An entry with the manager's id in place of what changed about the manager."""
    news = entry.pop("manager@delta", None)
    if news is not None:
        entry["manager"] = next((manager["id"] for manager in news if "@removed" not in manager), None)
    return entry


def main() -> None:
    graph, people = Graph(), People(NEEDS)
    contest.answer(lambda: people.sync(graph.pages), people.stored)


if __name__ == "__main__":
    main()
