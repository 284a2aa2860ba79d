"""`catalyst contracts`: what may be said. Needs no connection."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from catalyst.cli.addressing import closest
from catalyst.cli.exits import ExitCode, Failure
from catalyst.cli.near import meant
from catalyst.cli.output import Format, Table, left_out, show, write
from catalyst.cli.target import OutputOption
from catalyst.contracts import refusals, schema
from catalyst.contracts.registry import BY_TYPE, RUNTIME_SHAPES, TABLES, Message
from catalyst.contracts.roles import COMMAND_ROLES, SERVICE_COMMANDS

_ALL: Final = {table.service: table.aggregates for table in TABLES}
"""What a service has of its own."""


_IDS: Final = {
    **dict.fromkeys(("organization", "onboarding", "account"), "the Organization's slug"),
    **dict.fromkeys(("environment", "policy", "source", "application"), "its name"),
    **dict.fromkeys(
        ("blueprint", "curation"),
        "the Blueprint's origin and its name, such as public-bp-wordpress",
    ),
}
"""What `<id>` is, of what people name."""

_PEOPLE: Final = "Commands that people and programs send, in these roles"
_ASIDE: Final = "Commands about messages that were set aside; `catalyst dlq` sends them"
_SERVICES: Final = "Commands that services alone send, to each other and to themselves"
_EVENTS: Final = "Events: nobody sends them, services write them into the log"
_GROUPS: Final = (_PEOPLE, _ASIDE, _SERVICES, _EVENTS)


class Kind(StrEnum):
    """Which messages."""

    COMMAND = "command"
    EVENT = "event"


def complete_type(incomplete: str) -> list[tuple[str, str]]:
    """Return the message types that begin like this, for the shell."""
    return [
        (type_, message.summary)
        for type_, message in BY_TYPE.items()
        if type_.startswith(incomplete)
    ]


def list_(
    *,
    kind: Annotated[Kind | None, typer.Option(help="Only commands, or only events.")] = None,
    output: OutputOption = Format.TABLE,
) -> None:
    """List every command and event with what it means: first the commands that people send.

    Example:
      catalyst contracts list --kind command
    """
    chosen = [message for message in BY_TYPE.values() if kind in (None, message.kind)]
    show([_entry(message) for message in chosen], output, lambda: _table(chosen))


def show_(
    type_: Annotated[
        str,
        typer.Argument(
            metavar="TYPE", help="Wire name of a message.", autocompletion=complete_type
        ),
    ],
    *,
    output: OutputOption = Format.TABLE,
) -> None:
    """Show one message: its fields, where it is addressed, who may send it, what refuses it.

    Example:
      catalyst contracts show environment.create-organization.v1 -o json
    """
    message = BY_TYPE.get(type_)
    if message is None:
        near = meant(closest(type_, BY_TYPE))
        raise Failure(
            ExitCode.NOT_FOUND,
            f"there is no message {type_!r}",
            code="unknown-type",
            hint=f"{near}`catalyst contracts list` shows all",
        )
    shape = schema.message_schema(message)
    body = {
        **_entry(message),
        "subject": _subject(message),
        "refused_with": refusals.rows(refusals.of_rule(message.type)),
        "schema": shape,
    }
    show(body, output, lambda: _detail(message, shape))


def _entry(message: Message) -> dict[str, Any]:
    return {
        "type": message.type,
        "kind": message.kind,
        "aggregates": list(message.aggregates),
        "sent_by": _senders(message),
        "summary": message.summary,
    }


def _senders(message: Message) -> list[str]:
    if message.kind == "event":
        return [f"service:{message.service}"]
    services = SERVICE_COMMANDS.get(message.type, frozenset())
    return [
        *sorted(COMMAND_ROLES.get(message.type, frozenset())),
        *(f"service:{name}" for name in sorted(services)),
    ]


def _subject(message: Message) -> str:
    first = "cmd" if message.kind == "command" else "evt"
    aggregate = "|".join(message.aggregates)
    return f"{first}.<org>.{message.service}.{aggregate}.<id>.{message.name}.v{message.version}"


def _group(message: Message) -> str:
    """Return the heading that a message stands below."""
    if message.kind == "event":
        return _EVENTS
    if message.type not in COMMAND_ROLES:
        return _SERVICES
    return _ASIDE if message.shape in RUNTIME_SHAPES else _PEOPLE


def _table(messages: list[Message]) -> None:
    """Write what belongs together below one heading: a person looks first for what people send."""
    blank = ""
    gone: list[str] = []
    for heading in _GROUPS:
        found = [message for message in messages if _group(message) == heading]
        if not found:
            continue
        write(f"{blank}{heading}")
        blank = "\n"
        # What was set aside is the same two commands everywhere.
        services = _ALL if heading != _ASIDE else ("",)
        for service in services:
            own = [one for one in found if service in {"", one.service}]
            gone += _block(heading, service, own)
    left_out(gone)


def _block(heading: str, service: str, messages: list[Message]) -> list[str]:
    """Write one service's messages, those of one aggregate beside each other.

    Returns the columns that the terminal had no room for.
    """
    if not messages:
        return []
    if service:
        write(f"\n{service}")
        order = _ALL[service]
        messages = sorted(messages, key=lambda one: order.index(one.aggregates[0]))
        # Those of several stand behind all others.
        messages.sort(key=lambda one: len(one.aggregates) > 1)
    table = Table("TYPE", "FOR", "WRITTEN BY" if heading == _EVENTS else "SENT BY", "MEANING")
    for message in messages:
        senders = sorted(COMMAND_ROLES.get(message.type, ())) or [
            one.removeprefix("service:") for one in _senders(message)
        ]
        everyone = heading == _SERVICES and set(senders) == set(_ALL)
        for_ = _addressed(message)
        table.add(message.type, for_, "all" if everyone else senders, message.summary)
    return table.draw()


def _addressed(message: Message) -> str:
    """Return what a message is for, in a word where it is for everything of its service."""
    if len(message.aggregates) > 1 and message.aggregates == _ALL[message.service]:
        return "all"
    return ",".join(message.aggregates)


def _detail(message: Message, shape: dict[str, Any]) -> None:
    ids = dict.fromkeys(_IDS[kind] for kind in message.aggregates if kind in _IDS)
    for label, value in (
        ("type", message.type),
        ("means", message.summary),
        ("subject", _subject(message)),
        *((("<id>", next(iter(ids))),) if len(ids) == 1 else ()),
        ("from", ", ".join(_senders(message))),
    ):
        write(f"{label:<9}{value}")
    if shape.get("properties"):
        write("")
        _data(shape)
    else:
        write("data     {}")
    if message.kind == "command":
        _refused(message)


def _refused(message: Message) -> None:
    """Write with which codes a command may be refused."""
    own = refusals.of_rule(message.type)
    write("")
    if own:
        table = Table("REFUSED WITH", "HTTP", "MEANING")
        for code in own:
            table.add(code.name, code.status, code.meaning)
        table.write()
        write("")
    others = [code.name for code in refusals.OF_ANY if code not in own]
    write(f"As any command, it may {'also ' if own else ''}be refused with {', '.join(others)}.")


def _data(shape: dict[str, Any]) -> None:
    _fields(shape, shape)
    for name, inner in nested(shape).items():
        said = inner.get("description", "")
        write(f"\n{name}: {said}" if said else f"\n{name}")
        if inner.get("properties"):
            _fields(inner, shape)
        else:
            write(f"  {spelled(inner, shape)}")


def _fields(shape: dict[str, Any], root: dict[str, Any]) -> None:
    required = set(shape.get("required", ()))
    table = Table("FIELD", "TYPE", "REQUIRED", "MEANING")
    for name, field in shape["properties"].items():
        table.add(name, spelled(field, root), name in required, _meaning(field, name in required))
    table.write()


def nested(root: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the types that fields are made of, by the name they are called by, as they come up."""
    definitions = root.get("$defs", {})
    found: dict[str, dict[str, Any]] = {}
    look: list[Any] = [root.get("properties", {})]
    for one in look:
        if isinstance(one, list):
            look += one
        elif isinstance(one, dict):
            name = str(one.get("$ref", "")).rpartition("/")[2]
            if name in definitions and _called(name) not in found:
                found[_called(name)] = definitions[name]
                look.append(definitions[name])
            look += one.values()
    return found


