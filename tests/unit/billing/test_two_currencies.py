"""Months in which things in two currencies go on: each is charged, metered and taken in its own."""

from datetime import timedelta
from typing import Any

import pytest
from tests.support import accounted, billing, build
from tests.support import usage as used
from tests.support.money import Running

from catalyst.contracts import billing_v1 as bill1

pytestmark = pytest.mark.guarantee("G12.26", "G12.11")

PROVISIONING = build.service("provisioning")


def money(currency: str, minor: int) -> bill1.Money:
    return bill1.Money(currency=currency, minor=minor)


def does(log: Running, command: Any, by: Any = billing.BILLING_ADMIN) -> None:
    assert log.does(command, billing.ACCOUNT, by).rejected is None


def bought(log: Running, name: str, currency: str) -> None:
    """Let a small WordPress run: 6.500 OMR or 16.90 USD a month."""
    quoted = billing.quote(billing.item(name), currency=currency)
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
