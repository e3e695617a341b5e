"""Keeps people in DynamoDB by msgraph-sdk and boto3."""

import asyncio
import json
import re
from collections.abc import Iterator
from datetime import date, datetime
from uuid import UUID

from azure.core.credentials import AccessToken
from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_abstractions.serialization import Parsable
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from kiota_serialization_json.json_serialization_writer import JsonSerializationWriter
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.user import User
from msgraph.generated.users.delta.delta_request_builder import DeltaRequestBuilder

import contest
from people import Expired, People

NEEDS = contest.needs()
# The SDK's name of each attribute.
FIELDS = {name: re.sub("([A-Z])", r"_\1", name).lower() for name in NEEDS["attributes"]}


class Token:
    """A credential that has its token already."""

    def get_token(self, *scopes: str, **_: object) -> AccessToken:
        return AccessToken(NEEDS["access_token"], 2**40)


class Graph:
    """Microsoft Graph by its SDK, in a loop that lasts."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        adapter = GraphRequestAdapter(AzureIdentityAuthenticationProvider(Token()))
        adapter.base_url = f"{NEEDS['graph']}/v1.0"
        self.delta = GraphServiceClient(request_adapter=adapter).users.delta

    def pages(self, link: str | None) -> Iterator[tuple[list[dict], str | None]]:
        """Walks from a delta link, or from the beginning."""
        select = DeltaRequestBuilder.DeltaRequestBuilderGetQueryParameters(select=["id", "manager", *NEEDS["attributes"]])
        beginning = RequestConfiguration(query_parameters=select)
        ask = self.delta.with_url(link).get() if link else self.delta.get(request_configuration=beginning)
        while ask is not None:
            try:
                page = self.loop.run_until_complete(ask)
            except ODataError as error:
                if error.response_status_code == 410 or (error.error and error.error.code == "syncStateNotFound"):
                    raise Expired from error
                raise
            yield [entry(user) for user in page.value], page.odata_delta_link
            ask = self.delta.with_url(page.odata_next_link).get() if page.odata_next_link else None


def entry(user: User) -> dict:
    """What is stored of a user. What the SDK does not know by name is in its additional data."""
    shown = {name: plain(getattr(user, field)) for name, field in FIELDS.items()}
    shown = {"id": user.id} | {name: value for name, value in shown.items() if value is not None}
    if "@removed" in user.additional_data:
        shown["@removed"] = True
    if "manager@delta" in user.additional_data:
        managers = [plain(manager) for manager in user.additional_data["manager@delta"]]
        shown["manager"] = next((manager["id"] for manager in managers if "@removed" not in manager), None)
    return shown


def plain(value: object) -> object:
    """A value as DynamoDB can store it. The SDK takes a text that looks like an id for one."""
    if isinstance(value, Parsable):
        writer = JsonSerializationWriter()
        writer.write_object_value(None, value)
        return json.loads(writer.get_serialized_content())
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return value


def main() -> None:
    graph, people = Graph(), People(NEEDS)
    contest.answer(lambda: people.sync(graph.pages), people.stored)


if __name__ == "__main__":
    main()
