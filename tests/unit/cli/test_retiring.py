"""`catalyst blueprint deprecate|withdraw|yank`: which Blueprint is meant, and what that reaches."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.support.each import each

from catalyst.cli import owned, retiring
from catalyst.cli.exits import ExitCode
from catalyst.cli.main import ended
from catalyst.client.errors import Problem, Unreachable
from catalyst.contracts.message import Outcome
from catalyst.contracts.subjects import Ref

URL = ("--url", "http://127.0.0.1:1")
YANK = ("blueprint", "yank", "wiki", "1.0.0", "--reason", "It leaks.", *URL)
SENT = Outcome(
    id="c-1",
    type="blueprint.yank-version.v1",
    status="accepted",
    digest="",
    time=datetime(2026, 11, 28, tzinfo=UTC),
    events=("blueprint.version-yanked.v1",),
)


def blueprint(name: str, origin: str = "public") -> dict[str, Any]:
    """Return the row of a Blueprint, as far as it is looked at."""
    return {"name": name, "origin": origin}


def runs(name: str, version: str, *, origin: str = "public") -> dict[str, Any]:
    """Return the row of an Application that runs bp-wiki, and of nothing in another place."""
    desired = {"blueprint": "bp-wiki", "origin": origin, "version": version}
    places = [("omantel-prod", desired), ("omantel-dev", None)]
    bindings = [{"environment": env, "desired": wanted} for env, wanted in places]
    return {"name": name, "organization": "omantel", "bindings": bindings}


class Rows:
    """Answers with rows, takes what is sent, and keeps to whom it went."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **rows: Any) -> None:
        """Stand in for reading and sending; an exception is raised in place of rows."""
        self.rows: dict[str, Any] = {"blueprints": [blueprint("bp-wiki")], **rows}
        self.asked: list[tuple[str, str | None]] = []
        self.sent: list[tuple[str, str, str | None, dict[str, Any]]] = []
        self.outcome = SENT
        monkeypatch.setattr(owned, "docs", self.docs)
        monkeypatch.setattr(retiring, "sent_about", self.take)

    def docs(self, _target: object, kinds: str, owner: str | None) -> list[Any]:
        self.asked.append((kinds, owner))
        found = self.rows.get(kinds, [])
        if isinstance(found, Exception):
            raise found
        return list(found)

    def take(self, _target: object, ref: Ref, verb: str, data: Any, _wait: float) -> Outcome:
        assert (ref.service, ref.aggregate) == ("blueprint", "blueprint")
        self.sent.append((verb, ref.id, ref.organization, data))
        return self.outcome


def test_a_version_is_yanked_by_its_name_and_the_copies_that_run_it_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    applications = [
        runs("pages", "1.0.0"),
        runs("newer", "2.0.0"),
        runs("own", "1.0.0", origin="private"),
    ]
    rows = Rows(monkeypatch, applications=applications)
    monkeypatch.setattr("catalyst.cli.output.as_called", str)
    assert ended([*YANK, "--security"]) == ExitCode.OK
    data = {"version": "1.0.0", "reason": "It leaks.", "security": True}
    assert rows.sent == [("yank-version", "public-bp-wiki", None, data)]
    # Read are the platform's Blueprints, and the Applications of whoever shows them.
    assert rows.asked == [("blueprints", "_"), ("applications", None)]
    shown = capsys.readouterr()
    said, _, *copies = shown.out.splitlines()
    assert said.startswith("bp-wiki 1.0.0 is yanked: nobody installs it any more, and whoever ")
    assert [line.split() for line in copies] == [["pages", "omantel-prod", "omantel", "1.0.0"]]
    assert "`catalyst app show pages --org omantel` says what it can be upgraded to" in shown.err


def test_a_program_has_the_outcome_and_what_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = Rows(monkeypatch, applications=[runs("pages", "1.0.0")])
    withdraw = ["blueprint", "withdraw", "bp-wiki", "--reason", "Gone.", *URL, "--json"]
    assert ended(withdraw) == ExitCode.OK
    told = json.loads(capsys.readouterr().out)
    at = {"organization": "omantel", "application": "pages", "environment": "omantel-prod"}
    assert (told["id"], told["runs"]) == ("c-1", [{**at, "version": "1.0.0"}])
    # What runs is said beside what was done: that it is not known does not undo it.
    rows.rows["applications"] = Unreachable("nobody answers")
    assert ended(withdraw) == ExitCode.OK
    shown = capsys.readouterr()
    assert json.loads(shown.out)["runs"] is None
    assert "where it runs is not known now: nobody answers" in shown.err


