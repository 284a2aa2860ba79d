"""A removal from a cluster that nobody hears any more ends, and says that nobody has seen it."""

from datetime import datetime, timedelta

import msgspec
import pytest
from tests.support import planning
from tests.support.build import NOW
from tests.support.changing import Town
from tests.support.each import each
from tests.support.planning import Others, known, plan, wiki
from tests.support.plans import ADMIN, PROD, apply, install, locked, planned, run, town

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.provisioning_values_v1 import Evidence, PlanRequest
from catalyst.provisioning.domain import regions, silence
from catalyst.provisioning.domain.application import Application, Binding, Observed, application_ref
from catalyst.provisioning.domain.change import change_ref
from catalyst.provisioning.domain.facts import Facts
from catalyst.provisioning.domain.foreign import Organization, environment_ref
from catalyst.provisioning.domain.fulfilled import silent_since

pytestmark = pytest.mark.guarantee("G14.25")

NOBODY = f"nothing reports any more on blog from {PROD}: nobody has seen that its objects are gone"


DAY = timedelta(hours=24)


def silent(place: Town, name: str) -> None:
    """Let nothing be heard of an Application from now on."""
    place.given(
        application_ref("acme", name), app1.ApplicationSilent(environment=PROD, since=place.now)
    )


def late(place: Town, after: timedelta = DAY) -> None:
    """Let the deadline pass, so long after now."""
    place.now += after
    place.fire("ch-1", "deadline")


def removing(*names: str, lost: tuple[str, ...] = ()) -> Town:
    """Return a world in which Applications that were seen are on their way out, and committed."""
    place = town()
    for name in names:
        install(place, name, f"ch-{name}")
    place.log.clear()
    lock = tuple(map(locked, names))
    apply(place, "ch-1", planned(place, "uninstall", lock=lock, lost=lost))
    for step in ("unprotect", "commit") if lost else ("commit",):
        for name in names:
            place.report("ch-1", step, name)
    return place


def test_what_is_silent_when_its_time_is_over_is_gone_as_far_as_anybody_will_ever_see() -> None:
    place = removing("blog")
    silent(place, "blog")
    assert place.change("ch-1").step == "observe"
    late(place)
    assert place.change("ch-1").step == "release"
    run(place, "ch-1")
    state = place.change("ch-1")
    assert (state.status, state.left) == ("completed", ())
    (told,) = [x for x in place.events(pro1.ChangeStepCompleted) if x.step == "observe"]
    (progress,) = [x for x in place.events(pro1.ChangeStepProgressed) if x.step == "observe"]
    assert (told.detail, progress.detail, progress.source) == (NOBODY, NOBODY, None)
    assert place.events(pro1.ChangeStepFailed) == []
    assert PROD not in place.application("blog").bindings


def test_what_still_speaks_is_not_passed_over_nor_what_is_silent_beside_it() -> None:
    place = removing("blog", "shop")
    silent(place, "blog")
    late(place)
    state = place.change("ch-1")
    assert (state.status, state.gave_up) == ("undoing", "observe")
    assert "shop in acme-prod (healthy)" in state.reason
    assert [x for x in place.events(pro1.ChangeStepProgressed) if x.step == "observe"] == []


def test_silence_that_only_came_while_the_removal_waited_is_waited_for_as_long() -> None:
    place = removing("blog")
    began = place.now
    place.now += timedelta(hours=23, minutes=44)
    place.see("blog", "ch-0", revision="ch-blog")
    silent(place, "blog")
    late(place, timedelta(minutes=16))
    assert place.now == began + DAY
    state = place.change("ch-1")
    assert (state.status, state.step, state.attempt) == ("running", "observe", 2)
    assert (place.sent, PROD in place.application("blog").bindings) == ([], True)
    assert state.deadline == began + timedelta(hours=47, minutes=44)
    assert place.timers[change_ref("acme", "ch-1"), "deadline"].due == state.deadline
    (delayed,) = place.events(pro1.ChangeStepDelayed)
    assert (delayed.step, delayed.attempt) == ("observe", 2)
    assert delayed.reason == (
        f"nothing reports any more on blog from {PROD}, since 2026-03-03 09:44 UTC: the removal"
        " goes on without that once it has waited for 24 hours in which nothing was told"
    )
    late(place, state.deadline - place.now)
    assert place.change("ch-1").step == "release"


