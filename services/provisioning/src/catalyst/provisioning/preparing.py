"""What is asked before a change goes on: of its files, and before the last step of a cascade.

Whether its files come out as planned is asked before a change that waited begins: nothing has to be
taken back then. The environment-controller's own plan of a deletion is made after the last
Application was released, so that it says what stands at that moment. What it answers is reported;
the change sends the command that carries it out, unless it lists what the change was not planned
on.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from catalyst.chassis.errors import Retry
from catalyst.chassis.service import Asking, Effect, Loader, Report
from catalyst.contracts import application_v1 as app1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.decision import Actor, Fired, Recorded
from catalyst.contracts.provisioning_values_v1 import Deletion
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Ref
from catalyst.contracts.values_v1 import PlannedDeletion
from catalyst.provisioning.domain import listed
from catalyst.provisioning.domain.change import SERVICE, Change
from catalyst.provisioning.domain.turn import Compared
from catalyst.provisioning.domain.writing import TURN

log = logging.getLogger(__name__)

NAME: Final = "deletion"
ENDS_BY_ITSELF: Final = "onboarding-in-progress"
"""What stands in the way of a deletion and is worth waiting for."""
LEEWAY: Final = timedelta(seconds=2)
"""The effect gives up that long before the deadline of its step, so that its reason is heard."""
LINE_MAX: Final = 253


async def compare(
    given: object, ref: Ref, _actor: Actor, _now: datetime, asking: Asking
) -> Compared | None:
    """Return how the files of a change come out by now, if it may begin; None: nobody knows.

    It waits for nobody: what is not known now is looked at where the files are committed.
    """
    if not _may_begin(given):
        return None
    asked = {"change": ref.id}
    try:
        answer = await asking.ask(SERVICE, "compared", 1, ref.organization, asked)
    except (Rejected, Retry) as error:
        log.info("not compared", extra={"change": ref.id, "why": str(error)})
        return None
    return None if answer is None else msgspec.convert(answer, Compared)


def _may_begin(given: object) -> bool:
    match given:
        case pro1.ApproveChange() | pro1.LookAgain():
            return True
        case Recorded():
            return isinstance(given.event, app1.ChangeLeft)
        case Fired():
            return given.timer == TURN
        case _:
            return False


def deletion(asking: Asking) -> Effect:
    """Return the effect that asks for the plan of a deletion."""

    async def run(recorded: Recorded, load: Loader) -> Report | None:
        event = _step(recorded)
        if event.step != "delete" or event.undo:
            return None
        change: Change = await load(recorded.ref, up_to=recorded.seq)
        request = change.content().request
        environment = request.environment
        kind = "organization" if environment is None else "environment"
        asked = {} if environment is None else {"environment": environment}
        try:
            answer = await asking.ask(
                "environment", f"plan-{kind}-deletion", 1, recorded.ref.organization, asked
            )
        except Rejected as error:
            return _refused(recorded, event, error.code, f"refused: {error.code}")
        for blocker in answer["blocked_by"]:
            if blocker["code"] == ENDS_BY_ITSELF:
                raise Retry(blocker["message"])
            words = f"refused: {blocker['code']}: {blocker['message']}"
            return _refused(recorded, event, blocker["code"], words)
        return _report(recorded, event, "done", "planned", found=planned(answer))

    return Effect(
        name=NAME,
        events=(pro1.ChangeStepStarted,),
        run=run,
        failed=_failed,
        lane=lambda recorded: recorded.ref.path,
        until=_until,
    )


def planned(answer: Any) -> Deletion:
    """Return what has to be sent back of the environment-controller's plan, and what it lists."""
    back = {name: answer[name] for name in PlannedDeletion.__struct_fields__}
    return msgspec.convert({**back, "goes": listed.names(answer)}, Deletion)


def _step(recorded: Recorded) -> pro1.ChangeStepStarted:
    if not isinstance(recorded.event, pro1.ChangeStepStarted):
        raise TypeError(f"{recorded.type} begins no step")
    return recorded.event


def _until(recorded: Recorded) -> datetime | None:
    return _step(recorded).deadline - LEEWAY


def _failed(recorded: Recorded, reason: str) -> Report | None:
    event = _step(recorded)
    if event.step != "delete" or event.undo:
        return None
    return _report(recorded, event, "failed", reason)


def _refused(recorded: Recorded, event: pro1.ChangeStepStarted, code: str, detail: str) -> Report:
    return _report(recorded, event, "failed", detail, code=code)


def _report(
    recorded: Recorded,
    event: pro1.ChangeStepStarted,
    status: Any,
    detail: str,
    *,
    code: str = "",
    found: Deletion | None = None,
) -> Report:
    line = " ".join(detail.split())[:LINE_MAX]
    command = pro1.ReportStep(
        step="delete",
        status=status,
        detail=line,
        code=code,
        attempt=event.attempt,
        deletion=found,
    )
    return Report(ref=recorded.ref, command=command)
