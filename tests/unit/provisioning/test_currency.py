"""In which currency something is bought: the one that was asked for, and then the one it has."""

import msgspec
import pytest
from tests.support.changing import Town
from tests.support.planning import Others, configure, entry, install, plan
from tests.support.plans import PROD, apply, run

from catalyst.contracts import application_v1 as app1
from catalyst.contracts.money_v1 import Money
from catalyst.contracts.provisioning_values_v1 import Desired, PlanRequest
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.domain.application import (
    Application,
    Binding,
    application_ref,
    planned_on,
)
from catalyst.provisioning.domain.plan import plan_hash

pytestmark = pytest.mark.guarantee("G12.26")


def usd(minor: int) -> Money:
    return Money(currency="USD", minor=minor)


def asked(others: Others) -> list[tuple[str, list[str]]]:
    """Return which quotes were asked for: the currency, and of what."""
    quotes = (request for _, name, request in others.asked if name == "quote")
    return [(one["currency"], [item["application"] for item in one["items"]]) for one in quotes]


def desired(place: Town, name: str) -> Desired:
    found = place.application(name).binding(PROD).desired
    assert found is not None
    return found


async def done(place: Town, others: Others, name: str, request: PlanRequest) -> None:
    """Let a change be made, whole."""
    apply(place, name, await plan(place, others, request))
    run(place, name)
    assert place.change(name).status == "completed", place.change(name).reason


async def refused(place: Town, others: Others, request: PlanRequest) -> tuple[str, str, str]:
    """Return with which code, where and why there is no plan."""
    with pytest.raises(Rejected) as caught:
        await plan(place, others, request)
    [error] = caught.value.errors
    return caught.value.code, error.pointer, error.message


async def test_what_is_asked_for_in_a_currency_is_bought_in_it_with_all_that_comes_along(
    place: Town, others: Others
) -> None:
    found = await plan(place, others, install(currency="USD"))
    assert asked(others) == [("USD", ["wiki-postgres", "wiki"])]
    assert found.price is not None
    assert (found.price.quote.total, found.price.delta) == (usd(10_000), usd(10_000))
    assert found.price.credit_after == usd(90_000)
    apply(place, "ch-1", found)
    run(place, "ch-1")
    assert [desired(place, name).currency for name in ("wiki", "wiki-postgres")] == ["USD"] * 2
    quote = place.change("ch-1").content().quote
    assert quote is not None
    assert quote.total == usd(10_000)


async def test_what_names_no_currency_is_bought_in_that_of_the_installation(
    place: Town, others: Others
) -> None:
    await done(place, others, "ch-1", install())
    assert asked(others)[0] == ("OMR", ["wiki-postgres", "wiki"])
    assert desired(place, "wiki").currency == "OMR"


async def test_another_currency_makes_another_hash(place: Town, others: Others) -> None:
    each = [await plan(place, others, install(currency=one)) for one in ("OMR", "USD", None)]
    assert len({one.hash for one in each}) == 3
    omr, dollars, none = (one.inputs for one in each)
    assert omr == none
    assert {name for name in omr if omr[name] != dollars[name]} == {"price"}


async def test_what_is_bought_stays_in_its_currency_without_being_asked(
    place: Town, others: Others
) -> None:
    await done(place, others, "ch-1", install(currency="USD"))
    others.asked.clear()
    for number, request in enumerate((
        configure(plan="s"),
        configure(plan="m", currency="USD"),
        configure(values={"logLevel": "debug"}),
        PlanRequest(action="rollback", environment=PROD, application="wiki", revision="ch-1"),
    )):  # fmt: skip
        await done(place, others, f"ch-2{number}", request)
        assert desired(place, "wiki").currency == "USD"
    quotes = asked(others)
    # Each is planned once more when it is applied; what changes nothing that is sold asks nobody.
    assert {currency for currency, _ in quotes} == {"USD"}
    assert {name for _, names in quotes for name in names} == {"wiki"}


async def test_what_comes_along_later_is_bought_in_the_currency_of_what_needs_it(
    place: Town, others: Others
) -> None:
    await done(place, others, "ch-1", install(currency="USD"))
    others.asked.clear()
    others.locks["wiki"] = [
        entry("wiki-more", "bp-postgres", "17.6.1", "new"),
        entry("wiki", "bp-wiki", "2.1.1", postgres="wiki-more"),
    ]
    upgrade = PlanRequest(action="upgrade", environment=PROD, application="wiki")
    await done(place, others, "ch-2", upgrade)
    assert asked(others)[0] == ("USD", ["wiki-more"])
    assert desired(place, "wiki-more").currency == "USD"


async def test_what_is_shared_stays_in_its_own_currency(place: Town, others: Others) -> None:
    await done(place, others, "ch-1", install(currency="USD"))
    others.locks["second"] = [
        entry("wiki-postgres", "bp-postgres", "16.9.1", "shared"),
        entry("second", "bp-wiki", "2.0.1", postgres="wiki-postgres"),
    ]
    others.asked.clear()
    await done(place, others, "ch-2", install("second", blueprint="bp-wiki"))
    assert asked(others)[0] == ("OMR", ["second"])
    currencies = {name: desired(place, name).currency for name in ("second", "wiki-postgres")}
    assert currencies == {"second": "OMR", "wiki-postgres": "USD"}


