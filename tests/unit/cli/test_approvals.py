"""`catalyst approvals list`: what is not listed because others decide it is told all the same."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from catalyst.cli import approvals, owned
from catalyst.cli.main import ended

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SESSION = {
    "actor": "user:ann", "email": "ann@acme.example", "email_verified": True,
    "roles": [], "organizations": {"acme": ["org-admin"]},
}  # fmt: skip


def waiting(change: str, author: str, *approved: str) -> dict[str, Any]:
    return {
        "change": change, "organization": "acme", "status": "waiting", "waits_for": ["approvals"],
        "opened": "2026-11-30T00:00:00Z", "author": author, "author_email": "", "quote": None,
        "hash": "a" * 64, "approvals": [{"team": "", "quorum": 2}],
        "request": {"action": "install", "application": "wiki", "environment": "acme-prod"},
        "approved": [{"by": one, "email": "", "teams": [""]} for one in approved],
        "missing": [{"team": "", "quorum": 1}],
    }  # fmt: skip


OWN = waiting("ch-own", "user:ann")
GIVEN = waiting("ch-given", "user:bob", "user:ann")
OPEN = waiting("ch-open", "user:bob")


class Door:
    async def read(self, _path: str) -> dict[str, Any]:
        return SESSION


@pytest.fixture
def docs(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    @asynccontextmanager
    async def reads(_target: object) -> AsyncIterator[Door]:
        yield Door()

    monkeypatch.setattr(approvals, "reads", reads)
    monkeypatch.setattr(approvals, "resolve", lambda *_: None)
    monkeypatch.setattr(owned, "docs", lambda *_: found)
    return found


@pytest.mark.parametrize(
    ("there", "listed", "told"),
    [
        ([], "", ["nothing waits for your approval"]),
        ([OWN], "", ["1 that you asked for waits for somebody else's approval: "]),
        ([OWN, OWN], "", ["2 that you asked for wait for somebody else's approval: "]),
        ([GIVEN], "", ["1 that you approved waits for somebody else's approval: "]),
        ([OWN, GIVEN, OPEN], "ch-open", ["1 that you asked for and 1 that you approved wait"]),
    ],
)
@pytest.mark.guarantee("G26.14")
def test_what_waits_for_others_is_told_to_whoever_asked_for_it_or_approved_it(
    docs: list[dict[str, Any]],
    there: list[dict[str, Any]],
    listed: str,
    told: list[str],
    *,
    capsys: pytest.CaptureFixture[str],
) -> None:
    docs += there
    assert ended(["approvals", "list"]) == 0
    found = capsys.readouterr()
    assert [line.split()[0] for line in found.out.splitlines()[1:]] == listed.split()
    for text in told:
        assert text in found.err
    hidden = any(doc is not OPEN for doc in there)
    assert ("catalyst approvals list --all`" in found.err) == hidden
    assert ended(["approvals", "list", "--all"]) == 0
    found = capsys.readouterr()
    assert len(found.out.splitlines()[1:]) == len(there)
    assert "--all" not in found.err


def test_the_way_to_the_rest_stays_in_the_organization_that_was_asked_about(
    docs: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    docs.append(OWN)
    assert ended(["approvals", "list", "--org", "acme"]) == 0
    assert "catalyst approvals list --all --org acme` shows it" in capsys.readouterr().err
    assert ended(["approvals", "list", "--org", "acme", "--json"]) == 0
    assert capsys.readouterr().err == ""
