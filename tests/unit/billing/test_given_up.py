"""Nothing is taken for a change that gave up, whenever that is asked."""

from typing import Any

import pytest
from tests.support import billing, build
from tests.support.scenario import Outcome, given, on

from catalyst.billing.domain.change import change_ref
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.message import Event

pytestmark = pytest.mark.guarantee("G14.16")

PROVISIONING = build.service("provisioning")
CHANGE = change_ref("acme", "c-1")
CAPTURE = bill1.CaptureHold(hold="c-1", revision="3f2a")
RELEASE = bill1.ReleaseHold(hold="c-1", reason="cancelled")


def held(*facts: Any) -> Outcome:
    """Return what follows from a hold."""
    return given(*facts).when(
        billing.hold(), billing.ACCOUNT, by=PROVISIONING, now=billing.NOW, input_id="c-h"
    )


def then(outcome: Outcome, command: Any) -> Outcome:
    """Return what follows from the next command."""
    return outcome.and_then().when(command, billing.ACCOUNT, by=PROVISIONING, now=billing.NOW)


@pytest.mark.parametrize(
    "ends",
    [
        pro1.CompensationBegun(step="capture", reason="nobody answered"),
        pro1.ChangeFailed(reason="cancelled", cancelled=True),
    ],
)
def test_nothing_is_taken_for_a_change_that_gave_up(ends: Event) -> None:
    gave_up = held(*billing.rich(), *on(CHANGE, pro1.ChangeBegun(), ends))
    refused = then(gave_up, CAPTURE)
    refused.then_rejected("change-over", "/data/hold")
    assert "'c-1' gave up, so nothing is taken for it" in str(refused.rejected)
    released = then(refused, RELEASE)
    assert released.state().available("OMR", billing.NOW) == billing.omr(10_000)
    other = held(*billing.rich(), *on(change_ref("acme", "c-2"), ends))
    assert then(other, CAPTURE).events


def test_what_was_taken_before_a_change_gave_up_stays_taken() -> None:
    captured = then(held(*billing.rich(), *on(CHANGE, pro1.ChangeBegun())), CAPTURE)
    world = captured.and_then().world
    gave_up = pro1.CompensationBegun(step="observe", reason="cancelled")
    after = captured.and_then().going_on(world.with_fact(CHANGE, gave_up))
    after.when(CAPTURE, billing.ACCOUNT, by=PROVISIONING).then_nothing()
    again = after.when(RELEASE, billing.ACCOUNT, by=PROVISIONING)
    again.then_rejected("hold-captured", "/data/hold")
