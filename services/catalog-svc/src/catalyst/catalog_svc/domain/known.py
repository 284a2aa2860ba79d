"""A Blueprint of the blueprint service, as far as curation depends on it."""

from __future__ import annotations

from typing import Final

import msgspec

from catalyst.blueprints.versions import Version, parse
from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts.message import Event
from catalyst.contracts.subjects import Ref

SERVICE: Final = "blueprint"
AGGREGATE: Final = "blueprint"
PRIVATE: Final = "private-"


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """Whether it is there, and which versions can be installed."""

    exists: bool = False
    published: frozenset[str] = frozenset()
    private: dict[str, bool] = {}
    """Version → whether its author says that it is private."""

    @property
    def secret(self) -> bool:
        """Whether the platform would keep it for itself, as its newest version says."""
        newest = max(self.published or self.private, key=_rank, default=None)
        return newest is not None and self.private.get(newest, False)


def _rank(text: str) -> tuple[bool, Version]:
    found = parse(text)
    return not found.pre, found


def known_ref(organization: str | None, id_: str) -> Ref:
    """Return the Blueprint with this id, as an Organization means it."""
    owner = organization if id_.startswith(PRIVATE) else None
    return Ref(owner, SERVICE, AGGREGATE, id_)


def evolve(state: Known, event: Event) -> Known:
    """Fold one fact into the state; total."""
    match event:
        case bp1.VersionRegistered(version=version, spec=spec):
            private = spec.get("visibility") == "private"
            kept = {**state.private, version: state.private.get(version, private)}
            return msgspec.structs.replace(state, exists=True, private=kept)
        case bp1.VersionPublished(version=version):
            published = state.published | {version}
            return msgspec.structs.replace(state, exists=True, published=published)
        case bp1.VersionYanked(version=version):
            return msgspec.structs.replace(state, published=state.published - {version})
        case _:
            return state
