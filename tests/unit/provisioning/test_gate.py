"""Who can give an approval: told before anything begins, and judged again when it begins."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.changing import Town
from tests.support.each import each
from tests.support.planning import Others, install, known, plan, wiki
from tests.support.plans import ADMIN, DEVELOPER, OWNERS, apply, planned, town

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.decision import Actor
from catalyst.contracts.provisioning_values_v1 import Approvals
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.tables.role import BUILDERS, OWNER_ROLES, PLATFORM_ROLES
from catalyst.provisioning.domain import foreign, gate
from catalyst.provisioning.domain.change import change_ref
from catalyst.provisioning.domain.gate import Approved

pytestmark = pytest.mark.guarantee("G14.5")

PEOPLE = gate.people(OWNERS)
DEV = "DEV@acme.example"
ANY, ADMINS, DEVELOPERS = "", "org-admin", "developer"


def person(name: str, *roles: str) -> Actor:
    """Return a person with a proven address."""
    email = f"{name}@acme.example"
    return Actor(name=f"user:x#{name}", email=email, roles=frozenset(roles), proven=True)


VI, LINUS = person("vi", "org-developer"), person("linus", "org-admin")
OFFICER = person("sam", "security-officer")


def approve(place: Town, *people: Actor) -> None:
    """Approve the change that waits."""
    content = place.change("ch-1").content()
    for by in people:
        place.command(change_ref("acme", "ch-1"), pro1.ApproveChange(hash=content.hash), by)


def named(place: Town, owners: Sequence[env1.Owner]) -> None:
    """Let the Organization have these people."""
    changed = env1.OwnersChanged(slug="acme", owners=tuple(owners))
    place.given(foreign.organization_ref("acme"), changed)


def without(name: str, *more: env1.Owner) -> list[env1.Owner]:
    return [*(one for one in OWNERS if not one.email.startswith(name)), *more]


# ---- beforehand


@each(
    [
        (ANY, 0, DEV, "nothing"),
        (ANY, 3, DEV, "fine"),
        (ANY, 4, DEV, "officers"),
        (ANY, 4, "root@platform.example", "fine"),
        (ADMINS, 2, DEV, "fine"),
        (ADMINS, 2, "grace@ACME.example", "impossible"),
        ("owner", 3, "", "impossible"),
        (DEVELOPERS, 2, "", "fine"),
        (DEVELOPERS, 2, DEV, "impossible"),
        ("viewer", 1, DEV, "officers"),
        ("org-viewer", 2, DEV, "impossible"),
        ("security-officer", 9, DEV, "fine"),
        ("sovereign-admin", 1, DEV, "fine"),
        ("platform", 1, DEV, "impossible"),
        ("vi@acme.example, Linus@acme.example", 2, DEV, "fine"),
        ("vi@acme.example, new@acme.example", 2, DEV, "officers"),
        ("vi@acme.example, VI@acme.example", 2, DEV, "impossible"),
        ("dev@acme.example; vi@acme.example", 2, DEV, "impossible"),
    ]
)
def test_what_can_never_be_given_is_known_beforehand(
    team: str, quorum: int, author: str, says: str
) -> None:
    policy = foreign.Policy(exists=True, approvals=(env1.Approval(team=team, quorum=quorum),))
    found = gate.gates(policy, town().now, PEOPLE, author)
    assert len(found.approvals) == (says != "nothing")
    assert (found.impossible, found.officers) == (
        (team,) if says == "impossible" else (),
        (team,) if says == "officers" else (),
    )


@each(
    [
        ("owner", LINUS, True),
        ("admin", VI, False),
        ("org-developer", VI, True),
        ("org-admin", VI, False),
        ("LINUS@acme.example", LINUS, True),
        ("vi@acme.example", LINUS, False),
        ("nobody", LINUS, False),
        ("vi@acme.example,", Actor(name="user:x#vi", roles=VI.roles, proven=True), False),
    ]
)
def test_a_team_is_a_role_a_word_of_the_owners_list_or_addresses(
    team: str,
    who: Actor,
    belongs: bool,  # noqa: FBT001
) -> None:
    assert gate.is_member(team, who) is belongs


@each(
    [
        ("user:x#vi", "other@acme.example", True),
        ("user:other#1", "VI@acme.example", True),
        ("user:other#1", "", False),
        ("user:x#nameless", "", True),
    ]
)
def test_a_person_is_known_by_name_or_by_address(
    name: str,
    email: str,
    own: bool,  # noqa: FBT001
) -> None:
    who = Actor(name="user:x#nameless") if name.endswith("nameless") else VI
    given = Approved(by=name, email=email, teams=())
    assert gate.is_author(who, name, email) is gate.same(given, who) is own
    assert not gate.is_author(Actor(name="user:x#somebody"), name, email)


def approved(email: str, *teams: str, by: str = "") -> Approved:
    return Approved(by=by or email, email=email, teams=teams, officer=not email)


BOTH = "vi@acme.example, linus@acme.example"


@each(
    [
        ((), 2),
        ((approved(VI.email, BOTH),), 1),
        ((approved(VI.email, BOTH), approved("VI@acme.example", BOTH, by="user:other#1")), 1),
        ((approved(VI.email, BOTH), approved(LINUS.email, BOTH)), 0),
        ((approved(VI.email, BOTH), approved(LINUS.email, ANY)), 1),
        ((approved("", BOTH, by="user:x#sam"), approved("", BOTH, by="user:x#kim")), 0),
        ((approved(VI.email, BOTH), approved("eve@else", BOTH)), 1),
    ]
)
def test_what_is_missing_is_counted_by_person_and_by_team(
    given: tuple[Approved, ...], lacks: int
) -> None:
    asked = Approvals(team=BOTH, quorum=2)
    left = (Approvals(team=BOTH, quorum=lacks),) if lacks else ()
    assert gate.missing((asked,), given, PEOPLE) == left


EMAILS = [f"{name}@acme.example" for name in ("ann", "ben", "cleo", "dan")]
TEAMS = st.one_of(
    st.sampled_from(["", "nobody", *OWNER_ROLES, *OWNER_ROLES.values(), *PLATFORM_ROLES]),
    st.lists(st.sampled_from([*EMAILS, "ANN@acme.example", "eve@else"])).map(", ".join),
)


@given(
    st.dictionaries(st.sampled_from(EMAILS), st.sampled_from(sorted(OWNER_ROLES))),
    TEAMS,
    st.integers(1, 4),
    st.sampled_from(EMAILS),
)
def test_it_is_impossible_exactly_if_all_others_together_do_not_get_there(
    listed: dict[str, str], team: str, quorum: int, author: str
) -> None:
    """Everybody approves who may, with every role of the platform that they could have."""
    found = gate.people(env1.Owner(email=e, role=r) for e, r in listed.items())  # type: ignore[arg-type]
    asked = (Approvals(team=team, quorum=quorum),)
    for everything in (True, False):
        given = []
        for email in (*EMAILS, "eve@else", *(f"stranger-{n}@else" for n in range(4))):
            own = {found[email]} if email in found else set()
            roles = frozenset(own | (PLATFORM_ROLES if everything else set()))
            who = Actor(name=email, email=email, roles=roles, proven=True)
            may = everything or not roles.isdisjoint(BUILDERS)
            teams = gate.counts_for(asked, who)
            if may and teams and not gate.is_author(who, author, author):
                one = Approved(by=email, email=email, teams=teams, officer=everything)
                given.append(one)
        full = not gate.missing(asked, given, found)
        policy = foreign.Policy(exists=True, approvals=(env1.Approval(team=team, quorum=quorum),))
        says = gate.gates(policy, town().now, found, author)
        if everything:
            assert full is not bool(says.impossible)
            assert bool(gate.too_few(asked, found, author)) is bool(says.impossible)
        elif team not in PLATFORM_ROLES:
            assert full is not bool(says.impossible or says.officers)


async def test_a_plan_tells_it_for_who_asks_and_applying_judges_it_for_who_applies() -> None:
    place, others = town(approvals=(env1.Approval(team=ADMINS, quorum=2),)), Others()
    known(place)
    wiki(others)
    mine = await plan(place, others, install(), ADMIN)
    assert [item.code for item in mine.blocked_by] == ["approvals-impossible"]
    assert "2 of the team 'org-admin'" in mine.blocked_by[0].message
    found = await plan(place, others, install(), DEVELOPER)
    assert found.blocked_by == ()
    assert found.hash == mine.hash
    with pytest.raises(Rejected) as caught:
        apply(place, "ch-1", found, ADMIN)
    assert caught.value.code == "approvals-impossible"
    apply(place, "ch-1", found)
    assert place.change("ch-1").status == "waiting"


async def test_a_plan_tells_where_only_officers_can_still_approve() -> None:
    place, others = town(approvals=(env1.Approval(quorum=4),)), Others()
    known(place)
    wiki(others)
    found = await plan(place, others, install())
    assert (found.gates.officers, found.blocked_by) == (("",), ())
    apply(place, "ch-1", found)
    approve(place, VI, LINUS, ADMIN)
    assert place.change("ch-1").status == "waiting"
    approve(place, OFFICER)
    assert place.change("ch-1").status == "running"


async def test_officers_are_asked_for_only_as_long_as_those_that_are_left_are_too_few() -> None:
    place, others = town(approvals=(env1.Approval(quorum=4),)), Others()
    known(place)
    wiki(others)
    apply(place, "ch-1", await plan(place, others, install()))

    def asked() -> tuple[int, tuple[str, ...]]:
        held = [event for _, event in place.log if isinstance(event, pro1.ChangeHeldBack)][-1]
        return held.approvals[0].quorum, held.officers

    assert asked() == (4, ("",))
    approve(place, OFFICER)
    assert asked() == (3, ())
    approve(place, VI)
    assert asked() == (2, ())
    named(place, without("linus"))
    approve(place, ADMIN)
    assert asked() == (1, ("",))


# ---- when it begins

NIGHT = env1.Window(effect="allow", rrule="FREQ=DAILY;BYHOUR=22", duration_minutes=120)


@pytest.mark.parametrize(
    ("team", "by", "after", "counts"),
    [
        (ANY, VI, without("vi"), False),
        (ANY, VI, without("vi", env1.Owner(email="vi@acme.example", role="viewer")), False),
        (ANY, VI, without("vi", env1.Owner(email="VI@acme.example", role="admin")), True),
        (ADMINS, LINUS, without("linus"), False),
        (ADMINS, LINUS, without("li", env1.Owner(email=LINUS.email, role="developer")), False),
        ("linus@acme.example", LINUS, without("linus"), False),
        ("linus@acme.example", LINUS, without("vi"), True),
        (ANY, OFFICER, without("vi"), True),
        ("security-officer", OFFICER, without("vi"), True),
    ],
)
def test_an_approval_counts_as_long_as_who_gave_it_could_still_give_it(
    team: str, by: Actor, after: list[env1.Owner], *, counts: bool
) -> None:
    place = town(NIGHT, approvals=(env1.Approval(team=team, quorum=1),))
    apply(place, "ch-1", planned(place))
    approve(place, by)
    assert place.change("ch-1").status == "waiting"
    named(place, after)
    place.fire("ch-1", "turn")
    held = place.change("ch-1").held
    assert (held is None) is counts
    if held is None:
        return
    assert held.waits_for == ("approvals",)
    named(place, OWNERS)
    place.fire("ch-1", "turn")
    assert place.change("ch-1").status == "running"


def test_a_person_is_one_person_whatever_the_case_of_their_address() -> None:
    place = town(approvals=(env1.Approval(quorum=2),))
    apply(place, "ch-1", planned(place))
    other = Actor(name="user:other#1", email="VI@Acme.example", roles=VI.roles, proven=True)
    approve(place, VI, other)
    assert len(place.events(pro1.ChangeApproved)) == 1
    assert place.change("ch-1").status == "waiting"


@pytest.mark.parametrize("name", ["nats:acme", "service:billing"])
def test_a_credential_of_the_broker_is_nobody_and_neither_approves_nor_rejects(name: str) -> None:
    """Its holder may be the author."""
    place = town(approvals=(env1.Approval(quorum=1),))
    apply(place, "ch-1", planned(place))
    hash_ = place.change("ch-1").content().hash
    nobody = Actor(name=name, proven=name.startswith("service:"))
    for sent in (pro1.ApproveChange(hash=hash_), pro1.RejectChange(hash=hash_, reason="no")):
        with pytest.raises(Rejected) as caught:
            place.command(change_ref("acme", "ch-1"), sent, nobody)
        assert caught.value.code == "person-required"
    assert place.change("ch-1").approved == ()
    assert place.change("ch-1").status == "waiting"


def test_whoever_comes_to_belong_to_one_more_team_approves_for_that_as_well() -> None:
    place = town(approvals=(env1.Approval(quorum=1), env1.Approval(team=ADMINS, quorum=1)))
    apply(place, "ch-1", planned(place))
    approve(place, VI)
    named(place, without("vi", env1.Owner(email=VI.email, role="admin")))
    assert place.change("ch-1").status == "waiting"
    approve(place, person("vi", "org-admin"))
    assert place.change("ch-1").status == "running"
    approve(place, person("vi", "org-admin"))
    assert len(place.events(pro1.ChangeApproved)) == 2


def test_an_address_that_only_looks_like_a_members_counts_for_no_team() -> None:
    looks = person("\N{KELVIN SIGN}im", "security-officer")
    assert looks.email.lower() == "kim@acme.example"
    assert gate.is_member("kim@acme.example", person("KIM", "org-admin"))
    assert not gate.is_member("kim@acme.example", looks)
