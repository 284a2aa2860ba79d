"""Makes the broker match `catalyst.contracts.topology`, at every start, whoever else starts too.

Every worker makes what is missing. What stands is changed by the one member whose credentials may;
the others go on with it as it is, and say what does not match.

Called by each process before it consumes, by `catalyst doctor` (to compare only) and by the
projector for the buckets of its epochs. What cannot be changed in place is reported: nothing is
ever deleted, emptied or made anew here.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from catalyst.chassis import cursors
from catalyst.chassis.jetstream.lock import locked
from catalyst.chassis.jetstream.port import (
    Broker,
    BrokerError,
    Denied,
    NotFound,
    NothingStored,
    Unavailable,
)
from catalyst.contracts.permissions import KEEPER, member
from catalyst.contracts.topology import MIN_PAYLOAD_BYTES, VERSION, Consumer, Stream

VERSION_KEY: Final = "catalyst.topology"
"""Metadata of each stream and consumer: the number of the topology that last shaped it."""
MIN_API_LEVEL: Final = 5
"""That of nats-server 2.15."""
AT_ONCE: Final = 8
"""Streams or consumers that one start asks for, and makes, at the same time. A broker makes one
after the other, each with what its disk takes, and an answer is waited for only so long."""

_TAKEN: Final = {10058, 10148}
"""Somebody made a stream or consumer of this name in between."""
_FIXED_AT_BIRTH: Final = frozenset({"deliver_policy", "opt_start_seq", "opt_start_time"})
"""Where a consumer began says nothing about where it is now."""
_LIMITS: Final = frozenset({"max_age", "max_bytes", "max_msgs", "max_msgs_per_subject"})
"""Lowering one would throw stored messages away."""
_REFUSING: Final = frozenset({"max_bytes", "max_msgs"})
"""Of these, the ones by which a stream that discards what is new keeps what it has."""
_UNSET: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("max_bytes", "max_msgs", "max_msgs_per_subject", "max_msg_size"), -1),
    "max_age": 0,
    **dict.fromkeys(("mirror", "republish", "sources", "subject_transform")),
    **dict.fromkeys(("allow_rollup_hdrs", "no_ack", "sealed"), False),
}
"""What a stream has where its topology does not say otherwise: each of these would throw stored
messages away, tell them elsewhere, or take in what nobody published."""


class Finding(msgspec.Struct, frozen=True):
    """Something on the broker that differs from the topology and was left as it is."""

    what: str
    """Such as `stream EV: max_consumers`."""
    wanted: Any
    found: Any
    why: str
    """Why it was not changed."""


async def ensure(
    broker: Broker,
    topology: tuple[Iterable[Stream], Iterable[Consumer]],
    *,
    version: int = VERSION,
    replicas: int = 1,
    storage: str = "file",
    change: bool = True,
) -> list[Finding]:
    """Make streams and consumers match, and answer what could not be made to.

    Args:
        broker: The connection.
        topology: Streams, buckets among them, and consumers.
        version: Of that topology; what bears a higher one is left alone.
        replicas: Copies of each stream.
        storage: `file` or `memory`.
        change: False to compare only.

    Raises:
        BrokerError: If the broker cannot be asked, or refuses to make something new.
    """
    streams = [_stream(stream, version, replicas, storage) for stream in topology[0]]
    consumers = [_consumer(consumer, version, replicas) for consumer in topology[1]]
    findings = await server(broker)
    if not change:
        for wanted in (*streams, *consumers):
            findings += await _Ensuring(broker, wanted, change=False).run()
        return findings
    # A consumer needs its stream, and what is kept of how far it got.
    if all([await _stand(broker, streams), await _stand(broker, consumers)]):
        # The usual start: members that come up together need not wait for each other.
        return findings
    # Without the lock, an older member that read first and wrote last would undo a newer one.
    async with locked(broker, "topology"):
        for wanted in (*streams, *consumers):
            findings += await _Ensuring(broker, wanted).run()
    return findings


async def ensure_stream(
    broker: Broker,
    stream: Stream,
    *,
    version: int = VERSION,
    replicas: int = 1,
    storage: str = "file",
) -> list[Finding]:
    """Make one stream match, such as a bucket that no topology lists."""
    return await _Ensuring(broker, _stream(stream, version, replicas, storage)).run()


async def ensure_consumer(
    broker: Broker, consumer: Consumer, *, version: int = VERSION, replicas: int = 1
) -> list[Finding]:
    """Make one consumer match; one that was lost starts behind its cursor."""
    return await _Ensuring(broker, _consumer(consumer, version, replicas)).run()


class _Wanted(msgspec.Struct, frozen=True):
    """A stream or consumer as the API wants to hear of it."""

    name: str
    label: str
    config: dict[str, Any]
    version: int
    info: str
    """Suffix of the API call that describes it."""
    create: str
    update: str
    consumer: Consumer | None = None
    """Nothing if it is a stream."""
    before: Mapping[str, Any] = {}
    """Settings that may stay as they are."""

    def payload(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """What `update` takes."""
        if self.consumer is None:
            return dict(config)
        return {
            "stream_name": self.consumer.stream,
            "config": dict(config),
            "action": "update",
        }


def _stream(stream: Stream, version: int, replicas: int, storage: str) -> _Wanted:
    config = {
        "name": stream.name,
        "storage": storage,
        "num_replicas": replicas,
        **_UNSET,
        **stream.config,
        "metadata": {**stream.config.get("metadata", {}), VERSION_KEY: str(version)},
    }
    return _Wanted(
        name=stream.name,
        label=f"stream {stream.name}",
        config=config,
        version=version,
        info=f"STREAM.INFO.{stream.name}",
        create=f"STREAM.CREATE.{stream.name}",
        update=f"STREAM.UPDATE.{stream.name}",
        before=stream.before,
    )


def _consumer(consumer: Consumer, version: int, replicas: int) -> _Wanted:
    config = {
        "name": consumer.name,
        "num_replicas": replicas,
        **consumer.config,
        "metadata": {**consumer.config.get("metadata", {}), VERSION_KEY: str(version)},
    }
    create = f"CONSUMER.CREATE.{consumer.stream}.{consumer.name}"
    return _Wanted(
        name=consumer.name,
        label=f"consumer {consumer.stream}/{consumer.name}",
        config=config,
        version=version,
        info=f"CONSUMER.INFO.{consumer.stream}.{consumer.name}",
        create=create,
        update=create,
        consumer=consumer,
    )


class _Ensuring:
    """One stream or consumer on its way to match."""

    def __init__(self, broker: Broker, wanted: _Wanted, *, change: bool = True) -> None:
        self._broker = broker
        self._wanted = wanted
        self._change = change
        self._findings: list[Finding] = []

    async def run(self) -> list[Finding]:
        """Make it match as far as that goes; answers the rest."""
        if self._change:
            found = await self.exists()
        else:
            found = await self._found()
            if found is None:
                self._report("", self._wanted.config, None, "it does not exist")
        if found is not None:
            await self._compare(found)
        return self._findings

    async def stands(self) -> bool:
        """Make it if it is not there; answers whether it is as it should be."""
        found = await self.exists()
        if found is not None:
            await self._compare(found)
        return not self._findings

    async def exists(self) -> dict[str, Any] | None:
        """Make it if it is not there; answers what was there already, or came in between."""
        found = await self._found()
        if found is not None:
            return found
        try:
            if self._wanted.consumer is not None:
                # One that was lost starts behind its cursor.
                whole = msgspec.structs.replace(self._wanted.consumer, config=self._wanted.config)
                return _config(await cursors.create(self._broker, whole))
            await self._broker.api(self._wanted.create, self._wanted.config)
        except BrokerError as error:
            if error.err_code not in _TAKEN:
                raise
            return await self._found()
        return None

    async def _found(self) -> dict[str, Any] | None:
        try:
            answer = await self._broker.api(self._wanted.info, None)
        except NotFound:
            return None
        return _config(answer)

    async def _compare(self, found: dict[str, Any]) -> None:
        number = found.get("metadata", {}).get(VERSION_KEY)
        if number is None and self._wanted.consumer is None:
            self._report("", self._wanted.version, None, "it was not made by Catalyst")
            return
        if number is not None and int(number) > self._wanted.version:
            self._report("", self._wanted.version, int(number), "a newer Catalyst shaped it")
            return
        changes = _changes(self._wanted.config, found)
        for key, value in self._wanted.before.items():
            if found.get(key) == value:
                changes.pop(key, None)
        refusing = found.get("discard") == "new" and "discard" not in changes
        for key in sorted((_LIMITS - (_REFUSING if refusing else set())) & changes.keys()):
            if _lowers(changes[key], found.get(key)):
                self._report(key, changes.pop(key), found.get(key), "it would drop messages")
        if changes and self._change:
            await self._update(found, changes)
        else:
            for key, value in changes.items():
                self._report(key, value, found.get(key), "not changed, only compared")

    async def _update(self, found: dict[str, Any], changes: dict[str, Any]) -> None:
        """Change all at once; if that is refused, one by one, to learn what stands in the way."""
        try:
            if await self._try(found | changes) is None:
                return
        except Denied:
            if self._wanted.consumer is not None:
                raise
            for key, value in changes.items():
                self._report(key, value, found.get(key), f"only {member(KEEPER)} may change it")
            return
        # The number comes last, so that a crash in between is made good at the next start.
        for key in sorted(changes, key=lambda key: key == "metadata"):
            refusal = await self._try(found | {key: changes[key]})
            if refusal is None:
                found = found | {key: changes[key]}
            else:
                self._report(key, changes[key], found.get(key), refusal.description)

    async def _try(self, config: Mapping[str, Any]) -> BrokerError | None:
        try:
            await self._broker.api(
                self._wanted.update,
                self._wanted.payload(config),
            )
        except (Denied, NothingStored, Unavailable):
            raise
        except BrokerError as error:
            return error
        return None

    def _report(self, key: str, wanted: Any, found: Any, why: str) -> None:
        what = f"{self._wanted.label}: {key}" if key else self._wanted.label
        self._findings.append(Finding(what, wanted, found, why))


async def _stand(broker: Broker, wanted: Sequence[_Wanted]) -> bool:
    """Make what is missing, and return whether there is nothing to change.

    The broker itself lets one of several make something, so that takes no lock.
    """
    turn = asyncio.Semaphore(AT_ONCE)

    async def stands(item: _Wanted) -> bool:
        async with turn:
            return await _Ensuring(broker, item, change=False).stands()

    try:
        async with asyncio.TaskGroup() as tasks:
            found = [tasks.create_task(stands(item)) for item in wanted]
    except ExceptionGroup as group:
        # One is enough to say why it does not stand: what nobody expects before what a broker says.
        each = sorted(group.exceptions, key=lambda one: isinstance(one, BrokerError))
        raise each[0] from group
    return all(one.result() for one in found)


def _config(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The settings in an answer, without the marks that the server adds of its own."""
    config: dict[str, Any] = dict(answer["config"])
    metadata: dict[str, str] = config.get("metadata") or {}
    config["metadata"] = {
        key: value for key, value in metadata.items() if not key.startswith("_nats.")
    }
    return config


