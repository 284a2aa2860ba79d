"""Chains on a terminal go through every row that the one who asks may see, and through no other."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from catalyst.cli import chains, planshow
from catalyst.client.errors import Problem
from catalyst.client.rows import Freshness, Page, Row

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
    found = await chains.whole(door, chains.links_of(roots), owner)  # type: ignore[arg-type]
    # Below each link stands who does something about it.
    assert all(line.lstrip().startswith("→ ") for line in found[1::2])
    assert all("→" not in line for line in found[::2])
    return [line.partition(":")[0] for line in found[::2]]


WIKI = blueprint("bp-wiki", "acme", link("blueprint", "bp-db", "dependency-missing"))
ROOT = link("blueprint", "bp-wiki", "dependency-missing")


@pytest.mark.guarantee("G13.7")
async def test_a_chain_goes_through_blueprints_to_the_source_that_is_not_read() -> None:
    door = Door(blueprints=[WIKI], sources=[source("own", "acme")])
    way = ["blueprint bp-wiki", "  blueprint bp-db", "    source own"]
    assert await told(door, ROOT) == way
    assert sorted(door.asked) == ["blueprints", "sources"]


@pytest.mark.guarantee("G13.7")
async def test_rows_of_another_organization_of_the_reader_are_on_no_chain_of_this_one() -> None:
    secret = blueprint("bp-db", "rival", link("blueprint", "bp-secret", "dependency-missing"))
    door = Door(blueprints=[WIKI, secret], sources=[source("theirs", "rival")])
    assert await told(door, ROOT) == [
        "blueprint bp-wiki",
        "  blueprint bp-db",
        "    source platform",
    ]


HIDDEN = link("source", "platform", "not-shown")


@pytest.mark.guarantee("G13.7")
async def test_who_runs_catalyst_is_led_to_the_platforms_sources_and_not_told_of_hidden_ones() -> (
    None
):
    platform = blueprint("bp-wiki", None, link("blueprint", "bp-db", "dependency-missing"))
    shown = Door("sovereign-admin", blueprints=[platform], sources=[source("lost", None)])
    assert await told(shown, ROOT, HIDDEN) == [
        "blueprint bp-wiki",
        "  blueprint bp-db",
        "    source lost",
    ]
    # Where the platform has no source at all, none is hidden.
    none = Door("sovereign-admin", blueprints=[platform])
    assert await told(none, ROOT, HIDDEN) == ["blueprint bp-wiki", "  blueprint bp-db"]
    others = Door(blueprints=[WIKI])
    assert (await told(others, ROOT))[-1] == "    source platform"
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
        "organization acme",
        "  onboarding acme",
        "    git acme",
    ]


async def test_a_row_that_is_gone_or_not_the_reader_s_ends_the_chain() -> None:
    assert await told(Door(), link("change", "ch-9", "environment-going")) == ["change ch-9"]


async def test_what_is_only_named_is_not_read() -> None:
    door = Door()
    assert await told(door, link("application", "blog", "application-needed")) == [
        "application blog"
    ]
    assert door.asked == []


def test_a_plan_says_below_each_blocker_what_is_behind_it() -> None:
    blockers = [
        {"code": "a", "message": "first", "names": []},
        {"code": "b", "message": "second", "names": ["x", "y"]},
    ]
    found = list(planshow._blockers(blockers, [["cause one", "  cause two"], []]))
    assert found == ["a: first", "  cause one", "    cause two", "b: second (x → y)"]
    assert list(planshow._blockers(blockers, ())) == ["a: first", "b: second (x → y)"]
