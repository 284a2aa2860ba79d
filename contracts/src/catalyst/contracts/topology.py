"""Streams, durable consumers and buckets, as data: exactly what the broker's API takes.

Durations are nanoseconds. Replicas and storage are the deployment's and are added when the broker
is made to match. Source of the settings: the protocol page and measurements on nats-server 2.15.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from catalyst.contracts.registry import SERVICES, TABLES
from catalyst.contracts.tables.row import Feed, Table

VERSION: Final = 4
"""Kept in each stream's metadata; a member with a lower number changes nothing."""

SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND
DAY: Final = 24 * 60 * MINUTE

MAX_BODY_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 32
MAX_SUBJECT: Final = 1024
"""Characters of a command's subject. The broker hangs up on a line of 4 KiB, and what follows from
a command stands on longer subjects than its own."""
MAX_EVENTS_PER_COMMAND: Final = 200
MAX_GROUP_COMMANDS: Final = 64
MAX_GROUP_MESSAGES: Final = 900
MIN_PAYLOAD_BYTES: Final = 512 * 1024
"""What a broker's `max_payload` has to be: the largest command, fact or use is then kept whole as a
dead letter. Of those from the log, which may be larger, the log has the whole."""
PAYLOAD_MARGIN_BYTES: Final = 4 * 1024
"""Kept free below the broker's `max_payload`, for headers."""

MAX_DLQ_BYTES: Final = 512 * 1024 * 1024
"""Of all dead letters; a message for which there is no room stays where it came from."""

DONE_TTL: Final = "720h"
CHECK_TTL: Final = "60s"
TIMER_TTL: Final = "720h"
COMMAND_MAX_AGE_SECONDS: Final = 29 * 24 * 3600
COMMAND_MAX_AHEAD_SECONDS: Final = 5 * 60
ROW_MARKER_TTL: Final = "60m"

CMD: Final = "CMD"
EV: Final = "EV"
DLQ: Final = "DLQ"
FACTS: Final = "FACTS"
"""What was observed outside; whoever owns it writes an event when the condensed state changes."""
USE: Final = "USE"
"""What was used, one message each, until it is counted."""
BLUEPRINTS: Final = "blueprints"
"""The object store that holds the content of Blueprints, by its sha256."""
OBJECTS: Final = f"OBJ_{BLUEPRINTS}"
"""Its stream."""
MAX_CONTENT_BYTES: Final = 4 * 1024 * 1024
"""Of one content in it."""
ORIGINS: Final = {stream[0].lower(): stream for stream in (CMD, EV, FACTS, USE)}
"""The letter by which the subject of a dead letter names the stream that it came from."""


class Stream(msgspec.Struct, frozen=True):
    """A stream and its configuration in the broker's own words."""

    name: str
    config: dict[str, Any]
    cleared: bool = False
    """Whether its one reader takes out what it has settled, many messages at once."""
    before: Mapping[str, Any] = {}
    """Settings that one from an earlier version may keep: they cannot be changed, and serve."""


class Consumer(msgspec.Struct, frozen=True):
    """A durable consumer of a stream."""

    stream: str
    name: str
    config: dict[str, Any]


STREAMS: Final[tuple[Stream, ...]] = (
    Stream(
        CMD,
        {
            "subjects": [f"cmd.*.{service}.>" for service in SERVICES],
            "retention": "workqueue",
            "discard": "new",
            "max_bytes": 256 * 1024 * 1024,
            "max_msg_size": MAX_BODY_BYTES + 64 * 1024,
            "max_consumers": 64,
            "duplicate_window": 2 * SECOND,
        },
    ),
    Stream(
        EV,
        {
            "subjects": ["evt.>", "st.>", "done.>", "clm.>", "tmr.>", "due.>", "chk.>", "out.>"],
            "retention": "limits",
            "discard": "old",
            "allow_atomic": True,
            "allow_direct": True,
            "allow_msg_ttl": True,
            "allow_msg_schedules": True,
            "allow_rollup_hdrs": True,
            "deny_delete": True,
            "max_consumers": 5000,
            "duplicate_window": 2 * SECOND,
        },
    ),
    Stream(
        FACTS,
        {
            "subjects": ["ws.>"],
            "retention": "limits",
            "discard": "old",
            "max_age": 7 * DAY,
            "max_bytes": 256 * 1024 * 1024,
            "max_msg_size": MAX_BODY_BYTES + 64 * 1024,
            "allow_direct": True,
            "max_consumers": 64,
            "duplicate_window": 2 * SECOND,
        },
    ),
    # No work queue: that syncs its disk for each message that is acknowledged.
    Stream(
        USE,
        {
            "subjects": ["use.>"],
            "retention": "limits",
            "discard": "new",
            "max_bytes": 256 * 1024 * 1024,
            "max_msg_size": MAX_BODY_BYTES + 64 * 1024,
            "max_consumers": 64,
            "duplicate_window": 2 * SECOND,
        },
        cleared=True,
        before={"retention": "workqueue"},
    ),
    Stream(
        DLQ,
        {
            "subjects": ["dlq.>"],
            "retention": "limits",
            "discard": "new",
            "discard_new_per_subject": True,
            "max_msgs_per_subject": 1,
            "max_bytes": MAX_DLQ_BYTES,
            "allow_direct": True,
            "max_consumers": 64,
            "duplicate_window": 2 * SECOND,
        },
    ),
)


