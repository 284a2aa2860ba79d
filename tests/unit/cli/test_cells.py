"""A cell of a list says what a person would say of the row."""

from __future__ import annotations

from typing import Any

from tests.support.each import each

from catalyst.cli import application, kinds
from catalyst.client.rows import Row


def cell(kind: str, heading: str, doc: dict[str, Any]) -> object:
    show = next(show for name, show in kinds.columns(kind) if name == heading)
    return show(Row(key="k", seq=1, doc=doc), doc)


@each([(0, 1, "all of it broken"), (1, 1, "ready"), (0, 0, "ready")])
def test_a_source_of_which_nothing_can_be_taken_is_not_ready(
    versions: int, bad: int, shown: str
) -> None:
    doc = {"status": "ready", "versions": versions, "bad": bad}
    assert cell("sources", "STATUS", doc) == shown
    assert cell("sources", "STATUS", doc | {"status": "failing"}) == "failing"


def test_a_policy_says_of_whom_approvals_are() -> None:
    doc = {"approvals": [{"quorum": 2, "team": ""}, {"quorum": 1, "team": "security-officers"}]}
    shown = ["2 of anyone but the author", "1 of security-officers"]
    assert cell("policies", "APPROVERS", doc) == shown


def test_what_runs_while_a_change_works_is_said_once() -> None:
    mark: dict[str, Any] = dict.fromkeys(("reason", "message", "source", "as_of", "stale_since"))
    mark |= {"status": "unknown", "evidence": []}
    one = {"kind": "step", "name": "observe", "status": "running", "message": "", "since": None}
    working: dict[str, Any] = {"evidence": [one], "since": "2026-11-28T12:00:00Z"}
    change = {"action": "upgrade", "change": "ch-2", "revision": "ch-1", **working}
    gate = {"open": True, "revision": "ch-1", **working}
    place: dict[str, Any] = {
        "environment": "acme-prod", "desired": None, "committed": None, "notices": [],
        "applied": mark, "health": mark, "change": change, "gate": gate, "blocked_by": [],
    }  # fmt: skip
    told = [line.strip() for line in application._place(place)]
    assert told.count("runs meanwhile: what ch-1 made") == 1
    own = {**place, "change": {**change, "revision": "ch-2"}}
    told = [line.strip() for line in application._place(own)]
    assert [one for one in told if one.startswith("runs")] == ["runs already: what it made"]
    first = {**place, "change": None, "gate": {**gate, "open": False, "revision": "",
             "change": "ch-1", "waits_for": []}}  # fmt: skip
    told = [line.strip() for line in application._place(first)]
    assert told.count("runs meanwhile: nothing that was seen") == 1
