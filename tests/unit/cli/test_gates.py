"""The gate of a plan at the command line: each fact on its line."""

from __future__ import annotations

from typing import Any

import pytest

from catalyst.cli.gateshow import SCARCE, lines

OPEN = {"open": True, "next": None, "problem": ""}
NOBODY = "whoever applies the plan: an author's own approval never counts"


def gates(*approvals: tuple[str, int], **more: Any) -> dict[str, Any]:
    asked = [{"team": team, "quorum": quorum} for team, quorum in approvals]
    return {"approvals": asked, "impossible": [], "officers": [], "opening": OPEN, **more}


def told(found: dict[str, Any], doc: dict[str, Any] | None = None) -> list[str]:
    return list(lines(found, "ch-1", "acme", "2c26", doc))


@pytest.mark.guarantee("G27.7")
def test_a_gate_says_how_many_who_who_not_where_it_stands_and_what_to_type() -> None:
    assert told(gates(("", 2))) == [
        "approvals    2 of anyone but the author",
        "who may      owners, admins and developers of the Organization, and security-officers",
        f"who may not  {NOBODY}",
        "stands at    0 of 2: they are asked for once the plan is applied",
        "to approve   `catalyst approve ch-1 --org acme --hash 2c26`",
    ]
    assert told(gates()) == []


@pytest.mark.parametrize(
    ("team", "who"),
    [
        ("org-admin", "owners and admins of the Organization"),
        ("owner", "owners and admins of the Organization"),
        ("developer", "developers of the Organization"),
        ("security-officer", "whoever is security-officer"),
        ("a@b.example", "a@b.example, if the Organization lists them or as security-officers"),
    ],
)
def test_a_team_is_told_by_who_is_in_it(team: str, who: str) -> None:
    assert told(gates((team, 1)))[1] == f"who may      {who}"


def test_where_it_stands_is_counted_for_each_team() -> None:
    doc = {
        "status": "waiting",
        "approved": [
            {"by": "i#ann@b.example", "email": "ann@b.example", "teams": ["", "org-admin"]},
            {"by": "service", "email": "", "teams": [""]},
        ],
        "missing": [{"team": "", "quorum": 1}],
    }
    found = told(gates(("", 3), ("org-admin", 1)), doc)
    assert [line for line in found if line.startswith("stands")] == [
        "stands at    2 of 3: ann@b.example, service",
        "stands at    1 of 1: ann@b.example",
    ]
    # One that ended without them misses none any more, and has no more than were given.
    over = told(gates(("", 3)), {**doc, "status": "cancelled", "missing": []})
    assert "stands at    2 of 3: ann@b.example, service" in over


def test_too_few_and_a_closed_window_are_facts_of_their_own() -> None:
    closed = {"open": False, "next": "2126-12-01T08:00:00Z", "problem": ""}
    found = told(gates(("", 2), officers=[""], opening=closed))
    assert f"enough       no: {SCARCE}" in found
    assert found[-1].startswith("window       closed now: opens 2126-12-01 08:00 UTC, in ")
    until = {**OPEN, "closes": "2126-12-01T08:00:00Z"}
    (last,) = told(gates(opening=until))
    assert last.startswith("window       open until 2126-12-01 08:00 UTC, in ")
    never = told(gates(("ops", 2), impossible=["ops"], opening={**closed, "next": None}))
    assert "enough       no: it can never be given; see what stands in the way" in never
    assert never[-1] == "window       closed now: it does not open within 400 days"
