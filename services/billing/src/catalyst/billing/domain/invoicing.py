"""What an invoice says: a pure function of the account, what is sold, what was used, and prices.

The same function makes the draft of the month that runs, the invoice when the month is closed
(`closing.py`), and the invoice again from the log, byte for byte. Each line is rounded once;
nothing else is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from catalyst.billing.domain import (
    account,
    ledger,
    prices,
    usage,
)
from catalyst.billing.domain.account import Account
from catalyst.billing.domain.subscription import Subscription
from catalyst.billing.domain.usage import Usage
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts import codec
from catalyst.contracts.decision import Arm
from catalyst.contracts.money_v1 import Money, micro_half_even, total, zero
from catalyst.contracts.prices_v1 import Book

TIMER: Final = "month"
GRACE: Final = timedelta(days=1)
"""How long after its end a month is closed, so that use that is a little late is on its invoice."""
BACK: Final = 3
"""Months before the invoiced one whose late use is looked for: all in which some can come in."""

NAMES: Final = 400
"""Subscriptions that are looked at for one part of an invoice: each takes a guard in its batch."""
LINES: Final = 1_000
"""Lines of one part, unless a single subscription has more: a message has its limit."""

Line = bill1.InvoiceLine
_Used = tuple[Line, bill1.Invoiced]


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """All that an invoice is made of."""

    owner: Account
    books: Sequence[Book]
    subscriptions: Mapping[str, Subscription]
    usage: Mapping[str, Usage]
    """By month."""


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice, and what follows from it."""

    content: bill1.InvoiceContent
    journal: bill1.Journal
    invoiced: Mapping[str, tuple[bill1.Invoiced, ...]]
    """What of each month's use stands on invoices now."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Some lines of an invoice that is too long for one message."""

    lines: tuple[Line, ...]
    """Without their places."""
    invoiced: Mapping[str, tuple[bill1.Invoiced, ...]]
    """What of each month's use stands on the invoice with it."""
    after: str
    """The last subscription whose lines are drafted."""


# ---- when


def closes(month: str) -> datetime:
    """Return when a month is closed."""
    return usage.first_day(account.next_month(month)) + GRACE


def previous(month: str) -> str:
    """Return the month before one."""
    return prices.month_of(usage.first_day(month) - timedelta(days=1))


def armed(month: str, now: datetime) -> Arm:
    """Return the timer that closes a month; at once if that is late already."""
    return Arm(timer=TIMER, after=max(closes(month) - now, timedelta(seconds=1)))


# ---- what it says


def months_of(month: str) -> tuple[str, ...]:
    """Return the months whose use may stand on an invoice, oldest first."""
    found = [month]
    for _ in range(BACK):
        found.append(previous(found[-1]))
    return tuple(reversed(found))


def months_on(owner: Account, month: str) -> tuple[str, ...]:
    """Return the months whose use stands on an invoice: those before it have to be closed."""
    return tuple(one for one in months_of(month) if one == month or one < owner.due_month)


def names_of(owner: Account) -> tuple[str, ...]:
    """Return what may have to be charged."""
    return tuple(sorted({*owner.subscriptions, *owner.removed}))


def names_left(owner: Account) -> tuple[str, ...]:
    """Return what is not drafted yet of a month that is closed part by part."""
    return tuple(name for name in names_of(owner) if name > (owner.closing or ""))


def names_now(owner: Account) -> tuple[str, ...]:
    """Return what is looked at for the next part."""
    return names_left(owner)[:NAMES]


def part(month: str, of: Sources) -> Part | None:
    """Return the next part of a month with much in it; None if the rest fits the invoice itself.

    Raises:
        Rejected: As `make`.
    """
    names, lines, done = names_now(of.owner), [], 0
    for name in names:
        lines += _sold(of.subscriptions[name], month, of.owner.later)
        done += 1
        if len(lines) >= LINES:
            break
    after = names[done - 1] if done else of.owner.closing or ""
    if done < len(names_left(of.owner)):
        return Part(lines=tuple(lines), invoiced={}, after=after)
    used = _all_used(month, of)
    if len(lines) + len(used) <= LINES:
        return None
    taken = [one for one in used if one[0].amount.minor >= 0][: max(0, LINES - len(lines))]
    if not lines and not taken:
        return None
    lines += [line for line, _ in taken]
    return Part(lines=tuple(lines), invoiced=_invoiced(taken), after=after)


