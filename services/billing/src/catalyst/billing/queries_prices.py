"""Questions about prices: what some Applications would cost, and which prices there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec

from catalyst.billing.domain import (
    account,
    holds,
    limit,
    price_book,
    prices,
    renewals,
    subscription,
    usage,
)
from catalyst.chassis import clock
from catalyst.chassis.service import Asking, Loader
from catalyst.contracts import codec
from catalyst.contracts.decision import Actor
from catalyst.contracts.money_v1 import CurrencyCode, Money, total
from catalyst.contracts.prices_v1 import Book, Item, Items
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.roles import may_read_platform

_AHEAD_MAX: Final = 1_000


class QuoteRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask what some Applications cost."""

    items: Items
    currency: CurrencyCode
    ahead: Annotated[tuple[Item, ...], msgspec.Meta(max_length=_AHEAD_MAX)] = ()
    """What changes that wait will have bought of the same by then, the latest last."""


class NothingRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask about the Organization itself."""


def _ahead(
    book: Book, wanted: QuoteRequest, owner: account.Account, paid: dict[str, Money]
) -> dict[str, Money]:
    """Return what each month costs once what is ahead is bought, by the subscription's id.

    What is held has its price already. What will be paid for the month is noted in `paid`: the
    dearest counts.
    """
    held = {item: hold.quote for hold in owner.holds.values() for item in hold.quote.items}
    costs: dict[str, Money] = {}
    for item in wanted.ahead:
        name = prices.subscription_id(item.application, item.environment)
        if item in held and held[item].total.currency == wanted.currency:
            month = renewals.monthly(held[item])[name]
        else:
            month = prices.quote(book, (item,), wanted.currency, {}, "/ahead").total
        before = paid.get(name)
        if before is None or (before.currency == month.currency and before.minor < month.minor):
            paid[name] = month
        costs[name] = month
    return costs


def _elsewhere(
    book: Book, currency: str, owner: account.Account, now: datetime
) -> tuple[Money, ...]:
    """Return what could be spent in each other currency in which something is sold."""
    others = (owner.available(one, now) for one in book.currencies if one != currency)
    return tuple(one for one in others if one.minor > 0)


class Quotes:
    """Answers what some Applications would cost."""

    def __init__(self, asking: Asking) -> None:
        """Ask the catalogue through `asking`."""
        self._asking = asking

    async def quote(
        self, request: Mapping[str, Any], organization: str, actor: Actor, load: Loader
    ) -> Any:
        """Answer what some Applications cost, and what credit is left after they are paid.

        `monthly_before` says what the same Applications cost each month until then, `elsewhere`
        what there is in other currencies that the book has. `limited` says
        why the spend limit does not allow them; empty: it does. To a person who may not read the
        price book, a Blueprint that the catalogue does not show has no price.

        Raises:
            Rejected: `prices-unavailable` without a price book, `account-not-found`, or as
                `prices.quote`.
            Retry: If the catalogue does not answer.
        """
        wanted = codec.question(request, QuoteRequest)
        now = clock.now()
        owner: account.Account = await load(account.ref_of(organization))
        account.require_account(owner, organization)
        book = prices.in_force((await load(price_book.DEFAULT)).versions, now)
        if actor.service is None and not may_read_platform(price_book.AGGREGATE, actor.roles):
            book = await self._shown(book, (*wanted.items, *wanted.ahead), organization)
        prices.require_currency(book, wanted.currency, "/currency")
        names = {
            prices.subscription_id(item.application, item.environment) for item in wanted.items
        }
        states = {
            ref: await load(ref)
            for ref in (subscription.ref_of(organization, name) for name in sorted(names))
        }
        month = prices.month_of(now)
        paid = holds.paid_for(wanted.items, organization, month, states)
        costs = _ahead(book, wanted, owner, paid)
        found = prices.quote(book, wanted.items, wanted.currency, paid)
        available = owner.available(wanted.currency, now)
        after = available.minus(found.due)
        used = {ref: await load(ref) for ref in limit.refs_of(owner, organization)}
        others = (state for ref, state in states.items() if ref.id not in costs)
        before = subscription.monthly(others, wanted.currency)
        return {
            **msgspec.to_builtins(found),
            "monthly_before": msgspec.to_builtins(
                total(wanted.currency, (before, *costs.values()))
            ),
            "available": msgspec.to_builtins(available),
            "credit_after": msgspec.to_builtins(after),
            "covered": after.minor >= 0,
            "elsewhere": msgspec.to_builtins(_elsewhere(book, wanted.currency, owner, now)),
            "limited": limit.refusal(owner, found.due, organization, month, used),
            "prices_as_of": f"{book.start:%Y-%m-%d}",
        }

    async def _shown(self, book: Book, items: Sequence[Item], organization: str) -> Book:
        """Return a book without the Blueprints that an Organization does not see.

        The catalogue is asked of each name, priced or not, so that how long it takes tells nothing.
        """
        seen = set()
        for name in dict.fromkeys(item.blueprint for item in items):
            try:
                await self._asking.ask("catalog", "versions", 1, organization, {"blueprint": name})
            except Rejected as refusal:
                if refusal.code != "blueprint-not-found":
                    raise
                continue
            seen.add(name.removeprefix("bp-"))
        shown = tuple(one for one in book.blueprints if one.sku in seen)
        return msgspec.structs.replace(book, blueprints=shown)


async def show_prices(
    request: Mapping[str, Any], _organization: str, _actor: Actor, load: Loader
) -> Any:
    """Answer the prices that count now: of packages and add-ons, and of this month's use.

    What a Blueprint costs the catalogue says, to those who may see it: a book names private ones.

    Raises:
        Rejected: `prices-unavailable` without a price book in force.
    """
    codec.question(request, NothingRequest)
    now = clock.now()
    versions = (await load(price_book.DEFAULT)).versions
    book = prices.in_force(versions, now)
    used = usage.book_of(versions, prices.month_of(now))
    return {
        "book": book.book,
        "version": book.version,
        "start": msgspec.to_builtins(book.start),
        "packages": msgspec.to_builtins(book.packages),
        "addons": msgspec.to_builtins(book.addons),
        "usage_version": used.version,
        "usage": msgspec.to_builtins(used.usage),
    }
