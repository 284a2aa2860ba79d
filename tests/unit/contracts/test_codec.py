"""The one parser: whatever comes in, it is a message or `Undecodable`, with the right place."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from itertools import product
from typing import Any

import msgspec
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from tests.support.each import each

from catalyst.contracts import codec, rejection
from catalyst.contracts.codec import Undecodable
from catalyst.contracts.registry import COMMANDS
from catalyst.contracts.topology import MAX_BODY_BYTES, MAX_DEPTH

CREATE = COMMANDS["environment.create-organization.v1"]
ADA = {"email": "ada@acme.example", "role": "owner"}
GOOD: dict[str, Any] = {
    "display_name": "Acme",
    "kind": "customer",
    "tier": "sme",
    "billing_mode": "real",
    "sovereign_ref": "cloud.example",
    "owners": [ADA],
}
HEAD = {"specversion": "1.0", "id": "c-1", "source": "test", "type": CREATE.type}

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)
keys = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
    st.sampled_from(["a", "b", "/", "~", "~1", "", "a/b"]),
)
trees = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4)),
    max_leaves=12,
)


def refused(raw: bytes, **options: int) -> Undecodable:
    with pytest.raises(Undecodable) as found:
        codec.check(raw, **options)
    assert found.value.code in rejection.CODES
    return found.value


def code_of(call: Callable[[], object]) -> str | None:
    """Return the code with which a call refuses, or None; any other exception fails the test."""
    try:
        call()
    except Undecodable as error:
        return error.code
    return None


# ---- check


@pytest.mark.guarantee("G5.1")
@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_undecodable(raw: bytes) -> None:
    code = code_of(lambda: codec.check(raw))
    assert code is None or code in rejection.CODES
    if code is None:
        json.loads(raw)


@pytest.mark.guarantee("G5.1")
@given(st.text(st.sampled_from('{}[]":,\\ eE+-.0123456789truefalsnNaInfity\u0000é\n'), max_size=60))
@example('{"a":1e999}')
@example("\\" * 40)
@example('"' + "\\" * 41)
def test_any_text_is_a_message_or_undecodable(text: str) -> None:
    code = code_of(lambda: codec.envelope(text.encode()))
    assert code is None or code in rejection.CODES


@given(trees)
def test_plain_json_passes(tree: Any) -> None:
    codec.check(json.dumps(tree).encode())
    codec.check(json.dumps(tree, ensure_ascii=False).encode())


@pytest.mark.guarantee("G5.3")
@given(st.integers(1, MAX_DEPTH * 3), st.sampled_from(["[]", "{}"]))
def test_depth_is_limited_exactly(depth: int, kind: str) -> None:
    opening = "[" if kind == "[]" else '{"a":'
    raw = (opening * (depth - 1) + kind + kind[1] * (depth - 1)).encode()
    if depth <= MAX_DEPTH:
        codec.check(raw)
    else:
        assert refused(raw).code == "too-deep"


def test_brackets_inside_a_text_are_not_depth() -> None:
    codec.check(json.dumps({"a": "[" * 1000, "b": '\\"[' * 1000}).encode())


@pytest.mark.guarantee("G5.3", "G5.9")
@each(product([b'\\"', b"x", b'x\\"[', b"\\\\"], [b"", b"\\", b'"']))
def test_a_text_of_any_length_is_looked_at_once(inside: bytes, end: bytes) -> None:
    """With a second look for each quote in it, the largest body took six minutes of a core."""
    raw = b"[]" * (MAX_DEPTH + 1) + b'"' + inside * ((MAX_BODY_BYTES - 200) // len(inside)) + end
    assert refused(raw).code == "malformed-json"


@pytest.mark.parametrize("depth", [1_000, 100_000])
def test_absurd_depth_is_refused_like_any_other(depth: int) -> None:
    assert refused(b"[" * depth).code == "too-deep"


@pytest.mark.guarantee("G5.3")
def test_size_is_limited_exactly() -> None:
    edge = b'"' + b"a" * (MAX_BODY_BYTES - 2) + b'"'
    codec.check(edge)
    assert refused(edge + b" ").code == "too-large"
    assert refused(b"{} ", limit=2).code == "too-large"


@pytest.mark.guarantee("G5.3")
@each([b"\xff", b'{"a":"\xc3"}', b"\xed\xa0\x80", b'"\xf8"', b"{}\xc0\x80"])
def test_bytes_that_are_not_utf8_are_refused(raw: bytes) -> None:
    assert refused(raw).code == "not-utf8"


@each([b"", b"{", b"nul", b"{'a':1}", b'{"a":1,}', b"{}{}", b"\x00", b"01"])
def test_what_is_not_json_is_refused(raw: bytes) -> None:
    assert refused(raw).code == "malformed-json"


@pytest.mark.guarantee("G5.3")
@each(["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_a_number_that_is_not_finite_is_refused(word: str) -> None:
    assert refused(f'{{"a":[{word}]}}'.encode()).code == "not-finite"


def test_an_integer_too_long_to_convert_is_refused() -> None:
    assert refused(b"[" + b"9" * 5000 + b"]").code == "malformed-json"


@each([r'"\ud800"', r'{"\ud800":1}', r'"\udc00\ud800"'])
def test_half_a_surrogate_pair_is_refused(text: str) -> None:
    with pytest.raises(Undecodable) as found:
        codec.envelope(json.dumps(HEAD)[:-1].encode() + f',"data":{text}}}'.encode())
    assert found.value.code == "malformed-json"


# ---- a key named twice, at any depth


def _double(tree: Any, path: list[str | int], key: str) -> str:
    """Return JSON of `tree` with `key` named twice in the object at `path`."""
    if not path:
        rest = "".join(f",{json.dumps(k)}:{json.dumps(v)}" for k, v in tree.items() if k != key)
        return f"{{{json.dumps(key)}:1{rest},{json.dumps(key)}:2}}"
    step = path[0]
    if isinstance(tree, list):
        return "[" + ",".join(
            _double(item, path[1:], key) if index == step else json.dumps(item)
            for index, item in enumerate(tree)
        ) + "]"  # fmt: skip
    return "{" + ",".join(
        f"{json.dumps(k)}:{_double(v, path[1:], key) if k == step else json.dumps(v)}"
        for k, v in tree.items()
    ) + "}"  # fmt: skip


def _objects(tree: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    children: list[tuple[str | int, Any]] = []
    if isinstance(tree, list):
        children = list(enumerate(tree))
    elif isinstance(tree, dict):
        children = list(tree.items())
    below = [found for step, item in children for found in _objects(item, (*path, step))]
    return ([path] if isinstance(tree, dict) else []) + below


@pytest.mark.guarantee("G5.2")
@given(trees, keys, st.data())
def test_a_doubled_key_is_refused_at_its_place(tree: Any, key: str, data: st.DataObject) -> None:
    places = _objects(tree)
    assume(places)
    path = data.draw(st.sampled_from(places))
    error = refused(_double(tree, list(path), key).encode())
    expected = "".join(f"/{codec.pointer_token(str(step))}" for step in (*path, key))
    assert (error.code, error.pointer) == ("duplicate-key", expected)


@pytest.mark.guarantee("G5.2")
@each(
    [
        ('{"a":1,"a":2}', "/a"),
        ('{"a":{"b":1,"b":1}}', "/a/b"),
        ('[0,{"a":[{"b":1,"b":1}]}]', "/1/a/0/b"),
        ('{"x/y":{"~":1,"~":1}}', "/x~1y/~0"),
        ('{"":{"":1,"":2}}', "//"),
        ('{"a":1,"\\u0061":2}', "/a"),
        # What is written anew gains the two quotes that it loses with the key.
        ('{"a":"\\u0022\\u0022","a":"\\u0022\\u0022"}', "/a"),
    ]
)
def test_the_place_of_a_doubled_key_is_a_json_pointer(text: str, pointer: str) -> None:
    assert refused(text.encode()).pointer == pointer


def test_two_doubled_keys_name_one_of_them() -> None:
    assert refused(b'{"a":{"b":1,"b":2},"a":3}').pointer in {"/a", "/a/b"}


# ---- the envelope


def whole(**changes: Any) -> bytes:
    return json.dumps({**HEAD, "data": GOOD, **changes}).encode()


def test_a_whole_command_is_read() -> None:
    found = codec.envelope(whole())
    assert (found.id, found.type, found.time) == ("c-1", CREATE.type, None)
    command = codec.command_data(CREATE, found.data)
    assert json.loads(codec.encode(command))["display_name"] == "Acme"


def test_an_extension_attribute_is_no_error() -> None:
    assert codec.envelope(whole(myextension="x")).id == "c-1"


@each(
    [
        ({"specversion": "0.3"}, "/specversion"),
        ({"id": ""}, "/id"),
        ({"id": 7}, "/id"),
        ({"source": ""}, "/source"),
        ({"type": ""}, "/type"),
        ({"time": "2026-01-02T03:04:05"}, "/time"),
        ({"time": "soon"}, "/time"),
        ({"actor": ["me"]}, "/actor"),
    ]
)
def test_a_wrong_attribute_is_named(changes: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Undecodable) as found:
        codec.envelope(whole(**changes))
    assert (found.value.code, found.value.pointer) == ("invalid-envelope", pointer)


@each(["specversion", "id", "source", "type"])
def test_a_missing_attribute_is_named(name: str) -> None:
    rest = {key: value for key, value in HEAD.items() if key != name}
    with pytest.raises(Undecodable) as found:
        codec.envelope(json.dumps(rest).encode())
    assert (found.value.pointer, found.value.rule) == (f"/{name}", "required")


@each([b"[]", b"1", b"null", b'"x"'])
def test_what_is_no_object_is_no_message(raw: bytes) -> None:
    with pytest.raises(Undecodable) as found:
        codec.envelope(raw)
    assert found.value.code == "invalid-envelope"


@pytest.mark.guarantee("G5.1")
@given(trees)
def test_any_json_is_an_envelope_or_undecodable(tree: Any) -> None:
    merged = {**HEAD, **tree} if isinstance(tree, dict) else tree
    code = code_of(lambda: codec.envelope(json.dumps(merged).encode()))
    assert code in {None, "invalid-envelope"}


# ---- a command's data


@pytest.mark.guarantee("G5.8")
@each([
        ({"display_name": ""}, "/data/display_name", "length"),
        ({"display_name": "a\nb"}, "/data/display_name", "pattern"),
        ({"display_name": None}, "/data/display_name", "type"),
        ({"kind": "partner"}, "/data/kind", "enum"),
        ({"owners": [ADA, {"email": "a@b.c"}]}, "/data/owners/1/role", "required"),
        ({"owners": [{"email": "x", "role": "owner"}]}, "/data/owners/0/email", "pattern"),
        ({"owners": [{**ADA, "a/b": 1}]}, "/data/owners/0/a~1b", "unknown-field"),
        ({"public_front": {"parent_domain": "a.b", "backend_port": 0}},
         "/data/public_front/backend_port", "range"),
        ({"nonsense": 1}, "/data/nonsense", "unknown-field"),
        ({"": 1}, "/data/", "unknown-field"),
        ({"a`b": 1}, "/data/a`b", "unknown-field"),
    ])  # fmt: skip
def test_a_wrong_field_is_named_with_its_rule(
    changes: dict[str, Any], pointer: str, rule: str
) -> None:
    with pytest.raises(Undecodable) as found:
        codec.command_data(CREATE, json.dumps({**GOOD, **changes}).encode())
    error = found.value
    assert (error.code, error.pointer, error.rule) == ("invalid-data", pointer, rule)


class _Question(msgspec.Struct, forbid_unknown_fields=True):
    number: int

    def __post_init__(self) -> None:
        if self.number < 0:
            raise ValueError("nothing is asked")


@pytest.mark.guarantee("G5.8")
@each(
    [
        ({}, "/number", "required"),
        ({"number": "1"}, "/number", "type"),
        ({"number": 1, "": 1}, "/", "unknown-field"),
        ({"number": -1}, "", "value"),
    ]
)
def test_what_is_wrong_with_a_question_has_a_place(
    asked: dict[str, Any], pointer: str, rule: str
) -> None:
    with pytest.raises(rejection.Rejected) as found:
        codec.question(asked, _Question)
    (error,) = found.value.errors
    assert (found.value.code, error.pointer, error.rule) == ("invalid-data", pointer, rule)
    assert error.message.strip()
    assert codec.question({"number": 1}, _Question) == _Question(1)


@pytest.mark.guarantee("G5.1")
@given(trees)
def test_any_data_is_a_command_or_undecodable(tree: Any) -> None:
    merged = {**GOOD, **tree} if isinstance(tree, dict) else tree
    for message in (CREATE, COMMANDS["environment.define-policy.v1"]):
        raw = json.dumps(merged).encode()
        code = code_of(functools.partial(codec.command_data, message, raw))
        assert code in {None, "invalid-data"}


@each(
    [
        ("$", ""),
        ("$.a", "/a"),
        ("$.a[0].b", "/a/0/b"),
        ("$[3][4]", "/3/4"),
        ("$.a/b", "/a~1b"),
        ("$[...]", "/..."),
    ]
)
def test_a_path_becomes_a_pointer(path: str, pointer: str) -> None:
    assert codec.pointer(path) == pointer


@given(trees)
def test_encoding_is_the_same_for_the_same_value(tree: Any) -> None:
    shuffled = tree
    if isinstance(tree, dict):
        shuffled = dict(reversed(tree.items()))
    assert codec.encode(shuffled) == codec.encode(tree)


@pytest.mark.guarantee("G5.6", "G5.11")
@each(
    product(
        ["correlationid", "causationid"],
        ["", "a\nb", "a\n", "a\0", "a b", "é", "c" * 65, "c" * 5000],
    )
)
def test_what_a_command_follows_from_is_an_id_and_the_log_stays_readable(
    name: str, value: str
) -> None:
    raw = json.dumps({**HEAD, "data": GOOD, name: value}).encode()
    with pytest.raises(Undecodable) as found:
        codec.command_envelope(raw)
    error = found.value
    assert (error.code, error.pointer, error.rule) == ("invalid-envelope", f"/{name}", "pattern")
    assert "for example `c-7Q2`" in error.sentence
    # What is stored was taken before, and what a service passes on may come from there.
    assert getattr(codec.envelope(raw), name) == value
    derived = json.dumps({**HEAD, "id": "_derived", "data": GOOD, name: value}).encode()
    assert getattr(codec.command_envelope(derived), name) == value


@each([None, "c-7Q2", "_" + "a" * 26, "c" * 64])
def test_what_an_id_may_be_is_taken_for_what_a_command_follows_from(value: str | None) -> None:
    raw = json.dumps({**HEAD, "data": GOOD, "correlationid": value}).encode()
    assert codec.command_envelope(raw).correlationid == value
