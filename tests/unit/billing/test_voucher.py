"""Vouchers: strong codes that are kept nowhere, so often in all, once for each account."""

from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from itertools import cycle
from typing import Any

import msgspec
import pytest
from tests.support import billing, build
from tests.support.each import each
from tests.support.scenario import given

from catalyst.billing import queries
from catalyst.billing.domain import account, codes, voucher
from catalyst.chassis import clock
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.decision import Arm, Cancel, Fired
from catalyst.contracts.money_v1 import Money
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Ref
from catalyst.contracts.voucher_v1 import ALPHABET, normalised, shown_prefix, voucher_id

NOBODY: Any = None

ISSUE = bill1.IssueVoucher(code=billing.CODE, amount=billing.omr(5000), cap=2)
RESERVE = bill1.ReserveVoucher(organization="acme", redemption="r-1")
CONFIRM = bill1.ConfirmVoucher(organization="acme", redemption="r-1")
RELEASE = bill1.ReleaseVoucher(organization="acme", redemption="r-1", reason="account-closed")


def when(command: Any, *facts: Any, by: Any = billing.SERVICE, now: Any = billing.NOW) -> Any:
    """Return what follows from a command to the voucher."""
    return given(*facts).when(command, billing.VOUCHER, by=by, now=now, input_id="_g")


# ---- codes


def test_every_character_of_a_generated_code_is_equally_likely() -> None:
    drawn = (byte for byte in cycle(range(256)))
    counted: Counter[str] = Counter()
    for _ in range(10 * len(ALPHABET)):
        counted.update(normalised(codes.code_of(drawn))[3:])
    assert counted.keys() == set(ALPHABET)
    assert set(counted.values()) == {120}


def test_a_generated_code_is_strong_and_easy_to_read() -> None:
    code = codes.code_of(iter(range(256)))
    assert code == "VCH-ABCD-EFGH-JKMN"
    voucher.require_strong(code)


@each(["", "SHORT", "ABCDEFGHJKM", "AAAAAAAAAAAAAAAA", "VCH-ABABABABABAB"])
def test_a_code_that_can_be_guessed_is_refused(code: str) -> None:
    with pytest.raises(Rejected, match="at least"):
        voucher.require_strong(code)
    voucher.require_strong("abcd-efgh jkmn")


def test_a_currency_in_which_nothing_is_sold_is_refused_once_there_are_prices() -> None:
    riyals = msgspec.structs.replace(ISSUE, amount=Money(currency="SAR", minor=100))
    assert when(riyals, by=build.SOVEREIGN_ADMIN).decision.events
    refused = when(riyals, billing.applied(), by=build.SOVEREIGN_ADMIN)
    refused.then_rejected("currency-not-priced", "/data/amount/currency")
    assert "OMR" in str(refused.rejected)
    assert when(ISSUE, billing.applied(), by=build.SOVEREIGN_ADMIN).decision.events
    # A version that waits for its day will sell in it; one that is over sells in it no more.
    soon = msgspec.structs.replace(
        billing.book(), version="soon", currencies=("SAR",), start=billing.NOW + timedelta(days=1)
    )
    both = [billing.applied(), billing.applied(soon)]
    assert when(riyals, *both, by=build.SOVEREIGN_ADMIN).decision.events
    then = billing.NOW + timedelta(days=2)
    when(ISSUE, *both, by=build.SOVEREIGN_ADMIN, now=then).then_rejected("currency-not-priced")


def test_a_code_is_compared_without_regard_to_how_it_is_written() -> None:
    same = {voucher_id(code) for code in (billing.CODE, "vch7qkdm2xwpa4r", " VCH 7QKD m2xw-PA4R")}
    assert len(same) == 1


def test_a_shown_prefix_is_never_more_than_a_third() -> None:
    assert shown_prefix(billing.CODE) == "VCH-7QKD…"
    assert shown_prefix("SUMMERSALE2026") == "SUMM…"
    # Of a short one less is shown, and what all begin with counts as nothing.
    assert shown_prefix("VCH-ABCDEFGHJ") == "VCH-ABC…"
    assert shown_prefix("VCH-ABCDEFGH") == "VCH-AB…"


# ---- issue and revoke


@pytest.mark.guarantee("G12.6")
def test_the_code_stands_in_no_event_and_no_subject() -> None:
    outcome = when(ISSUE, by=build.SOVEREIGN_ADMIN)
    written = msgspec.json.encode(outcome.events).decode() + billing.VOUCHER.path
    written += msgspec.json.encode(outcome.state()).decode()
    plain = normalised(billing.CODE)
    assert normalised(written).find(plain) == -1
    assert plain[3:][4:] not in normalised(written)


