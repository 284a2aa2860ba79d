"""To which of its changes an Application can go back, and which removal lies in between. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from catalyst.cli.saving import REMOVALS


def removed_by(docs: Iterable[dict[str, Any]], name: str, env: str, change: str = "") -> str:
    """Return the last change that took an Application away; with a change, after that ended."""
    ended = _ended(docs, name, env)
    times = {doc["change"]: doc["finished"] for doc in ended if not takes_away(doc)}
    gone = [doc for doc in ended if takes_away(doc)]
    if change:
        gone = [doc for doc in gone if change in times and doc["finished"] > times[change]]
    return str(gone[-1]["change"]) if gone else ""


def ways_back(
    docs: Iterable[dict[str, Any]], name: str, env: str, desired: dict[str, Any]
) -> list[str]:
    """Return the changes that an Application can go back to, the newest first.

    They made other forms of it than `desired`, since it was installed last.
    """
    if not desired:
        return []
    found: list[str] = []
    for doc in _ended(docs, name, env):
        if takes_away(doc):
            found = []
        elif doc["change"] != desired["change"]:
            found.insert(0, doc["change"])
    return found


def _ended(docs: Iterable[dict[str, Any]], name: str, env: str) -> list[dict[str, Any]]:
    """Return the changes that were carried out and wrote an Application there, oldest first."""
    found = [
        doc
        for doc in docs
        if doc["status"] == "completed"
        and any(
            (one["application"], one["environment"]) == (name, env) and one["role"] != "shared"
            for one in doc["lock"]
        )
    ]
    return sorted(found, key=lambda doc: str(doc["finished"]))


def takes_away(doc: dict[str, Any]) -> bool:
    """Return whether a change takes away what it is about."""
    return doc["request"]["action"] in REMOVALS
