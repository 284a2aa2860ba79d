"""docs/flows.md: message → owner → who may send → who reacts → what follows.

Made from the registry, the table of roles, each service's table (`handlers.py`), the views of the
read model and the broker's topology, so that the page can't say what the code does not do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, cast, get_type_hints

from tools.reach import makes, names

from catalyst.billing import handlers as billing
from catalyst.blueprint_controller import handlers as blueprint
from catalyst.catalog_svc import handlers as catalog
from catalyst.chassis.index import Index
from catalyst.chassis.service import Effect, Process, Rule, Service
from catalyst.chassis.service import Source as Feed
from catalyst.contracts import refusals, roles, schema, topology, upcast
from catalyst.contracts.message import Command, Event
from catalyst.contracts.registry import BY_SHAPE, MESSAGES, TABLES, Message
from catalyst.environment_controller import handlers as environment
from catalyst.projector.views.table import VIEWS
from catalyst.projector.views.view import View
from catalyst.provisioning import handlers as provisioning
from catalyst.provisioning.adapters import hearing
from catalyst.provisioning.effects import effects
from catalyst.provisioning.preparing import deletion
from catalyst.provisioning.queries import Planner

Source = Process | Effect

_NOBODY: Final[Any] = None
"""The tables are read here and nothing of them runs, so they need nothing to act on."""

SERVICES: Final[Mapping[str, Service]] = {
    environment.NAME: environment.service(_NOBODY),
    blueprint.NAME: blueprint.service(_NOBODY, _NOBODY),
    catalog.NAME: catalog.service(_NOBODY, _NOBODY),
    provisioning.NAME: provisioning.service(
        Planner(_NOBODY, _NOBODY, "", ""),
        (*effects(_NOBODY, _NOBODY, ""), deletion(_NOBODY)),
        (hearing.source(),),
    ),
    billing.NAME: billing.service(_NOBODY),
}
"""The table of each service, by its name."""

AGGREGATES: Final[Mapping[str, tuple[str, ...]]] = {
    table.service: table.aggregates for table in TABLES
}

_RUNTIME: Final[Mapping[str, str]] = {
    "retry": "the outcome of what was parked, `unparked`",
    "drop": "the rejection `dropped` for what was parked, `unparked`",
    "take-answer": "the reaction of the process manager that sent the command",
    "parked": "the row is marked stale, with time and reason",
    "unparked": "the row is no longer stale, once nothing is parked",
}
"""What the runtime does with its own messages, which no service's table holds."""


