"""Every field says what it means, and every constrained type says in words what it takes."""

import copy
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
import pytest
from msgspec import inspect
from tests.support.each import each
from tools import compatibility, snapshots

from catalyst.contracts import codec, described, schema
from catalyst.contracts.codec import Undecodable
from catalyst.contracts.message import Part
from catalyst.contracts.registry import COMMANDS, MESSAGES
from catalyst.contracts.wording import phrase

SCHEMAS = schema.schemas()
BANNED = ("tenant", "operator", "client", "module", "template", "workspace", "instance")
LIMITS = ("min_length", "max_length", "pattern", "ge", "gt", "le", "lt", "multiple_of")


def fields(document: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the schema of every field, those of definitions included, with its place."""
    for name, field in document.get("properties", {}).items():
        yield f"{path}{name}", field
    for name, body in document.get("$defs", {}).items():
        yield from fields(body, f"{name}.")


@pytest.mark.guarantee("G5.12")
@each(sorted(SCHEMAS))
def test_every_field_has_a_description(name: str) -> None:
    for place, field in fields(SCHEMAS[name]):
        text = field.get("description", "")
        assert text[:1].isupper() or text[:1].isdigit(), place
        assert text.endswith("."), place
        assert "^" not in text, place
        assert not [word for word in BANNED if word in text.lower()], (place, text)


@pytest.mark.guarantee("G5.12")
@each(MESSAGES, lambda message: message.type)
def test_what_a_field_means_stands_where_it_is_declared(message: Any) -> None:
    # What its type takes would be a description, too, but says nothing of this field.
    names = {field.name for field in msgspec.structs.fields(message.shape)}
    assert names <= set(described.texts(message.shape))


def test_a_field_without_a_text_is_seen() -> None:
    (_,), definitions = described.components([Bare], "{name}")
    assert definitions["Bare"]["properties"] == {
        "said": {"type": "string", "description": "What is meant."},
        "unsaid": {"type": "string"},
        "of_a_kind": {
            "anyOf": [{"$ref": "Bare"}, {"type": "null"}],
            "default": None,
            "description": "Another one, over two lines.",
        },
    }


class Bare(Part, frozen=True, kw_only=True):
    """A struct that is no message."""

    said: str
    """What is meant."""
    unsaid: str
    of_a_kind: "Bare | None" = None
    """Another one,
    over two lines."""


def test_a_text_and_what_the_type_takes_stand_together() -> None:
    field = SCHEMAS["environment.create-organization.v1"]["properties"]["parent_org"]
    assert field["description"] == (
        "Slug of the Organization above it; null: none. 3 to 32 lower-case letters, digits or '-', "
        "beginning with a letter; for example `acme`."
    )


# ---- types that are limited


def limited(kind: Any, seen: set[type] | None = None) -> Iterator[Any]:
    """Yield every type below `kind` that has a limit, with what it says of itself."""
    seen = set() if seen is None else seen
    core = kind.type if isinstance(kind, inspect.Metadata) else kind
    if any(getattr(core, limit, None) is not None for limit in LIMITS):
        yield kind
    if isinstance(core, inspect.StructType) and core.cls not in seen:
        seen.add(core.cls)
        for field in core.fields:
            yield from limited(field.type, seen)
    for inner in (*getattr(core, "types", ()), *inner_types(core)):
        yield from limited(inner, seen)


def inner_types(core: Any) -> list[Any]:
    """Return the types of what a list or a mapping holds."""
    names = ("item_type", "key_type", "value_type")
    return [getattr(core, name) for name in names if hasattr(core, name)]


@pytest.mark.guarantee("G5.11")
@each(MESSAGES, lambda message: message.type)
def test_every_limited_type_says_in_words_what_it_takes(message: Any) -> None:
    for kind in limited(inspect.type_info(message.shape)):
        said = phrase(kind)
        assert said, kind
        assert said[0].islower() or said[0].isdigit()
        assert not said.endswith(".")
        extra = kind.extra_json_schema
        scalar = not isinstance(kind.type, inspect.VarTupleType)
        assert bool(extra.get("examples")) == scalar
        for example in extra.get("examples", ()):
            accepted(kind.type, example)


def accepted(kind: Any, example: Any) -> None:
    """Convert an example to the type that it is an example of; it must be taken."""
    limits = {name: getattr(kind, name) for name in LIMITS if getattr(kind, name, None) is not None}
    base: Any = str if isinstance(kind, inspect.StrType) else int
    assert msgspec.convert(example, Annotated[base, msgspec.Meta(**limits)]) == example


CREATE = COMMANDS["environment.create-organization.v1"]
DEFINE = COMMANDS["environment.define-policy.v1"]


@pytest.mark.guarantee("G5.11")
@pytest.mark.parametrize(
    ("message", "data", "sentence"),
    [
        (CREATE, {"display_name": "a\nb"},
         ("display_name: must be one line of 1 to 128 characters, not spaces alone; for example "
          "`Acme Trading`")),
        (CREATE, {"display_name": 5}, "display_name: must be text"),
        (CREATE, {"kind": "partner"}, "kind: must be one of 'customer', 'internal'"),
        (CREATE, {"owners": [{"role": "owner"}]}, "owners/0/email: is missing"),
        (CREATE, {"parent_org": "A"}, ("parent_org: must be 3 to 32 lower-case letters, digits or "
         "'-', beginning with a letter; for example `acme`")),
        (CREATE, {"public_front": {"parent_domain": "a.b", "backend_port": 0}},
         "public_front/backend_port: must be a port from 1 to 65535; for example `80`"),
        (CREATE, {"more": 1}, "more: is not a field that is known here"),
        (DEFINE, {"rules": [{"type": "pr-required"}, {"type": "soak", "duration": "soon"}]},
         ("rules/1/duration: must be a number of 1 to 6 digits and one of the letters s, m, h and "
          "d; for example `24h`")),
        (DEFINE, {"rules": [{"type": "pr-required"}] * 51},
         "rules: must be a list of at most 50 rules"),
        (DEFINE, {"rules": ["x"]}, "rules/0: must be an object"),
        (DEFINE, {"compliance": {"weights": {"a": {"weight": "x"}}}},
         "compliance/weights/.../weight: must be a whole number"),
        (DEFINE, [], "the data: must be an object"),
    ],
)  # fmt: skip
def test_the_worker_says_in_words_what_is_allowed(message: Any, data: Any, sentence: str) -> None:
    with pytest.raises(Undecodable) as caught:
        codec.command_data(message, msgspec.json.encode(data))
    assert caught.value.message == sentence
    assert caught.value.message.endswith(caught.value.sentence)
    assert caught.value.code == "invalid-data"


def test_what_follows_a_wrong_field_need_not_be_json() -> None:
    # The doors check the whole body first; nothing here may depend on that.
    with pytest.raises(Undecodable) as caught:
        codec.command_data(DEFINE, b'{"rules": [{"type": "soak", "duration": "soon"}], x')
    assert caught.value.message.startswith("rules/0/duration: must be a number")


# ---- texts are no part of compatibility; everything else is


def test_texts_and_examples_may_change_without_a_new_version() -> None:
    released = copy.deepcopy(SCHEMAS)
    for document in released.values():
        without_texts(document)
    assert released != SCHEMAS
    assert snapshots.refusals(released, SCHEMAS) == []
    assert snapshots.refusals(SCHEMAS, released) == []


def test_a_limit_that_changes_together_with_its_text_is_refused() -> None:
    name = "environment.suspend-organization.v1"
    changed = copy.deepcopy(SCHEMAS[name])
    changed["properties"]["reason"] |= {"maxLength": 20, "description": "At most 20 characters."}
    assert compatibility.differences(SCHEMAS[name], changed) == (
        "$.properties.reason.maxLength: is 20, released is 500",
    )


def without_texts(node: Any) -> None:
    """Take every description and example out of a schema; fields of that name stay."""
    if isinstance(node, list):
        for item in node:
            without_texts(item)
    if not isinstance(node, dict):
        return
    for key in ("description", "examples"):
        node.pop(key, None)
    for key, value in node.items():
        for inner in value.values() if key in {"properties", "$defs"} else (value,):
            without_texts(inner)
