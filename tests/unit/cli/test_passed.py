"""Newer versions that an Application is not upgraded to: which are told, and with what reason."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.support.each import each

from catalyst.cli import application, catalog, owned, plan, planned, planshow, saving
from catalyst.cli.calling import as_called
from catalyst.cli.exits import ExitCode, Failure
from catalyst.cli.output import Format
from catalyst.client.errors import Problem
from catalyst.client.reads import Answered

HERE: dict[str, Any] = {"org": "acme", "url": "http://127.0.0.1:1"}
BLOCKS = "1.1.0 refuses an upgrade from 1.0.0: it blocks 1.0.0"
FROM = "1.2.0 can be reached from >=1.1.0, and 1.0.0 is installed"
NEEDED = "web needs bp-h1 ~1.0"
SHOWS = "`catalyst catalog show bp-h1 --why-not VERSION --app h1 --env acme-dev --org acme`"
LINES = {
    "1.3.0-rc.1": "",
    "1.2.0": FROM,
    "1.1.0": BLOCKS,
    "1.0.5": "",
    "1.0.0": "1.0.0 is installed",
    "0.9.0": "0.9.0 is older than the installed 1.0.0",
}


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Let `h1` run bp-h1 1.0.0; return what is answered to each question, a Problem is raised."""
    listed = [{"version": one, "upgrade_reason": why} for one, why in LINES.items()]
    answers: dict[str, Any] = {
        "versions": {"versions": listed},
        "why-not": {"reasons": [NEEDED]},
        "asked-of": {"1.0.5"},
        "plan": Problem(409, "nothing-to-change", "everything is as it was"),
    }

    def answered(_target: object, _service: str, name: str, asked: Any, owner: str) -> Any:
        where = {one: asked.get(one) for one in ("environment", "application")}
        wanted = {"environment": "acme-dev", "application": "h1"}
        assert name == "show" or (where, owner) == (wanted, "acme")
        assert name == "plan" or asked["blueprint"] == "bp-h1"
        assert name != "why-not" or asked["version"] in answers["asked-of"]
        found = answers[name]
        if isinstance(found, Exception):
            raise found
        return Answered(result=found)

    runs = {"blueprint": "bp-h1", "version": "1.0.0"}
    monkeypatch.setattr(owned, "answered", answered)
    monkeypatch.setattr(application, "wanted_in", lambda *_: runs)
    return answers


def refused(version: str = "*") -> Failure:
    with pytest.raises(Failure) as found:
        plan.upgrade("h1", env="acme-dev", version=version, **HERE)
    return found.value


@each(
    [
        ("*", f"; newer: {FROM}; {BLOCKS}; 1.0.5: {NEEDED}"),
        # What was not asked for is not told of.
        ("~1.1", f"; newer: {BLOCKS}"),
        ("~1.0", f"; newer: 1.0.5: {NEEDED}"),
        ("~2.0", ""),
    ]
)
def test_an_upgrade_to_nothing_newer_names_what_is_newer_and_why_it_does_not_fit(
    version: str, said: str, *, there: dict[str, Any]
) -> None:
    found = refused(version)
    assert there
    assert found.message.endswith(f"h1 runs bp-h1 1.0.0, the newest registered that fits{said}")
    assert found.hint.startswith(f"{SHOWS} says more of one; ") == bool(said)


@each([(3, ""), (4, "; and 1 more"), (5, "; and 2 more")])
def test_of_many_the_newest_are_named_and_how_many_more_there_are(
    count: int, more: str, *, there: dict[str, Any]
) -> None:
    newest = [f"1.{9 - n}.0" for n in range(count)]
    listed = [{"version": one, "upgrade_reason": f"{one} no"} for one in newest]
    there["versions"] = {"versions": listed}
    assert refused().message.endswith(f"; newer: 1.9.0 no; 1.8.0 no; 1.7.0 no{more}")


@each(
    [
        (["web needs bp-h1 ~1.0", "db is busy"], "web needs bp-h1 ~1.0; db is busy"),
        # Meanwhile nothing is in its way any more.
        ([], "it does not fit what is there"),
    ]
)
def test_all_that_is_in_the_way_of_a_version_is_told(
    reasons: list[str], said: str, *, there: dict[str, Any]
) -> None:
    there["why-not"] = {"reasons": reasons}
    assert refused("~1.0").message.endswith(f"; newer: 1.0.5: {said}")


