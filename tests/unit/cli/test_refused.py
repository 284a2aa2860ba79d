"""A command that a verb sent and that was refused: a person reads why, and no record of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support.each import each

from catalyst.cli import billing, change, charging, dlq, owned, planned, sending, source, voucher
from catalyst.cli import send as verb
from catalyst.cli.exits import Ended, ExitCode
from catalyst.cli.main import ended
from catalyst.cli.output import Format
from catalyst.contracts.message import FieldError, Outcome

URL = ("--url", "http://127.0.0.1:1")
MESSAGE = "3.000 OMR is due, and the credit does not cover it"
LETTER = "dlq.acme.environment.organization.acme.c12"
KEPT = planned.Kept(
    organization="acme", plan={"hash": "2c26b46b", "expires": "", "request": {"action": "install"}}
)
VERBS = [
    "voucher issue 5.000 OMR",
    "voucher redeem CODE --org acme",
    "voucher revoke CODE --reason over",
    "source add shared /git/acme/shared.git --org acme",
    "source remove shared",
    "billing price-book apply {file}",
    "billing void 2026-11 --reason wrong --org acme",
    "apply 2c26b46b",
    "cancel ch-1 --reason wrong --org acme",
    f"dlq drop {LETTER} --reason wrong",
]
Say = Callable[..., tuple[str, str]]


def refused(*errors: FieldError, code: str = "credit-insufficient") -> Outcome:
    return Outcome(
        id="c-1",
        type="provisioning.apply-plan.v1",
        status="rejected",
        code=code,
        message=MESSAGE,
        errors=errors,
        digest="",
        time=datetime(2026, 11, 28, tzinfo=UTC),
    )


BARE = FieldError(pointer="/data/request", rule="credit-insufficient", message=MESSAGE)
TOLD = FieldError(pointer="/data/document/lines/2", rule="type", message="is no price")


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Say:
    """Let every command be refused with these errors; return what a verb writes and notes."""
    file = tmp_path / "book.yaml"
    file.write_text("{}")

    def said(line: str, *errors: FieldError) -> tuple[str, str]:
        def run(work: Any) -> Any:
            work.close()
            found = refused(*errors)
            if line.startswith("voucher issue"):
                return {"code": "CODE", "voucher": "v"}, found
            return (found, None) if line.startswith("apply") else found

        for module in (billing, change, charging, dlq, owned, sending, verb, voucher):
            monkeypatch.setattr(module, "run", run)
        monkeypatch.setattr(planned, "find", lambda _text, _place: KEPT)
        assert ended([*line.format(file=file).split(), *URL]) == ExitCode.REJECTED
        shown = capsys.readouterr()
        return shown.out, shown.err.replace("uv run ", "")

    return said


@each(VERBS)
def test_a_verb_says_why_it_was_refused_and_what_to_do_and_nothing_else(
    verb: str, *, say: Say
) -> None:
    out, err = say(verb, BARE)
    assert out == ""
    assert f"Error: credit-insufficient: {MESSAGE}\n" in err
    assert "\nHint: redeem a voucher (`catalyst voucher redeem CODE --org" in err
    assert "/data/" not in err


def test_a_field_of_which_something_is_said_is_named(say: Say) -> None:
    _, err = say("billing price-book apply {file}", BARE, TOLD)
    assert "  document.lines[2]: is no price\n" in err
    assert "  request" not in err


def test_a_program_is_told_of_every_field(say: Say) -> None:
    out, err = say("apply 2c26b46b -o json", BARE)
    assert json.loads(out)["code"] == "credit-insufficient"
    (error,) = json.loads(err)["error"]["errors"]
    assert error["pointer"] == "/data/request"


def test_what_was_sent_shows_its_outcome_and_the_field(say: Say) -> None:
    out, err = say("send environment.resume-organization.v1 --org acme", BARE)
    assert "status  rejected\n" in out
    assert "\n  in the field request\n" in err


def test_what_the_reason_names_already_is_not_told_twice(
    capsys: pytest.CaptureFixture[str],
) -> None:
    bare = FieldError(pointer="/specversion", rule="required", message="is missing")
    found = msgspec.structs.replace(
        refused(bare), code="invalid-envelope", message="specversion: is missing"
    )
    with pytest.raises(Ended):
        verb.finish(found, Format.TABLE)
    assert capsys.readouterr().err == "Error: invalid-envelope: specversion: is missing\n"


@pytest.mark.parametrize(
    ("result", "said"), [({"freed": 2}, "none\n"), (None, "none: it was so already\n")]
)
def test_only_what_did_nothing_is_told_to_have_been_so_already(
    result: Any, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = msgspec.structs.replace(refused(), status="accepted", code="", result=result)
    verb.finish(found, Format.TABLE)
    assert f"events  {said}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "result", "said"),
    [
        (f"drop {LETTER} --reason wrong", {"freed": 1}, f"{LETTER} is given up\n"),
        (f"retry {LETTER}", {"freed": 1}, "1 message decided again\n"),
        (f"retry {LETTER} --all", {"freed": 2}, "2 messages decided again\n"),
        (f"retry {LETTER}", {"asked": 1}, "1 effect asked again\n"),
    ],
)
def test_what_was_done_about_a_dead_letter_is_told_in_words(
    line: str,
    result: dict[str, int],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run(work: Any) -> Outcome:
        work.close()
        return msgspec.structs.replace(refused(), status="accepted", code="", result=result)

    monkeypatch.setattr(dlq, "run", run)
    assert ended(["dlq", *line.split(), *URL]) == ExitCode.OK
    assert capsys.readouterr().out == said


@pytest.mark.parametrize(("whose", "of"), [((), ""), (("--org", "acme"), " --org acme")])
def test_a_source_that_is_there_is_told_with_what_comes_before_adding_it_anew(
    whose: tuple[str, ...],
    of: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(source, "sent_about", lambda *_: refused(code="source-exists"))
    monkeypatch.setattr("catalyst.cli.output.as_called", str)
    assert ended(["source", "add", "own", ".", *whose, *URL]) == ExitCode.REJECTED
    first = f"Hint: `catalyst source remove own{of}` comes first, or take another name"
    assert first in capsys.readouterr().err


def test_a_host_that_is_never_read_is_not_told_to_be_allowed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    inside = msgspec.structs.replace(
        refused(code="source-location-forbidden"), message="git is not on the public network"
    )
    monkeypatch.setattr(source, "sent_about", lambda *_: inside)
    assert ended(["source", "add", "own", "https://git/x.git", *URL]) == ExitCode.REJECTED
    told = capsys.readouterr().err
    assert "Hint: BLUEPRINT_CONTROLLER_GIT_NETWORKS names private networks that" in told
    assert "; or a clone of it below the directory that" in told
    assert "GIT_HOSTS" not in told
    own = ["source", "add", "own", "https://git/x.git", "--org", "acme", *URL]
    assert ended(own) == ExitCode.REJECTED
    assert "Hint: a clone of it below the directory that" in capsys.readouterr().err


@each([("/git/acme/x.git", 1), ("https://git.example/x.git", 0)])
def test_whoever_adds_a_repository_of_our_own_git_is_told_who_pushes_there(
    location: str,
    times: int,
    *,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    taken = msgspec.structs.replace(refused(), status="accepted", code="")
    monkeypatch.setattr(source, "sent_about", lambda *_: taken)
    assert ended(["source", "add", "own", location, "--org", "acme", *URL]) == ExitCode.OK
    assert capsys.readouterr().err.count("services alone push") == times
