"""Use on the real broker: counted once across restarts, ten thousand of them, none lost unseen."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.integration.billing.town import billing_worker
from tests.support import metering
from tests.support.waiting import until

from catalyst.billing.domain import prices, usage
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.keyring import KeyRing
from catalyst.chassis.worker import Worker
from catalyst.contracts.topology import DLQ, USE

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
        return bool((await js.stream_state(USE)).messages == 0)

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


@pytest.mark.guarantee("G12.10")
async def test_what_is_no_use_is_a_dead_letter_and_what_fits_nothing_is_listed(
    js: JetStream, keys: KeyRing
) -> None:
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
