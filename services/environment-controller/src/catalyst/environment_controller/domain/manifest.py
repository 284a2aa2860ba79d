"""Where the manifest of an aggregate stands in the Organization's Git home."""

from __future__ import annotations

import msgspec

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.decision import Context, Decision, emit
from catalyst.contracts.rejection import Rejected


class Committed(msgspec.Struct, frozen=True, kw_only=True):
    """The newest commit that holds the manifest."""

    path: str = ""
    commit: str = ""
    event_seq: int = 0
    """Sequence of the event that the commit carries out; 0 if there is no commit yet."""


def committed(event: env1.ManifestCommitted) -> Committed:
    """Return the commit that an event speaks of."""
    return Committed(path=event.path, commit=event.commit, event_seq=event.event_seq)


def record(known: Committed, command: env1.RecordCommit, context: Context) -> Decision:
    """Take the Git effect's report over if it is newer than what is known.

    An older one changes nothing: commits may be reported out of order.

    Raises:
        Rejected: `forbidden` if anyone but this service's own effect reports.
    """
    require_service(context, "environment")
    if command.event_seq <= known.event_seq:
        return Decision()
    return emit(
        env1.ManifestCommitted(
            path=command.path, commit=command.commit, event_seq=command.event_seq
        )
    )


def require_service(context: Context, service: str) -> None:
    """Refuse whoever is not that service.

    Raises:
        Rejected: `forbidden`.
    """
    if context.actor.service != service:
        raise Rejected("forbidden", f"only the service {service!r} sends this")
