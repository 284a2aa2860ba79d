"""Builders for what is used: an hour of storage by default, and what matters is visible."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from tests.support import billing
from tests.support.scenario import Given, Outcome, Scenario

from catalyst.billing.domain import counting, subscription, usage
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.usage_v1 import Use

BLOG = subscription.ref_of("acme", "blog.acme-prod")
APRIL = usage.ref_of("acme", "2026-04")
NOON = datetime.fromisoformat("2026-04-10T12:00:00+00:00")
AGGREGATIONS = {
    "tokens": "sum",
    "calls": "count",
    "peak": "max",
    "disk": "latest",
    "people": "unique",
}
TEXT = billing.TEXT + "".join(
    f"""\
  {meter}:
    name: {meter.title()}
    unit: piece
    aggregation: {aggregation}
    formula: per-unit
    price: {{OMR: "0.000500", USD: "0.001"}}
"""
    for meter, aggregation in AGGREGATIONS.items()
)


def use(id_: str = "u-1", quantity: int = 10, **changes: Any) -> Use:
    """Return a use of the blog."""
    fields: dict[str, Any] = {
        "source": "meter",
        "id": id_,
        "time": NOON,
        "subscription": "blog.acme-prod",
        "meter": "tokens",
        "quantity": quantity,
    }
    return Use(**{**fields, **changes})


def started(month: str = "2026-04", **changes: Any) -> Given:
    """Return the fact that the blog is paid for."""
    fact = bill1.SubscriptionStarted(
        application="blog",
        environment="acme-prod",
        book="main",
        version="2026-04",
        lines=billing.quote().lines,
        month=month,
        hold="c-1",
        revision="3f2a",
    )
    return BLOG, msgspec.structs.replace(fact, **changes)


def captured(month: str = "2026-04", hold: str = "c-1") -> Given:
    """Return the fact that the account knows the blog from a hold on, for nothing."""
    fact = bill1.HoldCaptured(
        hold=hold,
        revision="3f2a",
        amount=billing.omr(0),
        month=month,
        subscriptions=(BLOG.id,),
        journal=bill1.Journal(),
    )
    return billing.ACCOUNT, fact


def world() -> list[Given]:
    """Return facts after which the blog's use is counted."""
    return [billing.applied(billing.book(TEXT)), billing.opened(), started()]


def reported(scene: Scenario, *uses: Use, now: datetime = NOON, month: str = "2026-04") -> Outcome:
    """Return what follows from uses of `acme` that came together."""
    items = [counting.Reported(organization="acme", use=one) for one in uses]
    return scene.takes("usage", usage.ref_of("acme", month), *items, now=now)


def counted(scene: Scenario, batches: Iterable[Iterable[Use]], now: datetime = NOON) -> Scenario:
    """Return the scene after batches of uses of April."""
    for batch in batches:
        scene = reported(scene, *batch, now=now).and_then()
    return scene