def test_what_was_so_before_is_told_to_be_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Rows(monkeypatch).outcome = Outcome(
        id="c-2", type="", status="accepted", digest="", time=SENT.time, events=()
    )
    more = ("--reason", "Other.", "--replacement", "pages", *URL)
    assert ended(["blueprint", "deprecate", "wiki", *more]) == ExitCode.OK
    shown = capsys.readouterr()
    assert "bp-wiki is deprecated: " in shown.out
    assert "it was so before, and the reason stays the one that was given then" in shown.out
    assert "nothing that you see runs it; whoever runs it is told all the same" in shown.err


@each(
    [
        ("wiki", "private-bp-wiki"),
        ("bp-wiki", "private-bp-wiki"),
        # An id is taken as it is.
        ("private-bp-other", "private-bp-other"),
    ]
)
def test_what_an_organization_keeps_is_its_own(
    name: str, id_: str, *, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = Rows(monkeypatch, blueprints=[blueprint("bp-wiki", "private")])
    more = ("--replacement", "pages", "--reason", "Old.", "--org", "omantel", *URL)
    assert ended(["blueprint", "deprecate", name, *more]) == ExitCode.OK
    data = {"reason": "Old.", "replacement": "bp-pages"}
    assert rows.sent == [("deprecate-blueprint", id_, "omantel", data)]


@each(
    [
        (
            ["wik"],
            [blueprint("bp-wiki")],
            4,
            "do you mean bp-wiki? `catalyst get blueprints --org _`",
        ),
        (
            ["wiki"],
            [blueprint("bp-wiki"), blueprint("bp-wiki", "sovereign")],
            2,
            "give the id: public-bp-wiki or sovereign-bp-wiki",
        ),
        (
            ["wiki", "--org", "omantel"],
            [blueprint("bp-other", "private")],
            4,
            "`catalyst catalog hide bp-wiki --org omantel` keeps from omantel what the platform",
        ),
    ]
)
def test_a_name_that_means_nothing_or_several_is_told_with_what_may_be_meant(
    typed: list[str],
    known: list[Any],
    code: int,
    told: str,
    *,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = Rows(monkeypatch, blueprints=known)
    monkeypatch.setattr("catalyst.cli.output.as_called", str)
    line = ["blueprint", "withdraw", *typed, "--reason", "Gone.", *URL]
    assert ended(line) == code
    assert told in capsys.readouterr().err
    assert rows.sent == []


def test_who_reads_nothing_of_the_platform_is_answered_by_who_decides(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = Rows(monkeypatch, blueprints=Problem(404, "not-found"))
    rows.outcome = Outcome(
        id="c-3",
        type="",
        status="rejected",
        digest="",
        time=SENT.time,
        code="forbidden",
        message="your roles do not allow it",
    )
    assert ended(list(YANK)) == ExitCode.NOT_ALLOWED
    assert [sent[1] for sent in rows.sent] == ["public-bp-wiki"]
    assert "Error: forbidden: your roles do not allow it" in capsys.readouterr().err


def test_where_the_blueprints_cannot_be_read_now_nothing_is_guessed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = Rows(monkeypatch, blueprints=Problem(503, "unavailable", "not now"))
    assert ended(list(YANK)) == ExitCode.UNREACHABLE
    assert "not now" in capsys.readouterr().err
    assert rows.sent == []


def test_a_version_that_is_not_there_leads_to_those_there_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Rows(monkeypatch).outcome = Outcome(
        id="c-4",
        type="",
        status="rejected",
        digest="",
        time=SENT.time,
        code="blueprint-version-not-found",
        message="bp-wiki has no version 1.0.0",
    )
    monkeypatch.setattr("catalyst.cli.output.as_called", str)
    assert ended(list(YANK)) == ExitCode.NOT_FOUND
    shown = capsys.readouterr()
    assert "Hint: `catalyst get blueprints public-bp-wiki --org _` shows its versions" in shown.err
    assert shown.out == ""
