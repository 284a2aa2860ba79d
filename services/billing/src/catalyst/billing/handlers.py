"""What happens when something arrives: the whole of billing as one table.

The chassis runs it; `service` is called by `main.py` and by the embedded stack. The commands of the
runtime itself (retry, drop, take-answer) have no row: the chassis decides them.
"""

from __future__ import annotations

from typing import Final

from catalyst.billing.domain import (
    account,
    change,
    closing,
    correcting,
    counting,
    credit,
    credit_note,
    holds,
    invoice,
    numbering,
    price_book,
    redemption,
    subscription,
    usage,
    voucher,
)
from catalyst.billing.queries import queries
from catalyst.chassis.service import Aggregate, Asking, Process, Rule, Service, Source, on
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.topology import USE

NAME: Final = "billing"

AGGREGATES: Final = (
    Aggregate(name=account.AGGREGATE, initial=account.Account(), evolve=account.evolve, fold=7),
    Aggregate(name=price_book.AGGREGATE, initial=price_book.PriceBook(), evolve=price_book.evolve),
    Aggregate(name=voucher.AGGREGATE, initial=voucher.Voucher(), evolve=voucher.evolve),
    Aggregate(name=redemption.AGGREGATE, initial=redemption.Redemption(), evolve=redemption.evolve),
    Aggregate(
        name=subscription.AGGREGATE,
        initial=subscription.Subscription(),
        evolve=subscription.evolve,
        fold=6,
    ),
    Aggregate(name=usage.AGGREGATE, initial=usage.Usage(), evolve=usage.evolve, fold=4),
    Aggregate(name=invoice.AGGREGATE, initial=invoice.Invoice(), evolve=invoice.evolve, fold=2),
    Aggregate(
        name=numbering.INVOICES.aggregate,
        initial=numbering.Numbers(),
        evolve=invoice.evolve_numbers,
    ),
    Aggregate(
        name=credit_note.AGGREGATE, initial=credit_note.CreditNote(), evolve=credit_note.evolve
    ),
    Aggregate(
        name=numbering.NOTES.aggregate,
        initial=numbering.Numbers(),
        evolve=credit_note.evolve_numbers,
    ),
    # decided by provisioning, read and guarded here
    Aggregate(
        service=change.SERVICE,
        name=change.AGGREGATE,
        initial=change.Change(),
        evolve=change.evolve,
    ),
)

RULES: Final[tuple[Rule, ...]] = (
    # What comes into accounts
    on(bill1.GrantCredit, "account", credit.grant_credit, credit.reads_prices),
    on(bill1.RecordPayment, "account", credit.record_payment, credit.reads_payment),
    on(bill1.CreditVoucher, "account", credit.credit_voucher, credit.reads_voucher),
    on(bill1.SetCreditLimit, "account", credit.set_credit_limit, credit.reads_prices),
    on(bill1.SetSpendLimit, "account", credit.set_spend_limit, credit.reads_prices),
    # What is spent
    on(bill1.HoldCredit, "account", holds.hold_credit, holds.reads_hold),
    on(bill1.CaptureHold, "account", holds.capture_hold, holds.reads_capture),
    on(bill1.ReleaseHold, "account", holds.release_hold),
    on(bill1.EndSubscription, "subscription", subscription.end, subscription.reads_account),
    # Prices
    on(bill1.ApplyPriceBook, "price-book", price_book.apply),
    # Invoices
    on(bill1.FinalizeInvoice, "account", closing.finalize, closing.reads_finalized),
    on(bill1.NumberInvoice, "invoice-numbers", invoice.number, invoice.reads_next),
    on(bill1.VoidInvoice, "account", correcting.void, correcting.reads_void),
    on(bill1.IssueCreditNote, "account", correcting.issue, correcting.reads_note),
    on(
        bill1.NumberCreditNote,
        "credit-note-numbers",
        credit_note.number,
        credit_note.reads_next,
    ),
    # Vouchers
    on(bill1.IssueVoucher, "voucher", voucher.issue, voucher.reads_prices, makes=True),
    on(bill1.RevokeVoucher, "voucher", voucher.revoke),
    on(bill1.ReserveVoucher, "voucher", voucher.reserve),
    on(bill1.ConfirmVoucher, "voucher", voucher.confirm),
    on(bill1.ReleaseVoucher, "voucher", voucher.release, voucher.reads_release),
    on(
        bill1.RedeemVoucher,
        "redemption",
        redemption.redeem,
        redemption.reads_account,
        makes=True,
    ),
)

PROCESSES: Final[tuple[Process, ...]] = (
    Process(
        name="account",
        aggregate=account.AGGREGATE,
        correlate=credit.correlate,
        react=credit.react,
        events=(env1.OrganizationCreated, env1.OrganizationDeleted),
        reads=credit.reads_closing,
    ),
    Process(
        name="voucher",
        aggregate=voucher.AGGREGATE,
        correlate=voucher.correlate,
        react=voucher.react,
        events=(),
        reads=voucher.reads_firing,
    ),
    Process(
        name="waiting",
        aggregate=usage.AGGREGATE,
        correlate=counting.correlate_nothing,
        react=counting.react_again,
        events=(),
        reads=counting.reads_again,
    ),
    Process(
        name="redemption",
        aggregate=redemption.AGGREGATE,
        correlate=redemption.correlate,
        react=redemption.react,
        events=(bill1.VoucherReserved, bill1.VoucherConfirmed, bill1.VoucherReleased),
    ),
    Process(
        name="invoice",
        aggregate=invoice.AGGREGATE,
        correlate=invoice.correlate,
        react=invoice.react,
        events=(bill1.InvoiceNumbered,),
    ),
    Process(
        name="credit-note",
        aggregate=credit_note.AGGREGATE,
        correlate=credit_note.correlate,
        react=credit_note.react,
        events=(bill1.CreditNoteNumbered,),
    ),
)

SOURCES: Final[tuple[Source, ...]] = (
    Source(
        name="usage",
        stream=USE,
        decode=counting.decode,
        correlate=counting.correlate,
        react=counting.react,
        reads=counting.reads,
        max_items=counting.AT_ONCE,
    ),
)


def service(asking: Asking) -> Service:
    """Return the table; its questions ask other services through `asking`."""
    return Service(
        name=NAME,
        aggregates=AGGREGATES,
        rules=RULES,
        processes=PROCESSES,
        sources=SOURCES,
        queries=queries(asking),
    )
