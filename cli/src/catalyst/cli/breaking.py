"""For whom another version of a Blueprint breaks something, as far as its configuration tells."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from catalyst.cli.output import as_json

Doc = Mapping[str, Any]
_MOST: Final[Mapping[str, str]] = {
    "maximum": "more than {}",
    "exclusiveMaximum": "{} or more",
    "maxLength": "more than {} characters",
    "maxItems": "more than {} entries",
    "maxProperties": "more than {} entries",
}
_LEAST: Final[Mapping[str, str]] = {
    "minimum": "less than {}",
    "exclusiveMinimum": "{} or less",
    "minLength": "fewer than {} characters",
    "minItems": "fewer than {} entries",
    "minProperties": "fewer than {} entries",
}
_FITTING: Final[Mapping[str, str]] = {
    "pattern": "what does not match {}",
    "format": "what is no {}",
    "multipleOf": "no multiple of {}",
    "const": "anything but {}",
}
_BEHIND: Final = (".", "[", "(")
"""What follows the name of a field in the name of one inside it."""


def breaks(found: Doc) -> list[str]:
    """Return for whom a version breaks something, and what; `found` is what `diff` answers."""
    fields, needs = found["fields"], found["dependencies"]
    told = [line for one in fields if not _inside(one, fields) for line in _field(one)]
    told += [
        f"whoever has a {one['name']} that does not fit {one['after']['version']}"
        for one in needs
        if one["what"] == "changed" and "version" in one["after"] and not _wider(one)
    ]
    return list(dict.fromkeys(told))


def _wider(need: Doc) -> bool:
    """Return whether a range has everything that it had."""
    was, now = (
        {part.strip() for part in need[side].get("version", "").split("||")}
        for side in ("before", "after")
    )
    return was <= now


def unasked(found: Doc) -> list[str]:
    """Return what is another value where nobody set one."""
    return [
        f"{one['path']} is {said(one['after']['default'])}, was {said(one['before']['default'])}"
        for one in found["defaults"]
        if one["what"] == "changed" and "default" in one["before"] and "default" in one["after"]
    ]


def said(value: Any) -> str:
    """Return a value as `--set` takes it."""
    return value if isinstance(value, str) and value else as_json(value, indent=0)


def _inside(field: Doc, fields: Sequence[Doc]) -> bool:
    """Return whether a field came or went with another one that holds it."""
    return field["what"] != "changed" and any(
        one["what"] == field["what"] and field["path"].startswith(f"{one['path']}{behind}")
        for one in fields
        for behind in _BEHIND
    )


def _field(field: Doc) -> Iterator[str]:
    path, before, after = field["path"], field["before"], field["after"]
    if field["what"] == "removed":
        yield f"whoever set {path}: it is there no longer"
    elif field["what"] == "added":
        if after.get("required") and "default" not in after:
            yield f"everybody: {path} has to be given"
    else:
        if after.get("required"):
            yield f"whoever did not set {path}, unless it has a default: it has to be given"
        yield from (f"whoever set {path} to {what}" for what in _narrower(before, after))
        if after.get("additionalProperties") is False:
            yield f"whoever set anything in {path} that it does not name"
        if after.get("x-catalyst-immutable"):
            yield f"whoever wants to change {path} later: it stays as it was set"


def _narrower(before: Doc, after: Doc) -> Iterator[str]:
    """Yield what could be set and cannot be any more."""
    gone = _kinds(before) - _kinds(after) if "type" in after else set()
    if gone:
        yield f"a value that is no {' or '.join(sorted(_kinds(after)))}"
    if "enum" in after:
        values = after["enum"]
        left = [said(one) for one in before.get("enum", ()) if one not in values]
        if left:
            yield " or ".join(left)
        elif "enum" not in before:
            yield f"anything but {', '.join(map(said, values))}"
    for words, tighter in ((_MOST, _is_less), (_LEAST, _is_more)):
        yield from _bounded(words, before, after, tighter)
    for keyword, text in _FITTING.items():
        if keyword in after:
            yield text.format(said(after[keyword]))
    if after.get("uniqueItems") is True:
        yield "entries that are the same"


def _bounded(
    words: Mapping[str, str], before: Doc, after: Doc, tighter: Callable[[Any, Any], bool]
) -> Iterator[str]:
    for keyword, text in words.items():
        if keyword in after and (keyword not in before or tighter(after[keyword], before[keyword])):
            yield text.format(said(after[keyword]))


def _is_less(now: Any, was: Any) -> bool:
    return bool(now < was)


def _is_more(now: Any, was: Any) -> bool:
    return bool(now > was)


def _kinds(part: Doc) -> set[str]:
    """Return which types a field takes; a whole number is a number, too."""
    kinds = part.get("type", ())
    found = {kinds} if isinstance(kinds, str) else set(kinds)
    return found | {"integer"} if "number" in found else found
