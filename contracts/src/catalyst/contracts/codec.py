"""The one parser of messages, used by worker, HTTP door and manifests alike."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NoReturn, TypeVar

import msgspec

from catalyst.contracts import wording
from catalyst.contracts.message import COMMAND_ID, Command, Envelope, FieldError
from catalyst.contracts.registry import Message
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.topology import MAX_BODY_BYTES, MAX_DEPTH

T = TypeVar("T")

_BRACKETS: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
"""A string or a bracket. A string without an end goes to the end of the text, and nothing is ever
tried twice: otherwise every quote in it would be looked at as the beginning of another one."""
_PATH: Final = re.compile(r"(?P<text>.*?)(?: - at `(?P<path>\$[^`]*)`)?", re.DOTALL)
_STEP: Final = re.compile(r"\.([^.\[]+)|\[([0-9]+|\.\.\.)\]")
_FIELD: Final = re.compile(r"field `(.*)`", re.DOTALL)


class Undecodable(Exception):
    """The bytes are not a message; `code` says why and `pointer` where.

    `message` names the place as well; `sentence` is for whoever shows it at that place.
    """

    def __init__(
        self, code: str, message: str, pointer: str = "", rule: str = "", sentence: str = ""
    ) -> None:
        """Refuse with a registered code; `rule` names the broken rule of a field, if any."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.pointer = pointer
        self.rule = rule or code
        self.sentence = sentence or message


class _Doubled:
    """Stands in the parsed tree where an object names a key twice."""

    def __init__(self, key: str) -> None:
        """Take the key as a token of a JSON pointer; the keys around it are put before it."""
        self.key = key


class _DoubledSomewhere(Exception):
    """An object names a key twice; where, a second reading finds out."""


