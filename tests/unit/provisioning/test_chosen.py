"""What somebody installed for itself is no left-over once nothing else needs it."""

from __future__ import annotations

import pytest
from tests.support.changing import Town
from tests.support.planning import Others, entry, install, known, plan
from tests.support.plans import PROD, apply, run, town

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.provisioning_values_v1 import PlanRequest
from catalyst.provisioning.domain import application, foreign

STORE = entry("store", "bp-postgres", "16.9.1")


@pytest.fixture
def place() -> Town:
    """Return `acme`, in which changes need nobody's approval."""
    made = town()
    known(made)
    made.given(
        foreign.environment_ref("acme", PROD), env1.PolicyAttached(environment=PROD, policy=None)
    )
    return made


@pytest.fixture
def others() -> Others:
    """Let the catalogue answer wikis: one that brings a database, and what shares one."""
    made = Others()
    made.locks["store"] = [STORE]
    made.locks["wiki"] = [
        entry("wiki-postgres", "bp-postgres", "16.9.1", "new"),
        entry("wiki", "bp-wiki", "2.0.1", postgres="wiki-postgres"),
    ]
    return made


def sharing(others: Others, name: str, database: str) -> None:
    """Let the catalogue answer a wiki that uses a database which is there."""
    there = {**STORE, "application": database, "role": "shared"}
    others.locks[name] = [there, entry(name, "bp-wiki", "2.0.1", postgres=database)]


async def done(place: Town, others: Others, request: PlanRequest, change: str) -> None:
    apply(place, change, await plan(place, others, request))
    run(place, change)
    assert place.change(change).status == "completed"


async def left(place: Town, others: Others, name: str) -> list[str]:
    """Return what an uninstall leaves that nothing needs any more."""
    request = PlanRequest(action="uninstall", environment=PROD, application=name)
    return [one.application for one in (await plan(place, others, request)).idle]


async def test_what_was_installed_for_itself_is_no_left_over(place: Town, others: Others) -> None:
    await done(place, others, install("store", blueprint="bp-postgres"), "ch-0")
    sharing(others, "docs", "store")
    await done(place, others, install("docs", blueprint="bp-wiki"), "ch-1")
    assert await left(place, others, "docs") == []


async def test_it_is_none_either_once_how_it_came_is_forgotten(
    place: Town, others: Others, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application, "HISTORY_MAX", 2)
    await done(place, others, install("store", blueprint="bp-postgres"), "ch-0")
    sharing(others, "docs", "store")
    await done(place, others, install("docs", blueprint="bp-wiki"), "ch-1")
    for size in (11, 12):
        values = {"storageGiB": size}
        more = PlanRequest(action="configure", environment=PROD, application="store", values=values)
        await done(place, others, more, f"ch-{size}")
    kept = place.application("store").binding(PROD).history
    assert [one.change for one in kept] == ["ch-11", "ch-12"]
    assert await left(place, others, "docs") == []


async def test_what_came_along_is_one_whoever_used_it_last(place: Town, others: Others) -> None:
    await done(place, others, install("wiki"), "ch-0")
    assert await left(place, others, "wiki") == ["wiki-postgres"]
    sharing(others, "docs", "wiki-postgres")
    await done(place, others, install("docs", blueprint="bp-wiki"), "ch-1")
    assert await left(place, others, "wiki") == []
    uninstall = PlanRequest(action="uninstall", environment=PROD, application="wiki")
    await done(place, others, uninstall, "ch-2")
    assert await left(place, others, "docs") == ["wiki-postgres"]
