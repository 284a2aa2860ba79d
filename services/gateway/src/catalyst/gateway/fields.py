"""Every field of a message that is wrong, at once: pydantic models made from the contracts.

msgspec decides whether data is right, here as in the worker, and stops at the first error. Only
when it refuses are all errors collected, so that a form can mark each field. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Annotated, Any, Final, Literal, Optional, Union

import msgspec
from msgspec import inspect
from pydantic import AwareDatetime, ConfigDict, Field, TypeAdapter, ValidationError, create_model

from catalyst.contracts import codec, wording
from catalyst.contracts.codec import Undecodable, pointer_token
from catalyst.contracts.message import Command, FieldError
from catalyst.contracts.registry import Message
from catalyst.contracts.rejection import Rejected

PREFIX: Final = "/data"
_CODE: Final = "invalid-data"
_ANY_KEY: Final = "/..."
_CONFIG: Final[ConfigDict] = {
    "strict": True,
    # Patterns are written for Python's engine, which msgspec uses.
    "regex_engine": "python-re",
    "protected_namespaces": (),
    "ser_json_inf_nan": "strings",
}


def checked(message: Message, data: bytes | msgspec.Raw) -> Command:
    """Return the command that `data` holds.

    Raises:
        Rejected: `invalid-data`, with one entry for every field that is wrong.
        Undecodable: If the bytes are not JSON.
    """
    try:
        return codec.command_data(message, data)
    except Undecodable as error:
        if error.code != _CODE:
            raise
        errors = every(error, message.shape, bytes(data), PREFIX)
        raise Rejected(_CODE, _summed(errors), errors) from error


def every(first: Undecodable, shape: type, data: bytes, prefix: str) -> tuple[FieldError, ...]:
    """Return all that is wrong with `data`; what msgspec found is among it in any case.

    Args:
        first: What msgspec found.
        shape: What the data should be.
        data: JSON.
        prefix: Where the data stands in what was sent.
    """
    errors = list(_wrong(shape, data, prefix))
    # msgspec does not name the key in a mapping; pydantic then does.
    known = any(error.pointer == first.pointer for error in errors)
    if not known and not (errors and _ANY_KEY in first.pointer):
        errors.insert(0, FieldError(pointer=first.pointer, rule=first.rule, message=first.sentence))
    return tuple(errors)


def _summed(errors: Sequence[FieldError]) -> str:
    if len(errors) == 1:
        place = errors[0]
        where = place.pointer.removeprefix(PREFIX).removeprefix("/") or "the data"
        return f"{where}: {place.message}"
    return f"{len(errors)} fields are wrong"


def wrong_fields(message: Message, data: bytes) -> tuple[FieldError, ...]:
    """Return what is wrong with `data`, by the order of its fields; nothing if all is well."""
    return tuple(_wrong(message.shape, data, PREFIX))


def _wrong(shape: type, data: bytes, prefix: str) -> Iterator[FieldError]:
    try:
        _adapter(shape).validate_json(data)
    except ValidationError as error:
        tree: Any = msgspec.json.decode(data)
        yield from _errors(shape, error, tree, prefix)


def _errors(shape: type, error: ValidationError, tree: Any, prefix: str) -> Iterator[FieldError]:
    for item in error.errors(include_url=False):
        kind, context = item["type"], item.get("ctx", {})
        place = _pointer(item["loc"], tree)
        if kind in {"union_tag_invalid", "union_tag_not_found"}:
            place += "/" + pointer_token(str(context["discriminator"]).strip("'"))
        rule = _rule(kind)
        said = wording.sentence(rule, shape, place, tree)
        yield FieldError(pointer=prefix + place, rule=rule, message=said)


def _pointer(location: Sequence[int | str], tree: Any) -> str:
    """Return a pydantic location as a pointer; the tags of unions in it are no steps."""
    found = ""
    here = tree
    for position, step in enumerate(location):
        last = position == len(location) - 1
        if isinstance(here, dict) and step not in here and not last:
            continue
        found += f"/{pointer_token(str(step))}"
        if isinstance(here, dict):
            here = here.get(step)
        elif isinstance(here, list) and isinstance(step, int) and step < len(here):
            here = here[step]
        else:
            here = None
    return found


def _rule(kind: str) -> str:
    """Return the rule that a kind of pydantic error breaks, as `codec` names it."""
    for rule, kinds in _RULES.items():
        if kind in kinds:
            return rule
    return "type"


_RULES: Final = {
    "required": {"missing", "union_tag_not_found"},
    "unknown-field": {"extra_forbidden"},
    "pattern": {"string_pattern_mismatch"},
    "length": {"string_too_short", "string_too_long", "too_short", "too_long"},
    "enum": {"literal_error", "union_tag_invalid"},
    "range": {
        "greater_than",
        "greater_than_equal",
        "less_than",
        "less_than_equal",
        "multiple_of",
    },
}


@cache
def _adapter(shape: type) -> TypeAdapter[Any]:
    return TypeAdapter(_model(shape))


@cache
def _model(shape: type) -> Any:
    kind: Any = inspect.type_info(shape)
    fields: dict[str, Any] = {}
    if kind.tag_field is not None:
        fields[kind.tag_field] = (Literal[kind.tag], ...)
    for number, field in enumerate(kind.fields):
        options: dict[str, Any] = {"alias": field.encode_name}
        if not field.required:
            options["default"] = None
        # A field's own name may be one that pydantic uses itself; its alias may be anything.
        fields[f"f{number}"] = (_annotation(field.type), Field(**options))
    extra: Literal["forbid", "ignore"] = "forbid" if kind.forbid_unknown_fields else "ignore"
    return create_model(shape.__name__, __config__={**_CONFIG, "extra": extra}, **fields)


def _annotation(kind: Any) -> Any:
    """Return a type of the contracts as one that pydantic checks.

    Raises:
        TypeError: For a type that no command uses so far.
    """
    if isinstance(kind, inspect.Metadata):
        return _annotation(kind.type)
    if isinstance(kind, inspect.StructType):
        return _model(kind.cls)
    if isinstance(kind, inspect.UnionType):
        return _union(kind)
    if isinstance(kind, inspect.LiteralType):
        return Literal[tuple(kind.values)]
    if isinstance(kind, inspect.DictType):
        return dict[_annotation(kind.key_type), _annotation(kind.value_type)]  # type: ignore[misc]
    if isinstance(kind, inspect.VarTupleType | inspect.ListType):
        bounds = Field(min_length=kind.min_length, max_length=kind.max_length)
        return Annotated[list[_annotation(kind.item_type)], bounds]  # type: ignore[misc]
    return _scalar(kind)


def _scalar(kind: Any) -> Any:
    if isinstance(kind, inspect.StrType):
        length = Field(min_length=kind.min_length, max_length=kind.max_length)
        return Annotated[str, length, Field(pattern=kind.pattern)]
    if isinstance(kind, inspect.IntType):
        return Annotated[int, Field(ge=kind.ge, gt=kind.gt, le=kind.le, lt=kind.lt)]
    plain: dict[type, Any] = {
        inspect.BoolType: bool,
        inspect.DateTimeType: AwareDatetime,
        inspect.NoneType: None,
        inspect.AnyType: Any,
    }
    try:
        return plain[type(kind)]
    except KeyError:
        raise TypeError(f"no check is known for {kind!r}") from None


def _union(kind: inspect.UnionType) -> Any:
    members = [item for item in kind.types if not isinstance(item, inspect.NoneType)]
    found = tuple(_annotation(item) for item in members)
    if len(found) == 1:
        whole = found[0]
    else:
        tagged = [item.tag_field for item in members if isinstance(item, inspect.StructType)]
        whole = Union[found]  # noqa: UP007 - made at run time
        if len(tagged) == len(found):
            whole = Annotated[whole, Field(discriminator=tagged[0])]
    return Optional[whole] if len(members) < len(kind.types) else whole  # noqa: UP045
