"""Messages of Applications: what is to run where, which changes want it, and what is seen of it.

Version 1. All of them are events: commands go to changes, which work on Applications. A thing that
is said of one Environment names it; a binding is an Application in one Environment.
"""

from __future__ import annotations

from typing import Literal

from catalyst.contracts.message import Event, UtcTime
from catalyst.contracts.provisioning_values_v1 import (
    Action,
    Applied,
    Desired,
    Evidence,
    Gate,
    Health,
    Source,
)


class ChangeWaiting(Event, frozen=True, kw_only=True):
    """A change wants this Application; it has its turn when those before it are over."""

    change: str
    """The change."""
    environment: str
    """Where."""
    action: Action
    """What it does."""
    desired: Desired | None = None
    """What is to run afterwards; null: nothing."""
    base: str = ""
    """The revision that it was planned on: the change before it, or what runs; empty: nothing."""
    gates: tuple[Gate, ...] = ()
    """What it waits for."""


class ChangeTaken(Event, frozen=True, kw_only=True):
    """A change works on this Application now; one at a time."""

    change: str
    """The change."""
    environment: str
    """Where."""
    action: Action
    """What it does."""


class ChangeLeft(Event, frozen=True, kw_only=True):
    """A change no longer works on this Application, or no longer waits for it."""

    change: str
    """The change."""
    environment: str
    """Where."""
    result: Literal["completed", "failed", "cancelled", "rejected"]
    """How it ended."""
    next: str = ""
    """The change that was behind it in the queue; empty: none."""


class DesiredSet(Event, frozen=True, kw_only=True):
    """What is to run in an Environment from now on; it is not committed by that."""

    environment: str
    """Where."""
    change: str
    """The change that does it."""
    desired: Desired | None
    """What is to run; null: nothing."""
    undo: bool = False
    """True if what was there before the change comes back."""
    clusters: tuple[str, ...] = ()
    """Where it has to be seen, in an Environment of several regions; empty: it has one."""


class DependentAdded(Event, frozen=True, kw_only=True):
    """Another Application needs this one; it cannot go before the other."""

    environment: str
    """Where."""
    dependent: str
    """The Application that needs it."""
    change: str
    """The change that did it."""


class DependentRemoved(Event, frozen=True, kw_only=True):
    """Another Application needs this one no more."""

    environment: str
    """Where."""
    dependent: str
    """The Application that needed it."""
    change: str
    """The change that did it."""


class RevisionCommitted(Event, frozen=True, kw_only=True):
    """A revision stands in Git."""

    environment: str
    """Where it is to run."""
    change: str
    """The revision; where a change was taken back, the one that ran before it."""
    repository: str
    """Name of the repository."""
    branch: str
    """Its branch."""
    commit: str
    """The commit."""
    volumes: tuple[str, ...] = ()
    """The volumes that stand in it; empty as well where only what was before comes back."""
    workloads: tuple[str, ...] | None = None
    """What runs its containers, each as `<kind>/<name>`; null: as it was before."""
    namespace: str = ""
    """The namespace of its objects; empty: called like the Application."""
    kept: bool = True
    """True if these volumes outlive the Application; False once their data was given up."""
    hosts: tuple[str, ...] = ()
    """The public hosts under which it is reached."""


class ApplicationObserved(Event, frozen=True, kw_only=True):
    """What is seen of an Application has changed. Evidence that only grew older writes nothing."""

    environment: str
    """Where."""
    change: str = ""
    """The change that works on the Application there, and hears of it; empty: none."""
    applied: Applied
    """Whether what was committed is what runs."""
    revision: str = ""
    """The revision that was seen running; empty: none."""
    commit: str = ""
    """The commit that the cluster has applied; empty: unknown."""
    health: Health
    """The worst of all evidence."""
    reason: str = ""
    """One word that says why."""
    message: str = ""
    """The same for a person."""
    evidence: tuple[Evidence, ...] = ()
    """What was seen, the worst first."""
    gone: tuple[str, ...] = ()
    """Ids of objects that are gone, the newest last: what is told of them late is not believed."""
    ended: tuple[Evidence, ...] = ()
    """Of each name the last object that is gone, the newest last; those before it are gone, too."""
    source: Source
    """Who saw it."""
    observed_at: UtcTime
    """When the newest of it was seen."""


class ApplicationSilent(Event, frozen=True, kw_only=True):
    """Nothing has been heard of an Application for too long: what was known is stale."""

    environment: str
    """Where."""
    since: UtcTime
    """When the last evidence was seen."""


class ApplicationRemoved(Event, frozen=True, kw_only=True):
    """An Application no longer runs in an Environment."""

    environment: str
    """Where it ran."""
    change: str
    """The change that removed it."""
    kept_data: bool
    """True if volumes and databases were kept."""


class RepositoryArchived(Event, frozen=True, kw_only=True):
    """The Application runs nowhere any more; its repository stays, and takes no commits."""

    repository: str
    """Name of the repository."""
    change: str
    """The change that did it."""