def _changes(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """The settings to send for those that differ; what the broker has beyond them stays."""
    changes: dict[str, Any] = {}
    for key, value in wanted.items():
        have = found.get(key)
        if key in _FIXED_AT_BIRTH:
            continue
        if key == "metadata":
            goal: Any = {**(have or {}), **value}
        elif key == "subjects":
            goal = [*(have or ()), *(subject for subject in value if subject not in (have or ()))]
        else:
            goal = value
        # The server leaves out of its answers what is empty, zero or false.
        if goal != have and (goal or have):
            changes[key] = goal
    return changes


def _lowers(wanted: int, found: int | None) -> bool:
    """Whether a limit gets tighter; zero and below mean that there is none."""
    if wanted <= 0:
        return False
    return found is None or found <= 0 or wanted < found


async def server(broker: Broker) -> list[Finding]:
    """What is wrong with the server itself."""
    level = (await broker.api("INFO", None))["api"].get("level", 0)
    asked = (
        ("API level", MIN_API_LEVEL, level, "nats-server is older than 2.15"),
        ("max_payload", MIN_PAYLOAD_BYTES, broker.max_payload, "it takes small messages alone"),
    )
    return [
        Finding(f"server: {name}", wanted, found, why)
        for name, wanted, found, why in asked
        if found < wanted
    ]
