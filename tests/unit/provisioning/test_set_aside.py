"""What a change gave up to wait for is set aside and retried: it takes nothing from a later one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import plans
from tests.support.changing import Sent, Town
from tests.support.examples import at_least
from tests.support.plans import apply, locked, planned, run, town
from tests.support.standing import Standing

from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.provisioning_values_v1 import Step
from catalyst.provisioning.domain.steps import WAYS, is_removal

pytestmark = pytest.mark.guarantee("G14.18")


def given_up(place: Town, name: str) -> list[Sent]:
    """Let nobody answer a change until it is over; return what it asked for all the while."""
    while place.change(name).step is not None:
        place.fire(name, "deadline")
    assert place.change(name).status == "failed"
    sent, place.sent = place.sent, []
    return sent


def test_what_is_set_aside_is_refused_once_another_change_has_come() -> None:
    place = town()
    standing = Standing(place.log)
    apply(place, "ch-1", planned(place))
    sent = given_up(place, "ch-1")
    assert len(sent) > 2
    apply(place, "ch-2", planned(place))
    (admit,) = place.sent
    assert standing.decide(admit.send.command) == ""
    run(place, "ch-2")
    assert standing.applications == ("blog",)
    for one in (*sent, *reversed(sent)):
        code = standing.decide(one.send.command)
        admits = isinstance(one.send.command, env1.AdmitApplication)
        assert code == ("change-over" if admits else "application-wanted")
        place.answer(one, code)
    assert standing.applications == ("blog",)


NAMES = ("ch-1", "ch-2", "ch-3", "ch-4")


class Delayed:
    """A town in which what changes send may be set aside, and is retried at any time."""

    def __init__(self, data: st.DataObject) -> None:
        self.draw = data.draw
        self.place = town()
        self.standing = Standing(self.place.log)
        self.late: list[Sent] = []

    def retry(self, one: Sent) -> None:
        command = one.send.command
        asks = isinstance(command, env1.AdmitApplication | env1.ReleaseApplication)
        self.place.answer(one, self.standing.decide(command) if asks else "")

    def some(self) -> None:
        """Retry some of what was set aside; its answer may come twice."""
        for _ in range(self.draw(st.integers(0, min(3, len(self.late))), label="retries")):
            index = self.draw(st.integers(0, len(self.late) - 1), label="which")
            twice = self.draw(st.booleans(), label="twice")
            self.retry(self.late[index] if twice else self.late.pop(index))

    def everything(self) -> None:
        while self.late or self.place.sent:
            self.late += self.place.sent
            self.place.sent = []
            self.retry(self.late.pop(self.draw(st.integers(0, len(self.late) - 1), label="last")))
            self.check()

    def change(self, name: str) -> None:
        """Bring two Applications, or take them away, all the way or until nobody has answered."""
        if self.place.application("blog").runs_in(plans.PROD):
            lock = (locked("blog", database="store"), locked("store"))
            apply(self.place, name, planned(self.place, "uninstall", lock=lock, priced=False))
        else:
            lock = (locked("store", "new"), locked("blog", database="store"))
            apply(self.place, name, planned(self.place, lock=lock, priced=False))
        gives_up = self.draw(st.booleans(), label=f"{name} gives up")
        for _ in range(500):
            step = self.place.change(name).step
            if step is None:
                break
            self.some()
            # It may be over, or further, by what came late.
            if self.place.change(name).step == step:
                self.go_on(name, step, gives_up=gives_up)
        assert self.place.change(name).is_over
        self.check()

    def go_on(self, name: str, step: Step, *, gives_up: bool) -> None:
        asked, self.place.sent = self.place.sent, []
        self.late += asked
        if gives_up:
            self.place.fire(name, "deadline")
            return
        for one in [one for one in asked if one.change.id == name]:
            self.late.remove(one)
            self.retry(one)
        state = self.place.change(name)
        for unit in state.remaining() if state.step == step else ():
            if step == "observe":
                removal = is_removal(state.content().request.action)
                self.place.see(unit.application, name, health="missing" if removal else "healthy")
            elif WAYS[step].kind == "effect":
                self.place.report(name, step, unit.application, undo=state.undo)

    def check(self) -> None:
        """What runs, and is not being changed, stands in the Environment."""
        for name in ("blog", "store"):
            application = self.place.application(name)
            if application.runs_in(plans.PROD) and not application.queue:
                assert name in self.standing.applications


@given(data=st.data())
@at_least(20)
def test_in_any_order_what_stands_is_what_runs(data: st.DataObject) -> None:
    late = Delayed(data)
    for name in NAMES:
        late.change(name)
    late.everything()
    wanted = [one for one in ("blog", "store") if late.place.application(one).runs_in(plans.PROD)]
    assert list(late.standing.applications) == wanted
    for name in NAMES:
        assert not [line for line in late.place.change(name).left if line.startswith("admit")]


def test_what_was_left_is_told_no_longer_once_it_is_taken_back() -> None:
    place = town()
    standing = Standing(place.log)
    lock = (locked("store", "new"), locked("blog", database="store"))
    apply(place, "ch-1", planned(place, lock=lock))
    sent = place.sent
    for one in sent:
        assert standing.decide(one.send.command) == ""
    place.sent = []
    asked = given_up(place, "ch-1")
    assert place.change("ch-1").left == ("admit: the deadline passed",)
    releases = [x for x in asked if isinstance(x.send.command, env1.ReleaseApplication)]
    first, second = releases[:2]
    place.answer(first, standing.decide(first.send.command))
    assert place.change("ch-1").left == ("admit: the deadline passed",)
    told = len(place.log)
    place.answer(first, standing.decide(first.send.command))
    assert len(place.log) == told
    assert place.change("ch-1").left == ("admit: the deadline passed",)
    place.answer(second, standing.decide(second.send.command))
    assert place.change("ch-1").left == ()
    assert place.change("ch-1").undone[-1] == "admit"
    assert standing.applications == ()
    before = len(place.log)
    for one in asked:
        code = standing.decide(one.send.command)
        place.answer(one, code)
    assert len(place.log) == before
    (end,) = place.events(pro1.ChangeFailed)
    assert end.left == ("admit: the deadline passed",)


@pytest.mark.parametrize("code", ["forbidden", "dropped"])
def test_what_is_refused_for_another_reason_is_told_on(code: str) -> None:
    place = town()
    apply(place, "ch-1", planned(place))
    asked = given_up(place, "ch-1")
    for one in asked:
        place.answer(one, code)
    assert place.change("ch-1").left == ("admit: the deadline passed",)


def test_a_hold_that_is_given_back_late_is_told_no_longer_and_one_that_was_taken_is() -> None:
    for code in ("", "hold-captured"):
        place = town()
        apply(place, "ch-1", planned(place))
        place.answer(place.sent.pop())
        asked = given_up(place, "ch-1")
        assert place.change("ch-1").left == (
            "hold: the deadline passed",
            "admit: the deadline passed",
        )
        back = [x for x in asked if isinstance(x.send.command, bill1.ReleaseHold)]
        place.answer(back[0], code)
        place.answer(back[1])
        told = [line for line in place.change("ch-1").left if line.startswith("hold")]
        assert len(told) == (2 if code else 0)