def test_silence_that_ended_meanwhile_is_none() -> None:
    place = removing("blog", "shop")
    place.now += timedelta(hours=20)
    for name in ("blog", "shop"):
        silent(place, name)
    late(place, timedelta(hours=4))
    # The later one counts, for both.
    place.see("blog", "ch-1", revision="ch-blog")
    place.now += timedelta(hours=10)
    silent(place, "blog")
    late(place, timedelta(hours=10))
    state = place.change("ch-1")
    assert (state.step, state.attempt) == ("observe", 3)
    assert state.deadline == place.now + timedelta(hours=14)
    place.see("shop", "ch-1", health="missing")
    place.see("blog", "ch-1", revision="ch-blog")
    late(place, timedelta(hours=14))
    state = place.change("ch-1")
    assert (state.status, state.gave_up) == ("undoing", "observe")
    assert "blog in acme-prod (healthy)" in state.reason


def test_what_was_seen_gone_is_not_said_to_be_unseen() -> None:
    place = removing("blog", "shop")
    place.see("shop", "ch-1", health="missing")
    silent(place, "blog")
    late(place)
    (told,) = [x for x in place.events(pro1.ChangeStepCompleted) if x.step == "observe"]
    assert told.detail == NOBODY


def test_of_several_each_is_named() -> None:
    place = removing("blog", "shop")
    for name in ("blog", "shop"):
        silent(place, name)
    late(place)
    (told,) = [x for x in place.events(pro1.ChangeStepCompleted) if x.step == "observe"]
    words = "nobody has seen that their objects are gone"
    assert told.detail == f"nothing reports any more on blog, shop from {PROD}: {words}"


def test_what_is_to_run_is_never_taken_for_healthy_because_nobody_hears_it() -> None:
    place = town()
    apply(place, "ch-1", planned(place))
    place.answer_all()
    for step in ("repository", "commit"):
        place.report("ch-1", step, "blog")
    place.see("blog", "ch-1", health="progressing")
    silent(place, "blog")
    late(place)
    state = place.change("ch-1")
    assert (state.status, state.gave_up) == ("undoing", "observe")


def test_data_is_not_given_up_where_nobody_sees_that_its_protection_is_lifted() -> None:
    place = town()
    install(place, "blog", "ch-0")
    apply(place, "ch-1", planned(place, "uninstall", lost=("blog-data",)))
    place.report("ch-1", "unprotect", "blog")
    silent(place, "blog")
    for _ in range(3):
        place.fire("ch-1", "deadline")
    state = place.change("ch-1")
    assert (state.status, state.gave_up) == ("undoing", "unprotect")


SEEN = Observed(
    applied="current",
    revision="ch-1",
    commit="aaa",
    health="unknown",
    reason="Silent",
    message="",
    evidence=(),
    source="cluster",
    observed_at=NOW,
)


BEFORE, EARLIER = NOW - timedelta(hours=1), NOW - timedelta(hours=2)


def item(
    kind: str, reason: str = "Silent", since: datetime | None = EARLIER, **more: str
) -> Evidence:
    """Return something that was seen in one of several clusters, and is not any more."""
    found = {"kind": kind, "name": "x", "status": "unknown", "reason": reason, "cluster": "one"}
    return msgspec.convert({**found, "silent_since": since, **more}, Evidence)


@each([
        ((item("Pod"),), None, EARLIER),
        ((item("Pod"), item("PersistentVolumeClaim", reason="", status="healthy")), None, EARLIER),
        # The last of several clusters counts.
        ((item("Pod", since=BEFORE), item("Pod", cluster="two")), None, BEFORE),
        # What another cluster still tells of has yet to go there.
        ((item("Pod"), item("Pod", reason="", status="healthy", cluster="two")), None, None),
        ((item("Pod"), item("Pod", status="degraded", cluster="two")), None, None),
        ((item("Pod"), item("Pod", reason="Starting", cluster="two")), None, None),
        # What is kept keeps no removal from its end, and says nothing of who is silent.
        ((item("PersistentVolumeClaim"),), None, None),
        ((item("PersistentVolumeClaim"),), ("x",), EARLIER),
        ((), None, None),
        # Nobody wrote down since when: as if it were since something was seen last.
        ((item("Pod", since=None),), None, NOW),
    ])  # fmt: skip
