"""The rows of billing say what the ledger says, and never the code of a voucher."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.support import billing, build
from tests.support.each import each
from tests.support.scenario import Scenario, given

from catalyst.billing.domain import ledger, subscription
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.message import Event
from catalyst.contracts.roles import ROLES, may_read
from catalyst.contracts.subjects import Ref
from catalyst.contracts.tables.billing import TABLE
from catalyst.contracts.voucher_v1 import normalised
from catalyst.projector.views.billing_account import ACCOUNT, LATEST
from catalyst.projector.views.billing_prices import PRICE_BOOK, SUBSCRIPTION
from catalyst.projector.views.billing_voucher import REDEMPTION, VOUCHER
from catalyst.projector.views.view import At, View

PROVISIONING = build.service("provisioning")
PAYMENT = bill1.RecordPayment(payment="p1", amount=billing.omr(9000), reference="t")


def row(view: View[Any], ref: Ref, events: Iterable[Event]) -> Any:
    """Fold events as the projector does."""
    doc = None
    for seq, event in enumerate(events, 1):
        at = At(ref=ref, seq=seq, time=billing.NOW + timedelta(seconds=seq))
        if type(event) in view.ignores or (doc is None and type(event) is not view.creates):
            continue
        doc = view.folds[type(event)](doc, event, at)
    return doc


def history(*commands: Any) -> tuple[Scenario, list[Event]]:
    """Return the world after commands to the account, and its events."""
    facts = [billing.opened(), billing.granted(minor=5000)]
    world = given(billing.applied(), *facts)
    events: list[Any] = [fact[1] for fact in facts]  # type: ignore[index]
    for command in commands:
        person = isinstance(command, bill1.RecordPayment | bill1.SetCreditLimit)
        by = billing.BILLING_ADMIN if person else PROVISIONING
        outcome = world.when(command, billing.ACCOUNT, by=by, now=billing.NOW)
        assert outcome.rejected is None, outcome.rejected
        events += [
            item.event for item in outcome.decision.events if item.ref in {None, billing.ACCOUNT}
        ]
        world = outcome.and_then()
    return world, events


LIMIT = bill1.SetCreditLimit(limit=billing.omr(4000))
CAPTURE = bill1.CaptureHold(hold="c-1", revision="r")
RELEASE = bill1.ReleaseHold(hold="c-1", reason="no")


@each(
    [
        (commands,)
        for commands in [
            (PAYMENT,),
            (LIMIT, billing.hold()),
            (LIMIT, billing.hold(), CAPTURE),
            (LIMIT, billing.hold(), RELEASE),
            (LIMIT, billing.hold(), CAPTURE, PAYMENT),
            (LIMIT, billing.hold(), PAYMENT, RELEASE),
        ]
    ]
)
def test_the_account_s_row_has_the_balances_of_its_ledger(commands: tuple[Any, ...]) -> None:
    world, events = history(*commands)
    state, doc = world.world.state(billing.ACCOUNT), row(ACCOUNT, billing.ACCOUNT, events)
    (found,) = doc.balances
    assert found.available == state.available("OMR", billing.NOW).minor
    assert found.owed == state.owed("OMR")
    for name in ("held", "revenue", "breakage"):
        assert getattr(found, name) == ledger.balance(state.balances, name, "OMR")
    left = {one.grant: one.left for one in doc.grants}
    assert left == {name: one.left for name, one in state.credits.items()}
    assert [one.hold for one in doc.holds] == list(state.holds)
    assert doc.subscriptions == state.subscriptions


def test_the_row_shows_the_latest_movements_newest_first() -> None:
    many = [billing.granted(f"g{n}", n + 1)[1] for n in range(LATEST + 5)]  # type: ignore[index]
    doc = row(ACCOUNT, billing.ACCOUNT, [billing.opened()[1], *many])  # type: ignore[index]
    assert len(doc.ledger) == LATEST
    assert doc.ledger[0].entry == f"g{LATEST + 4}"


def test_a_voucher_that_is_spent_or_expired_is_still_called_by_its_prefix() -> None:
    reason = "voucher VCH-7QKD…"
    grant = bill1.Grant(
        grant="voucher-1", amount=billing.omr(5000), source="voucher", priority=50, reason=reason
    )
    came = bill1.CreditGranted(grant=grant, journal=ledger.grant(grant), gen="")
    credit = ledger.Credit(grant=grant, left=5000, order=0)
    gone = bill1.GrantExpired(grant=grant.grant, journal=ledger.expire(credit))
    doc = row(ACCOUNT, billing.ACCOUNT, [billing.opened()[1], came, gone])  # type: ignore[index]
    assert doc.grants == ()
    assert [(one.entry, one.about) for one in doc.ledger] == [(grant.grant, reason)] * 2


def test_a_subscription_is_shown_in_its_environment() -> None:
    ref = subscription.ref_of("acme", "blog.acme-prod")
    assert SUBSCRIPTION.key(ref).encode() == "acme.acme-prod.subscription._.blog"
    sold = subscription.sold(
        subscription.Subscription(),
        ref.id,
        billing.quote(),
        month="2026-04",
        hold="h",
        revision="r",
    )
    ended = bill1.SubscriptionEnded(
        application="blog", environment="acme-prod", month="2026-06", reason="removed"
    )
    doc = row(SUBSCRIPTION, ref, [sold, ended])
    assert (doc.status, doc.since, doc.until) == ("ended", "2026-04", "2026-06")


@pytest.mark.guarantee("G12.6")
def test_no_row_shows_the_code_of_a_voucher() -> None:
    kept = billing.reserved()[1]  # type: ignore[index]
    confirmed = bill1.VoucherConfirmed(organization="acme", redemption="r-1")
    doc = row(VOUCHER, billing.VOUCHER, [billing.issued()[1], kept, confirmed])  # type: ignore[index]
    assert (doc.reserved, doc.redeemed, doc.prefix) == (0, 1, "VCH-7QKD…")
    started = bill1.RedemptionStarted(
        voucher=billing.VOUCHER.id, deadline=billing.NOW, gen="g", asked="a"
    )
    redemption = row(REDEMPTION, billing.REDEMPTION, [started, bill1.RedemptionCompleted()])
    text = msgspec.json.encode([doc, redemption]).decode()
    assert normalised(billing.CODE) not in normalised(text)
    assert billing.VOUCHER.id not in text


@pytest.mark.guarantee("G12.27")
def test_the_row_of_a_voucher_says_that_it_is_used_up() -> None:
    made = msgspec.structs.replace(billing.issued()[1], cap=2)  # type: ignore[index]
    kept, told = billing.reserved()[1], []  # type: ignore[index]
    facts: list[Any] = [made]
    for number in range(2):
        facts += [kept, bill1.VoucherConfirmed(organization=f"o{number}", redemption="r-1")]
        told.append(row(VOUCHER, billing.VOUCHER, facts).status)
    assert told == ["issued", "used up"]
    revoked = bill1.VoucherRevoked(reason="Why")
    assert row(VOUCHER, billing.VOUCHER, [*facts, revoked]).status == "revoked"
    assert row(VOUCHER, billing.VOUCHER, [*facts[:3], revoked, *facts[3:]]).status == "revoked"


def test_the_price_book_s_row_keeps_its_versions() -> None:
    first, second = billing.applied(), billing.applied(billing.book(**{'"2026-04"': '"next"'}))
    doc = row(PRICE_BOOK, billing.BOOK, [first[1], second[1]])  # type: ignore[index]
    assert [one.version for one in doc.versions] == ["next", "2026-04"]
    assert doc.latest.version == "next"


MEMBERS = {"org-admin", "org-developer", "org-viewer"}
SHOWN: list[tuple[str, set[str], set[str]]] = [
    ("account", {"billing-admin"}, MEMBERS),
    ("subscription", {"billing-admin"}, MEMBERS),
    ("voucher", {"sovereign-admin"}, set()),
    ("redemption", set(), {"org-admin"}),
    ("usage", {"billing-admin"}, {"org-admin"}),
    ("invoice", {"billing-admin"}, {"org-admin"}),
    ("credit-note", {"billing-admin"}, {"org-admin"}),
    ("price-book", {"billing-admin", "sovereign-admin"}, set()),
    ("invoice-numbers", set(), set()),
    ("credit-note-numbers", set(), set()),
]


@each(SHOWN)
def test_money_is_shown_to_whom_it_concerns(kind: str, everywhere: set[str], own: set[str]) -> None:
    assert {role for role in ROLES if may_read(kind, [role], [])} == everywhere
    assert {role for role in ROLES if may_read(kind, [], [role])} == own


def test_of_everything_that_billing_keeps_it_is_said_whom_it_concerns() -> None:
    assert sorted(kind for kind, _, _ in SHOWN) == sorted(TABLE.aggregates)
