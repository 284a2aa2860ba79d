"""How the command ends: exit codes, texts, never a traceback."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable

import pytest
import yaml
from tests.support.each import each

from catalyst.chassis.errors import Expected
from catalyst.cli import main, verbs
from catalyst.cli.broker import BrokerFault
from catalyst.cli.exits import (
    MEANINGS,
    NEXT,
    Ended,
    ExitCode,
    Failure,
    expected,
    of_problem,
    of_refusal,
)
from catalyst.client.errors import Malformed, Problem, TimedOut, Unreachable
from catalyst.contracts.message import FieldError
from catalyst.contracts.rejection import CODES
from catalyst.contracts.roles import COMMAND_ROLES, PLATFORM_ROLES, denied

RAISED: list[BaseException] = []


def boom(*, output: str = "table") -> None:
    """Fail as the test says."""
    raise RAISED[-1]


@pytest.fixture
def end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Run a verb that raises; return exit code and what was said."""
    monkeypatch.setitem(verbs.VERBS, "boom", f"{__name__}:boom")

    def run(error: BaseException, *arguments: str) -> tuple[int, str]:
        RAISED.append(error)
        code = main.ended(["boom", *arguments])
        said = capsys.readouterr()
        assert said.out == ""
        return int(code), said.err

    return run


@each(
    [
        (Failure(ExitCode.USAGE, "no"), 2),
        (Problem(422, "invalid-data"), 3),
        (Problem(409, "organization-exists"), 3),
        (Problem(404, "not-found"), 4),
        (Unreachable("nobody"), 5),
        (Problem(503, "unavailable"), 5),
        (Problem(503, "prices-unavailable"), 3),
        (TimedOut("late"), 6),
        (Problem(504, "timeout"), 6),
        (Problem(429, "rate-limited"), 6),
        (Problem(401, "unauthenticated"), 7),
        (Problem(403, "forbidden"), 7),
        (Malformed("odd"), 1),
        (Expected("cannot", hint="do"), 1),
        (BrokerFault("port taken"), 1),
        (Ended(ExitCode.CHECK_FAILED), 8),
        (KeyboardInterrupt(), 130),
        (ValueError("a bug"), 1),
        (ExceptionGroup("several", [ValueError("a"), Unreachable("nobody")]), 5),
    ],
    name=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
)
def test_each_failure_has_its_code_and_no_traceback(
    error: BaseException, code: int, *, end: Callable[..., tuple[int, str]]
) -> None:
    found, said = end(error)
    assert found == code
    assert "Traceback" not in said


@each(sorted(CODES))
def test_every_registered_code_ends_in_a_documented_way(code: str) -> None:
    failure = of_problem(Problem(CODES[code].status, code))
    assert failure.exit_code in MEANINGS
    assert failure.exit_code is not ExitCode.OK


OF_DOORS = {"internal": 1, "rate-limited": 6, "timeout": 6, "unavailable": 5}
"""Codes that say nothing of what was asked, and how a command ends that a door answers so."""


@pytest.mark.guarantee("G27.2")
@each(sorted(CODES))
def test_a_refusal_ends_by_its_code_alike_at_the_door_and_where_it_is_decided(code: str) -> None:
    status = CODES[code].status
    by_status = 7 if status in {401, 403} else 4 if status == 404 else 3
    rule = 4 if code.endswith("not-found") else by_status
    assert of_refusal(code) == rule
    assert of_problem(Problem(status, code)).exit_code == OF_DOORS.get(code, rule)


def test_a_refusal_whose_code_nobody_knows_ends_by_its_status() -> None:
    ends = {status: of_problem(Problem(status, "http")).exit_code for status in (400, 404, 502)}
    assert ends == {400: ExitCode.REJECTED, 404: ExitCode.NOT_FOUND, 502: ExitCode.UNREACHABLE}


