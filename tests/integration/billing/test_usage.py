"""Use on the real broker: counted once across restarts, ten thousand of them, none lost unseen."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from tests.integration.billing.town import billing_worker
from tests.support import metering
from tests.support import usage as used
from tests.support.waiting import until

from catalyst.billing.domain import prices, subscription, usage, waiting
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.keyring import KeyRing
from catalyst.chassis.worker import Worker
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.message import Envelope
from catalyst.contracts.topology import DLQ, EV, USE
from catalyst.contracts.usage_v1 import Unmatched

pytestmark = pytest.mark.real

TIME = datetime.now(UTC)
MONTH = usage.ref_of("acme", prices.month_of(TIME))
MANY = 10_000


@pytest.fixture
def keys(tmp_path: Path) -> KeyRing:
    return KeyRing.open(tmp_path / "keys")


async def emptied(js: JetStream) -> None:
    """Wait until every message of use is settled."""

    async def empty() -> bool:
        reader = await js.api(f"CONSUMER.INFO.{USE}.billing--usage", None)
        return not reader["num_pending"] and not reader["num_ack_pending"]

    await until(empty)


async def tokens(worker: Worker) -> tuple[int, int]:
    """Return the month's tokens, and how many messages they were made of."""
    state: usage.Usage = await worker.states.state(MONTH)
    metered = state.meters["blog.acme-prod/tokens"]
    return metered.quantity, metered.uses


@pytest.mark.guarantee("G12.9")
async def test_what_is_reported_again_after_a_restart_counts_once(
    js: JetStream, keys: KeyRing
) -> None:
    messages = [metering.message(f"u-{number}", TIME, number) for number in range(300)]
    async with billing_worker(js, keys):
        await metering.settle(js, MONTH.id)
        await metering.report(js, messages[:200])
        await emptied(js)
    await metering.report(js, messages[100:])
    async with billing_worker(js, keys) as worker:
        await metering.report(js, reversed(messages))
        await emptied(js)
        assert await tokens(worker) == (sum(range(300)), 300)


@pytest.mark.guarantee("G12.9")
async def test_ten_thousand_uses_are_counted_to_the_last_one(js: JetStream, keys: KeyRing) -> None:
    messages = [metering.message(f"u-{number}", TIME, number % 7) for number in range(MANY)]
    async with billing_worker(js, keys) as worker:
        await metering.settle(js, MONTH.id)
        await metering.report(js, messages)
        await emptied(js)
        assert await tokens(worker) == (sum(number % 7 for number in range(MANY)), MANY)


@pytest.mark.guarantee("G12.20")
async def test_of_two_that_say_different_things_under_one_name_one_counts_and_one_is_listed(
    js: JetStream, keys: KeyRing
) -> None:
    before = usage.first_day(MONTH.id) - timedelta(minutes=1)
    earlier = usage.ref_of("acme", prices.month_of(before))
    pairs = [
        (metering.message(f"u-{number}", TIME, 1), metering.message(f"u-{number}", before, 2))
        for number in range(100)
    ]
    sent = [one for pair in pairs for one in pair]

    async def counted(worker: Worker) -> int:
        states: list[usage.Usage] = [await worker.states.state(ref) for ref in (MONTH, earlier)]
        return sum(one.uses for state in states for one in state.meters.values())

    async def listed() -> list[Unmatched]:
        found = await js.replay(EV, "evt.acme.billing.usage.*.usage-unmatched.v1")
        events = [msgspec.json.decode(stored.data, type=Envelope).data for stored in found]
        return [
            one
            for data in events
            for one in msgspec.json.decode(data, type=bill1.UsageUnmatched).uses
        ]

    async with billing_worker(js, keys) as worker:
        await metering.settle(js, earlier.id)
        # Two months are two lanes: what each has not seen of the other, the broker refuses.
        await metering.report(js, sent)
        await emptied(js)
        assert await counted(worker) == len(pairs)
        found = await listed()
        assert {(one.use.id, one.code) for one in found} == {
            (f"u-{number}", "other-content") for number in range(len(pairs))
        }
        assert len(found) == len(pairs)
    third = metering.message("u-7", TIME, 3)
    async with billing_worker(js, keys) as worker:
        await metering.report(js, [*reversed(sent), third, third])
        await emptied(js)
        assert await counted(worker) == len(pairs)
        assert [one.use.quantity for one in (await listed())[len(pairs) :]] == [3]


@pytest.mark.guarantee("G12.10")
@pytest.mark.guarantee("G12.22")
async def test_what_is_no_use_is_a_dead_letter_and_what_fits_nothing_counts_once_it_fits(
    js: JetStream, keys: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "LEAST", waiting.SOON)
    monkeypatch.setattr(waiting, "LONGEST", waiting.SOON)
    async with billing_worker(js, keys) as worker:
        await metering.settle(js, MONTH.id)
        lost = metering.message("lost", TIME, subject="wiki.acme-prod")
        good = metering.message("good", TIME, 3)
        await metering.report(js, [b"{", good, lost, metering.message("", TIME)])
        await emptied(js)
        assert await tokens(worker) == (3, 1)
        state: usage.Usage = await worker.states.state(MONTH)
        assert [one.rpartition(":")[2] for one in state.unmatched] == ["subscription-not-found"]
        letters = await js.replay(DLQ, "dlq.acme.billing.>")
        assert len(letters) == 2
    # Its timer comes due while nobody is there, and what it lacked has come.
    blog = used.started(MONTH.id)[1]  # type: ignore[index]
    wiki = msgspec.structs.replace(blog, application="wiki")
    await metering.write(js, (subscription.ref_of("acme", "wiki.acme-prod"), wiki))
    async with billing_worker(js, keys) as worker:

        async def counted() -> bool:
            state: usage.Usage = await worker.states.state(MONTH)
            return "wiki.acme-prod/tokens" in state.meters

        await until(counted)
        await metering.report(js, [lost])
        await emptied(js)
        state = await worker.states.state(MONTH)
        assert state.meters["wiki.acme-prod/tokens"].uses == 1
        assert state.waiting == {}
