"""The whole of an invoice made again, from the log alone; a long one part by part.

Pure. Each part is made of what stands before it, just as it was when it was drafted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from catalyst.billing.domain import account, closing, invoicing
from catalyst.billing.domain.account import Account
from catalyst.billing.domain.explaining import Drafted, Histories, state_of
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.decision import Recorded
from catalyst.contracts.subjects import Ref


def refs_of(draft: Drafted, owned: Sequence[Recorded]) -> tuple[Ref, ...]:
    """Return what an invoice is made of, beside the account itself.

    Args:
        draft: The invoice.
        owned: What happened to the account.
    """
    found: dict[Ref, None] = {}
    for owner in _owners(draft, owned):
        refs = closing.all_of(owner, draft.content.organization, draft.content.month)
        found.update(dict.fromkeys(refs))
    return tuple(found)


def again(draft: Drafted, owned: Sequence[Recorded], of: Histories) -> bytes:
    """Return the invoice's bytes, made once more from the events that stand before it."""
    organization, month = draft.content.organization, draft.content.month
    *owners, last = _owners(draft, owned)
    lines: list[bill1.InvoiceLine] = []
    for part, owner in zip(draft.parts, owners, strict=True):
        after = _after(owned, part.seq, month)
        parts = _sources(owner, _refs(owner, organization, month, after), of, part.seq)
        lines += invoicing.numbered(
            invoicing.part_again(month, parts, after, part.count), len(lines)
        )
    refs = closing.all_of(last, organization, month)
    parts = _sources(last, refs, of, draft.seq)
    made = invoicing.make(organization, month, draft.content.made, parts, lines)
    return b"" if made is None else invoicing.text(made.content)


def _owners(draft: Drafted, owned: Sequence[Recorded]) -> list[Account]:
    """Return the account as each part saw it, and as the draft did."""
    found: list[Account] = []
    owner, rest = account.Account(), list(owned)
    for seq in (*(part.seq for part in draft.parts), draft.seq):
        while rest and rest[0].seq < seq:
            owner = account.evolve(owner, rest.pop(0).event)
        found.append(owner)
    return found


def _after(owned: Sequence[Recorded], seq: int, month: str) -> str:
    """Return the last subscription of a part: the account says so in the batch of the part."""
    for one in owned:
        match one.event:
            case bill1.MonthPartClosed(after=after) if one.seq > seq and one.event.month == month:
                return after
            case _:
                continue
    return ""


def _refs(owner: Account, organization: str, month: str, after: str) -> list[Ref]:
    """Return what a part is made of, up to its last subscription."""
    refs = closing.all_of(owner, organization, month)
    return [ref for ref in refs if ref.aggregate != "subscription" or ref.id <= after]


def _sources(owner: Account, refs: Sequence[Ref], of: Histories, seq: int) -> Any:
    states = {ref: state_of(ref, of[ref], seq) for ref in refs}
    return closing.sources(owner, states)
