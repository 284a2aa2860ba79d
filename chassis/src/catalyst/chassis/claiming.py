"""Claims as they stand in the log: names and numbers that are unique beyond one aggregate.

Read for each decision and never kept; the decision's guards prove that they are still so. Called by
`states.py`, and by the batch that writes them.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from catalyst.chassis.jetstream.port import Broker, Stored
from catalyst.contracts.decision import ClaimState
from catalyst.contracts.subjects import Claim
from catalyst.contracts.topology import EV

log = logging.getLogger(__name__)


class HeldClaim(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A claim as it was when it was read."""

    claim: Claim
    state: ClaimState
    version: int
    """Sequence of its last message; 0 if it was never claimed."""


class ClaimBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Body of a `clm.…` message."""

    holder: str | None
    """Path of the aggregate that holds the name; None in a release."""
    done: str
    """Id of the outcome in the same batch."""
    digest: str = ""
    """What stands beside the name; left out if nothing does."""


_FREE: Final = ClaimState()
_CLAIM: Final = msgspec.json.Decoder(ClaimBody)


async def read(broker: Broker, claims: Sequence[Claim]) -> dict[Claim, HeldClaim]:
    """Read claims, many at once."""
    if not claims:
        return {}
    named = {claim: claim.subject for claim in claims}
    subjects = list(dict.fromkeys(named.values()))
    if len(subjects) == 1:
        stored = await broker.last(EV, subjects[0])
        found = {} if stored is None else {subjects[0]: stored}
    else:
        several = await broker.last_many(EV, subjects)
        found = {stored.subject: stored for stored in several}
    return {claim: await _held(broker, claim, found.get(at)) for claim, at in named.items()}


def free(claims: Sequence[Claim]) -> dict[Claim, HeldClaim]:
    """Return claims as if nobody had ever made them, which a guard will prove or not."""
    return {claim: _claimed(claim, None, None) for claim in claims}


async def _held(broker: Broker, claim: Claim, newest: Stored | None) -> HeldClaim:
    """Return a claim by the newest that was said of it; an answer of the broker says nothing."""
    body = _said(newest)
    if newest is None or body is not None:
        return _claimed(claim, newest, body)
    log.warning("what stands here is no claim", extra={"subject": newest.subject})
    every = await broker.replay(EV, claim.subject)
    before = [one for one in every if one.seq < newest.seq and _said(one) is not None]
    last = before[-1] if before else None
    return replace(_claimed(claim, last, _said(last)), version=newest.seq)


def _said(stored: Stored | None) -> ClaimBody | None:
    """Return what a message says of a claim; None if there is none, or it is no claim at all."""
    try:
        return None if stored is None else _CLAIM.decode(stored.data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _claimed(claim: Claim, stored: Stored | None, body: ClaimBody | None) -> HeldClaim:
    if stored is None or body is None:
        return HeldClaim(claim=claim, state=_FREE, version=0)
    state = ClaimState(holder=body.holder, ever=True, digest=body.digest)
    return HeldClaim(claim=claim, state=state, version=stored.seq)
