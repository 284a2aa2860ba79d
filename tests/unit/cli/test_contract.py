"""`catalyst contracts list`: what people send stands apart from what services tell each other."""

from __future__ import annotations

import json
from itertools import chain

import httpx
import pytest

from catalyst.cli import contract, send
from catalyst.cli.exits import ExitCode
from catalyst.cli.main import ended
from catalyst.client.errors import Problem
from catalyst.contracts.registry import BY_TYPE, COMMANDS
from catalyst.contracts.roles import COMMAND_ROLES


def listed(capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, list[list[str]]]:
    """Return the cells of the rows below each heading."""
    assert ended(["contracts", "list", *more]) == 0
    groups: dict[str, list[list[str]]] = {}
    for part in capsys.readouterr().out.split("\n\n"):
        heading, _, *rows = part.strip().splitlines()
        groups[heading] = [row.split("   ") for row in rows]
    return groups


def test_what_people_send_comes_first_and_each_message_stands_in_one_group(
    capsys: pytest.CaptureFixture[str],
) -> None:
    groups = listed(capsys)
    assert list(groups) == list(contract._GROUPS)
    types = {heading: [row[0] for row in rows] for heading, rows in groups.items()}
    assert sorted(chain.from_iterable(types.values())) == sorted(BY_TYPE)
    people = {*types[contract._PEOPLE], *types[contract._ASIDE]}
    assert people == COMMAND_ROLES.keys() & COMMANDS.keys()
    assert {one.partition(".")[2] for one in types[contract._ASIDE]} == {"retry.v1", "drop.v1"}
    assert "environment.admit-child.v1" in types[contract._SERVICES]
    commands = listed(capsys, "--kind", "command")
    assert list(commands) == list(contract._GROUPS[:-1])


def test_who_sends_it_stands_beside_it_and_programs_read_the_same_as_before(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert ended(["contracts", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (approve,) = [line for line in lines if line.startswith("provisioning.approve-change.v1")]
    assert "org-admin,org-developer,security-officer" in approve
    # A service may, too, but a person asks which role.
    (gone,) = [line for line in lines if line.startswith("environment.apply-environment-deletion")]
    assert " org-admin,sovereign-admin " in gone
    (answer,) = [line for line in lines if line.startswith("billing.take-answer.v1")]
    assert answer.split()[2] == "all"
    assert ended(["contracts", "list", "--json"]) == 0
    assert [one["type"] for one in json.loads(capsys.readouterr().out)] == list(BY_TYPE)


def test_the_shell_offers_what_people_send_alone() -> None:
    offered = [type_ for type_, _ in send.complete_type("environment.")]
    assert "environment.create-organization.v1" in offered
    assert "environment.admit-child.v1" not in offered


def test_what_services_alone_send_is_no_role_that_is_missing() -> None:
    refused = Problem(httpx.codes.FORBIDDEN, "forbidden", "is sent by services alone")
    failure = send._of_services(refused, "environment.admit-child.v1")
    assert failure is not None
    assert (failure.exit_code, "what people send" in failure.hint) == (ExitCode.NOT_ALLOWED, True)
    assert send._of_services(refused, "environment.create-organization.v1") is None