def page() -> str:
    """Return the whole page."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield "# Flows"
    yield ""
    yield "Every message: who owns it, who may send it, who reacts, and what follows. Made from the"
    yield "registry and the services' tables by `uv run python -m tools.pages`."
    yield ""
    yield "A command may write the events in its row; which of them, its rule decides. Each has one"
    yield "outcome beside them: its rule may refuse it with the codes that stand there, and every"
    yield "command with those that `catalyst contracts show` names besides. `→` marks the commands"
    yield "that a process manager or an effect sends because of an event."
    for name, service in SERVICES.items():
        for aggregate in AGGREGATES[name]:
            yield from _aggregate(service, aggregate)
        yield from _runtime(service)
        yield from _processes(service)
        yield from _effects(service)
    yield from _streams()


def _aggregate(service: Service, aggregate: str) -> Iterator[str]:
    own = [m for m in MESSAGES if m.service == service.name and aggregate in m.aggregates]
    commands = [m for m in own if m.kind == "command" and m.name not in _RUNTIME]
    events = [m for m in own if m.kind == "event" and m.name not in _RUNTIME]
    yield ""
    yield f"## {service.name}: {aggregate}"
    yield ""
    yield "| Command | Means | Sent by | May write | May be refused with |"
    yield "|---|---|---|---|---|"
    for message in commands:
        rule = service.by_command[cast("type[Command]", message.shape), aggregate]
        codes = ", ".join(f"`{code.name}`" for code in refusals.of_rule(message.type)) or "none"
        yield _row(_name(message), message.summary, _senders(message), _events(rule), codes)
    yield ""
    yield "| Event | Means | Written by | Who reacts, and what follows |"
    yield "|---|---|---|---|"
    for message in events:
        reading = _readers(service, message, aggregate)
        yield _row(_name(message), message.summary, _writers(service, message), reading)


def _runtime(service: Service) -> Iterator[str]:
    yield ""
    yield f"## {service.name}: every aggregate"
    yield ""
    yield "Decided by the runtime itself, without the aggregate's rules."
    yield ""
    yield "| Message | Means | Sent by | What follows |"
    yield "|---|---|---|---|"
    for message in MESSAGES:
        if message.service == service.name and message.name in _RUNTIME:
            sender = _senders(message) if message.kind == "command" else "the runtime"
            yield _row(_name(message), message.summary, sender, _RUNTIME[message.name])


def _processes(service: Service) -> Iterator[str]:
    for process in service.processes:
        made = makes(process.react)
        yield ""
        yield f"## {service.name}: process `{process.name}`"
        yield ""
        yield f"Starts with {_list(process.events)}; hears its timers and the answers to the"
        yield f"commands it sent. Keeps itself as the aggregate `{process.aggregate}`."
        yield ""
        yield f"- writes {_list(_of_kind(made, Event))}"
        yield f"- sends {_list(_of_kind(made, Command))}"


def _effects(service: Service) -> Iterator[str]:
    for effect in service.effects:
        yield ""
        yield f"## {service.name}: effect `{effect.name}`"
        yield ""
        yield f"- after {_list(effect.events)}"
        yield f"- reports {_list(reports(effect))}"


def _streams() -> Iterator[str]:
    streams, consumers = topology.topology()
    yield ""
    yield "## Streams"
    yield ""
    yield "| Stream | Subjects | Read by |"
    yield "|---|---|---|"
    for stream in streams:
        readers = [f"`{consumer.name}`" for consumer in consumers if consumer.stream == stream.name]
        subjects = [f"`{subject}`" for subject in stream.config["subjects"]]
        yield _row(f"`{stream.name}`", " ".join(subjects), " ".join(readers) or "none")
    yield ""


# ---- who reacts: also asked by the test that no event is without a reader


def readers(
    service: Service, message: Message, aggregate: str
) -> tuple[View[Any] | Source | Index, ...]:
    """Return who reacts to an event on an aggregate, besides that aggregate's own state.

    An older version is read by whoever reads the newest: it is brought there first.
    """
    newest = newest_version(cast("type[Event]", message.shape))
    place = (service.name, aggregate)
    views = [v for v in VIEWS if (v.service, v.aggregate) == place and newest in v.folds]
    processes = [process for process in service.processes if newest in process.events]
    effects = [effect for effect in service.effects if newest in effect.events]
    subject = schema.address(message).replace("{aggregate}", aggregate)
    indexes = [
        index
        for index in service.indexes
        if newest in names(index.apply)
        and any(schema.covers(pattern, subject) for pattern in index.filters)
    ]
    return (*views, *processes, *effects, *indexes)


def writers(service: Service, message: Message) -> tuple[Rule | Process | Feed, ...]:
    """Return the rules, processes and sources that may write an event."""
    rules = [rule for rule in service.rules if message.shape in makes(rule.decide)]
    processes = [p for p in service.processes if message.shape in makes(p.react)]
    feeds = [feed for feed in service.sources if message.shape in makes(feed.react)]
    return (*rules, *processes, *feeds)


def newest_version(shape: type[Event]) -> type[Event]:
    """Return the shape that an event has when it is read."""
    while (step := upcast.CHAIN.get(shape)) is not None:
        shape = get_type_hints(step)["return"]
    return shape


def _readers(service: Service, message: Message, aggregate: str) -> str:
    found = []
    for reader in readers(service, message, aggregate):
        match reader:
            case View():
                found.append(f"row `{reader.kind}`")
            case Process():
                sent = _of_kind(makes(reader.react), Command)
                found.append(f"process `{reader.name}`" + _then(sent))
            case Effect():
                # What an effect reports goes to the aggregate of its event.
                sent = [shape for shape in reports(reader) if _takes(shape, aggregate)]
                found.append(f"effect `{reader.name}`" + _then(sent))
            case Index():
                found.append(f"index `{reader.name}`")
    return "<br>".join(found) or "the state of its aggregate only"


def _then(sent: list[type]) -> str:
    return f" → {_list(sent)}" if sent else ""


def _takes(shape: type, aggregate: str) -> bool:
    return aggregate in BY_SHAPE[shape].aggregates


def reports(effect: Effect) -> list[type]:
    """Return the commands that an effect may report with, in the registry's order."""
    return _of_kind(makes(effect.run) | makes(effect.failed), Command)


def _writers(service: Service, message: Message) -> str:
    found = {
        f"`{BY_SHAPE[source.shape].name}`"
        if isinstance(source, Rule)
        else f"{'process' if isinstance(source, Process) else 'source'} `{source.name}`"
        for source in writers(service, message)
    }
    older = message.shape in upcast.CHAIN
    return ", ".join(sorted(found)) or ("nobody any more" if older else "none")


def _events(rule: Rule) -> str:
    return _list(_of_kind(makes(rule.decide), Event))


def _of_kind(shapes: Iterable[type], kind: type) -> list[type]:
    """Return the messages of one kind, in the registry's order."""
    wanted = {shape for shape in shapes if issubclass(shape, kind)}
    return [message.shape for message in MESSAGES if message.shape in wanted]


def _senders(message: Message) -> str:
    people = roles.COMMAND_ROLES.get(message.type, frozenset())
    services = roles.SERVICE_COMMANDS.get(message.type, frozenset())
    ordered = [role for role in roles.ROLES if role in people]
    return ", ".join([*ordered, *(f"service `{name}`" for name in sorted(services))])


def _name(message: Message) -> str:
    return f"`{message.name}.v{message.version}`"


def _list(shapes: Iterable[type]) -> str:
    return ", ".join(f"`{BY_SHAPE[shape].name}`" for shape in shapes) or "none"


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
