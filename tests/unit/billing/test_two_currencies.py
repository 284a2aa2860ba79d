"""Months in which things in two currencies go on: each is charged, metered and taken in its own."""

from datetime import timedelta
from typing import Any

import pytest
from tests.support import accounted, billing, build
from tests.support import usage as used
from tests.support.money import Running

from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.prices_v1 import Item, Quote

pytestmark = pytest.mark.guarantee("G12.26", "G12.11")

PROVISIONING = build.service("provisioning")


def money(currency: str, minor: int) -> bill1.Money:
    return bill1.Money(currency=currency, minor=minor)


def does(log: Running, command: Any, by: Any = billing.BILLING_ADMIN) -> None:
    assert log.does(command, billing.ACCOUNT, by).rejected is None


def bought(log: Running, name: str, currency: str) -> None:
    """Let a small WordPress run: 6.500 OMR or 16.90 USD a month."""
    sold(log, name, billing.quote(billing.item(name), currency=currency))


def sold(log: Running, name: str, quoted: Quote) -> None:
    """Let run what a quote says."""
    does(log, billing.hold(f"c-{name}", quoted), PROVISIONING)
    does(log, bill1.CaptureHold(hold=f"c-{name}", revision="r"), PROVISIONING)


def closed(log: Running) -> bill1.InvoiceContent:
    """Let the next month be closed, and return its invoice."""
    month = log.owner().due_month
    log.now += timedelta(days=32)
    log.settle()
    return log.content(month)


def test_what_goes_on_and_what_is_used_is_charged_in_the_currency_of_each() -> None:
    log = Running()
    for currency, minor in (("OMR", 7_000), ("USD", 100_000)):
        pay = bill1.RecordPayment(
            payment=f"p-{currency}", amount=money(currency, minor), reference="t"
        )
        does(log, pay)
    for name, currency in (("blog", "OMR"), ("wiki", "USD")):
        bought(log, name, currency)
    ordered = closed(log)
    assert [(str(one.total), str(one.prepaid), str(one.open)) for one in ordered.amounts] == [
        ("6.500 OMR", "6.500 OMR", "0.000 OMR"),
        ("16.90 USD", "16.90 USD", "0.00 USD"),
    ]
    # A little storage costs the least there is of it: 0.100 OMR, or 0.26 USD.
    for name in ("blog", "wiki"):
        log.reports(
            used.use(
                f"u-{name}", 7, time=log.now, subscription=f"{name}.acme-prod", meter="storage"
            )
        )
    after = closed(log)
    lines = [(one.kind, one.subscription, one.sku, str(one.amount)) for one in after.lines]
    assert lines == [
        ("month", "blog.acme-prod", "blueprint.wordpress", "1.500 OMR"),
        ("month", "blog.acme-prod", "package.s", "5.000 OMR"),
        ("month", "wiki.acme-prod", "blueprint.wordpress", "3.90 USD"),
        ("month", "wiki.acme-prod", "package.s", "13.00 USD"),
        ("usage", "blog.acme-prod", "storage", "0.100 OMR"),
        ("usage", "wiki.acme-prod", "storage", "0.26 USD"),
    ]
    # What is short in one currency is owed in it, however much there is of another.
    assert [(str(one.total), str(one.credit), str(one.open)) for one in after.amounts] == [
        ("6.600 OMR", "0.500 OMR", "6.100 OMR"),
        ("17.16 USD", "17.16 USD", "0.00 USD"),
    ]
    owner = log.owner()
    assert (owner.owed("OMR"), owner.owed("USD")) == (6_100, 0)
    assert owner.available("USD", log.now) == money("USD", 100_000 - 1_690 - 1_716)
    # Dollars that come in pay no rials.
    does(log, bill1.RecordPayment(payment="p-3", amount=money("USD", 99), reference="t"))
    assert log.owner().owed("OMR") == 6_100
    does(log, bill1.RecordPayment(payment="p-4", amount=billing.omr(6_100), reference="t"))
    assert log.owner().owed("OMR") == 0
    accounted.check(log)


def paid(log: Running, name: str, currency: str, minor: int) -> None:
    """Let money come in."""
    amount = money(currency, minor)
    does(log, bill1.RecordPayment(payment=name, amount=amount, reference="t"))


def test_what_an_order_paid_in_one_currency_keeps_the_whole_from_being_void() -> None:
    log = Running()
    paid(log, "p-1", "OMR", 6_500)
    bought(log, "blog", "OMR")
    closed(log)
    paid(log, "p-2", "USD", 1_690)
    bought(log, "wiki", "USD")
    bill = closed(log)
    assert [(one.prepaid.minor, one.open.minor) for one in bill.amounts] == [(0, 6_500), (1_690, 0)]
    void = bill1.VoidInvoice(invoice=bill.month, reason="wrong")
    found = log.does(void, billing.ACCOUNT, billing.BILLING_ADMIN)
    found.then_rejected("invoice-paid", "/data/invoice")
    accounted.check(log)


def test_a_void_invoice_gives_back_what_it_took_in_whichever_currency() -> None:
    log = Running()
    free = Item(application="wiki", environment="acme-prod", blueprint="bp-wiki")
    sold(log, "wiki", billing.quote(free))
    paid(log, "p-1", "USD", 1_690 + 1_000)
    bought(log, "blog", "USD")
    closed(log)
    bill = closed(log)
    assert [(str(one.total), str(one.credit), str(one.open)) for one in bill.amounts] == [
        ("0.000 OMR", "0.000 OMR", "0.000 OMR"),
        ("16.90 USD", "10.00 USD", "6.90 USD"),
    ]
    does(log, bill1.VoidInvoice(invoice=bill.month, reason="wrong"))
    owner = log.owner()
    assert (owner.owed("USD"), owner.open_invoices) == (0, {})
    assert owner.available("USD", log.now) == money("USD", 1_000)
    accounted.check(log)
