"""The versions of a Blueprint as they are listed, each with why it cannot be had."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from catalyst.blueprints.versions import Version, parse, upgrade_refusal
from catalyst.catalog_svc.domain.entry import Entry, Offered
from catalyst.catalog_svc.domain.holding import Holder


class VersionLine(msgspec.Struct, frozen=True, kw_only=True):
    """One version."""

    version: str
    digest: str
    state: str
    """`available`, `yanked`, `outdated`, `pending`, or `kept-back` by curation."""
    reason: str
    """Why it cannot be installed; empty: it can."""
    security: bool
    """Whether whoever runs it is in danger."""
    prerelease: bool
    upgradable: bool | None = None
    """Whether what runs can be upgraded to it; null: nothing was named."""
    upgrade_reason: str = ""
    """Why it cannot."""


def lines(entry: Entry, installed: Version | None) -> tuple[VersionLine, ...]:
    """Return every version, the newest first; `installed` is what would be upgraded."""
    every = sorted((*entry.versions, *entry.pending), key=lambda one: one.version, reverse=True)
    return tuple(_line(entry, one, installed) for one in every)


def newest(entry: Entry, installed: Version, held: Sequence[Holder]) -> str:
    """Return the newest version that what runs can be upgraded to; empty if there is none.

    A pre-release is offered to nobody who does not run one, and nothing is offered that one of
    those who need it (`held`) cannot take.
    """
    for one in lines(entry, installed):
        version = parse(one.version)
        fits = all(holder.wanted.contains(version) for holder in held)
        if one.upgradable and fits and (installed.pre or not one.prerelease):
            return one.version
    return ""


def _line(entry: Entry, one: Offered, installed: Version | None) -> VersionLine:
    reason = entry.refusal(one)
    against = ""
    if installed is not None:
        against = upgrade_refusal(
            installed, one.version, one.upgrades_from(), one.upgrades_blocks()
        ) or entry.refusal(one, upgrade=True)
    return VersionLine(
        version=one.text,
        digest=one.digest,
        state=_state(one, reason),
        reason=reason,
        security=one.insecure,
        prerelease=bool(one.version.pre),
        upgradable=None if installed is None else not against,
        upgrade_reason=against,
    )


def _state(one: Offered, reason: str) -> str:
    if one.yanked:
        return "yanked"
    if one.outdated:
        return "outdated"
    if not one.published:
        return "pending"
    return "kept-back" if reason else "available"
