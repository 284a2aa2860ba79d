"""`catalyst catalog diff`: what differs, and for whom it breaks."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from tests.support.each import each

from catalyst.blueprints.diff import compare
from catalyst.blueprints.document import of_spec
from catalyst.cli import owned
from catalyst.cli.breaking import breaks, unasked
from catalyst.cli.exits import ExitCode
from catalyst.cli.main import ended
from catalyst.client.errors import Problem
from catalyst.client.reads import Answered

Schema = dict[str, Any]
TYPED = ("catalog", "diff", "pages", "1.0.0", "2.0.0", "--org", "omantel", "--url", "http://x:1")


def found(
    before: Schema, after: Schema, needs: tuple[str, str] = ("^1", "^1"), **more: Any
) -> dict[str, Any]:
    """Return what the service answers of two versions, whose fields and need are these."""
    old, new = (
        of_spec(
            "bp-pages",
            {
                "version": "1.0.0",
                "card": {"title": "Pages"},
                "configSchema": {"type": "object", **schema},
                "depends": [{"blueprint": "bp-db", "version": version, "alias": "db"}],
            },
        )
        for schema, version in zip((before, after), needs, strict=True)
    )
    told = compare(old, new)
    return {
        "blueprint": "bp-pages",
        "old": "1.0.0",
        "new": "2.0.0",
        **msgspec.to_builtins(told),
        "defaults": msgspec.to_builtins(told.defaults),
        **more,
    }


def of(field: Schema) -> Schema:
    return {"properties": {"size": field}}


@each(
    [
        ({"type": "integer", "maximum": 9}, {"type": "integer", "maximum": 5}, "more than 5"),
        ({"type": "integer"}, {"type": "integer", "maximum": 5}, "more than 5"),
        ({"type": "integer", "minimum": 1}, {"type": "integer", "minimum": 2}, "less than 2"),
        ({"type": "string"}, {"type": "string", "minLength": 2}, "fewer than 2 characters"),
        ({"type": "string"}, {"type": "string", "pattern": "^a"}, "what does not match ^a"),
        ({"enum": ["a", "b", "c"]}, {"enum": ["b"]}, "a or c"),
        ({"type": "string"}, {"type": "string", "enum": ["b"]}, "anything but b"),
        ({"type": "number"}, {"type": "integer"}, "a value that is no integer"),
        ({"type": "string"}, {"type": "boolean"}, "a value that is no boolean"),
    ]
)
def test_what_could_be_set_and_cannot_be_any_more_breaks_for_whoever_set_it(
    before: Schema, after: Schema, what: str
) -> None:
    assert breaks(found(of(before), of(after))) == [f"whoever set size to {what}"]


@each(
    [
        ({"type": "integer", "maximum": 5}, {"type": "integer", "maximum": 9}),
        ({"type": "integer", "maximum": 5}, {"type": "integer"}),
        ({"type": "integer", "minimum": 2}, {"type": "integer", "minimum": 1}),
        ({"type": "integer"}, {"type": "number"}),
        ({"type": "string"}, {"type": ["string", "null"]}),
        ({"enum": ["a"]}, {"enum": ["a", "b"]}),
        ({"type": "string", "title": "Size"}, {"type": "string", "title": "Its size"}),
        ({"type": "string", "pattern": "^a"}, {"type": "string"}),
    ]
)
def test_what_can_still_be_set_breaks_for_nobody(before: Schema, after: Schema) -> None:
    told = found(of(before), of(after))
    assert told["fields"]
    assert breaks(told) == []


def test_what_is_gone_or_has_to_be_given_is_told_once_and_not_of_what_is_inside() -> None:
    inner = {"type": "object", "properties": {"mode": {"type": "string"}}, "required": ["mode"]}
    with_it = {"properties": {"db": inner}}
    assert breaks(found(with_it, {})) == ["whoever set db: it is there no longer"]
    assert breaks(found({}, with_it)) == []
    assert breaks(found({}, {**with_it, "required": ["db"]})) == ["everybody: db has to be given"]
    given = {"properties": {"db": {**inner, "default": {"mode": "own"}}}, "required": ["db"]}
    assert breaks(found({}, given)) == []
    told = "whoever did not set db, unless it has a default: it has to be given"
    assert breaks(found(with_it, {**with_it, "required": ["db"]})) == [told]


def test_a_field_that_stays_as_it_is_and_a_map_that_takes_less_are_told() -> None:
    kept = {"type": "string", "x-catalyst-immutable": True}
    assert breaks(found(of({"type": "string"}), of(kept))) == [
        "whoever wants to change size later: it stays as it was set"
    ]
    closed = {"type": "object", "additionalProperties": False}
    assert breaks(found(of({"type": "object"}), of(closed))) == [
        "whoever set anything in size that it does not name"
    ]


@each(
    [("^1", "^2", True), ("^1", "^1 || ^2", False), ("^1", "^1", False), ("^1 || ^2", "^2", True)]
)
def test_another_range_breaks_for_whoever_does_not_fit_it(old: str, new: str, told: bool) -> None:  # noqa: FBT001 - a case
    line = f"whoever has a db that does not fit {new}"
    assert breaks(found({}, {}, (old, new))) == ([line] if told else [])


def test_another_default_is_told_to_whoever_set_nothing() -> None:
    told = found(of({"type": "string", "default": "s"}), of({"type": "string", "default": "m"}))
    assert (unasked(told), breaks(told)) == (["size is m, was s"], [])
    # A field that is new, or had none before, changes nothing that was there.
    assert unasked(found({}, of({"type": "string", "default": "m"}))) == []


class Service:
    """Answers what is asked of a catalogue."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, diff: dict[str, Any], why: str) -> None:
        """Answer with a comparison; the upgrade is refused for a reason, or is not."""
        self.diff = diff
        line = {"version": "2.0.0", "upgradable": not why, "upgrade_reason": why}
        place = {"application": "site", "environment": "omantel-prod"}
        self.answers: dict[str, Any] = {
            "versions": {"versions": [{**line, "version": "3.0.0", "upgrade_reason": "no"}, line]},
            "show": {"runs": [{**place, "version": "1.0.0"}, {**place, "version": "0.9.0"}]},
        }
        monkeypatch.setattr(owned, "answer", lambda *given: self.answers[given[2]])
        monkeypatch.setattr(owned, "answered", lambda *_: Answered(as_of=7, result=self.diff))
        monkeypatch.setattr("catalyst.cli.output.as_called", str)


