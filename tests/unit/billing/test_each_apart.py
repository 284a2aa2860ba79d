"""What an account knows of one thing stays when another one comes."""

from typing import Any

from tests.support import billing, build
from tests.support.scenario import Outcome, given

from catalyst.billing.domain import subscription
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.money_v1 import Money

PROVISIONING = build.service("provisioning")


def after(*commands: Any, facts: Any = ()) -> Outcome:
    """Return what follows from the last of some commands; none of those before is refused."""
    scene = given(*(facts or billing.rich(100_000)))
    for command in commands:
        by = (
            PROVISIONING
            if isinstance(command, bill1.HoldCredit | bill1.CaptureHold | bill1.ReleaseHold)
            else billing.BILLING_ADMIN
        )
        outcome = scene.when(command, billing.ACCOUNT, by=by, now=billing.NOW)
        scene = outcome.and_then()
    return outcome


def test_each_grant_and_payment_is_known_however_many_come_after_it() -> None:
    came = [
        *(
            bill1.RecordPayment(payment=name, amount=billing.omr(5), reference="t")
            for name in ("p-1", "p-2")
        ),
        *(
            bill1.GrantCredit(grant=name, amount=billing.omr(7), reason="x")
            for name in ("g-1", "g-2")
        ),
        bill1.RecordPayment(payment="p-3", amount=billing.omr(5), reference="t"),
    ]
    for command in came:
        after(*came, command).then_nothing()
    assert after(*came).state().available("OMR", billing.NOW) == billing.omr(100_029)


def test_what_only_settled_is_known_as_well() -> None:
    limit = bill1.SetCreditLimit(limit=billing.omr(90_000))
    pay = [
        bill1.RecordPayment(payment=name, amount=billing.omr(5), reference="t")
        for name in ("p-1", "p-2")
    ]
    first = (limit, billing.hold(), *pay)
    poor = (billing.applied(), billing.opened())
    assert after(*first, facts=poor).state().owed("OMR") == 6490
    for command in pay:
        after(*first, command, facts=poor).then_nothing()


def test_a_limit_of_one_currency_leaves_that_of_another() -> None:
    dollars = Money(currency="USD", minor=7)
    limits = [bill1.SetCreditLimit(limit=one) for one in (billing.omr(5), dollars)]
    state = after(*limits).state()
    assert (state.headroom("OMR"), state.headroom("USD")) == (5, 7)


def test_how_each_hold_ended_is_known_when_another_has() -> None:
    wiki = billing.hold("c-2", billing.quote(billing.item("wiki")))
    release = bill1.ReleaseHold(hold="c-1", reason="cancelled")
    capture = bill1.CaptureHold(hold="c-2", revision="3f2a")
    for both in ((release, capture), (capture, release)):
        ended = (billing.hold(), wiki, *both)
        for command in both:
            after(*ended, command).then_nothing()
        after(*ended, billing.hold()).then_rejected("hold-ended")
        after(*ended, wiki).then_rejected("hold-ended")


def test_each_application_of_a_quote_is_sold_with_its_own_lines() -> None:
    quoted = billing.quote(billing.item(), billing.item("wiki", plan=None))
    capture = bill1.CaptureHold(hold="c-1", revision="3f2a")
    captured = after(billing.hold("c-1", quoted), capture)
    monthly = {
        name: captured.state(subscription.ref_of("acme", f"{name}.acme-prod")).monthly.minor
        for name in ("blog", "wiki")
    }
    assert monthly == {"blog": 6500, "wiki": 1500}
