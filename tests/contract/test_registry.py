"""Every message is registered under a name of its own, owned, allowed to someone, and stored."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from tests.support.each import each

from catalyst.contracts import (
    registry,
    rejection,
    roles,
    schema,
    subjects,
    topology,
)
from catalyst.contracts.message import Command, Event
from catalyst.contracts.registry import BY_TYPE, COMMANDS, EVENTS, MESSAGES

BOTH = {
    "environment.apply-environment-deletion.v1",
    "environment.apply-organization-deletion.v1",
}
"""What a person sends, and the last step of a change that deletes all that stands in the way."""
KEBAB = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def _subclasses(base: type) -> Iterator[type]:
    for found in list[type](base.__subclasses__()):
        yield from _subclasses(found)
        if re.fullmatch(r"catalyst\.contracts\.[a-z]+_v[0-9]+", found.__module__):
            yield found


def _kebab(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def test_no_two_messages_share_a_name_or_a_shape() -> None:
    assert len(BY_TYPE) == len(MESSAGES)
    runtime = len(registry.RUNTIME_SHAPES) * len(registry.SERVICES)
    assert len(registry.BY_SHAPE) + runtime == len(MESSAGES)


@each(MESSAGES, lambda message: message.type)
def test_the_wire_name_is_the_one_that_the_class_suggests(message: registry.Message) -> None:
    assert message.name == _kebab(message.shape.__name__)
    assert KEBAB.fullmatch(message.name)
    assert message.service in registry.SERVICES
    assert message.aggregates
    assert message.summary.endswith(".")


def test_every_shape_is_registered_or_part_of_one() -> None:
    parts = {name for document in schema.schemas().values() for name in document.get("$defs", {})}
    loose = {
        found.__name__
        for base in (Command, Event)
        for found in _subclasses(base)
        if found not in {*registry.BY_SHAPE, *registry.RUNTIME_SHAPES}
        and not found.__subclasses__()
    }
    assert loose <= parts


@each(MESSAGES, lambda message: message.type)
def test_its_subject_leads_back_to_its_type(message: registry.Message) -> None:
    for aggregate in message.aggregates:
        ref = subjects.Ref("acme", message.service, aggregate, "a.b")
        make = ref.command if message.kind == "command" else ref.event
        found = subjects.parse(make(message.name, message.version))
        assert (found.type, found.ref) == (message.type, ref)


def test_every_command_may_be_sent_by_roles_or_by_services() -> None:
    by_people, by_services = set(roles.COMMAND_ROLES), set(roles.SERVICE_COMMANDS)
    assert by_people | by_services == set(COMMANDS)
    assert by_people & by_services == BOTH
    alone = {name for name, one in COMMANDS.items() if one.sent_by == "services"}
    assert by_services - BOTH == alone


def test_every_allowed_role_is_a_role() -> None:
    allowed = set().union(*roles.COMMAND_ROLES.values())
    reading = roles.READS_EVERYWHERE.keys() | roles.READS_OWN.keys()
    assert allowed | reading | set(roles.OWNER_ROLES.values()) <= set(roles.ROLES)


def test_a_service_sends_no_person_s_command_and_the_reverse() -> None:
    for name in COMMANDS:
        people = any(roles.may_send(name, [role]) for role in roles.ROLES)
        services = any(roles.may_send(name, roles.ROLES, service) for service in registry.SERVICES)
        assert (people and services) if name in BOTH else people != services, name


# ---- rejection codes


@each(rejection.CODES.values(), lambda code: code.name)
def test_a_code_is_a_name_with_a_meaning_and_an_error_s_status(code: rejection.Code) -> None:
    assert KEBAB.fullmatch(code.name)
    assert code.meaning.endswith(".")
    assert 400 <= code.status <= 599


def test_no_code_is_listed_twice() -> None:
    assert len({code.name for code in rejection.CODES.values()}) == len(rejection.CODES)


# ---- streams and durables


def _may_overlap(one: str, other: str) -> bool:
    """Return whether some subject matches both filters of the broker's grammar."""
    left, right = one.split("."), other.split(".")
    for index, (a, b) in enumerate(zip(left, right, strict=False)):
        if ">" in {a, b}:
            return index < min(len(left), len(right))
        if a != b and "*" not in {a, b}:
            return False
    return len(left) == len(right)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("a.b", "a.b", True),
        ("a.*", "a.b", True),
        ("a.>", "a.b.c", True),
        ("a.>", "a", False),
        ("a.b", "a.c", False),
        ("*.x.>", "a.*.c", True),
        ("a.*", "a.b.c", False),
        ("a.b.>", "a.b", False),
    ],
)
def test_overlap_means_what_the_broker_means(one: str, other: str, *, expected: bool) -> None:
    assert _may_overlap(one, other) is expected
    assert _may_overlap(other, one) is expected


def test_no_two_streams_claim_the_same_subject() -> None:
    streams, _ = topology.topology()
    owned = [(stream.name, subject) for stream in streams for subject in stream.config["subjects"]]
    clashes = [
        (one, other)
        for index, one in enumerate(owned)
        for other in owned[index + 1 :]
        if _may_overlap(one[1], other[1])
    ]
    assert clashes == []


def test_every_stream_limits_its_consumers() -> None:
    streams, _ = topology.topology()
    everything = (*streams, topology.read_model_bucket("x"))
    assert all(stream.config["max_consumers"] > 0 for stream in everything)


@each(MESSAGES, lambda message: message.type)
def test_every_message_is_stored_in_the_stream_of_its_kind(message: registry.Message) -> None:
    expected = topology.CMD if message.kind == "command" else topology.EV
    assert schema.stream_of(schema.address(message)) == expected


def test_a_subject_that_no_stream_takes_is_said_so() -> None:
    with pytest.raises(LookupError):
        schema.stream_of("cmd.acme.unknown.x.y.z.v1")


def test_every_durable_has_its_own_name_and_reads_what_its_stream_holds() -> None:
    streams, consumers = topology.topology()
    held = {stream.name: stream.config["subjects"] for stream in streams}
    assert len({consumer.name for consumer in consumers}) == len(consumers)
    for consumer in consumers:
        assert consumer.config["durable_name"] == consumer.name
        for pattern in consumer.config["filter_subjects"]:
            assert any(_may_overlap(pattern, subject) for subject in held[consumer.stream])


def test_no_command_goes_to_two_workers() -> None:
    _, consumers = topology.topology()
    filters = [
        pattern
        for consumer in consumers
        if consumer.stream == topology.CMD
        for pattern in consumer.config["filter_subjects"]
    ]
    for index, one in enumerate(filters):
        assert not any(_may_overlap(one, other) for other in filters[index + 1 :])


@each(registry.SERVICES)
def test_every_service_takes_its_commands_relays_and_timers(service: str) -> None:
    _, consumers = topology.topology()
    names = {consumer.name for consumer in consumers}
    assert {f"{service}--commands", f"{service}--relay", f"{service}--timers"} <= names


def test_every_event_has_a_subject_of_its_own() -> None:
    addresses = [schema.address(message) for message in EVENTS.values()]
    assert len(set(addresses)) == len(addresses)
