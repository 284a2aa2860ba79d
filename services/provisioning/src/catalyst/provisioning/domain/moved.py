"""What has become of what a plan rests on, in words, by the names of its inputs. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_SUBJECTS: Final[Mapping[str, str]] = {
    "files": "its files",
    "lock": "its versions",
    "price": "its price",
    "price-book:default": "the price book",
}
"""What inputs are about that have no name of their own."""
_KINDS: Final[Mapping[str, str]] = {
    "organization": "the Organization",
    "environments": "the Environments of",
    "environment": "the Environment",
    "host": "the host",
    "policy": "the EnvironmentPolicy",
}
_OTHERWISE: Final[Mapping[str, str]] = {
    "files": "come out otherwise than planned",
    "lock": "are others than planned, or use others",
    "price": "is another one than planned",
    "environments": "are others than planned",
    "environment": "has other regions, another branch or another policy than planned",
    "policy": "asks for other approvals than planned, or has other windows",
    "application": "is needed by others than planned, or runs elsewhere in another way",
    "blueprint": "has another content than planned",
    "needs": "needs others than planned, or may",
}
"""What is said where words alone do not tell then from now."""
GONE: Final = "gone"


def stale(name: str, then: str, now: str) -> str:
    """Return why a change ends for what became of an input."""
    return f"plan-stale: {words(name, then, now)}; plan it again"


def between(then: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """Return what became of each input that is another one, in order of their names."""
    return tuple(
        words(name, then.get(name), now.get(name))
        for name in sorted(then.keys() | now.keys())
        if then.get(name) != now.get(name)
    )


def subject(name: str) -> str:
    """Return what an input is about: `application:blog@acme-prod` → `blog in acme-prod`."""
    kind, _, own = name.partition(":")
    match kind:
        case "application" | "needs":
            return " in ".join(own.split("@", 1))
        case "blueprint":
            return " ".join(own.partition("-")[2].split("@", 1))
        case "goes":
            return own.replace(":", " ", 1)
        case _ if kind in _KINDS:
            return f"{_KINDS[kind]} {own}"
        case _:
            return _SUBJECTS.get(name, name)


def words(name: str, then: str | None, now: str | None) -> str:
    """Return what became of an input; None: the plan does not have it.

    A version is a word, or the change that made it, with a fingerprint behind that.
    """
    kind, about = name.partition(":")[0], subject(name)
    if then is None:
        would = "would go too" if kind == "goes" else "is part of it now"
        return f"{about} {would}, and was not planned"
    if now is None:
        has = "has gone, or does not go with it" if kind == "goes" else "is no part of it"
        return f"{about} {has} any more"
    was, present = _word(kind, then), _word(kind, now)
    if was == present or kind in {"files", "lock", "price", "needs"}:
        return f"{about} {_OTHERWISE.get(kind, 'is not as planned')}"
    if kind == "application":
        return f"{about} {_ran(was)}, and {_runs(present)} now"
    if kind == "environments":
        return f"{about} were {was}, and are {present} now"
    return f"{about} is gone" if present == GONE else f"{about} was {was}, and is {present} now"


def _word(kind: str, version: str) -> str:
    """Return what a version says before its fingerprint; of a Blueprint's, how it is."""
    word = version.partition("#")[0]
    return word.partition(" ")[2] or word if kind == "blueprint" else word


def _ran(revision: str) -> str:
    return "did not run" if revision == "none" else f"was what {revision} makes of it"


def _runs(revision: str) -> str:
    return "is not to run" if revision == "none" else f"is what {revision} makes of it"
