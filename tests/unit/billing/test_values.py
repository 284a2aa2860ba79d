"""Values that are told apart: each counts once for what it was used with, and for nothing else."""

from datetime import timedelta
from typing import Any

import pytest
from tests.support import billing
from tests.support import usage as used
from tests.support.scenario import Scenario, given

from catalyst.billing.domain import subscription, usage
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.usage_v1 import Use

pytestmark = pytest.mark.guarantee("G12.9")
WIKI = "wiki.acme-prod"
GUESTS = """\
  guests:
    name: Guests
    unit: piece
    aggregation: unique
    formula: per-unit
    price: {OMR: "0.000500", USD: "0.001"}
"""


def world() -> list[Any]:
    """Return facts after which the use of a blog and a wiki is counted, in April and in May."""
    wiki: Any = used.started(application="wiki", hold="c-2")
    return [
        billing.applied(billing.book(used.TEXT + GUESTS)),
        billing.opened(),
        used.started(),
        (subscription.ref_of("acme", WIKI), wiki[1]),
    ]


def by(scene: Scenario, *uses: Use) -> Scenario:
    """Return what follows from uses, each reported alone."""
    for one in uses:
        month = f"{one.time:%Y-%m}"
        scene = used.reported(
            scene, one, now=used.NOON + timedelta(days=30), month=month
        ).and_then()
    return scene


def test_a_value_counts_once_for_each_subscription_meter_and_month() -> None:
    ann: dict[str, Any] = {"meter": "people", "value": "ann"}
    may = used.NOON + timedelta(days=25)
    scene = by(
        given(*world()),
        used.use("u-1", **ann),
        used.use("u-2", **ann),
        used.use("u-3", **ann, subscription=WIKI),
        used.use("u-4", meter="guests", value="ann"),
        used.use("u-5", **ann, time=may),
        used.use("u-6", meter="people", value="bob", time=may),
        used.use("u-7", **ann, time=may),
    )
    found = {
        (month, key): one.quantity
        for month in ("2026-04", "2026-05")
        for key, one in scene.world.state(usage.ref_of("acme", month)).meters.items()
    }
    assert found == {
        ("2026-04", "blog.acme-prod/people"): 1,
        ("2026-04", f"{WIKI}/people"): 1,
        ("2026-04", "blog.acme-prod/guests"): 1,
        ("2026-05", "blog.acme-prod/people"): 2,
    }


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (used.use(meter="people"), "the meter 'people' needs a value"),
        (used.use(value="ann"), "the meter 'tokens' takes no value"),
    ],
)
def test_a_value_that_is_missing_or_too_many_is_told(one: Use, said: str) -> None:
    (event,) = (
        event
        for event in used.reported(given(*world()), one).events
        if isinstance(event, bill1.UsageUnmatched)
    )
    assert [(found.code, found.reason) for found in event.uses] == [("usage-invalid", said)]
