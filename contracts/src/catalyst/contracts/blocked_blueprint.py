"""Why a Blueprint is not published, and why a source is not read: what is behind each, as links.

Pure, like `blocked`, whose links these are; shown by rows, `catalyst get` and the page. A link of
kind `blueprint` names the Blueprint whose own row goes on from it, where there is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from catalyst.contracts.blocked import Link
from catalyst.contracts.blueprint_values_v1 import Missing

_KEEPER = "whoever keeps the source of the Blueprint"


def of_version(
    name: str, version: str, missing: Sequence[Missing], cycle: Sequence[str], since: datetime
) -> tuple[Link, ...]:
    """Return what a registered version waits for.

    Args:
        name: Its Blueprint.
        version: The version.
        missing: Dependencies of which no version that would do is published.
        cycle: Blueprints that need each other, in that order.
        since: When it was registered.
    """
    found = [
        Link(
            kind="blueprint",
            name=item.blueprint,
            code="dependency-missing",
            message=f"{name} {version} needs {item.blueprint} {item.version}, and no such version"
            " is published",
            since=since,
            who=_KEEPER,
            what_to_do=f"bring {item.blueprint}; `catalyst source list` says what is read and what"
            " is not",
        )
        for item in missing
    ]
    if cycle:
        found.append(
            Link(
                kind="blueprint",
                name=cycle[0],
                code="dependency-cycle",
                message=f"{name} {version} waits for itself: {' needs '.join(cycle)}",
                since=since,
                who=_KEEPER,
                what_to_do="register a version of one of them that does not need the other",
            )
        )
    return tuple(found)


def of_source(
    name: str, code: str, message: str, failures: int, since: datetime
) -> tuple[Link, ...]:
    """Return why a source is not read.

    Args:
        name: The source.
        code: Why, for programs.
        message: Why, for a person.
        failures: How often in a row.
        since: When it failed first.
    """
    often = "" if failures == 1 else f"; it was tried {failures} times"
    return (
        Link(
            kind="source",
            name=name,
            code=code,
            message=f"{name} cannot be read: {message}{often}",
            since=since,
            who="whoever keeps the source",
            what_to_do=f"correct it, then `catalyst source sync {name}`; what was registered stays",
        ),
    )
