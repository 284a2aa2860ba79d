"""Values and dependencies as they are typed: `--set`, `--values` and `--dep`."""

from __future__ import annotations

from typing import Any

import msgspec

from catalyst.cli import files
from catalyst.cli.documents import parse
from catalyst.cli.exits import ExitCode, Failure, Typed


def chosen(file: str | None, settings: list[str] | None, dep: list[str] | None) -> dict[str, Any]:
    """Return the values and the dependencies that are asked for.

    Raises:
        Failure: With everything in them that is not written as it should be.
    """
    typed = Typed()
    found: dict[str, Any] = {}
    with typed.looking():
        found["values"] = merged(file, settings)
    with typed.looking():
        found["dependencies"] = pairs(dep)
    typed.settle()
    return found


def pairs(texts: list[str] | None) -> dict[str, str]:
    """Return what stands on both sides of each `=`.

    Raises:
        Failure: If any has no `=`, or nothing on a side.
    """
    found: dict[str, str] = {}
    typed = Typed()
    for text in texts or ():
        name, _, value = text.partition("=")
        with typed.looking():
            if not name or not value:
                raise Failure(ExitCode.USAGE, f"--dep {text!r} must read alias=new or alias=APP")
            found[name] = value
    typed.settle()
    return found


def merged(file: str | None, settings: list[str] | None) -> dict[str, Any]:
    """Return the values of a file with single settings over it.

    Raises:
        Failure: If the file holds no object, or settings cannot be read or do not fit.
    """
    found: dict[str, Any] = {}
    if file is not None:
        documents = parse(files.read(file), files.shown(file))
        if len(documents) != 1 or not isinstance(documents[0].value, dict):
            raise Failure(ExitCode.USAGE, f"{files.shown(file)} must hold one object: the values")
        found = documents[0].value
    typed = Typed()
    for text in settings or ():
        with typed.looking():
            _put(found, text)
    typed.settle()
    return found


def _put(found: dict[str, Any], text: str) -> None:
    """Put what one `--set` says among the values.

    Raises:
        Failure: If it cannot be read, or does not fit what is there.
    """
    path, equals, value = text.partition("=")
    names = path.split(".")
    if not equals or not all(names):
        raise Failure(ExitCode.USAGE, f"--set {text!r} must read path=value")
    inner = found
    for name in names[:-1]:
        inner = inner.setdefault(name, {})
        if not isinstance(inner, dict):
            raise Failure(ExitCode.USAGE, f"--set {path}: {name} holds a value, no object")
    inner[names[-1]] = _value(value)


def _value(text: str) -> Any:
    """Return JSON as what it says, and everything else as text."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
