"""What a simulated cluster says is told as simulated wherever health or progress rests on it."""

from typing import Any

import msgspec
import pytest
from tests.support.changing import Town
from tests.support.plans import PROD, apply, install, planned, run, town
from tests.unit.projector.test_changes import binding, rows

from catalyst.cli import kinds
from catalyst.cli.application import _place
from catalyst.cli.following import Follower
from catalyst.contracts import application_v1 as app1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.provisioning_values_v1 import Evidence, Source
from catalyst.provisioning.domain.application import application_ref
from catalyst.provisioning.domain.rollup import marks

pytestmark = pytest.mark.guarantee("G13.8")

SOURCES: tuple[Source, ...] = ("cluster", "simulator")
CRASHES = Evidence(kind="Pod", name="blog-0", status="degraded", reason="CrashLoopBackOff")


def watched() -> Town:
    """Return a town in which an install waits to be seen."""
    place = town()
    apply(place, "ch-1", planned(place))
    while place.change("ch-1").step != "observe":
        place.answer_all()
        if place.change("ch-1").step in {"repository", "commit"}:
            place.report("ch-1", place.change("ch-1").step, "blog")  # type: ignore[arg-type]
    return place


def shown(place: Town, kind: str = "change ch-1") -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(rows(place)[kind])
    return found


def step(doc: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in doc["steps"] if one["step"] == name)


@pytest.mark.parametrize("source", SOURCES)
def test_a_step_says_who_saw_what_it_waited_for(source: Source) -> None:
    place = watched()
    place.see("blog", "ch-1", source=source)
    (told,) = [x for x in place.events(pro1.ChangeStepProgressed) if x.step == "observe"]
    assert told.source == source
    doc = shown(place)
    assert step(doc, "observe")["source"] == source
    assert {one["source"] for one in doc["steps"] if one["step"] != "observe"} == {None}


@pytest.mark.parametrize("source", SOURCES)
def test_whoever_watches_a_change_is_told_that_its_end_was_simulated(source: Source) -> None:
    place = watched()
    follower = Follower()
    follower.news(shown(place))
    place.see("blog", "ch-1", source=source)
    run(place, "ch-1")
    lines = [line.text for line in follower.news(shown(place))]
    mark = " (simulated)" if source == "simulator" else ""
    assert f"observe    done{mark}" in lines
    assert lines[-1] == f"change ch-1 completed, 100 %{mark}"
    _, column = next(one for one in kinds.columns("changes") if one[0] == "STEPS")
    assert f"observe=done{mark}" in column(None, shown(place))  # type: ignore[arg-type, operator]


@pytest.mark.parametrize("source", SOURCES)
def test_one_simulated_application_makes_the_step_simulated(source: Source) -> None:
    place = town()
    install(place, "blog", "ch-0")
    place.log.clear()
    apply(place, "ch-1", planned(place, "uninstall", lost=("data",)))
    place.report("ch-1", "unprotect", "blog")
    place.see("blog", "ch-1", commit="unprotect-blog", source=source)
    (told,) = [x for x in place.events(pro1.ChangeStepProgressed) if x.step == "unprotect"]
    assert told.source == source


@pytest.mark.parametrize("source", SOURCES)
def test_a_failure_names_that_it_was_simulated(source: Source) -> None:
    place = watched()
    place.see("blog", "ch-1", health="degraded", evidence=(CRASHES,), source=source)
    links = binding(place).blocked_by
    assert all(link.message.endswith(" (simulated)") == (source == "simulator") for link in links)
    assert links
    assert marks("blog", PROD, place.application("blog")).blocked_by[0].message == links[0].message
    place.fire("ch-1", "deadline")
    (failed,) = [x for x in place.events(pro1.ChangeStepFailed) if x.step == "observe"]
    assert ("simulated" in failed.reason) == (source == "simulator")


@pytest.mark.parametrize("source", SOURCES)
def test_the_marks_of_an_application_say_it_while_it_is_seen_and_when_it_is_silent(
    source: Source,
) -> None:
    place = watched()
    place.see("blog", "ch-1", source=source)
    for silent in (False, True):
        if silent:
            event = app1.ApplicationSilent(environment=PROD, since=place.now)
            place.given(application_ref("acme", "blog"), event)
            place.log.append((application_ref("acme", "blog"), event))
        (found,) = shown(place, "application blog")["bindings"]
        simulated = source == "simulator"
        assert kinds.mark(found["health"]).endswith("(simulated)") == simulated
        assert kinds.mark(found["applied"]).endswith("(simulated)") == simulated
        lines = list(_place({**found, "notices": []}))
        told = [one for one in lines if one.startswith(("  health", "  applied"))]
        assert [("(simulated)" in one) for one in told] == [simulated, simulated]
