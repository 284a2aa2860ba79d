"""Money of a change that nobody answers: once it gave up nothing is taken, and the reverse."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.integration.provisioning.delaying import Mood, passes, retry, set_aside
from tests.integration.provisioning.town import PROD, Town, town
from tests.support import billing, planning
from tests.support.invariants import check_log
from tests.support.waiting import until

from catalyst.billing import handlers
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.keyring import KeyRing
from catalyst.contracts import billing_v1 as bill1
from catalyst.provisioning.domain import foreign
from catalyst.provisioning.domain.steps import UNDO_ATTEMPTS, WAYS

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G14.16")]

CAPTURE = bill1.CaptureHold(hold="ch-1", revision="ch-1")


@pytest.fixture
def mood(monkeypatch: pytest.MonkeyPatch) -> Mood:
    found = Mood()
    found.spoil(monkeypatch, handlers, (bill1.CaptureHold, bill1.ReleaseHold))
    return found


@pytest.fixture
async def place(js: JetStream, mood: Mood, tmp_path: Path) -> AsyncIterator[Town]:
    async with town(js, KeyRing.open(tmp_path / "keys"), tmp_path) as found:
        done = await found.apply("ch-1", await found.plan(planning.install()))
        assert done.status == "accepted", done
        await advance(found)
        yield found
        await check_log(js)


async def advance(place: Town) -> None:
    """Let everything be done up to what is to be seen."""
    for step in ("repository", "commit"):
        await place.reached("ch-1", step)
        for unit in (await place.change("ch-1")).remaining():
            await place.report("ch-1", step, unit.application)
    await place.reached("ch-1", "observe")


async def test_what_is_retried_after_a_change_gave_up_takes_nothing_of_it(
    place: Town, mood: Mood
) -> None:
    mood.broken = True
    state = await place.change("ch-1")
    for unit in state.remaining():
        await place.seen(unit.application, "ch-1")
    await place.reached("ch-1", "capture")
    for _ in range(WAYS["capture"].attempts):
        await passes(place, "ch-1")
    for step in ("commit", "repository"):
        await place.reached("ch-1", step)
        for unit in (await place.change("ch-1")).remaining():
            await place.report("ch-1", step, unit.application, undo=True)
    await place.reached("ch-1", "hold")
    for _ in range(UNDO_ATTEMPTS):
        await passes(place, "ch-1")
    gave_up = await place.over("ch-1")
    assert (gave_up.status, gave_up.left) == ("failed", ("hold: the deadline passed",))
    await set_aside(place, WAYS["capture"].attempts + UNDO_ATTEMPTS)
    mood.broken = False
    await retry(place, "billing", "account", "acme")
    account = await place.money.state(billing.ACCOUNT)
    assert (account.holds, account.subscriptions) == ({}, ())
    assert account.ended["ch-1"] == "released"
    assert account.available("OMR", billing.NOW) == billing.omr(50_000)
    late = await place.money.ask(CAPTURE, "acme", by="provisioning")
    assert late.code == "hold-released"

    async def heard() -> bool:
        return (await place.change("ch-1")).left == ()

    await until(heard)
    home: foreign.Environment = await place.worker.states.state(
        foreign.environment_ref("acme", PROD)
    )
    assert home.applications == ()


async def test_what_is_taken_is_not_given_up_where_nobody_has_answered(
    place: Town, mood: Mood
) -> None:
    taken = await place.money.ask(CAPTURE, "acme", by="provisioning")
    assert taken.status == "accepted", taken
    mood.broken = True
    for unit in (await place.change("ch-1")).remaining():
        await place.seen(unit.application, "ch-1")
    await place.reached("ch-1", "capture")
    await set_aside(place, 1)
    await passes(place, "ch-1")
    state = await place.over("ch-1")
    assert (state.status, state.left) == ("completed", ())
    account = await place.money.state(billing.ACCOUNT)
    assert account.ended["ch-1"] == "captured"
    mood.broken = False
    await retry(place, "billing", "account", "acme")
    assert (await place.change("ch-1")).status == "completed"
