"""What the contracts say a command may be refused with is what its rule's source can give."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import cast

import pytest
from tests.support.each import each
from tools import flows, reach
from tools.files import ROOT

from catalyst.contracts import refusals
from catalyst.contracts.message import Command
from catalyst.contracts.registry import COMMANDS, RUNTIME_SHAPES, Message
from catalyst.contracts.rejection import CODES

RULED = [one for one in COMMANDS.values() if one.shape not in RUNTIME_SHAPES]
RUNTIME = [one for one in COMMANDS.values() if one.shape in RUNTIME_SHAPES]
CHASSIS = Path("chassis/src/catalyst/chassis")
APPLY = "provisioning.apply-plan.v1"

ASKED = {APPLY: (("provisioning", "plan"), ("catalog", "solve"), ("billing", "quote"))}
"""Questions whose refusal becomes the command's: it is asked again before it is decided."""
HELD = {
    APPLY: {"nothing-to-change", "addon-not-ordered", "package-not-ordered", "unavailable"},
    "blueprint.add-source.v1": {"source-location-invalid"},
    "blueprint.register-version.v1": {"content-missing"},
    "billing.number-invoice.v1": {"invoice-number-taken"},
    "billing.number-credit-note.v1": {"invoice-number-taken"},
}
"""Codes given by what a rule is handed, which its source does not name."""
SAID_OTHERWISE = {"provisioning.report-step.v1": {"plan-stale"}}
"""Codes that a rule writes into an event, why a change ends, and never refuses with."""


def in_sources(message: Message) -> set[str]:
    """Return the codes that stand in what decides a command."""
    service = flows.SERVICES[message.service]
    found = set[str]()
    for aggregate in message.aggregates:
        rule = service.by_command[cast("type[Command]", message.shape), aggregate]
        found |= reach.refuses(rule.decide)
        if rule.prepare is not None:
            found |= reach.refuses(rule.prepare)
    for owner, question in ASKED.get(message.type, ()):
        asked = next(one for one in flows.SERVICES[owner].queries if one.name == question)
        found |= reach.refuses(asked.run)
    return found


@pytest.mark.guarantee("G5.15")
@each(RULED, lambda message: message.type)
def test_a_command_names_the_codes_that_its_rule_may_give_and_no_other(message: Message) -> None:
    named = {code.name for code in refusals.of_rule(message.type)}
    held, otherwise = HELD.get(message.type, set()), SAID_OTHERWISE.get(message.type, set())
    found = in_sources(message)
    # Neither list says what the sources do.
    assert not held & found
    assert otherwise <= found
    assert named == (found | held) - otherwise


def test_what_is_held_is_given_by_a_service() -> None:
    given = codes_in(*(ROOT / "services").rglob("*.py"))
    assert set().union(*HELD.values()) <= given


def codes_in(*paths: Path) -> set[str]:
    """Return the codes that stand in sources."""
    return {
        node.value
        for path in paths
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in CODES
    }


@pytest.mark.guarantee("G5.15")
@each(RUNTIME, lambda message: message.type)
def test_what_frees_a_parked_message_names_the_codes_of_the_runtime(message: Message) -> None:
    named = {code.name for code in refusals.of_rule(message.type)}
    mending = codes_in(ROOT / CHASSIS / "mending.py") - {"dropped"}
    assert named == {
        "retry": mending,
        "drop": mending - {"not-oldest"},
        "take-answer": set(),
    }.get(message.name)


@pytest.mark.guarantee("G5.15")
def test_what_any_command_may_be_refused_with_is_what_the_runtime_gives() -> None:
    runtime = ("batch", "door", "outcome", "way")
    paths = [ROOT / CHASSIS / f"{name}.py" for name in runtime]
    paths += [
        ROOT / "contracts/src/catalyst/contracts" / f"{name}.py" for name in ("codec", "roles")
    ]
    assert {code.name for code in refusals.OF_ANY} == codes_in(*paths) | {"dropped"}


def test_codes_come_in_one_order_each_once() -> None:
    order = list(CODES.values())
    for message in COMMANDS.values():
        found = refusals.of_rule(message.type)
        assert list(found) == [code for code in order if code in found]
    assert refusals.of_rule("environment.organization-created.v1") == ()


def test_a_code_is_found_through_the_functions_that_give_it() -> None:
    (create,) = (one for one in RULED if one.type == "environment.create-organization.v1")
    # In the rule itself, and two functions behind it.
    assert {"organization-exists", "slug-reserved"} <= in_sources(create)
    assert "terms-forbidden" not in in_sources(create)
