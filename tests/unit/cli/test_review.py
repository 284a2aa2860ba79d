"""`catalyst plan show`: a plan that comes out otherwise is not taken for one that was seen."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from catalyst.cli import owned, review
from catalyst.cli.exits import ExitCode
from catalyst.cli.main import ended
from catalyst.cli.target import Target
from catalyst.client.reads import Answered

URL = "http://127.0.0.1:1"
BEN = "user:catalyst#ben@acme.example"
LOST = {
    "change": "ch-1",
    "hash": "f" * 64,
    "plan": None,
    "missing": ["its files come out otherwise than planned"],
}
SHOW = ["plan", "show", "ch-1", "--org", "acme", "--url", URL]


class Door:
    """Answers every question alike."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    async def query(self, *asked: Any, organization: str) -> Answered:
        """Answer that the plan is lost."""
        self.asked.append((*asked, organization))
        return Answered(result=LOST)


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Door:
    """Whoever asks about an Organization is answered by this."""
    found = Door()

    @asynccontextmanager
    async def opened(_target: Target) -> AsyncIterator[Door]:
        yield found

    monkeypatch.setattr(owned, "reads", opened)
    return found


@pytest.mark.guarantee("G14.21")
def test_a_plan_that_comes_out_otherwise_is_told_so_and_ends_as_a_refusal(
    door: Door, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(SHOW) == ExitCode.REJECTED
    told = capsys.readouterr()
    assert told.out.splitlines() == [
        "the plan of ch-1 cannot be made again as it was:",
        "  its files come out otherwise than planned",
        f"hash     {'f' * 64}",
    ]
    assert "get changes ch-1 --org acme` shows what was asked for" in told.err
    assert "approve" not in told.err
    assert door.asked == [("provisioning", "planned", {"change": "ch-1"}, "acme")]


@pytest.mark.guarantee("G14.21")
def test_a_program_is_told_the_same_as_an_object(
    door: Door, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended([*SHOW, "-o", "json"]) == ExitCode.REJECTED
    told = capsys.readouterr()
    assert (json.loads(told.out)["result"], told.err) == (LOST, "")
    assert len(door.asked) == 1


@pytest.mark.parametrize(
    ("status", "by", "said"),
    [
        ("rejected", BEN, "ch-1 is rejected by ben@acme.example: use the embedded database"),
        ("rejected", "service:provisioning", "ch-1 is rejected: use the embedded database"),
        ("completed", BEN, "ch-1 is completed"),
    ],
)
def test_whoever_rejected_a_change_is_named_with_the_reason(
    status: str, by: str, said: str
) -> None:
    doc = {"status": status, "reason": "rejected: use the embedded database"}
    assert review._ended("ch-1", doc, by) == said