def test_a_voucher_is_issued_under_the_id_of_its_code_alone() -> None:
    other = bill1.IssueVoucher(code="VCH-ZZZZ-YYYX-XWV2", amount=billing.omr(1), cap=1)
    when(other, by=build.SOVEREIGN_ADMIN).then_rejected("subject-mismatch", "/subject")
    weak = bill1.IssueVoucher(code="AAAA", amount=billing.omr(1), cap=1)
    when(weak, by=build.SOVEREIGN_ADMIN).then_rejected("voucher-code-weak")
    when(ISSUE).then_rejected("person-required")


@pytest.mark.guarantee("G12.7")
def test_a_code_is_never_issued_again_even_after_it_was_revoked() -> None:
    when(ISSUE, billing.issued(), by=build.SOVEREIGN_ADMIN).then_rejected("voucher-exists")
    revoked = (billing.VOUCHER, bill1.VoucherRevoked(reason="x"))
    when(ISSUE, billing.issued(), revoked, by=build.SOVEREIGN_ADMIN).then_rejected("voucher-exists")


@pytest.mark.guarantee("G12.7")
def test_a_person_revokes_what_was_issued_once() -> None:
    revoke = bill1.RevokeVoucher(reason="x")
    when(revoke, billing.issued()).then_rejected("person-required")
    when(revoke, by=build.SOVEREIGN_ADMIN).then_rejected("voucher-not-found")
    revoked = when(revoke, billing.issued(), by=build.SOVEREIGN_ADMIN)
    assert revoked.events == [bill1.VoucherRevoked(reason="x")]
    again = revoked.and_then().when(revoke, billing.VOUCHER, by=build.SOVEREIGN_ADMIN)
    again.then_nothing()


def test_a_voucher_ends_at_one_instant_wherever_somebody_wrote_its_end() -> None:
    far_east, far_west = timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))
    midnight = datetime(2026, 4, 11, tzinfo=far_west)
    for zone in (far_east, far_west, UTC):
        command = msgspec.structs.replace(ISSUE, ends=midnight.astimezone(zone))
        outcome = when(command, by=build.SOVEREIGN_ADMIN)
        [issued] = outcome.events
        assert b'"ends":"2026-04-11T12:00:00Z"' in msgspec.json.encode(issued)
        state: voucher.Voucher = outcome.state()
        last = datetime(2026, 4, 11, 11, 59, 59, 999_999, tzinfo=UTC)
        assert (state.open_at(last), state.open_at(midnight)) == (True, False)
    never = datetime.fromisoformat("0001-01-01T00:00:00+05:00")
    command = msgspec.structs.replace(ISSUE, starts=never)
    when(command, by=build.SOVEREIGN_ADMIN).then_rejected("voucher-dates", "/data/starts")


def test_a_voucher_that_would_be_over_before_it_begins_is_refused() -> None:
    later = billing.NOW + timedelta(days=1)
    for changes, said in (
        ({"ends": billing.NOW}, "its end is past"),
        ({"ends": later, "starts": later}, "it would be over before it begins"),
        ({"ends": billing.NOW, "starts": later}, "its end is past"),
    ):
        command = msgspec.structs.replace(ISSUE, **changes)
        refused = when(command, by=build.SOVEREIGN_ADMIN)
        refused.then_rejected("voucher-dates", "/data/ends")
        assert refused.rejected is not None
        assert refused.rejected.errors[0].message == said


def test_a_voucher_is_worth_something_and_is_written_as_it_was_issued() -> None:
    for minor in (0, -1):
        nothing = msgspec.structs.replace(ISSUE, amount=billing.omr(minor))
        refused = when(nothing, by=build.SOVEREIGN_ADMIN)
        refused.then_rejected("amount-invalid", "/data/amount/minor")
    said: dict[str, Any] = {
        "amount": billing.omr(1),
        "cap": 7,
        "description": "A welcome.",
        "starts": billing.NOW + timedelta(days=1),
        "ends": billing.NOW + account.FARTHEST,
        "credit_days": 30,
        "priority": 10,
    }
    [issued] = when(msgspec.structs.replace(ISSUE, **said), by=build.SOVEREIGN_ADMIN).events
    assert {name: getattr(issued, name) for name in said} == said


