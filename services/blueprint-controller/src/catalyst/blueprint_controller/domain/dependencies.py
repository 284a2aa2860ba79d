"""What a version depends on, and whether it is there; pure, from states and from an index."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from catalyst.blueprint_controller.domain.places import candidates
from catalyst.blueprints import versions
from catalyst.blueprints.circles import Need
from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts.decision import Recorded
from catalyst.contracts.subjects import Ref

PRIVATE: Final = "private"
"""Visibility of what its author keeps for its owner."""


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
    """Versions that need each other, the first one again at the end."""
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


Offered = dict[str, dict[str, tuple[Need, ...]]]
"""Versions that there are, by the name of their Blueprint, and what each depends on."""


class Graph:
    """Who depends on whom, of all Blueprints: an index, followed from the log."""

    def __init__(self) -> None:
        """Start empty."""
        self._needs: dict[Ref, dict[str, tuple[Need, ...]]] = {}
        """Blueprint → version → what it depends on."""
        self._private: dict[Ref, set[str]] = {}
        """Versions that their authors keep for their owners."""
        self._yanked: dict[Ref, set[str]] = {}
        self._withdrawn: set[Ref] = set()
        self._pending: dict[str, set[tuple[Ref, str]]] = {}
        """Name → versions that wait for something and depend on it."""

    def take(self, recorded: Recorded) -> None:
        """Fold one event of a Blueprint."""
        ref = recorded.ref
        match recorded.event:
            case bp1.VersionRegistered(version=version, spec=spec):
                needs = needs_of(spec)
                self._needs.setdefault(ref, {})[version] = needs
                if spec.get("visibility") == PRIVATE:
                    self._private.setdefault(ref, set()).add(version)
                for need in needs:
                    self._pending.setdefault(need.blueprint, set()).add((ref, version))
            case bp1.VersionPublished(version=version):
                self._settled(self._needs.get(ref, {}).get(version, ()), ref, version)
            case bp1.VersionYanked(version=version):
                self._yanked.setdefault(ref, set()).add(version)
            case bp1.BlueprintWithdrawn():
                self._withdrawn.add(ref)
                for version, needs in self._needs.pop(ref, {}).items():
                    self._settled(needs, ref, version)
            case _:
                pass

    def _settled(self, needs: Iterable[Need], ref: Ref, version: str) -> None:
        for need in needs:
            waiting = self._pending.get(need.blueprint, set())
            waiting.discard((ref, version))
            if not waiting:
                self._pending.pop(need.blueprint, None)

    def waiting(self, arrived: Ref, name: str) -> set[Ref]:
        """Return the Blueprints with a version that waits and may mean `arrived`."""
        return {
            ref
            for ref, _ in self._pending.get(name, ())
            if arrived in candidates(ref.organization, name)
        }

    def is_gone(self, ref: Ref, version: str) -> bool:
        """Return whether a version is yanked, or its Blueprint withdrawn."""
        return ref in self._withdrawn or version in self._yanked.get(ref, ())

    def known(self, organization: str | None) -> Offered:
        """Return every Blueprint that an owner may depend on, with the versions to choose from."""
        found: Offered = {}
        owners = {None, organization}
        for ref, by_version in self._needs.items():
            # Of what is withdrawn nothing is left there.
            if ref.organization not in owners:
                continue
            out = self._yanked.get(ref, frozenset[str]())
            if ref.organization != organization:
                out = out | self._private.get(ref, frozenset())
            there = {text: needs for text, needs in by_version.items() if text not in out}
            name = ref.id.partition("-")[2]
            if there and name not in found:
                found[name] = there
            else:
                for version, needs in there.items():
                    add(found, name, version, needs)
        return found


def add(known: Offered, name: str, version: str, needs: Iterable[Need]) -> None:
    """Add a version; of two with the same name, either may be meant."""
    of_name = known.setdefault(name, {})
    of_name[version] = (*of_name.get(version, ()), *needs)


def needs_of(spec: Mapping[str, Any]) -> tuple[Need, ...]:
    """Return what a version depends on, as its registration tells."""
    return tuple(Need(one["blueprint"], one["version"]) for one in spec.get("depends") or ())
