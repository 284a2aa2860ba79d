"""Whatever is done in whatever order, each host has one owner, and none is kept for nobody."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.examples import at_least
from tests.support.plans import PROD, apply, run
from tests.unit.provisioning.test_hosts import ONE, THREE, TWO, Story

from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.domain import hosts

pytestmark = pytest.mark.guarantee("G14.26")

PLANS = ("install", "configure", "uninstall")
STEPS = st.lists(
    st.tuples(
        st.sampled_from([*PLANS, "commit", "finish", "cancel", "lose"]),
        st.sampled_from(["wiki", "docs"]),
        st.sampled_from([ONE, TWO, THREE]),
    ),
    max_size=14,
)


@given(steps=STEPS)
@at_least(60)
def test_each_host_has_one_owner_and_nothing_is_forgotten(
    steps: list[tuple[str, str, str]],
) -> None:
    story = Story()
    for number, (what, name, host) in enumerate(steps):
        # What cannot be done then changes nothing, and that is judged below.
        with suppress(Rejected):
            if what in PLANS:
                arguments = (name,) if what == "uninstall" else (name, host)
                apply(story.place, f"ch-{number}", getattr(story, what)(*arguments))
            elif under_way := [x for x in changes(story) if not story.place.change(x).is_over]:
                go_on(story, what, under_way[-1] if name == "docs" else under_way[0])
        judge(story)
    for change in changes(story):
        run(story.place, change)
        judge(story)
    assert all(story.place.change(one).is_over for one in changes(story))
    stands: dict[str, str] = {}
    for name in ("wiki", "docs"):
        there = story.place.application(name).binding(PROD)
        each = (one.hosts for one in (there.desired, there.committed) if one is not None)
        stands |= {host: f"{name}.{PROD}" for names in each for host in names}
    assert story.held() == stands


def go_on(story: Story, what: str, change: str) -> None:
    """Let something become of a change that is under way, or waits."""
    state = story.place.change(change)
    removes = state.content().request.action == "uninstall"
    if what == "finish":
        run(story.place, change)
    elif what == "cancel":
        story.cancel(change)
    elif state.status == "running" and not removes:
        (story.lose if what == "lose" else story.committed)(change)


def changes(story: Story) -> list[str]:
    """Return every change that was applied, in that order."""
    return [ref.id for ref, event in story.place.log if isinstance(event, pro1.ChangeOpened)]


def judge(story: Story) -> None:
    """Every host that something has, may come to have or stands under is its own."""
    held = story.held()
    for name in ("wiki", "docs"):
        for host in hosts.may_hold(story.place.application(name), PROD):
            assert held.get(host) == f"{name}.{PROD}"
