"""Messages of Git homes and of onboarding: version 1."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from catalyst.contracts.message import Command, Event, UtcTime
from catalyst.contracts.values_v1 import Line


class RecordCommit(Command, frozen=True, kw_only=True):
    """Report of the Git effect: the manifest of this aggregate stands in this commit."""

    path: Line
    """Path of the manifest in the repository."""
    commit: Line
    """Id of the commit."""
    event_seq: int
    """Sequence of the event that the commit carries out."""


class ManifestCommitted(Event, frozen=True, kw_only=True):
    """The aggregate's manifest stands in the Organization's Git home."""

    path: str
    """Path of the manifest in the repository."""
    commit: str
    """Id of the commit."""
    event_seq: int
    """Sequence of the event that the commit carries out."""


class ReportStep(Command, frozen=True, kw_only=True):
    """Report of an onboarding effect on the step in progress."""

    step: Literal["git-home", "manifests", "undo-git-home"]
    """The step that was carried out."""
    status: Literal["done", "failed"]
    """Whether it worked."""
    detail: Line = ""
    """What was made (a commit), or why it failed."""
    attempt: Annotated[
        int, msgspec.Meta(ge=0, description="a whole number from 0 on", examples=[1])
    ] = 0
    """The attempt that the effect carried out; 0 if it does not know."""


Step = Literal["git-home", "manifests", "ready"]


class OnboardingStarted(Event, frozen=True, kw_only=True):
    """The onboarding of an Organization runs."""

    slug: str
    """Slug of the Organization that is onboarded."""
    steps: tuple[Step, ...]
    """The steps, in their order."""
    started_by: str
    """Id of the event that started it."""


class StepStarted(Event, frozen=True, kw_only=True):
    """A step waits for its effect or answer, until its deadline."""

    slug: str
    """Slug of the Organization that is onboarded."""
    step: Step
    """The step that this is about."""
    attempt: int
    """How often the step was tried, this time included."""
    gen: str
    """Which arming of the deadline counts."""
    deadline: UtcTime
    """When it counts as failed, if nothing is heard of it."""
    input: str = ""
    """Id of the event, firing, answer or report that led here."""


class StepCompleted(Event, frozen=True, kw_only=True):
    """A step has done its work."""

    slug: str
    """Slug of the Organization that is onboarded."""
    step: Step
    """The step that this is about."""
    detail: str = ""
    """What was made, such as the id of a commit."""
    input: str = ""
    """Id of the event, firing, answer or report that led here."""


class StepFailed(Event, frozen=True, kw_only=True):
    """An attempt at a step failed."""

    slug: str
    """Slug of the Organization that is onboarded."""
    step: Step
    """The step that this is about."""
    attempt: int
    """Which attempt it was, counted from 1."""
    reason: str
    """Why it failed."""
    input: str = ""
    """Id of the event, firing, answer or report that led here."""


class OnboardingCompleted(Event, frozen=True, kw_only=True):
    """All steps are done."""

    slug: str
    """Slug of the Organization that is onboarded."""
    input: str = ""
    """Id of the event, firing, answer or report that led here."""


class CompensationStarted(Event, frozen=True, kw_only=True):
    """The onboarding gives up and takes back what it had made."""

    slug: str
    """Slug of the Organization that is onboarded."""
    step: Step
    """The step that failed for good."""
    reason: str
    """Why it failed."""
    gen: str
    """Which arming of the deadline counts."""
    deadline: UtcTime
    """When the attempt counts as failed, if nothing is heard of it."""
    attempt: int = 1
    """How often taking back was tried, this time included."""
    input: str = ""
    """Id of the event, firing, answer or report that led here."""


class OnboardingFailed(Event, frozen=True, kw_only=True):
    """The onboarding ended without a ready Organization; `undone` says what was taken back."""

    slug: str
    """Slug of the Organization that is onboarded."""
    step: Step
    """The step that failed for good."""
    reason: str
    """Why it failed."""
    undone: tuple[str, ...] = ()
    """The steps whose work was taken back."""
    input: str = ""
    """Id of the event, firing, answer or report that led here."""
