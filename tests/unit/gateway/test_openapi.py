"""The document of the door: valid, whole, and true to the registry."""

import functools
import json
from datetime import UTC, datetime
from typing import Any

import jsonschema_rs
import pytest
from tests.support import metering
from tests.support.each import each

from catalyst.contracts import refusals
from catalyst.contracts.registry import COMMANDS
from catalyst.contracts.rejection import CODES
from catalyst.gateway import openapi

DIALECT = "https://json-schema.org/draft/2020-12/schema"


@functools.cache
def document() -> Any:
    """Return the document, made once, and not before a test asks for it."""
    return openapi.document("1.2.3")


def references(value: Any) -> list[str]:
    """Return everything that the document refers to."""
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [found for item in value.values() for found in references(item)]
    if isinstance(value, list):
        return [found for item in value for found in references(item)]
    return []


def test_every_reference_leads_somewhere() -> None:
    for reference in references(document()):
        here: Any = document()
        for step in reference.removeprefix("#/").split("/"):
            here = here[step]
        assert here


def test_every_schema_is_one() -> None:
    for schema in document()["components"]["schemas"].values():
        assert jsonschema_rs.meta.is_valid({"$schema": DIALECT, **schema}), schema


@each(COMMANDS)
def test_every_command_has_a_path_with_its_own_body(type_: str) -> None:
    operation = document()["paths"][f"/v1/commands/{type_}"]["post"]
    assert operation["operationId"] == type_
    content = operation["requestBody"]["content"]
    name = COMMANDS[type_].shape.__name__
    assert name in json.dumps(content["application/json"]["schema"])
    assert "application/cloudevents+json" in content
    assert {"200", "202", "401", "403", "422"} <= operation["responses"].keys()


@pytest.mark.guarantee("G5.15")
def test_what_a_command_may_be_refused_with_is_said_beside_it_and_each_code_at_the_top() -> None:
    listed = document()["info"]["x-rejections"]
    assert [one["code"] for one in listed] == list(CODES)
    assert {one["status"] for one in listed} == {code.status for code in CODES.values()}
    operation = document()["paths"]["/v1/commands/catalog.pin-version.v1"]["post"]
    for code in refusals.of_rule("catalog.pin-version.v1"):
        assert f"`{code.name}`" in operation["description"]
    assert "slug-taken" not in operation["description"]


def test_a_use_is_described_to_its_last_field() -> None:
    content = document()["paths"]["/v1/usage"]["post"]["requestBody"]["content"]
    one = content["application/cloudevents+json"]["schema"]
    assert content["application/cloudevents-batch+json"]["schema"]["items"] == one
    whole = {**one, "components": document()["components"]}
    use = json.loads(metering.message("u-1", datetime.now(UTC)))
    assert jsonschema_rs.is_valid(whole, use)
    del use["data"]["meter"]
    assert not jsonschema_rs.is_valid(whole, use)


def test_every_status_of_a_code_is_one_that_some_route_names() -> None:
    named = {
        status
        for path in document()["paths"].values()
        for operation in path.values()
        for status in operation["responses"]
    }
    sent = {str(code.status) for code in CODES.values()} - {"405", "501"}
    assert sent <= named


def test_operations_have_names_of_their_own() -> None:
    names = [
        operation["operationId"]
        for path in document()["paths"].values()
        for operation in path.values()
    ]
    assert len(names) == len(set(names))
    assert document()["info"]["version"] == "1.2.3"


@pytest.mark.guarantee("G5.12")
def test_every_field_of_a_command_is_described() -> None:
    schemas = document()["components"]["schemas"]
    for message in COMMANDS.values():
        place = openapi.schema_of(message)["$ref"].rpartition("/")[2]
        for name, field in schemas[place]["properties"].items():
            assert field.get("description"), (message.type, name)
    name = schemas["CreateOrganization"]["properties"]["display_name"]["description"]
    assert name.endswith("not spaces alone; for example `Acme Trading`.")


def test_a_stream_of_rows_takes_what_the_projector_reads() -> None:
    (operation,) = document()["paths"]["/v1/stream"].values()
    named = {parameter["name"] for parameter in operation["parameters"]}
    # The past (`at`) is answered with `not-implemented` and described once it can be read.
    assert named == {
        "kinds",
        "name",
        "organization",
        "environment",
        "label",
        "field",
        "last_event_id",
    }
