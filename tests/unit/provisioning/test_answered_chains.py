"""An answer about health leads to the same causes as the rows do, whatever a change comes to."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import plans
from tests.support.changing import Town
from tests.support.examples import a_part
from tests.support.folding import Folding
from tests.unit.projector.test_changes import advance, folding, rows
from tests.unit.projector.test_whole_chains import waiting
from tests.unit.provisioning.test_rollup import PROD, recorded

from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.blocked import Link
from catalyst.contracts.provisioning_values_v1 import Evidence, Health
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.domain import rollup
from catalyst.provisioning.domain.application import application_ref
from catalyst.provisioning.domain.change import change_ref

pytestmark = pytest.mark.guarantee("G13.14")

NAMES = ("store", "blog")
LOCK = (plans.locked("store", "new"), plans.locked("blog", database="store"))
POD = Evidence(
    kind="Pod", name="store-0", status="degraded", reason="CrashLoopBackOff", message="exit 1"
)
AWAY = "the Git door is away"


def answered(place: Town, before: Folding | None = None) -> dict[str, Sequence[Link]]:
    """Return what is answered of each Application; the rows say the same, each since then."""
    events = recorded(place)
    histories = {
        name: [one for one in events if one.ref == application_ref("acme", name)] for name in NAMES
    }
    of_changes = [one for one in events if one.ref.aggregate == "change"]
    changes = {
        name: [one for one in of_changes if one.ref.id == name]
        for name in {one.ref.id for one in of_changes}
    }
    queues = {name: rollup.working(one) for name, one in histories.items()}
    told = (rollup.told(name, PROD, one, "") for name, one in histories.items())
    here = {one.application: one for one in told if one is not None}
    found: dict[str, Sequence[Link]] = {
        name: rollup.led(one, changes, here, queues).blocked_by for name, one in here.items()
    }
    made = rows(place, before)
    for name, links in found.items():
        (row,) = made[f"application {name}"].bindings
        assert links == row.blocked_by
        told_of, mark = here[name], row.health
        assert (told_of.health, told_of.reason) == (mark.status, mark.reason)
        assert (told_of.applied, told_of.since) == (row.applied.status, mark.since)
        assert told_of.change == (row.change.change if row.change else "")
    return found


def codes(links: Sequence[Link]) -> list[tuple[int, str, str]]:
    return [(one.depth, one.name, one.code) for one in links]


def test_it_leads_through_the_change_to_what_its_other_applications_die_of() -> None:
    place = plans.town()
    plans.apply(place, "ch-1", plans.planned(place, lock=LOCK))
    advance(place, "observe")
    assert (1, "store", "not-seen") in codes(answered(place)["blog"])
    place.see("store", "ch-1", health="degraded", evidence=(POD,))
    place.see("blog", "ch-1", health="progressing")
    assert codes(answered(place)["blog"]) == [
        (0, PROD, "pending"),
        (1, "store", "not-seen"),
        (2, "store-0", "crash-loop"),
    ]


def test_what_keeps_a_step_is_told_as_long_as_it_does_forward_and_back() -> None:
    place = plans.town()
    plans.apply(place, "ch-1", plans.planned(place, lock=LOCK))
    plans.run(place, "ch-1")
    for name in NAMES:
        place.see(name, "ch-1")
    plans.apply(place, "ch-2", plans.planned(place, "configure", values={"a": 1}))
    plans.apply(place, "ch-3", plans.planned(place, "configure", values={"a": 2}))
    advance(place, "commit", "ch-2")
    waits = [(0, "ch-3", "change-waiting"), (1, "ch-2", "queued")]
    pending = (0, PROD, "pending")
    assert codes(answered(place)["blog"]) == [pending, (1, "blog", "git-under-way"), *waits]
    place.report("ch-2", "commit", "blog", failed=AWAY, goes_on=True)
    away = answered(place)["blog"]
    assert codes(away) == [pending, (1, "blog", "git-unavailable"), *waits]
    assert away[1].message.endswith(f"the last attempt failed: {AWAY}")
    place.report("ch-2", "commit", "blog")
    assert "git" not in [one.kind for one in answered(place)["blog"]]
    place.fire("ch-2", "deadline")
    seen = []
    while not place.change("ch-2").is_over:
        state = place.change("ch-2")
        if place.sent:
            place.answer_all()
            continue
        step = str(state.step)
        for unit in state.remaining():
            place.report("ch-2", step, unit.application, undo=True, failed=AWAY, goes_on=True)
            seen += [one.code for one in answered(place)["blog"] if one.kind == "git"]
            place.report("ch-2", step, unit.application, undo=True)
            answered(place)
    assert seen == ["git-unavailable"]


def test_what_was_never_there_is_forgotten_and_begins_anew() -> None:
    place = plans.town()
    plans.apply(place, "ch-1", plans.planned(place, lock=LOCK))
    place.command(change_ref("acme", "ch-1"), pro1.CancelChange(reason="no"), plans.DEVELOPER)
    place.answer_all()
    place.answer_all()
    assert place.change("ch-1").is_over
    # The store has no row either, though the blog was to need it up to the end.
    assert [name for name in rows(place) if name.startswith("application ")] == []
    plans.apply(place, "ch-2", plans.planned(place, lock=LOCK))
    advance(place, "commit", "ch-2")
    assert set(answered(place)) == set(NAMES)


class Story:
    """What happens to two Applications, and to the changes that work on them."""

    def __init__(self, drawn: random.Random) -> None:
        self.place = plans.town()
        self._drawn = drawn
        self._changes: list[str] = []

    def happens(self, what: str) -> None:
        """Let one more thing happen, if it can."""
        going = [one for one in self._changes if not self.place.change(one).is_over]
        change = self._drawn.choice(going) if going else ""
        match what:
            case "apply":
                self._apply(f"ch-{len(self._changes) + 1}")
            case "answer" if self.place.sent:
                self.place.answer_all()
            case "done" | "failed" | "delayed" if change and not self.place.sent:
                self._report(change, what)
            case "cancel" if change:
                self.place.command(
                    change_ref("acme", change), pro1.CancelChange(reason="no"), plans.DEVELOPER
                )
            case "deadline" if change and self.place.change(change).deadline:
                self.place.fire(change, what)
            case "seen":
                self._see(self._drawn.choice(NAMES))
            case _:
                pass

    def _apply(self, name: str) -> None:
        blog = self.place.application("blog")
        if not blog.queue and blog.binding(PROD).desired is None:
            plan = plans.planned(self.place, lock=LOCK)
        elif self._drawn.random() < 0.3:
            plan = plans.planned(self.place, "uninstall")
        else:
            plan = plans.planned(self.place, "configure", values={"a": name})
        plans.apply(self.place, name, plan)
        self._changes.append(name)

    def _report(self, change: str, what: str) -> None:
        state = self.place.change(change)
        units = list(state.remaining()) if state.step else []
        if units:
            self.place.report(
                change,
                str(state.step),
                self._drawn.choice(units).application,
                undo=state.undo,
                attempt=state.attempt,
                failed="" if what == "done" else AWAY,
                goes_on=what == "delayed",
            )

    def _see(self, name: str) -> None:
        desired = self.place.application(name).binding(PROD).desired
        if desired is not None:
            evidence = self._drawn.choice([(), (POD,), (waiting(name, "store"),)])
            health: Health = self._drawn.choice(["healthy", "degraded", "progressing"])
            self.place.see(name, desired.change, health=health, evidence=evidence)


OFTEN = ("answer", "done", "done", "seen")
HAPPENS = st.sampled_from((*OFTEN, "apply", "answer", "failed", "delayed", "cancel", "deadline"))


@a_part(of=5, least=20)
@given(st.randoms(use_true_random=False), st.lists(HAPPENS, min_size=4, max_size=20))
def test_after_any_story_each_answer_says_what_the_row_says(
    drawn: random.Random, what: list[str]
) -> None:
    story, before = Story(drawn), folding()
    for one in ("apply", *what):
        try:
            story.happens(one)
        except Rejected:
            continue
        answered(story.place, before)