def test_a_person_reads_what_is_added_changed_and_gone_and_how_to_see_it_planned(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = {"type": "string"}
    before = {"properties": {"gone": gone, "size": {"type": "integer", "default": 1}}}
    size = {"type": "integer", "default": 2, "maximum": 4, "title": "Size"}
    new = {"type": "string", "default": "", "maxLength": 9, "x-catalyst-ui-order": 3}
    after = {"properties": {"size": size, "new": new}}
    files = [{"what": "changed", "name": "README.md"}]
    Service(monkeypatch, found(before, after, ("^1", "^2"), files=files), "")
    assert ended(list(TYPED)) == ExitCode.OK
    shown = capsys.readouterr()
    assert shown.out.splitlines() == [
        "bp-pages, from 1.0.0 to 2.0.0",
        "what runs 1.0.0 can be upgraded to it",
        "what can be configured:",
        "  removed  gone",
        '  added    new: string, "" by default, maxLength 9',
        "  changed  size: default 2, was 1; maximum 4, was not said",
        "what it needs:",
        "  changed  db: version ^2, was ^1",
        "files:",
        "  changed  README.md",
        "is another value for whoever set none:",
        "  size is 2, was 1",
        "breaks for:",
        "  whoever set gone: it is there no longer",
        "  whoever set size to more than 4",
        "  whoever has a db that does not fit ^2",
    ]
    plan = "catalyst plan upgrade site --env omantel-prod --org omantel --version 2.0.0 --diff"
    assert shown.err.count(plan) == 1
    assert ended([*TYPED, "--json"]) == ExitCode.OK
    assert capsys.readouterr().err == ""


def test_a_program_has_all_of_it_and_a_refused_upgrade_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Service(monkeypatch, found({}, of({"type": "string"})), "2.0.0 blocks 1.x")
    assert ended([*TYPED, "--json"]) == ExitCode.OK
    told = json.loads(capsys.readouterr().out)["result"]
    assert told["upgrade"] == {"upgradable": False, "upgrade_reason": "2.0.0 blocks 1.x"}
    assert ([one["version"] for one in told["runs"]], told["breaks"]) == (["1.0.0"], [])
    assert told["fields"]
    assert ended(list(TYPED)) == ExitCode.OK
    shown = capsys.readouterr()
    assert "an upgrade is refused: 2.0.0 blocks 1.x" in shown.out
    assert "breaks for nobody" not in shown.out
    assert "plan upgrade" not in shown.err


def test_a_version_that_is_left_empty_is_the_one_that_is_compared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Service(monkeypatch, found({}, of({"type": "string"})), "")
    assert ended([*TYPED[:3], "", "", *TYPED[5:]]) == ExitCode.OK
    shown = capsys.readouterr()
    assert "what runs 1.0.0 can be upgraded to it" in shown.out
    assert "--version 2.0.0 --diff" in shown.err


def test_versions_between_which_nothing_differs_say_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Service(monkeypatch, found({}, {}), "")
    assert ended(list(TYPED)) == ExitCode.OK
    assert capsys.readouterr().out.splitlines()[-1] == "nothing differs"
    files = [{"what": "changed", "name": "README.md"}]
    Service(monkeypatch, found({}, {}, files=files), "")
    assert ended(list(TYPED)) == ExitCode.OK
    assert "nothing differs" not in capsys.readouterr().out


def test_a_version_that_is_not_there_is_refused_with_those_there_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: Any) -> Any:
        raise Problem(404, "blueprint-version-not-found", "bp-pages has no version 2.0.0")

    Service(monkeypatch, found({}, {}), "")
    monkeypatch.setattr(owned, "answered", refuse)
    assert ended(list(TYPED)) == ExitCode.NOT_FOUND
    assert "bp-pages has no version 2.0.0" in capsys.readouterr().err
