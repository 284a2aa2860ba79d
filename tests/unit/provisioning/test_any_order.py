"""Late, twice, out of order or never: a change ends, and nothing stays held without being told."""

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.support import plans
from tests.support.changing import Sent, Town
from tests.support.examples import at_least
from tests.support.plans import DEVELOPER, apply, captured, locked, planned, town
from tests.support.standing import Standing
from typing_extensions import override

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.provisioning_values_v1 import Locked, progress
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.domain import possible
from catalyst.provisioning.domain.change import change_ref
from catalyst.provisioning.domain.foreign import account_ref
from catalyst.provisioning.domain.steps import WAYS, is_removal

INDEX = st.integers(min_value=0, max_value=50)
NAMES = ("ch-1", "ch-2", "ch-3")


class Others:
    """Billing and the environment-controller, as far as a change meets them."""

    def __init__(self, place: Town) -> None:
        self.place = place
        self.standing = Standing(place.log)
        self.holds: dict[str, str] = {}
        self.subscriptions: dict[str, str] = {}
        """The hold that paid for each last, while it is charged; empty once it has ended."""

    def decide(self, sent: Sent, change: Any, *, refuse: bool) -> str:
        """Carry a command out; return the code of the refusal, or nothing."""
        match sent.send.command:
            case env1.AdmitApplication() | env1.ReleaseApplication() as command:
                admits = isinstance(command, env1.AdmitApplication)
                if refuse and admits:
                    return "organization-suspended"
                return self.standing.decide(command)
            case bill1.HoldCredit() as command:
                if not refuse and self.holds.get(command.hold) not in {"captured", "released"}:
                    self.holds[command.hold] = "open"
                    return ""
                return "credit-insufficient" if refuse else "hold-ended"
            case bill1.CaptureHold() as command:
                return self._end(command.hold, "captured", change)
            case bill1.ReleaseHold() as command:
                return self._end(command.hold, "released", change)
            case bill1.EndSubscription() as command:
                name = sent.send.ref.id
                if name not in self.subscriptions:
                    return "subscription-not-found"
                if command.hold in {None, self.subscriptions[name]}:
                    self.subscriptions[name] = ""
                return ""
            case command:
                raise AssertionError(command)

    def _end(self, hold: str, wanted: str, change: Any) -> str:
        state = self.holds.get(hold)
        if state is None:
            return "hold-not-found"
        if state == "open" and wanted == "captured" and change.takes_back:
            return "change-over"
        if state == "open":
            self.holds[hold] = wanted
            if wanted == "captured":
                self.subscriptions |= dict.fromkeys(change.content().sold, hold)
                self.place.given(account_ref("acme"), captured(hold))
            return ""
        return "" if state == wanted else f"hold-{state}"


