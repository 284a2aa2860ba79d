"""What a worker measures, beside what every HTTP surface does; shown on the member's `/metrics`.

Filled by the worker, its decide loop, its groups, its relay and its effects.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from catalyst.contracts.message import Outcome
from catalyst.contracts.registry import BY_TYPE

_SIZES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_OTHER: Final = "other"
"""In place of a type that no contract knows: a sender must not be able to name a series."""


class Measures:
    """The measurements of one worker."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        """Put them into `registry`; without one nobody looks at them."""
        into = registry or CollectorRegistry()
        self._commands = Counter(
            "catalyst_worker_commands",
            "Inputs answered, by type, outcome and code of the rejection.",
            ["type", "status", "code"],
            registry=into,
        )
        self.group_size = Histogram(
            "catalyst_worker_group_size",
            "Decisions that one batch carried.",
            buckets=_SIZES,
            registry=into,
        )
        self.conflicts = Counter(
            "catalyst_worker_conflicts",
            "Decisions made again because what they read had changed.",
            registry=into,
        )
        self.redeliveries = Counter(
            "catalyst_worker_redeliveries",
            "Messages that the broker had delivered before.",
            registry=into,
        )
        self.parked = Counter(
            "catalyst_worker_parked", "Messages set aside, by reason.", ["reason"], registry=into
        )
        self._letters = Counter(
            "catalyst_worker_dead_letters",
            "Messages put into the dead-letter queue, by reason.",
            ["reason"],
            registry=into,
        )
        self.effects = Counter(
            "catalyst_worker_effects",
            "Tries at effects, by result: done, again, waits or given-up.",
            ["effect", "result"],
            registry=into,
        )
        self.waits = Gauge(
            "catalyst_worker_effect_wait_seconds",
            "How long the oldest waiting effect has found the world not ready; 0 without one.",
            ["effect"],
            registry=into,
        )
        self.passed_over = Counter(
            "catalyst_worker_index_passed_over",
            "Events that an index could not take in.",
            ["index"],
            registry=into,
        )
        self._answered: dict[tuple[str, str, str], Counter] = {}
        """The series of `_commands` asked for so far: looking one up costs more than counting."""
        self._lease = Gauge(
            "catalyst_worker_lease_held", "1 while this worker takes messages.", registry=into
        )
        self._lanes = Gauge(
            "catalyst_worker_lanes_open", "Aggregates that have work waiting.", registry=into
        )

    def answered(self, type_: str, found: Outcome) -> None:
        """Count the outcome of an input of type `type_`."""
        labels = (type_ if type_ in BY_TYPE else _OTHER, found.status, found.code)
        series = self._answered.get(labels)
        if series is None:
            series = self._answered[labels] = self._commands.labels(*labels)
        series.inc()

    def letter(self, reason: str) -> None:
        """Count a dead letter that was stored."""
        self._letters.labels(reason).inc()

    def watch(self, lease: Callable[[], bool], lanes: Callable[[], int]) -> None:
        """Ask these whenever somebody looks."""
        self._lease.set_function(lambda: float(lease()))
        self._lanes.set_function(lambda: float(lanes()))
