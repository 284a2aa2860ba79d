"""A chain that crosses Organizations shows each reader what is theirs."""

import pytest
from tests.support.build import NOW

from catalyst.gateway.trace import Step, TracedEvent, TracedSend
from catalyst.gateway.tracing import shown

OWN = "_.blueprint.blueprint.public-bp-wiki"
OTHER = "acme.blueprint.blueprint.private-bp-secret"


def step(id_: str, aggregate: str) -> Step:
    """Return a step on an aggregate that tells of both."""
    return Step(
        id=id_,
        kind="command",
        by="",
        cause="",
        type="x.y.v1",
        aggregate=aggregate,
        actor="service:blueprint",
        status="accepted",
        events=[
            TracedEvent(seq=seq, id=path, type="x.z.v1", time=NOW, aggregate=path)
            for seq, path in enumerate((OWN, OTHER))
        ],
        sends=[TracedSend(id=path, type="x.y.v1", aggregate=path) for path in (OWN, OTHER)],
    )


@pytest.mark.guarantee("G6.1")
def test_a_step_of_ones_own_names_nothing_of_others() -> None:
    found = shown([step("first", OTHER), step("own", OWN), step("theirs", OTHER)], {OWN})
    assert [one.id for one in found] == ["first", "own"]
    for one in found:
        assert [event.aggregate for event in one.events] == [OWN]
        assert [sent.aggregate for sent in one.sends] == [OWN]
