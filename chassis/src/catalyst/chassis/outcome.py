"""Outcomes: how the one recorded answer to a command is built, and read back.

`done.<org>.<command-id>` holds it. Its guard is 0: whoever comes second is refused by the broker
and reads what stands there. Called by the decide loop and the doors.
"""

from __future__ import annotations

from typing import Any

import msgspec

from catalyst.chassis.jetstream.port import Broker, Stored
from catalyst.chassis.job import Job
from catalyst.contracts import subjects
from catalyst.contracts.message import Outcome
from catalyst.contracts.rejection import TEXT_MAX, Rejected
from catalyst.contracts.topology import EV


def accepted(job: Job, events: tuple[str, ...], result: Any) -> Outcome:
    """Return the outcome of a decision that was made."""
    return Outcome(
        id=job.done_id,
        type=job.type,
        status="accepted",
        digest=job.digest,
        time=job.now,
        events=events,
        result=result,
        actor=job.actor.name,
        subject=job.subject,
        correlationid=job.correlationid,
        causationid=job.causationid,
    )


def rejected(job: Job, why: Rejected) -> Outcome:
    """Return the outcome of a command that a rule or a door refused."""
    return msgspec.structs.replace(
        accepted(job, (), None),
        status="rejected",
        code=why.code,
        message=why.message[:TEXT_MAX],
        errors=why.errors,
    )


def located(outcome: Outcome, own_seq: int, log: str) -> Outcome:
    """Return an outcome as a reader sees it: with the last sequence of its batch and the log."""
    return placed(outcome, own_seq + outcome.after, log)


def placed(outcome: Outcome, last: int, log: str) -> Outcome:
    """Return a stored outcome as a reader sees it; `last` is the last sequence of its batch."""
    return msgspec.structs.replace(outcome, seq=last, log=log)


class Unreadable(Exception):
    """What stands where an outcome is recorded is none."""


def reused(command_id: str) -> Rejected:
    """Return the answer to a command under an id that something else has."""
    message = f"the id {command_id!r} belongs to another command"
    return Rejected("command-id-reused", message, pointer="/id")


def read_back(stored: Stored, log: str) -> Outcome:
    """Return the outcome that a `done.…` message holds.

    Raises:
        Unreadable: If it holds none. The broker lets whoever may publish anything have its own
            acknowledgement stored wherever a stream is.
    """
    try:
        found = msgspec.json.decode(stored.data, type=Outcome)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"message {stored.seq} at {stored.subject} is no outcome") from error
    return located(found, stored.seq, log)


async def find(
    broker: Broker, organization: str | None, done_id: str, log: str, *, leader: bool = False
) -> Outcome | None:
    """Return what is recorded for a command, or None.

    Absence is no proof: the outcome may be on its way. Only a guard proves.

    Raises:
        BrokerError: As the broker port says.
        Unreadable: If it is no outcome.
    """
    stored = await broker.last(EV, subjects.done(organization, done_id), leader=leader)
    return None if stored is None else read_back(stored, log)
