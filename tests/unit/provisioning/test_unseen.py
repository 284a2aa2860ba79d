"""A removal goes on where nothing reports, and says that nobody has seen it."""

import msgspec
import pytest
from tests.support import planning
from tests.support.changing import Town
from tests.support.planning import Others, known, plan, wiki
from tests.support.plans import PROD, apply, install, locked, planned, run, town

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.provisioning_values_v1 import PlanRequest
from catalyst.provisioning.domain.application import application_ref
from catalyst.provisioning.domain.fulfilled import unseen

pytestmark = pytest.mark.guarantee("G14.14")

NOBODY = f"nothing reports on blog from {PROD}: nobody has seen that its objects are gone"


def unheard(place: Town, *names: str) -> None:
    """Forget what was seen of Applications, as if it had never been."""
    for name in names:
        ref = application_ref("acme", name)
        state = place.application(name)
        bindings = {
            at: msgspec.structs.replace(one, observed=None) for at, one in state.bindings.items()
        }
        place.states[ref] = msgspec.structs.replace(state, bindings=bindings)


def completed(place: Town, step: str) -> str:
    """Return what is said of a step that is done."""
    (found,) = [x for x in place.events(pro1.ChangeStepCompleted) if x.step == step]
    return str(found.detail)


def rest(place: Town) -> None:
    """Let the commit be reported, and everything behind it."""
    place.report("ch-1", "commit", "blog")
    run(place, "ch-1")
    assert place.change("ch-1").status == "completed"


def test_a_removal_of_what_nothing_reports_on_says_that_nobody_saw_it() -> None:
    place = town()
    install(place, "blog", "ch-0")
    unheard(place, "blog")
    place.log.clear()
    apply(place, "ch-1", planned(place, "uninstall"))
    rest(place)
    assert completed(place, "observe") == NOBODY
    (progress,) = [x for x in place.events(pro1.ChangeStepProgressed) if x.step == "observe"]
    assert progress.detail == NOBODY


def test_a_removal_that_was_seen_says_nothing() -> None:
    place = town()
    install(place, "blog", "ch-0")
    place.log.clear()
    apply(place, "ch-1", planned(place, "uninstall"))
    rest(place)
    assert completed(place, "observe") == ""


def test_a_removal_that_is_silent_is_waited_for_and_not_taken_for_unseen() -> None:
    place = town()
    install(place, "blog", "ch-0")
    ref = application_ref("acme", "blog")
    place.given(ref, app1.ApplicationSilent(environment=PROD, since=place.now))
    apply(place, "ch-1", planned(place, "uninstall"))
    place.report("ch-1", "commit", "blog")
    assert place.change("ch-1").step == "observe"
    assert unseen(place.application("blog"), [PROD]) == ()


def test_data_that_is_given_up_where_nothing_reports_is_told_as_well() -> None:
    place = town()
    install(place, "blog", "ch-0")
    unheard(place, "blog")
    place.log.clear()
    apply(place, "ch-1", planned(place, "uninstall", lost=("blog-data",)))
    place.report("ch-1", "unprotect", "blog")
    rest(place)
    words = "nobody has seen that the protection of its data was lifted"
    assert completed(place, "unprotect") == f"nothing reports on blog from {PROD}: {words}"
    assert completed(place, "observe") == NOBODY


def test_of_many_those_are_named_that_nobody_saw_whoever_comes_last() -> None:
    place = town()
    names = ("blog", "shop", "wiki")
    for name in names:
        install(place, name, f"ch-{name}")
    unheard(place, "blog", "shop")
    place.log.clear()
    apply(place, "ch-1", planned(place, "uninstall", lock=tuple(map(locked, names))))
    for name in names:
        place.report("ch-1", "commit", name)
    assert place.change("ch-1").step == "observe"
    place.see("wiki", "ch-1", health="missing")
    words = "nobody has seen that their objects are gone"
    assert completed(place, "observe") == f"nothing reports on blog, shop from {PROD}: {words}"


@pytest.mark.parametrize("heard", ["heard", "unheard"])
async def test_the_plan_of_a_removal_says_that_nobody_will_see_it(heard: str) -> None:
    place, others = town(), Others()
    known(place)
    wiki(others)
    apply(place, "ch-0", await plan(place, others, planning.install()))
    run(place, "ch-0")
    if heard == "unheard":
        unheard(place, "wiki")
    request = PlanRequest(action="uninstall", environment=PROD, application="wiki")
    found = await plan(place, others, request)
    told = [risk.message for risk in found.risks if risk.kind == "unseen"]
    assert len(told) == (heard == "unheard")
    assert all(text.startswith(f"nothing reports on wiki from {PROD}: ") for text in told)
