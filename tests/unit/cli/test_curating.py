"""`catalyst catalog feature|hide|pin|categorize`: whose catalogue, and which Blueprint."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.support.each import each

from catalyst.cli import curating, owned
from catalyst.cli.exits import ExitCode
from catalyst.cli.main import ended
from catalyst.client.errors import Problem, Unreachable
from catalyst.contracts.message import Outcome

URL = ("--url", "http://127.0.0.1:1")
ORG = ("--org", "omantel")
HIDE = ("catalog", "hide", "wiki", "--reason", "Enough.", *URL)
MISSING = Problem(404, "blueprint-not-found", "there is no such Blueprint")
CARD = {"card": {"name": "bp-wiki", "origin": "sovereign"}}
FACETS = {"category": [{"value": one, "count": 3} for one in ("data", "collaboration")]}
RUNS = {
    "name": "pages",
    "organization": "omantel",
    "bindings": [
        {
            "environment": f"omantel-{env}",
            "desired": {"blueprint": "bp-wiki", "origin": "sovereign", "version": version},
        }
        for env, version in (("prod", "1.0.0"), ("dev", "2.0.0"))
    ],
}


class Asked:
    """Answers questions, rows and commands, and keeps to whom they went."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **answers: Any) -> None:
        """Stand in for the stack; an exception is raised in place of an answer."""
        self.answers: dict[str, Any] = {"show": CARD, "applications": [RUNS], **answers}
        self.owners: set[str | None] = set()
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.events: tuple[str, ...] = ("catalog.blueprint-hidden.v1",)
        self.code = ""
        monkeypatch.setattr(owned, "docs", lambda _, kinds, owner: self.answer(kinds, owner))
        monkeypatch.setattr(
            owned, "answer", lambda *given: self.answer(given[2], given[4], **given[3])
        )
        monkeypatch.setattr(curating._Curation, "sent", self.take)
        monkeypatch.setattr("catalyst.cli.output.as_called", str)

    def answer(self, name: str, owner: str | None, **asked: Any) -> Any:
        self.owners.add(owner)
        found = self.answers.get(name, [])
        if isinstance(found, Exception):
            raise found
        if name == "search":
            return {"items": found if asked.get("category") else [], "facets": FACETS, "next": None}
        return found

    def take(self, verb: str, data: dict[str, Any], _timeout: float) -> Outcome:
        self.sent.append((verb, data))
        return Outcome(
            id="c-1",
            type=f"catalog.{verb}.v1",
            status="rejected" if self.code else "accepted",
            digest="",
            time=datetime(2026, 11, 28, tzinfo=UTC),
            events=self.events,
            code=self.code,
            message="it cannot be",
        )


def test_what_is_hidden_names_the_copies_that_go_on_and_what_takes_it_back(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = Asked(monkeypatch)
    assert ended([*HIDE, *ORG]) == ExitCode.OK
    assert asked.sent == [("hide-blueprint", {"reason": "Enough."})]
    assert asked.owners == {"omantel"}
    shown = capsys.readouterr()
    said, _, *copies = shown.out.splitlines()
    assert said == "omantel hides bp-wiki: it is not found, and not newly installed"
    assert [line.split()[1] for line in copies] == ["omantel-prod", "omantel-dev"]
    assert "`catalyst catalog unhide bp-wiki --org omantel` takes it back" in shown.err
    assert ended([*HIDE, *ORG, "--json"]) == ExitCode.OK
    told = json.loads(capsys.readouterr().out)
    assert [one["version"] for one in told["runs"]] == ["1.0.0", "2.0.0"]


def test_a_pin_names_the_copies_of_other_versions(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = Asked(monkeypatch)
    assert ended(["catalog", "pin", "wiki", "1.0.0", "--reason", "Tried.", *ORG, *URL]) == 0
    assert asked.sent == [("pin-version", {"version": "1.0.0", "reason": "Tried."})]
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()[2:]] == ["omantel-dev"]


@each(
    [
        ("feature", (), "feature-blueprint", "features bp-wiki: it is shown before all others"),
        ("unfeature", (), "unfeature-blueprint", "features bp-wiki no longer"),
        ("unhide", (), "show-blueprint", "hides bp-wiki no longer"),
        ("unpin", (), "unpin-version", "pins bp-wiki to no version any more"),
        ("uncategorize", (), "clear-category", "shows bp-wiki under its card's category"),
        ("categorize", ("data",), "set-category", "shows bp-wiki under the category data"),
    ]
)
def test_each_says_who_shows_it_how(
    verb: str,
    more: tuple[str, ...],
    command: str,
    said: str,
    *,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = Asked(monkeypatch, search=[{"name": "bp-postgres"}])
    asked.events = ()
    for org, who in (("omantel", "omantel"), ("_", "the platform")):
        assert ended(["catalog", verb, "bp-wiki", *more, "--org", org, *URL]) == ExitCode.OK
        assert capsys.readouterr().out == f"{who} {said}; it was so before\n"
    assert asked.owners == {"omantel", None}
    assert [sent[0] for sent in asked.sent] == [command, command]


@each(
    [
        # Hidden, it is found by what was said of it before.
        ({"show": MISSING, "curations": [{"blueprint": "bp-wiki", "origin": "public"}]}, 0, ""),
        (
            {"show": MISSING, "curations": [{"blueprint": "bp-other", "origin": "public"}]},
            4,
            "`catalyst catalog search --org omantel` shows those there are",
        ),
        ({"show": Problem(403, "forbidden", "you may not look")}, 0, ""),
        ({"show": Problem(503, "unavailable", "not now")}, 5, "not now"),
    ]
)
def test_a_blueprint_is_found_hidden_or_not(
    answers: dict[str, Any],
    code: int,
    told: str,
    *,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = Asked(monkeypatch, **answers)
    assert ended(["catalog", "unhide", "wiki", *ORG, *URL]) == code
    assert told in capsys.readouterr().err
    assert len(asked.sent) == (code == 0)


@each(
    [
        ([], "no other Blueprint is in dta; do you mean data? there are data, collaboration"),
        ([{"name": "bp-wiki"}], "no other Blueprint is in dta"),
        ([{"name": "bp-wiki"}, {"name": "bp-redis"}], ""),
        (Unreachable("gone"), ""),
    ]
)
def test_a_category_that_no_other_has_may_be_mistyped(
    found: Any, told: str, *, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Asked(monkeypatch, search=found)
    assert ended(["catalog", "categorize", "wiki", "dta", *ORG, *URL]) == ExitCode.OK
    said = capsys.readouterr().err
    assert told in said
    assert ("no other" in said) is bool(told)


@each(
    [("omantel", "catalog show bp-wiki --org omantel"), ("_", "get blueprints sovereign-bp-wiki")]
)
def test_a_version_that_is_not_there_leads_to_those_there_are(
    org: str, leads: str, *, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Asked(monkeypatch).code = "blueprint-version-not-found"
    line = ["catalog", "pin", "wiki", "9.0.0", "--reason", "Tried.", "--org", org, *URL]
    assert ended(line) == ExitCode.NOT_FOUND
    shown = capsys.readouterr()
    assert (shown.out, f"Hint: `catalyst {leads}" in shown.err) == ("", True)
