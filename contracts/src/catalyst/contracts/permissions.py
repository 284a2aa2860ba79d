"""Who may publish and hear what on the broker: generated from subjects, topology and roles.

Permissions are the first of two walls. They bind each member to its own part of the subjects, each
role of an Organization to its commands; the worker checks tokens and roles again. Nobody may delete
or purge the log, delete single messages of it, or hear another member's replies; one member alone
may change the settings of a stream that stands. What a wall cannot see: headers (whoever may
publish a subject of the log may ask there for `Nats-Rollup`, which timers make the broker allow),
bodies (whoever may make a consumer may have what it reads delivered to any subject), and where an
answer goes: the broker's own goes to any subject that is named. One without content, as a direct
read or a pull gets that finds nothing, deletes a stream where the broker hears wishes; so no
credential of an Organization may do either. One with content can be stored wherever a stream is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from catalyst.contracts.registry import COMMANDS, SERVICES, TABLES
from catalyst.contracts.roles import ORG_ADMIN, commands_of
from catalyst.contracts.subjects import organization_token
from catalyst.contracts.topology import (
    BLUEPRINTS,
    BUCKETS,
    CMD,
    CONSUMERS,
    DLQ,
    EV,
    FACTS,
    OBJECTS,
    STREAMS,
    USE,
    Consumer,
    topology_of,
)

PROJECTOR: Final = "projector"
GATEWAY: Final = "gateway"
OPERATOR: Final = "operator"
"""The user of whoever runs the installation: sends for every Organization, reads everything."""
KEEPER: Final = "environment"
"""The one user that may change the settings of a stream that stands."""
SIMULATOR: Final = "simulator"
"""The user of the simulated cluster: reads the log, says what it sees."""

PROBE_STREAM: Final = "PROBE"
PROBE_PREFIX: Final = "prb"
"""A small stream in memory: each member's readiness publishes on `prb.<member>.…` and hears it."""
DISK_PROBE_STREAM: Final = "PROBE_DISK"
DISK_PROBE_PREFIX: Final = "prd"
"""A small stream on the disk: each member writes to `prd.<member>.…` now and then."""


