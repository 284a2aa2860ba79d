"""Settings of the projector: `PROJECTOR_<NAME>` or `CATALYST_<NAME>`."""

from __future__ import annotations

from catalyst.chassis.settings import BrokerSettings, Count, Seconds, SecondsOrNever


class Settings(BrokerSettings, frozen=True, kw_only=True):
    """What the projector can be told."""

    heartbeat_seconds: Seconds = 15.0
    """How often a quiet stream says that it stands."""
    drain_seconds: Seconds = 20.0
    """How long a reader may take no byte before its stream is ended."""
    rotate_seconds: SecondsOrNever = 3600.0
    """After about this long a reader is asked to connect anew; 0 for never."""
    retry_seconds: Seconds = 2.0
    """About how long a browser waits before it connects again."""
    wait_seconds: SecondsOrNever = 10.0
    """How long a read with `min_seq` waits before it answers 504."""
    max_streams: Count = 10_000
    """Streams that this process keeps open; further ones are refused."""
    max_streams_per_subject: Count = 50
    """Streams of one person or service that this process keeps open."""
    check_seconds: SecondsOrNever = 60.0
    """How often some rows are folded again and compared with what is stored; 0 for never."""
    accept_losses: bool = False
    """Whether rows are made of what is left of a log that lost events. Where such rows have to be
    made at the start, nothing else can say so; set it for that start alone."""
    max_lag_seconds: Seconds = 10.0
    """Further behind the log than this, the projector is not ready."""
