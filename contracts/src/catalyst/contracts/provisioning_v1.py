"""Messages of changes: what brings Applications where they run, step by step.

Version 1; those of Applications stand in `application_v1`. The content of a change stands in its
first event, so that its effects need nothing else.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from catalyst.contracts.message import Command, Event, UtcTime
from catalyst.contracts.prices_v1 import Quote
from catalyst.contracts.provisioning_values_v1 import (
    Approvals,
    Deletion,
    Gate,
    Locked,
    PlanRequest,
    Source,
    Step,
)
from catalyst.contracts.values_v1 import Line, PlanHash, Reason

# ---- commands to a change; its id is chosen by whoever applies a plan


class ApplyPlan(Command, frozen=True, kw_only=True):
    """Carry out a plan. All four parts come back as the plan answered them."""

    request: PlanRequest
    """What was asked for."""
    hash: PlanHash
    """The plan's hash."""
    inputs: dict[str, str]
    """Name of each thing that the plan depends on, with the version that it saw."""
    expires: UtcTime
    """Until when the plan may be applied."""


class ApproveChange(Command, frozen=True, kw_only=True):
    """Approve a change; counts for exactly the plan with this hash, and never for its author."""

    hash: PlanHash
    """Hash of the plan that was looked at."""
    comment: Annotated[Line, msgspec.Meta(examples=["Looks right."])] = ""
    """What the approver says to it."""


class RejectChange(Command, frozen=True, kw_only=True):
    """Refuse a change that waits for approvals; it ends."""

    hash: PlanHash
    """Hash of the plan that was looked at."""
    reason: Reason
    """Why."""


class CancelChange(Command, frozen=True, kw_only=True):
    """Stop a change before its point of no return, and take back what it has done."""

    reason: Reason
    """Why."""


class LookAgain(Command, frozen=True, kw_only=True):
    """Judge again whether a change that waits may begin: the owners or a policy changed."""


class ReportStep(Command, frozen=True, kw_only=True):
    """Report of an effect on a step of a change, for one of its Applications."""

    step: Step
    """The step."""
    application: Annotated[Line, msgspec.Meta(examples=["blog"])] = ""
    """The Application; empty for a step of the whole change."""
    status: Literal["done", "failed"]
    """How it went."""
    detail: Annotated[Line, msgspec.Meta(examples=["3f2a9c1d"])] = ""
    """What was made (the commit), or why it failed."""
    commits: dict[str, str] = {}
    """For `commit` and `unprotect`: the commit that stands on the branch of each Environment."""
    attempt: Annotated[
        int, msgspec.Meta(ge=0, description="a whole number from 0 on", examples=[1])
    ] = 0
    """The attempt that the effect carried out; 0: any."""
    undo: bool = False
    """True if it reports on taking the step back."""
    code: str = ""
    """For what failed: the code of a refusal, which no further attempt would change; else empty."""
    deletion: Deletion | None = None
    """For `delete`: the plan that is to be carried out; null for every other step."""
    goes_on: bool = False
    """For `failed`: true if only a try failed, and the attempt goes on trying."""


# ---- events of a change


class ChangeOpened(Event, frozen=True, kw_only=True):
    """A plan is being carried out; this is all that it says."""

    request: PlanRequest
    """What was asked for."""
    hash: str
    """The plan's hash."""
    inputs: dict[str, str]
    """What the plan depends on, with the versions that it saw."""
    environment: str
    """Where; empty for a whole Organization."""
    branches: dict[str, str]
    """The branch of the repositories that belongs to each Environment."""
    lock: tuple[Locked, ...]
    """Every Application that is touched, dependencies first; what goes, dependents first."""
    values: dict[str, dict[str, Any]] = {}
    """The whole values of each Application that is written, by its name."""
    sold: tuple[str, ...] = ()
    """Subscriptions that it starts or ends, each as `<application>.<environment>`."""
    gone: tuple[str, ...] = ()
    """The Applications that run nowhere any more afterwards; their repositories are archived."""
    volumes: dict[str, tuple[str, ...]] = {}
    """The volumes with the data of each Application, by `<application>.<environment>`."""
    workloads: dict[str, tuple[str, ...]] = {}
    """What runs the containers of each that is written, likewise, each as `<kind>/<name>`."""
    clusters: dict[str, tuple[str, ...]] = {}
    """The clusters of each Environment that has several regions."""
    suffixes: dict[str, str] = {}
    """What the namespaces of each Environment have behind the Application's name, if anything."""
    hosts: dict[str, tuple[str, ...]] = {}
    """The public hosts that each Application has, or may have until the change is over, by
    `<application>.<environment>`."""
    quote: Quote | None = None
    """What it costs; null if nothing is bought."""
    approvals: tuple[Approvals, ...] = ()
    """What has to be approved before it begins."""
    steps: tuple[Step, ...]
    """The steps, in order."""
    address: str = ""
    """Where clusters find the repositories that it writes: the part before `/git/`; empty: it
    writes none, or is from before that was kept."""
    author: str
    """Who applied the plan."""
    author_email: str = ""
    """The author's e-mail address, for the commits; empty: it was not proven."""


