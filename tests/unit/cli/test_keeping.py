"""What a table says of how a whole is, and of what keeps a row."""

from typing import Any

import pytest
from tests.support.each import each

from catalyst.cli import kinds
from catalyst.client.rows import Row


def cells(kind: str, name: str, doc: dict[str, Any]) -> dict[str, object]:
    row = Row(key=f"acme._.{kind}._.{name}", seq=1, doc=doc)
    return {heading: read(row, doc) for heading, read in kinds.columns(f"{kind}s")}


def link(depth: int, kind: str, name: str, code: str) -> dict[str, Any]:
    told = dict.fromkeys(("message", "who", "what_to_do"), "x")
    return {"kind": kind, "name": name, "code": code, "depth": depth, **told}


def health(status: str, of: str, reason: str = "", source: str = "cluster") -> dict[str, Any]:
    return {"status": status, "of": of, "reason": reason, "source": source, "since": None}


WAITS = [
    link(0, "change", "ch-1", "change-waiting"),
    link(1, "approval", "anyone but the author", "approval-missing"),
]


@pytest.mark.guarantee("G13.13")
@each(
    [
        (health("healthy", "postgres"), "healthy", None),
        (health("healthy", "db", source="simulator"), "healthy (simulated)", None),
        (
            health("degraded", "blog", "CrashLoopBackOff"),
            "degraded CrashLoopBackOff (blog)",
            "{part} blog: degraded",
        ),
        (health("unknown", "", "nothing-runs", ""), "unknown nothing-runs", None),
    ]
)
def test_a_whole_names_what_of_it_is_not_well_and_that_keeps_it(
    found: dict[str, Any], told: str, kept: str | None
) -> None:
    for kind, part in (("environment", "application"), ("organization", "environment")):
        shown = cells(kind, "acme", {"health": found, "blocked_by": []})
        assert shown["HEALTH"] == told
        assert shown["BLOCKED BY"] == (kept and kept.format(part=part))


@pytest.mark.guarantee("G13.14")
def test_the_table_of_applications_says_what_keeps_each_in_any_of_its_places() -> None:
    mark = {"status": "healthy", "reason": "", "stale_since": None, "source": "cluster"}
    well: dict[str, Any] = {
        "environment": "acme-dev",
        "desired": None,
        "health": mark,
        "blocked_by": [],
    }
    waits = {**well, "environment": "acme-prod", "blocked_by": WAITS}
    shown = cells("application", "blog", {"bindings": [well, waits]})
    assert shown["BLOCKED BY"] == "approval of anyone but the author missing (+1)"
    assert cells("application", "blog", {"bindings": [well]})["BLOCKED BY"] is None


def test_what_keeps_a_row_goes_before_what_makes_it_ill() -> None:
    ill = health("degraded", "blog")
    kept = [link(0, "service", "git", "git-unavailable")]
    shown = cells("environment", "acme-prod", {"health": ill, "blocked_by": kept})
    assert shown["BLOCKED BY"] == "service git: git unavailable"
