"""The table of `billing`: accounts, prices, vouchers, subscriptions, usage and invoices."""

from __future__ import annotations

from typing import Final

from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.tables.role import (
    BILLING_ADMIN,
    MEMBERS,
    ORG_ADMIN,
    SOVEREIGN,
    SOVEREIGN_ADMIN,
)
from catalyst.contracts.tables.row import Feed, Reaction, Rows, Table

_ROWS: Final = Rows("billing")
AGGREGATES: Final = (
    "account",
    "price-book",
    "voucher",
    "redemption",
    "subscription",
    "usage",
    "invoice",
    "invoice-numbers",
    "credit-note",
    "credit-note-numbers",
)

_BILLING: Final = frozenset({BILLING_ADMIN})
_ORGANIZATION: Final = frozenset({ORG_ADMIN})
_OWN: Final = frozenset({"account", "subscription"})
_BILLS: Final = frozenset({"usage", "invoice", "credit-note"})

_MESSAGES: Final = (
    *_ROWS.commands(
        "account",
        ("grant-credit", bill1.GrantCredit),
        ("record-payment", bill1.RecordPayment),
        ("set-credit-limit", bill1.SetCreditLimit),
        ("set-spend-limit", bill1.SetSpendLimit),
        ("finalize-invoice", bill1.FinalizeInvoice),
        ("void-invoice", bill1.VoidInvoice),
        ("issue-credit-note", bill1.IssueCreditNote),
    ),
    *_ROWS.commands(
        "account",
        ("hold-credit", bill1.HoldCredit),
        ("capture-hold", bill1.CaptureHold),
        ("release-hold", bill1.ReleaseHold),
        ("credit-voucher", bill1.CreditVoucher),
        sent_by="services",
    ),
    *_ROWS.commands("price-book", ("apply-price-book", bill1.ApplyPriceBook)),
    *_ROWS.commands(
        "voucher",
        ("issue-voucher", bill1.IssueVoucher),
        ("revoke-voucher", bill1.RevokeVoucher),
    ),
    *_ROWS.commands(
        "voucher",
        ("reserve-voucher", bill1.ReserveVoucher),
        ("confirm-voucher", bill1.ConfirmVoucher),
        ("release-voucher", bill1.ReleaseVoucher),
        sent_by="services",
    ),
    *_ROWS.commands("redemption", ("redeem-voucher", bill1.RedeemVoucher)),
    *_ROWS.commands(
        "subscription", ("end-subscription", bill1.EndSubscription), sent_by="services"
    ),
    *_ROWS.events(
        "account",
        ("account-opened", bill1.AccountOpened),
        ("account-closed", bill1.AccountClosed),
        ("credit-granted", bill1.CreditGranted),
        ("payment-recorded", bill1.PaymentRecorded),
        ("grant-expired", bill1.GrantExpired),
        ("credit-held", bill1.CreditHeld),
        ("hold-captured", bill1.HoldCaptured),
        ("hold-released", bill1.HoldReleased),
        ("credit-limit-set", bill1.CreditLimitSet),
        ("spend-limit-set", bill1.SpendLimitSet),
        ("redemption-attempted", bill1.RedemptionAttempted),
        ("subscription-removed", bill1.SubscriptionRemoved),
        ("month-closed", bill1.MonthClosed),
        ("month-part-closed", bill1.MonthPartClosed),
        ("invoice-reversed", bill1.InvoiceReversed),
    ),
    *_ROWS.events("price-book", ("price-book-applied", bill1.PriceBookApplied)),
    *_ROWS.events(
        "voucher",
        ("voucher-issued", bill1.VoucherIssued),
        ("voucher-revoked", bill1.VoucherRevoked),
        ("voucher-reserved", bill1.VoucherReserved),
        ("voucher-confirmed", bill1.VoucherConfirmed),
        ("voucher-released", bill1.VoucherReleased),
    ),
    *_ROWS.events(
        "redemption",
        ("redemption-started", bill1.RedemptionStarted),
        ("redemption-reserved", bill1.RedemptionReserved),
        ("redemption-completed", bill1.RedemptionCompleted),
        ("redemption-failed", bill1.RedemptionFailed),
    ),
    *_ROWS.events(
        "subscription",
        ("subscription-started", bill1.SubscriptionStarted),
        ("subscription-changed", bill1.SubscriptionChanged),
        ("subscription-ended", bill1.SubscriptionEnded),
    ),
    *_ROWS.events(
        "usage",
        ("usage-opened", bill1.UsageOpened),
        ("usage-recorded", bill1.UsageRecorded),
        ("usage-unmatched", bill1.UsageUnmatched),
        ("usage-looked-at", bill1.UsageLookedAt),
        ("usage-invoiced", bill1.UsageInvoiced),
        ("spend-alerted", bill1.SpendAlerted),
    ),
    *_ROWS.commands("invoice-numbers", ("number-invoice", bill1.NumberInvoice), sent_by="services"),
    *_ROWS.events("invoice-numbers", ("invoice-numbered", bill1.InvoiceNumbered)),
    *_ROWS.events(
        "invoice",
        ("invoice-part-drafted", bill1.InvoicePartDrafted),
        ("invoice-drafted", bill1.InvoiceDrafted),
        ("invoice-finalized", bill1.InvoiceFinalized),
        ("invoice-paid", bill1.InvoicePaid),
        ("invoice-voided", bill1.InvoiceVoided),
        ("invoice-credited", bill1.InvoiceCredited),
    ),
    *_ROWS.commands(
        "credit-note-numbers", ("number-credit-note", bill1.NumberCreditNote), sent_by="services"
    ),
    *_ROWS.events("credit-note-numbers", ("credit-note-numbered", bill1.CreditNoteNumbered)),
    *_ROWS.events(
        "credit-note",
        ("credit-note-drafted", bill1.CreditNoteDrafted),
        ("credit-note-finalized", bill1.CreditNoteFinalized),
    ),
    *_ROWS.runtime(AGGREGATES),
)

