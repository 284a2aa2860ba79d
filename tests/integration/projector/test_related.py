"""On a real broker: rows say of each other what they say, through restarts, for whoever reads."""

from typing import Any

import msgspec
import pytest
from tests.support.beside import POD, seen, wanted
from tests.support.log import LogWriter, On
from tests.support.plans import PROD, apply, planned, town
from tests.support.projecting import agrees, bearer, following, projector, served, stored
from tests.unit.projector.test_changes import advance
from tests.unit.projector.test_queued_chains import queued, through
from tests.unit.projector.test_whole_chains import with_home

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.projector.adapters.buckets import StreamReadModel
from catalyst.projector.ports import Change

pytestmark = pytest.mark.real

HOME = f"acme.{PROD}.environment._.{PROD}"


def crashing() -> list[On]:
    """A change that waits for what its Application dies of, and one behind it."""
    place = town()
    apply(place, "ch-1", planned(place))
    apply(place, "ch-2", planned(place, "configure", values={"a": 1}))
    advance(place, "observe")
    place.see("blog", "ch-1", health="degraded", evidence=(POD,))
    return with_home(place)


def shown(rows: Any, key: str) -> Any:
    return msgspec.json.decode(rows[key])["doc"]


@pytest.mark.guarantee("G13.12", "G13.13", "G13.14")
async def test_a_projector_that_goes_on_from_its_rows_says_the_same_as_one_that_never_stopped(
    js: JetStream,
) -> None:
    log = LogWriter(js)
    await log.prepare()
    events = [*crashing(), *wanted("shop")]
    half = len(events) // 2
    for part in (events[:half], events[half:]):
        for one in part:
            seq = await log.decide(one)
        # Each part is folded by a projector of its own, from what the one before has stored.
        async with following(js):
            rows = await agrees(js, seq)
    assert [one["code"] for one in shown(rows, "acme._.change._.ch-2")["blocked_by"]] == [
        *("queued", "not-seen", "crash-loop"),
    ]
    (place,) = shown(rows, "acme._.application._.shop")["bindings"]
    assert (place["health"]["reason"], place["blocked_by"][0]["code"]) == (
        *("never-seen", "never-seen"),
    )
    assert shown(rows, HOME)["health"]["status"] == "unknown"
    async with following(js):
        rows = await agrees(js, await log.decide(seen("shop", "healthy")))
    found = shown(rows, HOME)["health"]
    assert (found["status"], found["of"]) == ("degraded", "blog")
    whole = shown(rows, "acme._.organization._.acme")["health"]
    assert (whole["status"], whole["of"]) == ("degraded", PROD)


@pytest.mark.guarantee("G3.5", "G13.14")
async def test_rows_are_held_against_the_log_with_what_they_say_of_each_other(
    js: JetStream,
) -> None:
    log = LogWriter(js)
    await log.prepare()
    for one in [*crashing(), *wanted("shop")]:
        seq = await log.decide(one)
    member = projector(js)
    async with served(member) as http:
        await agrees(js, seq)
        await member.hub.reach(seq, 10.0)
        await member.sampler.sample(100)
        assert member.sampler.checked >= len(member.hub.rows)
        assert member.sampler.differing == []
        answer = await http.get(
            "/v1/state/changes/ch-1",
            params={"organization": "acme"},
            headers=bearer("ann@example.org"),
        )
        found = answer.json()["value"]["doc"]
        assert found["blocked_by"][-1]["code"] == "crash-loop"
    loaded = await stored(js)
    assert loaded is not None
    raw = loaded.rows[HOME].replace(b'"of":"shop"', b'"of":"blog"')
    assert raw != loaded.rows[HOME]
    bucket = StreamReadModel(js, "test").bucket(loaded.checkpoint.epoch)
    await bucket.write([Change(HOME, raw, deleted=False)], loaded.checkpoint, loaded.revision)
    member = projector(js)
    async with served(member):
        await member.sampler.sample(100)
        assert [one.key for one in member.sampler.differing] == [HOME]


@pytest.mark.guarantee("G3.5", "G13.14")
@pytest.mark.parametrize("count", [2, 3])
async def test_changes_that_queue_under_a_policy_are_held_against_the_log_after_every_event(
    js: JetStream, count: int
) -> None:
    log = LogWriter(js)
    await log.prepare()
    place = queued(count)
    through(place, count)
    member = projector(js)
    async with served(member):
        for one in with_home(place):
            await member.hub.reach(await log.decide(one), 10.0)
            checked = member.sampler.checked
            await member.sampler.sample(100)
            assert member.sampler.checked - checked == len(member.hub.rows)
            assert member.sampler.differing == []
        await agrees(js, member.hub.as_of)
