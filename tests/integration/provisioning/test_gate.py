"""Nobody gets past an approval: not early, not twice, not late, not by another plan."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from tests.integration.billing.town import CASHIER, OWNER, ROOT
from tests.integration.provisioning.site import applying
from tests.integration.provisioning.town import BOOK, PROD, Town, gated, town
from tests.support import planning
from tests.support.invariants import check_log, whole_log
from tests.support.rig import Sender
from tests.support.waiting import until

from catalyst.chassis import clock, timer
from catalyst.chassis.asking import Asked
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.chassis.keyring import KeyRing
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts import codec
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.message import Outcome
from catalyst.contracts.provisioning_values_v1 import PlanRequest
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.domain import foreign
from catalyst.provisioning.domain.change import change_ref
from catalyst.provisioning.domain.plan import Plan
from catalyst.provisioning.domain.writing import TURN

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G14.11")]

BEN, CLEO, DAN = "ben@example.org", "cleo@example.org", "dan@example.org"
OWNERS = [{"email": who, "role": "owner"} for who in (OWNER, BEN, CLEO)]


@pytest.fixture
async def place(js: JetStream, tmp_path: Path) -> AsyncIterator[Town]:
    """A town whose Environment asks for two approvals, and in which Dan has no role."""
    async with town(js, KeyRing.open(tmp_path / "keys"), tmp_path) as found:
        await gated(found, OWNERS, 2)
        yield found
        await check_log(js)


async def approve(place: Town, by: str, hash_: str, name: str = "ch-1") -> Outcome:
    return await place.money.ask(pro1.ApproveChange(hash=hash_), "acme", name, by=by)


async def untouched(place: Town, name: str = "ch-1") -> None:
    """Nothing of the change was begun, whatever it says of itself."""
    assert (await place.change(name)).begun == ()
    subjects = {one.subject for one in await whole_log(place.js)}
    assert [one for one in subjects if "application-admitted" in one or "credit-held" in one] == []


async def test_an_approval_before_the_change_or_by_the_wrong_one_counts_for_nothing(
    place: Town,
) -> None:
    found = await place.plan(planning.install())
    assert (await approve(place, BEN, found.hash)).code == "change-not-found"
    assert (await approve(place, CLEO, found.hash)).code == "change-not-found"
    assert (await place.apply("ch-1", found)).status == "accepted"
    assert (await place.change("ch-1")).status == "waiting"
    assert (await approve(place, OWNER, found.hash)).code == "approval-own"
    assert (await approve(place, DAN, found.hash)).code == "forbidden"
    assert (await approve(place, BEN, found.hash)).status == "accepted"
    await untouched(place)
    assert (await approve(place, CLEO, found.hash)).status == "accepted"
    await place.reached("ch-1", "repository")


async def test_an_approval_that_is_sent_again_counts_once(place: Town) -> None:
    found = await place.plan(planning.install())
    assert (await place.apply("ch-1", found)).status == "accepted"
    token = place.keys.people().person(BEN, [])
    sender = Sender(place.js)
    for number in range(4):
        # The same message, and the same words in other messages.
        sent = await sender.send(
            "provisioning.approve-change.v1",
            "ch-1",
            {"hash": found.hash},
            organization="acme",
            command_id=f"c-approval-{number // 2}",
            headers={"Authorization": f"Bearer {token}"},
        )
        assert (await sender.outcome("acme", sent)).status == "accepted"
    assert len((await place.change("ch-1")).approved) == 1
    await untouched(place)


async def test_an_approval_is_of_one_plan_and_ends_with_its_change(place: Town) -> None:
    found = await place.plan(planning.install())
    assert (await place.apply("ch-1", found)).status == "accepted"
    other = found.hash[::-1]
    assert (await approve(place, BEN, other)).code == "plan-stale"
    assert (await approve(place, BEN, found.hash)).status == "accepted"
    stop = pro1.CancelChange(reason="again")
    assert (await place.money.ask(stop, "acme", "ch-1")).status == "accepted"
    again = await place.plan(planning.install())
    assert (await place.apply("ch-2", again)).status == "accepted"
    assert (await approve(place, CLEO, again.hash, "ch-2")).status == "accepted"
    assert (await approve(place, CLEO, found.hash, "ch-1")).code == "change-over"
    assert len((await place.change("ch-2")).approved) == 1
    await untouched(place, "ch-2")


@pytest.mark.guarantee("G14.5")
async def test_an_approval_of_who_lost_their_role_is_missing_at_once_and_back_with_it(
    place: Town,
) -> None:
    async def owned(*names: str) -> None:
        owners = tuple(env1.Owner(email=one, role="owner") for one in names)
        done = await place.money.ask(env1.ChangeOwners(owners=owners), "acme", by=ROOT)
        assert done.status == "accepted", done

    async def lacks(quorum: int) -> None:
        async def told() -> bool:
            held = (await place.change("ch-1")).held
            return held is not None and [one.quorum for one in held.approvals] == [quorum]

        await until(told)

    found = await place.plan(planning.install())
    assert (await place.apply("ch-1", found)).status == "accepted"
    assert (await approve(place, BEN, found.hash)).status == "accepted"
    await lacks(1)
    await owned(OWNER, CLEO)
    await lacks(2)
    await untouched(place)
    await owned(OWNER, BEN, CLEO)
    await lacks(1)
    assert (await approve(place, CLEO, found.hash)).status == "accepted"
    await place.reached("ch-1", "repository")


async def test_no_clock_opens_the_gate(place: Town) -> None:
    found = await place.plan(planning.install())
    far = msgspec.structs.replace(found, expires=found.expires + timedelta(days=400))
    past = msgspec.structs.replace(found, expires=found.expires - timedelta(days=1))
    assert (await place.apply("ch-0", past)).code == "plan-expired"
    assert (await place.apply("ch-0", far)).code == "expiry-far"
    assert (await place.apply("ch-1", found)).status == "accepted"
    # A timer that somebody fires by hand looks at the gate, and finds it shut; twice as well.
    ref = change_ref("acme", "ch-1")
    for _ in range(2):
        gen = (await place.change("ch-1")).gen
        body = timer.Body(timer=TURN, gen=gen)
        for _ in range(2):
            await place.js.publish(Outgoing(ref.due(TURN), codec.encode(body)))

        async def looked(gen: str = gen) -> bool:
            return (await place.change("ch-1")).gen != gen

        await until(looked)
        assert (await place.change("ch-1")).status == "waiting"
    assert (await approve(place, BEN, found.hash)).status == "accepted"
    await untouched(place)


async def test_what_has_become_stale_is_not_carried_out_in_whatever_order_it_comes(
    place: Town,
) -> None:
    """Each thing that a plan rests on moves once, before, between and after plans."""
    gate = env1.UpdatePolicy(promotion=env1.Promotion(required_approvers=1))
    dearer = BOOK.replace('"2.000"', '"2.500"').replace("2026-04-01", f"{clock.now():%Y-%m-%d}")
    price = bill1.ApplyPriceBook(document=dearer.replace("2026-04", "dearer"))
    request = PlanRequest(**msgspec.structs.asdict(planning.install()))
    plans: list[Plan] = [await place.plan(request)]
    done = await place.money.ask(gate, "acme", "gate", by=ROOT)
    assert done.status == "accepted", (done.code, done.errors)
    plans.append(await place.plan(request))
    done = await place.money.ask(price, "_", "default", by=CASHIER)
    assert done.status == "accepted", (done.code, done.errors)
    fresh = await place.plan(request)
    plans.append(msgspec.structs.replace(fresh, hash=plans[0].hash))
    plans.append(msgspec.structs.replace(fresh, inputs=plans[1].inputs))
    other = msgspec.structs.replace(request, values={"logLevel": "debug"})
    plans.append(msgspec.structs.replace(fresh, request=other))
    for number, stale in enumerate(plans):
        assert (await place.apply(f"ch-{number}", stale)).code == "plan-stale", number
    commands = [applying(stale) for stale in plans]
    outcomes = await asyncio.gather(
        place.apply("ch-fresh", fresh),
        *(place.money.ask(one, "acme", f"ch-x{n}") for n, one in enumerate(commands)),
    )
    assert [one.status for one in outcomes] == ["accepted", *["rejected"] * len(commands)]
    await untouched(place, "ch-fresh")


@pytest.mark.guarantee("G14.15")
async def test_of_two_changes_that_pass_at_once_one_finds_room_and_the_other_leaves_nothing(
    place: Town,
) -> None:
    """Both were planned while there was room for either, and each brings a database of its own."""
    policy = env1.UpdatePolicy(
        promotion=env1.Promotion(required_approvers=1), quota=env1.Quota(applications=3)
    )
    assert (await place.money.ask(policy, "acme", "gate", by=ROOT)).status == "accepted"
    (database, wiki) = place.others.locks["wiki"]
    place.others.locks["docs"] = [
        {**database, "application": "docs-postgres"},
        {**wiki, "application": "docs", "dependencies": {"postgres": "docs-postgres"}},
    ]
    plans = {
        "ch-1": await place.plan(planning.install()),
        "ch-2": await place.plan(planning.install("docs", blueprint="bp-wiki")),
    }
    assert [room(found) for found in plans.values()] == [(3, 0, 0, 2)] * 2
    for name, found in plans.items():
        assert (await place.apply(name, found)).status == "accepted"
    await asyncio.gather(*(approve(place, BEN, found.hash, name) for name, found in plans.items()))

    async def parted() -> bool:
        both = [await place.change(name) for name in plans]
        return sorted(one.step or one.status for one in both) == ["failed", "repository"]

    await until(parted)
    (lost,) = [name for name in plans if (await place.change(name)).is_over]
    (won,) = plans.keys() - {lost}
    refused = await place.change(lost)
    lets = "the policy 'gate' lets 3 Applications into 'acme-prod'"
    count = r"[123] are used or held, and [12] more would come"
    assert re.fullmatch(f"refused: quota-exceeded: {lets}: {count}", refused.reason)
    assert refused.left == ()
    assert refused.begun == ("admit",)
    names = tuple(sorted(item.application for item in plans[won].lock))
    home = await place.worker.states.state(foreign.environment_ref("acme", PROD))
    assert home.applications == names
    held = [one.subject for one in await whole_log(place.js) if "credit-held" in one.subject]
    assert len(held) == 1
    full = await place.plan(plans[lost].request)
    assert room(full) == (3, 0, 2, 4)
    assert [one.code for one in full.blocked_by] == ["quota-exceeded"]
    assert (await place.apply("ch-3", full)).code == "quota-exceeded"
    assert (await place.through(won)).status == "completed"
    assert room(await place.plan(plans[lost].request)) == (3, 2, 0, 4)


def room(found: Plan) -> tuple[int, ...]:
    """Return what a plan says of limit, used, held and after."""
    names = ("limit", "used", "held", "after")
    return tuple(found.quota[f"applications_{name}"] for name in names)


@pytest.mark.guarantee("G6.3")
async def test_a_stranger_plans_nothing_asks_nothing_and_applies_nothing(place: Town) -> None:
    found = await place.plan(planning.install())
    with pytest.raises(Rejected) as caught:
        await place.plan(planning.install(), by=DAN)
    assert caught.value.code == "forbidden"
    asked = Asked(place.js, lambda: place.keys.people().person(DAN, []), timeout=15)
    for service, name in (("provisioning", "health"), ("billing", "quote")):
        with pytest.raises(Rejected) as caught:
            await asked.ask(service, name, 1, "acme", {"items": [], "currency": "OMR"})
        assert caught.value.code == "forbidden", name
    assert (await place.apply("ch-1", found, by=DAN)).code == "forbidden"
    await untouched(place)