# ---- redemptions


@pytest.mark.guarantee("G12.7")
@pytest.mark.parametrize(
    "facts",
    [
        [],
        [billing.issued(), (billing.VOUCHER, bill1.VoucherRevoked(reason="x"))],
        [billing.issued(starts=billing.NOW + timedelta(seconds=1))],
        [billing.issued(ends=billing.NOW)],
    ],
    ids=["unknown", "revoked", "not begun", "over"],
)
def test_to_a_redeemer_what_is_not_valid_is_the_same_as_none(facts: list[Any]) -> None:
    outcome = when(RESERVE, *facts).then_rejected("voucher-not-found")
    assert outcome.rejected.message == "there is no voucher with this code"


def test_no_more_are_kept_and_redeemed_than_the_cap() -> None:
    facts = (billing.issued(cap=1), billing.reserved("other", "r-9"))
    when(RESERVE, *facts).then_rejected("voucher-not-found")
    used = (billing.VOUCHER, bill1.VoucherConfirmed(organization="other", redemption="r-9"))
    when(RESERVE, *facts, used).then_rejected("voucher-not-found")
    third = billing.reserved("third", "r-8")
    for cap in (2, 3):
        outcome = when(RESERVE, billing.issued(cap=cap), *facts[1:], used, third)
        assert (outcome.rejected is None) is (cap == 3)
    freed = (
        billing.VOUCHER,
        bill1.VoucherReleased(organization="other", redemption="r-9"),
    )
    assert when(RESERVE, *facts, freed).decision.events


def _state(*facts: Any) -> voucher.Voucher:
    state = voucher.Voucher()
    for _, event in facts:
        state = voucher.evolve(state, event)
    return state


@pytest.mark.guarantee("G12.7")
async def test_no_door_tells_a_used_up_code_from_an_unknown_one_to_any_but_its_redeemer() -> None:
    facts = (billing.issued(cap=1), billing.reserved("other", "r-9"))
    (preview,) = (one.run for one in queries.queries(NOBODY) if one.name == "preview-voucher")

    async def previewed(state: voucher.Voucher, organization: str) -> tuple[str, str]:
        async def load(_ref: Ref) -> voucher.Voucher:
            return state

        with pytest.raises(Rejected) as refused:
            await preview({"code": billing.CODE}, organization, billing.SERVICE, load)
        return refused.value.code, refused.value.message

    def reserved(organization: str, *of: Any) -> tuple[str, str]:
        command = bill1.ReserveVoucher(organization=organization, redemption="r-1")
        found = when(command, *of).rejected
        assert found is not None
        return found.code, found.message

    unknown = await previewed(_state(), "acme")
    assert unknown[0] == "voucher-not-found"
    assert await previewed(_state(*facts), "acme") == unknown
    assert reserved("acme", *facts) == reserved("acme") == unknown
    assert (await previewed(_state(*facts), "other"))[0] == "voucher-redeemed"
    assert reserved("other", *facts)[0] == "voucher-redeemed"


