"""Messages of Git homes and of onboarding: version 1."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from catalyst.contracts.message import Command, Event, UtcTime
from catalyst.contracts.values_v1 import Line, Run


class RecordCommit(Command, frozen=True, kw_only=True):
    """Report of the Git effect: the manifest of this aggregate stands in this commit."""

    path: Annotated[Line, msgspec.Meta(examples=["organization.yaml"])]
    """Path of the manifest in the repository."""
    commit: Annotated[Line, msgspec.Meta(examples=["3f2a9c1d4b5e6f708192a3b4c5d6e7f809a1b2c3"])]
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


class RestartOnboarding(Command, frozen=True, kw_only=True):
    """Run a failed onboarding once more, from its first unfinished step."""


class ReportStep(Command, frozen=True, kw_only=True):
    """Report of an onboarding effect on the step in progress."""

    step: Literal["git-home", "manifests", "undo-git-home"]
    """The step that was carried out."""
    status: Literal["done", "failed"]
    """Whether it worked."""
    detail: Annotated[Line, msgspec.Meta(examples=["3f2a9c1d4b5e6f708192a3b4c5d6e7f809a1b2c3"])] = (
        ""
    )
    """What was made (a commit), or why it failed."""
    attempt: Annotated[
        int, msgspec.Meta(ge=0, description="a whole number from 0 on", examples=[1])
    ] = 0
    """The attempt that the effect carried out; 0 if it does not know."""
    run: Run = 1
    """The run of the onboarding that the step belongs to."""


Step = Literal["parent", "git-home", "manifests", "ready"]


class OnboardingStarted(Event, frozen=True, kw_only=True):
    """The onboarding of an Organization runs."""

    slug: str
    """Slug of the Organization that is onboarded."""
    steps: tuple[Step, ...]
    """The steps, in their order."""
    started_by: str
    """Id of the event or command that started it."""
    run: int = 1
    """Which run of the onboarding it is, counted from 1; a restart begins the next one."""
    done: tuple[Step, ...] = ()
    """Steps that an earlier run did for good; they are not done again."""
    parent: str | None = None
    """Slug of the Organization that the step `parent` asks; null: there is no such step."""


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
    run: int = 1
    """The run of the onboarding that it belongs to."""


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
    run: int = 1
    """The run of the onboarding that is given up."""


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
