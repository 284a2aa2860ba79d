"""Billing as it runs: what is decided is carried on in any order, and timers fire late."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from tests.support import billing, build
from tests.support import usage as used
from tests.support.scenario import Outcome
from tests.support.year import Log

from catalyst.billing.domain import invoicing, usage
from catalyst.billing.handlers import PROCESSES
from catalyst.contracts.decision import Actor, Arm, Decision, Fired, Recorded, Send
from catalyst.contracts.message import Answer, Command, derived_id
from catalyst.contracts.subjects import Ref
from catalyst.contracts.usage_v1 import Use

_ASKING = {process.aggregate for process in PROCESSES}
"""Whose commands are answered."""


class Pending(NamedTuple):
    """Something on its way to an aggregate."""

    at: Ref
    what: Recorded | Answer | Send
    id: str
    sender: Ref


class Running(Log):
    """A log that carries on what is decided, as the runtime does."""

    def __init__(self, month: str = "2026-01") -> None:
        self.pending: list[Pending] = []
        self.timers: dict[tuple[Ref, str], tuple[datetime, str]] = {}
        self._inputs = 0
        super().__init__(month)
        closes = invoicing.closes(month)
        self.timers[billing.ACCOUNT, invoicing.TIMER] = (closes, "opened")

    # ---- what comes in

    def does(self, command: Command, at: Ref, by: Actor) -> Outcome:
        """Decide a command, and let what follows be on its way."""
        return self._decided(command, at, by, self._id("c"))

    def reports(self, *uses: Use) -> None:
        """Let uses of one month come in."""
        month = f"{uses[0].time:%Y-%m}"
        at = usage.ref_of("acme", month)
        found = used.reported(self.scene, *uses, now=self.now, month=month)
        self._carry(at, found, self._id("u"))

    def hears(self, event: Any, of: Ref) -> None:
        """Let the account hear what another service says."""
        self._react(billing.ACCOUNT, build.recorded(event, of), self._id("h"))

    # ---- what goes on

    def due(self) -> list[tuple[Ref, str]]:
        """Return the timers whose time has come."""
        return [name for name, (at, _) in self.timers.items() if at <= self.now]

    def fire(self, name: tuple[Ref, str]) -> None:
        """Let one of them fire."""
        _, gen = self.timers.pop(name)
        self._react(name[0], Fired(timer=name[1], gen=gen), self._id("t"))

    def arrive(self, place: int) -> None:
        """Let one of those on their way arrive; what is for one aggregate keeps its order."""
        at = self.pending[place].at
        first = next(one for one in self.pending if one.at == at)
        self.pending.remove(first)
        if isinstance(first.what, Send):
            found = self._decided(first.what.command, at, billing.SERVICE, first.id)
            if first.sender.aggregate in _ASKING:
                self._answer(first, found)
        else:
            self._react(at, first.what, first.id)

    def settle(self) -> None:
        """Let all that is on its way arrive, and each timer fire whose time has come."""
        while self.pending or self.due():
            if self.pending:
                self.arrive(0)
            else:
                self.fire(min(self.due(), key=lambda name: self.timers[name]))

    def goes_on(self) -> bool:
        """Return whether more of a month is closed in a moment."""
        at, _ = self.timers.get((billing.ACCOUNT, invoicing.TIMER), (None, ""))
        return at is not None and at <= self.now + timedelta(minutes=1)

    # ---- how

    def _id(self, kind: str) -> str:
        self._inputs += 1
        return f"{kind}-{self._inputs}"

    def _decided(self, command: Command, at: Ref, by: Actor, id_: str) -> Outcome:
        found = self.scene.when(command, at, by=by, now=self.now, input_id=id_)
        self._carry(at, found, id_)
        return found

    def _react(self, at: Ref, given: Any, id_: str) -> None:
        found = self.scene.hears(given, at, now=self.now, input_id=id_)
        self._carry(at, found, id_)

    def _answer(self, one: Pending, found: Outcome) -> None:
        refused = found.rejected
        answer = Answer(
            command_id=one.id,
            status="accepted" if refused is None else "rejected",
            code="" if refused is None else refused.code,
            events=0 if refused is not None else len(found.events),
        )
        self.pending.append(Pending(one.sender, answer, self._id("a"), one.at))

    def _carry(self, at: Ref, outcome: Outcome, done_id: str) -> None:
        if outcome.rejected is not None:
            self.scene = outcome.and_then()
            return
        before = len(self.events)
        decision = self.after(at, outcome)
        self._arm(at, decision, done_id)
        for place, send in enumerate(decision.commands):
            self.pending.append(Pending(send.ref, send, derived_id(done_id, f"out{place}"), at))
        for recorded in self.events[before:]:
            for process in PROCESSES:
                if isinstance(recorded.event, process.events):
                    heard_by = process.correlate(recorded)
                    if heard_by is not None:
                        self.pending.append(Pending(heard_by, recorded, recorded.id, recorded.ref))

    def _arm(self, at: Ref, decision: Decision, done_id: str) -> None:
        for timer in decision.timers:
            if isinstance(timer, Arm):
                self.timers[at, timer.timer] = (self.now + timer.after, done_id)
            else:
                self.timers.pop((at, timer.timer), None)