@each(
    [
        ("1.0.0-rc.1", "*", f"; newer: 1.0.0-rc.3 no; 1.0.0-rc.2: {NEEDED}"),
        ("1.0.0-rc.1", "~0.9", ""),
        ("0.9.0", "*", ""),
    ]
)
def test_a_pre_release_is_told_of_to_whoever_runs_one_and_asks_for_the_newest(
    runs: str, wanted: str, said: str, *, there: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        application, "wanted_in", lambda *_: {"blueprint": "bp-h1", "version": runs}
    )
    lines = {"1.0.0-rc.3": "1.0.0-rc.3 no", "1.0.0-rc.2": "", "1.0.0-rc.1": "it is installed"}
    listed = [{"version": one, "upgrade_reason": why} for one, why in lines.items()]
    there |= {"versions": {"versions": listed}, "asked-of": {"1.0.0-rc.2"}}
    assert refused(wanted).message.endswith(f"fits{said}")


@each(
    [
        ("versions", Problem(503, "unavailable", "later"), "later"),
        ("why-not", Problem(503, "unavailable", "later"), "later"),
        ("versions", Failure(ExitCode.REJECTED, "there is no such owner"), "there is no such"),
        ("versions", {"versions": [{"version": "newest", "upgrade_reason": ""}]}, "'newest': "),
    ]
)
def test_what_cannot_be_read_leaves_what_was_refused_and_is_said(
    question: str,
    answer: Any,
    said: str,
    *,
    there: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    there |= {"versions": {"versions": [{"version": "1.0.5", "upgrade_reason": ""}]}}
    there |= {"why-not": {"reasons": [NEEDED]}, question: answer}
    assert refused().message.endswith("the newest registered that fits")
    told = f"whether there is a newer version for h1 in acme-dev is not known: {said}"
    assert told in capsys.readouterr().err


def test_a_plan_that_reaches_an_older_one_names_the_newer(
    there: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = [{"application": "h1", "blueprint": "bp-h1", "version": "1.0.5"}]
    there["plan"] = {"lock": lock, "blocked_by": [], "files": [], "hash": "0" * 64, "expires": ""}
    monkeypatch.setattr(planned, "keep", lambda *_: None)
    monkeypatch.setattr(saving, "told", lambda *_: ())
    monkeypatch.setattr(planshow, "lines", lambda *_, **__: ["the plan"])
    plan.upgrade("h1", env="acme-dev", **HERE)
    shown = capsys.readouterr()
    assert shown.out == "the plan\n"
    told = [line for line in shown.err.splitlines() if "newer" in line or "--why-not" in line]
    newer = [f"newer, and not planned: {why}" for why in (FROM, BLOCKS)]
    assert told == [*newer, as_called(f"{SHOWS} says more of one")]


def test_a_blueprint_says_which_versions_what_runs_cannot_be_upgraded_to(
    there: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    card: dict[str, Any] = dict.fromkeys(("title", "name", "version", "origin"), "bp-h1")
    card |= {"summary": "", "category": "", "tags": [], "price": None, "deprecated": ""}
    one = {"application": "h1", "environment": "acme-dev", "version": "1.0.0", "newest": "1.0.5"}
    texts = dict.fromkeys(("description", "documentation", "license", "version"), "")
    there["show"] = {"card": card, **texts, "needs": [], "versions": [], "copies": None}
    there["show"]["runs"] = [{**one, "notices": []}]
    catalog.show_("bp-h1", **HERE)
    shown = capsys.readouterr()
    newer = [f"h1 in acme-dev is not upgraded: {why}" for why in (FROM, BLOCKS)]
    assert shown.out.splitlines()[-2:] == newer
    # A program has the same; of many that run, none is asked about behind the first five.
    there["show"]["runs"] = [{**one, "notices": []} for _ in range(6)]
    catalog.show_("bp-h1", output=Format.JSON, **HERE)
    runs = json.loads(capsys.readouterr().out)["result"]["runs"]
    assert [found["passed_over"] for found in runs] == [[FROM, BLOCKS]] * 5 + [None]
    assert as_called(f"{SHOWS} says more of one") in shown.err
    # What is not known is not nothing.
    there |= {"versions": Problem(503, "unavailable", "later")}
    catalog.show_("bp-h1", output=Format.JSON, **HERE)
    runs = json.loads(capsys.readouterr().out)["result"]["runs"]
    assert [found["passed_over"] for found in runs] == [None] * 6
