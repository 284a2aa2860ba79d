"""Nothing is said that nobody hears, and nothing is heard that nobody says."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import cast

from tests.support.each import each
from tools import flows, reach
from tools.files import ROOT

from catalyst.chassis.service import Service
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import registry, rejection, schema, topology
from catalyst.contracts.message import Command, Event
from catalyst.contracts.registry import COMMANDS, EVENTS, Message
from catalyst.projector.views.table import VIEWS

RUNTIME = {"retry", "drop", "take-answer", "parked", "unparked"}
"""Decided and read by the runtime and the read model themselves, for every aggregate."""

TERMINAL = {
    "billing.invoice-part-drafted.v1": "the account's own rule drafts the rest of the invoice",
    "billing.month-part-closed.v1": "the account's own timer goes on with the next part",
    "billing.usage-looked-at.v1": "the month's own timer goes on with the next part",
    "billing.redemption-attempted.v1": "the account's own rule counts how often codes are entered",
}
"""Events that nobody reads on purpose, each with the reason."""

PLACED = [
    (service, message, aggregate)
    for service in flows.SERVICES.values()
    for message in registry.MESSAGES
    if message.service == service.name and message.name not in RUNTIME
    for aggregate in message.aggregates
]
EVENT_PLACES = [place for place in PLACED if place[1].kind == "event"]
COMMAND_PLACES = [place for place in PLACED if place[1].kind == "command"]


def _named(value: object) -> str | None:
    match value:
        case Service(name=name) | Message(type=name):
            return name
        case str():
            return value
        case _:
            return None


def test_every_service_of_the_contracts_has_a_table() -> None:
    assert set(flows.SERVICES) == set(registry.SERVICES)
    for name, aggregates in flows.AGGREGATES.items():
        assert set(flows.SERVICES[name].by_name) == set(aggregates)


@each(EVENT_PLACES, _named)
def test_every_event_has_a_reader(service: Service, message: Message, aggregate: str) -> None:
    if message.type in TERMINAL:
        assert flows.readers(service, message, aggregate) == ()
    else:
        assert flows.readers(service, message, aggregate) != ()


@each(EVENT_PLACES, _named)
def test_every_event_that_is_read_is_written(
    service: Service,
    message: Message,
    _aggregate: str,  # noqa: PT019 - an argument of each
) -> None:
    newest = flows.newest_version(cast("type[Event]", message.shape))
    assert flows.writers(service, registry.BY_SHAPE[newest]) != ()


@each(COMMAND_PLACES, _named)
def test_every_command_has_a_rule(service: Service, message: Message, aggregate: str) -> None:
    assert (cast("type[Command]", message.shape), aggregate) in service.by_command


@each(COMMAND_PLACES, _named)
def test_every_rule_may_write_something(service: Service, message: Message, aggregate: str) -> None:
    rule = service.by_command[cast("type[Command]", message.shape), aggregate]
    written = [shape for shape in reach.makes(rule.decide) if issubclass(shape, Event)]
    assert written


def test_no_table_holds_a_row_for_what_the_runtime_decides() -> None:
    for service in flows.SERVICES.values():
        for shape, _ in service.by_command:
            assert registry.BY_SHAPE[shape].name not in RUNTIME


def test_every_command_that_services_send_is_sent_or_taken_from_another_service() -> None:
    sent = {f"{service}.take-answer.v1" for service in flows.SERVICES}
    for service in flows.SERVICES.values():
        for rule in service.rules:
            sent |= {registry.BY_SHAPE[shape].type for shape in reach.makes(rule.decide)}
        for process in service.processes:
            sent |= {registry.BY_SHAPE[shape].type for shape in reach.makes(process.react)}
        for effect in service.effects:
            sent |= {registry.BY_SHAPE[shape].type for shape in flows.reports(effect)}
    from_elsewhere = {
        # by its member, at each start
        "blueprint.seed-source.v1": "blueprint",
    }
    by_services = {name for name, one in COMMANDS.items() if one.sent_by == "services"}
    assert by_services - sent == set(from_elsewhere)


def test_every_reader_hears_what_it_waits_for() -> None:
    """The durable's filters cover every event that a process or effect is for."""
    durables = {consumer.name: consumer for consumer in topology.CONSUMERS}
    for service in flows.SERVICES.values():
        for source in _sources(service):
            filters = durables[f"{service.name}--{source.name}"].config["filter_subjects"]
            for shape in source.events:
                for subject in _subjects(registry.BY_SHAPE[shape]):
                    assert any(schema.covers(pattern, subject) for pattern in filters), (
                        f"{source.name} never hears {subject}"
                    )


