"""What is wrong with a command line names its option; what became of a send is never hidden."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.each import each

from catalyst.cli import main
from catalyst.cli.addressing import closest
from catalyst.cli.exits import ExitCode
from catalyst.cli.near import alike
from catalyst.cli.query import questions
from catalyst.cli.send import unsure
from catalyst.client.errors import ClientError, Problem, TimedOut, Undecided, Unreachable
from catalyst.contracts.registry import COMMANDS

CREATE = "environment.create-environment.v1"
SUSPEND = "environment.suspend-organization.v1"
NOWHERE = ("--url", "http://127.0.0.1:1", "--timeout", "0.1")


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (["send", SUSPEND], "--org"),
        (["send", CREATE, "--org", "acme"], "--id"),
        (["send", SUSPEND, "--org", "_"], "--id"),
        (["send", CREATE, "--org", "acme", "--id", "x", "--aggregate", "policy"], "--aggregate"),
        (["send", "environment.retry.v1", "--org", "acme", "--id", "x"], "--aggregate"),
        (["send", SUSPEND, "--org", "acme", "--command-id", "a b"], "--command-id"),
        (["outcome", "c-1"], "--org"),
    ],
)
def test_a_line_that_does_not_say_where_names_the_option(
    arguments: list[str], option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.ended([*arguments, *NOWHERE]) == 2
    assert option in capsys.readouterr().err.splitlines()[0]


def test_a_question_without_its_organization_names_the_option(
    capsys: pytest.CaptureFixture[str],
) -> None:
    line = ["query", "environment", "plan-organization-deletion", "--url", "http://127.0.0.1:1"]
    assert main.ended(line) == 2
    assert "--org" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    [
        "environment.suspend-organisation.v1",
        "suspend-organization",
        "environment.suspend-organization",
        "environment.suspend-organization.v9",
        "Environment.Suspend-Organization.v1",
        "suspend-organization.v1",
    ],
)
def test_the_type_that_is_meant_is_suggested(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.ended(["send", text, "--org", "acme", *NOWHERE]) == 4
    said = capsys.readouterr().err
    assert SUSPEND in said
    assert "contracts list" in said


def test_nothing_is_suggested_for_what_is_like_nothing() -> None:
    assert closest("zzz", COMMANDS) == []


def test_an_event_is_told_to_be_one(capsys: pytest.CaptureFixture[str]) -> None:
    line = ["send", "environment.organization-created.v1", "--org", "acme", *NOWHERE]
    assert main.ended(line) == 4
    assert "is an event" in capsys.readouterr().err


@each([TimedOut("late"), Unreachable("nobody"), Problem(503, "unavailable"), Problem(429, "x")])
def test_whoever_does_not_know_what_became_of_it_gets_the_id(error: ClientError) -> None:
    failure = unsure(error, "c-7")
    assert failure is not None
    assert "c-7 is not known to be stored" in failure.message
    assert "--command-id c-7" in failure.hint


def test_a_stored_command_is_told_apart() -> None:
    failure = unsure(Undecided("c-7", "acme"), "c-7")
    assert failure is not None
    assert failure.exit_code is ExitCode.TIMED_OUT
    assert "not known" not in failure.message
    assert "catalyst outcome c-7 --org acme" in failure.hint


def test_a_plain_no_is_left_as_it_is() -> None:
    assert unsure(Problem(422, "invalid-data"), "c-7") is None


def test_the_questions_are_known() -> None:
    assert ("environment", "plan-organization-deletion") in questions()


MANIFEST = """\
apiVersion: orgs.openova.io/v1
kind: Organization
metadata: {name: acme}
"""


@pytest.mark.parametrize(
    "text", [MANIFEST, f"{MANIFEST}---\n{MANIFEST}", '{"apiVersion": "v1", "kind": "Organization"}']
)
def test_a_manifest_is_for_another_verb(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "acme.yaml"
    file.write_text(text)
    line = ["send", CREATE, "--org", "acme", "--id", "acme-dev", "-f", str(file), *NOWHERE]
    assert main.ended(line) == 2
    assert f"catalyst apply -f {file}`" in capsys.readouterr().err


def test_what_is_there_is_not_suggested_in_its_own_place() -> None:
    assert alike("blgo", ["blog", "shop"]) == ["blog"]
    assert alike("blog", ["blog", "blogs"]) == []
    assert alike("wiki", ["bp-wiki"], before="bp-") == []
