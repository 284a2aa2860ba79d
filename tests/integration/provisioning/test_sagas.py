"""Changes that go forth or are taken back end in one way, wherever a worker of three services dies.

The points are found by recording a run: before and after every call of the broker port, by the
workers of environment, billing and provisioning. A sample of them is gone through, or the share
that is asked for, as `tests.support.crashes` says; pairs of them have a share of their own.
"""

import os
import sys
from collections.abc import Iterator

import pytest
from tests.integration.provisioning.endings import Ending
from tests.integration.provisioning.proving import Prover, sampled
from tests.integration.provisioning.site import SERVICES, Crash, Point
from tests.integration.provisioning.stories import AWAY, BACK, FORTH, LINE, ON, STORIES, Story
from tests.integration.provisioning.town import PROD
from tests.support.crashes import PAIRS, SHARE, SIDES, share

pytestmark = [pytest.mark.real, pytest.mark.timeout(3600 if SHARE or PAIRS else 600)]
SAMPLE = 3
"""Points of each service that are tried where not all are."""


def singles(calls: dict[str, list[str]]) -> list[tuple[str, Crash]]:
    """Return every place where a worker can die, over all services, calls and sides."""
    return [
        (name, (at, side)) for name in SERVICES for at in range(len(calls[name])) for side in SIDES
    ]


def pairs(calls: dict[str, list[str]]) -> Iterator[Point]:
    """Yield every two places: of two services, or of a worker and the one that follows it."""
    for name, (at, side) in singles(calls):
        for other, crash in singles(calls):
            if name == other:
                yield {name: ((at, side), crash)}
            elif name < other:
                yield {name: ((at, side),), other: (crash,)}


def chosen(story: Story, calls: dict[str, list[str]]) -> list[Point]:
    """Return the share that is asked for, or a sample over all services, sides and calls.

    At a desk every other one of these: the whole suite is to be run there often.
    """
    if SHARE:
        return share([{name: (crash,)} for name, crash in singles(calls)], sample=0)
    return sample(story, calls)[:: 1 if os.environ.get("CI") else 2]


def sample(story: Story, calls: dict[str, list[str]]) -> list[Point]:
    """Return some places of a story: those that are told apart from others, and others spread."""
    told = [at for at, call in enumerate(calls["provisioning"]) if call == "publish cmd"]
    if story is ON:
        return [{"provisioning": (crash,)} for crash in sampled(calls["provisioning"], 5)[2:4]]
    if story is AWAY:
        return [{name: (sampled(calls[name], 4)[2],)} for name in SERVICES]
    if story is LINE:
        # Where what stands in line is bought, and where it begins behind what was before it.
        return [
            {"provisioning": ((told[len(told) // 2], "before"),)},
            {"provisioning": (sampled(calls["provisioning"], 5)[3],)},
            {"billing": (sampled(calls["billing"], 4)[2],)},
        ]
    if story is BACK:
        # Late in the story, where all is taken back.
        return [
            {"provisioning": ((told[-3], "before"),)},
            {"provisioning": ((told[len(told) * 3 // 4], "after"),)},
            {"billing": (sampled(calls["billing"], 6)[4],)},
        ]
    # An effect that is done and not told yet is done again: the one place where twice is near.
    untold: list[Point] = [{"provisioning": ((at, "before"),)} for at in told[:3]]
    spread = [{name: (crash,)} for name in SERVICES for crash in sampled(calls[name], SAMPLE)]
    return [*untold, *spread]


def tally(story: Story, died: int, tried: int, of: int) -> None:
    """Say how far a share went, to whoever asked for it by `tools.points`."""
    if SHARE or PAIRS:
        sys.stderr.write(f"\n{story.name}: {tried} of {of} tried, {died} workers died\n")


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
@pytest.mark.guarantee("G14.9", "G1.2")
async def test_a_saga_ends_in_one_way_wherever_a_worker_dies(prover: Prover, story: Story) -> None:
    expected, calls = await prover.recorded(story)
    as_told(story, expected)
    assert {call.split()[0] for name in SERVICES for call in calls[name]} >= {
        "batch",
        "publish",
        "settle",
    }
    points = chosen(story, calls)
    died = await prover.prove(story, points)
    tally(story, died, len(points), len(singles(calls)))
    # A redelivery takes other turns than the recorded run, so late points may not be reached.
    assert died >= len(points) * 3 // 4


def as_told(story: Story, expected: Ending) -> None:
    """Check that a run without a crash did what its story says, and left nothing behind."""
    assert expected.holds == {}
    # Nothing was passed over, nothing was left.
    assert all(change[3:5] == ((), ()) for change in expected.changes.values())
    did = {name: change[0] for name, change in expected.changes.items()}
    active = {name for name, status in expected.sold.items() if status == "active"}
    assert active == {
        name for name, desired in expected.runs.items() if desired and desired["sold"]
    }
    if story is AWAY:
        assert (expected.phase, expected.account) == ("deleted", "closed")
        assert set(expected.places.values()) == {(False, ())}
        assert set(expected.archived.values()) == {True}
    if story is LINE:
        assert did.pop("ch-7") == "failed"
        assert expected.places[PROD] == (True, ("notes", "wiki", "wiki-postgres"))
    if story is not BACK:
        assert set(did.values()) == {"completed"}
        return
    assert did == {"ch-1": "completed", "ch-2": "completed", "ch-3": "failed", "ch-4": "failed"}
    assert expected.places[PROD] == (True, ("wiki", "wiki-postgres"))
    assert {"commit", "hold", "admit"} <= set(expected.changes["ch-3"][2])
    assert {"hold", "admit"} <= set(expected.changes["ch-4"][2])
    assert "commit" not in expected.changes["ch-4"][1]


@pytest.mark.skipif(bool(SHARE), reason="pairs have a share of their own")
@pytest.mark.parametrize("story", STORIES if PAIRS else (FORTH,), ids=lambda story: story.name)
@pytest.mark.guarantee("G14.9", "G1.3")
async def test_a_saga_ends_in_one_way_when_two_or_all_services_die(
    prover: Prover, story: Story
) -> None:
    _, calls = await prover.recorded(story)
    if PAIRS:
        several = share(pairs(calls), sample=0, of=PAIRS)
        died = await prover.prove(story, several)
        tally(story, died, len(several), sum(1 for _ in pairs(calls)))
        assert died >= len(several)
        return
    some = {name: [(crash,) for crash in sampled(calls[name], 4)] for name in SERVICES}
    several = [
        {"provisioning": some["provisioning"][0], "billing": some["billing"][1]},
        {"environment": some["environment"][1], "billing": some["billing"][2]},
        {name: some[name][2] for name in SERVICES},
    ]
    assert await prover.prove(story, several) >= 5


@pytest.mark.skipif(bool(SHARE), reason="real kills are a sample, and no share of the points")
@pytest.mark.guarantee("G14.9", "G1.2")
async def test_a_saga_ends_in_one_way_when_a_worker_is_killed_for_real(prover: Prover) -> None:
    points: list[Point] = [
        {"provisioning": ((4, "after"),)},
        {"billing": ((0, "after"),)},
        {"environment": ((1, "before"),)},
    ]
    assert await prover.prove(FORTH, points, killed=True) == 3
