"""Install, configure and uninstall on the real broker, with real money and real Environments."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from tests.integration.billing.town import CASHIER, OWNER, ROOT
from tests.integration.provisioning.town import BOOK, PROD, Town, town
from tests.support import billing, planning
from tests.support.waiting import until

from catalyst.billing.domain import subscription
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.keyring import KeyRing
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.message import Envelope, derived_id
from catalyst.contracts.prices_v1 import Package
from catalyst.contracts.provisioning_values_v1 import Action, PlanRequest
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.topology import DLQ, EV
from catalyst.gateway import trace
from catalyst.provisioning.domain import foreign

pytestmark = pytest.mark.real
HOME = foreign.environment_ref("acme", PROD)


@pytest.fixture
async def place(js: JetStream, tmp_path: Path) -> AsyncIterator[Town]:
    keys = KeyRing.open(tmp_path / "keys")
    async with town(js, keys, tmp_path) as found:
        yield found
        assert not (await js.stream_state(DLQ)).messages


async def test_an_application_is_installed_configured_and_taken_away(place: Town) -> None:
    found = await place.plan(planning.install())
    assert found.price is not None
    assert found.price.delta == billing.omr(2000)
    done = await place.apply("ch-1", found)
    assert done.status == "accepted", done
    assert (await place.through("ch-1")).status == "completed"
    home: foreign.Environment = await place.worker.states.state(HOME)
    assert home.applications == ("wiki", "wiki-postgres")
    account = await place.money.state(billing.ACCOUNT)
    assert account.balances["revenue:OMR"] == 2000
    sold = await place.money.state(subscription.ref_of("acme", f"wiki-postgres.{PROD}"))
    assert sold.status == "active"

    request = PlanRequest(
        action="configure", environment=PROD, application="wiki", values={"logLevel": "debug"}
    )
    done = await place.apply("ch-2", await place.plan(request))
    assert done.status == "accepted", done
    assert (await place.through("ch-2")).status == "completed"

    for number, name in enumerate(("wiki", "wiki-postgres"), 3):
        gone = PlanRequest(action="uninstall", environment=PROD, application=name)
        done = await place.apply(f"ch-{number}", await place.plan(gone))
        assert done.status == "accepted", done
        state = await place.through(f"ch-{number}")
        assert state.status == "completed", state
    home = await place.worker.states.state(HOME)
    assert home.applications == ()
    sold = await place.money.state(subscription.ref_of("acme", f"wiki-postgres.{PROD}"))
    assert sold.status == "ended"
    assert (await place.application("wiki")).archived


async def test_everything_that_followed_from_a_change_of_two_applications_is_traced(
    place: Town,
) -> None:
    done = await place.apply("ch-1", await place.plan(planning.install()))
    assert done.status == "accepted", done
    await place.reached("ch-1", "repository")
    early = await traced(place, done.id)
    assert early.incomplete == "the change is not over yet"

    started = (await happened(place))[-1]
    assert started.type == "provisioning.change-step-started.v1"
    for number, name in enumerate(("wiki", "wiki-postgres")):
        report = derived_id(f"repositories/{started.id}", number)
        await place.report("ch-1", "repository", name, sent_as=report)
    assert (await place.through("ch-1")).status == "completed"

    async def whole() -> bool:
        return not (await traced(place, done.id)).incomplete

    await until(whole)
    chain = await traced(place, done.id)
    shown = [event.id for step in chain.steps for event in step.events]
    assert len(shown) == len(set(shown))
    assert {event.id for event in await happened(place)} <= set(shown)
    effects = [step.cause for step in chain.steps if step.by == "repositories"]
    assert effects == [started.id, started.id]
    answers = {step.kind for step in chain.steps if step.type == "provisioning.take-answer.v1"}
    assert answers == {"sent"}


async def traced(place: Town, command: str) -> trace.Chain:
    (root,) = await trace.roots(place.js, command, "acme", any_owner=False)
    return await trace.walk(place.js, root)


async def happened(place: Town) -> list[Envelope]:
    """Return the events of the change, oldest first."""
    stored = await place.js.replay(EV, "evt.acme.provisioning.change.ch-1.>")
    return [msgspec.json.decode(item.data, type=Envelope) for item in stored]


@pytest.mark.guarantee("G14.13")
async def test_what_is_bought_behind_another_purchase_costs_what_that_leaves_to_be_paid(
    place: Town,
) -> None:
    def package(sku: Package) -> PlanRequest:
        return PlanRequest(action="configure", environment=PROD, application="wiki", plan=sku)

    async def queued(change: str, request: PlanRequest, before: int, due: int) -> None:
        found = await place.plan(request)
        assert found.price is not None
        assert (found.price.before, found.price.delta) == (billing.omr(before), billing.omr(due))
        done = await place.apply(change, found)
        assert done.status == "accepted", done

    # The wiki costs nothing but its package, and its database 2.000.
    await queued("ch-1", planning.install(plan="s"), 0, 7_000)
    await queued("ch-2", package("m"), 5_000, 7_500)
    await queued("ch-3", package("s"), 12_500, 0)
    values = PlanRequest(
        action="configure", environment=PROD, application="wiki", values={"logLevel": "debug"}
    )
    done = await place.apply("ch-4", await place.plan(values))
    assert done.status == "accepted", done
    await queued("ch-5", package("m"), 5_000, 0)
    for number in range(1, 6):
        state = await place.through(f"ch-{number}")
        assert state.status == "completed", (state.reason, state.left)
    account = await place.money.state(billing.ACCOUNT)
    assert account.available("OMR", billing.NOW) == billing.omr(50_000 - 14_500)


async def dearer(place: Town) -> None:
    """Let a package cost more from today on."""
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    text = BOOK.replace('"2026-04"', '"dearer"').replace("from: 2026-04-01", f"from: {today}")
    text = text.replace('OMR: "5.000"', 'OMR: "6.000"')
    assert text != BOOK
    book = bill1.ApplyPriceBook(document=text)
    assert (await place.money.ask(book, "_", "default", by=CASHIER)).status == "accepted"


@pytest.mark.guarantee("G14.13")
async def test_what_is_held_ahead_counts_at_its_own_price_whatever_the_book_says_since(
    place: Town,
) -> None:
    done = await place.apply("ch-1", await place.plan(planning.install(plan="s")))
    assert done.status == "accepted", done
    await place.reached("ch-1", "repository")
    await dearer(place)
    package = PlanRequest(action="configure", environment=PROD, application="wiki", plan="m")
    found = await place.plan(package)
    assert found.price is not None
    assert (found.price.before, found.price.delta) == (billing.omr(5_000), billing.omr(7_500))
    assert (await place.apply("ch-2", found)).status == "accepted"
    for change in ("ch-1", "ch-2"):
        state = await place.through(change)
        assert state.status == "completed", (state.reason, state.left)


@pytest.mark.guarantee("G12.25")
async def test_what_waited_until_other_prices_count_ends_with_what_has_moved_and_what_to_do(
    place: Town,
) -> None:
    done = await place.apply("ch-1", await place.plan(planning.install(plan="s")))
    assert done.status == "accepted", done
    await place.reached("ch-1", "repository")
    package = PlanRequest(action="configure", environment=PROD, application="wiki", plan="m")
    assert (await place.apply("ch-2", await place.plan(package))).status == "accepted"
    await dearer(place)
    assert (await place.through("ch-1")).status == "completed"
    state = await place.over("ch-2")
    assert (state.status, state.gave_up, state.left) == ("failed", "hold", ())
    assert state.reason == (
        "refused: quote-mismatch: the quote is of main 2026-04, and main dearer is in force:"
        " plan it again"
    )
    # What was bought before stays, at the price at which it was bought.
    account = await place.money.state(billing.ACCOUNT)
    assert account.available("OMR", billing.NOW) == billing.omr(50_000 - 7_000)
    assert (await place.apply("ch-3", await place.plan(package))).status == "accepted"
    assert (await place.through("ch-3")).status == "completed"


@pytest.mark.guarantee("G14.3")
async def test_a_change_that_is_stopped_leaves_no_money_admission_or_open_repository(
    place: Town,
) -> None:
    done = await place.apply("ch-1", await place.plan(planning.install()))
    assert done.status == "accepted", done
    await place.reached("ch-1", "repository")
    account = await place.money.state(billing.ACCOUNT)
    assert "ch-1" in account.holds
    stopped = await place.money.ask(pro1.CancelChange(reason="the wrong one"), "acme", "ch-1")
    assert stopped.status == "accepted", stopped
    state = await place.through("ch-1")
    taken = ("repository", "hold", "admit")
    assert (state.status, state.undone, state.left) == ("failed", taken, ())
    assert (await place.application("wiki")).archived
    account = await place.money.state(billing.ACCOUNT)
    assert account.holds == {}
    assert account.available("OMR", billing.NOW) == billing.omr(50_000)
    home: foreign.Environment = await place.worker.states.state(HOME)
    assert home.applications == ()


@pytest.mark.guarantee("G14.16")
async def test_what_is_taken_of_a_change_that_was_stopped_is_told_and_no_more_is_charged(
    place: Town,
) -> None:
    done = await place.apply("ch-1", await place.plan(planning.install()))
    assert done.status == "accepted", done
    for step in ("repository", "commit"):
        await place.reached("ch-1", step)
        for unit in (await place.change("ch-1")).remaining():
            await place.report("ch-1", step, unit.application)
    await place.reached("ch-1", "observe")
    capture = bill1.CaptureHold(hold="ch-1", revision="ch-1")
    taken = await place.money.ask(capture, "acme", by="provisioning")
    assert taken.status == "accepted", taken
    account = await place.money.state(billing.ACCOUNT)
    assert account.subscriptions
    stopped = await place.money.ask(pro1.CancelChange(reason="the wrong one"), "acme", "ch-1")
    assert stopped.status == "accepted", stopped
    state = await place.through("ch-1")
    assert (state.status, state.undone) == ("failed", ("commit", "repository", "admit"))
    (told,) = state.left
    assert "was taken before it could be given back" in told

    async def charges_nothing() -> bool:
        return not (await place.money.state(billing.ACCOUNT)).subscriptions

    await until(charges_nothing)


@pytest.mark.guarantee("G14.2")
async def test_a_plan_that_is_no_longer_true_is_refused_with_what_changed(place: Town) -> None:
    found = await place.plan(planning.install())
    define = env1.DefinePolicy(promotion=env1.Promotion(required_approvers=1))
    assert (await place.money.ask(define, "acme", "gate", by=ROOT)).status == "accepted"
    attach = env1.AttachPolicy(policy="gate")
    assert (await place.money.ask(attach, "acme", PROD, by=ROOT)).status == "accepted"
    done = await place.apply("ch-1", found)
    assert done.code == "plan-stale"
    changed = {error.pointer for error in done.errors}
    assert changed == {f"/data/inputs/environment:{PROD}", "/data/inputs/policy:gate"}


async def test_of_two_plans_that_are_applied_at_once_one_is_stale(place: Town) -> None:
    found = await place.plan(planning.install())
    first = await place.apply("ch-1", found)
    second = await place.apply("ch-2", found)
    assert first.status == "accepted", first
    assert second.code in {"plan-stale", "application-exists"}, second


@pytest.mark.parametrize(
    ("action", "by"), [("delete-environment", OWNER), ("delete-organization", ROOT)]
)
@pytest.mark.guarantee("G14.7")
async def test_a_cascade_takes_everything_away_in_order_and_then_what_held_it(
    place: Town, action: Action, by: str
) -> None:
    await place.apply("ch-1", await place.plan(planning.install()))
    assert (await place.through("ch-1")).status == "completed"
    whole = action == "delete-organization"
    request = PlanRequest(action=action, environment=None if whole else PROD)
    found = await place.plan(request, by)
    assert [item.application for item in found.lock] == ["wiki", "wiki-postgres"]
    assert found.goes[:2] == (
        f"Application wiki in {PROD}",
        f"Application wiki-postgres in {PROD}",
    )
    assert any(text.startswith(f"environment {PROD}:") for text in found.goes)
    credit = "credit: 48.000 OMR left"
    if whole:
        assert f"{credit}, not paid out after the last invoice" in found.goes
    else:
        assert credit in found.stays
    when = "once the Organization is deleted" if whole else "once the month is over"
    bill = f"2.000 OMR until now, to be invoiced {when}; 2.000 OMR of it is paid already"
    assert [text for text in found.stays if bill in text]
    assert found.blocked_by == ()
    done = await place.apply("ch-2", found, by)
    assert done.status == "accepted", done
    late = await place.plan(planning.install())
    assert [item.code for item in late.blocked_by] == ["environment-going"]
    assert (await place.apply("ch-3", late)).code == "environment-going"
    if whole:
        # Nobody planned that it goes: so it stays, and what held it, until somebody does.
        define = env1.DefinePolicy(promotion=env1.Promotion(required_approvers=1))
        assert (await place.money.ask(define, "acme", "late", by=ROOT)).status == "accepted"
        state = await place.through("ch-2")
        assert state.reason.startswith("plan-stale: policy late would go too")
        assert state.left == (f"environment {PROD}", "policy late", "organization acme")
        again = await place.plan(request, by)
        assert (await place.apply("ch-4", again, by)).status == "accepted"
        assert (await place.over("ch-4")).completed == ("delete",)
    else:
        state = await place.through("ch-2")
        assert state.status == "completed", state
    assert state.begun == ("commit", "observe", "release", "settle", "archive", "delete")
    home: foreign.Environment = await place.worker.states.state(HOME)
    assert not home.exists
    owner: foreign.Organization = await place.worker.states.state(foreign.organization_ref("acme"))
    assert owner.phase == ("deleted" if whole else "ready")


@pytest.mark.guarantee("G14.7")
async def test_a_suspended_organization_goes_with_all_it_has_but_none_of_its_environments_alone(
    place: Town,
) -> None:
    await place.apply("ch-1", await place.plan(planning.install()))
    assert (await place.through("ch-1")).status == "completed"
    suspend = env1.SuspendOrganization(reason="unpaid")
    assert (await place.money.ask(suspend, "acme", by=ROOT)).status == "accepted"
    one = await place.plan(PlanRequest(action="delete-environment", environment=PROD), ROOT)
    assert [item.code for item in one.blocked_by] == ["organization-suspended"]
    assert (await place.apply("ch-2", one, ROOT)).code == "organization-suspended"
    whole = await place.plan(PlanRequest(action="delete-organization"), ROOT)
    assert whole.blocked_by == ()
    assert (await place.apply("ch-3", whole, ROOT)).status == "accepted"
    state = await place.through("ch-3")
    assert state.status == "completed", state
    assert state.begun == ("commit", "observe", "release", "settle", "archive", "delete")
    owner: foreign.Organization = await place.worker.states.state(foreign.organization_ref("acme"))
    assert (owner.phase, owner.suspended) == ("deleted", "unpaid")


async def test_an_empty_environment_is_deleted_in_one_step(place: Town) -> None:
    request = PlanRequest(action="delete-environment", environment=PROD)
    done = await place.apply("ch-1", await place.plan(request))
    assert done.status == "accepted", done
    state = await place.over("ch-1")
    assert (state.status, state.completed) == ("completed", ("delete",))


async def test_who_may_build_may_not_delete_an_organization(place: Town) -> None:
    with pytest.raises(Rejected) as caught:
        await place.plan(PlanRequest(action="delete-organization"))
    assert caught.value.code == "forbidden"
