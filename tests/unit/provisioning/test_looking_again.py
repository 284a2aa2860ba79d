"""A change that waits looks again when the owners or a policy change, and writes what is new."""

from collections.abc import Sequence

import msgspec
import pytest
from tests.support import build
from tests.support.changing import Town
from tests.support.plans import ADMIN, OWNERS, apply, planned, town

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import environment_v2 as env2
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.message import Event
from catalyst.contracts.subjects import Ref
from catalyst.provisioning.domain import foreign
from catalyst.provisioning.domain import held as following
from catalyst.provisioning.domain.change import change_ref
from catalyst.provisioning.domain.held import Held

ACME, GATE = foreign.organization_ref("acme"), foreign.policy_ref("acme", "gate")
ONE, TWO = (change_ref("acme", name) for name in ("ch-1", "ch-2"))
NIGHT = env1.Window(effect="allow", rrule="FREQ=DAILY;BYHOUR=22", duration_minutes=120)
ASKED = (env1.Approval(quorum=2),)


def approve(place: Town) -> None:
    content = place.change("ch-1").content()
    place.command(ONE, pro1.ApproveChange(hash=content.hash), ADMIN)


def named(place: Town, owners: Sequence[env1.Owner]) -> None:
    place.given(ACME, env1.OwnersChanged(slug="acme", owners=tuple(owners)))


def look(place: Town) -> list[str]:
    """Let the change look again; return the kinds of what it wrote."""
    found = place.command(ONE, pro1.LookAgain(), build.service("provisioning"))
    return [type(one.event).__name__ for one in found.events]


def missing(place: Town) -> list[int]:
    held = place.change("ch-1").held
    assert held is not None
    return [one.quorum for one in held.approvals]


@pytest.mark.guarantee("G14.5")
def test_an_approval_of_who_lost_the_role_is_missing_again_and_counts_once_they_have_it() -> None:
    place = town(approvals=ASKED)
    apply(place, "ch-1", planned(place))
    approve(place)
    assert missing(place) == [1]
    armed = place.timers[ONE, "turn"]
    assert look(place) == []
    assert place.timers[ONE, "turn"] == armed
    named(place, [one for one in OWNERS if one.email.lower() != ADMIN.email])
    assert look(place) == ["ChangeHeldBack"]
    assert missing(place) == [2]
    assert place.timers[ONE, "turn"].gen == place.change("ch-1").gen != armed.gen
    assert look(place) == []
    named(place, OWNERS)
    assert look(place) == ["ChangeHeldBack"]
    assert missing(place) == [1]


@pytest.mark.guarantee("G14.5")
def test_a_change_begins_once_a_policy_lets_it_and_looks_no_more() -> None:
    place = town(NIGHT)
    apply(place, "ch-1", planned(place))
    assert place.change("ch-1").status == "waiting"
    assert look(place) == []
    place.given(GATE, env2.PolicyDefined(policy="gate"))
    assert "ChangeBegun" in look(place)
    assert place.change("ch-1").status == "running"
    assert look(place) == []


def test_a_change_that_nobody_opened_has_no_use_for_it() -> None:
    assert look(town()) == []


# ---- which are concerned


class Log:
    """What an index hears, in the order of the log."""

    def __init__(self) -> None:
        self.held = Held()
        self.seq = 0

    def write(self, ref: Ref, event: Event) -> tuple[str, ...]:
        """Let something be written; return the changes that it concerns."""
        self.seq += 1
        self.held.apply(build.recorded(event, ref, seq=self.seq))
        return self.concerned(ref, event, self.seq)

    def concerned(self, ref: Ref, event: Event, seq: int) -> tuple[str, ...]:
        """Return the changes that an event concerns."""
        found = self.held.concerned(build.recorded(event, ref, seq=seq))
        assert {one.organization for one in found} <= {ref.organization}
        return tuple(one.id for one in found)

    def opened(self, ref: Ref, *policies: str) -> None:
        place = town()
        apply(place, "ch-1", planned(place))
        inputs = {f"policy:{name}": "defined" for name in policies}
        content = msgspec.structs.replace(place.change("ch-1").content(), inputs=inputs)
        assert self.write(ref, content) == ()


OWNED = env1.OwnersChanged(slug="acme", owners=OWNERS)


def test_owners_concern_all_that_wait_under_a_policy_and_a_policy_those_that_it_is_for() -> None:
    log = Log()
    assert log.write(ACME, OWNED) == ()
    log.opened(TWO, "gate", "other")
    log.opened(ONE, "gate")
    log.opened(change_ref("acme", "ch-3"))
    log.opened(change_ref("beta", "ch-4"), "gate")
    assert log.write(ACME, OWNED) == ("ch-2", "ch-1")
    assert log.write(GATE, env2.PolicyDefined(policy="gate")) == ("ch-2", "ch-1")
    other = foreign.policy_ref("acme", "other")
    assert log.write(other, env2.PolicyDefined(policy="other")) == ("ch-2",)
    assert log.write(foreign.policy_ref("acme", "third"), env2.PolicyDefined(policy="third")) == ()


@pytest.mark.parametrize("end", [pro1.ChangeBegun(), pro1.ChangeFailed(reason="late")])
def test_what_waits_no_more_is_not_concerned_and_a_repeat_names_what_waited_then(
    end: Event,
) -> None:
    log = Log()
    log.opened(ONE, "gate")
    log.opened(TWO, "gate")
    first = log.seq + 1
    assert log.write(ACME, OWNED) == ("ch-1", "ch-2")
    log.write(ONE, end)
    assert log.write(ACME, OWNED) == ("ch-2",)
    assert log.concerned(ACME, OWNED, first) == ("ch-1", "ch-2")
    log.write(ACME, env1.OrganizationDeleted(slug="acme"))
    assert log.write(ACME, OWNED) == ()


def test_no_more_events_are_remembered_than_are_meant_to_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(following, "REMEMBERED", 2)
    log = Log()
    log.opened(ONE, "gate")
    seqs = []
    for _ in range(3):
        log.write(ACME, OWNED)
        seqs.append(log.seq)
    assert [bool(log.concerned(ACME, OWNED, seq)) for seq in seqs] == [False, True, True]
