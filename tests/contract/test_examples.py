"""Every golden payload decodes for ever, and encodes to itself."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from tests.support.each import each
from tools import snapshots

from catalyst.contracts import codec, environment_v1, environment_v2, schema, upcast
from catalyst.contracts.message import Event
from catalyst.contracts.registry import BY_TYPE, COMMANDS, EVENTS

EXAMPLES = snapshots.read(snapshots.EXAMPLE_FILES)


def test_every_message_has_a_golden_payload() -> None:
    assert set(EXAMPLES) == set(schema.schemas())


@each(sorted(EXAMPLES))
def test_a_golden_payload_fits_its_schema_and_its_message(name: str) -> None:
    snapshots.validate(name, EXAMPLES[name])


def _as_far_as(found: Any, payload: Any) -> Any:
    """Return what was found without the fields that it gained, at any depth."""
    if isinstance(found, dict) and isinstance(payload, dict):
        return {key: _as_far_as(found[key], payload[key]) for key in payload if key in found}
    if isinstance(found, list) and isinstance(payload, list) and len(found) == len(payload):
        return [_as_far_as(*pair) for pair in zip(found, payload, strict=True)]
    return found


@each(sorted(BY_TYPE))
def test_a_golden_payload_encodes_to_itself(name: str) -> None:
    payload = EXAMPLES[name]
    decoded = msgspec.convert(payload, type=BY_TYPE[name].shape)
    again: dict[str, Any] = json.loads(msgspec.json.encode(decoded))
    added = {key: value for key, value in again.items() if key not in payload}
    assert _as_far_as(again, payload) == payload
    # A field that was added since has a default, and that is what an older payload gets.
    fields = {field.name: field for field in msgspec.structs.fields(BY_TYPE[name].shape)}
    assert all(not fields[key].required for key in added)


@each(sorted(COMMANDS))
def test_the_parser_takes_every_golden_command(name: str) -> None:
    data = msgspec.json.encode(EXAMPLES[name])
    codec.check(data)
    assert type(codec.command_data(COMMANDS[name], data)) is COMMANDS[name].shape


@each(sorted(COMMANDS))
def test_a_command_with_an_unknown_field_is_refused(name: str) -> None:
    data = msgspec.json.encode(EXAMPLES[name] | {"no_such_field": 1})
    with pytest.raises(codec.Undecodable) as refused:
        codec.command_data(COMMANDS[name], data)
    assert refused.value.pointer == "/data/no_such_field"
    assert refused.value.rule == "unknown-field"


@each(sorted(EVENTS))
def test_an_event_with_an_unknown_field_is_read_without_it(name: str) -> None:
    shape = EVENTS[name].shape
    plain = msgspec.convert(EXAMPLES[name], type=shape)
    assert msgspec.convert(EXAMPLES[name] | {"no_such_field": 1}, type=shape) == plain


@each(sorted(EVENTS))
def test_a_golden_event_becomes_the_newest_version(name: str) -> None:
    shape = EVENTS[name].shape
    assert issubclass(shape, Event)
    newest = upcast.convert(msgspec.json.encode(EXAMPLES[name]), shape)
    assert type(newest) not in upcast.CHAIN


def test_version_1_of_a_policy_reads_as_version_2() -> None:
    payload = EXAMPLES["environment.policy-defined.v1"]
    assert payload["soak_hours"] == 24
    found = upcast.convert(msgspec.json.encode(payload), environment_v1.PolicyDefined)

    expected = {key: value for key, value in payload.items() if key != "soak_hours"}
    assert found == msgspec.convert(
        expected | {"soak_minutes": 24 * 60}, type=environment_v2.PolicyDefined
    )
    added = {"soak_minutes": 1440, "applications_max": None}
    assert json.loads(msgspec.json.encode(found)) == expected | added


def test_a_chain_of_versions_ends_and_skips_none() -> None:
    for old, step in upcast.CHAIN.items():
        message, seen = _message(old), {old}
        newer = type(step(msgspec.convert(EXAMPLES[message.type], type=old)))
        assert newer not in seen
        assert _message(newer).name == message.name
        assert _message(newer).version == message.version + 1


def test_every_older_version_of_an_event_has_an_upcast() -> None:
    newest = {
        name: max(event.version for event in EVENTS.values() if event.name == name)
        for name in {event.name for event in EVENTS.values()}
    }
    older = {event.shape for event in EVENTS.values() if event.version < newest[event.name]}
    assert older == set(upcast.CHAIN)


def _message(shape: type) -> Any:
    return next(message for message in BY_TYPE.values() if message.shape is shape)
