"""The table of `provisioning`: Applications, and the changes that bring them where they run."""

from __future__ import annotations

from typing import Final

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.tables.role import (
    BUILDERS,
    MEMBERS,
    ORG_ADMIN,
    ORG_DEVELOPER,
    SECURITY_OFFICER,
    SOVEREIGN,
)
from catalyst.contracts.tables.row import Feed, Reaction, Rows, Table

_ROWS: Final = Rows("provisioning")
AGGREGATES: Final = ("application", "change")
_KINDS: Final = frozenset(AGGREGATES)
_SELF: Final = frozenset({"provisioning"})
_APPROVERS: Final = frozenset({ORG_ADMIN, ORG_DEVELOPER, SECURITY_OFFICER})
"""Who may try; whether an approval counts, the change's own gate says."""
_APPLIERS: Final = BUILDERS | SOVEREIGN
"""A sovereign-admin only deletes what is planned to be deleted; the rule says so."""

_MESSAGES: Final = (
    *_ROWS.commands(
        "change",
        ("apply-plan", pro1.ApplyPlan),
        ("approve-change", pro1.ApproveChange),
        ("reject-change", pro1.RejectChange),
        ("cancel-change", pro1.CancelChange),
    ),
    *_ROWS.commands(
        "change",
        ("look-again", pro1.LookAgain),
        ("report-step", pro1.ReportStep),
        sent_by="services",
    ),
    *_ROWS.events(
        "change",
        ("change-opened", pro1.ChangeOpened),
        ("change-held-back", pro1.ChangeHeldBack),
        ("change-approved", pro1.ChangeApproved),
        ("change-rejected", pro1.ChangeRejected),
        ("change-begun", pro1.ChangeBegun),
        ("change-step-started", pro1.ChangeStepStarted),
        ("change-step-progressed", pro1.ChangeStepProgressed),
        ("change-step-completed", pro1.ChangeStepCompleted),
        ("change-step-failed", pro1.ChangeStepFailed),
        ("change-step-delayed", pro1.ChangeStepDelayed),
        ("compensation-begun", pro1.CompensationBegun),
        ("change-completed", pro1.ChangeCompleted),
        ("change-failed", pro1.ChangeFailed),
    ),
    *_ROWS.events(
        "application",
        ("change-waiting", app1.ChangeWaiting),
        ("change-taken", app1.ChangeTaken),
        ("change-left", app1.ChangeLeft),
        ("desired-set", app1.DesiredSet),
        ("dependent-added", app1.DependentAdded),
        ("dependent-removed", app1.DependentRemoved),
        ("revision-committed", app1.RevisionCommitted),
        ("application-observed", app1.ApplicationObserved),
        ("application-silent", app1.ApplicationSilent),
        ("application-removed", app1.ApplicationRemoved),
        ("repository-archived", app1.RepositoryArchived),
    ),
    *_ROWS.runtime(AGGREGATES),
)

TABLE: Final = Table(
    service="provisioning",
    member="provisioning",
    content="reads",
    aggregates=AGGREGATES,
    messages=_MESSAGES,
    command_roles={
        "apply-plan.v1": _APPLIERS,
        "approve-change.v1": _APPROVERS,
        "reject-change.v1": _APPROVERS,
        "cancel-change.v1": _APPLIERS,
    },
    service_commands={
        "look-again.v1": _SELF,
        "report-step.v1": _SELF,
    },
    reads_everywhere={SECURITY_OFFICER: frozenset({"change"})},
    reads_own=dict.fromkeys(MEMBERS, _KINDS),
    service_reads={
        "provisioning": _KINDS,
        "billing": _KINDS,
        "catalog": frozenset({"application"}),
    },
    reactions=(
        Reaction(
            name="change",
            filters=(
                "evt.*.provisioning.application.*.application-observed.*",
                "evt.*.provisioning.application.*.change-left.*",
            ),
        ),
        Reaction(
            name="deletion",
            filters=("evt.*.provisioning.change.*.change-step-started.*",),
        ),
        Reaction(
            name="held",
            filters=(
                "evt.*.environment.organization.*.owners-changed.*",
                "evt.*.environment.policy.*.policy-defined.*",
            ),
        ),
        Reaction(
            name="repositories",
            filters=("evt.*.provisioning.change.*.change-step-started.*",),
        ),
    ),
    sources=(Feed(name="observation", stream="FACTS", filters=("ws.*.flux.>", "ws.*.k8s.>")),),
    asks=("catalog", "billing", "environment", "provisioning"),
)
