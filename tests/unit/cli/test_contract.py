"""`catalyst contracts list`: what people send stands apart from what services tell each other."""

from __future__ import annotations

import json
import re
from itertools import chain, groupby

import httpx
import pytest

from catalyst.cli import contract, events, send
from catalyst.cli.exits import ExitCode
from catalyst.cli.main import ended
from catalyst.client.errors import Problem
from catalyst.contracts import refusals, schema
from catalyst.contracts.registry import BY_TYPE, COMMANDS, SERVICES
from catalyst.contracts.roles import COMMAND_ROLES


def blocks(capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, dict[str, list[list[str]]]]:
    """Return the cells of the rows, by the heading and the service that they stand below."""
    assert ended(["contracts", "list", *more]) == 0
    groups: dict[str, dict[str, list[list[str]]]] = {}
    for part in capsys.readouterr().out.strip().split("\n\n"):
        lines = part.splitlines()
        if lines[0] in contract._GROUPS:
            heading = lines.pop(0)
            groups[heading] = {}
        if not lines:
            continue
        service = "" if lines[0].startswith("TYPE ") else lines.pop(0)
        cells = [re.split(r" {2,}", line) for line in lines[1:]]
        groups[heading][service] = cells
    return groups


def listed(capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, list[list[str]]]:
    """Return the cells of the rows below each heading."""
    found = blocks(capsys, *more)
    return {heading: [*chain.from_iterable(each.values())] for heading, each in found.items()}


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


def test_commands_and_events_stand_below_their_service_each_aggregate_s_in_one_piece(
    capsys: pytest.CaptureFixture[str],
) -> None:
    groups = blocks(capsys)
    assert list(groups.pop(contract._ASIDE)) == [""]
    for heading in (contract._PEOPLE, contract._EVENTS):
        assert list(groups[heading]) == list(SERVICES)
    for services in groups.values():
        for service, rows in services.items():
            assert {row[0].partition(".")[0] for row in rows} == {service}
            pieces = [for_ for for_, _ in groupby(row[1] for row in rows)]
            assert len(pieces) == len(set(pieces)), (service, pieces)


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


def test_the_shell_offers_events_alone_where_events_are_looked_for() -> None:
    offered = [type_ for type_, _ in events.complete_type("billing.credit-")]
    assert "billing.credit-held.v1" in offered
    assert "billing.credit-voucher.v1" not in offered


def test_what_services_alone_send_is_no_role_that_is_missing() -> None:
    refused = Problem(httpx.codes.FORBIDDEN, "forbidden", "is sent by services alone")
    failure = send._of_services(refused, "environment.admit-child.v1")
    assert failure is not None
    assert (failure.exit_code, "what people send" in failure.hint) == (ExitCode.NOT_ALLOWED, True)
    assert send._of_services(refused, "environment.create-organization.v1") is None


def test_each_type_that_a_field_is_made_of_is_shown_once_with_its_fields(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert ended(["contracts", "show", "provisioning.apply-plan.v1"]) == 0
    own, _, inner = capsys.readouterr().out.partition("\n\nPlanRequest: What somebody wants")
    assert re.search(r"^request +PlanRequest ", own, re.MULTILINE)
    assert re.search(r"^action +configure \| .*What is to be done", inner, re.MULTILINE)
    assert "PlanRequest:" not in inner


def test_every_type_that_is_named_in_a_message_is_shown_with_it() -> None:
    inner = 0
    for message in BY_TYPE.values():
        root = schema.message_schema(message)
        found = contract.nested(root)
        # Two of one name would be told as one.
        assert len(found) == len(root.get("$defs", {})), message.type
        inner += len(found)
    assert inner > 100


@pytest.mark.guarantee("G5.15")
def test_beside_a_command_stands_what_it_may_be_refused_with(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert ended(["contracts", "show", "environment.change-owners.v1"]) == 0
    said = capsys.readouterr().out
    _, _, refused = said.partition("REFUSED WITH")
    rows = [re.split(r" {2,}", line) for line in refused.split("\n\n")[0].splitlines()[1:]]
    assert ["owner-required", "422", "At least one owner must remain."] in rows
    assert [row[0] for row in rows] == [
        code.name for code in refusals.of_rule("environment.change-owners.v1")
    ]
    assert "As any command, it may also be refused with too-large, " in refused
    assert ended(["contracts", "show", "environment.change-owners.v1", "-o", "json"]) == 0
    found = json.loads(capsys.readouterr().out)["refused_with"]
    assert [[one["code"], str(one["status"]), one["meaning"]] for one in found] == rows


def test_what_no_rule_refuses_and_what_nobody_sends_say_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert ended(["contracts", "show", "billing.release-voucher.v1"]) == 0
    said = capsys.readouterr().out
    assert "REFUSED WITH" not in said
    assert "As any command, it may be refused with too-large, " in said
    assert ended(["contracts", "show", "billing.voucher-released.v1"]) == 0
    assert "refused" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("type_", "said"),
    [
        ("blueprint.yank-version.v1", "the Blueprint's origin and its name, such as public-bp-"),
        ("environment.create-organization.v1", "the Organization's slug"),
        ("environment.retry.v1", ""),
    ],
)
def test_what_the_id_is_that_people_name_is_told(
    type_: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not of a command that every aggregate takes."""
    assert ended(["contracts", "show", type_]) == 0
    found = [line for line in capsys.readouterr().out.splitlines() if line.startswith("<id>")]
    assert len(found) == bool(said)
    assert all(said in line for line in found)