def bucket(name: str, **more: Any) -> Stream:
    """Return the stream of a key-value bucket that keeps one value a key."""
    return Stream(
        f"KV_{name}",
        {
            "subjects": [f"$KV.{name}.>"],
            "retention": "limits",
            "discard": "new",
            "max_msgs_per_subject": 1,
            "allow_direct": True,
            "allow_rollup_hdrs": True,
            "deny_delete": True,
            "max_consumers": 1000,
            "duplicate_window": 2 * SECOND,
            **more,
        },
    )


def read_model_bucket(epoch: str) -> Stream:
    """Return the bucket of one version of the read model."""
    return bucket(
        f"rm_{epoch}",
        allow_atomic=True,
        allow_msg_ttl=True,
        allow_batched=True,
        max_consumers=5000,
    )


BUCKETS: Final[tuple[Stream, ...]] = (
    bucket("rm"),
    bucket("leases", allow_msg_ttl=True),
    bucket("cursors"),
    Stream(
        OBJECTS,
        {
            "subjects": [f"$O.{BLUEPRINTS}.C.>", f"$O.{BLUEPRINTS}.M.>"],
            "retention": "limits",
            "discard": "new",
            "allow_atomic": True,
            "allow_direct": True,
            "allow_rollup_hdrs": True,
            "deny_delete": True,
            "max_consumers": 64,
            "duplicate_window": 2 * SECOND,
        },
    ),
)
"""`rm` points at the current read model, `leases` says who is active, `cursors` where a durable
on `EV` stood; the object store holds the content of Blueprints."""


def _durable(stream: str, name: str, filters: list[str], **more: Any) -> Consumer:
    return Consumer(
        stream,
        name,
        {
            "durable_name": name,
            "ack_policy": "explicit",
            "ack_wait": 5 * SECOND,
            "deliver_policy": "all",
            "max_deliver": -1,
            "max_ack_pending": 1000,
            "filter_subjects": filters,
            **more,
        },
    )


def command_consumer(service: str) -> Consumer:
    """Return the durable from which a service takes its commands."""
    return _durable(CMD, f"{service}--commands", [f"cmd.*.{service}.>"])


def relay_consumer(service: str) -> Consumer:
    """Return the durable from which a service relays commands that stand in the log for it."""
    return _durable(EV, f"{service}--relay", [f"out.*.{service}.>"], max_ack_pending=256)


def timer_consumer(service: str) -> Consumer:
    """Return the durable from which a service takes its fired timers."""
    return _durable(EV, f"{service}--timers", [f"due.tmr.*.{service}.>"])


def reaction_consumer(service: str, name: str, filters: list[str]) -> Consumer:
    """Return the durable of one process manager or effect; `filters` are subjects of events."""
    return _durable(EV, f"{service}--{name}", filters, max_ack_pending=256)


def source_consumer(service: str, feed: Feed) -> Consumer:
    """Return the durable of one source. Many of its messages wait at once, to be counted as one."""
    name = f"{service}--{feed.name}"
    return _durable(feed.stream, name, list(feed.filters), max_ack_pending=4000)


def consumers_of(table: Table) -> tuple[Consumer, ...]:
    """Return every durable of a service."""
    name = table.service
    return (
        command_consumer(name),
        relay_consumer(name),
        timer_consumer(name),
        *(reaction_consumer(name, item.name, list(item.filters)) for item in table.reactions),
        *(source_consumer(name, feed) for feed in table.sources),
    )


CONSUMERS: Final[tuple[Consumer, ...]] = tuple(
    consumer for table in TABLES for consumer in consumers_of(table)
)
"""Every durable; renaming one means consuming everything again."""


def topology() -> tuple[tuple[Stream, ...], tuple[Consumer, ...]]:
    """Return all streams (buckets included) and all durables."""
    return (*STREAMS, *BUCKETS), CONSUMERS


def topology_of(service: str) -> tuple[tuple[Stream, ...], tuple[Consumer, ...]]:
    """Return what a service's worker makes: all streams, and the durables that are its own."""
    own = tuple(item for item in CONSUMERS if item.name.startswith(f"{service}--"))
    return (*STREAMS, *BUCKETS), own
