"""Sifted reads: the state of the log at one moment, whichever replica answers which part."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.support.log import message

from catalyst.chassis.jetstream.port import Stored, Unavailable
from catalyst.chassis.service import Aggregate
from catalyst.chassis.states import States
from catalyst.contracts import application_v1 as app1
from catalyst.contracts import runtime_v1
from catalyst.contracts.message import Event
from catalyst.contracts.subjects import Ref
from catalyst.environment_controller.domain import applications

pytestmark = pytest.mark.guarantee("G2.10")

NOW = datetime(2026, 1, 2, tzinfo=UTC)
WIKI = applications.application_ref("acme", "wiki")
SIFTED = Aggregate(
    name="application",
    service="provisioning",
    initial=applications.Application(),
    evolve=applications.evolve,
    events=applications.EVENTS,
)
WHOLE = Aggregate(
    name="application",
    service="provisioning",
    initial=applications.Application(),
    evolve=applications.evolve,
)
CHANGES = ("ch-1", "ch-2")
STORY: st.SearchStrategy[Event] = st.one_of(
    st.builds(
        app1.ChangeTaken,
        change=st.sampled_from(CHANGES),
        environment=st.just("acme-prod"),
        action=st.just("configure"),
    ),
    st.builds(
        app1.ChangeLeft,
        change=st.sampled_from(CHANGES),
        environment=st.just("acme-prod"),
        result=st.just("failed"),
    ),
    st.builds(app1.ApplicationRemoved, environment=st.just("acme-prod"), change=st.just("ch-1")),
    st.builds(app1.ApplicationSilent, environment=st.just("acme-prod"), since=st.just(NOW)),
    st.builds(
        runtime_v1.Parked,
        subject=st.just(WIKI.dead_letter("c", 1)),
        message_id=st.just("c-1"),
        message_type=st.just("t"),
        reason=st.just("bug"),
    ),
)


class Replicas:
    """A log whose every read is answered by a replica that has so many of its messages."""

    def __init__(self, story: Sequence[Event], behind: Sequence[int]) -> None:
        self.log = [_stored(event, 1 + 2 * at) for at, event in enumerate(story)]
        self._behind = iter(behind)

    def _replica(self) -> list[Stored]:
        behind = next(self._behind, 0)
        return self.log[: len(self.log) - behind]

    async def last_many(
        self, _stream: str, _subjects: Sequence[str], *, up_to: int | None = None
    ) -> list[Stored]:
        newest = {
            item.subject: item for item in self._replica() if up_to is None or item.seq <= up_to
        }
        return sorted(newest.values(), key=lambda item: item.seq)

    async def replay(
        self, _stream: str, subject: str, *, start: int = 1, limit: int | None = None
    ) -> list[Stored]:
        every = subject == WIKI.guard
        return [item for item in self._replica() if every or item.subject == subject][:limit]

    async def last(self, *_: Any, **__: Any) -> None:
        return None


def _stored(event: Event, seq: int) -> Stored:
    made = message((WIKI, event), "c", seq, NOW)
    return Stored("EV", made.subject, seq, NOW, made.data, {})


def states(broker: Replicas, aggregate: Aggregate[Any]) -> States:
    return States(cast("Any", broker), {("provisioning", "application"): aggregate})


@given(
    story=st.lists(STORY, max_size=25),
    behind=st.lists(st.integers(0, 4), max_size=8),
    up_to=st.none() | st.integers(0, 60),
)
# Whoever answers for the events lacks the last of a kind that others had named: hardly ever drawn.
@example(
    story=[
        app1.ChangeTaken(change=change, environment="acme-prod", action="configure")
        for change in CHANGES
    ],
    behind=[0, 1],
    up_to=None,
)
async def test_whichever_replica_answers_it_is_the_log_at_one_moment_or_nothing(
    story: list[Event], behind: list[int], up_to: int | None
) -> None:
    try:
        held = await states(Replicas(story, behind), SIFTED).load(WIKI, up_to=up_to)
    except Unavailable:
        assert any(behind)
        return
    whole = Replicas([event for at, event in enumerate(story) if 1 + 2 * at <= held.version], ())
    expected = await states(whole, WHOLE).load(WIKI)
    assert (held.state, held.parked, held.version) == (
        expected.state,
        expected.parked,
        expected.version,
    )


@given(story=st.lists(STORY, max_size=20))
async def test_at_first_use_it_is_the_same_however_long_the_history(story: list[Event]) -> None:
    log = Replicas(story, ())
    # What this version cannot read, and does not look at, breaks nothing.
    foreign = Ref("acme", "provisioning", "application", "wiki").event("of-tomorrow", 1)
    log.log.append(Stored("EV", foreign, 99, NOW, b"{}", {}))
    held = await states(log, SIFTED).get(WIKI)
    expected = await states(Replicas(story, ()), WHOLE).get(WIKI)
    assert (held.state, held.parked, held.version) == (expected.state, expected.parked, 99)
    assert not held.broken
