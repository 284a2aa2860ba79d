"""What a policy asks for and nothing checks yet is told by each plan that writes something."""

from tests.support.each import each
from tests.support.planning import Others, install, known, plan, wiki
from tests.support.plans import PROD, apply, run, town

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import environment_v2 as env2
from catalyst.contracts.provisioning_values_v1 import PlanRequest
from catalyst.provisioning.domain import foreign


@each(
    [
        (24 * 60, 80, ["runs 24 h elsewhere first", "compliance score of 80"]),
        (90, None, ["runs 1 h 30 min elsewhere first"]),
        (30, 0, ["runs 30 min elsewhere first", "compliance score of 0"]),
        (0, None, []),
    ]
)
async def test_it_is_told_as_a_risk_and_keeps_nobody(
    soak: int, score: int | None, words: list[str]
) -> None:
    place, others = town(approvals=(env1.Approval(quorum=0),)), Others()
    known(place)
    wiki(others)
    policy = env2.PolicyDefined(policy="gate", soak_minutes=soak, required_score=score)
    place.given(foreign.policy_ref("acme", "gate"), policy)
    found = await plan(place, others, install())
    told = [one.message for one in found.risks if one.kind == "unchecked"]
    assert len(told) == len(words)
    for message, said in zip(told, words, strict=True):
        assert said in message
        assert message.endswith("not checked yet")
    assert not found.blocked_by
    apply(place, "ch-1", found)
    run(place, "ch-1")
    assert place.change("ch-1").status == "completed"


async def test_what_goes_is_not_held_against_it() -> None:
    place, others = town(approvals=(env1.Approval(quorum=0),)), Others()
    known(place)
    wiki(others)
    apply(place, "ch-1", await plan(place, others, install()))
    run(place, "ch-1")
    policy = env2.PolicyDefined(policy="gate", soak_minutes=60, required_score=80)
    place.given(foreign.policy_ref("acme", "gate"), policy)
    gone = PlanRequest(action="uninstall", environment=PROD, application="wiki")
    found = await plan(place, others, gone)
    assert not [one for one in found.risks if one.kind == "unchecked"]
