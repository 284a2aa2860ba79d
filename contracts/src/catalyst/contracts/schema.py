"""JSON Schemas and the AsyncAPI document, made from the registry; pure, plain dictionaries.

`tools/snapshots.py` and `tools/pages.py` write them to files, the HTTP door serves them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

import msgspec

from catalyst.contracts import described, refusals, registry, rejection, topology
from catalyst.contracts.facts_v1 import FactMessage
from catalyst.contracts.message import Envelope, Outcome
from catalyst.contracts.registry import Message
from catalyst.contracts.usage_v1 import USE_TYPE, UseMessage

Json = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


class _Published(Envelope, frozen=True, kw_only=True):
    """The attributes of a CloudEvents 1.0 message, in structured mode."""

    # The envelope keeps `data` as bytes until the type is known; on the wire it is an object.
    data: dict[str, Any] = {}  # type: ignore[assignment]
    """What the type says: the order or the fact itself."""


_FACT: Final = "catalyst.fact"

SHARED: Final[Mapping[str, type[msgspec.Struct]]] = {
    "catalyst.envelope": _Published,
    "catalyst.outcome": Outcome,
    _FACT: FactMessage,
    USE_TYPE: UseMessage,
}
"""What every message or answer has in common, and what comes from outside; released and kept
compatible like a message."""

_MEDIA_TYPE: Final = "application/cloudevents+json"
_PLAIN: Final = "application/json"
_OUTSIDE: Final[Mapping[str, tuple[str, str]]] = {
    "usage": ("use.{organization}.{reporter}", USE_TYPE),
    "fact.k8s": ("ws.{environment}.k8s.{kind}.{namespace}.{name}", _FACT),
    "fact.flux": ("ws.{environment}.flux.{name}", _FACT),
}
"""What no service orders: the address of each channel, and the message on it."""


def message_schema(message: Message) -> Json:
    """Return the schema of a message's `data`; what it refers to is in its own `$defs`."""
    return _alone(message.shape, message.type)


def shared_schema(name: str) -> Json:
    """Return the schema of one of `SHARED`."""
    return _alone(SHARED[name], name)


def schemas() -> dict[str, Json]:
    """Return every released schema by its name: the messages, then what they share."""
    found = {message.type: message_schema(message) for message in registry.MESSAGES}
    return found | {name: shared_schema(name) for name in SHARED}


def _alone(shape: type, title: str) -> Json:
    """Return the schema of a struct as one document, its own definition at the top."""
    plain: Json = msgspec.json.decode(_written(shape, title))
    return plain


@cache
def _written(shape: type, title: str) -> bytes:
    (top,), definitions = described.components([shape], "#/$defs/{name}")
    root = definitions.pop(top["$ref"].rpartition("/")[2])
    head = {"$schema": DIALECT, "title": title, "description": _first_line(shape)}
    document = head | {key: value for key, value in root.items() if key not in head}
    if definitions:
        document["$defs"] = definitions
    # As JSON, an empty tuple that is a default becomes the list that it is on the wire.
    return msgspec.json.encode(document)


def _first_line(shape: type) -> str:
    return (shape.__doc__ or "").strip().splitlines()[0]


# ---- AsyncAPI


def asyncapi(version: str) -> Json:
    """Return the AsyncAPI 3.0 document; `version` is that of the contracts.

    It is written from Catalyst's side: it receives commands, sends events, replies and outcomes.
    """
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Catalyst",
            "version": version,
            "description": (
                "Commands go in on a NATS subject as CloudEvents 1.0 in structured JSON; each has "
                "exactly one recorded outcome; events follow in the stream EV. What was used, and "
                "what was seen of clusters, is heard on use. and ws. "
                f"A body has at most {topology.MAX_BODY_BYTES} bytes."
            ),
            "x-rejections": refusals.rows(rejection.CODES.values()),
        },
        "defaultContentType": _MEDIA_TYPE,
        "servers": {
            "broker": {
                "host": "{host}:{port}",
                "protocol": "nats",
                "description": "The broker; `catalyst context show` prints its address.",
                "variables": {
                    "host": {"default": "localhost", "description": "Name of the machine."},
                    "port": {"default": "4222", "description": "Port of the broker."},
                },
                "security": [{"$ref": "#/components/securitySchemes/credential"}],
            }
        },
        "channels": dict(_channels()),
        "operations": dict(_operations()),
        "components": {
            "messages": dict(_messages()),
            "schemas": _component_schemas(),
            "parameters": _parameters(),
            "securitySchemes": {
                "credential": {
                    "type": "userPassword",
                    "description": "User of the broker; what it may publish follows its role.",
                }
            },
        },
    }


