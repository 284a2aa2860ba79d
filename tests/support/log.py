"""Writes decisions into the log as a worker does, without one: for tests of the read side."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from catalyst.chassis.guard import Guard
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.chassis.jetstream.topology import ensure
from catalyst.contracts import environment_v1 as env
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts import runtime_v1, subjects, topology
from catalyst.contracts.message import Envelope, Event, derived_id
from catalyst.contracts.provisioning_values_v1 import PlanRequest
from catalyst.contracts.registry import named
from catalyst.contracts.subjects import Ref

START: Final = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
"""Time of the first event; each decision is a second later."""

On = tuple[Ref, Event]


def organization(slug: str) -> Ref:
    return Ref(slug, "environment", "organization", slug)


def environment(slug: str, name: str) -> Ref:
    return Ref(slug, "environment", "environment", name)


def policy(slug: str, name: str) -> Ref:
    return Ref(slug, "environment", "policy", name)


def onboarding(slug: str) -> Ref:
    return Ref(slug, "environment", "onboarding", slug)


def created(slug: str, **changes: Any) -> On:
    """A new Organization; `ann@example.org` owns it."""
    values: dict[str, Any] = {
        "slug": slug,
        "display_name": slug.title(),
        "kind": "customer",
        "tier": "sme",
        "billing_mode": "real",
        "sovereign_ref": "cloud.example.org",
        "owners": (env.Owner(email="ann@example.org", role="owner"),),
    }
    return organization(slug), env.OrganizationCreated(**{**values, **changes})


def renamed(slug: str, name: str, **changes: Any) -> On:
    values: dict[str, Any] = {
        "slug": slug,
        "display_name": name,
        "tier": "sme",
        "billing_mode": "real",
        "default_environment_type": "prod",
    }
    return organization(slug), env.OrganizationUpdated(**{**values, **changes})


def owned(slug: str, *owners: tuple[str, env.OwnerRole]) -> On:
    people = tuple(env.Owner(email=email, role=role) for email, role in owners)
    return organization(slug), env.OwnersChanged(slug=slug, owners=people)


def deleted(slug: str) -> On:
    return organization(slug), env.OrganizationDeleted(slug=slug)


def environment_created(slug: str, kind: env.EnvType = "prod") -> Sequence[On]:
    """A new Environment, and what its Organization hears of it."""
    name = f"{slug}-{kind}"
    region = env.Region(provider="hetzner", region="fsn", building_block="rtz")
    return (
        (
            environment(slug, name),
            env.EnvironmentCreated(
                environment=name,
                organization=slug,
                env_type=kind,
                placement="single-region",
                regions=(region,),
                branch="main",
            ),
        ),
        (organization(slug), env.EnvironmentAdded(slug=slug, environment=name)),
    )


def deleting(environment: str, change: str) -> On:
    """Return that a change deletes an Environment of `acme`, in which nothing runs."""
    opened = pro1.ChangeOpened(
        request=PlanRequest(action="delete-environment", environment=environment),
        hash="h",
        inputs={},
        environment=environment,
        branches={},
        lock=(),
        steps=("delete",),
        author="user:test#ann",
    )
    return Ref("acme", "provisioning", "change", change), opened


def message(
    on: On,
    done_id: str,
    number: int,
    at: datetime,
    traceparent: str | None = None,
    guard: Guard | None = None,
) -> Outgoing:
    """An event as it is published."""
    ref, event = on
    found = named(type(event), ref.service)
    body = Envelope(
        specversion="1.0",
        id=derived_id(done_id, number),
        source="catalyst/environment",
        type=found.type,
        time=at,
        organization=ref.organization,
        actor="user:test#ann",
        correlationid=done_id,
        causationid=done_id,
        traceparent=traceparent,
        data=msgspec.Raw(msgspec.json.encode(event)),
    )
    headers = {} if guard is None else guard.headers()
    return Outgoing(ref.event(found.name, found.version), msgspec.json.encode(body), headers)


def parked(ref: Ref) -> Event:
    """A message of an aggregate was set aside."""
    return runtime_v1.Parked(
        subject=ref.dead_letter("c", 1),
        message_id="c-1",
        message_type="environment.update-environment.v1",
        reason="bug",
    )


class LogWriter:
    """Makes the streams, and writes one decision after the other."""

    def __init__(self, js: JetStream, name: str = "c") -> None:
        self._js = js
        self._name = name
        self._numbers = itertools.count(1)

    async def prepare(self) -> None:
        """Make the log and the bucket of the pointer."""
        ev = [stream for stream in topology.STREAMS if stream.name == topology.EV]
        await ensure(self._js, ([*ev, *topology.BUCKETS], []))

    async def decide(self, *events: On, traceparent: str | None = None) -> int:
        """Write an accepted command; return the last sequence of its batch."""
        number = next(self._numbers)
        done_id = f"{self._name}-{number}"
        at = START + timedelta(seconds=number)
        organization_ = events[0][0].organization
        recorded = {"status": "accepted", "counts": {"evt": len(events)}, "after": len(events)}
        done = Outgoing(
            subjects.done(organization_, done_id),
            msgspec.json.encode(recorded),
            {"Nats-TTL": "720h", "Nats-Expected-Last-Subject-Sequence": "0"},
        )
        guards = {ref: await self._guard(ref) for ref in {ref: None for ref, _ in events}}
        # The first event on an aggregate carries the guard of all of them.
        bodies = [
            message(on, done_id, place, at, traceparent, guards.pop(on[0], None))
            for place, on in enumerate(events)
        ]
        return (await self._js.batch([done, *bodies])).seq

    async def _guard(self, ref: Ref) -> Guard:
        last = await self._js.last(topology.EV, ref.guard)
        return Guard(ref.guard, 0 if last is None else last.seq)

    async def reject(self, slug: str) -> int:
        """Write a rejected command: a guard for what was read, and the outcome last."""
        done_id = f"{self._name}-{next(self._numbers)}"
        return (
            await self._js.batch(
                [
                    Outgoing(subjects.check(slug, done_id), b"", {"Nats-TTL": "60s"}),
                    Outgoing(
                        subjects.done(slug, done_id),
                        b'{"status":"rejected"}',
                        {"Nats-TTL": "720h", "Nats-Expected-Last-Subject-Sequence": "0"},
                    ),
                ]
            )
        ).seq

    async def raw(self, subject: str, data: bytes) -> int:
        """Write one message as it is."""
        return (await self._js.publish(Outgoing(subject, data))).seq
