"""A Blueprint of the blueprint service, as far as curation depends on it."""

from __future__ import annotations

from typing import Final

import msgspec

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


def known_ref(organization: str | None, id_: str) -> Ref:
    """Return the Blueprint with this id, as an Organization means it."""
    owner = organization if id_.startswith(PRIVATE) else None
    return Ref(owner, SERVICE, AGGREGATE, id_)


def evolve(state: Known, event: Event) -> Known:
    """Fold one fact into the state; total."""
    match event:
        case bp1.VersionRegistered():
            return msgspec.structs.replace(state, exists=True)
        case bp1.VersionPublished(version=version):
            return Known(exists=True, published=state.published | {version})
        case bp1.VersionYanked(version=version):
            return msgspec.structs.replace(state, published=state.published - {version})
        case _:
            return state
