"""An Organization's own versions that a rule came after: they are told, and not taken."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tests.support.blueprints import package
from tests.support.catalogue import PROD, Contents, Shop, digest
from tests.support.gates import Gate

from catalyst.blueprints.lint import lint
from catalyst.catalog_svc import checking
from catalyst.catalog_svc.adapters.engine import Tantivy
from catalyst.catalog_svc.domain.prices import Prices
from catalyst.catalog_svc.queries_search import Searching
from catalyst.catalog_svc.queries_show import Looking
from catalyst.catalog_svc.queries_solve import Solving
from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts import catalog_v1 as cat1
from catalyst.contracts.decision import Actor
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Ref

WHO = Actor(name="user:test#ada")
REACHES = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {hostNetwork: true, containers: [{name: agent, image: "agent:1"}]}
"""
WHY = "manifests/app.yaml:8: hostNetwork gives the pod what belongs to its node (powers)"
OWN: dict[str, Any] = {"origin": "private", "organization": "acme"}


async def load(ref: Ref, *, up_to: int | None = None) -> Any:
    raise LookupError(f"nothing is loaded here, {ref} up to {up_to} neither")


class Market:
    """A catalogue, what its versions hold, and its questions."""

    def __init__(self) -> None:
        self.shop = Shop()
        self.shop.organization()
        self.contents = Contents()
        catalogue, prices = self.shop.catalogue, Prices()
        self.solving = Solving(catalogue, self.contents)
        self.looking = Looking(catalogue, prices, self.contents)
        self.searching = Searching(catalogue, prices, Tantivy)

    def holds(self, name: str, version: str, *needs: str, good: bool, **more: Any) -> None:
        """Register a version."""
        more = OWN | more
        self.shop.blueprint(name, version, *needs, **more)
        at = digest(name, version, more["origin"])
        self.contents.packages[at] = package() if good else package(manifest=REACHES)

    def ask(self, name: str, **request: Any) -> Any:
        """Return an answer as it travels."""
        of = {
            "solve": self.solving.solve,
            "why-not": self.solving.why_not,
            "search": self.searching.search,
        }
        run = of.get(name) or getattr(self.looking, name)
        return json.loads(json.dumps(asyncio.run(run(request, "acme", WHO, load))))

    def locked(self, application: str = "agent", **more: Any) -> dict[str, str]:
        """Return the version of each Application of a lock."""
        asked = {"environment": PROD, "application": application, **more}
        lock = self.ask("solve", **asked)["lock"]
        return {one["application"]: one["version"] for one in lock}

    def why_not(self, version: str, **more: Any) -> list[str]:
        """Return what stands in the way of a version of the agent."""
        found = self.ask("why-not", blueprint="agent", version=version, **more)
        assert found["possible"] is not bool(found["reasons"])
        reasons: list[str] = found["reasons"]
        return reasons


@pytest.fixture
def market() -> Market:
    """Return one where the newest agent is of before."""
    found = Market()
    found.holds("bp-agent", "1.0.0", good=True)
    found.holds("bp-agent", "2.0.0", good=False)
    return found


SAID = f"bp-agent 2.0.0 would not be registered any more: {WHY}"


@pytest.mark.guarantee("G20.11")
def test_the_newest_that_would_be_registered_today_is_taken(market: Market) -> None:
    assert market.locked(blueprint="agent") == {"agent": "1.0.0"}
    # What is known is not looked into again.
    before = len(market.contents.read)
    assert market.locked(blueprint="agent") == {"agent": "1.0.0"}
    assert len(market.contents.read) == before == 2


@pytest.mark.guarantee("G20.11")
def test_what_alone_would_do_is_refused_with_what_was_found(market: Market) -> None:
    with pytest.raises(Rejected) as caught:
        market.locked(blueprint="agent", version="2.0.0")
    assert (caught.value.code, caught.value.errors[-1].message) == ("not-solvable", SAID)
    assert market.why_not("2.0.0", environment=PROD, application="agent")[-1] == SAID


@pytest.mark.guarantee("G20.11")
def test_why_not_is_told_of_it_anywhere_too(market: Market) -> None:
    assert market.why_not("2.0.0") == [SAID]
    assert market.why_not("*") == []


@pytest.mark.guarantee("G20.11")
def test_what_comes_along_is_looked_into_and_what_is_shared_is_left(market: Market) -> None:
    market.holds("bp-base", "1.0.0", good=True)
    market.holds("bp-base", "1.1.0", good=False)
    market.holds("bp-agent", "3.0.0", "bp-base ^1", good=True)
    assert market.locked(blueprint="agent") == {"base": "1.0.0", "agent": "3.0.0"}
    market.shop.runs("old", "bp-base", "1.1.0", origin="private")
    assert market.locked(blueprint="agent") == {"old": "1.1.0", "agent": "3.0.0"}


@pytest.mark.guarantee("G20.11")
def test_what_runs_of_it_is_upgraded_past_it_and_goes_back_to_none(market: Market) -> None:
    market.shop.runs("agent", "bp-agent", "2.0.0", origin="private")
    assert market.locked(version="2.0.0") == {"agent": "2.0.0"}, "it stays"
    market.holds("bp-agent", "2.1.0", good=True)
    market.holds("bp-agent", "2.2.0", good=False)
    assert market.locked() == {"agent": "2.1.0"}
    market.shop.runs("agent", "bp-agent", "2.1.0", origin="private")
    with pytest.raises(Rejected, check=lambda error: SAID in error.message):
        market.locked(version="2.0.0")


