"""Questions that need a rule: what things cost, what a voucher is worth, what made an invoice.

The chassis calls them, once it knows that the one who asks may. They publish nothing.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

import msgspec

from catalyst.billing.domain import (
    account,
    codes,
    credit_note,
    explaining,
    invoice,
    open_money,
    price_book,
    replaying,
    voucher,
)
from catalyst.billing.queries_prices import NothingRequest, Quotes, show_prices
from catalyst.chassis import clock
from catalyst.chassis.service import Asking, History, Loader, Query, Reader
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts import codec
from catalyst.contracts.account_v1 import EntryId
from catalyst.contracts.decision import Actor
from catalyst.contracts.invoice_v1 import InvoiceId
from catalyst.contracts.money_v1 import Money
from catalyst.contracts.registry import BY_SHAPE
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.voucher_v1 import Code, shown_prefix, voucher_id

PREVIEWS_MAX: Final = 20
PREVIEWS_SECONDS: Final = 3600
"""An Organization previews so many codes in so long; then it waits. Counted by each process."""

PREVIEWERS_MAX: Final = 10_000
"""Organizations that are counted; beyond them, the one that asked longest ago is forgotten."""


class ReplayRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for an invoice, or a credit note, to be made again."""

    invoice: InvoiceId | None = None
    credit_note: EntryId | None = None


class ShowRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask what an invoice says, or would say."""

    invoice: InvoiceId
    start: Annotated[int, msgspec.Meta(ge=0, description="a number from 0 on")] = 0
    """How many lines to pass over."""


class ExplainRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask where a line of an invoice, or of a credit note, comes from."""

    invoice: InvoiceId | None = None
    credit_note: EntryId | None = None
    line: Annotated[int, msgspec.Meta(ge=1, le=100_000, description="a number from 1 to 100000")]
    start: Annotated[int, msgspec.Meta(ge=0, description="a number from 0 on")] = 0
    """How many events to pass over."""


class VoucherRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask what a voucher is worth."""

    code: Code


class CodeRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for a new code, or for the id of one's own."""

    code: Code | None = None


async def show_open_money(
    request: Mapping[str, Any], organization: str, _actor: Actor, load: Reader
) -> Any:
    """Answer what is open in the account: credit, holds, what is to be paid, the running month."""
    codec.question(request, NothingRequest)
    now = clock.now()
    owner: account.Account = await load(account.ref_of(organization))
    running = [
        await _running(organization, month, owner, load) for month in open_money.months(owner, now)
    ]
    return msgspec.to_builtins(open_money.of(owner, tuple(running), now))


async def _running(
    organization: str, month: str, owner: account.Account, load: Reader
) -> open_money.Running:
    state: invoice.Invoice = await load(invoice.ref_of(organization, month))
    states = await load.many(explaining.running_refs(organization, month, owner))
    now = clock.now()
    so_far = open_money.begun(states, month, now)
    try:
        draft = explaining.running(organization, month, now, owner, so_far, state.parts)
    except Rejected as error:
        return open_money.Running(month=month, problem=error.message)
    return open_money.Running(month=month, amounts=draft.content.amounts)


class _Previews:
    """Answers previews, so many an hour for each Organization."""

    def __init__(self) -> None:
        self._asked: dict[str, deque[int]] = {}

    async def preview(
        self, request: Mapping[str, Any], organization: str, _actor: Actor, load: Loader
    ) -> Any:
        """Answer what a voucher is worth; nothing is used up.

        Raises:
            Rejected: `voucher-not-found` for a code that is unknown, revoked, over, not begun or
                used up; `voucher-redeemed` to the one that did; `rate-limited` after too many.
        """
        asked = codec.question(request, VoucherRequest)
        self._count(organization)
        state: voucher.Voucher = await load(voucher.ref_of(voucher_id(asked.code)))
        amount: Money = voucher.require_redeemable(state, organization, clock.now())
        return {
            "prefix": state.prefix,
            "amount": msgspec.to_builtins(amount),
            "description": state.description,
            "ends": msgspec.to_builtins(state.ends),
            "credit_days": state.credit_days,
        }

    def _count(self, organization: str) -> None:
        now = int(clock.monotonic())
        times = self._asked.pop(organization, None) or deque(maxlen=PREVIEWS_MAX)
        self._asked[organization] = times
        if len(self._asked) > PREVIEWERS_MAX:
            del self._asked[next(iter(self._asked))]
        wait = times[0] + PREVIEWS_SECONDS - now if len(times) == PREVIEWS_MAX else 0
        if wait > 0:
            told = f"too many codes were tried; the next one is taken in {-(-wait // 60)} min"
            raise Rejected("rate-limited", told, wait_seconds=wait)
        times.append(now)


async def voucher_code(
    request: Mapping[str, Any], _organization: str, _actor: Actor, _load: Loader
) -> Any:
    """Answer a new code, or one's own, with the id that it is issued under. Nobody else sees it.

    Raises:
        Rejected: `voucher-code-weak`.
    """
    asked = codec.question(request, CodeRequest)
    code = codes.code_of(_drawn()) if asked.code is None else asked.code
    voucher.require_strong(code)
    return {"code": code, "voucher": voucher_id(code), "prefix": shown_prefix(code)}


def _drawn() -> Iterator[int]:
    while True:
        yield from secrets.token_bytes(32)