def address(message: Message) -> str:
    """Return the subject of a message, with what varies as `{name}`.

    `{aggregate}` is among it where several aggregates take the message.
    """
    head = "cmd" if message.kind == "command" else "evt"
    one = len(message.aggregates) == 1
    aggregate = message.aggregates[0] if one else "{aggregate}"
    tail = f"{message.name}.v{message.version}"
    return f"{head}.{{organization}}.{message.service}.{aggregate}.{{id}}.{tail}"


def stream_of(subject: str) -> str:
    """Return the name of the stream that takes a subject.

    Raises:
        LookupError: If none does.
    """
    for stream in topology.STREAMS:
        if any(covers(pattern, subject) for pattern in stream.config["subjects"]):
            return stream.name
    raise LookupError(f"no stream takes {subject!r}")


def covers(pattern: str, subject: str) -> bool:
    """Return whether a filter of the broker's (`*` one token, `>` the rest) takes a subject."""
    parts, tokens = pattern.split("."), subject.split(".")
    for index, part in enumerate(parts):
        if part == ">":
            return len(tokens) > index
        if index >= len(tokens) or part not in {"*", tokens[index]}:
            return False
    return len(tokens) == len(parts)


def _channels() -> Iterator[tuple[str, Json]]:
    for message in registry.MESSAGES:
        channel: Json = {
            "address": address(message),
            "summary": message.summary,
            "x-stream": stream_of(address(message)),
            "messages": {"message": _ref("messages", message.type)},
            "parameters": {
                "organization": _ref("parameters", "organization"),
                "id": _ref("parameters", "id"),
            },
        }
        if len(message.aggregates) > 1:
            channel["parameters"]["aggregate"] = {
                "description": "The kind of thing that is decided as a unit.",
                "enum": list(message.aggregates),
            }
        yield message.type, channel
    yield (
        "outcome",
        {
            "address": "done.{organization}.{command}",
            "summary": "Where the one outcome of a command is recorded, for 30 days.",
            "x-stream": stream_of("done.{organization}.{command}"),
            "messages": {"message": _ref("messages", "catalyst.outcome")},
            "parameters": {
                "organization": _ref("parameters", "organization"),
                "command": _ref("parameters", "command"),
            },
        },
    )
    yield (
        "reply",
        {
            "address": None,
            "summary": "A hint that the outcome is recorded, on the subject the sender named.",
            "messages": {"message": _ref("messages", "catalyst.outcome")},
        },
    )

    for name, (subject, message_name) in _OUTSIDE.items():
        open_ = [part[1:-1] for part in subject.split(".") if part.startswith("{")]
        yield (
            name,
            {
                "address": subject,
                "summary": _first_line(SHARED[message_name]),
                "x-stream": stream_of(subject),
                "messages": {"message": _ref("messages", message_name)},
                "parameters": {part: _ref("parameters", part) for part in open_},
            },
        )


def _operations() -> Iterator[tuple[str, Json]]:
    for message in registry.MESSAGES:
        operation: Json = {
            "action": "receive" if message.kind == "command" else "send",
            "channel": {"$ref": f"#/channels/{message.type}"},
            "summary": message.summary,
            "messages": [{"$ref": f"#/channels/{message.type}/messages/message"}],
            "tags": [{"name": message.service}, {"name": message.kind}],
        }
        if message.kind == "command":
            operation["reply"] = {
                "address": {
                    "location": "$message.header#/Catalyst-Reply",
                    "description": "Optional; must begin with `rsp.<organization>.`.",
                },
                "channel": {"$ref": "#/channels/reply"},
                "messages": [{"$ref": "#/channels/reply/messages/message"}],
            }
        yield message.type, operation
    yield (
        "outcome",
        {
            "action": "send",
            "channel": {"$ref": "#/channels/outcome"},
            "summary": "Record the outcome of a command, in the same batch as its events.",
            "messages": [{"$ref": "#/channels/outcome/messages/message"}],
        },
    )
    for name, (_, message_name) in _OUTSIDE.items():
        yield (
            name,
            {
                "action": "receive",
                "channel": {"$ref": f"#/channels/{name}"},
                "summary": _first_line(SHARED[message_name]),
                "messages": [{"$ref": f"#/channels/{name}/messages/message"}],
            },
        )


