"""Messages of the runtime itself, that every aggregate of every service takes: version 1."""

from __future__ import annotations

from typing import Annotated

import msgspec

from catalyst.contracts.message import END, Answer, Command, Event

DlqSubject = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^dlq(\.[A-Za-z0-9_=-]+){5}" + END,
        description=(
            "the subject of a dead letter: `dlq` and five names with dots between them, each of "
            "letters, digits, '_', '=' or '-'"
        ),
        examples=["dlq.acme.environment.environment.acme-prod.c4711"],
    ),
]


class Retry(Command, frozen=True, kw_only=True):
    """Decide parked messages of this aggregate again, oldest first."""

    subject: DlqSubject | None = None
    """The one to retry, by its place in the dead-letter queue; null retries everything that is
    parked here."""


class Drop(Command, frozen=True, kw_only=True):
    """Give a parked message up: its outcome becomes the rejection `dropped`."""

    subject: DlqSubject
    """Its place in the dead-letter queue."""
    reason: Annotated[
        str,
        msgspec.Meta(
            min_length=1,
            max_length=500,
            description="a text of 1 to 500 characters",
            examples=["The region no longer exists."],
        ),
    ]
    """Why it is given up."""


class TakeAnswer(Command, frozen=True, kw_only=True):
    """The outcome of a command that this process manager sent."""

    answer: Answer
    """What became of the command."""


class Parked(Event, frozen=True, kw_only=True):
    """A message of this aggregate was set aside; later ones wait behind it."""

    subject: str
    """Where the copy stands in the dead-letter queue."""
    message_id: str
    """Id of the message."""
    message_type: str
    """Wire name of the message."""
    reason: str
    """A short code: `bug`, `fold-failed`, `redelivered`, `behind`."""
    detail: str = ""
    """What failed, for a person; no traceback, no payload."""


class Unparked(Event, frozen=True, kw_only=True):
    """A message that was set aside has its outcome now."""

    subject: str
    """Where its copy stood in the dead-letter queue."""
    message_id: str
    """Id of the message."""
    how: str
    """What became of it: `retried` or `dropped`."""
