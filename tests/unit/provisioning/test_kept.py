"""What was kept of an Application is there when it comes back under its name, as its plan says."""

from contextlib import nullcontext
from typing import Any

import pytest
from tests.support.changing import Town
from tests.support.planning import Others, entry, install, plan
from tests.support.plans import DEVELOPER, apply, run
from tests.unit.provisioning.test_risks import asked, place, site

from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.domain.change import change_ref
from catalyst.provisioning.domain.plan import Plan

pytestmark = pytest.mark.guarantee("G14.12")
__all__ = ["place"]

TAKEN_OVER = (
    "site takes over the volume site-data: in it is the data of bp-site 1.0.0, which ran under this"
    " name"
)


async def again(place: Town, others: Others, version: str = "1.0.0", **values: Any) -> Plan:
    """Return the plan of an install under the same name."""
    others.locks["site"] = [entry("site", "bp-site", version)]
    return await plan(place, others, install("site", values=values))


async def gone(place: Town, others: Others, *, keep: bool) -> None:
    apply(place, "ch-1", await plan(place, others, asked("uninstall", keep_data=keep)))
    if not keep:
        place.report("ch-1", "unprotect", "site")
        place.see("site", "ch-1", commit="unprotect-site")
    run(place, "ch-1")
    assert place.change("ch-1").status == "completed"
    assert not place.application("site").runs()


def told(found: Plan, kind: str) -> list[str]:
    return [risk.message for risk in found.risks if risk.kind == kind]


async def test_data_that_was_kept_is_taken_over_and_the_plan_says_so(place: Town) -> None:
    others = Others()
    assert told(await again(place, others), "data-kept") == []
    await site(place, others)
    await gone(place, others, keep=True)
    found = await again(place, others, "1.1.0")
    assert (told(found, "data-kept"), found.blocked_by) == ([TAKEN_OVER], ())
    assert told(await again(place, others, volume=False), "data-kept") == []
    assert told(await again(place, others, sizeGiB=20), "storage")[0].startswith("the volume")
    # What holds no data was not kept, and may be another one.
    assert told(await again(place, others, set="b"), "data-kept") == [TAKEN_OVER]


async def test_a_volume_that_was_kept_does_not_shrink_by_coming_back(place: Town) -> None:
    others = Others()
    await site(place, others)
    await gone(place, others, keep=True)
    with pytest.raises(Rejected, match="volume site-data has 10Gi and cannot") as caught:
        await again(place, others, sizeGiB=5)
    [error] = caught.value.errors
    assert (caught.value.code, error.pointer) == ("value-immutable", "/request/values")
    assert "its data was kept" in caught.value.message


async def test_data_that_was_given_up_is_nothing_to_take_over(place: Town) -> None:
    others = Others()
    await site(place, others)
    await gone(place, others, keep=False)
    found = await again(place, others, sizeGiB=5)
    assert told(found, "data-kept") == []


@pytest.mark.parametrize("seen", [True, False])
async def test_an_install_that_was_taken_back_may_have_left_data_if_anything_was_seen(
    place: Town, *, seen: bool
) -> None:
    others = Others()
    apply(place, "ch-0", await again(place, others))
    while place.change("ch-0").step != "observe":
        place.answer_all()
        state = place.change("ch-0")
        for unit in state.remaining() if state.step in {"repository", "commit"} else ():
            place.report("ch-0", str(state.step), unit.application)
    if seen:
        place.see("site", "ch-0", health="degraded")
    place.command(change_ref("acme", "ch-0"), pro1.CancelChange(reason="no"), DEVELOPER)
    run(place, "ch-0")
    assert place.change("ch-0").status == "failed"
    assert told(await again(place, others), "data-kept") == ([TAKEN_OVER] if seen else [])
    with pytest.raises(Rejected, match="its data was kept") if seen else nullcontext():
        await again(place, others, sizeGiB=5)
