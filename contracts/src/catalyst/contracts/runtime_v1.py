"""Messages of the runtime itself, that every aggregate of every service takes: version 1."""

from __future__ import annotations

from typing import Annotated

import msgspec

from catalyst.contracts.message import END, Answer, Command, Event

DlqSubject = Annotated[str, msgspec.Meta(pattern=r"^dlq(\.[A-Za-z0-9_=-]+){5}" + END)]


class Retry(Command, frozen=True, kw_only=True):
    """Decide parked messages of this aggregate again, oldest first."""

    subject: DlqSubject | None = None
    """The one to retry; None retries everything that is parked here."""


class Drop(Command, frozen=True, kw_only=True):
    """Give a parked message up: its outcome becomes the rejection `dropped`."""

    subject: DlqSubject
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class TakeAnswer(Command, frozen=True, kw_only=True):
    """The outcome of a command that this process manager sent."""

    answer: Answer


class Parked(Event, frozen=True, kw_only=True):
    """A message of this aggregate was set aside; later ones wait behind it."""

    subject: str
    """Where the copy stands in the dead-letter queue."""
    message_id: str
    message_type: str
    reason: str
    """A short code: `bug`, `fold-failed`, `redelivered`, `behind`."""
    detail: str = ""
    """What failed, for a person; no traceback, no payload."""


class Unparked(Event, frozen=True, kw_only=True):
    """A message that was set aside has its outcome now."""

    subject: str
    message_id: str
    how: str
    """`retried` or `dropped`."""
