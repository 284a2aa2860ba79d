"""Changes that queue under a policy: what a row says itself stands, whatever the others say."""

from collections.abc import Sequence
from datetime import datetime

import pytest
from tests.support.beside import Alone, disagreeing, doc, unlike_alone
from tests.support.changing import Town
from tests.support.each import each
from tests.support.log import On
from tests.support.plans import ADMIN, PROD, apply, locked, planned, run, town
from tests.unit.projector.test_changes import advance
from tests.unit.projector.test_fold import recorded
from tests.unit.projector.test_whole_chains import with_home

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.blocked import own
from catalyst.contracts.provisioning_values_v1 import Action
from catalyst.projector.fold import Fold
from catalyst.projector.views.table import VIEWS
from catalyst.provisioning.domain.change import change_ref

ASKED = (env1.Approval(quorum=1), env1.Approval(team="org-admin", quorum=1))
SHUT = env1.Window(effect="allow", cron="0 0 29 2 *", duration_minutes=60)
ACTIONS: tuple[Action, ...] = ("install", "configure", "uninstall")


def queued(count: int, *windows: env1.Window) -> Town:
    """Return changes of one Application under a policy, the first of which alone is approved."""
    place = town(*windows, approvals=ASKED)
    for number, action in enumerate(ACTIONS[:count], 1):
        apply(place, f"ch-{number}", planned(place, action, priced=False))
    approve(place, "ch-1")
    return place


def approve(place: Town, change: str) -> None:
    hash_ = place.change(change).content().hash
    place.command(change_ref("acme", change), pro1.ApproveChange(hash=hash_), ADMIN)


def through(place: Town, count: int) -> None:
    """Let one change after the other be approved, and carried out."""
    for number in range(1, count + 1):
        if number > 1:
            approve(place, f"ch-{number}")
        run(place, f"ch-{number}")


Since = dict[tuple[str, str, str, str], datetime | None]


def sinces(fold: Fold) -> Since:
    """Return since when each row says each thing itself."""
    found: Since = {}
    for key, row in fold.rows.items():
        kind = key.split(".")[2]
        doc = row.value.doc
        places = doc.bindings if kind == "application" else [doc] if kind == "change" else []
        for one in places:
            for link in own(one.blocked_by):
                found[key, link.kind, link.name, link.code] = link.since
    return found


def followed(given: Sequence[On]) -> Fold:
    """Fold, and hold every row after every event against what its own events make of it alone."""
    fold, messages = Fold(VIEWS), recorded(*given)
    alone: Alone = {}
    before: Since = {}
    for at, message in enumerate(messages, 1):
        fold.apply([message])
        assert disagreeing(fold) == []
        assert unlike_alone(fold, messages[:at], alone) == []
        after = sinces(fold)
        assert None not in after.values()
        assert {key: after[key] for key in after.keys() & before.keys()} == {
            key: before[key] for key in after.keys() & before.keys()
        }
        before = after
    return fold


@pytest.mark.guarantee("G13.14")
@each([(count, shut) for count in (2, 3) for shut in (False, True)])
def test_a_queued_change_keeps_what_it_waits_for_itself_whatever_those_ahead_wait_for(
    count: int,
    shut: bool,  # noqa: FBT001
) -> None:
    place = queued(count, *([SHUT] if shut else []))
    fold = followed(with_home(place))
    for number in range(2, count + 1):
        found = doc(fold, "change", f"ch-{number}").blocked_by
        codes = [link.code for link in found if not link.depth]
        wanted = ["queued", "approval-missing", "approval-missing", "window-closed"]
        assert codes == wanted[: 4 if shut else 3]
        assert {
            link.message for link in found if link.code == "approval-missing" and not link.depth
        } == {
            f"1 approval of {team} missing for ch-{number}"
            for team in ("anyone but the author", "org-admin")
        }
    assert len({link.since for link in own(doc(fold, "change", "ch-2").blocked_by)}) == 1


@pytest.mark.guarantee("G13.14")
def test_whoever_waits_through_several_queues_is_led_to_what_keeps_the_first() -> None:
    place = town()
    lock = (locked("store", "new"), locked("blog", database="store"))
    apply(place, "ch-0", planned(place, lock=lock))
    run(place, "ch-0")
    apply(place, "ch-1", planned(place, "configure", "store", values={"a": 1}))
    both = (locked("store", "upgraded"), lock[1])
    apply(place, "ch-2", planned(place, "configure", lock=both, values={"a": 1}))
    apply(place, "ch-3", planned(place, "configure", values={"a": 2}))
    advance(place, "commit", "ch-1")
    place.report("ch-1", "commit", "store", failed="the Git door is away", goes_on=True)
    found = doc(followed(with_home(place)), "change", "ch-3").blocked_by
    assert [(one.depth, one.name, one.code) for one in found] == [
        (0, "ch-2", "queued"),
        (1, "ch-1", "queued"),
        (2, "store", "git-unavailable"),
    ]


@pytest.mark.guarantee("G13.14")
def test_so_it_is_until_the_last_of_them_is_over() -> None:
    place = queued(3)
    through(place, 3)
    fold = followed(with_home(place))
    for number in (1, 2, 3):
        found = doc(fold, "change", f"ch-{number}")
        assert found.finished is not None
        assert found.blocked_by == ()


@pytest.mark.guarantee("G13.14")
def test_an_application_says_itself_which_changes_wait_whatever_they_say() -> None:
    fold = followed(with_home(queued(3)))
    (one,) = doc(fold, "application", "blog").bindings
    assert one.environment == PROD
    assert [(link.name, link.code) for link in own(one.blocked_by)][-2:] == [
        ("ch-2", "change-waiting"),
        ("ch-3", "change-waiting"),
    ]
    below = [link.message for link in one.blocked_by if link.code == "approval-missing"]
    assert len(set(below)) == len(below) == 4
