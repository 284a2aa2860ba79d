"""Every message there is: its wire name, its shape, and where it may be addressed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import environment_v2 as env2
from catalyst.contracts import runtime_v1 as run1
from catalyst.contracts.message import Command, Event

SERVICES: Final = ("environment",)
"""Services that take commands; a command to another one gets no acknowledgement."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One version of one message."""

    service: str
    name: str
    """The verb of a command, the fact of an event."""
    version: int
    kind: Literal["command", "event"]
    shape: type[Command] | type[Event]
    aggregates: tuple[str, ...]
    """Aggregates that it may be addressed to."""
    sent_by: Literal["anyone", "services", "runtime"] = "anyone"
    """Who may send the command: anyone with the role, or services alone."""

    @property
    def type(self) -> str:
        """The wire name."""
        return f"{self.service}.{self.name}.v{self.version}"

    @property
    def summary(self) -> str:
        """What it means, in one line."""
        return (self.shape.__doc__ or "").strip().splitlines()[0]


ENVIRONMENT_AGGREGATES: Final = ("organization", "environment", "policy", "onboarding")


def _commands(
    aggregate: str | tuple[str, ...],
    *rows: tuple[str, type[Command]],
    sent_by: Literal["anyone", "services", "runtime"] = "anyone",
) -> Iterable[Message]:
    aggregates = (aggregate,) if isinstance(aggregate, str) else aggregate
    for name, shape in rows:
        yield Message(
            service="environment",
            name=name,
            version=1,
            kind="command",
            shape=shape,
            aggregates=aggregates,
            sent_by=sent_by,
        )


def _events(
    aggregate: str | tuple[str, ...], *rows: tuple[str, type[Event]], version: int = 1
) -> Iterable[Message]:
    aggregates = (aggregate,) if isinstance(aggregate, str) else aggregate
    for name, shape in rows:
        yield Message(
            service="environment",
            name=name,
            version=version,
            kind="event",
            shape=shape,
            aggregates=aggregates,
        )


MESSAGES: Final[tuple[Message, ...]] = (
    *_commands(
        "organization",
        ("create-organization", env1.CreateOrganization),
        ("update-organization", env1.UpdateOrganization),
        ("suspend-organization", env1.SuspendOrganization),
        ("resume-organization", env1.ResumeOrganization),
        ("change-owners", env1.ChangeOwners),
        ("apply-organization-deletion", env1.ApplyOrganizationDeletion),
    ),
    *_commands(
        "organization",
        ("complete-onboarding", env1.CompleteOnboarding),
        ("fail-onboarding", env1.FailOnboarding),
        sent_by="services",
    ),
    *_commands(
        "environment",
        ("create-environment", env1.CreateEnvironment),
        ("update-environment", env1.UpdateEnvironment),
        ("attach-policy", env1.AttachPolicy),
        ("apply-environment-deletion", env1.ApplyEnvironmentDeletion),
    ),
    *_commands(
        "environment",
        ("admit-application", env1.AdmitApplication),
        ("release-application", env1.ReleaseApplication),
        sent_by="services",
    ),
    *_commands(
        "policy",
        ("define-policy", env1.DefinePolicy),
        ("update-policy", env1.UpdatePolicy),
    ),
    *_commands(
        ("organization", "environment", "policy"),
        ("record-commit", env1.RecordCommit),
        sent_by="services",
    ),
    *_commands("onboarding", ("report-step", env1.ReportStep), sent_by="services"),
    *_commands(ENVIRONMENT_AGGREGATES, ("retry", run1.Retry), ("drop", run1.Drop)),
    *_commands(ENVIRONMENT_AGGREGATES, ("take-answer", run1.TakeAnswer), sent_by="services"),
    *_events(
        "organization",
        ("organization-created", env1.OrganizationCreated),
        ("organization-updated", env1.OrganizationUpdated),
        ("organization-suspended", env1.OrganizationSuspended),
        ("organization-resumed", env1.OrganizationResumed),
        ("owners-changed", env1.OwnersChanged),
        ("organization-ready", env1.OrganizationReady),
        ("organization-failed", env1.OrganizationFailed),
        ("organization-deleted", env1.OrganizationDeleted),
        ("environment-added", env1.EnvironmentAdded),
        ("environment-removed", env1.EnvironmentRemoved),
        ("policy-added", env1.PolicyAdded),
    ),
    *_events(
        "environment",
        ("environment-created", env1.EnvironmentCreated),
        ("environment-updated", env1.EnvironmentUpdated),
        ("policy-attached", env1.PolicyAttached),
        ("application-admitted", env1.ApplicationAdmitted),
        ("application-released", env1.ApplicationReleased),
        ("environment-deleted", env1.EnvironmentDeleted),
    ),
    *_events(
        "policy",
        ("policy-defined", env1.PolicyDefined),
        ("policy-deleted", env1.PolicyDeleted),
    ),
    *_events("policy", ("policy-defined", env2.PolicyDefined), version=2),
    *_events(
        ("organization", "environment", "policy"),
        ("manifest-committed", env1.ManifestCommitted),
    ),
    *_events(
        "onboarding",
        ("onboarding-started", env1.OnboardingStarted),
        ("step-started", env1.StepStarted),
        ("step-completed", env1.StepCompleted),
        ("step-failed", env1.StepFailed),
        ("onboarding-completed", env1.OnboardingCompleted),
        ("compensation-started", env1.CompensationStarted),
        ("onboarding-failed", env1.OnboardingFailed),
    ),
    *_events(ENVIRONMENT_AGGREGATES, ("parked", run1.Parked), ("unparked", run1.Unparked)),
)
"""The written list; a released row is never removed."""

BY_TYPE: Final[dict[str, Message]] = {message.type: message for message in MESSAGES}
COMMANDS: Final[dict[str, Message]] = {t: m for t, m in BY_TYPE.items() if m.kind == "command"}
EVENTS: Final[dict[str, Message]] = {t: m for t, m in BY_TYPE.items() if m.kind == "event"}
BY_SHAPE: Final[dict[type, Message]] = {message.shape: message for message in MESSAGES}