async def test_what_is_paid_for_is_not_bought_in_another_currency_while_it_runs(
    place: Town, others: Others
) -> None:
    await done(place, others, "ch-1", install())
    code, pointer, message = await refused(place, others, configure(plan="s", currency="USD"))
    assert (code, pointer) == ("currency-mixed", "/request/currency")
    assert message.startswith("wiki is bought in OMR, and stays so as long as it runs")
    # Named as it is, it is what it was.
    await done(place, others, "ch-2", configure(plan="s", currency="OMR"))


async def test_what_costs_nothing_yet_is_bought_in_any_currency(
    place: Town, others: Others
) -> None:
    others.free = {"wiki", "wiki-postgres"}
    await done(place, others, "ch-1", install())
    assert not desired(place, "wiki").sold
    others.free = set()
    await done(place, others, "ch-2", configure(plan="s", currency="USD"))
    assert (desired(place, "wiki").currency, desired(place, "wiki").sold) == ("USD", True)
    assert asked(others)[-1] == ("USD", ["wiki"])


async def test_what_another_change_buys_is_not_bought_in_another_currency(
    place: Town, others: Others
) -> None:
    apply(place, "ch-1", await plan(place, others, install(currency="USD")))
    place.given(
        application_ref("acme", "wiki"),
        app1.ChangeWaiting(change="ch-2", environment=PROD, action="uninstall"),
    )
    code, pointer, message = await refused(place, others, install())
    assert (code, pointer) == ("currency-mixed", "/request/currency")
    assert message == "ch-1 buys wiki in USD; wait until it is over"
    assert (await plan(place, others, install(currency="USD"))).price is not None


async def test_a_currency_without_prices_is_refused_with_those_there_are(
    place: Town, others: Others
) -> None:
    assert await refused(place, others, install(currency="EUR")) == (
        "currency-not-priced",
        "/request/currency",
        "the price book has no EUR, only OMR, USD",
    )


@pytest.mark.parametrize(
    "request_",
    [
        PlanRequest(action="rollback", environment=PROD, application="wiki", currency="USD"),
        PlanRequest(action="uninstall", environment=PROD, application="wiki", currency="USD"),
        PlanRequest(action="delete-environment", environment=PROD, currency="USD"),
        PlanRequest(action="delete-organization", currency="USD"),
    ],
)
async def test_what_buys_nothing_takes_no_currency(
    place: Town, others: Others, request_: PlanRequest
) -> None:
    code, pointer, _ = await refused(place, others, request_)
    assert (code, pointer) == ("request-incomplete", "/request/currency")


async def test_credit_in_another_currency_is_told_where_this_one_does_not_do(
    place: Town, others: Others
) -> None:
    others.credit = 0
    [alone] = (await plan(place, others, install())).blocked_by
    assert alone.message == "10.000 OMR is due, and the credit does not cover it"
    others.elsewhere = [usd(10_000), Money(currency="BHD", minor=5)]
    [blocker] = (await plan(place, others, install())).blocked_by
    assert blocker.code == "credit-insufficient"
    there = "there is 100.00 USD and 0.005 BHD"
    assert blocker.message == f"{alone.message}; {there}, in which it can be bought"
    [link] = blocker.chain
    ways = "100.00 USD with `--currency USD` or 0.005 BHD with `--currency BHD`"
    assert link.what_to_do.startswith(f"buy it in another currency ({ways}), ")


# ---- what was there before there was a choice


def test_what_names_no_currency_has_the_fingerprints_that_it_had() -> None:
    request = PlanRequest(
        action="install", environment=PROD, application="wiki", blueprint="bp-wiki"
    )
    assert plan_hash(request, {"lock": "x"}) == (
        "2ab83be374a0e38c7bf3adc7cdf2ef7257d2e2c34ab7d6d8c741f5525ef2b222"
    )
    bought = Desired(
        change="ch-1",
        blueprint="bp-x",
        origin="public",
        version="1.0.0",
        digest="sha256:0",
        sold=True,
    )
    state = Application(bindings={PROD: Binding(desired=bought)})
    assert planned_on(state, PROD) == "ch-1#d36533ebff7de7a7"


async def test_what_was_bought_before_there_was_a_choice_is_in_that_of_the_installation(
    place: Town, others: Others
) -> None:
    await done(place, others, "ch-1", install())
    old = msgspec.structs.replace(desired(place, "wiki"), currency=None)
    place.given(
        application_ref("acme", "wiki"),
        app1.DesiredSet(environment=PROD, change="ch-1", desired=old),
    )
    assert desired(place, "wiki").currency is None
    with pytest.raises(Rejected) as caught:
        await plan(place, others, configure(values={}, currency="OMR"))
    assert caught.value.code == "nothing-to-change"
    others.asked.clear()
    await plan(place, others, configure(plan="s"))
    # The installation may have had another currency then: billing refuses what it is not.
    await plan(place, others, configure(plan="s", currency="USD"))
    assert asked(others) == [("OMR", ["wiki"]), ("USD", ["wiki"])]
    others.mixed = "this month of wiki.acme-prod is paid in OMR"
    assert await refused(place, others, configure(plan="s", currency="USD")) == (
        "currency-mixed",
        "/request/currency",
        others.mixed,
    )
