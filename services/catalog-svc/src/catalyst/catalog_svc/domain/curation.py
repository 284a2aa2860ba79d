"""Curation: how a Blueprint is shown, and to whom.

The platform curates for everybody, an Organization for itself. Saying what holds already changes
nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from catalyst.catalog_svc.domain.known import PRIVATE, Known, known_ref
from catalyst.contracts import catalog_v1 as cat1
from catalyst.contracts.blueprint_ids import no_blueprint
from catalyst.contracts.decision import Context, Decision, emit
from catalyst.contracts.message import Command, Event
from catalyst.contracts.owner import owners, require_owner
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Claim, Ref
from catalyst.contracts.tables.role import ORG_ADMIN, SOVEREIGN_ADMIN

AGGREGATE: Final = "curation"
_SHARED: Final = ("public", "sovereign")
"""Origins of what no Organization owns."""

replace = msgspec.structs.replace


class Curation(msgspec.Struct, frozen=True, kw_only=True):
    """What was curated of one Blueprint."""

    featured: bool = False
    hidden: str = ""
    """Why it is hidden; empty: it is not."""
    pinned: str = ""
    """The version that alone can be installed; empty: every one can."""
    pinned_why: str = ""
    category: str = ""
    """Empty: the card's own."""


def reads(_state: Curation, _command: Command, ref: Ref) -> Sequence[Ref | Claim]:
    """Name the Blueprint, and the Organization that curates it."""
    return (known_ref(ref.organization, ref.id), *owners(ref))


def feature(state: Curation, _command: cat1.FeatureBlueprint, context: Context) -> Decision:
    """Show it before all others.

    Raises:
        Rejected: As `_require`.
    """
    _require(context)
    return Decision() if state.featured else emit(cat1.BlueprintFeatured())


def unfeature(state: Curation, _command: cat1.UnfeatureBlueprint, context: Context) -> Decision:
    """Show it among all others.

    Raises:
        Rejected: As `_require`.
    """
    _require(context)
    return emit(cat1.BlueprintUnfeatured()) if state.featured else Decision()


def hide(state: Curation, command: cat1.HideBlueprint, context: Context) -> Decision:
    """Keep it from being found; another reason is told.

    Raises:
        Rejected: As `_require`.
    """
    _require(context)
    if state.hidden == command.reason:
        return Decision()
    return emit(cat1.BlueprintHidden(reason=command.reason))


def show(state: Curation, _command: cat1.ShowBlueprint, context: Context) -> Decision:
    """Let it be found again.

    Raises:
        Rejected: As `_require`.
    """
    _require(context)
    return emit(cat1.BlueprintShown()) if state.hidden else Decision()


def pin(state: Curation, command: cat1.PinVersion, context: Context) -> Decision:
    """Let one version be installed and no other.

    Raises:
        Rejected: As `_require`; `blueprint-version-not-found` if it cannot be installed.
    """
    found = _require(context)
    if command.version not in found.published:
        message = f"{_name(context.ref)} has no version {command.version} that can be installed"
        raise Rejected("blueprint-version-not-found", message, pointer="/data/version")
    if (state.pinned, state.pinned_why) == (command.version, command.reason):
        return Decision()
    return emit(cat1.VersionPinned(version=command.version, reason=command.reason))


def unpin(state: Curation, _command: cat1.UnpinVersion, context: Context) -> Decision:
    """Let every version be installed.

    Raises:
        Rejected: As `_require`.
    """
    _require(context)
    return emit(cat1.VersionUnpinned()) if state.pinned else Decision()


def set_category(state: Curation, command: cat1.SetCategory, context: Context) -> Decision:
    """Show it under another category.

    Raises:
        Rejected: As `_require`.
    """
    _require(context)
    if state.category == command.category:
        return Decision()
    return emit(cat1.CategorySet(category=command.category))


def clear_category(state: Curation, _command: cat1.ClearCategory, context: Context) -> Decision:
    """Show it under its card's category.

    Raises:
        Rejected: As `_require`.
    """
    _require(context)
    return emit(cat1.CategoryCleared()) if state.category else Decision()


def _require(context: Context) -> Known:
    """Return the Blueprint, if the sender may curate it and it is there.

    Raises:
        Rejected: `forbidden`, `blueprint-not-found`, or as `require_owner`.
    """
    owner = context.ref.organization
    if owner is None:
        if SOVEREIGN_ADMIN not in context.actor.roles:
            raise Rejected("forbidden", "what everybody sees is curated by a sovereign-admin")
    elif ORG_ADMIN not in context.actor.roles:
        raise Rejected("forbidden", "what an Organization sees is curated by its org-admins")
    require_owner(context)
    found: Known = context.reads[known_ref(owner, context.ref.id)]
    own = context.ref.id.startswith(PRIVATE)
    if not found.exists or (own if owner is None else found.secret and not own):
        raise no_blueprint(context.ref, _SHARED if owner is None else ("private", *_SHARED))
    return found


def _name(ref: Ref) -> str:
    return ref.id.partition("-")[2]


def evolve(state: Curation, event: Event) -> Curation:
    """Fold one fact into the state. Total: any event at any state; unknown ones change nothing."""
    match event:
        case cat1.BlueprintFeatured():
            return replace(state, featured=True)
        case cat1.BlueprintUnfeatured():
            return replace(state, featured=False)
        case cat1.BlueprintHidden():
            return replace(state, hidden=event.reason)
        case cat1.BlueprintShown():
            return replace(state, hidden="")
        case cat1.VersionPinned():
            return replace(state, pinned=event.version, pinned_why=event.reason)
        case cat1.VersionUnpinned():
            return replace(state, pinned="", pinned_why="")
        case cat1.CategorySet():
            return replace(state, category=event.category)
        case cat1.CategoryCleared():
            return replace(state, category="")
        case _:
            return state