def test_a_failure_names_each_field_and_says_what_to_do(
    end: Callable[..., tuple[int, str]],
) -> None:
    wrong = FieldError(pointer="/data/tier", rule="enum", message="is not one of them")
    _, said = end(Failure(ExitCode.REJECTED, "refused", hint="mend it", errors=(wrong,)))
    assert said.splitlines() == [
        "Error: refused",
        "  tier: is not one of them",
        "Hint: mend it",
    ]


def test_without_a_price_book_the_command_that_brings_one_is_named() -> None:
    hint = of_problem(Problem(503, "prices-unavailable")).hint
    assert "`catalyst billing price-book apply FILE`" in hint


def test_a_program_gets_the_failure_as_json(end: Callable[..., tuple[int, str]]) -> None:
    wrong = FieldError(pointer="/data/tier", rule="enum", message="m")
    _, said = end(Problem(422, "invalid-data", "wrong", (wrong,)), "--output", "json")
    body = json.loads(said)["error"]
    assert (body["code"], body["exit"], body["errors"][0]["pointer"]) == (
        "invalid-data",
        3,
        "/data/tier",
    )


@pytest.mark.parametrize(
    "flags", [["-o", "yaml"], ["-oyaml"], ["--output=yaml"], ["--output", "yaml"]], ids=" ".join
)
def test_who_asked_for_yaml_gets_the_failure_as_that(
    flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["get", "organizatoins", "--url", "http://127.0.0.1:1"]
    main.ended([*line, "-o", "json"])
    told = json.loads(capsys.readouterr().err)
    main.ended([*line, *flags])
    said = capsys.readouterr().err
    assert said.startswith("error:\n")
    assert yaml.safe_load(said) == told
    # Of both, the short word decides, as it does for what is shown.
    main.ended([*line, *flags, "--json"])
    assert json.loads(capsys.readouterr().err) == told


def test_the_unexpected_shows_its_traceback_on_request(
    end: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CATALYST_DEBUG", "1")
    _, said = end(ValueError("a bug"))
    assert "Traceback" in said
    assert "a bug" in said


def test_text_from_elsewhere_cannot_move_the_cursor(end: Callable[..., tuple[int, str]]) -> None:
    _, said = end(Problem(409, "x", "evil \x1b[2J\r text"))
    assert "\x1b" not in said
    assert "\r" not in said


def test_an_unknown_verb_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.ended(["sned"]) == 2
    assert "send" in capsys.readouterr().err


def test_where_nobody_answers_another_connection_is_offered() -> None:
    failure = expected(Unreachable("nobody answers at http://a"))
    assert failure is not None
    assert "`catalyst context use NAME`" in failure.hint


@each(sorted(name for name, roles in COMMAND_ROLES.items() if roles))
def test_a_refusal_by_roles_says_where_those_come_from_that_it_takes(type_: str) -> None:
    refused = denied(type_)
    hint = of_problem(Problem(403, refused.code, refused.message)).hint
    carried = COMMAND_ROLES[type_] & PLATFORM_ROLES
    assert set(re.findall(r"--role ([a-z-]+)", hint)) == carried
    assert ("`catalyst token" in hint) == bool(carried)
    within = COMMAND_ROLES[type_] - PLATFORM_ROLES
    assert ("is its name right? `catalyst get organizations`" in hint) == bool(within)
    assert within <= set(re.findall(r"[a-z-]+", hint))


def test_a_refusal_that_names_no_role_has_all_places_that_roles_come_from() -> None:
    hint = of_problem(Problem(403, "forbidden", "only the service 'billing' sends this")).hint
    assert hint.startswith("roles come with the token and from the Organization")


def test_nothing_is_said_of_roles_where_they_are_not_what_is_missing() -> None:
    assert of_problem(Problem(403, "approval-own")).hint == ""


@each(sorted(NEXT))
def test_every_advice_is_for_a_code_there_is_and_is_given(code: str) -> None:
    refused = CODES[code]
    assert of_problem(Problem(refused.status, code)).hint == NEXT[code]


def test_a_ctrl_c_is_an_exception_again_once_a_verb_runs(
    end: Callable[..., tuple[int, str]],
) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        assert end(KeyboardInterrupt())[0] == ExitCode.INTERRUPTED
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
