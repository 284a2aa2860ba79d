"""Who approves a change is shown its plan, made again from the log as it was when it was opened."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.integration.billing.town import CASHIER, OWNER, ROOT
from tests.integration.provisioning.town import BOOK, PROD, Town, gated, town
from tests.support import planning

from catalyst.chassis import clock
from catalyst.chassis.asking import Asked
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.keyring import KeyRing
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.provisioning_values_v1 import PlanRequest
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.roles import SECURITY_OFFICER, SOVEREIGN_ADMIN
from catalyst.provisioning.domain.plan import Plan
from catalyst.provisioning.remaking import Remade

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G14.21")]

BEN = "ben@example.org"
VI = "vi@example.org"
OWNERS = [
    {"email": OWNER, "role": "owner"},
    {"email": BEN, "role": "developer"},
    {"email": VI, "role": "viewer"},
]
TOLD = ("quota", "gates", "risks", "dependents", "goes", "dependencies", "files", "lock", "desired")


@pytest.fixture
async def place(js: JetStream, tmp_path: Path) -> AsyncIterator[Town]:
    """A town whose Environment asks for an approval."""
    async with town(js, KeyRing.open(tmp_path / "keys"), tmp_path) as found:
        await gated(found, OWNERS, 1)
        yield found


async def shown(place: Town, change: str, by: str = BEN, *roles: str) -> Remade:
    """Return the plan of a change, as somebody is shown it."""
    token = place.keys.people().person(by, list(roles))
    asked = Asked(place.js, lambda: token, timeout=15)
    answer = await asked.ask("provisioning", "planned", 1, "acme", {"change": change})
    return msgspec.convert(answer, Remade)


async def refused(place: Town, change: str, by: str, *roles: str) -> tuple[str, str]:
    """Return why somebody is not shown a plan."""
    with pytest.raises(Rejected) as caught:
        await shown(place, change, by, *roles)
    return caught.value.code, caught.value.message


def told(found: Plan) -> dict[str, bytes]:
    """Return each thing that a plan tells, as its bytes."""
    parts: dict[str, Any] = {name: getattr(found, name) for name in TOLD}
    parts["price"] = found.price and (found.price.quote, found.price.delta)
    return {name: msgspec.json.encode(part) for name, part in parts.items()}


async def accepted(place: Town, command: Any, name: str, by: str = OWNER) -> None:
    organization = "_" if by == CASHIER else "acme"
    done = await place.money.ask(command, organization, name, by=by)
    assert done.status == "accepted", (done.code, done.errors)


async def test_the_plan_of_a_change_comes_out_of_the_log_as_it_was_whatever_came_since(
    place: Town,
) -> None:
    first = await place.plan(planning.install())
    assert (await place.apply("ch-1", first)).status == "accepted"
    # Planned on the result of the first, while that waits.
    second = await place.plan(planning.configure(values={"logLevel": "debug"}))
    assert (await place.apply("ch-2", second)).status == "accepted"
    third = await place.plan(
        PlanRequest(action="uninstall", environment=PROD, application="wiki", keep_data=False)
    )
    assert (await place.apply("ch-3", third)).status == "accepted"

    region = env1.Region(provider="hetzner", region="hel", building_block="rtz")
    update = env1.UpdateEnvironment(placement="single-region", regions=(region,))
    await accepted(place, update, PROD, ROOT)
    dearer = BOOK.replace('"2.000"', '"2.500"').replace("2026-04-01", f"{clock.now():%Y-%m-%d}")
    book = bill1.ApplyPriceBook(document=dearer.replace("2026-04", "dearer"))
    await accepted(place, book, "default", CASHIER)
    place.others.locks.clear()

    for name, plan in {"ch-1": first, "ch-2": second, "ch-3": third}.items():
        found = await shown(place, name)
        assert (found.hash, found.missing) == (plan.hash, ())
        assert found.plan is not None
        assert told(found.plan) == told(plan), name
    assert {risk.kind for risk in second.risks} == {"downtime"}
    assert "data-loss" in {risk.kind for risk in third.risks}
    # The same for whoever asks, at once and again.
    both = await asyncio.gather(shown(place, "ch-2", OWNER), shown(place, "ch-2"))
    assert msgspec.json.encode(both[0]) == msgspec.json.encode(both[1])


async def test_what_was_approved_is_shown_after_it_was_done_as_well(place: Town) -> None:
    first = await place.plan(planning.install())
    assert (await place.apply("ch-1", first)).status == "accepted"
    await accepted(place, pro1.ApproveChange(hash=first.hash), "ch-1", BEN)
    await place.reached("ch-1", "repository")
    assert (await place.through("ch-1")).status == "completed"
    found = await shown(place, "ch-1")
    assert found.plan is not None
    assert told(found.plan) == told(first)


async def test_the_plan_of_a_deletion_is_shown_while_what_goes_is_what_was_planned(
    place: Town,
) -> None:
    request = PlanRequest(action="delete-organization")
    first = await place.plan(request, ROOT)
    assert (await place.apply("ch-1", first, ROOT)).status == "accepted"
    found = await shown(place, "ch-1")
    assert found.plan is not None
    assert told(found.plan) == told(first)
    assert f"environment {PROD}" in " ".join(found.plan.goes)
    late = env1.DefinePolicy(promotion=env1.Promotion(required_approvers=1))
    await accepted(place, late, "late", ROOT)
    found = await shown(place, "ch-1")
    assert (found.plan, found.missing) == (
        None,
        ("policy late would go too, and was not planned",),
    )


@pytest.mark.guarantee("G23.1", "G14.5")
async def test_a_security_officer_reads_what_an_approval_is_asked_for_and_no_other_change(
    place: Town,
) -> None:
    first = await place.plan(planning.install())
    assert (await place.apply("ch-1", first)).status == "accepted"
    sam = ("sam@example.com", SECURITY_OFFICER)
    found = await shown(place, "ch-1", *sam)
    assert found.plan is not None
    assert told(found.plan) == told(first)
    nothing = ("change-not-found", "there is no change 'ch-0'")
    assert await refused(place, "ch-0", *sam) == nothing
    assert await refused(place, "ch-0", BEN) == nothing
    assert (await refused(place, "ch-1", VI))[0] == "forbidden"
    assert (await refused(place, "ch-1", "nobody@example.com"))[0] == "forbidden"
    assert (await refused(place, "ch-1", ROOT, SOVEREIGN_ADMIN))[0] == "forbidden"
    await accepted(place, pro1.CancelChange(reason="no"), "ch-1")
    assert await refused(place, "ch-1", *sam) == (
        *("change-not-found", "there is no change 'ch-1'"),
    )
    wrong = Asked(place.js, lambda: place.keys.people().person(BEN, []), timeout=15)
    for asked in ({}, {"change": "a b"}, {"change": "ch-1", "more": 1}):
        with pytest.raises(Rejected):
            await wrong.ask("provisioning", "planned", 1, "acme", asked)
