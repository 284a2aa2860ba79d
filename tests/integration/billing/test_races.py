"""Many at once on the real broker: nothing is overdrawn, and no voucher is redeemed too often."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.integration.billing.town import OWNER, ROOT, Town, accepted, billing_worker, town
from tests.support import billing
from tests.support.waiting import until

from catalyst.billing import handlers
from catalyst.billing.domain import account, prices, redemption, voucher
from catalyst.chassis.asking import Asked
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.keyring import KeyRing
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.questions import PURPOSES
from catalyst.contracts.rejection import Rejected

pytestmark = pytest.mark.real

ISSUE = bill1.IssueVoucher(code=billing.CODE, amount=billing.omr(5000), cap=10)
REDEEM = bill1.RedeemVoucher(code=billing.CODE)


@pytest.fixture
def keys(tmp_path: Path) -> KeyRing:
    return KeyRing.open(tmp_path / "keys")


@pytest.fixture
async def place(js: JetStream, keys: KeyRing) -> AsyncIterator[Town]:
    async with town(js, keys) as found:
        yield found


@pytest.mark.guarantee("G12.2")
async def test_a_hundred_holds_at_once_never_overdraw(place: Town) -> None:
    await place.found(["acme"])
    grant = bill1.GrantCredit(grant="g", amount=billing.omr(7 * 6500 + 6499), reason="so")
    assert (await place.ask(grant, "acme", by=ROOT)).status == "accepted"
    outcomes = await accepted(
        place.ask(
            billing.hold(f"c-{n}", billing.quote(billing.item(f"app-{n}"))),
            "acme",
            by="provisioning",
        )
        for n in range(100)
    )
    codes = [one.code for one in outcomes]
    assert codes.count("") == 7
    assert codes.count("credit-insufficient") == 93
    state = await place.state(billing.ACCOUNT)
    assert state.available("OMR", billing.NOW) == billing.omr(6499)
    assert state.balances["held:OMR"] == 7 * 6500


@pytest.mark.guarantee("G12.8")
async def test_two_hundred_redemptions_of_a_voucher_for_ten_give_ten_grants(place: Town) -> None:
    slugs = [f"org{n:03}" for n in range(200)]
    await place.found(slugs)
    assert (await place.ask(ISSUE, "_", billing.VOUCHER.id, by=ROOT)).status == "accepted"
    begun = await accepted(place.ask(REDEEM, slug, "r-1") for slug in slugs)
    assert {one.status for one in begun} == {"accepted"}
    ended: dict[str, str] = {}

    async def all_ended() -> bool:
        for slug in slugs:
            if slug not in ended:
                state = await place.state(redemption.ref_of(slug, "r-1"))
                if state.step in {"completed", "failed"}:
                    ended[slug] = state.step
        return len(ended) == len(slugs)

    await until(all_ended, 60)
    winners = {slug for slug, step in ended.items() if step == "completed"}
    assert len(winners) == 10
    kept = await place.state(billing.VOUCHER)
    assert (set(kept.redeemed), kept.reserved) == (winners, {})
    for slug in slugs:
        state = await place.state(account.ref_of(slug))
        expected = 5000 if slug in winners else 0
        assert state.available("OMR", billing.NOW).minor == expected


@pytest.mark.guarantee("G12.8", "G12.24")
async def test_one_account_that_enters_a_code_many_times_at_once_gets_its_credit_once(
    place: Town,
) -> None:
    await place.found(["acme"])
    assert (await place.ask(ISSUE, "_", billing.VOUCHER.id, by=ROOT)).status == "accepted"
    begun = await accepted(place.ask(REDEEM, "acme", f"r-{n}") for n in range(15))
    codes = [one.code for one in begun]
    assert codes.count("rate-limited") == 15 - account.ATTEMPTS_MAX
    names = [f"r-{n}" for n, one in enumerate(begun) if one.status == "accepted"]

    async def ended() -> bool:
        steps = [(await place.state(redemption.ref_of("acme", name))).step for name in names]
        return set(steps) <= {"completed", "failed"} and steps.count("completed") == 1

    await until(ended, 30)
    state = await place.state(billing.ACCOUNT)
    assert state.available("OMR", billing.NOW) == billing.omr(5000)
    assert (await place.state(billing.VOUCHER)).left == ISSUE.cap - 1


@pytest.mark.guarantee("G12.8")
async def test_a_reservation_whose_redemption_is_lost_is_released_at_its_deadline(
    js: JetStream, keys: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(voucher, "KEPT_FOR", timedelta(seconds=1))
    reserve = bill1.ReserveVoucher(organization="acme", redemption="r-lost")
    async with billing_worker(js, keys) as worker:
        place = Town(js, keys, worker)
        assert (await place.ask(ISSUE, "_", billing.VOUCHER.id, by=ROOT)).status == "accepted"
        done = await place.ask(reserve, "_", billing.VOUCHER.id, by="billing")
        assert done.status == "accepted", done
        assert (await place.state(billing.VOUCHER)).left == ISSUE.cap - 1
    async with billing_worker(js, keys) as worker:
        place = Town(js, keys, worker)

        async def free() -> bool:
            kept: voucher.Voucher = await place.state(billing.VOUCHER)
            return kept.left == ISSUE.cap

        await until(free)


async def test_another_s_voucher_and_account_are_out_of_reach(place: Town) -> None:
    await place.found(["acme"])
    stranger = "eve@other.example"
    refused = [
        place.ask(REDEEM, "acme", "r-1", by=stranger),
        place.ask(ISSUE, "_", billing.VOUCHER.id, by=OWNER),
        place.ask(bill1.SetSpendLimit(limit=None), "acme", by=stranger),
        place.ask(bill1.GrantCredit(grant="g", amount=billing.omr(1), reason="x"), "acme"),
        place.ask(billing.hold(), "acme", by=ROOT),
    ]
    assert {one.code for one in await asyncio.gather(*refused)} == {"forbidden"}


ASKED: dict[str, dict[str, Any]] = {
    "quote": {"items": [msgspec.to_builtins(billing.item())], "currency": "OMR"},
    "prices": {},
    "open-money": {},
    "preview-voucher": {"code": billing.CODE},
    "voucher-code": {},
    "invoice": {"invoice": prices.month_of(datetime.now(UTC))},
    "explain": {"invoice": prices.month_of(datetime.now(UTC)), "line": 1},
    "replay": {"invoice": prices.month_of(datetime.now(UTC))},
}


@pytest.mark.guarantee("G6.1")
async def test_no_question_about_another_s_money_is_answered(place: Town) -> None:
    assert ASKED.keys() == {query.name for query in handlers.service(Asked(place.js, str)).queries}
    await place.found(["acme"])
    people = place.keys.people()
    mallory = Asked(place.js, lambda: people.person("eve@other.example", []))
    owner = Asked(place.js, lambda: people.person(OWNER, []))
    for name, request in ASKED.items():
        for organization in ("acme", "nobody", None):
            with pytest.raises(Rejected) as refused:
                await mallory.ask("billing", name, 1, organization, request)
            assert refused.value.code == "forbidden", (name, organization)
            said, _, able = refused.value.message.partition(": it takes ")
            assert said == f"your roles do not allow you to {PURPOSES['billing', name]}"
            assert "admin" in able
    # What is refused to her is there for the one whom it concerns.
    shown = await owner.ask("billing", "invoice", 1, "acme", ASKED["invoice"])
    assert shown["organization"] == "acme"
