"""Lines that a person gets wrong: what is said names what was given, and what to do."""

from __future__ import annotations

import io
import sys

import pytest
from tests.support.each import each

from catalyst.cli import main
from catalyst.cli.events import strange
from catalyst.cli.trace import unknown
from catalyst.client import http_calls

pytestmark = pytest.mark.guarantee("G27.2")
NOWHERE = ("--url", "http://127.0.0.1:1")
CREATE = ("send", "environment.create-organization.v1", "--org", "acme", "-f", "-", *NOWHERE)
APPLY = ("apply", "-f", "-", *NOWHERE)
QUERY = ("query", "environment", "plan-organization-deletion", "--org", "acme", "-f", "-", *NOWHERE)


def given(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


@pytest.mark.parametrize("arguments", [CREATE, APPLY, QUERY], ids=lambda one: one[0])
@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "---\n"])
def test_an_empty_stdin_is_called_empty(
    arguments: tuple[str, ...],
    text: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given(text, monkeypatch)
    assert main.ended(list(arguments)) == 2
    said = capsys.readouterr().err
    assert said.startswith("Error: stdin is empty"), said


@pytest.mark.parametrize("arguments", [CREATE, QUERY], ids=lambda one: one[0])
def test_more_documents_than_one_are_counted(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given("a: 1\n---\nb: 2\n", monkeypatch)
    assert main.ended(list(arguments)) == 2
    assert "stdin holds 2 documents, and must hold one object" in capsys.readouterr().err


@pytest.mark.parametrize(("service", "name"), [("nope", "nope"), ("environment", "nope")])
def test_a_question_that_does_not_exist_is_told_before_anything_about_it(
    service: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.ended(["query", service, name, *NOWHERE]) == 4
    said = capsys.readouterr().err
    assert f"there is no question '{service} {name}'" in said
    assert "environment plan-organization-deletion" in said
    # Of a service that there is, its own alone are named.
    assert ("catalog search" in said) == (service == "nope")


def test_a_question_that_is_nearly_one_is_told_which(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.ended(["query", "catalog", "serch", *NOWHERE]) == 4
    assert "do you mean catalog search?" in capsys.readouterr().err


def test_an_id_with_blanks_can_be_pasted() -> None:
    assert "outcome 'a b' --org omantel" in unknown("a b", "omantel").hint


def test_what_an_event_that_does_not_exist_may_be_meant_for_is_told() -> None:
    assert strange("environment.organization-created.v1") is None
    near = strange("organisation-created")
    assert near is not None
    assert "do you mean environment.organization-created.v1" in near.hint


def test_a_name_that_a_connection_cannot_have_says_what_it_can(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main.ended(["context", "add", "a b", "--http", "http://127.0.0.1:1"]) == 2
    assert "without blanks" in capsys.readouterr().err


def test_what_stays_is_called_by_either_name(capsys: pytest.CaptureFixture[str]) -> None:
    for word in ("--follow", "-w", "--watch"):
        assert main.ended(["apply", "-f", "x.yaml", word, *NOWHERE]) == 2
        assert "--watch is for plans" in capsys.readouterr().err
    # What stands behind `--` is no option, and other verbs have neither.
    assert main.ended(["events", "--", "--watch"]) == 2
    assert "unexpected extra argument" in capsys.readouterr().err
    assert main.ended(["doctor", "--follow"]) == 2
    assert "No such option: --follow" in capsys.readouterr().err


def test_a_connection_without_a_name_is_told_what_makes_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for more in ([], ["--http", "http://127.0.0.1:1"]):
        assert main.ended(["context", "add", *more]) == 2
        assert "give a NAME with --http or --nats, or --data DIR" in capsys.readouterr().err


def test_of_a_mistyped_kind_the_one_that_is_meant_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for typed, one in (("organisations", "organizations"), ("enviroment", "environment")):
        assert main.ended(["get", typed, *NOWHERE]) == 2
        assert f"do you mean {one}? kinds are" in capsys.readouterr().err


@each(["environment.organization-udpated.v1", "environment.create-organization.v1"])
def test_of_several_types_of_events_one_that_there_is_not_is_told(
    other: str, *, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["events", "--type", "environment.organization-created.v1", *NOWHERE]
    assert main.ended([*line, "--type", other]) == 4
    assert other in capsys.readouterr().err
    # Those that there are, are asked for: nobody answers there, and who asks tries only once.
    monkeypatch.setattr(http_calls, "FIRST_CONTACT_SECONDS", 0.0)
    assert main.ended([*line, "--type", "environment.organization-updated.v1"]) == 5
