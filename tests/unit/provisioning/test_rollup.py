"""An Environment is as bad as its worst Application, an Organization as its worst Environment."""

from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import build

from catalyst.contracts.provisioning_values_v1 import Desired, Health
from catalyst.provisioning.domain.application import Application, Binding, Observed, Queued
from catalyst.provisioning.domain.rollup import everything, marks, whole

PROD = "acme-prod"
ORDER = list(get_args(Health))
HEALTH = st.sampled_from(ORDER)


def observed(health: Health, **more: Any) -> Observed:
    values: dict[str, Any] = {
        "applied": "current",
        "revision": "ch-1",
        "commit": "aaa",
        "health": health,
        "reason": "",
        "message": "",
        "evidence": (),
        "source": "cluster",
        "observed_at": build.NOW,
    }
    return Observed(**(values | more))


def running(seen: Observed | None, environment: str = PROD) -> Application:
    desired = Desired(
        change="ch-1", blueprint="bp-x", origin="public", version="1.0.0", digest="sha256:0"
    )
    return Application(bindings={environment: Binding(desired=desired, observed=seen)})


@given(found=st.lists(st.lists(HEALTH, max_size=4), max_size=4))
def test_the_worst_wins_at_every_level(found: list[list[Health]]) -> None:
    places = {
        f"acme-{at}": {
            f"app{number}": running(observed(health), f"acme-{at}")
            for number, health in enumerate(row)
        }
        for at, row in enumerate(found)
    }
    told = everything("acme", places)
    for item, row in zip(told.environments, found, strict=True):
        assert item.health == (max(row, key=ORDER.index) if row else "healthy")
    assert told.health == max(
        (x.health for x in told.environments), key=ORDER.index, default="healthy"
    )


@pytest.mark.guarantee("G13.5")
def test_what_was_never_seen_or_is_stale_is_unknown() -> None:
    stale = observed("healthy", silent_since=build.NOW)
    for seen, code in ((None, "no-cluster"), (stale, "silent")):
        told = marks("blog", PROD, running(seen))
        assert (told.applied, told.health) == ("unknown", "unknown")
        assert [link.code for link in told.blocked_by] == [code]


@pytest.mark.guarantee("G13.5")
def test_what_runs_of_another_revision_is_pending() -> None:
    told = marks("blog", PROD, running(observed("healthy", revision="ch-0")))
    assert (told.applied, told.health) == ("pending", "healthy")
    assert told.blocked_by
    assert marks("blog", PROD, running(observed("healthy"))).blocked_by == ()
    # What failed to come waits for nothing, and where nothing is to run nothing is expected.
    failed = observed("degraded", applied="failed", revision="ch-0")
    assert marks("blog", PROD, running(failed)).applied == "failed"
    gone = Application(bindings={PROD: Binding(observed=observed("missing", revision="ch-0"))})
    assert marks("blog", PROD, gone).applied == "current"


@pytest.mark.guarantee("G13.5")
def test_the_marks_of_one_environment_tell_what_was_seen_and_what_works_there() -> None:
    def queued(change: str, environment: str, **more: Any) -> Queued:
        return Queued(change=change, environment=environment, action="configure", **more)

    state = msgspec.structs.replace(
        running(observed("healthy")),
        queue=(
            queued("ch-2", "acme-dev", taken=True),
            queued("ch-3", "acme-dev", gates=("window",)),
            queued("ch-4", PROD, taken=True),
            queued("ch-5", PROD, gates=("queue", "approvals")),
        ),
    )
    told = marks("blog", PROD, state)
    assert (told.change, told.gates) == ("ch-4", ("queue", "approvals"))
    assert (told.revision, told.as_of, told.source) == ("ch-1", build.NOW, "cluster")
    idle = marks("blog", PROD, msgspec.structs.replace(state, queue=state.queue[3:]))
    assert (idle.change, idle.gates) == ("", ("queue", "approvals"))
    assert [one.application for one in whole(PROD, {"blog": state}).applications] == ["blog"]
    assert whole("acme-stg", {"blog": state}).applications == ()
