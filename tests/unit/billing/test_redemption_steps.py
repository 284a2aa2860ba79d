"""Each step of a redemption: what it writes, asks for and waits for, and what moves it no more."""

from datetime import timedelta
from typing import Any

import pytest
from tests.support import billing, build
from tests.support.billing import NOW, REDEMPTION, VOUCHER
from tests.support.scenario import Outcome, Scenario, given

from catalyst.billing.domain import redemption
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.decision import Arm, Cancel, Fired
from catalyst.contracts.message import Answer, derived_id
from catalyst.contracts.voucher_v1 import voucher_id

pytestmark = pytest.mark.guarantee("G12.8")
NAME = voucher_id(billing.CODE)
RELEASE, CONFIRM = bill1.ReleaseVoucher, bill1.ConfirmVoucher
OF = {"organization": "acme", "redemption": REDEMPTION.id}


def reserved(**changes: Any) -> bill1.VoucherReserved:
    values = {
        **OF,
        "prefix": "VCH-7QKD…",
        "amount": billing.omr(5000),
        "deadline": NOW,
        "gen": "_g",
        "expires": NOW + timedelta(days=9),
        "priority": 7,
    }
    return bill1.VoucherReserved(**{**values, **changes})


def redeemed() -> Outcome:
    """Return what follows when the code is entered."""
    command = bill1.RedeemVoucher(code=billing.CODE)
    scene = given(billing.applied(), billing.opened())
    return scene.when(command, REDEMPTION, by=billing.BILLING_ADMIN, now=NOW, input_id="c-1")


def hears(scene: Scenario, event: Any) -> Outcome:
    heard = build.recorded(event, VOUCHER)
    return scene.hears(heard, REDEMPTION, now=NOW, input_id="_e1", done_id="_d2")


def answered(scene: Scenario, source: str, code: str = "") -> Outcome:
    """Return what follows from the answer to what a decision sent."""
    answer = Answer(
        command_id=derived_id(source, "out0"),
        status="rejected" if code else "accepted",
        code=code,
        events=0 if code else 1,
    )
    return scene.hears(answer, REDEMPTION, now=NOW, input_id="_a1", done_id="_d3")


def fires(scene: Scenario, gen: str = "c-1") -> Outcome:
    return scene.hears(Fired(timer=redemption.DEADLINE, gen=gen), REDEMPTION, now=NOW)


def back(reason: str) -> tuple[Any, Any]:
    return VOUCHER, RELEASE(organization="acme", redemption=REDEMPTION.id, reason=reason)


def credited() -> Outcome:
    return hears(redeemed().and_then(), reserved())


def test_a_code_that_is_entered_is_reserved_within_a_time_and_counted_as_a_try() -> None:
    started = bill1.RedemptionStarted(
        voucher=NAME,
        deadline=NOW + redemption.RESERVE_TIME,
        gen="c-1",
        asked=derived_id("c-1", "out0"),
    )
    attempted = bill1.RedemptionAttempted(redemption=REDEMPTION.id, time=NOW)
    redeemed().then(started, (billing.ACCOUNT, attempted)).then_timers(
        Arm(timer=redemption.DEADLINE, after=redemption.RESERVE_TIME)
    ).then_sends((VOUCHER, bill1.ReserveVoucher(**OF)))


def test_what_is_reserved_is_credited_as_the_voucher_says() -> None:
    kept = reserved()
    credited().then(
        bill1.RedemptionReserved(
            amount=kept.amount, prefix=kept.prefix, asked=derived_id("_d2", "out0"), input="_e1"
        )
    ).then_timers(Cancel(timer=redemption.DEADLINE)).then_sends(
        (
            billing.ACCOUNT,
            bill1.CreditVoucher(
                redemption=REDEMPTION.id,
                voucher=NAME,
                prefix=kept.prefix,
                amount=kept.amount,
                expires=kept.expires,
                priority=kept.priority,
            ),
        )
    )


def test_what_is_credited_is_confirmed_and_what_is_not_is_given_back() -> None:
    scene = credited().and_then()
    confirm = VOUCHER, CONFIRM(organization="acme", redemption=REDEMPTION.id)
    answered(scene, "_d2").then().then_sends(confirm)
    answered(scene, "_d2", "account-closed").then().then_sends(back("account-closed"))
    # Another answer than the one that is waited for moves nothing.
    answered(scene, "c-1", "voucher-not-found").then_nothing()


def test_what_cannot_be_reserved_fails_with_the_reason_and_waits_no_more() -> None:
    scene = redeemed().and_then()
    answered(scene, "c-1").then_nothing()
    failed = bill1.RedemptionFailed(code="voucher-not-found", input="_a1")
    answered(scene, "c-1", "voucher-not-found").then(failed).then_timers(
        Cancel(timer=redemption.DEADLINE)
    ).then_sends()


def test_at_its_deadline_it_fails_and_gives_back_what_may_be_reserved() -> None:
    scene = redeemed().and_then()
    fires(scene, "_other").then_nothing()
    out = fires(scene).then_timers().then_sends(back("timeout"))
    assert [getattr(event, "code", "") for event in out.events] == ["timeout"]
    over = out.and_then()
    fires(over).then_nothing()
    hears(over, reserved()).then().then_sends(back("the redemption had failed"))
    hears(over, bill1.VoucherReleased(**OF, reason="x")).then_nothing()


def test_it_is_completed_once_by_the_confirmation_of_its_own_voucher() -> None:
    confirmed = bill1.VoucherConfirmed(**OF)
    scene = credited().and_then()
    done = hears(scene, confirmed).then(bill1.RedemptionCompleted(input="_e1"))
    for event in (confirmed, reserved(), bill1.VoucherReleased(**OF, reason="x")):
        hears(done.and_then(), event).then_nothing()
    hears(given(billing.opened()), confirmed).then_nothing()


def test_what_is_released_meanwhile_fails_with_the_reason_that_is_told() -> None:
    scene = credited().and_then()
    for told, code in (("why", "why"), ("", "timeout")):
        out = hears(scene, bill1.VoucherReleased(**OF, reason=told))
        out.then(bill1.RedemptionFailed(code=code, input="_e1")).then_timers()
    waits = redeemed().and_then()
    hears(waits, bill1.VoucherReleased(**OF, reason="why")).then_timers(
        Cancel(timer=redemption.DEADLINE)
    )


def test_an_event_of_a_voucher_is_heard_by_the_redemption_that_it_names() -> None:
    heard = (reserved(), bill1.VoucherConfirmed(**OF), bill1.VoucherReleased(**OF, reason="x"))
    for event in heard:
        assert redemption.correlate(build.recorded(event, VOUCHER)) == REDEMPTION
    other = bill1.VoucherRevoked(reason="x")
    assert redemption.correlate(build.recorded(other, VOUCHER)) is None
