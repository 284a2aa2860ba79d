"""Who needs an Application is known from the change that says so, for as long as it holds."""

import pytest
from tests.support import plans
from tests.support.plans import apply, install, locked, planned, run, town


def test_who_needs_an_application_is_known_from_the_batch_that_opens_the_change() -> None:
    place = town()
    lock = (locked("store", "new"), locked("blog", database="store"))
    apply(place, "ch-1", planned(place, lock=lock))
    assert place.application("store").binding(plans.PROD).dependents == ("blog",)
    run(place, "ch-1")
    assert place.application("store").binding(plans.PROD).dependents == ("blog",)
    lock = (locked("blog", database="store"), locked("store", "shared"))
    apply(place, "ch-2", planned(place, "uninstall", lock=lock))
    run(place, "ch-2")
    assert place.application("store").binding(plans.PROD).dependents == ()
    assert place.application("store").runs_in(plans.PROD)


def test_who_needed_an_application_by_a_change_that_failed_needs_it_no_more() -> None:
    place = town()
    install(place, "store", "ch-0")
    lock = (locked("store", "shared"), locked("blog", database="store"))
    apply(place, "ch-1", planned(place, lock=lock))
    place.answer(place.sent.pop(), "application-reserved")
    run(place, "ch-1")
    assert place.change("ch-1").status == "failed"
    assert place.application("store").binding(plans.PROD).dependents == ()


@pytest.mark.guarantee("G14.7")
def test_who_will_need_what_goes_first_and_comes_again_is_known_all_along() -> None:
    place = town()
    install(place, "store", "ch-0")
    apply(place, "ch-1", planned(place, "uninstall", "store"))
    again = (locked("store", "new"), locked("blog", database="store"))
    apply(place, "ch-2", planned(place, lock=again))
    run(place, "ch-1")
    assert (place.change("ch-1").status, place.change("ch-2").status) == ("completed", "running")
    assert place.application("store").binding(plans.PROD).dependents == ("blog",)
    run(place, "ch-2")
    assert place.change("ch-2").status == "completed"
    assert place.application("store").binding(plans.PROD).dependents == ("blog",)


@pytest.mark.guarantee("G14.7")
def test_what_was_taken_back_before_it_comes_again_is_needed_by_who_brings_it() -> None:
    place = town()
    apply(place, "ch-1", planned(place, name="store"))
    apply(place, "ch-2", planned(place, "uninstall", "store"))
    again = (locked("store", "new"), locked("blog", database="store"))
    apply(place, "ch-3", planned(place, lock=again))
    while place.change("ch-1").step != "observe":
        place.answer_all()
        if place.change("ch-1").step != "observe":
            place.report("ch-1", str(place.change("ch-1").step), "store")
    place.fire("ch-1", "deadline")
    run(place, "ch-1")
    found = [place.change(f"ch-{one}").status for one in (1, 2, 3)]
    assert found == ["failed", "failed", "running"]
    assert place.application("store").binding(plans.PROD).dependents == ("blog",)
    run(place, "ch-3")
    assert place.change("ch-3").status == "completed"
    assert place.application("store").binding(plans.PROD).dependents == ("blog",)
