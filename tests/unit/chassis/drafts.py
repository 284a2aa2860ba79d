"""Drafts of decisions, as tests put them into batches."""

from datetime import UTC, datetime
from typing import Any

from catalyst.chassis import batch, outcome
from catalyst.chassis.batch import Draft
from catalyst.chassis.claiming import HeldClaim
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.chassis.job import Job
from catalyst.chassis.states import Held
from catalyst.contracts import environment_v1
from catalyst.contracts.decision import (
    Actor,
    ClaimState,
    Decision,
)
from catalyst.contracts.subjects import Claim, Ref

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
OWN = Ref("acme", "environment", "onboarding", "acme")
OTHER = Ref("acme", "environment", "organization", "acme")
PARENT = Ref("parent", "environment", "organization", "parent")
SLUG, HOST = Claim("organization", "acme"), Claim("host", "a.example.org")
MAX_PAYLOAD = 1024 * 1024


def job(name: str = "c-1", **more: Any) -> Job:
    values: dict[str, Any] = {
        "ref": OWN,
        "type": "environment.report-step.v1",
        "input_id": name,
        "done_id": name,
        "digest": "d",
        "now": NOW,
        "actor": Actor(name="service:environment", proven=True),
        "correlationid": "corr",
        "payload": None,
        "origin": "c",
        "sequence": 7,
        "delivery": None,
    }
    return Job(**{**values, **more})


def suspended(text: str = "a") -> environment_v1.OrganizationSuspended:
    return environment_v1.OrganizationSuspended(slug="acme", reason=text)


HELD = {
    OWN: Held(ref=OWN, state=None, version=5),
    OTHER: Held(ref=OTHER, state=None, version=9),
    PARENT: Held(ref=PARENT, state=None, version=3),
}
CLAIMS = {
    SLUG: HeldClaim(claim=SLUG, state=ClaimState(), version=0),
    HOST: HeldClaim(claim=HOST, state=ClaimState(), version=4),
}


def accepted(decision: Decision, given_job: Job | None = None) -> Draft:
    who = given_job or job()
    return batch.acceptance(who, decision, outcome.accepted(who, (), None), HELD, CLAIMS)


def guard_of(message: Outgoing) -> tuple[str | None, str | None]:
    return (
        message.headers.get("Nats-Expected-Last-Subject-Sequence-Subject"),
        message.headers.get("Nats-Expected-Last-Subject-Sequence"),
    )
