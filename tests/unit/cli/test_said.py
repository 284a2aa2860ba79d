"""What a person reads of an approval, or of a change that was stopped: a sentence, and the next."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from catalyst.cli import said
from catalyst.cli.calling import as_called
from catalyst.cli.target import resolve
from catalyst.contracts.message import Outcome

pytestmark = pytest.mark.guarantee("G27.7")
HERE = resolve(None, "http://127.0.0.1:1", None)
FOLLOWS = as_called("`catalyst get changes ch-1 --org acme --watch` follows it\n")
GONE: dict[str, Any] = {"finished": "2026-11-28T12:00:00Z", "undone": [], "left": []}


def outcome(*events: str) -> Outcome:
    return Outcome(
        id="c-1",
        type="provisioning.approve-change.v1",
        status="accepted",
        digest="",
        time=datetime(2026, 11, 28, tzinfo=UTC),
        events=tuple(f"provisioning.{name}.v1" for name in events),
    )


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any] | None]:
    """Return a list, whose last is how the change is."""
    found: list[dict[str, Any] | None] = []

    async def row(*_: object) -> dict[str, Any] | None:
        return found[-1]

    monkeypatch.setattr(said, "row", row)
    return found


@pytest.mark.parametrize(
    ("events", "doc", "sentence"),
    [
        (
            ("change-approved",),
            {"status": "waiting", "approved": [1], "missing": [1], "blocked_by": []},
            "you approved ch-1: 1 approval there; it waits: its turn",
        ),
        (
            ("change-approved", "change-begun"),
            {"status": "running", "approved": [1, 2], "missing": []},
            "you approved ch-1: 2 approvals there; none is missing, it is running",
        ),
        (
            (),
            {"status": "completed", "approved": [1], "missing": []},
            "you had approved ch-1 already: 1 approval there; none is missing, it is completed",
        ),
        (
            ("change-approved",),
            {
                "status": "waiting",
                "approved": [1],
                "missing": [],
                "blocked_by": [{"message": "its window"}],
            },
            "you approved ch-1: 1 approval there; none is missing, it waits: its window",
        ),
    ],
)
def test_an_approval_is_a_sentence_with_what_comes_next(
    events: tuple[str, ...],
    doc: dict[str, Any],
    sentence: str,
    rows: list[dict[str, Any] | None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows.append(doc)
    said.after_approval(HERE, "ch-1", "acme", outcome(*events))
    assert capsys.readouterr() == (f"{sentence}\n", FOLLOWS)


@pytest.mark.parametrize(
    ("events", "sentence"),
    [
        (("change-approved",), "you approved ch-1; it does not begin yet\n"),
        (("change-approved", "change-begun"), "you approved ch-1; with that it begins\n"),
    ],
)
def test_where_the_change_is_not_shown_the_outcome_says_whether_it_begins(
    events: tuple[str, ...],
    sentence: str,
    rows: list[dict[str, Any] | None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows.append(None)
    said.after_approval(HERE, "ch-1", "acme", outcome(*events))
    assert capsys.readouterr() == (sentence, "how ch-1 is now is not shown to you\n")


STALE = "plan-stale: the EnvironmentPolicy gate asks for other approvals than planned"
ASKED = {"action": "configure", "application": "blog", "environment": "acme-prod"}


@pytest.mark.parametrize(
    ("doc", "more"),
    [
        (
            {"request": ASKED, "status": "failed"},
            "`catalyst plan configure blog --env acme-prod --org acme` plans it again\n",
        ),
        (None, "how ch-1 is now is not shown to you\n"),
    ],
)
def test_whose_approval_came_too_late_is_told_why(
    doc: dict[str, Any] | None,
    more: str,
    rows: list[dict[str, Any] | None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows.append(doc)
    result = {"change": "ch-1", "status": "failed", "reason": STALE}
    found = msgspec.structs.replace(outcome("change-approved", "change-failed"), result=result)
    said.after_approval(HERE, "ch-1", "acme", found)
    sentence = f"you approved ch-1, and it is not carried out: {STALE}\n"
    assert capsys.readouterr() == (sentence, as_called(more))


@pytest.mark.parametrize(
    ("doc", "sentences", "more"),
    [
        ({**GONE, "status": "cancelled"}, "ch-1 is cancelled; nothing of it was done\n", ""),
        (
            {**GONE, "status": "cancelled", "undone": ["hold"], "left": ["the repository stays"]},
            "ch-1 is cancelled; taken back: hold\n  left: the repository stays\n",
            "",
        ),
        (
            {"status": "undoing", "finished": None},
            "ch-1 stops: what it has done is taken back, step by step\n",
            FOLLOWS,
        ),
    ],
)
def test_what_is_stopped_says_what_becomes_of_what_it_did(
    doc: dict[str, Any],
    sentences: str,
    more: str,
    rows: list[dict[str, Any] | None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows.append(doc)
    said.after_end(HERE, "ch-1", "acme", outcome())
    assert capsys.readouterr() == (sentences, more)
