"""A change whose files a later version of Catalyst makes otherwise ends before it begins."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.integration.billing.town import OWNER
from tests.integration.provisioning.town import PROD, Town, gated, town
from tests.support import billing, planning
from tests.support.invariants import whole_log
from tests.support.otherwise import made_otherwise
from tests.support.waiting import until

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.keyring import KeyRing
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.topology import DLQ
from catalyst.provisioning.domain import foreign

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G14.2", "G14.13")]

BEN = "ben@example.org"
OWNERS = [{"email": OWNER, "role": "owner"}, {"email": BEN, "role": "developer"}]
WORDS = "plan-stale: its files come out otherwise than planned; plan it again"


@pytest.fixture
async def place(js: JetStream, tmp_path: Path) -> AsyncIterator[Town]:
    """A town whose Environment asks for an approval."""
    async with town(js, KeyRing.open(tmp_path / "keys"), tmp_path) as found:
        await gated(found, OWNERS, 1)
        yield found
        assert not (await js.stream_state(DLQ)).messages


async def approved(place: Town, name: str) -> None:
    command = pro1.ApproveChange(hash=(await place.change(name)).content().hash)
    done = await place.money.ask(command, "acme", name, by=BEN)
    assert done.status == "accepted", (done.code, done.message)


async def begun(place: Town, name: str) -> list[str]:
    """Return what was recorded of a change once it had been opened."""
    every = await whole_log(place.js)
    at = f".change.{name}."
    kinds = [one.subject.split(at)[1] for one in every if at in one.subject]
    return [kind for kind in kinds if "step" in kind or "begun" in kind]


async def test_one_that_waited_for_an_approval_asks_nobody_for_anything(
    place: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = await place.apply("ch-1", await place.plan(planning.install()))
    assert done.status == "accepted", done
    made_otherwise(monkeypatch)
    await approved(place, "ch-1")
    state = await place.over("ch-1")
    assert (state.status, state.reason, state.begun) == ("failed", WORDS, ())
    assert await begun(place, "ch-1") == []
    home = await place.worker.states.state(foreign.environment_ref("acme", PROD))
    account = await place.money.state(billing.ACCOUNT)
    assert (home.applications, account.holds) == ((), {})
    # What is planned anew goes on.
    done = await place.apply("ch-2", await place.plan(planning.install()))
    assert done.status == "accepted", done
    await approved(place, "ch-2")
    await place.reached("ch-2", "repository")
    assert (await place.through("ch-2")).status == "completed"


async def test_one_that_stood_in_line_ends_once_it_has_its_turn(
    place: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    await place.apply("ch-1", await place.plan(planning.install()))
    await approved(place, "ch-1")
    await place.reached("ch-1", "repository")
    for number in (2, 3):
        request = planning.configure(values={"logLevel": ("debug", "error")[number % 2]})
        done = await place.apply(f"ch-{number}", await place.plan(request))
        assert done.status == "accepted", (done.code, done.errors)
        await approved(place, f"ch-{number}")
        assert (await place.change(f"ch-{number}")).status == "waiting"
    assert (await place.through("ch-1")).status == "completed"

    async def turned() -> bool:
        return (await place.change("ch-2")).step == "commit"

    await until(turned)
    made_otherwise(monkeypatch)
    assert (await place.through("ch-2")).status == "completed"
    state = await place.over("ch-3")
    assert (state.status, state.reason, state.begun) == ("failed", WORDS, ())
    assert await begun(place, "ch-3") == []
