"""Rules for what people are shown of a Blueprint: its icon, its endpoints, its texts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from catalyst.blueprints.document import Blueprint
from catalyst.blueprints.findings import Finding, Path, Severity
from catalyst.blueprints.package import Package
from catalyst.blueprints.source import Document, walk

HOST_WORDS: Final = ("app", "environment", "env_type", "organization", "region", "domain")
"""What may stand in braces in `endpoints[].hostnameTemplate`."""
NAME_WORDS: Final = ("app", "environment", "env_type", "organization", "n")
"""What may stand in braces in `multiInstance.namingTemplate`."""

_BRACES: Final = re.compile(r"\$?\{+[^{}]*\}*|\}")
_EXPRESSION: Final = re.compile(r"\$?\{\{[^{}]*(\}\})?")


def files(blueprint: Blueprint, source: Document, package: Package) -> Iterator[Finding]:
    """Return which files that the card names are not in the package."""
    card = blueprint.spec["card"]
    named: list[tuple[Path, str]] = [(("icon",), card["icon"])] if "icon" in card else []
    named += [(("screenshots", at), text) for at, text in enumerate(card.get("screenshots") or ())]
    for path, text in named:
        if text.removeprefix("./") not in package.files:
            message = f"there is no file {text} in the package"
            fix = "add the file, or name one that is there"
            yield _warn(source, ("spec", "card", *path), "card.file", message, fix)


def endpoints(blueprint: Blueprint, source: Document) -> Iterator[Finding]:
    """Return what does not tell endpoints apart."""
    seen: set[str] = set()
    opens = ""
    for index, one in enumerate(blueprint.spec.get("endpoints") or ()):
        at: Path = ("spec", "endpoints", index)
        name = one["name"]
        if name in seen:
            message = f"there is an endpoint {name} already"
            yield source.finding((*at, "name"), "endpoints.name", message, "give it another name")
        seen.add(name)
        if one.get("launchDefault"):
            if opens:
                message = f"{opens} is the one that opens already"
                fix = "leave launchDefault at one of them"
                at = (*at, "launchDefault")
                yield source.finding(at, "endpoints.launch-default", message, fix)
            opens = opens or name


def texts(blueprint: Blueprint, source: Document) -> Iterator[Finding]:
    """Return what stands in a text as if it were replaced, and is not."""
    spec = blueprint.spec
    for index, one in enumerate(spec.get("endpoints") or ()):
        at: Path = ("spec", "endpoints", index, "hostnameTemplate")
        yield from _words(source, at, one["hostnameTemplate"], HOST_WORDS)
    naming = (spec.get("multiInstance") or {}).get("namingTemplate", "")
    yield from _words(source, ("spec", "multiInstance", "namingTemplate"), naming, NAME_WORDS)
    for part in ("card", "consoleUI"):
        for path, text in walk(spec.get(part) or {}, ("spec", part)):
            found = _EXPRESSION.search(text) if isinstance(text, str) else None
            if found:
                message = f"{found.group()} is shown as it stands: nothing replaces it in a text"
                yield _warn(source, path, "text.placeholder", message, "write the words themselves")


def _words(source: Document, path: Path, text: str, known: tuple[str, ...]) -> Iterator[Finding]:
    for found in dict.fromkeys(_BRACES.findall(text)):
        if found not in {f"{{{word}}}" for word in known}:
            message = f"{found} is no placeholder that is known, so it stays as it stands"
            fix = f"use one of {', '.join(f'{{{word}}}' for word in known)}"
            yield _warn(source, path, "text.placeholder", message, fix)


def _warn(source: Document, path: Path, rule: str, message: str, fix: str) -> Finding:
    return source.finding(path, rule, message, fix, severity=Severity.WARNING)
