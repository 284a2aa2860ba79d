"""What a change waits for stands in its row, and leads there from the rows of its Applications."""

import pytest
from tests.support import plans
from tests.support.plans import PROD, apply, planned, town
from tests.unit.projector.test_blocked import links
from tests.unit.projector.test_changes import advance, rows

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import environment_v2 as env2
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.provisioning.domain import foreign
from catalyst.provisioning.domain.change import change_ref

SCARCE = "; without security-officers too few can give it"


@pytest.mark.guarantee("G13.7")
def test_the_changes_that_wait_stand_among_what_keeps_an_application_oldest_first() -> None:
    place = town(approvals=(env1.Approval(quorum=1),))
    apply(place, "ch-1", planned(place))
    apply(place, "ch-2", planned(place, "configure", values={"a": 1}))
    found = rows(place)
    chain = links(found, "application", "blog")
    own = [one for one in chain if not one.depth]
    assert [(one.name, one.code, one.message) for one in own] == [
        ("ch-1", "change-waiting", "ch-1 is to change blog, and waits for approvals"),
        (
            "ch-2",
            "change-waiting",
            "ch-2 is to change blog, and waits for those before it and approvals",
        ),
    ]
    assert all(one.since is not None for one in own)
    assert [(link.depth, link.name, link.code) for link in chain] == [
        (0, "ch-1", "change-waiting"),
        (1, "anyone but the author", "approval-missing"),
        (0, "ch-2", "change-waiting"),
        (1, "ch-1", "queued"),
        (1, "anyone but the author", "approval-missing"),
    ]


@pytest.mark.guarantee("G13.7")
def test_what_is_well_says_that_a_change_of_it_waits_until_that_begins() -> None:
    place = town()
    plans.install(place, "blog", "ch-0")
    assert links(rows(place), "application", "blog") == ()
    place.given(
        foreign.environment_ref("acme", PROD), env1.PolicyAttached(environment=PROD, policy="gate")
    )
    asked = (env1.Approval(quorum=1),)
    place.given(
        foreign.policy_ref("acme", "gate"), env2.PolicyDefined(policy="gate", approvals=asked)
    )
    apply(place, "ch-1", planned(place, "configure", values={"a": 1}, priced=False))
    assert [(one.name, one.code) for one in links(rows(place), "application", "blog")] == [
        ("ch-1", "change-waiting"),
        ("anyone but the author", "approval-missing"),
    ]
    hash_ = place.change("ch-1").content().hash
    place.command(change_ref("acme", "ch-1"), pro1.ApproveChange(hash=hash_), plans.ADMIN)
    advance(place, "observe")
    assert [one.code for one in links(rows(place), "application", "blog")] == ["pending"]


@pytest.mark.guarantee("G27.7")
def test_where_security_officers_have_to_approve_the_change_says_so_until_it_begins() -> None:
    place = town(approvals=(env1.Approval(quorum=4), env1.Approval(team="org-admin", quorum=1)))
    apply(place, "ch-1", planned(place))
    (held,) = place.events(pro1.ChangeHeldBack)
    assert held.officers == ("",)
    row = rows(place)["change ch-1"]
    assert row.officers == ("",)
    assert [(one.message, one.who) for one in row.blocked_by] == [
        (
            f"4 approvals of anyone but the author missing for ch-1{SCARCE}",
            "anyone but the author, and security-officers",
        ),
        ("1 approval of org-admin missing for ch-1", "org-admin"),
    ]
    place.command(change_ref("acme", "ch-1"), pro1.CancelChange(reason="no"), plans.ADMIN)
    assert rows(place)["change ch-1"].officers == ()
