"""Chains on a terminal go through every row that the one who asks may see, and through no other."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from catalyst.cli import chains, planshow
from catalyst.cli.links import links_of
from catalyst.client.errors import Problem
from catalyst.client.rows import Freshness, Page, Row
from catalyst.contracts.blocked import Link
from catalyst.contracts.blocked_chain import causes

FRESH = Freshness(as_of=1, head=1, lag_ms=0, log="l")


def link(kind: str, name: str, code: str) -> dict[str, Any]:
    more = {"message": f"{code} of {name}", "since": None, "who": "you", "what_to_do": "look"}
    return {"kind": kind, "name": name, "code": code, **more}


class Door:
    """Rows by plural, as the door answers them to one reader."""

    def __init__(self, *roles: str, **docs: list[dict[str, Any]]) -> None:
        self.docs = docs
        self.roles = roles
        self.asked: list[str] = []

    async def read(self, path: str) -> Any:
        assert path == "/v1/session"
        return {"roles": list(self.roles)}

    async def pages(self, kinds: str, **_where: Any) -> AsyncIterator[Page]:
        self.asked.append(kinds)
        rows = [Row(key=one["name"], seq=1, doc=one) for one in self.docs.get(kinds, [])]
        yield Page(rows=tuple(rows), fresh=FRESH, next="", cursor="")

    async def get(self, kinds: str, name: str, **_where: Any) -> tuple[Row, Freshness]:
        self.asked.append(kinds)
        for one in self.docs.get(kinds, []):
            if one["name"] == name:
                return Row(key=name, seq=1, doc=one), FRESH
        raise Problem(404, "not-found")


def blueprint(name: str, owner: str | None, *links: dict[str, Any]) -> dict[str, Any]:
    versions = [{"version": "1.0.0", "source": "own"}]
    more = {"versions": versions, "blocked_by": list(links)}
    return {"name": name, "organization": owner, **more}


def source(name: str, owner: str | None) -> dict[str, Any]:
    why = [link("source", name, "refused")]
    return {"name": name, "organization": owner, "refused": [], "blocked_by": why}


async def told(door: Door, *roots: dict[str, Any], owner: str = "acme") -> list[str]:
    found = await chains.whole(door, links_of(roots), owner)  # type: ignore[arg-type]
    # Below what can be mended stands who does so.
    assert found[1].lstrip().startswith("→ ")
    return [line.partition(":")[0] for line in found if not line.lstrip().startswith("→ ")]


WIKI = blueprint("bp-wiki", "acme", link("blueprint", "bp-db", "dependency-missing"))
ROOT = link("blueprint", "bp-wiki", "dependency-missing")


@pytest.mark.guarantee("G13.7")
async def test_a_chain_goes_through_blueprints_to_the_source_that_is_not_read() -> None:
    door = Door(blueprints=[WIKI], sources=[source("own", "acme")])
    way = ["source own", chains.ON_THE_WAY, "  blueprint bp-wiki", "    blueprint bp-db"]
    assert await told(door, ROOT) == way
    assert sorted(door.asked) == ["blueprints", "sources"]


@pytest.mark.guarantee("G13.7")
async def test_rows_of_another_organization_of_the_reader_are_on_no_chain_of_this_one() -> None:
    secret = blueprint("bp-db", "rival", link("blueprint", "bp-secret", "dependency-missing"))
    door = Door(blueprints=[WIKI, secret], sources=[source("theirs", "rival")])
    assert await told(door, ROOT) == [
        "source platform",
        chains.ON_THE_WAY,
        "  blueprint bp-wiki",
        "    blueprint bp-db",
    ]


HIDDEN = link("source", "platform", "not-shown")


@pytest.mark.guarantee("G13.7")
async def test_who_runs_catalyst_is_led_to_the_platforms_sources_and_not_told_of_hidden_ones() -> (
    None
):
    platform = blueprint("bp-wiki", None, link("blueprint", "bp-db", "dependency-missing"))
    shown = Door("sovereign-admin", blueprints=[platform], sources=[source("lost", None)])
    assert await told(shown, ROOT, HIDDEN) == [
        "source lost",
        chains.ON_THE_WAY,
        "  blueprint bp-wiki",
        "    blueprint bp-db",
    ]
    # Where the platform has no source at all, none is hidden.
    none = Door("sovereign-admin", blueprints=[platform])
    assert await told(none, ROOT, HIDDEN) == [
        *("blueprint bp-db", chains.ON_THE_WAY, "  blueprint bp-wiki"),
    ]
    others = Door(blueprints=[WIKI])
    assert (await told(others, ROOT))[0] == "source platform"
    assert await told(others, HIDDEN) == ["source platform"]


async def test_what_is_behind_an_organization_is_in_its_onboarding() -> None:
    failed = link("git", "acme", "git-unavailable")
    door = Door(
        organizations=[
            {"name": "acme", "blocked_by": [link("onboarding", "acme", "onboarding-in-progress")]}
        ],
        onboardings=[{"name": "acme", "blocked_by": [failed]}],
    )
    assert await told(door, link("organization", "acme", "organization-suspended")) == [
        "git acme",
        chains.ON_THE_WAY,
        "  organization acme",
        "    onboarding acme",
    ]


async def test_a_row_that_is_gone_or_not_the_reader_s_ends_the_chain() -> None:
    assert await told(Door(), link("change", "ch-9", "environment-going")) == ["change ch-9"]


@pytest.mark.guarantee("G13.14")
async def test_the_chain_of_a_change_is_in_its_row_and_no_other_is_read() -> None:
    door = Door()
    chain = [
        link("application", "blog", "not-seen"),
        {**link("Pod", "blog-0", "crash-loop"), "depth": 1},
    ]
    found = await chains.whole(
        door,  # type: ignore[arg-type]
        links_of(chain),
        "acme",
        start=("change", "ch-1"),
    )
    assert found == [
        "Pod blog-0: crash-loop of blog-0 (crash-loop)",
        "  → you: look",
        chains.ON_THE_WAY,
        "  application blog: not-seen of blog (not-seen)",
    ]
    assert door.asked == []


@pytest.mark.guarantee("G13.14")
async def test_what_a_deletion_waits_for_is_followed_through_its_change_to_its_application() -> (
    None
):
    why = [{**link("Pod", "blog-0", "crash-loop")}]
    door = Door(
        changes=[
            {
                "name": "ch-1",
                "blocked_by": [
                    link("application", "blog", "not-seen"),
                    *({**one, "depth": 1} for one in why),
                ],
            }
        ],
        applications=[
            {"name": "blog", "bindings": [{"environment": "acme-prod", "blocked_by": why}]}
        ],
    )
    assert await told(door, link("change", "ch-1", "deletion-under-way")) == [
        *("Pod blog-0", chains.ON_THE_WAY, "  change ch-1", "    application blog"),
    ]


async def test_what_is_only_named_is_not_read() -> None:
    door = Door()
    assert await told(door, link("application", "blog", "application-needed")) == [
        "application blog"
    ]
    assert door.asked == []


def links(*found: tuple[int, str, str]) -> list[Link]:
    return links_of({**link(kind, "x", code), "depth": depth} for depth, kind, code in found)


@pytest.mark.guarantee("G14.19")
def test_the_cause_and_what_to_do_about_it_are_read_first() -> None:
    crashing = links(
        (0, "application", "not-seen"),
        (1, "Deployment", "under-way"),
        (1, "Kustomization", "unwell"),
        (1, "Pod", "crash-loop"),
        (0, "change", "change-waiting"),
    )
    assert chains.as_lines(crashing) == [
        "Pod x: crash-loop of x (crash-loop)",
        "  → you: look",
        chains.ON_THE_WAY,
        "  application x: not-seen of x (not-seen)",
        "    Deployment x: under-way of x (under-way)",
        "    Kustomization x: unwell of x (unwell)",
        "  change x: change-waiting of x (change-waiting)",
    ]
    # Of all that is unwell nothing knows better: that is the cause.
    assert chains.as_lines(crashing[:3])[0].startswith("Kustomization x")
    # What only goes on has no cause, and stays in its order.
    starting = chains.as_lines(crashing[:2])
    assert [line.split()[0] for line in starting] == ["application", "→", "Deployment", "→"]


@pytest.mark.guarantee("G14.19")
def test_every_cause_of_several_is_told() -> None:
    two = links(
        (0, "approval", "approval-missing"), (0, "application", "not-seen"), (1, "Pod", "no-room")
    )
    assert [one.kind for one in causes(two)] == ["approval", "Pod"]


def test_a_plan_says_below_each_blocker_what_is_behind_it() -> None:
    blockers = [
        {"code": "a", "message": "first", "names": []},
        {"code": "b", "message": "second", "names": ["x", "y"]},
    ]
    found = list(planshow._blockers(blockers, [["cause one", "  cause two"], []]))
    assert found == ["a: first", "  cause one", "    cause two", "b: second (x → y)"]
    assert list(planshow._blockers(blockers, ())) == ["a: first", "b: second (x → y)"]


def test_a_cause_that_several_blockers_have_is_told_once() -> None:
    blockers = [{"code": code, "message": "m", "names": []} for code in "abcd"]
    way = [chains.ON_THE_WAY, "  change x"]
    behind = [["Pod x", *way], ["Pod x", chains.ON_THE_WAY, "  change y"], ["Pod y", *way], []]
    assert list(planshow._blockers(blockers, behind)) == [
        "a: m", "  Pod x", *(f"  {line}" for line in way),
        "b: m", "  the cause is one that is told above",
        "c: m", "  Pod y", *(f"  {line}" for line in way),
        "d: m",
    ]  # fmt: skip


def test_what_two_ways_lead_through_is_told_once() -> None:
    shared = [(1, "application", "unwell"), (2, "Pod", "no-room")]
    two = links((0, "change", "change-waiting"), *shared, (0, "environment", "unwell"), *shared)
    told = chains.as_lines(two)
    assert [line.split()[0] for line in told if "→" not in line and line != chains.ON_THE_WAY] == [
        "Pod", "change", "application", "environment",
    ]  # fmt: skip
