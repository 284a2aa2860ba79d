"""The part of `catalyst doctor` that says whose worker does not answer, and what waits for it.

A worker renews its lease every few seconds. One that hangs does not, and its connection goes on to
look well: the broker hands it commands, and nobody decides them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

import msgspec

from catalyst.chassis.jetstream.port import Broker, NotFound
from catalyst.chassis.jetstream.times import of_text
from catalyst.chassis.lease import RENEW_SECONDS, holder
from catalyst.cli.findings import Finding, fail, ok, warn
from catalyst.contracts import topology
from catalyst.contracts.permissions import member
from catalyst.contracts.topology import CMD, Consumer

CHECK: Final = "workers"
LATE_SECONDS: Final = 2 * RENEW_SECONDS + 0.5
"""Two renewals that did not come: a worker that only has much to do misses none."""
DECIDERS: Final = tuple(one for one in topology.CONSUMERS if one.stream == CMD)
_GONE: Final = (
    "see in the log of each why it ended, and start it; one that hangs is ended with `kill -9`: "
    "`catalyst up --processes`, compose and Kubernetes start it again, and nothing is lost"
)


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """What the broker knows of a service's worker."""

    service: str
    holder: str = ""
    """The process that holds the lease, as `<member>-<process id>-<random>`; empty: none does."""
    silent_seconds: float = 0.0
    """Since the holder has renewed its lease."""
    waiting: int = 0
    """Commands that it has not settled, those among them that were handed to it."""

    @property
    def answers(self) -> bool:
        """Whether it renews its lease."""
        return bool(self.holder) and self.silent_seconds <= LATE_SECONDS


async def workers(js: Broker) -> list[Worker]:
    """Return the worker of each service that decides commands here.

    Raises:
        BrokerError: If the broker refuses a question.
    """
    found = []
    for consumer in DECIDERS:
        try:
            info = await js.api(f"CONSUMER.INFO.{consumer.stream}.{consumer.name}", None)
        except NotFound:
            # Never here: another check says that its durable is missing.
            continue
        found.append(await _worker(js, consumer, info))
    return found


async def _worker(js: Broker, consumer: Consumer, info: dict[str, Any]) -> Worker:
    service = service_of(consumer)
    waiting = info["num_pending"] + info["num_ack_pending"]
    held = await holder(js, service)
    if held is None:
        return Worker(service=service, waiting=waiting)
    # Asked after the lease was read: what was renewed in between makes it younger than it is said.
    now: datetime = of_text((await js.api(f"STREAM.INFO.{CMD}", None))["ts"])
    silent = max(0.0, (now - held.time).total_seconds())
    return Worker(
        service=service, holder=held.data.decode(), silent_seconds=silent, waiting=waiting
    )


def service_of(consumer: Consumer) -> str:
    """Return whose durable it is."""
    return consumer.name.partition("--")[0]


def judged(found: Iterable[Worker]) -> Finding:
    """Return whether every worker answers, and of those that do not, who it is and what waits."""
    all_ = list(found)
    silent = [one for one in all_ if not one.answers]
    if not silent:
        return ok(CHECK, f"all {len(all_)} renew their leases")
    told = "; ".join(_told(one) for one in silent)
    say = fail if any(one.waiting for one in silent) else warn
    return say(CHECK, told, _GONE)


def _told(one: Worker) -> str:
    if one.holder:
        name, process, _ = one.holder.rsplit("-", 2)
        who = f"{one.service}: {name}, process {process}, has not answered for "
        who += f"{one.silent_seconds:.0f} s"
    else:
        who = f"{one.service}: no worker answers, {member(one.service)} does not run or hangs"
    if not one.waiting:
        return f"{who}; nothing waits for it"
    many = "1 command waits" if one.waiting == 1 else f"{one.waiting} commands wait"
    return f"{who}; {many} for it"