async def show_invoice(
    request: Mapping[str, Any], organization: str, _actor: Actor, load: Reader
) -> Any:
    """Answer what an invoice says; of a month that is not closed, what it would say now.

    Raises:
        Rejected: `invoice-not-found`, or as `explaining.running`.
    """
    asked = codec.question(request, ShowRequest)
    month = asked.invoice
    state: invoice.Invoice = await load(invoice.ref_of(organization, month))
    if state.content is None:
        now = clock.now()
        owner: account.Account = await load(account.ref_of(organization))
        explaining.require_running(owner, month, now)
        refs = explaining.running_refs(organization, month, owner)
        states = await load.many(refs)
        draft = explaining.running(organization, month, now, owner, states, state.parts)
        state = invoice.Invoice(content=draft.content, digest=draft.digest)
        status = "running"
    else:
        status = state.status
    return _shown(state, status, asked.start)


def _shown(state: invoice.Invoice, status: str, start: int) -> dict[str, Any]:
    content = state.content
    lines = content.lines if content is not None else ()
    until = start + explaining.PAGE
    return {
        **msgspec.to_builtins(content),
        "status": status,
        "number": state.number,
        "digest": state.digest,
        "lines": msgspec.to_builtins(lines[start:until]),
        "count": len(lines),
        "next": until if until < len(lines) else None,
    }


async def explain(
    request: Mapping[str, Any], organization: str, _actor: Actor, history: History
) -> Any:
    """Answer where a line of an invoice comes from: its price, its formula, and every event.

    Of use, `charge` says how its quantity became money.

    Of a month that is not closed, the lines are those that its invoice would have now.

    Raises:
        Rejected: `invoice-not-found`, `credit-note-not-found` or `invoice-line-not-found`.
    """
    asked = codec.question(request, ExplainRequest)
    _one_of(asked)
    noted = None
    name, place = asked.invoice or "", asked.line
    if asked.credit_note is not None:
        note = await _noted(organization, asked.credit_note, history)
        noted = explaining.note_line(note, asked.line)
        name, place = note.content.invoice, noted.line
    draft = await _draft(organization, name, history)
    line = explaining.line_of(draft, place)
    events = explaining.behind(draft, line, await history(explaining.origin_of(draft, line)))
    bill = await history(invoice.ref_of(organization, name))
    book, charge = explaining.applied(line, await history(price_book.DEFAULT))
    until = asked.start + explaining.PAGE
    return {
        "invoice": name,
        "number": draft.number,
        "line": msgspec.to_builtins(line),
        "price_book_seq": book,
        "charge": charge,
        "events": events[asked.start : until],
        "count": len(events),
        "next": until if until < len(events) else None,
        "corrections": explaining.corrections(bill, place),
        "credit_note": asked.credit_note,
        "credited": msgspec.to_builtins(noted),
    }


def _one_of(asked: ExplainRequest | ReplayRequest) -> None:
    if (asked.invoice is None) == (asked.credit_note is None):
        told = "name an invoice or a credit note, one of them"
        raise Rejected("invalid-query", told, pointer="/invoice")


async def _noted(organization: str, name: str, history: History) -> explaining.Noted:
    return explaining.noted(await history(credit_note.ref_of(organization, name)), name)


async def _draft(organization: str, month: str, history: History) -> explaining.Drafted:
    written = await history(invoice.ref_of(organization, month))
    if any(isinstance(one.event, bill1.InvoiceDrafted) for one in written):
        return explaining.drafted(written, month)
    now = clock.now()
    owner = explaining.account_now(await history(account.ref_of(organization)))
    explaining.require_running(owner, month, now)
    refs = explaining.running_refs(organization, month, owner)
    states = explaining.states_of(await history.many(refs))
    before = explaining.lines_of(written)
    return explaining.running(organization, month, now, owner, states, before)


async def replay(
    request: Mapping[str, Any], organization: str, _actor: Actor, history: History
) -> Any:
    """Answer whether the log makes the same invoice, or credit note, again, byte for byte.

    Raises:
        Rejected: `invoice-not-found` or `credit-note-not-found`.
    """
    asked = codec.question(request, ReplayRequest)
    _one_of(asked)
    owned = await history(account.ref_of(organization))
    if asked.credit_note is not None:
        note = await _noted(organization, asked.credit_note, history)
        bill = await history(invoice.ref_of(organization, note.content.invoice))
        made = explaining.note_again(note, bill, owned)
        return {"credit_note": asked.credit_note, **_replayed(note.number, note.digest, made)}
    name = asked.invoice or ""
    draft = explaining.drafted(await history(invoice.ref_of(organization, name)), name)
    refs = replaying.refs_of(draft, owned)
    made = replaying.again(draft, owned, await history.many(refs))
    return {"invoice": name, **_replayed(draft.number, draft.digest, made)}


def _replayed(number: str, digest: str, made: bytes) -> dict[str, Any]:
    found = hashlib.sha256(made).hexdigest()
    return {
        "number": number,
        "same": found == digest,
        "digest": digest,
        "replayed": found,
        "bytes": len(made),
    }


def queries(asking: Asking) -> tuple[Query, ...]:
    """Return the questions of one process, which asks the catalogue through `asking`."""
    return (
        Query(name="quote", version=1, for_kind="account", run=Quotes(asking).quote),
        Query(name="prices", version=1, for_kind="account", run=show_prices),
        Query(name="open-money", version=1, for_kind="account", run=show_open_money),
        Query(
            name="preview-voucher",
            version=1,
            for_command=BY_SHAPE[bill1.RedeemVoucher].type,
            run=_Previews().preview,
        ),
        Query(
            name="voucher-code",
            version=1,
            for_command=BY_SHAPE[bill1.IssueVoucher].type,
            run=voucher_code,
        ),
        Query(name="invoice", version=1, for_kind="invoice", run=show_invoice),
        Query(name="explain", version=1, for_kind="invoice", run=explain, of_history=True),
        Query(name="replay", version=1, for_kind="invoice", run=replay, of_history=True),
    )


_NOBODY: Final[Any] = None

QUERIES: Final = queries(_NOBODY)
"""For whoever lists what can be asked; each process answers with its own."""
