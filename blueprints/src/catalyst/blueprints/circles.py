"""Versions of Blueprints that need each other in a circle, so that none of them can come first.

Of a Blueprint, one version may need what another does not. So the way goes through versions, and
each step of it through those that lie within the range.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from catalyst.blueprints import versions


class Need(msgspec.Struct, frozen=True, array_like=True):
    """A dependency of a version."""

    blueprint: str
    """With `bp-`."""
    version: str
    """A range."""


Known = Mapping[str, Mapping[str, Sequence[Need]]]
"""Name of each Blueprint that there is (with `bp-`), its versions, and what each depends on."""

Node = tuple[str, str]
"""A Blueprint and its version."""


def circle(name: str, version: str, needs: Iterable[Need], known: Known) -> tuple[str, ...]:
    """Return the shortest way from a version through what it needs back to it; empty: none.

    Each step is a Blueprint and its version, with a space between them. What is no version, or no
    range, leads nowhere.

    Args:
        name: The Blueprint, with `bp-`.
        version: Its version, which `known` need not hold.
        needs: What that depends on.
        known: The versions that may be chosen.
    """
    start = (name, version)
    known = {**known, name: {**known.get(name, {}), version: tuple(needs)}}
    before: dict[Node, Node] = {}
    queue: list[tuple[Node, Sequence[Need]]] = [(start, known[name][version])]
    offered = _Offered(known)
    for at, wanted in queue:
        for need in wanted:
            for text in offered.within(need):
                node = (need.blueprint, text)
                if node == start:
                    return _way(start, at, before)
                if node not in before:
                    before[node] = at
                    queue.append((node, known[need.blueprint][text]))
    return ()


def is_offered(need: Need, known: Known) -> bool:
    """Return whether there is a version that a need may be met by."""
    return next(_Offered(known).within(need), None) is not None


class _Offered:
    """The versions that lie within a range, the newest first; each range is looked at once."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._parsed: dict[str, list[tuple[str, versions.Version]]] = {}
        self._seen: set[Need] = set()

    def within(self, need: Need) -> Iterator[str]:
        """Yield the versions that a need may be met by; nothing where they were yielded before."""
        if need in self._seen:
            return
        self._seen.add(need)
        try:
            wanted = versions.parse_range(need.version)
        except versions.BadVersion:
            return
        for text, version in self._versions(need.blueprint):
            if wanted.contains(version):
                yield text

    def _versions(self, name: str) -> list[tuple[str, versions.Version]]:
        if name not in self._parsed:
            texts = self._known.get(name, ())
            newest = sorted(_parsed(texts), key=lambda pair: pair[1], reverse=True)
            self._parsed[name] = newest
        return self._parsed[name]


def _parsed(texts: Iterable[str]) -> Iterator[tuple[str, versions.Version]]:
    for text in texts:
        try:
            yield text, versions.parse(text)
        except versions.BadVersion:
            continue


def _way(start: Node, last: Node, before: Mapping[Node, Node]) -> tuple[str, ...]:
    way = [start]
    while last != start:
        way.append(last)
        last = before[last]
    way.append(start)
    return tuple(f"{name} {version}" for name, version in reversed(way))