def _called(name: str) -> str:
    return name.rpartition(".")[2]


def _meaning(field: dict[str, Any], needed: bool) -> str:  # noqa: FBT001 - a fact of the field
    said = str(field.get("description", ""))
    default = field.get("default")
    usual = "" if needed or default in (None, "", [], {}) else f"default {default}"
    return f"{said} ({usual})" if said and usual else said or usual


def spelled(field: dict[str, Any], root: dict[str, Any]) -> str:
    """Return a field's schema as a few words, such as `list of Owner (at most 200)`."""
    if "$ref" in field:
        return _called(str(field["$ref"]).rpartition("/")[2])
    if "anyOf" in field:
        return " or ".join(spelled(option, root) for option in field["anyOf"])
    if "enum" in field:
        return " | ".join(str(value) or "''" for value in field["enum"])
    if "const" in field:
        return str(field["const"])
    kind = field.get("type", "anything")
    if kind == "array":
        return f"list of {spelled(field.get('items') or {}, root)}{_limits(field, 'Items')}"
    if kind == "object":
        inner = field.get("additionalProperties")
        return f"map to {spelled(inner, root)}" if isinstance(inner, dict) else "object"
    return f"{kind}{_limits(field, 'Length')}"


def _limits(field: dict[str, Any], unit: str) -> str:
    low = field.get(f"min{unit}", field.get("minimum"))
    high = field.get(f"max{unit}", field.get("maximum"))
    if low is None and high is None:
        return ""
    if high is None:
        return f" (at least {low})"
    return f" (at most {high})" if low is None else f" ({low} to {high})"
