"""From a price book to paid months on the real broker: quote, hold, capture, release, redeem."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.integration.billing.town import CASHIER, ROOT, Town, town
from tests.support import billing
from tests.support.waiting import until

from catalyst.billing.domain import subscription, voucher
from catalyst.chassis.asking import Asked
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.keyring import KeyRing
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.prices_v1 import Quote
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.topology import DLQ, EV
from catalyst.contracts.voucher_v1 import normalised, voucher_id

pytestmark = pytest.mark.real

ITEM = {"application": "blog", "environment": "acme-prod", "blueprint": "bp-wordpress", "plan": "s"}
WANTED: dict[str, Any] = {"items": [ITEM], "currency": "OMR"}
PARTS = ("book", "version", "items", "lines", "total", "due")


@pytest.fixture
def keys(tmp_path: Path) -> KeyRing:
    return KeyRing.open(tmp_path / "keys")


@pytest.fixture
async def place(js: JetStream, keys: KeyRing) -> AsyncIterator[Town]:
    async with town(js, keys) as found:
        await found.found(["acme"])
        yield found


def asked(place: Town) -> Asked:
    """Return how provisioning asks."""
    return Asked(place.js, place.keys.service("provisioning").service)


def quote_of(answer: Mapping[str, Any]) -> Quote:
    """Return the part of an answer that a hold carries."""
    return msgspec.convert({name: answer[name] for name in PARTS}, Quote)


@pytest.mark.guarantee("G12.3")
async def test_what_is_quoted_is_held_and_what_is_held_is_taken(place: Town) -> None:
    payment = bill1.RecordPayment(payment="p1", amount=billing.omr(10_000), reference="t 1")
    assert (await place.ask(payment, "acme", by=CASHIER)).status == "accepted"
    answer = await asked(place).ask("billing", "quote", 1, "acme", WANTED)
    assert answer["credit_after"] == {"currency": "OMR", "minor": 3500}
    assert answer["monthly_before"] == {"currency": "OMR", "minor": 0}
    told = await asked(place).ask("billing", "prices", 1, "acme", {})
    assert [one["sku"] for one in told["packages"]] == ["s", "m"]
    # Which Blueprints have a price is told to nobody here: a book names private ones, too.
    assert "blueprints" not in told
    hold = billing.hold("c-1", quote_of(answer))
    assert (await place.ask(hold, "acme", by="provisioning")).status == "accepted"
    capture = bill1.CaptureHold(hold="c-1", revision="3f2a")
    assert (await place.ask(capture, "acme", by="provisioning")).status == "accepted"
    sold = await place.state(subscription.ref_of("acme", "blog.acme-prod"))
    assert (sold.status, sold.monthly) == ("active", billing.omr(6500))
    again = await asked(place).ask("billing", "quote", 1, "acme", WANTED)
    assert again["due"] == {"currency": "OMR", "minor": 0}
    assert again["monthly_before"] == {"currency": "OMR", "minor": 6500}
    assert again["available"] == answer["credit_after"]
    other = {**WANTED, "items": [{**ITEM, "application": "second"}]}
    dear = await asked(place).ask("billing", "quote", 1, "acme", other)
    assert dear["covered"] is False
    refused = await place.ask(billing.hold("c-2", quote_of(dear)), "acme", by="provisioning")
    assert refused.code == "credit-insufficient"
    state = await place.state(billing.ACCOUNT)
    assert state.balances["revenue:OMR"] == 6500
    assert sum(state.balances.values()) + state.available("OMR", billing.NOW).minor == 0


@pytest.mark.guarantee("G12.6")
async def test_the_code_of_a_voucher_is_stored_nowhere(place: Town) -> None:
    ask = asked(place)
    code = (await ask.ask("billing", "voucher-code", 1, None, {}))["code"]
    ref = voucher.ref_of(voucher_id(code))
    issue = bill1.IssueVoucher(code=code, amount=billing.omr(5000), cap=1)
    assert (await place.ask(issue, "_", ref.id, by=ROOT)).status == "accepted"
    seen = await ask.ask("billing", "preview-voucher", 1, "acme", {"code": code.lower()})
    assert seen["amount"] == {"currency": "OMR", "minor": 5000}
    redeem = bill1.RedeemVoucher(code=code.replace("-", " "))
    assert (await place.ask(redeem, "acme", "r-1")).status == "accepted"

    async def credited() -> bool:
        return bool((await place.state(billing.ACCOUNT)).credits)

    await until(credited)
    secret = normalised(code)[3:]
    for stream in (EV, DLQ):
        for stored in await place.js.replay(stream, ">"):
            text = f"{stored.subject} {stored.data.decode()} {dict(stored.headers)}"
            assert secret not in normalised(text), stored.subject


@pytest.mark.guarantee("G12.7")
async def test_a_preview_tells_a_revoked_code_from_an_unknown_one_to_nobody(place: Town) -> None:
    ask = asked(place)
    issue = bill1.IssueVoucher(code=billing.CODE, amount=billing.omr(1), cap=1)
    assert (await place.ask(issue, "_", billing.VOUCHER.id, by=ROOT)).status == "accepted"
    revoke = bill1.RevokeVoucher(reason="printed")
    assert (await place.ask(revoke, "_", billing.VOUCHER.id, by=ROOT)).status == "accepted"
    said = []
    for code in (billing.CODE, "VCH-2222-3333-4567"):
        with pytest.raises(Rejected) as refused:
            await ask.ask("billing", "preview-voucher", 1, "acme", {"code": code})
        said.append((refused.value.code, refused.value.message))
    assert said == [("voucher-not-found", "there is no voucher with this code")] * 2
    for _ in range(18):
        with pytest.raises(Rejected):
            await ask.ask("billing", "preview-voucher", 1, "acme", {"code": "X" * 12})
    with pytest.raises(Rejected) as refused:
        await ask.ask("billing", "preview-voucher", 1, "acme", {"code": billing.CODE})
    assert refused.value.code == "rate-limited"


async def test_a_wrong_question_is_told_what_is_wrong(place: Town) -> None:
    wrong: tuple[tuple[Any, str], ...] = (
        ({}, "invalid-data"),
        ({**WANTED, "currency": "EUR"}, "currency-not-priced"),
        ({**WANTED, "items": []}, "invalid-data"),
        ({**WANTED, "items": [{**ITEM, "blueprint": "bp-nothing"}]}, "sku-unknown"),
        ({**WANTED, "price": 1}, "invalid-data"),
    )
    for request, code in wrong:
        with pytest.raises(Rejected) as refused:
            await asked(place).ask("billing", "quote", 1, "acme", request)
        assert refused.value.code == code, request
