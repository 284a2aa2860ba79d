"""What a decision was made from: every aggregate and claim that was read, with its version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from catalyst.chassis.claiming import HeldClaim
from catalyst.chassis.job import Job
from catalyst.chassis.states import Held
from catalyst.contracts.decision import Context
from catalyst.contracts.subjects import Claim, Ref


class Reading(NamedTuple):
    """Everything that one decision was made from."""

    own: Held
    others: Mapping[Ref, Held]
    claims: Mapping[Claim, HeldClaim]

    @property
    def held(self) -> dict[Ref, Held]:
        """Every aggregate that was read, the deciding one first."""
        return {self.own.ref: self.own, **self.others}

    def guards(self) -> dict[str, int]:
        """Every string that was read, with the sequence at which it was."""
        found = {item.ref.guard: item.version for item in self.held.values()}
        found.update({item.claim.subject: item.version for item in self.claims.values()})
        return found

    def context(self, job: Job, facts: Any) -> Context:
        """Return what a rule sees of it, beside its input and what was prepared."""
        return Context(
            now=job.now,
            ref=job.ref,
            actor=job.actor,
            input_id=job.input_id,
            done_id=job.done_id,
            reads={ref: held.state for ref, held in self.others.items()},
            claims={claim: held.state for claim, held in self.claims.items()},
            facts=facts,
        )
