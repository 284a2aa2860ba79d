"""Ids that follow from others, and the fingerprint of what a command asks."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.each import each

from catalyst.contracts.message import COMMAND_ID, Outcome, derived_id, digest, is_stray

ids = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
TYPE = "environment.create-organization.v1"
SUBJECT = "cmd.acme.environment.organization.acme.create-organization.v1"
values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**60), 2**60), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(ids, st.one_of(st.integers(0, 300), ids))
def test_a_derived_id_is_a_command_id_that_begins_with_an_underscore(
    source: str, position: int | str
) -> None:
    found = derived_id(source, position)
    assert COMMAND_ID.fullmatch(found)
    assert found.startswith("_")
    assert found == derived_id(source, position)
    assert found == found.lower()


@given(ids, st.integers(0, 300), st.integers(0, 300))
def test_two_positions_have_two_ids(source: str, one: int, other: int) -> None:
    assert (derived_id(source, one) == derived_id(source, other)) == (one == other)


def test_a_derived_id_is_the_documented_one() -> None:
    # First 26 characters of base32(sha256("c-7Q2/0")), in lower case.
    assert derived_id("c-7Q2", 0) == "_3i7e7d2hiowj2jhgfg4bmoshfw"


def _shuffled(tree: Any) -> Any:
    if isinstance(tree, list):
        return [_shuffled(item) for item in tree]
    if isinstance(tree, dict):
        return {key: _shuffled(tree[key]) for key in reversed(tree)}
    return tree


@given(values)
def test_a_digest_knows_neither_key_order_nor_spaces(tree: Any) -> None:
    plain = digest(TYPE, SUBJECT, json.dumps(tree).encode())
    spaced = json.dumps(_shuffled(tree), indent=3, ensure_ascii=False).encode()
    assert digest(TYPE, SUBJECT, spaced) == plain
    assert digest(TYPE, SUBJECT, msgspec.Raw(spaced)) == plain


@given(values, values)
def test_two_commands_that_ask_the_same_have_one_digest(one: Any, other: Any) -> None:
    same = digest(TYPE, SUBJECT, json.dumps(one).encode()) == digest(
        TYPE, SUBJECT, json.dumps(other).encode()
    )
    assert same == (json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True))


def test_type_and_subject_are_part_of_a_digest() -> None:
    data = b"{}"
    found = {
        digest(TYPE, SUBJECT, data),
        digest("environment.update-organization.v1", SUBJECT, data),
        digest(TYPE, SUBJECT.replace(".acme.", ".umbra.", 1), data),
    }
    assert len(found) == 3


def test_a_digest_of_what_is_not_json_is_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        digest(TYPE, SUBJECT, b"{")


def test_an_outcome_leaves_out_what_is_empty() -> None:
    accepted = msgspec.convert(
        {
            "id": "c",
            "type": TYPE,
            "status": "accepted",
            "digest": "d",
            "time": "2026-01-01T00:00:00Z",
        },
        type=Outcome,
    )
    assert set(json.loads(msgspec.json.encode(accepted))) == {
        "id", "type", "status", "digest", "time",
    }  # fmt: skip


@pytest.mark.guarantee("G7.21")
@each(
    [
        b"",
        b'{"stream":"FACTS","seq":7}',
        b'{"stream":"EV","domain":"d","seq":7,"duplicate":true,"batch":"b","count":2}',
        b'{"error":{"code":400,"err_code":10071},"stream":"EV","seq":0}',
        b'{"type":"io.nats.jetstream.api.v1.stream_info_response","total":0}',
        b'{"type":"io.nats.micro.v1.ping_response","id":"x","name":"n"}',
        b'{"error":{"code":503,"description":"no"}}',
    ]
)
def test_what_a_broker_answers_is_no_message_of_ours(data: bytes) -> None:
    assert is_stray(data)


@each(
    [
        b'{"specversion":"1.0"}',
        b'{"specversion":"2.0","id":7}',
        b'{"id":"e","data":null}',
        b'{"specversion":"1.0","id":',
        b"\xff",
        b"null",
        b"{}",
        b'{"id":"e","type":"environment.organization-suspended.v1","source":"s"}',
        b'{"stream":"FACTS"}',
        b'{"seq":7}',
        b'{"stream":"FACTS","seq":"7"}',
        b'{"stream":7,"seq":7}',
        b'{"stream":"FACTS","seq":true}',
        b'{"stream":"FACTS","seq":7,"specversion":"1.0"}',
        b'{"stream":"FACTS","seq":7,"data":{}}',
        b'{"error":"io.nats."}',
        b'{"error":{"description":"no"}}',
        b'{"type":"io.nats"}',
        b'{"type":["io.nats."]}',
        b'{"type":"x.io.nats.jetstream"}',
        b"[" * 100_000,
    ]
)
def test_what_may_be_a_damaged_message_of_ours_is_no_answer_of_a_broker(data: bytes) -> None:
    assert not is_stray(data)
