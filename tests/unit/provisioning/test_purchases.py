"""What has to be paid for, in which currency, and what the changes before will have bought."""

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace
from tests.support.each import each

from catalyst.contracts.prices_v1 import Item
from catalyst.contracts.provisioning_values_v1 import Desired, Locked, PlanRequest
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.domain import foreign, purchases
from catalyst.provisioning.domain.application import Application, Binding, Queued
from catalyst.provisioning.domain.facts import Facts

PROD, DEV = "acme-prod", "acme-dev"


def bought(change: str, plan: Any = "s", *, sold: bool = True, **more: Any) -> Desired:
    """Return a wiki that is bought with a package."""
    return Desired(
        change=change,
        blueprint="bp-wiki",
        origin="public",
        version="1.0.0",
        digest="sha256:1",
        plan=plan,
        sold=sold,
        currency="OMR",
        **more,
    )


def item(plan: Any = "s", addons: tuple[str, ...] = (), environment: str = PROD) -> Item:
    """Return the wiki as it is quoted."""
    return Item(
        application="wiki",
        environment=environment,
        blueprint="bp-wiki",
        version="1.0.0",
        plan=plan,
        addons=addons,
    )


def queued(desired: Desired | None, change: str = "", *, taken: bool = False) -> Queued:
    """Return a change of the wiki in production."""
    name = change or (desired.change if desired is not None else "ch-gone")
    return Queued(change=name, environment=PROD, action="configure", desired=desired, taken=taken)


def facts(*queue: Queued, **binding: Any) -> Facts:
    """Return what is known of a wiki."""
    wiki = Application(bindings={PROD: Binding(**binding)} if binding else {}, queue=queue)
    return Facts(
        name="acme",
        now=datetime(2026, 4, 1, tzinfo=UTC),
        organization=foreign.Organization(),
        environments={},
        applications={"wiki": wiki},
        git_url="https://git.example",
        currency="OMR",
    )


def request(action: Any = "configure", **more: Any) -> PlanRequest:
    """Return what is asked for."""
    return PlanRequest(action=action, environment=PROD, application="wiki", **more)


# ---- what has to be paid for


@each([
    (bought("ch-1"), bought("ch-2"), 0),
    (bought("ch-1"), bought("ch-2", "m"), 1),
    (bought("ch-1"), bought("ch-2", addons=("addon.x",)), 1),
    (bought("ch-1"), replace(bought("ch-2"), currency="USD"), 1),
    (None, bought("ch-2"), 0),
])  # fmt: skip
def test_what_is_bought_otherwise_than_before_is_paid_for(
    old: Desired | None, new: Desired, items: int
) -> None:
    lock = Locked(
        application="wiki",
        environment=PROD,
        blueprint="bp-wiki",
        origin="public",
        version="1.0.0",
        digest="sha256:1",
        role="target",
    )
    known = facts(desired=old)
    found = purchases.items(request(), known, (lock,), {"wiki": new})
    assert len(found) == items
    shared = replace(lock, role="shared")
    assert purchases.items(request("install"), known, (shared,), {"wiki": new}) == ()
    # What is installed is paid for, whatever was there.
    whole = purchases.items(request("install"), known, (lock,), {"wiki": new})
    assert whole == (item(new.plan, new.addons),)


# ---- what the changes before will have bought


RUNS = bought("ch-1")


@each([
    ([], []),
    ([queued(bought("ch-2"))], []),
    ([queued(bought("ch-2", "m"))], ["m"]),
    ([queued(bought("ch-2", "m")), queued(bought("ch-3", "l"))], ["m", "l"]),
    ([queued(bought("ch-2", "m")), queued(bought("ch-3", "m"))], ["m"]),
    ([queued(bought("ch-2", "m")), queued(bought("ch-3"))], ["m", "s"]),
    ([queued(bought("ch-2", "m")), queued(bought("ch-3")), queued(bought("ch-4", "m"))],
     ["s", "m"]),
    ([queued(bought("ch-2", "m", sold=False))], []),
    ([queued(None), queued(bought("ch-3"))], ["s"]),
    ([queued(None)], []),
])  # fmt: skip
def test_each_purchase_that_is_to_come_before_is_told_once_the_latest_last(
    queue: list[Queued], plans: list[str]
) -> None:
    found = purchases.ahead(facts(*queue, desired=RUNS), [item()])
    assert found == tuple(item(one) for one in plans)


def test_what_a_change_under_way_has_written_is_not_yet_bought() -> None:
    """It runs already, and may be taken back: what it costs is measured by what ran before."""
    under_way = queued(bought("ch-2", "m"), taken=True)
    written = facts(under_way, desired=bought("ch-2", "m"), before=RUNS)
    assert purchases.ahead(written, [item()]) == (item("m"),)
    begun = facts(under_way, desired=RUNS, before=bought("ch-0", "m"))
    assert purchases.ahead(begun, [item()]) == (item("m"),)
    same = facts(queued(bought("ch-2"), taken=True), desired=bought("ch-2"), before=RUNS)
    assert purchases.ahead(same, [item()]) == ()
    # One that waits has written nothing, whatever was there before what runs.
    waits = facts(queued(bought("ch-2")), desired=RUNS, before=bought("ch-0", "m"))
    assert purchases.ahead(waits, [item()]) == ()