class AnyOrder(RuleBasedStateMachine):
    """Two Applications, up to three changes, and everything that may happen to them."""

    @initialize(priced=st.booleans())
    def begin(self, priced: bool) -> None:  # noqa: FBT001 - drawn
        self.place = town()
        self.others = Others(self.place)
        self.answers: list[tuple[Sent, str]] = []
        self.priced = priced
        lock = (locked("store", "new"), locked("blog", database="store"))
        apply(self.place, "ch-1", planned(self.place, lock=lock, priced=priced))
        self.percent: dict[str, int] = {}

    @rule(
        action=st.sampled_from(["configure", "uninstall", "install"]),
        lost=st.sampled_from([(), ("blog-data",)]),
        needs=st.sampled_from([{"database": "store"}, {}]),
    )
    def another(self, action: Any, lost: tuple[str, ...], needs: dict[str, str]) -> None:
        name = next((x for x in NAMES if self.place.change(x).opened is None), None)
        old = self.place.application("blog").expected(plans.PROD)[0]
        if name is None or (old is None) != (action == "install"):
            return
        used = old.dependencies if old is not None else {}
        needs = used if action == "uninstall" else needs
        present = self.place.application("store").expected(plans.PROD)[0] is not None
        store = (locked("store", "shared" if present else "new"),) if needs or used else ()
        lock: tuple[Locked, ...] = (*store, locked("blog", **needs))
        lost = lost if action == "uninstall" else ()
        found = planned(self.place, action, lock=lock, priced=self.priced, lost=lost)
        apply(self.place, name, found)

    @rule(index=INDEX, refuse=st.booleans())
    def deliver(self, index: int, refuse: bool) -> None:  # noqa: FBT001 - drawn
        if self.place.sent:
            sent = self.place.sent.pop(index % len(self.place.sent))
            self.carry_out(sent, refuse=refuse)

    def carry_out(self, sent: Sent, *, refuse: bool) -> None:
        change = self.place.state(sent.change)
        self.answers.append((sent, self.others.decide(sent, change, refuse=refuse)))

    @rule(index=INDEX, twice=st.booleans())
    def answer(self, index: int, twice: bool) -> None:  # noqa: FBT001 - drawn
        if self.answers:
            place = index % len(self.answers)
            sent, code = self.answers[place] if twice else self.answers.pop(place)
            self.place.answer(sent, code)

    @rule(index=INDEX, failed=st.booleans(), unit=INDEX)
    def report(self, index: int, failed: bool, unit: int) -> None:  # noqa: FBT001 - drawn
        effects = [one for one in self.place.started if WAYS[one.event.step].kind == "effect"]
        if not effects:
            return
        one = effects[index % len(effects)].event
        name = one.applications[unit % len(one.applications)]
        change = effects[index % len(effects)].change.id
        self.place.report(
            change,
            one.step,
            name,
            failed="broken" if failed else "",
            undo=one.undo,
            attempt=one.attempt,
        )

    @rule(
        health=st.sampled_from(["healthy", "degraded", "missing", "unknown"]),
        name=st.sampled_from(["blog", "store"]),
        revision=st.sampled_from(NAMES),
    )
    def see(self, health: str, name: str, revision: str) -> None:
        queue = self.place.application(name).queue
        change = next((item.change for item in queue if item.taken), "")
        committed = self.place.application(name).binding(plans.PROD).committed
        commit = committed.commit if committed is not None else ""
        self.place.see(name, change, health=health, revision=revision, commit=commit)

    @rule(index=INDEX)
    def fire(self, index: int) -> None:
        if self.place.timers:
            ref, timer = list(self.place.timers)[index % len(self.place.timers)]
            self.place.fire(ref.id, timer)

    @rule(name=st.sampled_from(NAMES))
    def nobody_answers(self, name: str) -> None:
        """Let a step pass all of its attempts; what was sent is on its way all the same."""
        step = self.place.change(name).step
        for _ in range(WAYS[step].attempts if step is not None else 0):
            if (self.place.change(name).step, self.place.change(name).undo) == (step, False):
                self.place.fire(name, "deadline")

    @rule(name=st.sampled_from(NAMES))
    def nobody_answers_its_capture(self, name: str) -> None:
        """Let everything be done as it should up to the capture, and that be given up."""
        self.go_on(name, "capture")
        if self.place.change(name).step == "capture":
            self.nobody_answers(name)

    @rule(name=st.sampled_from(NAMES))
    def goes_through(self, name: str) -> None:
        """Let everything be done as it should, while what others asked for is still on its way."""
        self.go_on(name)

    @rule(name=st.sampled_from(NAMES))
    def gives_up(self, name: str) -> None:
        """Let nobody answer it until it is over; what it sent is set aside, and retried later."""
        while self.place.change(name).step is not None:
            self.place.fire(name, "deadline")

    def go_on(self, name: str, until: str = "") -> None:
        for _ in range(50):
            state = self.place.change(name)
            step = state.step
            if step is None or state.undo or step == until:
                break
            asked = [one for one in self.place.sent if one.change.id == name]
            if WAYS[step].kind == "command" and asked:
                self.place.sent.remove(asked[-1])
                self.carry_out(asked[-1], refuse=False)
                self.place.answer(*self.answers.pop())
            for unit in state.remaining() if WAYS[step].kind != "command" else ():
                if WAYS[step].kind == "facts":
                    health = "missing" if is_removal(state.content().request.action) else "healthy"
                    self.place.see(unit.application, name, health=health)
                else:
                    self.place.report(name, step, unit.application)

    @rule(name=st.sampled_from(NAMES))
    def cancel(self, name: str) -> None:
        try:
            command = pro1.CancelChange(reason="stop")
            self.place.command(change_ref("acme", name), command, DEVELOPER)
        except Rejected:
            return
        self.place.pass_on()

    @invariant()
    def one_change_works_on_an_application_at_a_time(self) -> None:
        for name in ("blog", "store"):
            taken = {item.change for item in self.place.application(name).queue if item.taken}
            assert len(taken) <= 1

    @invariant()
    def what_runs_is_admitted(self) -> None:
        """Whatever a change that gave up asks for late."""
        for name in ("blog", "store"):
            application = self.place.application(name)
            flies = any(item.taken for item in application.queue)
            if application.runs_in(plans.PROD) and not flies:
                assert name in self.others.standing.applications

    @invariant()
    def who_needs_the_store_or_may_is_known(self) -> None:
        """As long as it may be needed, and at most to the end of the change by which that ends."""
        blog = self.place.application("blog")
        known = "blog" in self.place.application("store").binding(plans.PROD).dependents
        if "store" in possible.needed(blog, plans.PROD):
            assert known
        elif known:
            assert any(item.taken for item in blog.queue)

    @invariant()
    def progress_never_lies(self) -> None:
        for name in NAMES:
            state = self.place.change(name)
            if state.opened is None:
                continue
            found = progress(state.content().steps, state.completed, state.step).percent
            assert found >= self.percent.get(name, 0)
            self.percent[name] = found
            assert (found == 100) == (state.completed == state.content().steps)
            if state.status == "completed":
                assert found == 100

    @override
    def teardown(self) -> None:
        """Let everything end as it may, then look at what is left."""
        for _ in range(2000):
            if self.place.sent:
                self.carry_out(self.place.sent.pop(0), refuse=False)
            elif self.answers:
                self.place.answer(*self.answers.pop(0))
            elif self.place.timers:
                self.work_or_fire()
            else:
                break
        for name in NAMES:
            self.check(name)
        for name in ("blog", "store"):
            assert self.place.application(name).queue == ()
            self.check_charged(name)

    def work_or_fire(self) -> None:
        ref, timer = next(iter(self.place.timers))
        state = self.place.change(ref.id)
        units = state.remaining() if state.step and WAYS[state.step].kind == "effect" else ()
        committed = self.place.application("blog").binding(plans.PROD).committed
        given_up = committed is not None and committed.change == ref.id
        if not units or (state.step == "unprotect" and not state.undo and given_up):
            self.place.fire(ref.id, timer)
            return
        for unit in units:
            self.place.report(ref.id, str(state.step), unit.application, undo=state.undo)

    def check(self, name: str) -> None:
        state = self.place.change(name)
        if state.opened is None:
            return
        assert state.is_over, (state.status, state.step)
        told = " ".join(state.left)
        hold = self.others.holds.get(name)
        removal = is_removal(state.content().request.action)
        if state.status == "failed":
            assert hold != "open"
            assert "was taken" not in told
            assert hold != "captured"
            committed = [
                one
                for one in self.place.events(app1.RevisionCommitted)
                if (one.repository, one.environment) == ("blog", plans.PROD)
            ]
            given_up = [i for i, x in enumerate(committed) if x.change == name and not x.kept]
            # Taken back, by the files that were there before or by the protection alone.
            back = [one.kept for one in committed[given_up[-1] + 1 :]] if given_up else []
            assert not given_up or True in back[:1] or "commit" in told or "unprotect" in told
        elif not removal and state.content().sold:
            assert hold == "captured"
        for item in state.content().lock:
            application = self.place.application(item.application)
            runs = application.runs_in(plans.PROD)
            assert runs == (item.application in self.others.standing.applications)

    def told(self) -> str:
        """Return all that changes say they left."""
        return " ".join(" ".join(self.place.change(one).left) for one in NAMES)

    def check_charged(self, name: str) -> None:
        """Nothing is charged on that does not run, unless a change says so."""
        charged = bool(self.others.subscriptions.get(f"{name}.{plans.PROD}"))
        runs = self.place.application(name).runs_in(plans.PROD)
        told = self.told()
        assert not charged or runs or f"settle {name}" in told or "settle: not begun" in told


AnyOrder.TestCase.settings = settings(
    at_least(40),
    stateful_step_count=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestAnyOrder = pytest.mark.guarantee("G14.3", "G14.4", "G14.7")(AnyOrder.TestCase)