def part_again(month: str, of: Sources, after: str, count: int) -> tuple[Line, ...]:
    """Return the lines of a part once more, by its last subscription and its number of lines."""
    lines: list[Line] = []
    for name in (one for one in names_left(of.owner) if one <= after):
        lines += _sold(of.subscriptions[name], month, of.owner.later)
    if count > len(lines):
        used = (line for line, _ in _all_used(month, of) if line.amount.minor >= 0)
        lines += list(used)[: count - len(lines)]
    return tuple(lines)


def make(
    organization: str, month: str, made: datetime, of: Sources, before: Sequence[Line] = ()
) -> Made | None:
    """Return the invoice of a month; None if it cost nothing at all.

    Args:
        organization: Slug of the Organization.
        month: The month.
        made: When it is made.
        of: What it is made of.
        before: The lines of its parts.

    Raises:
        Rejected: `sku-unknown` or `currency-not-priced` for use without a price.
    """
    lines = [
        *before,
        *(
            line
            for name in names_left(of.owner)
            for line in _sold(of.subscriptions[name], month, of.owner.later)
        ),
    ]
    used = _borne(lines, _all_used(month, of))
    lines += [line for line, _ in used]
    if not lines:
        return None
    journal, amounts = _taken(of.owner, made, lines)
    content = bill1.InvoiceContent(
        organization=organization,
        month=month,
        made=made,
        lines=numbered(lines),
        amounts=amounts,
    )
    return Made(content=content, journal=journal, invoiced=_invoiced(used))


def numbered(lines: Iterable[Line], before: int = 0) -> tuple[Line, ...]:
    """Return lines with their places, behind so many others."""
    return tuple(
        msgspec.structs.replace(line, line=place) for place, line in enumerate(lines, before + 1)
    )


def _all_used(month: str, of: Sources) -> list[_Used]:
    return [
        found
        for one in months_on(of.owner, month)
        for found in _used(of.books, one, of.usage[one], adjusts=one != month)
    ]


def _borne(lines: Sequence[Line], used: Sequence[_Used]) -> list[_Used]:
    """Return the use that an invoice can bear: what is taken back waits, none is below nothing."""
    sums: dict[str, int] = {}
    for line in (*lines, *(line for line, _ in used if line.amount.minor >= 0)):
        due = 0 if line.hold else line.amount.minor
        sums[line.amount.currency] = sums.get(line.amount.currency, 0) + due
    found: list[_Used] = []
    back = 0
    for line, billed in used:
        currency, minor = line.amount.currency, line.amount.minor
        if minor < 0:
            back += 1
            if sums.get(currency, 0) + minor < 0 or back > LINES:
                continue
            sums[currency] += minor
        found.append((line, billed))
    return found


def _invoiced(used: Iterable[_Used]) -> dict[str, tuple[bill1.Invoiced, ...]]:
    found: dict[str, list[bill1.Invoiced]] = {}
    for line, billed in used:
        found.setdefault(line.period, []).append(billed)
    return {month: tuple(billed) for month, billed in found.items()}


def text(content: bill1.InvoiceContent) -> bytes:
    """Return an invoice as bytes, the same for the same."""
    return codec.encode(content)


def digest(content: bill1.InvoiceContent) -> str:
    """Return the fingerprint of an invoice."""
    return hashlib.sha256(text(content)).hexdigest()