@pytest.mark.guarantee("G12.24")
async def test_the_count_of_previews_forgets_who_asked_longest_ago(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(queries, "PREVIEWERS_MAX", 2)
    (preview,) = (one.run for one in queries.queries(NOBODY) if one.name == "preview-voucher")

    async def load(_ref: Ref) -> voucher.Voucher:
        return voucher.Voucher()

    waits = []

    async def said(organization: str) -> str:
        with pytest.raises(Rejected) as refused:
            await preview({"code": billing.CODE}, organization, billing.SERVICE, load)
        waits.append(refused.value.wait_seconds)
        return refused.value.code

    seconds = 100.0
    monkeypatch.setattr(clock, "monotonic", lambda: seconds)
    for _ in range(queries.PREVIEWS_MAX):
        assert await said("acme") == "voucher-not-found"
    seconds += 600
    assert await said("acme") == "rate-limited"
    assert waits[-2:] == [None, queries.PREVIEWS_SECONDS - 600]
    assert [await said("b"), await said("c")] == ["voucher-not-found"] * 2
    assert await said("acme") == "voucher-not-found"


def test_an_account_redeems_a_voucher_once() -> None:
    again = bill1.ReserveVoucher(organization="acme", redemption="r-2")
    facts = (billing.issued(cap=9), billing.reserved())
    when(again, *facts).then_rejected("voucher-redeemed")
    confirmed = (billing.VOUCHER, bill1.VoucherConfirmed(organization="acme", redemption="r-1"))
    when(again, *facts, confirmed).then_rejected("voucher-redeemed")
    when(RESERVE, *facts).then_nothing()


def test_a_reservation_is_confirmed_or_released_once() -> None:
    facts = (billing.issued(), billing.reserved())
    confirmed = when(CONFIRM, *facts)
    confirmed.then_timers(Cancel("reservation.acme"))
    confirmed.and_then().when(CONFIRM, billing.VOUCHER).then_nothing()
    confirmed.and_then().when(RELEASE, billing.VOUCHER).then_nothing()
    released = when(RELEASE, *facts)
    released.then(
        bill1.VoucherReleased(organization="acme", redemption="r-1", reason=RELEASE.reason)
    ).then_timers(Cancel("reservation.acme"))
    released.and_then().when(RELEASE, billing.VOUCHER).then_nothing()
    released.and_then().when(CONFIRM, billing.VOUCHER).then_rejected("reservation-gone")


def credited() -> Any:
    """Return the fact that the account got the voucher's credit."""
    return billing.granted(voucher.grant_of(billing.VOUCHER.id), 5000)


@pytest.mark.guarantee("G12.8")
@pytest.mark.parametrize("granted", [True, False])
def test_the_deadline_of_a_reservation_asks_the_account_what_became_of_it(*, granted: bool) -> None:
    facts = [billing.issued(), billing.reserved(gen="_g"), billing.opened()]
    world = given(*facts, *([credited()] if granted else []))
    reserved = when(RESERVE, billing.issued())
    reserved.then_timers(Arm(timer="reservation.acme", after=voucher.KEPT_FOR))
    (kept,) = reserved.events
    assert kept.deadline == billing.NOW + voucher.KEPT_FOR
    outcome = world.hears(Fired(timer="reservation.acme", gen="_g"), billing.VOUCHER)
    expected = bill1.VoucherConfirmed if granted else bill1.VoucherReleased
    assert [type(event) for event in outcome.events] == [expected]
    for name, gen in (("acme", "_old"), ("other", "_g")):
        late = Fired(timer=f"reservation.{name}", gen=gen)
        world.hears(late, billing.VOUCHER).then_nothing()
    assert isinstance(when(RELEASE, *facts, credited()).events[0], bill1.VoucherConfirmed)


def credit(redemption: str = "r-1") -> bill1.CreditVoucher:
    """Return the redemption's command to the account."""
    return bill1.CreditVoucher(
        redemption=redemption,
        voucher=billing.VOUCHER.id,
        prefix="VCH-7QKD…",
        amount=billing.omr(5000),
    )


@pytest.mark.guarantee("G12.8")
def test_the_account_grants_only_while_the_voucher_keeps_it() -> None:
    facts = [billing.issued(), billing.opened()]
    kept = given(*facts, billing.reserved())
    granted = kept.when(credit(), billing.ACCOUNT, by=billing.SERVICE)
    assert granted.state().available("OMR", billing.NOW) == billing.omr(5000)
    granted.and_then().when(credit(), billing.ACCOUNT, by=billing.SERVICE).then_nothing()
    kept.when(credit("r-2"), billing.ACCOUNT, by=billing.SERVICE).then_rejected("reservation-gone")
    given(*facts).when(credit(), billing.ACCOUNT, by=billing.SERVICE).then_rejected(
        "reservation-gone"
    )


@pytest.mark.guarantee("G12.24")
def test_too_many_codes_in_an_hour_are_refused_until_it_is_over() -> None:
    attempts = [
        (
            billing.ACCOUNT,
            bill1.RedemptionAttempted(redemption=f"r{n}", time=billing.NOW + timedelta(minutes=n)),
        )
        for n in range(account.ATTEMPTS_MAX)
    ]
    world = given(billing.opened(), *attempts)
    redeem = bill1.RedeemVoucher(code=billing.CODE)
    soon = billing.NOW + timedelta(minutes=29, milliseconds=500)
    refused = world.when(redeem, billing.REDEMPTION, by=build.ORG_ADMIN, now=soon).rejected
    assert refused is not None
    assert refused.code == "rate-limited"
    assert refused.message == (
        "too many codes were entered; the next one is taken in 31 min, at 2026-04-10T11:00:00Z"
    )
    later = billing.NOW + timedelta(minutes=60)
    assert world.when(redeem, billing.REDEMPTION, by=build.ORG_ADMIN, now=later).decision.events