class ChangeHeldBack(Event, frozen=True, kw_only=True):
    """The change does not begin yet."""

    waits_for: tuple[Gate, ...]
    """What it waits for."""
    behind: tuple[str, ...] = ()
    """For `queue`: the changes before it on the same Applications, oldest first."""
    approvals: tuple[Approvals, ...] = ()
    """For `approvals`: what is missing."""
    officers: tuple[str, ...] = ()
    """For `approvals`: the teams for which too few in the Organization can approve, so that
    security-officers have to."""
    opens: UtcTime | None = None
    """For `window`: when changes may happen again; null: never, as far as the policy says."""
    until: UtcTime
    """When it gives up waiting."""
    gen: str
    """Which arming of the timer counts that looks again."""
    input: str = ""
    """Id of what led here."""


class ChangeApproved(Event, frozen=True, kw_only=True):
    """Somebody approved the change."""

    by: str
    """Who."""
    email: str = ""
    """The e-mail address of who approved, if it was proven."""
    teams: tuple[str, ...] = ()
    """The teams that it counts for; an empty one is anyone but the author."""
    officer: bool = False
    """Whether who approved was a security-officer, whom no owners list has to name."""
    hash: str
    """Hash of the plan that was approved."""
    comment: str = ""
    """What was said to it."""


class ChangeRejected(Event, frozen=True, kw_only=True):
    """Somebody refused the change; nothing of it was done."""

    by: str
    """Who."""
    reason: str
    """Why."""


class ChangeBegun(Event, frozen=True, kw_only=True):
    """The change has its turn and every approval."""

    input: str = ""
    """Id of what led here."""


class ChangeStepStarted(Event, frozen=True, kw_only=True):
    """A step waits for its answers, reports or facts, until its deadline."""

    step: Step
    """The step."""
    applications: tuple[str, ...] = ()
    """The Applications that it works on; none: the whole change."""
    attempt: int
    """Counted from 1."""
    gen: str
    """Which arming of the deadline counts."""
    deadline: UtcTime
    """Until when the attempt has time."""
    undo: bool = False
    """True if the step is being taken back."""
    input: str = ""
    """Id of what led here."""


class ChangeStepProgressed(Event, frozen=True, kw_only=True):
    """One Application is through a step that others are not yet."""

    step: Step
    """The step."""
    application: str
    """The Application."""
    environment: str = ""
    """Where; empty: wherever the change works on it."""
    detail: str = ""
    """What was made, such as a commit, or what nobody has seen of it."""
    commits: dict[str, str] = {}
    """For `commit` and `unprotect`: the commit that stands on the branch of each Environment."""
    source: Source | None = None
    """Who saw it, of a step that waits until something is seen; null: nobody, or another step."""
    command: str = ""
    """Id of the command that was sent on the way; the step goes on until it is answered."""
    undo: bool = False
    """True if the step is being taken back."""
    input: str = ""
    """Id of what led here."""


class ChangeStepCompleted(Event, frozen=True, kw_only=True):
    """A step is done, or is taken back, for all that it works on."""

    step: Step
    """The step."""
    detail: str = ""
    """What was made, or what nobody has seen of it although it went on."""
    undo: bool = False
    """True if the step was taken back."""
    input: str = ""
    """Id of what led here."""


class ChangeStepFailed(Event, frozen=True, kw_only=True):
    """An attempt at a step failed."""

    step: Step
    """The step."""
    application: str = ""
    """The Application; empty: the whole change."""
    attempt: int
    """Which attempt."""
    code: str = ""
    """The code of a refusal; empty if it was none."""
    reason: str
    """Why, for a person."""
    undo: bool = False
    """True if it failed to be taken back."""
    input: str = ""
    """Id of what led here."""


class ChangeStepDelayed(Event, frozen=True, kw_only=True):
    """Something outside keeps an attempt at a step; it goes on trying until its deadline."""

    step: Step
    """The step."""
    application: str = ""
    """The Application; empty: the whole change."""
    attempt: int
    """Which attempt."""
    reason: str
    """What keeps it, for a person."""
    undo: bool = False
    """True if the step is being taken back."""
    input: str = ""
    """Id of what led here."""


class CompensationBegun(Event, frozen=True, kw_only=True):
    """The change gives up and takes back what it has done."""

    step: Step
    """The step that it gave up at."""
    reason: str
    """Why."""
    cancelled: bool = False
    """True if a person stopped it."""
    input: str = ""
    """Id of what led here."""


class ChangeCompleted(Event, frozen=True, kw_only=True):
    """Everything that was planned has come true, and was seen where anything reports."""

    input: str = ""
    """Id of what led here."""


class ChangeFailed(Event, frozen=True, kw_only=True):
    """The change is over without its result; what it had done was taken back."""

    step: Step | None = None
    """The step that it gave up at; null: it had not begun."""
    reason: str
    """Why."""
    cancelled: bool = False
    """True if a person stopped it."""
    undone: tuple[Step, ...] = ()
    """The steps that were taken back, in that order."""
    left: tuple[str, ...] = ()
    """What could not be taken back, for a person."""
    input: str = ""
    """Id of what led here."""