def _sold(sold: Subscription, month: str, later: Mapping[str, str]) -> list[Line]:
    """Return the lines of what is sold: what goes on, whole, and what was ordered in the month.

    What was ordered once its own month had been closed stands on the next invoice.
    """
    name = prices.subscription_id(sold.application, sold.environment)
    found: list[Line] = []
    terms = sold.entering(month)
    if terms is not None:
        of = (terms.book, terms.version)
        found += [_line("month", month, name, *of, one) for one in terms.lines]
    for bought in (one for one in sold.bought if later.get(one.hold, one.month) == month):
        lines = [
            msgspec.structs.replace(
                _line("ordered", bought.month, name, bought.book, bought.version, one),
                hold=bought.hold,
            )
            for one in bought.lines
        ]
        found += lines if bought.before is None else _changed(lines, bought.before)
    return found


def _line(kind: Any, month: str, name: str, book: str, version: str, of: bill1.QuoteLine) -> Line:
    return Line(
        line=0,
        kind=kind,
        period=month,
        subscription=name,
        sku=of.sku,
        name=of.name,
        quantity=1,
        formula=of.formula,
        book=book,
        version=version,
        amount=of.amount,
    )


def _changed(lines: Sequence[Line], before: Money) -> list[Line]:
    """Return the one line of a change: what it costs more than what was paid for the month."""
    if not lines:
        return []
    after = total(before.currency, (line.amount for line in lines))
    more = Money(currency=before.currency, minor=max(0, after.minor - before.minor))
    formula = f"{after} a month, less {before} paid for this one"
    return [
        msgspec.structs.replace(
            lines[0], sku="change", name="Change of what is sold", formula=formula, amount=more
        )
    ]


def _used(
    books: Sequence[Book], month: str, used: Usage, *, adjusts: bool
) -> Iterable[tuple[Line, bill1.Invoiced]]:
    """Yield a line for each meter that stands on no invoice as it is now."""
    for key, metered in sorted(used.meters.items()):
        billed = used.invoiced.get(key)
        priced = usage.price(books, month, metered)
        amount = micro_half_even(priced.amount)
        before = billed.amount if billed is not None else zero(amount.currency)
        more = amount.minus(before)
        if billed is not None and more.minor == 0:
            continue
        late = f", less {before} invoiced before" if billed is not None else ""
        line = Line(
            line=0,
            kind="adjustment" if adjusts else "usage",
            period=month,
            subscription=metered.subscription,
            sku=metered.meter,
            name=usage.charge_of(books, month, metered).name,
            quantity=metered.quantity,
            formula=f"{priced.formula}{late}",
            book=usage.version_of(books, month, metered).book,
            version=metered.version,
            amount=more,
        )
        yield (
            line,
            bill1.Invoiced(
                subscription=metered.subscription,
                meter=metered.meter,
                quantity=metered.quantity,
                amount=amount,
            ),
        )


def _taken(
    owner: Account, made: datetime, lines: Sequence[Line]
) -> tuple[bill1.Journal, tuple[bill1.InvoiceAmount, ...]]:
    """Return how an invoice is taken from credit, and what it adds up to in each currency."""
    postings: list[bill1.Posting] = []
    amounts: list[bill1.InvoiceAmount] = []
    for currency in sorted({line.amount.currency for line in lines}):
        of = [line for line in lines if line.amount.currency == currency]
        whole = total(currency, (line.amount for line in of))
        ordered = total(currency, (line.amount for line in of if line.hold))
        due, owed = whole.minus(ordered), _unpaid(owner, of)
        sides, credit = ledger.charge(owner.credits, due, made)
        postings += sides.postings
        amounts.append(
            bill1.InvoiceAmount(
                total=whole,
                prepaid=ordered.minus(owed),
                credit=credit,
                open=due.minus(credit).plus(owed),
            )
        )
    return bill1.Journal(postings=tuple(postings)), tuple(amounts)


def _unpaid(owner: Account, lines: Sequence[Line]) -> Money:
    """Return what is owed of the orders on an invoice, all of which is of one currency."""
    currency = lines[0].amount.currency
    orders = (owner.unpaid.get(hold) for hold in dict.fromkeys(line.hold for line in lines))
    return total(currency, (one.amount for one in orders if one is not None))
