"""A cell of a list says what a person would say of the row."""

from __future__ import annotations

from typing import Any

from tests.support.each import each

from catalyst.cli import kinds
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
