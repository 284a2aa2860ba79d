"""A plan says where what it changes does not run as it was committed last."""

from typing import Any

import msgspec
import pytest
from tests.support.build import NOW
from tests.support.changing import Town
from tests.support.each import each
from tests.support.planning import Others, configure, install, plan
from tests.support.plans import DIGEST, PROD, apply, run

from catalyst.contracts import application_v1 as app1
from catalyst.contracts.provisioning_values_v1 import Desired, Evidence
from catalyst.provisioning.domain.application import (
    Application,
    Binding,
    Observed,
    Queued,
    application_ref,
)
from catalyst.provisioning.domain.risks import adrift

pytestmark = pytest.mark.guarantee("G14.27")

replace = msgspec.structs.replace
DESIRED = Desired(change="ch-1", blueprint="bp-x", origin="public", version="1.0.0", digest=DIGEST)
SEEN = Observed(
    applied="current",
    revision="ch-1",
    commit="aaa",
    health="healthy",
    reason="",
    message="",
    evidence=(),
    source="cluster",
    observed_at=NOW,
)
BY_HAND = Evidence(
    kind="Kustomization",
    name="blog-prod",
    status="degraded",
    reason="ReconciliationFailed",
    message="a change by hand cannot be undone",
)
APPLIED = replace(
    BY_HAND, status="healthy", reason="ReconciliationSucceeded", message="applied aaa"
)
POD = Evidence(kind="Pod", name="blog-0", status="degraded", reason="CrashLoopBackOff")
OTHER = "blog is not seen to run as it was committed last (ch-1)"


def told(seen: Observed | None, desired: Desired | None = DESIRED, **more: Any) -> list[str]:
    """Return what is said of an Application that is seen so."""
    state = Application(bindings={PROD: Binding(desired=desired, observed=seen)}, **more)
    return [f"{one.kind}: {one.message}" for one in adrift("blog", state, PROD)]


@each([
        ({}, []),
        # How it fares is another matter than what runs.
        ({"health": "degraded", "evidence": (POD,)}, []),
        ({"applied": "failed", "evidence": (POD, BY_HAND)},
         [f"drift: {OTHER}: a change by hand cannot be undone"]),
        ({"applied": "pending"}, [f"drift: {OTHER}"]),
        ({"revision": "ch-0"}, [f"drift: {OTHER}"]),
        # What went well is no reason.
        ({"revision": "ch-0", "evidence": (APPLIED,)}, [f"drift: {OTHER}"]),
        ({"applied": "failed", "evidence": (APPLIED, replace(BY_HAND, message=""))},
         [f"drift: {OTHER}: ReconciliationFailed"]),
        ({"revision": "ch-0", "source": "simulator"}, [f"drift: {OTHER} (simulated)"]),
        ({"silent_since": NOW},
         ["drift: nobody knows how blog is: nothing has been heard of it for too long"]),
    ])  # fmt: skip
def test_what_does_not_run_as_it_was_committed_is_told(
    seen: dict[str, Any], words: list[str]
) -> None:
    assert told(replace(SEEN, **seen)) == words


def test_nothing_is_told_where_nothing_was_seen_or_a_change_is_on_its_way() -> None:
    other = replace(SEEN, revision="ch-0")
    assert told(None) == []
    assert told(other, None) == []
    assert told(other, queue=(Queued(change="ch-2", environment=PROD, action="configure"),)) == []
    elsewhere = Queued(change="ch-2", environment="acme-dev", action="configure")
    assert told(other, queue=(elsewhere,)) == [f"drift: {OTHER}"]


async def test_the_plan_says_it_of_what_it_changes_and_its_hash_does_not_move(
    place: Town, others: Others
) -> None:
    apply(place, "ch-0", await plan(place, others, install()))
    run(place, "ch-0")
    before = await plan(place, others, configure(values={"logLevel": "debug"}))
    assert "drift" not in {one.kind for one in before.risks}
    silent = app1.ApplicationSilent(environment=PROD, since=place.now)
    place.given(application_ref("acme", "wiki"), silent)
    after = await plan(place, others, configure(values={"logLevel": "debug"}))
    assert [one.message for one in after.risks if one.kind == "drift"] == [
        "nobody knows how wiki is: nothing has been heard of it for too long"
    ]
    assert after.hash == before.hash
