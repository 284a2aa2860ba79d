"""An answer about health leads to the same causes as the rows do, whatever a change comes to."""

from collections.abc import Sequence

import pytest
from tests.support import plans
from tests.support.changing import Town
from tests.unit.projector.test_changes import advance, rows
from tests.unit.provisioning.test_rollup import PROD, recorded

from catalyst.contracts.blocked import Link
from catalyst.contracts.provisioning_values_v1 import Evidence
from catalyst.provisioning.domain import rollup
from catalyst.provisioning.domain.application import application_ref

pytestmark = pytest.mark.guarantee("G13.14")

NAMES = ("store", "blog")
LOCK = (plans.locked("store", "new"), plans.locked("blog", database="store"))
POD = Evidence(
    kind="Pod", name="store-0", status="degraded", reason="CrashLoopBackOff", message="exit 1"
)
AWAY = "the Git door is away"


def answered(place: Town) -> dict[str, Sequence[Link]]:
    """Return what is answered of each Application; the rows say the same, each since then."""
    events = recorded(place)
    histories = {
        name: [one for one in events if one.ref == application_ref("acme", name)] for name in NAMES
    }
    changes = {
        name: [one for one in events if one.ref.id == name] for name in ("ch-1", "ch-2", "ch-3")
    }
    queues = {name: rollup.working(one) for name, one in histories.items()}
    told = (rollup.told(name, PROD, one, "") for name, one in histories.items())
    here = {one.application: one for one in told if one is not None}
    found: dict[str, Sequence[Link]] = {
        name: rollup.led(one, changes, here, queues).blocked_by for name, one in here.items()
    }
    made = rows(place)
    for name, links in found.items():
        (row,) = made[f"application {name}"].bindings
        assert links == row.blocked_by
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
