"""Builders for the billing domain: a valid thing by default, and what matters is visible."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from tests.support import build
from tests.support.scenario import Given, on

from catalyst.billing.domain import account, ledger, price_book, prices, redemption, voucher
from catalyst.billing.domain.book_text import book_of
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts import roles
from catalyst.contracts.prices_v1 import Book, Item, Package, Quote
from catalyst.contracts.subjects import Ref
from catalyst.contracts.voucher_v1 import voucher_id

NOW = datetime(2026, 4, 10, 10, 0, tzinfo=UTC)
ACCOUNT = account.ref_of("acme")
BOOK = price_book.DEFAULT
CODE = "VCH-7QKD-M2XW-PA4R"
VOUCHER = voucher.ref_of(voucher_id(CODE))
REDEMPTION = redemption.ref_of("acme", "r-1")
PLAN_HASH = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"

BILLING_ADMIN = build.person(roles.BILLING_ADMIN)
SERVICE = build.service("billing")

TEXT = """\
book: main
version: "2026-04"
from: 2026-04-01
currencies: [OMR, USD]
packages:
  s: {name: Small, month: {OMR: "5.000", USD: "13.00"}}
  m: {name: Medium, month: {OMR: "12.500", USD: "32.50"}}
addons:
  addon.backup:
    name: Backup
    month: {OMR: "0.750", USD: "1.95"}
    packages: {s: optional, m: included}
blueprints:
  wordpress: {name: WordPress, month: {OMR: "1.500", USD: "3.90"}}
  bp-wiki: {name: Wiki, month: {OMR: "0.000", USD: "0.00"}}
usage:
  storage:
    name: Storage
    unit: GiB-hour
    aggregation: sum
    formula: graduated
    steps:
      - {up_to: 1000, price: {OMR: "0", USD: "0"}}
      - {price: {OMR: "0.000040", USD: "0.000104"}}
    minimum: {OMR: "0.100", USD: "0.26"}
"""


@cache
def book(text: str = TEXT, **changes: str) -> Book:
    """Return a price book, with some texts in it replaced."""
    for before, after in changes.items():
        text = text.replace(before, after)
    return book_of(text)


def omr(minor: int) -> bill1.Money:
    """Return so many baisa."""
    return bill1.Money(currency="OMR", minor=minor)


def item(
    application: str = "blog", *, plan: Package | None = "s", addons: tuple[str, ...] = ()
) -> Item:
    """Return a WordPress in `acme-prod`."""
    return Item(
        application=application,
        environment="acme-prod",
        blueprint="bp-wordpress",
        plan=plan,
        addons=addons,
    )


def quote(
    *items: Item, currency: str = "OMR", paid: Mapping[str, bill1.Money] | None = None
) -> Quote:
    """Return what billing quotes for these; one Small WordPress without any: 6.500 OMR."""
    return prices.quote(book(), items or (item(),), currency, paid or {})


def applied(content: Book | None = None) -> Given:
    """Return the fact that a price book is in force."""
    found = content or book()
    return BOOK, bill1.PriceBookApplied(content=found, digest="x" * 64)


def opened() -> Given:
    """Return the fact that `acme` has an account."""
    return ACCOUNT, bill1.AccountOpened(organization="acme")


def granted(
    name: str = "goodwill-g1",
    minor: int = 10_000,
    *,
    expires: datetime | None = None,
    priority: int = 50,
    gen: str = "",
) -> Given:
    """Return the fact that credit came in."""
    grant = bill1.Grant(
        grant=name, amount=omr(minor), source="goodwill", priority=priority, expires=expires
    )
    return ACCOUNT, bill1.CreditGranted(grant=grant, journal=ledger.grant(grant), gen=gen)


def rich(minor: int = 10_000) -> list[Given]:
    """Return facts after which `acme` can buy: a price book, an account, and credit."""
    return [applied(), opened(), granted(minor=minor)]


def hold(name: str = "c-1", quoted: Quote | None = None, **changes: Any) -> bill1.HoldCredit:
    """Return a hold for a quote."""
    return bill1.HoldCredit(
        **{"hold": name, "plan_hash": PLAN_HASH, "quote": quoted or quote(), **changes}
    )


def issued(cap: int = 1, **changes: Any) -> Given:
    """Return the fact that the voucher is issued."""
    return VOUCHER, bill1.VoucherIssued(
        **{"prefix": "VCH-7QKD…", "amount": omr(5000), "cap": cap, **changes}
    )


def reserved(organization: str = "acme", name: str = "r-1", gen: str = "_g") -> Given:
    """Return the fact that the voucher keeps a redemption."""
    return VOUCHER, bill1.VoucherReserved(
        organization=organization,
        redemption=name,
        prefix="VCH-7QKD…",
        amount=omr(5000),
        deadline=NOW,
        gen=gen,
    )


def facts(ref: Ref, *events: Any) -> list[Given]:
    """Return facts of one aggregate."""
    return on(ref, *events)
