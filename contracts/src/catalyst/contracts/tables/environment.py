"""The table of `environment`: Organizations, Environments, policies, onboarding, Git homes."""

from __future__ import annotations

from typing import Final

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import environment_v2 as env2
from catalyst.contracts.tables.role import (
    ADMINS,
    BILLING_ADMIN,
    MEMBERS,
    ORG_ADMIN,
    SECURITY_OFFICER,
    SOVEREIGN,
    SOVEREIGN_ADMIN,
)
from catalyst.contracts.tables.row import Reaction, Rows, Table

_ROWS: Final = Rows("environment")
AGGREGATES: Final = ("organization", "environment", "policy", "onboarding")
_KINDS: Final = frozenset(AGGREGATES)
HOME: Final = "home"
"""Name of the Git repository that holds an Organization's manifests."""
IN_GIT: Final = ("organization", "environment", "policy")
"""Kinds whose manifests that repository holds: who clones it reads all of them."""
_POLICY: Final = frozenset({SOVEREIGN_ADMIN, SECURITY_OFFICER, ORG_ADMIN})
"""An org-admin edits policies only where the Organization's `policy_delegated` says so: the rule
itself checks that."""

_MESSAGES: Final = (
    *_ROWS.commands(
        "organization",
        ("create-organization", env1.CreateOrganization),
        ("update-organization", env1.UpdateOrganization),
        ("suspend-organization", env1.SuspendOrganization),
        ("resume-organization", env1.ResumeOrganization),
        ("change-owners", env1.ChangeOwners),
        ("apply-organization-deletion", env1.ApplyOrganizationDeletion),
    ),
    *_ROWS.commands(
        "organization",
        ("complete-onboarding", env1.CompleteOnboarding),
        ("fail-onboarding", env1.FailOnboarding),
        ("admit-child", env1.AdmitChild),
        ("release-child", env1.ReleaseChild),
        sent_by="services",
    ),
    *_ROWS.commands(
        "environment",
        ("create-environment", env1.CreateEnvironment),
        ("update-environment", env1.UpdateEnvironment),
        ("attach-policy", env1.AttachPolicy),
        ("apply-environment-deletion", env1.ApplyEnvironmentDeletion),
    ),
    *_ROWS.commands(
        "environment",
        ("admit-application", env1.AdmitApplication),
        ("release-application", env1.ReleaseApplication),
        sent_by="services",
    ),
    *_ROWS.commands(
        "policy",
        ("define-policy", env1.DefinePolicy),
        ("update-policy", env1.UpdatePolicy),
    ),
    *_ROWS.commands(
        ("organization", "environment", "policy"),
        ("record-commit", env1.RecordCommit),
        sent_by="services",
    ),
    *_ROWS.commands("onboarding", ("restart-onboarding", env1.RestartOnboarding)),
    *_ROWS.commands("onboarding", ("report-step", env1.ReportStep), sent_by="services"),
    *_ROWS.events(
        "organization",
        ("organization-created", env1.OrganizationCreated),
        ("organization-updated", env1.OrganizationUpdated),
        ("organization-suspended", env1.OrganizationSuspended),
        ("organization-resumed", env1.OrganizationResumed),
        ("owners-changed", env1.OwnersChanged),
        ("organization-ready", env1.OrganizationReady),
        ("organization-failed", env1.OrganizationFailed),
        ("onboarding-restarted", env1.OnboardingRestarted),
        ("organization-deleted", env1.OrganizationDeleted),
        ("environment-added", env1.EnvironmentAdded),
        ("environment-removed", env1.EnvironmentRemoved),
        ("policy-added", env1.PolicyAdded),
        ("child-admitted", env1.ChildAdmitted),
        ("child-released", env1.ChildReleased),
    ),
    *_ROWS.events(
        "environment",
        ("environment-created", env1.EnvironmentCreated),
        ("environment-updated", env1.EnvironmentUpdated),
        ("policy-attached", env1.PolicyAttached),
        ("application-admitted", env1.ApplicationAdmitted),
        ("application-released", env1.ApplicationReleased),
        ("environment-deleted", env1.EnvironmentDeleted),
    ),
    *_ROWS.events(
        "policy",
        ("policy-defined", env1.PolicyDefined),
        ("policy-deleted", env1.PolicyDeleted),
    ),
    *_ROWS.events("policy", ("policy-defined", env2.PolicyDefined), version=2),
    *_ROWS.events(
        ("organization", "environment", "policy"),
        ("manifest-committed", env1.ManifestCommitted),
    ),
    *_ROWS.events(
        "onboarding",
        ("onboarding-started", env1.OnboardingStarted),
        ("step-started", env1.StepStarted),
        ("step-completed", env1.StepCompleted),
        ("step-failed", env1.StepFailed),
        ("onboarding-completed", env1.OnboardingCompleted),
        ("compensation-started", env1.CompensationStarted),
        ("onboarding-failed", env1.OnboardingFailed),
    ),
    *_ROWS.runtime(AGGREGATES),
)

TABLE: Final = Table(
    service="environment",
    member="environment-controller",
    aggregates=AGGREGATES,
    messages=_MESSAGES,
    command_roles={
        "create-organization.v1": SOVEREIGN,
        "update-organization.v1": ADMINS,
        "suspend-organization.v1": SOVEREIGN,
        "resume-organization.v1": SOVEREIGN,
        "change-owners.v1": ADMINS,
        "apply-organization-deletion.v1": SOVEREIGN,
        "create-environment.v1": ADMINS,
        "update-environment.v1": ADMINS,
        "apply-environment-deletion.v1": ADMINS,
        "attach-policy.v1": _POLICY,
        "define-policy.v1": _POLICY,
        "update-policy.v1": _POLICY,
        "restart-onboarding.v1": ADMINS,
    },
    service_commands={
        "complete-onboarding.v1": frozenset({"environment"}),
        "fail-onboarding.v1": frozenset({"environment"}),
        "admit-child.v1": frozenset({"environment"}),
        "release-child.v1": frozenset({"environment"}),
        "record-commit.v1": frozenset({"environment"}),
        "report-step.v1": frozenset({"environment"}),
        # the last step of a cascade; people send these, too
        "apply-organization-deletion.v1": frozenset({"provisioning"}),
        "apply-environment-deletion.v1": frozenset({"provisioning"}),
        "admit-application.v1": frozenset({"provisioning"}),
        "release-application.v1": frozenset({"provisioning"}),
    },
    reads_everywhere={
        SOVEREIGN_ADMIN: _KINDS,
        SECURITY_OFFICER: _KINDS,
        BILLING_ADMIN: frozenset({"organization"}),
    },
    reads_own=dict.fromkeys(MEMBERS, _KINDS),
    service_reads={
        "environment": _KINDS,
        "provisioning": frozenset(IN_GIT),
        "billing": frozenset({"organization"}),
    },
    reactions=(
        Reaction(
            name="onboarding",
            filters=("evt.*.environment.organization.*.organization-created.*",),
        ),
        Reaction(
            name="parents",
            filters=("evt.*.environment.organization.*.organization-created.*",),
        ),
        Reaction(
            name="git",
            filters=tuple(f"evt.*.environment.{kind}.>" for kind in AGGREGATES),
        ),
    ),
)
