"""What happens when something arrives: the whole environment-controller as one table.

The chassis runs it; `service` is called by `main.py` and by the embedded stack. The commands of the
runtime itself (retry, drop, take-answer) have no row: the chassis decides them.
"""

from __future__ import annotations

from typing import Final

from catalyst.chassis.service import Aggregate, Process, Service, on
from catalyst.contracts import environment_v1 as env1
from catalyst.environment_controller.domain import (
    applications,
    children,
    deletion,
    environment,
    onboarding,
    organization,
    policy,
    progress,
    registration,
)
from catalyst.environment_controller.effects import effects
from catalyst.environment_controller.ports import GitHome
from catalyst.environment_controller.queries import QUERIES

NAME: Final = organization.SERVICE

AGGREGATES: Final = (
    Aggregate(
        name=organization.AGGREGATE,
        initial=organization.Organization(),
        evolve=organization.evolve,
        fold=3,
    ),
    Aggregate(
        name=environment.AGGREGATE, initial=environment.Environment(), evolve=environment.evolve
    ),
    Aggregate(name=policy.AGGREGATE, initial=policy.Policy(), evolve=policy.evolve, fold=2),
    Aggregate(
        name=progress.AGGREGATE,
        initial=progress.Onboarding(),
        evolve=progress.evolve,
        fold=3,
    ),
    # decided by provisioning, read and guarded here
    Aggregate(
        service="provisioning",
        name=applications.AGGREGATE,
        initial=applications.Application(),
        evolve=applications.evolve,
        events=applications.EVENTS,
    ),
)

RULES: Final = (
    # Organizations
    on(
        env1.CreateOrganization,
        "organization",
        registration.create,
        registration.reads_create,
        makes=True,
    ),
    on(env1.UpdateOrganization, "organization", registration.update, registration.reads_update),
    on(env1.ChangeOwners, "organization", registration.change_owners),
    on(env1.SuspendOrganization, "organization", organization.suspend),
    on(env1.ResumeOrganization, "organization", organization.resume),
    on(
        env1.ApplyOrganizationDeletion,
        "organization",
        deletion.apply_organization,
        deletion.reads_organization,
    ),
    on(env1.CompleteOnboarding, "organization", organization.complete_onboarding),
    on(env1.FailOnboarding, "organization", organization.fail_onboarding),
    on(env1.AdmitChild, "organization", children.admit, children.reads_child),
    on(env1.ReleaseChild, "organization", children.release, children.reads_child),
    on(env1.RecordCommit, "organization", organization.record_commit),
    # Environments
    on(
        env1.CreateEnvironment,
        "environment",
        environment.create,
        environment.reads_create,
        makes=True,
    ),
    on(env1.UpdateEnvironment, "environment", environment.update, environment.reads_owner),
    on(env1.AttachPolicy, "environment", environment.attach_policy, environment.reads_attach),
    on(
        env1.ApplyEnvironmentDeletion,
        "environment",
        deletion.apply_environment,
        deletion.reads_environment,
    ),
    on(
        env1.AdmitApplication,
        "environment",
        applications.admit,
        applications.reads_admit,
    ),
    on(
        env1.ReleaseApplication,
        "environment",
        applications.release,
        applications.reads_release,
    ),
    on(env1.RecordCommit, "environment", environment.record_commit),
    # EnvironmentPolicies
    on(env1.DefinePolicy, "policy", policy.define, policy.reads_owner, makes=True),
    on(env1.UpdatePolicy, "policy", policy.update, policy.reads_owner),
    on(env1.RecordCommit, "policy", policy.record_commit),
    # onboarding
    on(env1.RestartOnboarding, "onboarding", onboarding.restart, onboarding.reads_restart),
    on(env1.ReportStep, "onboarding", onboarding.report_step),
)

PROCESSES: Final = (
    Process(
        name="onboarding",
        aggregate=progress.AGGREGATE,
        correlate=onboarding.correlate,
        react=onboarding.react,
        events=(env1.OrganizationCreated,),
    ),
    # The same aggregate, so the same reaction; its own durable hears once more of every creation
    # below a parent, and so of those from before parents were asked.
    Process(
        name="parents",
        aggregate=progress.AGGREGATE,
        correlate=onboarding.correlate_child,
        react=onboarding.react,
        events=(env1.OrganizationCreated,),
    ),
)


def service(git: GitHome) -> Service:
    """Return the table, with its effects on the given Git homes."""
    return Service(
        name=NAME,
        aggregates=AGGREGATES,
        rules=RULES,
        processes=PROCESSES,
        effects=effects(git),
        queries=QUERIES,
    )