class Permissions(msgspec.Struct, frozen=True, kw_only=True):
    """What one user of the broker may do; everything else is refused."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    deny_publish: tuple[str, ...] = ()
    """Exceptions from `publish`: the broker lets a refusal win."""
    responses: bool = False
    """May answer each request that reached it, once, wherever the asker listens."""


class BrokerUser(msgspec.Struct, frozen=True, kw_only=True):
    """A user of the broker."""

    name: str
    password: str
    """Clear text, a bcrypt hash, or `$NAME` for an environment variable of the broker."""
    permissions: Permissions


_MEMBERS: Final[Mapping[str, str]] = {table.service: table.member for table in TABLES}
"""The deployable that works for a service, where it has a name of its own."""


def member(user: str) -> str:
    """Return the name under which the member of a user connects and probes."""
    return _MEMBERS.get(user, user)


def inbox(name: str) -> str:
    """Return the prefix under which a member, and nobody else, hears its replies."""
    return f"_INBOX_{name}"


def _api(*calls: str) -> tuple[str, ...]:
    return tuple(f"$JS.API.{call}" for call in calls)


def _make(*streams: str) -> tuple[str, ...]:
    """API calls that look for streams and make missing ones: the broker changes none by them."""
    return _api(*(f"STREAM.{verb}.{name}" for name in streams for verb in ("INFO", "CREATE")))


def _read(*streams: str) -> tuple[str, ...]:
    """API calls that read a whole stream, message by message."""
    forms = ("STREAM.MSG.GET.{0}", "DIRECT.GET.{0}", "DIRECT.GET.{0}.>", "STREAM.INFO.{0}")
    return _api(*(form.format(name) for name in streams for form in forms))


def _follow(stream: str) -> tuple[str, ...]:
    """API calls of a reader that makes a consumer of its own."""
    verbs = ("CREATE.{0}.*", "CREATE.{0}.*.>", "INFO.{0}.*", "DELETE.{0}.*", "MSG.NEXT.{0}.*")
    return _api(*(f"CONSUMER.{verb.format(stream)}" for verb in verbs))


def _own_durable(consumer: Consumer) -> tuple[str, ...]:
    """What the owner of a durable does with it."""
    place = f"{consumer.stream}.{consumer.name}"
    calls = ("CREATE.{0}", "CREATE.{0}.>", "DURABLE.CREATE.{0}", "INFO.{0}", "MSG.NEXT.{0}")
    return (*_api(*(f"CONSUMER.{call.format(place)}" for call in calls)), f"$JS.ACK.{place}.>")


def _no_durables(consumers: Iterable[Consumer] = CONSUMERS) -> tuple[str, ...]:
    """Hands off the durables of the workers: their positions, their messages, their settling."""
    denied: list[str] = []
    for consumer in consumers:
        place = f"{consumer.stream}.{consumer.name}"
        calls = ("CREATE.{0}", "CREATE.{0}.>", "DELETE.{0}", "MSG.NEXT.{0}")
        denied += _api(*(f"CONSUMER.{call.format(place)}" for call in calls))
        denied.append(f"$JS.ACK.{place}.>")
    return tuple(denied)


def _cleared(durables: Iterable[Consumer]) -> tuple[str, ...]:
    """Streams out of which the owner of these durables takes what it has settled."""
    read = {durable.stream for durable in durables}
    return tuple(stream.name for stream in STREAMS if stream.cleared and stream.name in read)


_STREAM_NAMES: Final = tuple(stream.name for stream in STREAMS)
_BUCKET_NAMES: Final = tuple(bucket.name for bucket in BUCKETS)
_LOOK: Final = _api("INFO", "STREAM.NAMES", "STREAM.LIST")
_NO_THIEVES: Final = tuple(f"CONSUMER.CREATE.{queue}.>" for queue in (CMD, USE))
"""What a consumer of a work queue takes, its owner never sees."""
_PROBES: Final = (PROBE_STREAM, DISK_PROBE_STREAM)
_PROBE: Final = (*_make(*_PROBES), *_follow(PROBE_STREAM))
_SHARED: Final = (*_STREAM_NAMES, *_BUCKET_NAMES)


def _probing(user: str) -> tuple[str, ...]:
    prefixes = (PROBE_PREFIX, DISK_PROBE_PREFIX)
    return (*_PROBE, *(f"{prefix}.{member(user)}.>" for prefix in prefixes))


def worker(service: str) -> Permissions:
    """Return what the worker of a service may do.

    Its events, snapshots, timers and dead letters carry its name; `done`, `chk`, `clm` and `out`
    cannot, so there the guards decide. It sends commands to nobody but itself (the relay), asks
    whom its table names, and answers nowhere but on `rsp.`. Each makes the streams that are
    missing, so that any of them may be the first; `KEEPER` alone changes those that stand.
    """
    asks = [other for table in TABLES if table.service == service for other in table.asks]
    content = next((table.content for table in TABLES if table.service == service), "")
    _, durables = topology_of(service)
    kept = (*_SHARED, *_PROBES) if service == KEEPER else ()
    own = tuple(f"{kind}.*.{service}.>" for kind in ("evt", "st", "tmr", "dlq", "cmd"))
    return Permissions(
        publish=(
            *own,
            *(f"qry.*.{other}.>" for other in asks),
            *("done.*.*", "chk.*.>", "clm.*.>", "out.>", "rsp.>"),
            "$KV.leases.>",
            # A wrong cursor of another service would let its durable begin behind what is due.
            *(f"$KV.cursors.{durable.name}" for durable in durables),
            *_make(*_SHARED),
            *_api(*(f"STREAM.UPDATE.{name}" for name in kept)),
            *_read(EV, DLQ, "KV_leases", "KV_cursors"),
            *(_read(OBJECTS) if content else ()),
            *((f"$O.{BLUEPRINTS}.>",) if content == "writes" else ()),
            *_follow(EV),
            *(subject for durable in durables for subject in _own_durable(durable)),
            # A dead letter that was retried or dropped leaves the queue, as does what is settled.
            *_api(*(f"STREAM.PURGE.{name}" for name in (DLQ, *_cleared(durables)))),
            *_LOOK,
            *_probing(service),
        ),
        subscribe=(f"{inbox(member(service))}.>", f"qry.*.{service}.>", "$SRV.>"),
        deny_publish=(
            *_no_durables(item for item in CONSUMERS if item not in durables),
            *_api(*(f"CONSUMER.DELETE.{item.stream}.{item.name}" for item in durables)),
        ),
        responses=True,
    )


def projector() -> Permissions:
    """Return what a projector may do: read the log, write and replace read-model buckets."""
    return Permissions(
        publish=(
            "$KV.*.>",
            *_make("*"),
            *_api("STREAM.DELETE.*"),
            *_read("*"),
            *_follow("*"),
            *_LOOK,
            *_probing(PROJECTOR),
        ),
        subscribe=(f"{inbox(PROJECTOR)}.>",),
        deny_publish=(
            "$KV.cursors.>",
            *(f"$KV.leases.{service}" for service in SERVICES),
            *_api(*(f"STREAM.DELETE.{name}" for name in (*_SHARED, *_PROBES))),
            *_api(f"STREAM.MSG.GET.{CMD}", *_NO_THIEVES),
            *_no_durables(),
        ),
    )


def gateway() -> Permissions:
    """Return what the gateway may do: send commands, queries and use, read log and dead letters."""
    return Permissions(
        publish=(
            *(f"{kind}.*.{service}.>" for service in SERVICES for kind in ("cmd", "qry")),
            "use.>",
            "$SRV.PING.*",
            *_read(EV, DLQ, "KV_rm"),
            # The bucket that is current changes its name with each rebuild.
            *_api("DIRECT.GET.*", "DIRECT.GET.*.>", "STREAM.INFO.*"),
            *_follow(EV),
            *_LOOK,
            *_probing(GATEWAY),
        ),
        subscribe=(f"{inbox(GATEWAY)}.>", "rsp.>"),
        deny_publish=_no_durables(),
    )


def operator() -> Permissions:
    """Return what whoever runs the installation may do from a terminal.

    Commands and queries for every Organization, what is observed outside and what is used, and
    reading: the log, the read model, the dead letters, the state of streams and consumers. Waiting
    commands are not readable: they hold other people's tokens. The log and the read model alone are
    followed: a consumer of what this user writes itself, such as `ws.`, could be told to deliver it
    as an event. For the same reason it reads of that no message bare, as the broker stored it. It
    may end what other readers follow with; they begin again where they were.
    """
    unfollowed = tuple(name for name in (*_SHARED, *_PROBES) if name != EV)
    written = (CMD, FACTS, USE)
    return Permissions(
        publish=(
            *(f"{kind}.*.{service}.>" for service in SERVICES for kind in ("cmd", "qry")),
            *_read("*"),
            *_follow("*"),
            *_api("CONSUMER.LIST.*", "CONSUMER.NAMES.*"),
            *("ws.>", "use.>"),
            *("$JS.ACK.EV.*.>", "$JS.FC.>", "$SRV.>"),
            *_LOOK,
        ),
        subscribe=("_INBOX.>", f"{inbox(OPERATOR)}.>", "rsp.>", "evt.>"),
        deny_publish=(
            *_api(f"STREAM.MSG.GET.{CMD}"),
            *_api(*(f"DIRECT.GET.{name}{form}" for name in written for form in ("", ".>"))),
            *_api(*(f"CONSUMER.CREATE.{name}.>" for name in unfollowed)),
            *_no_durables(),
        ),
    )


def simulator() -> Permissions:
    """Return what a simulated cluster may do: follow the log, and say what it sees."""
    return Permissions(
        publish=("ws.>", *_follow(EV), *_follow(FACTS)),
        subscribe=(f"{inbox(SIMULATOR)}.>",),
        deny_publish=_no_durables(),
    )


def commands_for(organization: str, role: str) -> tuple[str, ...]:
    """Return the subjects on which a role of an Organization may publish commands.

    The subject holds organization, service, aggregate and verb, so that the broker itself can
    refuse; which aggregate it is, is the command's own business.
    """
    token = organization_token(organization)
    found: list[str] = []
    for type_ in commands_of(role):
        message = COMMANDS[type_]
        if message.sent_by != "anyone":
            continue
        found += [
            f"cmd.{token}.{message.service}.{aggregate}.*.{message.name}.v{message.version}"
            for aggregate in message.aggregates
        ]
    return tuple(found)


def organization_user(organization: str, role: str) -> Permissions:
    """Return what the credentials of a role of an Organization may do.

    Send the role's commands, hear their outcomes, ask queries and, as over HTTP for an admin alone,
    report use: all of that Organization alone. Who missed an outcome sends the command again.
    """
    token = organization_token(organization)
    return Permissions(
        publish=(
            *commands_for(organization, role),
            *(f"qry.{token}.{service}.>" for service in SERVICES),
            *((f"use.{token}.>",) if role == ORG_ADMIN else ()),
        ),
        subscribe=(f"{inbox(token)}.>", f"rsp.{token}.>"),
    )


MEMBERS: Final[Mapping[str, Permissions]] = {
    **{service: worker(service) for service in SERVICES},
    PROJECTOR: projector(),
    GATEWAY: gateway(),
    OPERATOR: operator(),
    SIMULATOR: simulator(),
}
"""Every user that an installation has from its first start."""


def user_block(user: BrokerUser) -> dict[str, Any]:
    """Return a user as the broker's configuration spells it."""
    rules = user.permissions
    publish: dict[str, list[str]] = {"allow": list(rules.publish)}
    if rules.deny_publish:
        publish["deny"] = list(rules.deny_publish)
    permissions: dict[str, Any] = {
        "publish": publish,
        "subscribe": {"allow": list(rules.subscribe)},
    }
    if rules.responses:
        permissions["allow_responses"] = {"max": 1, "expires": "1m"}
    return {"user": user.name, "password": user.password, "permissions": permissions}


