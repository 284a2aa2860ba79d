"""What holds of an Organization's money at any time, and in the end: held against the log alone."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import assert_never

from tests.support import billing, purses
from tests.support.money import Running

from catalyst.billing.domain import (
    credit_note,
    invoice,
    invoicing,
    ledger,
    price_book,
    usage,
)
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.decision import Recorded
from catalyst.contracts.money_v1 import micro_half_even
from catalyst.contracts.subjects import Ref
from catalyst.contracts.usage_v1 import Metered, Use

CURRENCIES = ("OMR", "USD")


def check(log: Running, *, since: int = 0) -> None:
    """Assert all that holds after each step; documents are made again from event `since` on."""
    _postings_add_up_and_make_the_balances(log)
    _what_is_set_aside_and_owed_is_that_of_something(log)
    _revenue_is_what_was_taken_less_what_was_given_back(log)
    _credit_is_kept_as_in_purses(log)
    _numbers_have_no_gaps_and_one_holder_each(log)
    _no_line_stands_twice(log)
    _each_use_counts_once(log)
    _use_is_invoiced_as_the_lines_say(log)
    _documents_are_made_again_byte_by_byte(log, since)


def check_end(log: Running) -> None:
    """Assert what holds once nothing is on its way, and every month that was sold is closed."""
    check(log)
    assert not log.owner().holds
    _each_document_has_its_number(log)
    _each_order_is_invoiced_as_it_was_taken(log)
    _each_month_is_charged_once(log)
    _no_month_goes_free(log)
    _all_use_is_invoiced(log)


# ---- after each step


def _postings_add_up_and_make_the_balances(log: Running) -> None:
    sums, left = Counter[str](), Counter[str]()
    for one in _of(log, billing.ACCOUNT):
        journal = getattr(one.event, "journal", None)
        for side in journal.postings if journal is not None else ():
            assert side.amount.minor, "a posting moves something"
            if side.account == "credit":
                left[side.entry] += side.amount.minor
            else:
                sums[f"{side.account}:{side.amount.currency}"] += side.amount.minor
        ledger.check(journal or bill1.Journal())
    owner = log.owner()
    assert +sums == +Counter(owner.balances)
    assert -sums == -Counter(owner.balances)
    assert {name: minor for name, minor in left.items() if minor} == {
        name: one.left for name, one in owner.credits.items() if one.left
    }
    assert all(minor >= 0 for minor in left.values())


def _what_is_set_aside_and_owed_is_that_of_something(log: Running) -> None:
    owner = log.owner()
    for currency in CURRENCIES:
        of_holds = sum(
            side.amount.minor
            for hold in owner.holds.values()
            for side in hold.journal.postings
            if (side.account, side.amount.currency) == ("held", currency)
        )
        assert ledger.balance(owner.balances, "held", currency) == of_holds
        open_ = sum(one.get(currency, 0) for one in owner.open_invoices.values())
        orders = [one.amount for one in owner.unpaid.values()]
        ordered = sum(one.minor for one in orders if one.currency == currency)
        assert 0 <= open_ + ordered <= owner.owed(currency)
        if not owner.holds:
            assert open_ + ordered == owner.owed(currency)


def _revenue_is_what_was_taken_less_what_was_given_back(log: Running) -> None:
    taken = Counter[str]()
    for one in log.events:
        match one.event:
            case bill1.HoldCaptured(amount=amount):
                taken[amount.currency] += amount.minor
            case bill1.CreditNoteDrafted(content=content):
                taken[content.total.currency] -= content.total.minor
            case bill1.InvoiceVoided():
                for each in log.content(one.ref.id).amounts:
                    taken[each.total.currency] -= each.total.minor
            case bill1.InvoiceDrafted():
                for line in invoice.whole(one.event, _parts(log, one)).lines:
                    taken[line.amount.currency] += 0 if line.hold else line.amount.minor
            case _:
                pass
    balances = log.owner().balances
    for currency in CURRENCIES:
        assert ledger.balance(balances, "revenue", currency) == taken[currency]


def _credit_is_kept_as_in_purses(log: Running) -> None:
    kept, owner = purses.followed(_of(log, billing.ACCOUNT)), log.owner()
    assert {name: one.left for name, one in kept.all.items() if one.left} == {
        name: one.left for name, one in owner.credits.items() if one.left
    }
    for currency in CURRENCIES:
        assert ledger.balance(owner.balances, "clearing", currency) == -kept.came[currency]
        assert ledger.balance(owner.balances, "breakage", currency) == kept.lost[currency]


def _numbers_have_no_gaps_and_one_holder_each(log: Running) -> None:
    given: dict[Ref, list[int]] = {}
    holders: list[tuple[str, str]] = []
    for one in log.events:
        if isinstance(one.event, bill1.InvoiceNumbered):
            holders.append(("invoice", one.event.invoice))
        elif isinstance(one.event, bill1.CreditNoteNumbered):
            holders.append(("note", one.event.note))
        else:
            continue
        given.setdefault(one.ref, []).append(one.event.count)
    assert all(counts == list(range(1, len(counts) + 1)) for counts in given.values())
    assert len(set(holders)) == len(holders)


def _no_line_stands_twice(log: Running) -> None:
    lines = [
        (line.kind, line.period, line.subscription, line.sku, line.hold)
        for _, line in _lines(log)
        if line.kind in {"month", "ordered"}
    ]
    assert len(set(lines)) == len(lines)
    on: dict[str, set[str]] = {}
    for month, line in _lines(log):
        if line.hold:
            on.setdefault(line.hold, set()).add(month)
    assert all(len(months) == 1 for months in on.values())


def _each_use_counts_once(log: Running) -> None:
    counted: dict[tuple[str, str], dict[str, Use]] = {}
    names: set[tuple[str, str]] = set()
    for one in log.events:
        if isinstance(one.event, bill1.UsageRecorded):
            for use in one.event.uses:
                assert (use.source, use.id) not in names
                names.add((use.source, use.id))
                key = usage.key_of(use.subscription, use.meter)
                counted.setdefault((one.ref.id, key), {})[use.id] = use
    for month, state in _used(log):
        for key, metered in state.meters.items():
            uses = list(counted.pop((month, key)).values())
            assert (metered.quantity, metered.uses) == (_amount(metered, uses), len(uses))
    assert not counted


def _amount(metered: Metered, uses: Sequence[Use]) -> int:
    """Return what some uses come to, as a child would reckon it."""
    match metered.aggregation:
        case "sum":
            return sum(use.quantity for use in uses)
        case "count":
            return len(uses)
        case "max":
            return max(use.quantity for use in uses)
        case "latest":
            return max(uses, key=lambda use: (use.time, use.source, use.id)).quantity
        case "unique":
            return len({use.value for use in uses})
        case _:
            assert_never(metered.aggregation)


def _use_is_invoiced_as_the_lines_say(log: Running) -> None:
    said = Counter[tuple[str, str, str]]()
    for _, line in _lines(log):
        if line.kind in {"usage", "adjustment"}:
            said[line.period, line.subscription, line.sku] += line.amount.minor
    for month, state in _used(log):
        for key, billed in state.invoiced.items():
            name, _, meter = key.rpartition("/")
            assert said.pop((month, name, meter), 0) == billed.amount.minor
    assert not +said


def _documents_are_made_again_byte_by_byte(log: Running, since: int) -> None:
    for one in log.events[since:]:
        match one.event:
            case bill1.InvoiceDrafted():
                content = log.content(one.ref.id)
                assert log.again(one.ref.id) == invoicing.text(content)
                assert one.event.before == len(_parts(log, one))
            case bill1.CreditNoteDrafted(content=noted):
                assert log.note_again(one.ref.id) == credit_note.text(noted)
            case _:
                pass


def _each_document_has_its_number(log: Running) -> None:
    for one in log.events:
        if isinstance(one.event, bill1.InvoiceDrafted | bill1.CreditNoteDrafted):
            assert log.scene.world.state(one.ref).number


def _each_order_is_invoiced_as_it_was_taken(log: Running) -> None:
    said, taken = Counter[str](), Counter[str]()
    for _, line in _lines(log):
        if line.hold:
            said[line.hold] += line.amount.minor
    for one in log.events:
        if isinstance(one.event, bill1.HoldCaptured):
            taken[one.event.hold] += one.event.amount.minor
    assert +said == +taken


def _each_month_is_charged_once(log: Running) -> None:
    for one in log.events:
        if isinstance(one.event, bill1.MonthClosed):
            lines = log.content(one.event.invoice).lines if one.event.invoice else ()
            found = Counter[str]()
            for line in lines:
                if line.kind == "month":
                    assert line.period == one.event.month
                    found[line.subscription] += line.amount.minor
            assert found == _sold_before(log, one.event.month)


def _no_month_goes_free(log: Running) -> None:
    """Assert that a month is still to be closed when an order of before is taken in it."""
    closed: set[str] = set()
    for one in log.events:
        match one.event:
            case bill1.MonthClosed(month=month) | bill1.MonthPartClosed(month=month):
                closed.add(month)
            case bill1.HoldCaptured(taken=taken):
                assert taken not in closed
            case _:
                pass


def _sold_before(log: Running, month: str) -> Counter[str]:
    """Return what goes on into a month, of all that stood in the log when it was closed."""
    end = next(
        one.seq
        for one in _of(log, billing.ACCOUNT)
        if isinstance(one.event, bill1.MonthClosed) and one.event.month == month
    )
    by_month: dict[str, dict[str, int]] = {}
    for one in log.events[:end]:
        match one.event:
            case bill1.SubscriptionStarted(month=of) | bill1.SubscriptionChanged(month=of):
                costs = sum(line.amount.minor for line in one.event.lines)
                by_month.setdefault(one.ref.id, {})[of] = costs
            case bill1.SubscriptionEnded(month=of):
                by_month.setdefault(one.ref.id, {})[of] = -1
            case _:
                pass
    found = Counter[str]()
    for name, months in by_month.items():
        before = [of for of in months if of < month]
        if before and months[max(before)] >= 0:
            found[name] = months[max(before)]
    return found


def _all_use_is_invoiced(log: Running) -> None:
    for month, state in _used(log):
        books = log.scene.world.state(price_book.DEFAULT).versions
        for key, metered in state.meters.items():
            costs = micro_half_even(usage.price(books, month, metered).amount)
            billed = state.invoiced.get(key)
            # What is to be given back waits for an invoice that can bear it.
            assert billed is not None
            assert billed.amount.minor >= costs.minor


# ---- how


def _of(log: Running, ref: Ref) -> Iterator[Recorded]:
    return (one for one in log.events if one.ref == ref)


def _lines(log: Running) -> Iterator[tuple[str, bill1.InvoiceLine]]:
    """Yield every line with its invoice, also of one that is drafted in part."""
    for one in log.events:
        match one.event:
            case bill1.InvoicePartDrafted(lines=lines):
                yield from ((one.ref.id, line) for line in lines)
            case bill1.InvoiceDrafted(content=content):
                yield from ((one.ref.id, line) for line in content.lines)
            case _:
                pass


def _parts(log: Running, drafted: Recorded) -> list[bill1.InvoiceLine]:
    return [
        line
        for one in _of(log, drafted.ref)
        if isinstance(one.event, bill1.InvoicePartDrafted)
        for line in one.event.lines
    ]


def _used(log: Running) -> list[tuple[str, usage.Usage]]:
    states = log.scene.world.states
    return [(ref.id, one) for ref, one in states.items() if ref.aggregate == usage.AGGREGATE]