def _single(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _DoubledSomewhere
    return found


def _pairs(pairs: list[tuple[str, Any]]) -> Any:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                return _Doubled(pointer_token(key))
            seen.add(key)
    for key, value in pairs:
        if isinstance(value, _Doubled):
            value.key = f"{pointer_token(key)}/{value.key}"
            return value
    return found


def pointer_token(key: str) -> str:
    """Return a key as one token of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def _find_doubled(tree: Any) -> str | None:
    if isinstance(tree, _Doubled):
        return "/" + tree.key
    if isinstance(tree, list):
        for index, item in enumerate(tree):
            inner = _find_doubled(item)
            if inner is not None:
                return f"/{index}{inner}"
    if isinstance(tree, dict):
        for key, item in tree.items():
            inner = _find_doubled(item)
            if inner is not None:
                return f"/{pointer_token(key)}{inner}"
    return None


def _refuse_constant(name: str) -> NoReturn:
    raise Undecodable("not-finite", f"{name} is not a number of JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise Undecodable("not-finite", "a number is too large to be held")
    return value


def check(raw: bytes, *, limit: int = MAX_BODY_BYTES) -> None:
    """Refuse what no message may be: too large, not UTF-8, too deep, doubled keys, not finite.

    Raises:
        Undecodable: With the first rule that does not hold, in that order.
    """
    if len(raw) > limit:
        raise Undecodable("too-large", f"the body has {len(raw)} bytes, {limit} are allowed")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Undecodable("not-utf8", f"byte {error.start} is not UTF-8") from error
    _check_depth(raw)
    if _is_plain(raw):
        return
    try:
        _read(text, _SINGLE)
    except _DoubledSomewhere:
        doubled = _find_doubled(_read(text, _PAIRS))
        raise Undecodable("duplicate-key", "the object names a key twice", doubled or "") from None


def _is_plain(raw: bytes) -> bool:
    """Return whether this is JSON without escapes, and no object names a key twice.

    Read and written again, a key that stood twice stands once, so that two quotes are missing. That
    is found out in a third of the time of the reading below, which says what is wrong, and where.
    """
    if b"\\" in raw:
        return False
    try:
        again = msgspec.json.encode(msgspec.json.decode(raw))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return again.count(b'"') == raw.count(b'"')


def _check_depth(raw: bytes) -> None:
    if raw.count(b"{") + raw.count(b"[") <= MAX_DEPTH:
        return  # Wherever they stand.
    depth = 0
    for match in _BRACKETS.finditer(raw):
        token = match[0]
        if token in (b"[", b"{"):
            depth += 1
            if depth > MAX_DEPTH:
                raise Undecodable("too-deep", f"nesting deeper than {MAX_DEPTH} is refused")
        elif token in (b"]", b"}"):
            depth -= 1


def _reader(hook: Callable[[list[tuple[str, Any]]], Any]) -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=hook, parse_constant=_refuse_constant, parse_float=_finite
    )


# Made once: that costs as much as reading a small message.
_SINGLE: Final = _reader(_single)
_PAIRS: Final = _reader(_pairs)


def _read(text: str, reader: json.JSONDecoder) -> Any:
    try:
        return reader.decode(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Undecodable("malformed-json", f"the body is not JSON: see {where}") from error
    except (ValueError, RecursionError) as error:
        raise Undecodable("malformed-json", "the body is not JSON that can be read") from error


def pointer(path: str) -> str:
    """Return a msgspec path (`$.a[0].b`) as a JSON pointer (`/a/0/b`)."""
    steps = (name or index for name, index in _STEP.findall(path[1:]))
    return "".join(f"/{pointer_token(step)}" for step in steps)


def _rule(text: str) -> tuple[str, str | None]:
    """Return the rule that a validation message speaks of, and the field it names, if any."""
    field = _FIELD.search(text)
    named = field[1] if field else None
    if "missing required field" in text:
        return "required", named
    if "contains unknown field" in text:
        return "unknown-field", named
    if "matching regex" in text:
        return "pattern", None
    if "of length" in text:
        return "length", None
    if "Invalid enum value" in text:
        return "enum", None
    if re.search(r"Expected `\w+` [<>]=? ", text):
        return "range", None
    return "type", None


def invalid(
    error: msgspec.ValidationError, code: str, prefix: str = "", *, shape: Any, tree: Any
) -> Undecodable:
    """Return a validation error as ours, said in words.

    Args:
        error: What msgspec found.
        code: The code of the refusal.
        prefix: Put before the pointer.
        shape: The type that does not fit.
        tree: What was given, as plain JSON values; None if that is not known.
    """
    match = _PATH.fullmatch(str(error))
    text = match["text"] if match else str(error)
    place = pointer(match["path"]) if match and match["path"] else ""
    rule, named = _rule(text)
    if named is not None:
        place += f"/{pointer_token(named)}"
    if isinstance(error.__cause__, ValueError):
        # A type of ours has looked at all of its fields, and says itself what is wrong with them.
        rule, sentence = "value", str(error.__cause__)
    else:
        sentence = wording.sentence(rule, shape, place, tree)
    where = place.removeprefix("/") or ("the data" if prefix else "the body")
    return Undecodable(code, f"{where}: {sentence}", prefix + place, rule, sentence)


def decode(raw: bytes | msgspec.Raw, kind: type[T], code: str, prefix: str = "") -> T:
    """Decode checked bytes as `kind`.

    Raises:
        Undecodable: With `code` for a wrong field, `malformed-json` for bytes that are no JSON.
    """
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        raise invalid(error, code, prefix, shape=kind, tree=_tree(raw)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Undecodable("malformed-json", "the body is not JSON") from error


def question(request: Mapping[str, Any], shape: type[T]) -> T:
    """Return what a query is asked, in the shape of that query.

    Raises:
        Rejected: `invalid-data`, with the place of everything that is wrong; the whole is one, too.
    """
    try:
        return msgspec.convert(request, type=shape)
    except msgspec.ValidationError as error:
        first = invalid(error, "invalid-data", shape=shape, tree=request)
        places = list(_each(request, shape))
        if all(one.pointer != first.pointer for one in places):
            places.insert(0, _place(first))
        told = first.message if len(places) == 1 else f"{len(places)} fields are wrong"
        raise Rejected(first.code, told, places) from error


def _each(request: Mapping[str, Any], shape: Any) -> Iterator[FieldError]:
    """Yield what is wrong with each field: msgspec stops at the first of them."""
    known = {field.encode_name: field for field in msgspec.structs.fields(shape)}
    for name, field in known.items():
        place = f"/{pointer_token(name)}"
        if name in request:
            given = request[name]
            try:
                msgspec.convert(given, type=field.type)
            except msgspec.ValidationError as error:
                yield _place(invalid(error, "invalid-data", place, shape=field.type, tree=given))
        elif field.required:
            yield _plain("required", place)
    if shape.__struct_config__.forbid_unknown_fields:
        for name in (one for one in request if one not in known):
            yield _plain("unknown-field", f"/{pointer_token(name)}")


def _place(wrong: Undecodable) -> FieldError:
    return FieldError(pointer=wrong.pointer, rule=wrong.rule, message=wrong.sentence)


def _plain(rule: str, place: str) -> FieldError:
    return FieldError(pointer=place, rule=rule, message=wording.sentence(rule, None, place))


def _tree(raw: bytes | msgspec.Raw) -> Any:
    """Return JSON as plain values; None if what follows the wrong field is no JSON."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def envelope(raw: bytes) -> Envelope:
    """Parse a whole message as far as its envelope; `data` stays bytes.

    Raises:
        Undecodable: If it is not a CloudEvents 1.0 message in structured mode.
    """
    check(raw)
    found = decode(raw, Envelope, "invalid-envelope")
    for name, value in (("id", found.id), ("source", found.source), ("type", found.type)):
        if not value:
            raise Undecodable("invalid-envelope", f"{name} is empty", f"/{name}", "length")
    return found


_AN_ID: Final = "must be 1 to 64 letters, digits, '-' or '_'; for example `c-7Q2`"


def command_envelope(raw: bytes) -> Envelope:
    """Parse a whole command as far as its envelope; what it says it follows from has to be an id.

    Only where a command comes in: what stands in the log is read by `envelope`. A service, whose
    ids begin with `_`, passes on what began its work, maybe before there was this rule.

    Raises:
        Undecodable: As `envelope`, and `invalid-envelope` for what is no id.
    """
    found = envelope(raw)
    if found.id.startswith("_"):
        return found
    for name in ("correlationid", "causationid"):
        value = getattr(found, name)
        if value is not None and not COMMAND_ID.fullmatch(value):
            text = f"{name}: {_AN_ID}"
            raise Undecodable("invalid-envelope", text, f"/{name}", "pattern", _AN_ID)
    return found


def command_data(message: Message, data: bytes | msgspec.Raw) -> Command:
    """Decode the data of a command of a known type.

    Raises:
        Undecodable: `invalid-data`, with the pointer of the field below `/data`.
    """
    shape: Any = message.shape
    found = decode(data, shape, "invalid-data", "/data")
    if not isinstance(found, Command):
        raise Undecodable("unknown-type", f"{message.type} is not a command")
    return found


def encode(value: object) -> bytes:
    """Return a value as JSON, the same bytes for the same value."""
    return msgspec.json.encode(value, order="deterministic")