def authorization(users: Sequence[BrokerUser]) -> dict[str, Any]:
    """Return the broker's `authorization` block for an installation with one account."""
    return {"users": [user_block(user) for user in users]}


def accounts(
    users: Sequence[BrokerUser], *, name: str = "CATALYST", system: BrokerUser | None = None
) -> dict[str, Any]:
    """Return the broker's `accounts` block: ours with its streams, and the broker's own.

    Args:
        users: Users of the account that holds the streams.
        name: Name of that account.
        system: User of the broker's system account; its permissions are not limited.
    """
    found: dict[str, Any] = {
        name: {"jetstream": "enabled", "users": [user_block(user) for user in users]}
    }
    if system is not None:
        found["SYS"] = {"users": [{"user": system.name, "password": system.password}]}
    return found


def render(block: Mapping[str, Any], *, indent: int = 0) -> str:
    """Return a block as text of the broker's configuration language.

    It is JSON but for one thing: `$NAME` as a whole value stays bare, because the broker puts
    environment variables only there.
    """
    pad = "  " * indent
    lines = []
    for key, value in block.items():
        lines.append(f"{pad}{json.dumps(key)}: {_value(value, indent)}")
    return "\n".join(lines)


def _value(value: Any, indent: int) -> str:
    pad = "  " * indent
    if isinstance(value, Mapping):
        return f"{{\n{render(value, indent=indent + 1)}\n{pad}}}"
    if isinstance(value, list):
        inner = ",\n".join(f"{pad}  {_value(item, indent + 1)}" for item in value)
        return f"[\n{inner}\n{pad}]"
    if isinstance(value, str) and value.startswith("$") and value[1:].isidentifier():
        return value
    return json.dumps(value)
