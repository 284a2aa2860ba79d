"""Who needs an Application is known from the change that says so, for as long as it holds."""

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
