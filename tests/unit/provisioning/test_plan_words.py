"""Each word of a request, of a lock and of a quote is part of what a plan's hash is made from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import pytest
from tests.support import planning, plans
from tests.support.planning import install
from tests.support.plans import locked

from catalyst.contracts.money_v1 import Money
from catalyst.contracts.prices_v1 import Quote, QuoteLine
from catalyst.contracts.provisioning_values_v1 import Locked, PlanRequest
from catalyst.provisioning.domain import plan

pytestmark = pytest.mark.guarantee("G14.1")
replace = msgspec.structs.replace

NOTES: Final = install("notes", blueprint="bp-wiki")
REQUEST: Final[Mapping[str, Any]] = {
    "action": "upgrade",
    "environment": "acme-dev",
    "application": "other",
    "blueprint": "bp-redis",
    "version": "^2",
    "values": {"logLevel": "debug"},
    "dependencies": {"postgres": "new"},
    "revision": "ch-1",
    "keep_data": False,
    "plan": "m",
    "addons": ("backup",),
    "drop_plan": True,
    "drop_addons": ("backup",),
    "currency": "USD",
}


def test_each_word_of_the_request_is_bound() -> None:
    assert REQUEST.keys() == set(PlanRequest.__struct_fields__)
    hashes = {plan.plan_hash(replace(NOTES, **{name: REQUEST[name]}), {}) for name in REQUEST}
    assert len(hashes - {plan.plan_hash(NOTES, {})}) == len(REQUEST)


LOCKED: Final[Mapping[str, Any]] = {
    "application": "other",
    "environment": "acme-dev",
    "blueprint": "bp-redis",
    "origin": "private",
    "version": "9.0.0",
    "digest": planning.digest("bp-redis", "1.2.1"),
    "role": "shared",
    "dependencies": {"cache": "redis"},
}


def test_each_word_of_the_lock_is_bound() -> None:
    assert LOCKED.keys() == set(Locked.__struct_fields__)
    one = locked("wiki")
    found = {plan.lock_version([replace(one, **{name: LOCKED[name]})]) for name in LOCKED}
    assert len(found - {plan.lock_version([one])}) == len(LOCKED)


NINE: Final = Money(currency="OMR", minor=9)
QUOTED: Final[Mapping[str, Any]] = {"book": "other", "version": "v9", "lines": (), "total": NINE}
UNQUOTED: Final[Mapping[str, Any]] = {
    # The lock and the request say what is asked for, and what is due depends on the day.
    "items": (),
    "due": NINE,
}


def test_each_word_of_a_quote_is_bound_but_what_depends_on_the_day() -> None:
    assert QUOTED.keys() | UNQUOTED.keys() == set(Quote.__struct_fields__)
    quote = plans.quote("wiki", "wiki-postgres")
    same = plan.price_version(quote)
    for name, value in {**QUOTED, **UNQUOTED}.items():
        assert getattr(quote, name) != value
        assert (plan.price_version(replace(quote, **{name: value})) == same) is (name in UNQUOTED)
    first, *rest = quote.lines
    for name in QuoteLine.__struct_fields__:
        was = getattr(first, name)
        value = NINE if isinstance(was, Money) else 7 if isinstance(was, int) else "other"
        other = replace(quote, lines=(replace(first, **{name: value}), *rest))
        assert plan.price_version(other) != same, name