def _sources(service: Service) -> tuple[flows.Source, ...]:
    hearing = tuple(process for process in service.processes if process.events)
    return (*hearing, *service.effects)


def _subjects(message: Message) -> Iterator[str]:
    address = schema.address(message).replace("{organization}", "acme").replace("{id}", "x")
    for aggregate in message.aggregates:
        yield address.replace("{aggregate}", aggregate)


def test_every_durable_belongs_to_something_that_runs() -> None:
    expected = set()
    for service in flows.SERVICES.values():
        purposes = ["commands", "relay", "timers"]
        purposes += [item.name for item in (*_sources(service), *service.sources)]
        expected |= {f"{service.name}--{purpose}" for purpose in purposes}
    assert {consumer.name for consumer in topology.CONSUMERS} == expected


def test_no_view_waits_for_an_older_version() -> None:
    for view in VIEWS:
        for shape in (*view.folds, *view.ignores):
            assert flows.newest_version(shape) is shape


def test_every_view_takes_or_ignores_every_event_of_its_aggregate() -> None:
    for view in VIEWS:
        own = {
            flows.newest_version(cast("type[Event]", event.shape))
            for event in EVENTS.values()
            if event.service == view.service
            and view.aggregate in event.aggregates
            and event.name not in RUNTIME
        }
        assert own == set(view.folds) | view.ignores, view.kind


# ---- reading a rule's source


def test_a_message_is_found_through_the_functions_that_make_it() -> None:
    process = next(iter(flows.SERVICES["environment"].processes))
    made = reach.makes(process.react)
    assert {env1.StepStarted, env1.StepCompleted, env1.CompleteOnboarding} <= made


def test_a_message_that_is_only_matched_is_not_made() -> None:
    process = next(iter(flows.SERVICES["environment"].processes))
    assert env1.OrganizationCreated in process.events
    assert env1.OrganizationCreated not in reach.makes(process.react)


def test_a_message_is_found_through_methods() -> None:
    effect = next(iter(flows.SERVICES["environment"].effects))
    assert set(flows.reports(effect)) == {env1.RecordCommit, env1.ReportStep}


# ---- codes


@cache
def _texts() -> Mapping[Path, str]:
    """Return the sources of whatever may give a code."""
    folders = ("contracts", "client", "chassis", "services", "projector")
    return {
        path: path.read_text("utf-8")
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
    }


def test_every_code_is_given_somewhere() -> None:
    left = set(rejection.CODES)
    for path, text in _texts().items():
        # Few sources hold a code that none before it did, and only those need to be understood.
        if path.name != "rejection.py" and any(code in text for code in left):
            left -= {
                node.value
                for node in ast.walk(ast.parse(text))
                if isinstance(node, ast.Constant) and isinstance(node.value, str)
            }
    assert left == set()


def test_every_code_that_is_given_is_registered() -> None:
    unknown = set()
    for path, text in _texts().items():
        if not any(name in text for name in REFUSING):
            continue
        for node in ast.walk(ast.parse(text)):
            code = _raised_code(node)
            if code is not None and code not in rejection.CODES:
                unknown.add(f"{path.relative_to(ROOT)}: {code}")
    assert unknown == set()


REFUSING = ("Rejected", "Undecodable")
"""What is raised with a code."""


def _raised_code(node: ast.AST) -> str | None:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
        return None
    if node.func.id not in REFUSING or not node.args:
        return None
    first = node.args[0]
    if isinstance(first, ast.Constant) and isinstance(first.value, str):
        return first.value
    return None
