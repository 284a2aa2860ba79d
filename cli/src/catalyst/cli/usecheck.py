"""The part of `catalyst doctor` that says whether uses go: what stays in their stream, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from catalyst.chassis.clearing import SELDOM_SECONDS
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import NotFound
from catalyst.chassis.jetstream.times import of_text
from catalyst.cli.findings import WARN_FULL, Finding, fail, ok, room, skipped, warn
from catalyst.contracts import topology
from catalyst.contracts.topology import USE

CHECK: Final = "uses"
QUIET_SECONDS: Final = SELDOM_SECONDS + 2.0
"""What was settled so long ago has been taken out by whoever may."""
MANY: Final = 100_000
"""So much takes several seconds to count, and each second it is taken out where that works."""
WARN_WAITING: Final = 10_000
(READER,) = (item for item in topology.CONSUMERS if item.stream == USE)
SERVICE: Final = READER.name.partition("--")[0]


async def uses(
    js: JetStream, *, embedded: bool = False, quiet_seconds: float = QUIET_SECONDS
) -> Finding:
    """Return whether what is used is counted, and leaves its stream then.

    Args:
        js: The connection.
        embedded: Whether the broker is that of `catalyst up`.
        quiet_seconds: What is still there so long after the last settlement is there to stay.
    """
    try:
        stream = await js.api(f"STREAM.INFO.{USE}", None)
        reader = await js.api(f"CONSUMER.INFO.{USE}.{READER.name}", None)
    except NotFound:
        return skipped(CHECK, f"not looked at: {USE} or its durable {READER.name} is not there")
    return judged(stream, reader, embedded=embedded, quiet_seconds=quiet_seconds)


def judged(
    stream: Mapping[str, Any],
    reader: Mapping[str, Any],
    *,
    embedded: bool = False,
    quiet_seconds: float = QUIET_SECONDS,
) -> Finding:
    """Return what the broker's words of the stream and of its durable come to."""
    state, config, floor = stream["state"], stream["config"], reader["ack_floor"]
    counted = floor["stream_seq"] - state["first_seq"] + 1 if state["messages"] else 0
    waiting = reader["num_pending"] + reader["num_ack_pending"]
    used, limit = state["bytes"], config["max_bytes"]
    told = f"{USE}: {max(0, counted)} counted and still there, {waiting} waiting; "
    told += room(used, limit)
    is_full = 0 < limit * WARN_FULL <= used
    works = reader["num_waiting"] > 0 or reader["num_ack_pending"] > 0
    stays = counted > 0 and (counted >= MANY or _quiet(reader) >= quiet_seconds)
    if not works and (stays or is_full or waiting >= WARN_WAITING):
        say = fail if is_full else warn
        return say(CHECK, f"{told}; no worker of {SERVICE} runs", _START)
    if stays:
        say = fail if is_full else warn
        by_hand = f"`nats stream purge {USE} --seq {floor['stream_seq'] + 1} --force`"
        fix = f"{_ALLOW}; by hand: {by_hand}"
        return say(CHECK, f"{told}; the broker does not let {SERVICE} take them out", fix)
    if is_full or waiting >= WARN_WAITING:
        return warn(CHECK, f"{told}; {SERVICE} is behind", _LATER)
    if config["retention"] != _RETENTION:
        why = f"{USE} is the {config['retention']} of an earlier version, so that counting is slow"
        return warn(CHECK, f"{told}; {why}", _AT_THE_NEXT_START if embedded else _BY_HAND)
    return ok(CHECK, told)


def _quiet(reader: Mapping[str, Any]) -> float:
    """Return for how many seconds nothing was settled."""
    last = reader["ack_floor"].get("last_active")
    if last is None:
        return float("inf")
    return (of_text(reader["ts"]) - of_text(last)).total_seconds()


_RETENTION: Final = next(one.config["retention"] for one in topology.STREAMS if one.name == USE)
_FULL: Final = f"full, {USE} takes no more"
_START: Final = f"start the worker of {SERVICE}, or see in its log why it ended; {_FULL}"
_LATER: Final = f"look again in a minute; {_FULL}"
_ALLOW: Final = (
    f"let the broker's user of {SERVICE} publish to `$JS.API.STREAM.PURGE.{USE}`, and they go "
    f"within seconds; {_FULL}"
)
_AT_THE_NEXT_START: Final = (
    "end `catalyst up` with Ctrl-C and start it again: where nothing waits in the stream, it is "
    "made anew"
)
_BY_HAND: Final = (
    "stop whoever reports uses; when none waits here and `catalyst dlq list` shows none, stop "
    f"{SERVICE}; if `nats stream info {USE}` shows 0 messages, `nats stream rm {USE} --force`; "
    f"start {SERVICE}, which makes it anew, then whoever reports; a use that is sent in between "
    "is refused, and has to be sent again"
)
