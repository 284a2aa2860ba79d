"""What a change that is taken back leaves of a repository: nothing that takes commits."""

import pytest
from tests.support import plans
from tests.support.plans import DEVELOPER, apply, install, planned, run, town

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.provisioning.domain.application import application_ref
from catalyst.provisioning.domain.change import change_ref

ONE = change_ref("acme", "ch-1")


@pytest.mark.guarantee("G14.3")
@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_repository_is_archived_once_again_unless_its_application_runs_elsewhere(
    *, elsewhere: bool
) -> None:
    place = town()
    if elsewhere:
        desired = planned(place).desired[f"blog.{plans.PROD}"]
        running = app1.DesiredSet(environment="acme-dev", change="ch-0", desired=desired)
        place.given(application_ref("acme", "blog"), running)
    apply(place, "ch-1", planned(place))
    place.answer_all()
    assert place.change("ch-1").step == "repository"
    place.command(ONE, pro1.CancelChange(reason="wrong"), DEVELOPER)
    assert (place.change("ch-1").step, place.change("ch-1").undo) == ("repository", True)
    # What made it reports late, and what closes it twice.
    place.report("ch-1", "repository", "blog")
    assert place.change("ch-1").step == "repository"
    for _ in range(2):
        place.report("ch-1", "repository", "blog", undo=True)
    run(place, "ch-1")
    assert place.change("ch-1").undone == ("repository", "hold", "admit")
    archived = [event.repository for event in place.events(app1.RepositoryArchived)]
    assert archived == ([] if elsewhere else ["blog"])
    assert place.application("blog").archived is not elsewhere
    install(place, "blog", "ch-2")
    assert not place.application("blog").archived


@pytest.mark.guarantee("G14.3")
def test_a_repository_whose_commit_cannot_be_taken_back_stays_open_for_who_mends_it() -> None:
    place = town()
    apply(place, "ch-1", planned(place))
    place.answer_all()
    place.report("ch-1", "repository", "blog")
    for attempt in (1, 2, 3):
        place.report("ch-1", "commit", "blog", failed="no room", attempt=attempt)
    for attempt in (1, 2, 3):
        place.report("ch-1", "commit", "blog", failed="no room", attempt=attempt, undo=True)
    run(place, "ch-1")
    state = place.change("ch-1")
    assert (state.undone, state.left) == (("hold", "admit"), ("commit blog: no room",))
    assert place.events(app1.RepositoryArchived) == []