def test_an_install_before_buys_all_that_it_brings() -> None:
    assert purchases.ahead(facts(queued(bought("ch-1"))), [item()]) == (item(),)


def test_another_environment_s_purchases_are_its_own() -> None:
    known = facts(queued(bought("ch-2", "m")), desired=RUNS)
    assert purchases.ahead(known, [item(environment=DEV)]) == ()
    other = replace(item(), application="blog")
    assert purchases.ahead(known, [other]) == ()
    assert purchases.ahead(known, [other, item()]) == (item("m"),)


# ---- with what


def test_what_was_ordered_stays_as_far_as_it_is_not_taken_away() -> None:
    base = bought("ch-1", addons=("addon.x", "addon.y"))
    assert purchases.ordered(request(), None) == (None, ())
    assert purchases.ordered(request(), base) == ("s", ("addon.x", "addon.y"))
    assert purchases.ordered(request(plan="m"), base) == ("m", base.addons)
    assert purchases.ordered(request(drop_plan=True), base) == (None, base.addons)
    assert purchases.ordered(request(drop_addons=("addon.x",)), base) == ("s", ("addon.y",))
    assert purchases.ordered(request(addons=("addon.z",)), base) == ("s", ("addon.z",))


@each([
    ({"drop_plan": True}, None, "package-not-ordered", "/request/drop_plan",
     "wiki has no package that could be taken away"),
    ({"drop_addons": ("addon.z",)}, bought("ch-1"), "addon-not-ordered", "/request/drop_addons/0",
     "wiki has no add-ons"),
    ({"drop_addons": ("addon.x", "addon.z")}, bought("ch-1", addons=("addon.x", "addon.y")),
     "addon-not-ordered", "/request/drop_addons/1",
     "wiki has no add-on 'addon.z'; it has addon.x, addon.y"),
])  # fmt: skip
def test_what_was_not_ordered_is_not_taken_away(
    asked: dict[str, Any], base: Desired | None, code: str, pointer: str, message: str
) -> None:
    with pytest.raises(Rejected) as refused:
        purchases.ordered(request(**asked), base)
    assert refused.value.code == code
    assert [(one.pointer, one.message) for one in refused.value.errors] == [(pointer, message)]


# ---- in which currency


def currency(asked: str | None, before: Desired | None, *queue: Queued) -> str | None:
    """Return in which currency the wiki is bought."""
    return purchases.currency(request(currency=asked), facts(*queue), before)


def test_what_runs_stays_in_its_currency() -> None:
    dollars = replace(RUNS, currency="USD")
    assert [currency(asked, RUNS) for asked in (None, "OMR")] == ["OMR"] * 2
    assert [currency(asked, dollars) for asked in (None, "USD")] == ["USD"] * 2
    with pytest.raises(Rejected, match="wiki is bought in OMR") as refused:
        currency("USD", RUNS)
    assert (refused.value.code, refused.value.errors[0].pointer) == (
        "currency-mixed", "/request/currency",
    )  # fmt: skip
    assert currency("USD", replace(RUNS, sold=False)) == "USD"
    # Of what named none, billing knows in which it was bought.
    unnamed = replace(RUNS, currency=None)
    assert [currency(asked, unnamed) for asked in (None, "OMR", "USD")] == [None, None, "USD"]


def test_what_is_bought_anew_is_in_the_one_that_is_asked_for() -> None:
    assert [currency(asked, None) for asked in (None, "OMR", "USD")] == ["OMR", "OMR", "USD"]
    assert currency("USD", None, queued(None), queued(bought("ch-2", sold=False))) == "USD"
    elsewhere = replace(queued(bought("ch-2")), environment=DEV)
    assert currency("USD", None, elsewhere) == "USD"
    dollars = queued(replace(RUNS, currency="USD"), "ch-2")
    for ahead in ((dollars,), (elsewhere, dollars), (queued(None), dollars)):
        assert currency("USD", None, *ahead) == "USD"
        with pytest.raises(Rejected, match="ch-2 buys wiki in USD; wait until it is over"):
            currency(None, None, *ahead)
    unnamed = queued(replace(RUNS, currency=None), "ch-2")
    assert currency(None, None, unnamed) == "OMR"
    with pytest.raises(Rejected, match="ch-2 buys wiki in OMR"):
        currency("USD", None, unnamed)


def test_what_billing_refuses_of_the_currency_is_told_at_the_request() -> None:
    for code in ("currency-mixed", "currency-not-priced"):
        found = purchases.refused(Rejected(code, "no", pointer="/items/0"))
        assert [(one.pointer, one.message) for one in found.errors] == [("/request/currency", "no")]
    other = Rejected("sku-unknown", "no", pointer="/items/0")
    assert purchases.refused(other) is other
