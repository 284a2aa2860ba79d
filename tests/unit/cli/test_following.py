"""A change as it is followed: what nobody has seen is told at its end."""

import msgspec
import pytest
from tests.support.plans import apply, install, planned, run, town
from tests.unit.projector.test_changes import rows
from tests.unit.provisioning.test_unseen import NOBODY, unheard

from catalyst.cli.following import Follower, unseen


@pytest.mark.guarantee("G14.14")
def test_a_removal_that_nobody_saw_is_told_so_at_its_step_and_at_its_end() -> None:
    place = town()
    install(place, "blog", "ch-0")
    unheard(place, "blog")
    apply(place, "ch-1", planned(place, "uninstall"))
    place.report("ch-1", "commit", "blog")
    follower = Follower()
    assert unseen(msgspec.to_builtins(rows(place)["change ch-1"])) == []
    run(place, "ch-1")
    lines = follower.news(msgspec.to_builtins(rows(place)["change ch-1"]))
    assert f"observe    done: {NOBODY}" in lines
    assert lines[-2:] == ["change ch-1 completed, 100 %", f"  not seen: {NOBODY}"]


@pytest.mark.guarantee("G14.14")
def test_of_what_was_seen_nothing_is_told() -> None:
    place = town()
    install(place, "blog", "ch-0")
    assert unseen(msgspec.to_builtins(rows(place)["change ch-0"])) == []
