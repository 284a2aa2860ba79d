"""What was committed and never came to stand in the cluster is not told as what stands there."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.support.build import NOW
from tests.unit.simulator.test_cluster import EVENTS, PROD, Watched

from catalyst.contracts import application_v1 as app1
from catalyst.simulator.objects import Told

pytestmark = pytest.mark.guarantee("G13.20")


def applied(told: list[Told]) -> list[str]:
    """Return the commit that Flux applied last, each time that it was told."""
    found = []
    for one in told:
        made: dict[str, Any] = one.body["object"]
        if made["kind"] == "Kustomization":
            found.append(str(made["status"].get("lastAppliedRevision", "")).rpartition(":")[2])
    return found


def test_a_commit_that_flux_had_not_come_to_when_the_next_one_came() -> None:
    blog = Watched()
    blog.commit("ch-1", "aaa")
    first, *rest = blog.commit("ch-2", "bbb")
    blog.carry_out(first)
    assert applied(blog.said) == [""]
    blog.carry_out(*rest)
    assert applied(blog.said)[-1] == "bbb"
    third, *_ = blog.commit("ch-3", "ccc")
    blog.carry_out(third)
    assert applied(blog.said)[-1] == "bbb"


@pytest.mark.parametrize(("seen", "stands"), [("aaa", "aaa"), ("", ""), (None, "aaa")])
def test_a_commit_of_long_ago_counts_as_applied_unless_another_one_was_seen(
    seen: str | None, stands: str
) -> None:
    again = Watched()
    again.commit("ch-1", "aaa", old=True)
    if seen is not None:
        event = app1.ApplicationObserved(
            environment=PROD,
            applied="pending",
            health="progressing",
            commit=seen,
            source="simulator",
            observed_at=NOW,
        )
        data = msgspec.to_builtins(event)
        assert again.cluster.event(f"{EVENTS}.application-observed.v1", data) == ()
    first, *_ = again.commit("ch-2", "bbb")
    again.carry_out(first)
    assert applied(again.said) == [stands]
