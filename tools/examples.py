"""A golden payload for each message: what `tools/snapshots.py` writes into contracts/examples/.

Written by hand around one story: the Organization `acme`, its Environment `acme-prod`, its policy
`careful`. A file that exists is never written again, so a payload that was released stays what it
was, whatever this module says later. Those that several others repeat come first.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import msgspec
from tools.examples_billing import BILLING
from tools.examples_blueprint import BLUEPRINT
from tools.examples_catalog import CATALOG
from tools.examples_provisioning import PROVISIONING

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import environment_v2 as env2
from catalyst.contracts import runtime_v1 as run1
from catalyst.contracts.facts_v1 import FactMessage
from catalyst.contracts.message import (
    Answer,
    Command,
    Envelope,
    Event,
    FieldError,
    Outcome,
    derived_id,
    digest,
)
from catalyst.contracts.registry import BY_SHAPE, SERVICES, named
from catalyst.contracts.subjects import Ref
from catalyst.contracts.usage_v1 import USE_TYPE, UseData, UseMessage

NOON: Final = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DEADLINE: Final = datetime(2026, 3, 2, 12, 5, tzinfo=UTC)
COMMAND_ID: Final = "c-7Q2"
COMMIT: Final = "3f2a9c1d4b5e6f708192a3b4c5d6e7f809a1b2c3"
PARKED: Final = "dlq.acme.environment.environment.acme-prod.c4711"

ADA: Final = env1.Owner(email="ada@acme.example", role="owner")
GRACE: Final = env1.Owner(email="grace@acme.example", role="developer")
OWNERS: Final = (ADA, GRACE)
FALKENSTEIN: Final = env1.Region(
    provider="hetzner", region="fsn", building_block="rtz", host_cluster="hz-fsn-rtz-prod"
)
HELSINKI: Final = env1.Region(
    provider="hetzner", region="hel", building_block="rtz", host_cluster="hz-hel-rtz-prod"
)
IDENTITY: Final = env1.Identity(
    federation_provider="generic-oidc",
    federation_config=env1.FederationConfig(
        issuer="https://sso.acme.example",
        client_id="catalyst",
        client_secret_ref=env1.SecretRef(name="acme-sso"),
        claim_mappers=(env1.ClaimMapper(src="groups", dest="roles"),),
    ),
)
FRONT: Final = env1.PublicFront(
    parent_domain="cloud.example", subdomain="acme", backend_service="shop", product="store"
)
PLAN: Final[Mapping[str, str]] = {
    "environment": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
}
PLAN_HASH: Final = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
WEIGHTS: Final = {
    "probes": env1.Weight(weight=5),
    "volume-expansion": env1.Weight(weight=3, scope="stateful"),
}
CLOSED_WEEKEND: Final = env1.Window(
    effect="deny", rrule="FREQ=WEEKLY;BYDAY=SA", timezone="Asia/Muscat", duration_minutes=2880
)
TEAM: Final = env1.Approval(team="platform", quorum=2)

_ORGANIZATION: Final = (
    env1.CreateOrganization(
        display_name="Acme",
        kind="customer",
        tier="corporate",
        billing_mode="real",
        sovereign_ref="cloud.example",
        owners=OWNERS,
        identity=IDENTITY,
        public_front=FRONT,
        plan_slug="m",
    ),
    env1.UpdateOrganization(display_name="Acme Group", plan_slug=None),
    env1.SuspendOrganization(reason="Invoice 2026-014 is 60 days late."),
    env1.ResumeOrganization(),
    env1.ChangeOwners(owners=OWNERS),
    env1.ApplyOrganizationDeletion(
        request={"organization": "acme"}, hash=PLAN_HASH, inputs=dict(PLAN), expires=DEADLINE
    ),
    env1.CompleteOnboarding(),
    env1.FailOnboarding(step="git-home", reason="disk-full"),
    env1.AdmitChild(child="acme-labs"),
    env1.ReleaseChild(child="acme-labs"),
    env1.OrganizationCreated(
        slug="acme",
        display_name="Acme",
        kind="customer",
        tier="corporate",
        billing_mode="real",
        sovereign_ref="cloud.example",
        owners=OWNERS,
        identity=IDENTITY,
        public_front=FRONT,
        plan_slug="m",
    ),
    env1.OrganizationUpdated(
        slug="acme",
        display_name="Acme Group",
        tier="corporate",
        billing_mode="real",
        default_environment_type="prod",
        identity=IDENTITY,
        public_front=FRONT,
    ),
    env1.OrganizationSuspended(slug="acme", reason="Invoice 2026-014 is 60 days late."),
    env1.OrganizationResumed(slug="acme"),
    env1.OwnersChanged(slug="acme", owners=OWNERS),
    env1.OrganizationReady(slug="acme"),
    env1.OrganizationFailed(slug="acme", step="git-home", reason="disk-full"),
    env1.OrganizationDeleted(slug="acme"),
    env1.EnvironmentAdded(slug="acme", environment="acme-prod"),
    env1.EnvironmentRemoved(slug="acme", environment="acme-prod"),
    env1.PolicyAdded(slug="acme", policy="careful"),
    env1.ChildAdmitted(slug="acme", child="acme-labs"),
    env1.ChildReleased(slug="acme", child="acme-labs"),
)

_ENVIRONMENT: Final = (
    env1.CreateEnvironment(
        env_type="prod",
        placement="multi-region",
        regions=(
            env1.Region(provider="hetzner", region="fsn", building_block="rtz"),
            env1.Region(provider="hetzner", region="hel", building_block="rtz"),
        ),
        policy="careful",
    ),
    env1.UpdateEnvironment(placement="single-region", regions=(FALKENSTEIN,)),
    env1.AttachPolicy(policy="careful"),
    env1.ApplyEnvironmentDeletion(
        request={"environment": "acme-prod"}, hash=PLAN_HASH, inputs=dict(PLAN), expires=DEADLINE
    ),
    env1.AdmitApplication(application="blog", together=("blog-db",), change="ch-1"),
    env1.ReleaseApplication(application="blog", change="ch-1"),
    env1.EnvironmentCreated(
        environment="acme-prod",
        organization="acme",
        env_type="prod",
        placement="multi-region",
        regions=(FALKENSTEIN, HELSINKI),
        branch="main",
        policy="careful",
    ),
    env1.EnvironmentUpdated(
        environment="acme-prod", placement="single-region", regions=(FALKENSTEIN,)
    ),
    env1.PolicyAttached(environment="acme-prod", policy="careful"),
    env1.ApplicationAdmitted(environment="acme-prod", application="blog"),
    env1.ApplicationReleased(environment="acme-prod", application="blog"),
    env1.EnvironmentDeleted(environment="acme-prod", organization="acme"),
)

_POLICY: Final = (
    env1.DefinePolicy(
        promotion=env1.Promotion(required_approvers=2, soak_hours=24, required_compliance_score=80),
        compliance=env1.Compliance(weights=WEIGHTS, modes={"probes": "enforcing"}),
        rules=(
            env1.PrRequired(approvers=("platform",), min_approvals=2),
            env1.ReScoreGate(min_score=80),
            env1.Soak(source_environment="acme-stg", duration="24h"),
            env1.ChangeWindow(
                effect="deny", rrule="FREQ=WEEKLY;BYDAY=SA", timezone="Asia/Muscat", duration="2d"
            ),
        ),
        applies_to=env1.AppliesTo(environments=("acme-prod",)),
        quota=env1.Quota(applications=20),
    ),
    env1.UpdatePolicy(promotion=env1.Promotion(required_approvers=1, soak_hours=4)),
    env1.PolicyDeleted(policy="careful"),
    env1.PolicyDefined(
        policy="careful",
        approvals=(TEAM,),
        soak_hours=24,
        source_environment="acme-stg",
        required_score=80,
        severity="high",
        windows=(CLOSED_WEEKEND,),
        weights=WEIGHTS,
        modes={"probes": "enforcing"},
        environments=("acme-prod",),
    ),
    env2.PolicyDefined(
        policy="careful",
        approvals=(TEAM,),
        soak_minutes=90,
        source_environment="acme-stg",
        required_score=80,
        severity="high",
        windows=(CLOSED_WEEKEND,),
        weights=WEIGHTS,
        modes={"probes": "enforcing"},
        environments=("acme-prod",),
        applications_max=20,
    ),
)

_ONBOARDING: Final = (
    env1.RecordCommit(path="organization.yaml", commit=COMMIT, event_seq=17),
    env1.ManifestCommitted(path="organization.yaml", commit=COMMIT, event_seq=17),
    env1.RestartOnboarding(),
    env1.OnboardingRestarted(slug="acme", run=2),
    env1.ReportStep(step="manifests", status="done", detail=COMMIT),
    env1.OnboardingStarted(
        slug="acme",
        steps=("git-home", "manifests", "ready"),
        started_by=derived_id(COMMAND_ID, 0),
    ),
    env1.StepStarted(
        slug="acme", step="git-home", attempt=1, gen=derived_id("x", 0), deadline=DEADLINE
    ),
    env1.StepCompleted(slug="acme", step="git-home", detail="acme"),
    env1.StepFailed(slug="acme", step="git-home", attempt=1, reason="timeout"),
    env1.OnboardingCompleted(slug="acme"),
    env1.CompensationStarted(
        slug="acme",
        step="manifests",
        reason="timeout",
        gen=derived_id("x", 1),
        deadline=DEADLINE,
    ),
    env1.OnboardingFailed(slug="acme", step="manifests", reason="timeout", undone=("git-home",)),
)

_RUNTIME: Final = (
    run1.Retry(subject=PARKED),
    run1.Drop(subject=PARKED, reason="The region no longer exists."),
    run1.TakeAnswer(
        answer=Answer(command_id=derived_id("x", 2), status="accepted", code="", events=1)
    ),
    run1.Parked(
        subject=PARKED,
        message_id="c-9Z4",
        message_type="environment.update-environment.v1",
        reason="bug",
        detail="KeyError in the rule of update-environment",
    ),
    run1.Unparked(subject=PARKED, message_id="c-9Z4", how="retried"),
)

_GIVEN: Final[tuple[Command | Event, ...]] = (
    *_ORGANIZATION,
    *_ENVIRONMENT,
    *_POLICY,
    *_ONBOARDING,
    *BILLING,
    *BLUEPRINT,
    *CATALOG,
    *PROVISIONING,
)

EXAMPLES: Final[Mapping[str, Command | Event]] = {
    **{BY_SHAPE[type(payload)].type: payload for payload in _GIVEN},
    **{named(type(item), service).type: item for service in SERVICES for item in _RUNTIME},
}
"""The payload of each message, by its type."""

_ACME: Final = Ref("acme", "environment", "organization", "acme")
_CREATE: Final = "environment.create-organization.v1"
_DATA: Final = msgspec.json.encode(EXAMPLES[_CREATE])

SHARED_EXAMPLES: Final[Mapping[str, msgspec.Struct]] = {
    "catalyst.envelope": Envelope(
        specversion="1.0",
        id=COMMAND_ID,
        source="my-program",
        type=_CREATE,
        time=NOON,
        data=msgspec.Raw(_DATA),
    ),
    "catalyst.outcome": Outcome(
        id=COMMAND_ID,
        type=_CREATE,
        status="rejected",
        code="owner-required",
        message="at least one owner must remain",
        errors=(
            FieldError(
                pointer="/data/owners",
                rule="owner-required",
                message="at least one owner must remain",
            ),
        ),
        digest=digest(_CREATE, _ACME.command("create-organization", 1), _DATA),
        time=NOON,
        actor="user:https://sso.cloud.example#ada",
        subject=_ACME.command("create-organization", 1),
        correlationid=COMMAND_ID,
        counts={"chk": 1},
        before=1,
        seq=18,
        log="5f3a1c",
    ),
    "catalyst.fact": FactMessage(
        type="MODIFIED",
        object={
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {
                "name": "blog",
                "namespace": "acme-prod",
                "uid": "0b6f2f5e-2c39-4c5e-9d0e-6a6c1f0f8a11",
                "resourceVersion": "4711",
                "generation": 2,
                "labels": {
                    "openova.io/organization": "acme",
                    "openova.io/application": "blog",
                    "openova.io/environment": "acme-prod",
                },
            },
            "spec": {"replicas": 2},
            "status": {"observedGeneration": 2, "readyReplicas": 2, "updatedReplicas": 2},
        },
        time=NOON,
    ),
    USE_TYPE: UseMessage(
        specversion="1.0",
        id="u-1",
        source="ai-gateway",
        type=USE_TYPE,
        subject="blog.acme-prod",
        time=NOON,
        data=UseData(meter="tokens", quantity=1200),
    ),
}
"""An example of each shared schema, by its name."""
