"""What an Application was bought with: packages and add-ons come, go, and come back."""

import pytest
from tests.support.billing import omr
from tests.support.changing import Town
from tests.support.planning import Others, configure, install, known, plan, running, wiki
from tests.support.plans import PROD, apply, run, town

from catalyst.contracts import application_v1 as app1
from catalyst.contracts.provisioning_values_v1 import PlanRequest
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.domain.application import application_ref
from catalyst.provisioning.domain.plan import Plan


async def test_a_package_and_an_add_on_are_taken_away() -> None:
    place, others = town(), Others()
    known(place)
    wiki(others)
    await running(place, others)
    bought = configure(plan="s", addons=("addon.backup", "addon.support"))
    found = await plan(place, others, bought)
    words = "package s and add-on addon.backup, addon.support: no file of wiki changes by that"
    agreed = f"{words}, and what it gives is agreed with whoever runs this Catalyst"
    assert _agreed(found) == [agreed]
    apply(place, "ch-1", found)
    run(place, "ch-1")
    assert _bought(place) == ("s", ("addon.backup", "addon.support"))
    needed = app1.DependentAdded(environment=PROD, dependent="shop", change="ch-0")
    place.given(application_ref("acme", "wiki"), needed)
    others.before = 6_000
    both = {"drop_plan": True, "drop_addons": ("addon.backup", "addon.support")}
    hashes = set()
    for request in (
        configure(drop_addons=("addon.backup",)),
        configure(drop_addons=("addon.support",)),
        configure(**both),
    ):
        found = await plan(place, others, request)
        assert _agreed(found) == []
        hashes.add(found.hash)
        # It is priced anew, and what it costs less is told.
        [item] = others.asked[-1][2]["items"]
        assert (item["application"], item["plan"]) == ("wiki", None if request.drop_plan else "s")
        assert found.price is not None
        assert found.price.before == omr(6_000)
        assert [step.step for step in found.steps] == ["hold", "commit", "observe", "capture"]
        # No file changes, so nothing restarts and nobody has to do without it.
        assert found.files == ()
        assert [one for one in found.risks if one.kind == "downtime"] == []
    assert len(hashes) == 3
    apply(place, "ch-2", await plan(place, others, configure(drop_addons=("addon.backup",))))
    run(place, "ch-2")
    assert _bought(place) == ("s", ("addon.support",))
    # What is gone is not there to be taken away, and what is not named stays.
    for request, code, pointer in (
        (configure(drop_addons=("addon.backup",)), "addon-not-ordered", "drop_addons/0"),
        (configure(plan="m", drop_plan=True), "request-incomplete", "drop_plan"),
        (
            configure(addons=("addon.x",), drop_addons=("addon.x",)),
            "request-incomplete",
            "drop_addons/0",
        ),
        (install(drop_plan=True), "request-incomplete", "drop_plan"),
    ):
        with pytest.raises(Rejected) as caught:
            await plan(place, others, request)
        [error] = caught.value.errors
        assert (caught.value.code, error.pointer) == (code, f"/request/{pointer}")
    apply(
        place,
        "ch-3",
        await plan(place, others, configure(drop_plan=True, drop_addons=("addon.support",))),
    )
    run(place, "ch-3")
    assert _bought(place) == (None, ())
    with pytest.raises(Rejected) as caught:
        await plan(place, others, configure(drop_plan=True))
    assert caught.value.code == "package-not-ordered"
    # The way back brings them back.
    back = PlanRequest(action="rollback", environment=PROD, application="wiki", revision="ch-1")
    apply(place, "ch-4", await plan(place, others, back))
    run(place, "ch-4")
    assert _bought(place) == ("s", ("addon.backup", "addon.support"))


def _agreed(found: Plan) -> list[str]:
    return [one.message for one in found.risks if one.kind == "price-only"]


def _bought(place: Town) -> tuple[str | None, tuple[str, ...]]:
    desired = place.application("wiki").binding(PROD).desired
    assert desired is not None
    return desired.plan, desired.addons