TABLE: Final = Table(
    service="billing",
    member="billing",
    aggregates=AGGREGATES,
    messages=_MESSAGES,
    command_roles={
        "grant-credit.v1": _BILLING | SOVEREIGN,
        "record-payment.v1": _BILLING,
        "set-credit-limit.v1": _BILLING,
        "finalize-invoice.v1": _BILLING,
        "void-invoice.v1": _BILLING,
        "issue-credit-note.v1": _BILLING,
        "set-spend-limit.v1": _ORGANIZATION,
        "apply-price-book.v1": _BILLING,
        "issue-voucher.v1": SOVEREIGN,
        "revoke-voucher.v1": SOVEREIGN,
        "redeem-voucher.v1": _ORGANIZATION,
    },
    service_commands={
        "hold-credit.v1": frozenset({"provisioning"}),
        "capture-hold.v1": frozenset({"provisioning"}),
        "release-hold.v1": frozenset({"provisioning"}),
        "end-subscription.v1": frozenset({"provisioning"}),
        "credit-voucher.v1": frozenset({"billing"}),
        "number-invoice.v1": frozenset({"billing"}),
        "number-credit-note.v1": frozenset({"billing"}),
        "reserve-voucher.v1": frozenset({"billing"}),
        "confirm-voucher.v1": frozenset({"billing"}),
        "release-voucher.v1": frozenset({"billing"}),
    },
    reads_everywhere={
        SOVEREIGN_ADMIN: frozenset({"voucher", "price-book"}),
        BILLING_ADMIN: _OWN | _BILLS | {"price-book"},
    },
    reads_own={
        **dict.fromkeys(MEMBERS, _OWN),
        ORG_ADMIN: _OWN | _BILLS | {"redemption"},
    },
    service_reads={
        "billing": frozenset(AGGREGATES),
        "provisioning": _OWN | {"price-book"},
    },
    reactions=(
        Reaction(
            name="account",
            filters=(
                "evt.*.environment.organization.*.organization-created.*",
                "evt.*.environment.organization.*.organization-deleted.*",
            ),
        ),
        Reaction(name="redemption", filters=("evt.*.billing.voucher.>",)),
        Reaction(name="invoice", filters=("evt.*.billing.invoice-numbers.>",)),
        Reaction(name="credit-note", filters=("evt.*.billing.credit-note-numbers.>",)),
    ),
    sources=(Feed(name="usage", stream="USE", filters=("use.>",)),),
    asks=("catalog",),
)
