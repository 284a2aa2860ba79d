"""Numbers without gaps: a series for each year, under no Organization.

Each number is claimed in the batch that gives it, so that there is neither a gap nor a second
holder.
"""

from __future__ import annotations

from typing import Final

import msgspec

from catalyst.contracts.decision import Context
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Claim, Ref

LATEST: Final = 1_000
"""Holders whose number is still known, so that a repeat gets the same; it comes much sooner."""


class Numbers(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of one year."""

    last: int = 0
    latest: dict[str, int] = {}
    """The latest that were given, by `<organization>/<name>`."""

    def with_given(self, holder: str, count: int) -> Numbers:
        """Return the numbers after one more."""
        latest = {**self.latest, holder: count}
        for oldest in list(latest)[: max(0, len(latest) - LATEST)]:
            del latest[oldest]
        return Numbers(last=count, latest=latest)


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """What is numbered on its own."""

    aggregate: str
    claim: str
    """Kind of its claims."""
    prefix: str = ""

    def ref(self, year: int) -> Ref:
        """Return what gives the numbers of a year."""
        return Ref(None, "billing", self.aggregate, f"{year:04d}")

    def text(self, year: str, count: int) -> str:
        """Return a number as it is written."""
        return f"{self.prefix}{year}-{count:06d}"

    def claim_of(self, year: str, count: int) -> Claim:
        """Return the claim of a number: it belongs to one holder for ever."""
        return Claim(self.claim, self.text(year, count))

    def give(self, state: Numbers, holder: str, context: Context) -> tuple[int, Claim] | None:
        """Return the next number with its claim; None for one who has a number already.

        Raises:
            Rejected: `invoice-number-taken` if somebody else holds it.
        """
        if holder in state.latest:
            return None
        count = state.last + 1
        claim = self.claim_of(context.ref.id, count)
        if context.claims[claim].holder is not None:
            raise Rejected("invoice-number-taken", f"the number {claim.name} belongs to another")
        return count, claim


INVOICES: Final = Series(aggregate="invoice-numbers", claim="invoice-number")
NOTES: Final = Series(aggregate="credit-note-numbers", claim="credit-note-number", prefix="CN-")
