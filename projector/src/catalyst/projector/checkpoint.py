"""How far a bucket of the read model has come, as its last message says."""

from __future__ import annotations

import msgspec

from catalyst.contracts.message import UtcTime

KEY = "_ck"
"""The one key of a bucket that is no row."""
HEADER = "Catalyst-Checkpoint"
"""Carries the checkpoint where a single row is written without a batch."""


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything up to `seq` of the log is folded into the rows that stand before it."""

    seq: int
    """Sequence of the log's last message that is folded; the end of a whole decision."""
    event_seq: int
    """Sequence of the last event among them; 0 if there was none yet."""
    event_time: UtcTime | None
    """The broker's timestamp of that event: another log has another one at that place."""
    epoch: str
    log: str
    """Name of the log."""
    fold: int
    """Number of the fold that made the rows."""
    to: int | None = None
    """Set in the middle of a decision that is written in parts: rows may already be those of
    `to`, so that readers show nothing yet."""

    def encode(self) -> bytes:
        """Return the checkpoint as JSON in one line."""
        return msgspec.json.encode(self)


_DECODER = msgspec.json.Decoder(Checkpoint)


def decode(raw: bytes | str) -> Checkpoint:
    """Return a checkpoint from its bytes.

    Raises:
        msgspec.DecodeError: If they are none.
    """
    return _DECODER.decode(raw)
