"""Golden payloads of billing, around the same story: `acme` installs its blog, and pays for it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import msgspec

from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.message import Command, Event, derived_id
from catalyst.contracts.prices_v1 import Item, Quote
from catalyst.contracts.usage_v1 import Invoiced, Metered, Unmatched, Use
from catalyst.contracts.voucher_v1 import voucher_id

NOON: Final = datetime(2026, 4, 2, 12, 0, tzinfo=UTC)
LATER: Final = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
GEN: Final = derived_id("c-7Q2", 0)
PLAN_HASH: Final = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
CODE: Final = "VCH-7QKD-M2XW-PA4R"
VOUCHER: Final = voucher_id(CODE)
BOOK_TEXT: Final = """\
book: main
version: "2026-04"
from: 2026-04-01
currencies: [OMR]
packages:
  s: {name: Small, month: {OMR: "5.000"}}
blueprints:
  wordpress: {name: WordPress, month: {OMR: "1.500"}}
"""


def omr(minor: int) -> bill1.Money:
    """Return so many baisa."""
    return bill1.Money(currency="OMR", minor=minor)


def micro(amount: int) -> bill1.MicroMoney:
    """Return so many millionths of an OMR."""
    return bill1.MicroMoney(currency="OMR", micro=amount)


BLOG: Final = Item(
    application="blog",
    environment="acme-prod",
    blueprint="bp-wordpress",
    version="1.2.0",
    plan="s",
)
LINES: Final = (
    bill1.QuoteLine(
        sku="blueprint.wordpress",
        name="WordPress",
        formula="1 month x 1.500 OMR",
        amount=omr(1500),
        application="blog",
        environment="acme-prod",
    ),
    bill1.QuoteLine(
        sku="package.s",
        name="Small",
        formula="1 month x 5.000 OMR",
        amount=omr(5000),
        application="blog",
        environment="acme-prod",
    ),
)
QUOTE: Final = Quote(
    book="main", version="2026-04", items=(BLOG,), lines=LINES, total=omr(6500), due=omr(6500)
)
GOODWILL: Final = bill1.Grant(
    grant="goodwill-sorry-1",
    amount=omr(10_000),
    source="goodwill",
    priority=50,
    expires=LATER,
    reason="Two hours of silence in March.",
)
BOOK: Final = bill1.Book(
    book="main",
    version="2026-04",
    start=datetime(2026, 4, 1, tzinfo=UTC),
    currencies=("OMR",),
    packages=(bill1.Priced(sku="s", name="Small", month=(omr(5000),)),),
    addons=(
        bill1.Addon(
            sku="addon.backup", name="Backup", month=(omr(750),), packages={"s": "optional"}
        ),
    ),
    blueprints=(bill1.Priced(sku="wordpress", name="WordPress", month=(omr(1500),)),),
    usage=(
        bill1.Charge(
            sku="storage",
            name="Storage",
            unit="GiB-hour",
            aggregation="sum",
            formula="graduated",
            steps=(
                bill1.Step(up_to=1000, price=(micro(0),)),
                bill1.Step(up_to=None, price=(micro(40),)),
            ),
            minimum=(omr(100),),
        ),
    ),
)


def moved(*sides: tuple[str, int, str]) -> bill1.Journal:
    """Return a group of postings in OMR, each as account, minor units and entry."""
    return bill1.Journal(
        postings=tuple(
            bill1.Posting(account=account, entry=entry, amount=omr(minor))  # type: ignore[arg-type]
            for account, minor, entry in sides
        )
    )


_ACCOUNT: Final = (
    bill1.GrantCredit(
        grant="sorry-1",
        amount=omr(10_000),
        reason="Two hours of silence in March.",
        expires=LATER,
    ),
    bill1.RecordPayment(payment="2026-014", amount=omr(25_000), reference="Transfer 7781 of Acme"),
    bill1.SetCreditLimit(limit=omr(0)),
    bill1.SetSpendLimit(limit=omr(50_000)),
    bill1.HoldCredit(hold="c-install-blog", plan_hash=PLAN_HASH, quote=QUOTE, minutes=60),
    bill1.CaptureHold(hold="c-install-blog", revision="3f2a9c1d"),
    bill1.ReleaseHold(hold="c-install-blog", reason="The change was cancelled."),
    bill1.CreditVoucher(
        redemption="r-1", voucher=VOUCHER, prefix="VCH-7QKD…", amount=omr(5000), expires=LATER
    ),
    bill1.AccountOpened(organization="acme"),
    bill1.AccountClosed(organization="acme"),
    bill1.CreditGranted(
        grant=GOODWILL,
        journal=moved(("clearing", -10_000, ""), ("credit", 10_000, GOODWILL.grant)),
        gen=GEN,
    ),
    bill1.PaymentRecorded(
        payment="2026-014",
        amount=omr(25_000),
        reference="Transfer 7781 of Acme",
        settled=omr(5000),
        journal=moved(
            ("clearing", -25_000, ""), ("receivable", 5000, ""), ("credit", 20_000, "payment-014")
        ),
        grant=bill1.Grant(grant="payment-014", amount=omr(20_000), source="payment", priority=50),
    ),
    bill1.GrantExpired(
        grant=GOODWILL.grant,
        journal=moved(("credit", -3500, GOODWILL.grant), ("breakage", 3500, "")),
    ),
    bill1.CreditHeld(
        hold="c-install-blog",
        plan_hash=PLAN_HASH,
        quote=QUOTE,
        expires=LATER,
        gen=GEN,
        journal=moved(("credit", -6500, GOODWILL.grant), ("held", 6500, "c-install-blog")),
    ),
    bill1.HoldCaptured(
        hold="c-install-blog",
        revision="3f2a9c1d",
        amount=omr(6500),
        month="2026-04",
        subscriptions=("blog.acme-prod",),
        journal=moved(("held", -6500, "c-install-blog"), ("revenue", 6500, "")),
    ),
    bill1.HoldReleased(
        hold="c-install-blog",
        reason="The change was cancelled.",
        journal=moved(("held", -6500, "c-install-blog"), ("credit", 6500, GOODWILL.grant)),
    ),
    bill1.CreditLimitSet(limit=omr(0)),
    bill1.SpendLimitSet(limit=omr(50_000)),
    bill1.RedemptionAttempted(redemption="r-1", time=NOON),
    bill1.SubscriptionRemoved(subscription="blog.acme-prod"),
)

_SUBSCRIPTION: Final = (
    bill1.EndSubscription(reason="The Application was removed."),
    bill1.SubscriptionStarted(
        application="blog",
        environment="acme-prod",
        book="main",
        version="2026-04",
        lines=LINES,
        month="2026-04",
        hold="c-install-blog",
        revision="3f2a9c1d",
    ),
    bill1.SubscriptionChanged(
        application="blog",
        environment="acme-prod",
        book="main",
        version="2026-04",
        lines=LINES[:1],
        month="2026-05",
        hold="c-shrink-blog",
        revision="9a41bb02",
    ),
    bill1.SubscriptionEnded(
        application="blog",
        environment="acme-prod",
        month="2026-06",
        reason="The Application was removed.",
    ),
)

_PRICES: Final = (
    bill1.ApplyPriceBook(document=BOOK_TEXT),
    bill1.PriceBookApplied(
        content=BOOK,
        digest=PLAN_HASH,
        changes=(bill1.PriceChange(sku="package.s", change="added", after="5.000 OMR a month"),),
    ),
)

_VOUCHERS: Final = (
    bill1.IssueVoucher(
        code=CODE, amount=omr(5000), cap=100, description="Spring fair", ends=LATER, credit_days=90
    ),
    bill1.RevokeVoucher(reason="The code was printed in a newspaper."),
    bill1.ReserveVoucher(organization="acme", redemption="r-1"),
    bill1.ConfirmVoucher(organization="acme", redemption="r-1"),
    bill1.ReleaseVoucher(organization="acme", redemption="r-1", reason="account-closed"),
    bill1.VoucherIssued(
        prefix="VCH-7QKD…",
        amount=omr(5000),
        cap=100,
        description="Spring fair",
        ends=LATER,
        credit_days=90,
    ),
    bill1.VoucherRevoked(reason="The code was printed in a newspaper."),
    bill1.VoucherReserved(
        organization="acme",
        redemption="r-1",
        prefix="VCH-7QKD…",
        amount=omr(5000),
        deadline=LATER,
        gen=GEN,
        expires=LATER,
    ),
    bill1.VoucherConfirmed(organization="acme", redemption="r-1"),
    bill1.VoucherReleased(organization="acme", redemption="r-1", reason="account-closed"),
    bill1.RedeemVoucher(code=CODE),
    bill1.RedemptionStarted(voucher=VOUCHER, deadline=LATER, gen=GEN, asked=GEN),
    bill1.RedemptionReserved(amount=omr(5000), prefix="VCH-7QKD…", asked=GEN),
    bill1.RedemptionCompleted(),
    bill1.RedemptionFailed(code="voucher-not-found"),
)

USE: Final = Use(
    source="ai-gateway",
    id="call-771",
    time=NOON,
    subscription="blog.acme-prod",
    meter="storage",
    quantity=1200,
)
OTHER: Final = msgspec.structs.replace(USE, quantity=1300)
METERED: Final = Metered(
    subscription="blog.acme-prod",
    meter="storage",
    aggregation="sum",
    quantity=1200,
    uses=1,
    version="2026-04",
    amount=micro(100_000),
)

_USAGE: Final[tuple[Command | Event, ...]] = (
    bill1.UsageOpened(month="2026-04"),
    bill1.UsageRecorded(uses=(USE,), meters=(METERED,), waited=1),
    bill1.UsageUnmatched(
        uses=(
            Unmatched(use=OTHER, code="sku-unknown", reason="no such meter", since=USE.time),
            Unmatched(use=OTHER, code="other-content", reason="another one counts", first=USE),
        )
    ),
    bill1.UsageLookedAt(after="9b74c9897bac770ffc029102a200c5de.3f2a9c81d0b4e657"),
    bill1.UsageInvoiced(
        invoice="2026-04-omr",
        meters=(
            Invoiced(subscription="blog.acme-prod", meter="gb", quantity=1200, amount=omr(100)),
        ),
    ),
    bill1.SpendAlerted(percent=80, spent=omr(8000), limit=omr(10_000)),
)

INVOICE: Final = bill1.InvoiceContent(
    organization="acme",
    month="2026-04",
    made=datetime(2026, 5, 2, tzinfo=UTC),
    lines=(
        bill1.InvoiceLine(
            line=1,
            kind="usage",
            period="2026-04",
            subscription="blog.acme-prod",
            sku="storage",
            name="Storage",
            quantity=1200,
            formula="graduated: 1200 GiB-hour, at least 0.100 OMR",
            book="main",
            version="2026-04",
            amount=omr(100),
        ),
    ),
    amounts=(bill1.InvoiceAmount(total=omr(100), prepaid=omr(0), credit=omr(60), open=omr(40)),),
)

_INVOICES: Final[tuple[Command | Event, ...]] = (
    bill1.MonthClosed(
        month="2026-04",
        invoice="2026-04",
        open=(omr(40),),
        journal=moved(
            ("credit", -60, "goodwill-sorry-1"), ("receivable", -40, ""), ("revenue", 100, "")
        ),
    ),
    bill1.FinalizeInvoice(month="2026-04"),
    bill1.NumberInvoice(organization="acme", invoice="2026-04"),
    bill1.InvoiceNumbered(organization="acme", invoice="2026-04", count=17, number="2026-000017"),
    bill1.MonthPartClosed(month="2026-04", after="blog.acme-prod"),
    bill1.InvoicePartDrafted(lines=INVOICE.lines),
    bill1.InvoiceDrafted(content=INVOICE, digest=PLAN_HASH),
    bill1.InvoiceFinalized(number="2026-000017", digest=PLAN_HASH),
    bill1.InvoicePaid(payment="p-1"),
)

NOTE: Final = bill1.CreditNoteContent(
    organization="acme",
    note="outage-1",
    invoice="2026-04",
    invoice_number="2026-000017",
    made=LATER,
    reason="Storage was gone for two days.",
    lines=(
        bill1.NoteLine(
            line=1,
            period="2026-04",
            subscription="blog.acme-prod",
            sku="storage",
            name="Storage",
            invoiced=omr(100),
            before=omr(0),
            amount=omr(60),
        ),
    ),
    total=omr(60),
    lowered=omr(40),
    credit=omr(20),
)
_CREDITED: Final = (bill1.Credited(line=1, amount=omr(60)),)

_CORRECTIONS: Final[tuple[Command | Event, ...]] = (
    bill1.VoidInvoice(invoice="2026-04", reason="It was made out to the wrong Organization."),
    bill1.IssueCreditNote(note="outage-1", invoice="2026-04", lines=_CREDITED, reason=NOTE.reason),
    bill1.InvoiceReversed(
        invoice="2026-04",
        note="outage-1",
        lowered=(omr(40),),
        journal=moved(
            ("revenue", -60, ""), ("receivable", 40, ""), ("credit", 20, "correction-outage-1")
        ),
        grants=(
            bill1.Grant(
                grant="correction-outage-1",
                amount=omr(20),
                source="correction",
                priority=50,
                reason="credit note outage-1",
            ),
        ),
    ),
    bill1.InvoiceVoided(reason="It was made out to the wrong Organization."),
    bill1.InvoiceCredited(note="outage-1", lines=_CREDITED),
    bill1.NumberCreditNote(organization="acme", note="outage-1"),
    bill1.CreditNoteNumbered(
        organization="acme", note="outage-1", count=3, number="CN-2026-000003"
    ),
    bill1.CreditNoteDrafted(content=NOTE, digest=PLAN_HASH),
    bill1.CreditNoteFinalized(number="CN-2026-000003", digest=PLAN_HASH),
)

BILLING: Final[tuple[Command | Event, ...]] = (
    *_ACCOUNT,
    *_SUBSCRIPTION,
    *_PRICES,
    *_VOUCHERS,
    *_USAGE,
    *_INVOICES,
    *_CORRECTIONS,
)
