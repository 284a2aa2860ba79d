"""What a version depends on, and whether it is there; pure, from states and from an index."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from catalyst.blueprint_controller.domain.places import candidates
from catalyst.blueprints import versions
from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts.decision import Recorded
from catalyst.contracts.subjects import Ref

PRIVATE: Final = "private"
"""Visibility of what its author keeps for its owner."""


class Need(msgspec.Struct, frozen=True, array_like=True):
    """A dependency of a version."""

    blueprint: str
    """With `bp-`."""
    version: str
    """A range."""


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One registered version of a Blueprint."""

    digest: str
    published: bool = False
    yanked: bool = False
    insecure: bool = False
    """Whether it was yanked for security."""
    needs: tuple[Need, ...] = ()
    missing: tuple[Need, ...] = ()
    """Of these, what is not there yet."""
    cycle: tuple[str, ...] = ()
    """Blueprints that need each other, the first one again at the end."""
    private: bool = False
    """Whether its author keeps it for its owner."""


class Blueprint(msgspec.Struct, frozen=True, kw_only=True):
    """One Blueprint with its versions."""

    versions: dict[str, Version] = {}
    deprecated: bool = False
    withdrawn: bool = False

    @property
    def secret(self) -> bool:
        """Whether it is its owner's alone, as its newest version says."""
        offered = {text: x for text, x in self.versions.items() if x.published and not x.yanked}
        newest = max(offered or self.versions, key=_rank, default=None)
        return newest is not None and self.versions[newest].private


def _rank(text: str) -> tuple[bool, versions.Version]:
    found = versions.parse(text)
    return not found.pre, found


def places(organization: str | None, names: Iterable[str]) -> tuple[Ref, ...]:
    """Return every Blueprint that dependencies of these names may mean, each once."""
    return tuple(
        dict.fromkeys(ref for name in sorted(set(names)) for ref in candidates(organization, name))
    )


def missing(
    organization: str | None, needs: Iterable[Need], reads: Mapping[Ref, Any]
) -> tuple[Need, ...]:
    """Return those needs for which no published version is there that fits."""
    return tuple(need for need in needs if not _is_met(organization, need, reads))


def is_hidden(organization: str | None, ref: Ref, found: Blueprint) -> bool:
    """Return whether the platform keeps a Blueprint for itself, so that nobody else has it.

    Else whoever depends on a guessed name would be told that there is such a Blueprint.
    """
    return ref.organization != organization and found.secret


def _is_met(organization: str | None, need: Need, reads: Mapping[Ref, Any]) -> bool:
    wanted = versions.parse_range(need.version)
    for ref in candidates(organization, need.blueprint):
        found: Blueprint | None = reads.get(ref)
        if found is None or found.withdrawn or is_hidden(organization, ref, found):
            continue
        if any(
            one.published and not one.yanked and wanted.contains(versions.parse(text))
            for text, one in found.versions.items()
        ):
            return True
    return False


def circle(start: str, first: Iterable[str], known: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Return the shortest way from a Blueprint through its dependencies back to it.

    Args:
        start: The Blueprint.
        first: What it depends on.
        known: The other Blueprints, with what each depends on.
    """
    before: dict[str, str] = {}
    queue: list[str] = []
    for name in first:
        if name not in before:
            before[name] = start
            queue.append(name)
    for name in queue:
        if name == start:
            way = [start]
            step = before[start]
            while step != start:
                way.append(step)
                step = before[step]
            return start, *reversed(way)
        for further in known.get(name, ()):
            if further not in before:
                before[further] = name
                queue.append(further)
    return ()


class Graph:
    """Who depends on whom, of all Blueprints: an index, followed from the log."""

    def __init__(self) -> None:
        """Start empty."""
        self._needs: dict[Ref, dict[str, tuple[str, ...]]] = {}
        """Blueprint → version → names that it depends on."""
        self._private: set[tuple[Ref, str]] = set()
        """Versions that their authors keep for their owners."""
        self._pending: dict[str, set[tuple[Ref, str]]] = {}
        """Name → versions that wait for something and depend on it."""

    def take(self, recorded: Recorded) -> None:
        """Fold one event of a Blueprint."""
        match recorded.event:
            case bp1.VersionRegistered(version=version, spec=spec):
                needs = tuple(one["blueprint"] for one in spec.get("depends") or ())
                self._needs.setdefault(recorded.ref, {})[version] = needs
                if spec.get("visibility") == PRIVATE:
                    self._private.add((recorded.ref, version))
                for name in needs:
                    self._pending.setdefault(name, set()).add((recorded.ref, version))
            case bp1.VersionPublished(version=version):
                for name in self._needs.get(recorded.ref, {}).get(version, ()):
                    self._settled(name, recorded.ref, version)
            case bp1.BlueprintWithdrawn():
                for version, needs in self._needs.pop(recorded.ref, {}).items():
                    for name in needs:
                        self._settled(name, recorded.ref, version)
            case _:
                pass

    def _settled(self, name: str, ref: Ref, version: str) -> None:
        waiting = self._pending.get(name, set())
        waiting.discard((ref, version))
        if not waiting:
            self._pending.pop(name, None)

    def waiting(self, arrived: Ref, name: str) -> Sequence[Ref]:
        """Return the Blueprints with a version that waits and may mean `arrived`, in order."""
        return sorted(
            {
                ref
                for ref, _ in self._pending.get(name, ())
                if arrived in candidates(ref.organization, name)
            }
        )

    def known(self, organization: str | None) -> dict[str, tuple[str, ...]]:
        """Return every Blueprint that an owner may depend on, with what its versions depend on."""
        found: dict[str, set[str]] = {}
        for ref, by_version in self._needs.items():
            if ref.organization in {None, organization}:
                seen = [
                    needs
                    for version, needs in by_version.items()
                    if ref.organization == organization or (ref, version) not in self._private
                ]
                if seen:
                    found.setdefault(ref.id.partition("-")[2], set()).update(*seen)
        return {name: tuple(sorted(needs)) for name, needs in found.items()}
