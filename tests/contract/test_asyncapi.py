"""The AsyncAPI document is valid by the official schema, whole, and says what the registry says."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from tests.support.each import each
from tools import asyncapi_schema, snapshots

from catalyst.contracts import registry, schema

DOCUMENT = schema.asyncapi("1.2.3")
EXAMPLES = snapshots.read(snapshots.EXAMPLE_FILES)
PARTS = jsonschema_rs.Registry([("catalyst:/document", {"components": DOCUMENT["components"]})])


@pytest.fixture(scope="module")
def official() -> jsonschema_rs.Draft7Validator:
    try:
        return jsonschema_rs.Draft7Validator(json.loads(asyncapi_schema.bring().read_text("utf-8")))
    except asyncapi_schema.Unavailable as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no official AsyncAPI schema: {error}")


def test_the_document_is_valid(official: jsonschema_rs.Draft7Validator) -> None:
    assert [error.message for error in official.iter_errors(DOCUMENT)] == []


@pytest.mark.parametrize("part", ["info", "channels", "operations", "servers"])
def test_a_broken_document_is_not(official: jsonschema_rs.Draft7Validator, part: str) -> None:
    broken = copy.deepcopy(DOCUMENT)
    broken[part] = {"x": {"action": "publish", "host": 1, "address": 2}}
    assert not official.is_valid(broken)


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from _references(item)
    elif isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for item in node.values():
            yield from _references(item)


def _resolve(reference: str) -> Any:
    node: Any = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        node = node[step]
    return node


def test_every_reference_leads_somewhere() -> None:
    for reference in set(_references(DOCUMENT)):
        assert _resolve(reference), reference


def test_every_message_has_a_channel_an_operation_and_a_payload() -> None:
    for message in registry.MESSAGES:
        channel = DOCUMENT["channels"][message.type]
        assert channel["address"] == schema.address(message)
        operation = DOCUMENT["operations"][message.type]
        assert operation["action"] == ("receive" if message.kind == "command" else "send")
        assert ("reply" in operation) is (message.kind == "command")
        assert message.type in DOCUMENT["components"]["messages"]


def test_what_comes_from_outside_has_its_channels() -> None:
    found = {
        channel["address"]: (channel["x-stream"], channel["messages"]["message"]["$ref"])
        for channel in DOCUMENT["channels"].values()
        if channel.get("x-stream") in {"FACTS", "USE"}
    }
    fact, use = "#/components/messages/catalyst.fact", "#/components/messages/usage.reported.v1"
    assert found == {
        "use.{organization}.{reporter}": ("USE", use),
        "ws.{environment}.flux.{name}": ("FACTS", fact),
        "ws.{environment}.k8s.{kind}.{namespace}.{name}": ("FACTS", fact),
    }
    for name, channel in DOCUMENT["channels"].items():
        if channel.get("x-stream") in {"FACTS", "USE"}:
            assert DOCUMENT["operations"][name]["action"] == "receive"


@each(["catalyst.fact", "usage.reported.v1"])
def test_what_comes_from_outside_fits_its_payload(name: str) -> None:
    place = f"catalyst:/document#/components/messages/{name}/payload"
    payload = jsonschema_rs.Draft202012Validator({"$ref": place}, registry=PARTS)
    payload.validate(EXAMPLES[name])
    assert not payload.is_valid(EXAMPLES[name] | {"type": "environment.other.v1"})


def test_every_open_part_of_an_address_is_a_parameter() -> None:
    for channel in DOCUMENT["channels"].values():
        address = channel["address"] or ""
        named = {part[1:-1] for part in address.split(".") if part.startswith("{")}
        assert named == set(channel.get("parameters", {}))


@each(registry.MESSAGES, lambda message: message.type)
def test_a_whole_message_fits_its_payload(message: registry.Message) -> None:
    place = f"catalyst:/document#/components/messages/{message.type}/payload"
    payload = jsonschema_rs.Draft202012Validator({"$ref": place}, registry=PARTS)
    whole = {
        "specversion": "1.0",
        "id": "c-1",
        "source": "test",
        "type": message.type,
        "time": "2026-03-02T12:00:00Z",
        "organization": "acme",
        "actor": "service:environment",
        "correlationid": "c-1",
        "causationid": "c-1",
        "data": EXAMPLES[message.type],
    }
    payload.validate(whole)
    assert not payload.is_valid(whole | {"type": "environment.other.v1"})
    assert not payload.is_valid(whole | {"specversion": "0.3"})
