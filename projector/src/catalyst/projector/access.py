"""Who may see which rows: one function for snapshot, replay and live.

Roles in an Organization come from the owners in its row, so that a change applies to the rows of
the same flush, and to streams that are open.
"""

from __future__ import annotations

import base64
import hashlib
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import msgspec

from catalyst.contracts.roles import OWNER_ROLES, matched, may_read, may_read_platform
from catalyst.contracts.subjects import PLATFORM, RowKey
from catalyst.projector.entry import Entry
from catalyst.projector.filters import Filter
from catalyst.projector.views.organization import OrganizationDocument
from catalyst.projector.views.table import BY_KIND

_SCOPE_LENGTH: Final = 10
_ROLES_KEPT: Final = 1000
"""So many sets of roles are known with what they read: it is asked at every read."""


class Reader(msgspec.Struct, frozen=True):
    """Who reads, as far as it matters for what is shown."""

    email: str
    """Verified address in lower case; empty if there is none."""
    roles: frozenset[str]
    """Platform roles."""


class Access(msgspec.Struct, frozen=True):
    """What one reader may see through one filter, and the fingerprint of both."""

    everywhere: frozenset[str]
    """Kinds that are visible in every Organization."""
    own: dict[str, frozenset[str]]
    """Kinds that are visible in an Organization because of a role there."""
    scope: str
    platform: frozenset[str] = frozenset()
    """Kinds that are visible where no Organization owns the row."""

    def may(self, place: RowKey) -> bool:
        """Return whether a row may be shown."""
        if place.kind in self.everywhere:
            return True
        if place.organization is None:
            return place.kind in self.platform
        return place.kind in self.own.get(place.organization, frozenset())

    def sees(self, organization: str) -> bool:
        """Return whether anything of an Organization, or of the platform (`_`), may be shown."""
        if organization == PLATFORM and self.platform:
            return True
        return bool(self.everywhere) or organization in self.own


class Owners:
    """Roles by address and Organization, from the Organizations' rows."""

    def __init__(self) -> None:
        """Start without any."""
        self._by_organization: dict[str, dict[str, frozenset[str]]] = {}
        self._by_email: defaultdict[str, dict[str, frozenset[str]]] = defaultdict(dict)

    def take(self, entry: Entry) -> set[str]:
        """Take over a row, of whatever kind; return the addresses whose roles changed."""
        place = entry.place
        if place.kind != "organization" or place.organization is None:
            return set()
        before = self._by_organization.get(place.organization, {})
        after = {} if entry.deleted else _roles(entry)
        self._by_organization[place.organization] = after
        changed = {
            email for email in before.keys() | after.keys() if before.get(email) != after.get(email)
        }
        for email in changed:
            if email in after:
                self._by_email[email][place.organization] = after[email]
            else:
                del self._by_email[email][place.organization]
        return changed

    def access(self, reader: Reader, asked: Filter) -> Access:
        """Return what `reader` may see of what is asked for."""
        everywhere = _read(reader.roles, frozenset())
        own: dict[str, frozenset[str]] = {}
        roles: list[tuple[str, list[str]]] = []
        held = self._by_email.get(reader.email, {}) if reader.email else {}
        for organization, names in sorted(held.items()):
            if asked.organization not in {None, organization}:
                continue
            kinds = _read(frozenset(), names) - everywhere
            if kinds:
                own[organization] = kinds
            # A role that shows nothing new of what is asked for changes no scope: who sees it
            # everywhere is not reset by each new Organization that names them.
            if kinds & asked.kinds:
                roles.append((organization, sorted(names)))
        text = repr((asked.canonical(), sorted(reader.roles), roles))
        return Access(everywhere, own, _fingerprint(text), _read_of_platform(reader.roles))


@lru_cache(_ROLES_KEPT)
def _read(platform_roles: frozenset[str], own_roles: frozenset[str]) -> frozenset[str]:
    return frozenset(kind for kind in BY_KIND if may_read(kind, platform_roles, own_roles))


@lru_cache(_ROLES_KEPT)
def _read_of_platform(platform_roles: frozenset[str]) -> frozenset[str]:
    return frozenset(kind for kind in BY_KIND if may_read_platform(kind, platform_roles))


def _roles(entry: Entry) -> dict[str, frozenset[str]]:
    doc = entry.doc
    if not isinstance(doc, OrganizationDocument):
        return {}
    found: defaultdict[str, set[str]] = defaultdict(set)
    for owner in doc.owners:
        found[matched(owner.email)].add(OWNER_ROLES[owner.role])
    return {email: frozenset(names) for email, names in found.items()}


def visible(entries: Iterable[Entry], access: Access, asked: Filter) -> list[Entry]:
    """Return the rows among `entries` that are asked for and may be shown."""
    return [
        entry
        for entry in entries
        if asked.at(entry.place) and access.may(entry.place) and asked.holds(entry)
    ]


def _fingerprint(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return base64.b32encode(digest).decode("ascii").lower()[:_SCOPE_LENGTH]