def _messages() -> Iterator[tuple[str, Json]]:
    for message in registry.MESSAGES:
        found: Json = {
            "name": message.type,
            "title": message.shape.__name__,
            "summary": message.summary,
            "contentType": _MEDIA_TYPE,
            "payload": _cloudevent(message),
        }
        if message.kind == "command":
            found["headers"] = _command_headers()
        refused = refusals.in_words(message.type)
        if refused:
            found["description"] = refused
        yield message.type, found
    for name, kind in (("catalyst.outcome", _PLAIN), (_FACT, _PLAIN), (USE_TYPE, _MEDIA_TYPE)):
        yield (
            name,
            {
                "name": name,
                "title": SHARED[name].__name__,
                "summary": _first_line(SHARED[name]),
                "contentType": kind,
                "payload": _ref("schemas", name),
            },
        )


def _cloudevent(message: Message) -> Json:
    """Return the whole of a message as it is published: the envelope with this type and data."""
    attributes = ["specversion", "id", "source", "type", "data"]
    if message.kind == "event":
        attributes += ["time", "organization", "actor", "correlationid", "causationid"]
    return {
        "allOf": [
            _ref("schemas", "catalyst.envelope"),
            {
                "type": "object",
                "required": attributes,
                "properties": {
                    "type": {"const": message.type},
                    "data": _ref("schemas", message.type),
                },
            },
        ]
    }


def _command_headers() -> Json:
    return {
        "type": "object",
        "properties": {
            "Authorization": {
                "type": "string",
                "pattern": "^Bearer .+$",
                "description": "A person's or service's token; without it the credential counts.",
            },
            "Catalyst-Reply": {
                "type": "string",
                "pattern": r"^rsp\..+$",
                "description": "Subject that receives the outcome after it was recorded.",
            },
        },
    }


def _component_schemas() -> dict[str, Json]:
    """Return all schemas in one dictionary, their definitions lifted beside them.

    A definition keeps the name of its struct; one that differs from an earlier one of that name
    goes under the name of the message that brought it.
    """
    components: dict[str, Json] = {}
    for title, document in schemas().items():
        own = document.pop("$defs", {})
        plain = {name: name for name in own}
        names = {
            name: name if components.get(name, lifted) == lifted else f"{title}.{name}"
            for name, lifted in ((name, _relinked(body, plain)) for name, body in own.items())
        }
        components |= {names[name]: _relinked(body, names) for name, body in own.items()}
        document.pop("$schema")
        components[title] = _relinked(document, names)
    return components


def _relinked(node: Any, names: Mapping[str, str]) -> Any:
    """Return a schema with its references pointed into the components.

    Its discriminators get AsyncAPI's form, which is the bare name of the property.
    """
    if isinstance(node, list):
        return [_relinked(item, names) for item in node]
    if not isinstance(node, dict):
        return node
    found: Json = {}
    for key, value in node.items():
        if key == "$ref":
            found[key] = f"#/components/schemas/{names[value.rpartition('/')[2]]}"
        elif key == "discriminator":
            found[key] = value["propertyName"]
        else:
            found[key] = _relinked(value, names)
    return found


def _parameters() -> Json:
    escaped = "Bytes outside `[A-Za-z0-9_-]` are written `=XX`, in upper-case hexadecimal."
    return {
        "organization": {
            "description": f"The Organization that owns the thing, `_` for none. {escaped}"
        },
        "id": {"description": f"The natural key of the aggregate. {escaped}"},
        "command": {"description": "The command's id, as its sender chose it."},
        "reporter": {"description": f"Who counted; more tokens may follow. {escaped}"},
        "environment": {"description": f"The Environment that the object runs in. {escaped}"},
        "kind": {"description": f"The kind of the object, such as `Pod`. {escaped}"},
        "namespace": {"description": f"The namespace of the object. {escaped}"},
        "name": {"description": f"The name of the object. {escaped}"},
    }


def _ref(kind: str, name: str) -> Json:
    return {"$ref": f"#/components/{kind}/{name}"}
