"""A redemption: reserve, credit, confirm; refused anywhere, what was kept goes back."""

from typing import Any

import msgspec
import pytest
from tests.support import billing, build
from tests.support.scenario import Outcome, given

from catalyst.billing.domain import voucher
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.decision import Fired
from catalyst.contracts.message import Answer, derived_id
from catalyst.contracts.voucher_v1 import normalised

REDEEM = bill1.RedeemVoucher(code=billing.CODE)
RELEASE = bill1.ReleaseVoucher(organization="acme", redemption="r-1", reason="account-closed")


def begun() -> Outcome:
    """Return the beginning."""
    return given(billing.opened(), billing.issued()).when(
        REDEEM, billing.REDEMPTION, by=build.ORG_ADMIN, now=billing.NOW, input_id="c-r"
    )


def hears(before: Outcome, given_: Any, name: str) -> Outcome:
    """Return what follows from an input of that id."""
    return before.and_then().hears(given_, billing.REDEMPTION, input_id=name)


def event(fact: Any) -> Any:
    """Return an event of the voucher as it stands in the log."""
    return build.recorded(fact, billing.VOUCHER)


def answer(asked_by: str, status: Any = "accepted", code: str = "") -> Answer:
    """Return the answer to the command that a decision sent."""
    name = derived_id(asked_by, "out0")
    return Answer(command_id=name, status=status, code=code, events=1)


def reserved() -> Outcome:
    """Return the second step."""
    return hears(begun(), event(billing.reserved()[1]), "_e1")  # type: ignore[index]


@pytest.mark.guarantee("G12.6")
def test_it_begins_by_asking_the_voucher_and_keeps_no_code() -> None:
    outcome = begun()
    outcome.then_sends(
        (billing.VOUCHER, bill1.ReserveVoucher(organization="acme", redemption="r-1"))
    )
    kept = msgspec.json.encode([outcome.events, outcome.decision.commands]).decode()
    assert normalised(billing.CODE) not in normalised(kept)
    outcome.and_then().when(REDEEM, billing.REDEMPTION, by=build.ORG_ADMIN).then_nothing()
    other = bill1.RedeemVoucher(code="VCH-ZZZZ-YYYX-XWV2")
    outcome.and_then().when(other, billing.REDEMPTION, by=build.ORG_ADMIN).then_rejected(
        "redemption-exists"
    )


def test_only_a_person_with_an_account_redeems() -> None:
    world = given(billing.opened())
    world.when(REDEEM, billing.REDEMPTION, by=billing.SERVICE).then_rejected("person-required")
    given().when(REDEEM, billing.REDEMPTION, by=build.ORG_ADMIN).then_rejected("account-not-found")


def test_it_ends_with_credit() -> None:
    credited = reserved()
    (sent,) = credited.decision.commands
    assert sent.ref == billing.ACCOUNT
    confirmed = hears(credited, answer("_e1"), "_a1")
    confirmed.then_sends(
        (billing.VOUCHER, bill1.ConfirmVoucher(organization="acme", redemption="r-1"))
    )
    fact = bill1.VoucherConfirmed(organization="acme", redemption="r-1")
    done = hears(confirmed, event(fact), "_e2")
    assert done.state().step == "completed"
    hears(done, event(fact), "_e2").then_nothing()


def test_an_answer_to_another_step_is_not_taken_for_this_one() -> None:
    """The voucher's answer may come after its event: it must not count as the account's."""
    hears(reserved(), answer("c-r"), "_a0").then_nothing()


@pytest.mark.parametrize("code", ["voucher-not-found", "voucher-redeemed"])
def test_what_the_voucher_refuses_fails_it(code: str) -> None:
    failed = hears(begun(), answer("c-r", "rejected", code), "_a0")
    assert failed.events == [bill1.RedemptionFailed(code=code, input="_a0")]


def test_what_the_account_refuses_gives_the_reservation_back() -> None:
    refused = hears(reserved(), answer("_e1", "rejected", "account-closed"), "_a1")
    refused.then_sends((billing.VOUCHER, RELEASE))
    fact = bill1.VoucherReleased(organization="acme", redemption="r-1", reason="account-closed")
    failed = hears(refused, event(fact), "_e2")
    assert failed.events == [bill1.RedemptionFailed(code="account-closed", input="_e2")]


def test_a_reservation_that_comes_after_the_deadline_is_given_back() -> None:
    failed = hears(begun(), Fired(timer="deadline", gen="c-r"), "_t1")
    assert failed.state().step == "failed"
    late = hears(failed, event(billing.reserved()[1]), "_e1")  # type: ignore[index]
    (sent,) = late.decision.commands
    assert isinstance(sent.command, bill1.ReleaseVoucher)
    hears(reserved(), Fired(timer="deadline", gen="c-r"), "_t1").then_nothing()


def test_another_voucher_s_event_changes_nothing() -> None:
    elsewhere = build.recorded(billing.reserved()[1], voucher.ref_of("0" * 64))  # type: ignore[index]
    hears(begun(), elsewhere, "_e1").then_nothing()
