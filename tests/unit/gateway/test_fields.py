"""Every wrong field at once, and never another verdict than the worker's."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.each import each

from catalyst.contracts import codec
from catalyst.contracts.codec import Undecodable
from catalyst.contracts.registry import COMMANDS, Message
from catalyst.contracts.rejection import Rejected
from catalyst.gateway.fields import checked, wrong_fields

CREATE = COMMANDS["environment.create-organization.v1"]
DEFINE = COMMANDS["environment.define-policy.v1"]


def errors(message: Message, data: Any) -> dict[str, str]:
    """Return what is wrong: pointer to rule."""
    with pytest.raises(Rejected) as caught:
        checked(message, json.dumps(data).encode())
    assert caught.value.code == "invalid-data"
    return {error.pointer: error.rule for error in caught.value.errors}


def test_missing_unknown_and_wrong_fields_are_listed_together() -> None:
    assert errors(CREATE, {"display_name": "", "kind": 5, "more": 1, "owners": {}}) == {
        "/data/display_name": "length",
        "/data/kind": "enum",
        "/data/tier": "required",
        "/data/billing_mode": "required",
        "/data/sovereign_ref": "required",
        "/data/owners": "type",
        "/data/more": "unknown-field",
    }


def test_fields_inside_lists_mappings_and_variants_are_found() -> None:
    data = {
        "rules": [
            {"type": "pr-required", "min_approvals": "two"},
            {"type": "unheard-of"},
            {"min_score": 1},
            {"type": "soak", "duration": "1 day", "more": 1},
            7,
        ],
        "compliance": {"weights": {"a/b~c": {"weight": "x", "scope": "all"}}},
    }
    assert errors(DEFINE, data) == {
        "/data/rules/0/min_approvals": "type",
        "/data/rules/1/type": "enum",
        "/data/rules/2/type": "required",
        "/data/rules/3/duration": "pattern",
        "/data/rules/3/more": "unknown-field",
        "/data/rules/4": "type",
        "/data/compliance/weights/a~1b~0c/weight": "type",
    }


def test_one_wrong_field_is_named_in_the_message() -> None:
    with pytest.raises(Rejected, match="reason: is missing"):
        checked(COMMANDS["environment.suspend-organization.v1"], b"{}")
    with pytest.raises(Rejected, match="the data: must be an object"):
        checked(COMMANDS["environment.suspend-organization.v1"], b"[]")


def test_bytes_that_are_no_json_stay_what_they_are() -> None:
    with pytest.raises(Undecodable) as caught:
        checked(CREATE, b"{")
    assert caught.value.code == "malformed-json"


@each(COMMANDS)
def test_every_command_can_be_checked(type_: str) -> None:
    assert isinstance(wrong_fields(COMMANDS[type_], b"{}"), tuple)


EXAMPLES = Path(__file__).parents[3] / "contracts" / "examples"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
# Made once: a strategy that is made anew in each draw takes longer than what is drawn from it.
CHANGE = JSON | st.just(...)
TIMES, TRUTH, NAME = st.integers(1, 3), st.booleans(), st.text(max_size=6)


def example(type_: str) -> Any:
    """Return the golden data of a message."""
    return json.loads((EXAMPLES / f"{type_}.json").read_text("utf-8"))


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the path of everything inside a JSON value."""
    steps: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        steps = list(value.items())
    elif isinstance(value, list):
        steps = list(enumerate(value))
    found: list[tuple[str | int, ...]] = []
    for step, inner in steps:
        found += [(*path, step), *places(inner, (*path, step))]
    return found


def change(value: Any, path: tuple[str | int, ...], new: Any) -> None:
    """Put `new` at a path; an ellipsis takes away what is there."""
    for step in path[:-1]:
        value = value[step]
    if new is ...:
        del value[path[-1]]
    else:
        value[path[-1]] = new


@each(COMMANDS)
def test_a_golden_command_has_no_wrong_field(type_: str) -> None:
    raw = json.dumps(example(type_)).encode()
    assert wrong_fields(COMMANDS[type_], raw) == ()
    assert type(checked(COMMANDS[type_], raw)) is COMMANDS[type_].shape


def refusal(message: Message, raw: bytes) -> Undecodable | None:
    """Return what the worker says of a body; None if it takes it."""
    try:
        codec.command_data(message, raw)
    except Undecodable as error:
        return error
    return None


@pytest.mark.guarantee("G5.8")
@given(st.sampled_from(sorted(COMMANDS)), st.data())
def test_the_door_and_the_worker_agree_on_every_body(type_: str, data: st.DataObject) -> None:
    message, value = COMMANDS[type_], example(type_)
    for _ in range(data.draw(TIMES)):
        known = places(value)
        if known:
            path = data.draw(st.sampled_from(known))
            change(value, path, data.draw(CHANGE))
    if data.draw(TRUTH):
        value[data.draw(NAME)] = data.draw(JSON)
    raw = json.dumps(value).encode()
    first = refusal(message, raw)
    if first is None:
        assert type(checked(message, raw)) is message.shape
        return
    with pytest.raises(Rejected) as caught:
        checked(message, raw)
    found = [error.pointer for error in caught.value.errors]
    assert found
    if "/..." not in first.pointer:
        assert first.pointer in found


@pytest.mark.guarantee("G5.11")
def test_this_door_and_the_worker_say_the_same_of_a_field() -> None:
    cases: list[tuple[Message, dict[str, Any]]] = [
        (CREATE, {"display_name": " "}),
        (CREATE, {"sovereign_ref": "Cloud"}),
        (CREATE, {"owners": [{"email": "no address", "role": "owner"}]}),
        (CREATE, {"owners": [{"email": "ada@acme.example", "role": "boss"}]}),
        (CREATE, {"public_front": {"parent_domain": "a.b", "backend_port": 70000}}),
        (CREATE, {"policy_delegated": "yes"}),
        (DEFINE, {"rules": [{"type": "change-window", "duration": "a day"}]}),
    ]
    for message, data in cases:
        raw = json.dumps({**example(message.type), **data}).encode()
        worker = refusal(message, raw)
        assert worker is not None
        (door,) = wrong_fields(message, raw)
        said = (door.pointer, door.rule, door.message)
        assert said == (worker.pointer, worker.rule, worker.sentence)
        assert "^" not in door.message
        with pytest.raises(Rejected) as caught:
            checked(message, raw)
        assert caught.value.message == worker.message


@pytest.mark.guarantee("G5.11")
@given(data=st.data())
def test_no_sentence_shows_a_pattern(data: st.DataObject) -> None:
    message = COMMANDS[data.draw(st.sampled_from(sorted(COMMANDS)))]
    value = example(message.type)
    found = places(value)
    if found:
        change(value, data.draw(st.sampled_from(found)), data.draw(JSON))
    for error in wrong_fields(message, json.dumps(value).encode()):
        assert "^" not in error.message
        assert error.message.startswith(("is ", "must be "))
