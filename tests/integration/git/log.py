"""A log in memory, folded by the real aggregates: what the Git effect sees of the world."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from catalyst.chassis.events import Unreadable
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import environment_v2 as env2
from catalyst.contracts.decision import Recorded
from catalyst.contracts.message import Event
from catalyst.contracts.registry import named
from catalyst.contracts.subjects import Ref
from catalyst.environment_controller.domain import environment, organization, policy, progress

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ALICE = "user:https://issuer.test#alice"

FOLDS: dict[str, tuple[Any, Any]] = {
    "organization": (organization.Organization(), organization.evolve),
    "environment": (environment.Environment(), environment.evolve),
    "policy": (policy.Policy(), policy.evolve),
    "onboarding": (progress.Onboarding(), progress.evolve),
}


class Log:
    """Events in order; a service's states as of any sequence."""

    def __init__(self) -> None:
        self.entries: list[Recorded] = []
        self.broken: set[Ref] = set()
        """Aggregates whose fold fails."""
        self.loads = 0

    def add(self, ref: Ref, event: Event, command: str = "", actor: str = ALICE) -> Recorded:
        """Append an event; sequences have gaps, as in a log that other things stand in too."""
        seq = 10 + 3 * len(self.entries)
        recorded = Recorded(
            event=event,
            type=named(type(event), "environment").type,
            id=f"e-{seq}",
            ref=ref,
            seq=seq,
            time=START + timedelta(seconds=seq),
            actor=actor,
            correlationid=command or f"c-{seq}",
            causationid=command or f"c-{seq}",
        )
        self.entries.append(recorded)
        return recorded

    async def load(self, ref: Ref, *, up_to: int | None = None) -> Any:
        """Fold one aggregate."""
        self.loads += 1
        if ref in self.broken:
            raise Unreadable(f"{ref.path} is broken")
        state, evolve = FOLDS[ref.aggregate]
        for recorded in self.entries:
            if recorded.ref == ref and (up_to is None or recorded.seq <= up_to):
                state = evolve(state, recorded.event)
        return state


class Acme:
    """The Organization acme, as a story in a log."""

    def __init__(self, log: Log, slug: str = "acme") -> None:
        self.log = log
        self.slug = slug
        self.ref = organization.ref_of(slug)

    def created(self) -> Recorded:
        return self.log.add(
            self.ref,
            env1.OrganizationCreated(
                slug=self.slug,
                display_name="Acme",
                kind="customer",
                tier="sme",
                billing_mode="real",
                sovereign_ref="cloud.example.org",
                owners=(env1.Owner(email="alice@acme.test", role="owner"),),
            ),
        )

    def step(self, step: env1.Step, attempt: int = 1) -> Recorded:
        event = env1.StepStarted(
            slug=self.slug, step=step, attempt=attempt, gen="g", deadline=START
        )
        ref = progress.onboarding_ref(self.slug)
        return self.log.add(ref, event, "c-create", "service:environment")

    def step_completed(self, step: env1.Step) -> Recorded:
        event = env1.StepCompleted(slug=self.slug, step=step)
        return self.log.add(progress.onboarding_ref(self.slug), event)

    def undo(self) -> Recorded:
        event = env1.CompensationStarted(
            slug=self.slug, step="ready", reason="x", gen="g", deadline=START, attempt=2
        )
        return self.log.add(progress.onboarding_ref(self.slug), event)

    def renamed(self, name: str) -> Recorded:
        event = env1.OrganizationUpdated(
            slug=self.slug,
            display_name=name,
            tier="sme",
            billing_mode="real",
            default_environment_type="prod",
        )
        return self.log.add(self.ref, event)

    def suspended(self, reason: str) -> Recorded:
        return self.log.add(self.ref, env1.OrganizationSuspended(slug=self.slug, reason=reason))

    def ready(self) -> Recorded:
        return self.log.add(self.ref, env1.OrganizationReady(slug=self.slug))

    def resumed(self) -> Recorded:
        return self.log.add(self.ref, env1.OrganizationResumed(slug=self.slug))

    def owners_changed(self, *emails: str) -> Recorded:
        owners = tuple(env1.Owner(email=email, role="owner") for email in emails)
        return self.log.add(self.ref, env1.OwnersChanged(slug=self.slug, owners=owners))

    def deleted(self) -> Recorded:
        return self.log.add(self.ref, env1.OrganizationDeleted(slug=self.slug))

    def environment(self, env_type: env1.EnvType, policy: str | None = None) -> Recorded:
        """An Environment is created; its Organization has it one event later."""
        name = f"{self.slug}-{env_type}"
        event = env1.EnvironmentCreated(
            environment=name,
            organization=self.slug,
            env_type=env_type,
            placement="single-region",
            regions=(region("fsn", env_type),),
            branch="develop",
            policy=policy,
        )
        recorded = self.log.add(environment.environment_ref(self.slug, name), event)
        self.log.add(self.ref, env1.EnvironmentAdded(slug=self.slug, environment=name))
        return recorded

    def moved(self, env_type: env1.EnvType, place: str) -> Recorded:
        name = f"{self.slug}-{env_type}"
        event = env1.EnvironmentUpdated(
            environment=name, placement="single-region", regions=(region(place, env_type),)
        )
        return self.log.add(environment.environment_ref(self.slug, name), event)

    def attached(self, env_type: env1.EnvType, policy: str | None) -> Recorded:
        name = f"{self.slug}-{env_type}"
        event = env1.PolicyAttached(environment=name, policy=policy)
        return self.log.add(environment.environment_ref(self.slug, name), event)

    def environment_deleted(self, env_type: env1.EnvType) -> Recorded:
        name = f"{self.slug}-{env_type}"
        event = env1.EnvironmentDeleted(environment=name, organization=self.slug)
        recorded = self.log.add(environment.environment_ref(self.slug, name), event)
        self.log.add(self.ref, env1.EnvironmentRemoved(slug=self.slug, environment=name))
        return recorded

    def policy(self, name: str, soak_minutes: int = 60) -> Recorded:
        event = env2.PolicyDefined(policy=name, soak_minutes=soak_minutes)
        recorded = self.log.add(policy.policy_ref(self.slug, name), event)
        self.log.add(self.ref, env1.PolicyAdded(slug=self.slug, policy=name))
        return recorded

    def policy_deleted(self, name: str) -> Recorded:
        return self.log.add(policy.policy_ref(self.slug, name), env1.PolicyDeleted(policy=name))


def region(place: str, env_type: str) -> env1.Region:
    """A region of Hetzner with its host cluster."""
    return env1.Region(
        provider="hetzner",
        region=place,
        building_block="rtz",
        host_cluster=f"hz-{place}-rtz-{env_type}",
    )
