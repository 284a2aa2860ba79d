"""The Environment `acme-prod` as its owner decides it, beside changes that are tested."""

from typing import Any

from tests.support import build
from tests.support.build import ACME, PROD

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.decision import Context
from catalyst.contracts.message import Command, Event
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Ref
from catalyst.environment_controller import handlers

KINDS = {(one.service or handlers.NAME, one.name): one for one in handlers.AGGREGATES}
RULES = {(rule.shape, rule.aggregate): rule for rule in handlers.RULES}


class Standing:
    """What stands in the Environment; it decides by the rules of the environment-controller."""

    def __init__(self, events: list[tuple[Ref, Event]]) -> None:
        """Begin empty; `events` is the log of changes and Applications, which may grow."""
        self._events = events
        self._read = 0
        self._states: dict[Ref, Any] = {}
        for event in (build.organization_created(), env1.OrganizationReady(slug="acme")):
            self._fold(ACME, event)
        self._fold(PROD, build.environment_created())

    @property
    def applications(self) -> tuple[str, ...]:
        """Return what was admitted and not released."""
        found: tuple[str, ...] = self._state(PROD).applications
        return found

    def decide(self, command: Command) -> str:
        """Carry a command out; return the code of the refusal, or nothing."""
        for ref, event in self._events[self._read :]:
            self._fold(ref, event)
        self._read = len(self._events)
        rule = RULES[type(command), "environment"]
        state = self._state(PROD)
        named = [ref for ref in rule.reads(state, command, PROD) if isinstance(ref, Ref)]
        context = Context(
            now=build.NOW,
            ref=PROD,
            actor=build.PROVISIONING,
            input_id="i",
            done_id="i",
            reads={ref: self._state(ref) for ref in named},
        )
        try:
            decision = rule.decide(state, command, context)
        except Rejected as refusal:
            return refusal.code
        for item in decision.events:
            self._fold(item.ref or PROD, item.event)
        return ""

    def _state(self, ref: Ref) -> Any:
        return self._states.get(ref, KINDS[ref.service, ref.aggregate].initial)

    def _fold(self, ref: Ref, event: Event) -> None:
        kind = KINDS.get((ref.service, ref.aggregate))
        if kind is not None:
            self._states[ref] = kind.evolve(self._state(ref), event)