def test_of_several_clusters_those_that_are_silent_keep_a_removal_from_nothing(
    evidence: tuple[Evidence, ...],
    lost: tuple[str, ...] | None,
    found: datetime | None,
) -> None:
    seen = msgspec.structs.replace(SEEN, evidence=evidence)
    state = Application(bindings={PROD: Binding(observed=seen)})
    assert silent_since(state, PROD, lost) == found
    assert silent_since(state, "acme-dev", lost) is None
    whole = msgspec.structs.replace(seen, silent_since=BEFORE)
    state = Application(bindings={PROD: Binding(observed=whole)})
    assert silent_since(state, PROD, lost) == BEFORE


GOES_ON = (
    "nobody sees whether its objects are gone, and the removal goes on without that once it has"
    " waited for 24 hours in which nothing was told"
)
GIVES_UP = (
    "nobody sees that the protection of its data is lifted, so that no data is given up: this fails"
    " after 3 hours, and nothing goes; plan it with its data kept"
)


def test_what_its_cluster_did_not_tell_again_is_silent_for_longer() -> None:
    told = item("Service", reason="", since=None, status="healthy")
    found = regions.silenced((item("Pod"), told), "one", BEFORE)
    assert [one.silent_since for one in found] == [EARLIER, BEFORE]


def test_the_plan_names_the_clusters_that_are_silent_of_several() -> None:
    speaks = item("Pod", reason="", since=None, status="healthy", cluster="two")
    for evidence, told in (((item("Pod"), speaks), "in one: as long as"), ((speaks,), "")):
        seen = msgspec.structs.replace(SEEN, evidence=evidence)
        facts = Facts(
            name="acme",
            now=NOW,
            organization=Organization(),
            environments={},
            applications={"blog": Application(bindings={PROD: Binding(observed=seen)})},
            git_url="",
            currency="OMR",
        )
        found = silence.planned(facts, locked("blog"), lost=False)
        assert told in found
        assert bool(told) == bool(found)


DATA = ("wiki", "wiki-postgres")
NAMES = ("redis", *DATA)
"""Of these the first has no data."""


async def unheard() -> tuple[Town, Others]:
    """Return `acme` in whose Environment something runs, and nobody hears it from now on."""
    place, others = town(), Others()
    known(place)
    wiki(others)
    others.locks["redis"] = [planning.entry("redis", "bp-redis", "1.2.1", "target")]
    for name, values in {"wiki": {}, "redis": {"persistence": {"enabled": False}}}.items():
        request = planning.install(name, values=values)
        apply(place, f"ch-{name}", await plan(place, others, request))
        run(place, f"ch-{name}")
    for name in NAMES:
        admitted = env1.ApplicationAdmitted(environment=PROD, application=name)
        place.given(environment_ref("acme", PROD), admitted)
        silent(place, name)
    return place, others


def taking(data: str) -> PlanRequest:
    return PlanRequest(action="delete-environment", environment=PROD, keep_data=data == "kept")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("data", ["kept", "lost"])
async def test_the_plan_of_a_removal_says_that_nobody_may_see_it_any_more(
    name: str, data: str
) -> None:
    place, others = await unheard()
    found = await plan(place, others, taking(data), by=ADMIN)
    (told,) = [x.message for x in found.risks if x.kind == "unseen" and f" on {name} " in x.message]
    assert bool(found.volumes[f"{name}.{PROD}"]) is (name in DATA)
    then = GIVES_UP if data == "lost" and name in DATA else GOES_ON
    assert told == f"nothing reports any more on {name} from {PROD}: as long as that is so, {then}"


@pytest.mark.parametrize("data", ["kept", "lost"])
async def test_what_the_plan_of_a_removal_says_of_silence_is_so(data: str) -> None:
    place, others = await unheard()
    apply(place, "ch-1", await plan(place, others, taking(data), by=ADMIN), ADMIN)
    for _ in range(1 if data == "kept" else 3):
        step = place.change("ch-1").step
        assert step == ("commit" if data == "kept" else "unprotect")
        for unit in place.change("ch-1").remaining():
            place.report("ch-1", step, unit.application)
        deadline = place.change("ch-1").deadline
        assert deadline is not None
        late(place, deadline - place.now)
    state = place.change("ch-1")
    if data == "kept":
        assert (place.now - NOW, state.step) == (DAY, "release")
    else:
        hours = timedelta(hours=3)
        assert (place.now - NOW, state.gave_up, state.step) == (hours, "unprotect", "unprotect")
