"""How one input is decided: what it reads, and the function of the service's table that decides it.

Called by the decide loop, once for each attempt.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from catalyst.chassis.job import Collected, Job
from catalyst.chassis.service import Prepare, Process, Read, Rule, Service, Source
from catalyst.contracts.decision import Context, Decision, Fired, Recorded
from catalyst.contracts.message import Answer
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Ref


class Way(NamedTuple):
    """How one input is decided."""

    reads: Callable[[Any, Any, Ref], Sequence[Read]]
    decide: Callable[[Any, Any, Context], Decision]
    input: Any
    """What both take beside the state."""
    prepare: Prepare | None = None


class Ways:
    """The table of a service, as the decide loop asks it."""

    def __init__(self, service: Service) -> None:
        """Look inputs up in `service`."""
        self._service = service
        self._processes: Mapping[str, Process] = {
            process.aggregate: process for process in service.processes
        }
        self._sources: Mapping[str, Source] = {item.name: item for item in service.sources}

    def hears(self, aggregate: str) -> bool:
        """Whether an aggregate takes answers, events and timers."""
        return aggregate in self._processes

    def makes(self, job: Job) -> bool:
        """Whether a job makes its aggregate, so that there is most likely none yet."""
        rule = self._rule(job)
        return rule is not None and rule.makes

    def _rule(self, job: Job) -> Rule | None:
        key = (type(job.payload), job.ref.aggregate)
        return self._service.by_command.get(key)  # type: ignore[arg-type]

    def of(self, job: Job) -> Way:
        """Return how a job is decided.

        Raises:
            Rejected: If the door refused it, or its aggregate takes no such input.
        """
        if job.refusal is not None:
            raise job.refusal
        payload, aggregate = job.payload, job.ref.aggregate
        if isinstance(payload, Collected):
            source = self._sources[payload.source]
            return Way(source.reads, source.react, payload.items)
        if isinstance(payload, Recorded | Fired | Answer):
            process = self._processes.get(aggregate)
            if process is None:
                raise Rejected("unknown-type", f"{aggregate!r} reacts to nothing")
            return Way(process.reads, process.react, payload, process.prepare)
        rule = self._rule(job)
        if rule is None:
            raise Rejected("unknown-type", f"{aggregate!r} takes no {job.type!r}")
        return Way(rule.reads, rule.decide, payload, rule.prepare)
