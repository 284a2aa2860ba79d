"""What was said against what runs reaches whoever runs it, and nobody else."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tests.support.catalogue import Contents, Shop

from catalyst.catalog_svc.domain.prices import Prices
from catalyst.catalog_svc.queries_show import Looking
from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts.decision import Actor
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Ref

WHO = Actor(name="user:test#ada")


async def load(ref: Ref, *, up_to: int | None = None) -> Any:
    raise LookupError(f"nothing is loaded here, {ref} up to {up_to} neither")


def asked(facts: Shop, name: str, organization: str = "acme", **request: Any) -> Any:
    looking = Looking(facts.catalogue, Prices(), Contents())
    answer = asyncio.run(getattr(looking, name)(request, organization, WHO, load))
    # It travels as JSON.
    return json.loads(json.dumps(answer))


def told(facts: Shop, organization: str = "acme", **request: Any) -> Any:
    return asked(facts, "notices", organization, **request)["applications"]


def shop() -> Shop:
    made = Shop()
    made.organization("acme", "acme-prod", "acme-dev")
    made.organization("beta")
    return made


@pytest.mark.guarantee("G23.4")
def test_what_is_said_against_what_runs_is_told_to_whoever_runs_it_alone() -> None:
    facts = shop()
    wiki = facts.blueprint("bp-wiki", "1.0.0")
    facts.blueprint("bp-wiki", "2.0.0")
    facts.runs("old", "bp-wiki", "1.0.0")
    facts.runs("new", "bp-wiki", "2.0.0", environment="acme-dev")
    assert told(facts) == []
    at: dict[str, Any] = {"name": "bp-wiki", "origin": "public"}
    facts.tell(wiki, bp1.VersionYanked(version="1.0.0", reason="leaks", security=True, **at))
    yanked = {"mark": "yanked", "reason": "leaks", "security": True, "replacement": ""}
    where = {"application": "old", "environment": "acme-prod"}
    about = {**where, "blueprint": "bp-wiki", "version": "1.0.0", "notices": [yanked]}
    assert told(facts) == [about]
    assert told(facts, application="new") == []
    facts.tell(wiki, bp1.BlueprintDeprecated(reason="slow", replacement="bp-docs", **at))
    both = told(facts)
    assert [[one["mark"] for one in run["notices"]] for run in both] == [
        ["deprecated"],
        ["yanked", "deprecated"],
    ]
    assert both[0]["notices"][0]["replacement"] == "bp-docs"
    runs = {run["application"]: run for run in asked(facts, "show", blueprint="wiki")["runs"]}
    assert (runs["old"]["notices"], runs["old"]["security"]) == (both[1]["notices"], True)
    # It tells whoever runs it, though it is found by nobody any more.
    facts.tell(wiki, bp1.BlueprintWithdrawn(reason="nobody keeps it", **at))
    (found,) = told(facts, application="new")
    assert [(one["mark"], one["reason"]) for one in found["notices"]] == [
        ("withdrawn", "nobody keeps it")
    ]
    assert told(facts, "beta") == []


@pytest.mark.guarantee("G23.4")
def test_whoever_runs_what_can_be_upgraded_is_told_to_which_version() -> None:
    facts = shop()
    wiki = facts.blueprint("bp-wiki", "1.0.0")
    facts.runs("old", "bp-wiki", "1.0.0")

    def newest() -> list[str]:
        (run,) = asked(facts, "show", blueprint="wiki")["runs"]
        upgrades = asked(facts, "notices")["upgrades"]
        assert [one["newest"] for one in upgrades] == [run["newest"]] * bool(run["newest"])
        return [f"{one['application']} {one['version']} {one['newest']}" for one in upgrades]

    assert newest() == []
    for version in ("1.1.0", "1.2.0", "2.0.0-rc.1"):
        facts.blueprint("bp-wiki", version)
    assert newest() == ["old 1.0.0 1.2.0"]
    yanked = bp1.VersionYanked(name="bp-wiki", origin="public", version="1.2.0", reason="leaks")
    facts.tell(wiki, yanked)
    assert newest() == ["old 1.0.0 1.1.0"]
    assert asked(facts, "notices", application="new")["upgrades"] == []
    assert asked(facts, "notices", "beta")["upgrades"] == []
    # What is shown to its Organization no longer is no upgrade either.
    facts.blueprint("bp-wiki", "1.3.0", visibility="private")
    assert asked(facts, "notices")["upgrades"] == []


@pytest.mark.guarantee("G23.4")
def test_no_upgrade_is_told_that_somebody_who_needs_the_copy_excludes() -> None:
    facts = shop()
    for version in ("15.0.0", "15.1.0", "16.0.0"):
        facts.blueprint("bp-postgres", version)
    facts.blueprint("bp-wiki", "1.0.0", "bp-postgres <15.1")
    facts.blueprint("bp-files", "1.0.0", "db=bp-postgres ^15")

    def newest() -> dict[str, str]:
        runs = asked(facts, "show", blueprint="postgres")["runs"]
        shown = {f"{one['application']} {one['environment']}": one["newest"] for one in runs}
        upgrades = asked(facts, "notices")["upgrades"]
        told = {f"{one['application']} {one['environment']}": one["newest"] for one in upgrades}
        assert told == {where: one for where, one in shown.items() if one}
        return shown

    for environment in ("acme-prod", "acme-dev"):
        facts.runs("pg", "bp-postgres", "15.0.0", environment=environment)
    facts.runs("other", "bp-postgres", "15.0.0")
    everything = {"pg acme-prod": "16.0.0", "pg acme-dev": "16.0.0", "other acme-prod": "16.0.0"}
    assert newest() == everything
    facts.runs("files", "bp-files", "1.0.0", db="pg")
    assert newest() == {**everything, "pg acme-prod": "15.1.0"}
    facts.runs("wiki", "bp-wiki", "1.0.0", postgres="pg")
    assert newest() == {**everything, "pg acme-prod": ""}


@pytest.mark.guarantee("G23.4")
@pytest.mark.guarantee("G23.1")
def test_what_another_organization_says_of_its_own_blueprint_is_told_to_nobody_else() -> None:
    facts = shop()
    own: dict[str, Any] = {"origin": "private", "organization": "acme"}
    theirs = facts.blueprint("bp-wiki", "1.0.0", origin="private", organization="beta")
    mine = facts.blueprint("bp-wiki", "1.0.0", **own)
    facts.runs("wiki", "bp-wiki", "1.0.0", origin="private")
    at: dict[str, Any] = {"name": "bp-wiki", "origin": "private", "version": "1.0.0"}
    facts.tell(theirs, bp1.VersionYanked(reason="beta's secret", security=True, **at))
    assert told(facts) == []
    facts.tell(mine, bp1.VersionYanked(reason="ours", **at))
    (found,) = told(facts)
    assert [one["reason"] for one in found["notices"]] == ["ours"]


@pytest.mark.guarantee("G24.2")
def test_whoever_runs_what_is_shown_no_longer_still_changes_it_and_is_told_of_nothing_else() -> (
    None
):
    facts = shop()
    facts.blueprint("bp-wiki", "1.0.0")
    facts.runs("site", "bp-wiki", "1.0.0", values={"size": 7})
    facts.blueprint("bp-wiki", "2.0.0", visibility="private")
    there = {"blueprint": "wiki", "environment": "acme-prod", "application": "site"}
    assert asked(facts, "form", **there)["version"] == "1.0.0"
    versions = asked(facts, "versions", **there)["versions"]
    assert [one["version"] for one in versions] == ["1.0.0"]
    for name, request, code in (
        ("form", {**there, "version": "2.0.0"}, "blueprint-version-not-found"),
        ("form", {"blueprint": "wiki"}, "blueprint-not-found"),
        ("show", {"blueprint": "wiki"}, "blueprint-not-found"),
    ):
        with pytest.raises(Rejected) as refused:
            asked(facts, name, **request)
        assert refused.value.code == code
    with pytest.raises(Rejected):
        asked(facts, "form", "beta", **there)