@pytest.mark.guarantee("G20.11")
def test_the_card_names_what_would_be_installed_and_each_version_what_is_against_it(
    market: Market,
) -> None:
    market.shop.runs("mine", "bp-agent", "2.0.0", origin="private")
    shown = market.ask("show", blueprint="agent")
    assert (shown["version"], shown["card"]["version"]) == ("1.0.0", "1.0.0")
    assert [(one["state"], one["reason"]) for one in shown["versions"]] == [
        ("outdated", SAID),
        ("available", ""),
    ]
    notice = {"mark": "outdated", "reason": WHY, "security": False, "replacement": ""}
    assert [one["notices"] for one in shown["runs"]] == [[notice]]
    assert market.ask("show", blueprint="agent", version="2.0.0")["version"] == "2.0.0"
    above = market.ask("versions", blueprint="agent", installed="1.0.0")["versions"]
    assert [(one["upgradable"], one["upgrade_reason"]) for one in above] == [
        (False, SAID),
        (False, "1.0.0 is installed"),
    ]


@pytest.mark.guarantee("G20.11")
def test_who_runs_it_is_told_without_having_looked_at_the_blueprint(market: Market) -> None:
    market.shop.runs("mine", "bp-agent", "2.0.0", origin="private")
    market.shop.runs("good", "bp-agent", "1.0.0", origin="private")
    told = market.ask("notices")["applications"]
    assert [(one["application"], one["notices"][0]["reason"]) for one in told] == [("mine", WHY)]


@pytest.mark.guarantee("G23.4")
def test_who_is_told_of_an_upgrade_has_no_more_looked_into_than_it_takes_to_find_one(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    market.shop.runs("agent", "bp-agent", "1.0.0", origin="private")

    def told() -> tuple[list[str], list[str]]:
        market.contents.read.clear()
        found = [one["newest"] for one in market.ask("notices")["upgrades"]]
        return found, list(market.contents.read)

    def at(*versions: str) -> list[str]:
        return [digest("bp-agent", one, "private") for one in versions]

    assert told() == ([], at("1.0.0", "2.0.0"))
    for version in ("1.1.0", "1.2.0", "1.3.0"):
        market.holds("bp-agent", version, good=True)
    market.holds("bp-agent", "3.0.0-rc.1", good=True)
    market.holds("bp-agent", "2.1.0", good=False)
    assert told() == (["1.3.0"], at("2.1.0", "1.3.0"))
    assert told() == (["1.3.0"], [])
    # Of very many that are refused one question looks into some, and others with the next.
    monkeypatch.setattr(checking, "MOST", 1)
    market.holds("bp-agent", "4.0.0", good=False)
    market.holds("bp-agent", "4.1.0", good=False)
    assert [told() for _ in range(3)] == [
        ([], at("4.1.0")),
        ([], at("4.0.0")),
        (["1.3.0"], []),
    ]


def test_of_what_is_all_of_before_the_newest_is_shown(market: Market) -> None:
    lone = Market()
    lone.holds("bp-agent", "1.0.0", good=False)
    assert lone.ask("show", blueprint="agent")["card"]["version"] == "1.0.0"
    # A pin holds, and what it is pinned to is told of.
    pin = cat1.VersionPinned(version="2.0.0", reason="asked for")
    market.shop.curated("private-bp-agent", pin, organization="acme")
    shown = market.ask("show", blueprint="agent")
    assert (shown["version"], shown["card"]["version"]) == ("2.0.0", "2.0.0")
    assert [one["state"] for one in shown["versions"]] == ["outdated", "kept-back"]


def test_a_search_shows_the_same_before_and_after(market: Market) -> None:
    before = market.ask("search", text="agent")
    market.ask("show", blueprint="agent")
    assert market.ask("search", text="agent") == before


def test_what_is_the_platform_s_is_not_looked_into() -> None:
    for origin in ("public", "sovereign"):
        market = Market()
        market.holds("bp-agent", "1.0.0", good=False, origin=origin, organization=None)
        assert market.locked(blueprint="agent") == {"agent": "1.0.0"}
        assert market.why_not("1.0.0") == []
        market.ask("show", blueprint="agent")
        assert market.contents.read == [digest("bp-agent", "1.0.0", origin)], "its README"


def test_what_cannot_be_read_now_is_looked_into_the_next_time(market: Market) -> None:
    at = digest("bp-agent", "2.0.0", "private")
    kept = market.contents.packages.pop(at)
    assert market.locked(blueprint="agent") == {"agent": "2.0.0"}
    market.contents.packages[at] = kept
    assert market.locked(blueprint="agent") == {"agent": "1.0.0"}


@pytest.mark.guarantee("G7.16")
def test_what_is_being_looked_into_is_known_then_though_nobody_waits_for_it(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate()
    monkeypatch.setattr(checking, "lint", gate.before(lint))

    def ask() -> Any:
        return market.looking.versions({"blueprint": "agent"}, "acme", WHO, load)

    asyncio.run(gate.given_up(ask))
    states = [one["state"] for one in market.ask("versions", blueprint="agent")["versions"]]
    assert (states, gate.passed) == (["outdated", "available"], 2)


def test_what_nobody_can_have_is_not_looked_into_and_of_the_rest_the_newest_first(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert checking.MOST == 100
    monkeypatch.setattr(checking, "MOST", 1)
    at: dict[str, Any] = {"name": "bp-agent", "origin": "private", "version": "2.0.0"}
    ref = Ref("acme", "blueprint", "blueprint", "private-bp-agent")
    market.holds("bp-agent", "3.0.0", good=False, published=False)
    market.shop.tell(ref, bp1.VersionYanked(reason="old", **at))
    market.holds("bp-agent", "0.9.0", good=False)
    for read in (1, 2, 2):
        market.ask("versions", blueprint="agent")
        assert len(market.contents.read) == read
    states = [one["state"] for one in market.ask("versions", blueprint="agent")["versions"]]
    assert states == ["pending", "yanked", "available", "outdated"]
