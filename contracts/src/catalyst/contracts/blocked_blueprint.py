"""Why a Blueprint is not published, and why a source is not read: what is behind each, as links.

Pure, like `blocked`, whose links these are; shown by rows, `catalyst get`, plans and the page. A
link of kind `blueprint` or `source` leads on: `Shelves` says where to, for whoever sees what is on
them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

import msgspec

from catalyst.contracts.blocked import Link
from catalyst.contracts.blueprint_values_v1 import Missing

PLATFORM: Final = "platform"
"""What a source of the platform is called where its own name is not shown."""

_NOT_SHOWN: Final = "not-shown"
_KEEPER: Final = "whoever keeps the source of the Blueprint"
_SOURCE_KEEPER: Final = "whoever keeps the source"
_RUNNER: Final = "whoever runs Catalyst"


def of_version(
    name: str, version: str, missing: Sequence[Missing], cycle: Sequence[str], since: datetime
) -> tuple[Link, ...]:
    """Return what a registered version waits for.

    Args:
        name: Its Blueprint.
        version: The version.
        missing: Dependencies of which no version that would do is published.
        cycle: Blueprints that need each other, in that order, with or without their versions.
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
                name=cycle[0].partition(" ")[0],
                code="dependency-cycle",
                message=f"{name} {version} waits for itself: {' needs '.join(cycle)}",
                since=since,
                who=_KEEPER,
                what_to_do="register a version of one of them that does not need the other, then"
                " yank the one that does",
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
            who=_SOURCE_KEEPER,
            what_to_do=f"correct it, then `catalyst source sync {name}`; what was registered stays",
        ),
    )


class Wrong(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong with a package, or that its author should look at."""

    severity: str
    message: str


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """A package that a source holds and that is not taken; `Refused` converts to it."""

    folder: str
    blueprint: str = ""
    version: str = ""
    findings: tuple[Wrong, ...] = ()


def of_package(source: str, package: Package) -> Link:
    """Return that a source holds a package of a Blueprint that is not taken."""
    wrong = next((one for one in package.findings if one.severity == "error"), None)
    why = f": {wrong.message}" if wrong is not None else ""
    what = f"{package.blueprint} {package.version}".rstrip()
    return Link(
        kind="source",
        name=source,
        code="package-refused",
        message=f"{source} holds {what}, which is not taken{why}",
        who=_SOURCE_KEEPER,
        what_to_do=f"correct the package in {package.folder or 'the source'}, then"
        f" `catalyst source sync {source}`",
    )


def of_hidden(name: str, since: datetime | None = None) -> Link:
    """Return what is said instead of a source that is not shown to whoever reads.

    Args:
        name: The Blueprint that is waited for.
        since: Since when one of the platform's sources cannot be read; None: not known.
    """
    if since is None:
        message = f"{name} may come from a source of the platform, which is not shown here"
        todo = f"ask them whether they read {name} from anywhere"
    else:
        message = f"a source of the platform that {name} may come from cannot be read"
        todo = "ask them to look at the sources of the platform"
    return Link(
        kind="source",
        name=PLATFORM,
        code=_NOT_SHOWN,
        message=message,
        since=since,
        who=_RUNNER,
        what_to_do=todo,
    )


def for_runner(links: Iterable[Link]) -> tuple[Link, ...]:
    """Return links for who runs Catalyst: without those that only send them to themselves."""
    return tuple(link for link in links if link.code != _NOT_SHOWN or link.since is not None)


# ---- where links lead


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A Blueprint, as far as chains depend on it."""

    name: str
    """With `bp-`."""
    organization: str | None
    """Whose it is; None: the platform's."""
    sources: frozenset[str] = frozenset()
    """Where its versions came from."""
    blocked_by: tuple[Link, ...] = ()
    """What its versions wait for."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A source, as far as chains depend on it."""

    name: str
    organization: str | None
    """Whose it is; None: the platform's."""
    refused: tuple[Package, ...] = ()
    """Packages in it that are not taken."""
    blocked_by: tuple[Link, ...] = ()
    """Why it is not read."""


class Shelves:
    """The Blueprints and sources that one reader may see, and where links to them lead.

    Nothing else is named: where the platform's sources are not for the reader, a neutral link
    stands for them.
    """

    def __init__(
        self,
        blueprints: Callable[[str], Sequence[Listed]],
        sources: Iterable[Source],
        *,
        platform: bool,
    ) -> None:
        """Look at what is shown.

        Args:
            blueprints: Returns the Blueprints of a name that chains may go through.
            sources: Every source that they may go through.
            platform: Whether the platform's sources are shown to the reader.
        """
        self._blueprints = blueprints
        self._sources = tuple(sources)
        self._platform = platform

    def links_of(self, kind: str, name: str) -> tuple[Link, ...]:
        """Return where a link of kind `blueprint` or `source` leads."""
        if kind == "source":
            found = (one.blocked_by for one in self._sources if self._shown(one))
            return next((links for links in found if links and links[0].name == name), ())
        return tuple(self._behind(name)) if kind == "blueprint" else ()

    def _shown(self, source: Source) -> bool:
        return self._platform or source.organization is not None

    def _behind(self, name: str) -> Iterator[Link]:
        """Yield why a Blueprint that is waited for is not there, as far as sources tell."""
        known = self._blueprints(name)
        waits = [link for one in known for link in one.blocked_by]
        yield from waits
        came_from = {(one.organization, source) for one in known for source in one.sources}
        hidden: list[datetime | None] = []
        named = bool(waits)
        for source in self._sources:
            links = [of_package(source.name, x) for x in source.refused if x.blueprint == name]
            # What is known comes from where it came from before; what is not may be anywhere.
            if not came_from or (source.organization, source.name) in came_from:
                links += source.blocked_by
            if self._shown(source):
                named = named or bool(links)
                yield from links
            else:
                hidden += [link.since for link in links]
        if hidden:
            yield of_hidden(name, min((one for one in hidden if one is not None), default=None))
        elif not named and not self._platform and not any(owner for owner, _ in came_from):
            yield of_hidden(name)
