"""Messages of Git homes and of onboarding: version 1."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from catalyst.contracts.message import Command, Event, UtcTime
from catalyst.contracts.values_v1 import Line


class RecordCommit(Command, frozen=True, kw_only=True):
    """Report of the Git effect: the manifest of this aggregate stands in this commit."""

    path: Line
    commit: Line
    event_seq: int
    """Sequence of the event that the commit carries out."""


class ManifestCommitted(Event, frozen=True, kw_only=True):
    """The aggregate's manifest stands in the Organization's Git home."""

    path: str
    commit: str
    event_seq: int


class ReportStep(Command, frozen=True, kw_only=True):
    """Report of an onboarding effect on the step in progress."""

    step: Literal["git-home", "manifests", "undo-git-home"]
    status: Literal["done", "failed"]
    detail: Line = ""
    """What was made (a commit), or why it failed."""
    attempt: Annotated[int, msgspec.Meta(ge=0)] = 0
    """The attempt that the effect carried out; 0 if it does not know."""


Step = Literal["git-home", "manifests", "ready"]


class OnboardingStarted(Event, frozen=True, kw_only=True):
    """The onboarding of an Organization runs."""

    slug: str
    steps: tuple[Step, ...]
    started_by: str
    """Id of the event that started it."""


class StepStarted(Event, frozen=True, kw_only=True):
    """A step waits for its effect or answer, until its deadline."""

    slug: str
    step: Step
    attempt: int
    gen: str
    """Which arming of the deadline counts."""
    deadline: UtcTime
    input: str = ""
    """Id of the event, firing, answer or report that led here."""


class StepCompleted(Event, frozen=True, kw_only=True):
    """A step has done its work."""

    slug: str
    step: Step
    detail: str = ""
    input: str = ""
    """Id of the event, firing, answer or report that led here."""


class StepFailed(Event, frozen=True, kw_only=True):
    """An attempt at a step failed."""

    slug: str
    step: Step
    attempt: int
    reason: str
    input: str = ""
    """Id of the event, firing, answer or report that led here."""


class OnboardingCompleted(Event, frozen=True, kw_only=True):
    """All steps are done."""

    slug: str
    input: str = ""
    """Id of the event, firing, answer or report that led here."""


class CompensationStarted(Event, frozen=True, kw_only=True):
    """The onboarding gives up and takes back what it had made."""

    slug: str
    step: Step
    reason: str
    gen: str
    deadline: UtcTime
    attempt: int = 1
    input: str = ""
    """Id of the event, firing, answer or report that led here."""


class OnboardingFailed(Event, frozen=True, kw_only=True):
    """The onboarding ended without a ready Organization; `undone` says what was taken back."""

    slug: str
    step: Step
    reason: str
    undone: tuple[str, ...] = ()
    input: str = ""
    """Id of the event, firing, answer or report that led here."""
