"""Whatever does not move says why, up to the cause, and who can do something about it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.each import each

from catalyst.contracts import blocked_chain
from catalyst.contracts.blocked import Link, of_change
from catalyst.contracts.blocked_application import of_application
from catalyst.contracts.blocked_chain import follow, kept, tree
from catalyst.contracts.provisioning_values_v1 import (
    Applied,
    Approvals,
    Evidence,
    Gate,
    Health,
    Step,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
PROD = "acme-prod"


def codes(links: Sequence[Link]) -> list[str]:
    return [link.code for link in links]


def pod(reason: str, status: Health = "degraded") -> Evidence:
    return Evidence(kind="Pod", name="blog-0", status=status, reason=reason, message=reason)


@pytest.mark.guarantee("G13.7")
@given(
    waits=st.lists(st.sampled_from(get_args(Gate)), min_size=1, unique=True),
    quorum=st.integers(1, 3),
)
def test_a_change_that_waits_says_for_what(waits: list[Gate], quorum: int) -> None:
    found = of_change(
        "ch-2",
        PROD,
        waits_for=waits,
        behind=("ch-1",),
        missing=(Approvals(team="org-admin", quorum=quorum),),
        opens=NOON,
    )
    wanted = {"queue": "queued", "approvals": "approval-missing", "window": "window-closed"}
    assert set(codes(found)) == {wanted[gate] for gate in waits}
    assert all(link.who and link.what_to_do and link.message for link in found)


@pytest.mark.guarantee("G13.7")
@given(step=st.sampled_from(get_args(Step)), undo=st.booleans(), reason=st.sampled_from(["", "no"]))
def test_a_change_in_a_step_says_whose_turn_it_is(step: Step, undo: bool, reason: str) -> None:  # noqa: FBT001
    found = of_change(
        "ch-1", PROD, step=step, undo=undo, applications=("blog", "db"), reason=reason
    )
    assert found
    assert all(link.who and link.what_to_do for link in found)
    if reason and step != "observe":
        assert all(reason in link.message for link in found)


@pytest.mark.guarantee("G13.7")
@given(
    wanted=st.booleans(),
    seen=st.booleans(),
    stale=st.booleans(),
    applied=st.sampled_from(get_args(Applied)),
    health=st.sampled_from(get_args(Health)),
)
def test_only_what_is_as_it_is_to_be_has_no_reason(**how: Any) -> None:
    stale = how.pop("stale")
    found = of_application("blog", PROD, stale_since=NOON if stale else None, **how)
    well = how["seen"] and not stale and how["applied"] == "current" and how["health"] == "healthy"
    gone = not how["seen"] or how["health"] == "missing"
    assert bool(found) == (not well if how["wanted"] else not gone)


def test_without_a_cluster_it_says_so_and_does_not_pretend() -> None:
    (link,) = of_application("blog", PROD, wanted=True)
    assert link.code == "no-cluster"
    # Which directory that is, and how else it was started, only whoever started it knows.
    assert "start it as before, with `--simulate-cluster`" in link.what_to_do
    found = of_application("blog", PROD, wanted=True, change="ch-1")
    assert codes(found) == ["change-in-flight", "no-cluster"]
    # Once one has told anything, it is there, and says nothing of this.
    (link,) = of_application("blog", PROD, wanted=True, cluster="simulator")
    assert (link.code, link.message.endswith("(simulated)")) == ("never-seen", True)


@each(
    {
        "never-seen": {"cluster": "SOURCE"},
        "pending": {"seen": True, "applied": "pending", "source": "SOURCE"},
        "silent": {"seen": True, "stale_since": NOON, "source": "SOURCE"},
    }.items()
)
def test_whom_to_look_at_is_the_simulator_where_it_is_no_real_cluster(
    code: str, how: dict[str, Any]
) -> None:
    def told(source: str) -> Link:
        given: dict[str, Any] = {
            key: source if value == "SOURCE" else value for key, value in how.items()
        }
        (link,) = of_application("blog", PROD, wanted=True, **given)
        return link

    real, simulated = told("cluster"), told("simulator")
    assert (real.code, simulated.code) == (code, code)
    assert "`catalyst doctor`" in simulated.what_to_do
    assert "Flux" not in simulated.what_to_do
    assert (simulated.who, real.who) == ("whoever runs Catalyst", "whoever runs the cluster")
    assert "simulated" not in real.message + real.what_to_do


@each(
    [
        ("ImagePullBackOff", "image-not-pulled"),
        ("CrashLoopBackOff", "crash-loop"),
        ("Unschedulable", "no-room"),
        ("Suspended", "suspended"),
        ("Restarted", "restarted"),
        ("SomethingElse", "unwell"),
    ]
)
def test_the_cause_stands_last(reason: str, code: str) -> None:
    above = Evidence(kind="Deployment", name="blog", status="progressing", reason="RollingOut")
    found = of_application(
        "blog",
        PROD,
        wanted=True,
        seen=True,
        applied="failed",
        health="degraded",
        evidence=(pod(reason), above),
    )
    assert codes(found) == ["under-way", code]


def test_a_reason_keeps_the_time_when_it_first_stood_there() -> None:
    first = kept(of_application("blog", PROD, wanted=True), (), NOON)
    later = NOON + timedelta(hours=1)
    again = kept(of_application("blog", PROD, wanted=True, change="ch-1"), first, later)
    assert [link.since for link in again] == [later, NOON]


ROWS = {
    ("change", "ch-3"): of_change("ch-3", PROD, waits_for=("queue",), behind=("ch-1", "ch-2")),
    ("change", "ch-1"): of_change("ch-1", PROD, step="observe", applications=("blog",)),
    ("application", "blog"): of_application(
        *("blog", PROD),
        wanted=True,
        seen=True,
        applied="failed",
        health="degraded",
        evidence=(pod("ImagePullBackOff"),),
    ),
}


@pytest.mark.guarantee("G13.7")
def test_the_chain_leads_from_a_queued_change_to_the_image_that_cannot_be_pulled() -> None:
    chain = follow(ROWS["change", "ch-3"], lambda kind, name: ROWS[kind, name])
    assert [(link.kind, link.name, link.code) for link in chain] == [
        ("change", "ch-1", "queued"),
        ("application", "blog", "not-seen"),
        ("Pod", "blog-0", "image-not-pulled"),
    ]


def test_a_chain_says_each_thing_once_and_not_that_a_change_waits_for_itself() -> None:
    roots = of_change("ch-1", PROD, step="observe", applications=("blog", "db"))
    rows = {
        ("change", "ch-1"): roots,
        **{
            ("application", name): of_application(name, PROD, wanted=True, change="ch-1")
            for name in ("blog", "db")
        },
    }

    found = tree(roots, lambda kind, name: rows[kind, name], start=("change", "ch-1"))
    assert [(link.depth, link.name, link.code) for link in found] == [
        (0, "blog", "not-seen"),
        (1, PROD, "no-cluster"),
        (0, "db", "not-seen"),
        (1, PROD, "no-cluster"),
    ]


def test_nothing_can_be_seen_before_it_is_committed() -> None:
    found = of_application("blog", PROD, wanted=True, change="ch-1", committed=False)
    assert codes(found) == ["change-in-flight"]


@each([
        (PROD, "DependencyNotReady", "acme/db-prod", ("application", "db")),
        ("acme-dev-blue", "DependencyNotReady", "acme/db--dev-blue", ("application", "db")),
        # Another Environment's, another Organization's, and what is none of ours.
        (PROD, "DependencyNotReady", "acme/db-dev", ("Kustomization", "blog")),
        (PROD, "DependencyNotReady", "acme/infra", ("Kustomization", "blog")),
        (PROD, "DependencyNotReady", "other/db-prod", ("Kustomization", "blog")),
        (PROD, "DependencyNotReady", "other/db--acme-prod", ("Kustomization", "blog")),
        (PROD, "DependencyNotReady", "db-prod", ("Kustomization", "blog")),
        # Whatever else is said of one, that is not what it waits for.
        (PROD, "HealthCheckFailed", "acme/db-prod", ("Kustomization", "blog")),
    ])  # fmt: skip
@pytest.mark.guarantee("G13.20")
def test_what_flux_waits_for_is_an_application_of_the_same_environment(
    environment: str, reason: str, named: str, leads: tuple[str, str]
) -> None:
    item = Evidence(
        kind="Kustomization",
        name="blog",
        status="progressing",
        reason=reason,
        message=f"dependency '{named}' is not ready",
    )
    (link,) = of_application(
        "blog", environment, wanted=True, seen=True, health="progressing", evidence=(item,)
    )
    assert (link.kind, link.name) == leads
    assert link.message == item.message


@pytest.mark.guarantee("G13.7")
def test_what_is_its_own_cause_stays_and_what_a_link_only_names_is_not_followed() -> None:
    about: Any = {"message": "because", "who": "you", "what_to_do": "look"}
    suspended = Link(kind="organization", name="acme", code="organization-suspended", **about)
    needed = Link(kind="application", name="blog", code="application-needed", **about)
    start = ("organization", "acme")
    rows = {**ROWS, start: (suspended,)}
    found = tree((suspended, needed), lambda kind, name: rows[kind, name], start=start)
    assert [(link.depth, link.code) for link in found] == [
        (0, "organization-suspended"),
        (0, "application-needed"),
    ]


def test_what_is_told_twice_stands_once_with_the_time_that_is_known() -> None:
    about: Any = {"who": "you", "what_to_do": "look"}
    plain = Link(kind="source", name="platform", code="not-shown", message="it may be", **about)
    known = msgspec.structs.replace(plain, message="it is not read", since=NOON)
    for links in ((plain, known), (known, plain)):
        assert follow(links, lambda *_: ()) == (known,)
    said = Link(kind="organization", name="acme", code="x", message="it stands", **about)
    again = msgspec.structs.replace(said, since=NOON)
    assert tree((said,), lambda *_: (again,)) == (again,)


@pytest.mark.guarantee("G13.14")
def test_what_the_beginning_says_stands_as_it_said_it_whatever_it_leads_to_says() -> None:
    shut: Any = {"waits_for": ("queue", "window"), "opens": NOON}
    mine = kept(of_change("ch-2", PROD, behind=("ch-1",), **shut), (), NOON + timedelta(hours=1))
    ahead = kept(of_change("ch-1", PROD, waits_for=("window",), opens=NOON), (), NOON)
    found = tree(mine, lambda *_: ahead, start=("change", "ch-2"))
    assert found == mine
    # To be queued is not the cause, though what leads there stands beside it.
    assert [link.code for link in blocked_chain.causes(found)] == ["window-closed"]

    missing = (Approvals(team="", quorum=1),)
    mine = of_change(
        "ch-2", PROD, waits_for=("queue", "approvals"), behind=("ch-1",), missing=missing
    )
    ahead = of_change("ch-1", PROD, waits_for=("approvals",), missing=missing)
    found = tree(mine, lambda *_: ahead, start=("change", "ch-2"))
    assert [(link.depth, link.message[-4:]) for link in found[1:]] == [(1, "ch-1"), (0, "ch-2")]


@pytest.mark.guarantee("G13.14")
@given(size=st.integers(1, 60))
def test_none_of_what_the_beginning_says_is_lost_however_many_rows_it_leads_to(size: int) -> None:
    names = [f"app-{number}" for number in range(size)]
    mine = of_change("ch-1", PROD, step="observe", applications=names)
    rows = {name: of_application(name, PROD, wanted=True) for name in names}
    found = tree(mine, lambda _kind, name: rows[name], start=("change", "ch-1"))
    assert tuple(link for link in found if not link.depth) == mine
    assert len(found) - size == min(size, blocked_chain.FOLLOWED_MAX)


@given(size=st.integers(1, 60))
def test_a_chain_ends_even_where_rows_point_at_each_other(size: int) -> None:
    names = [f"ch-{number}" for number in range(size)]
    rows = {
        here: of_change(here, PROD, waits_for=("queue",), behind=(there,))
        for here, there in pairwise([*names, names[0]])
    }
    chain = follow(rows[names[0]], lambda _kind, name: rows[name])
    assert len(chain) <= blocked_chain.FOLLOWED_MAX + 1
