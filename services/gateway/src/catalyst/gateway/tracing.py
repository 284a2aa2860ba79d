"""`/v1/trace/{command}`: the causal chain of a command, with the rows that it changed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from catalyst.chassis.jetstream.port import Broker, Stored
from catalyst.contracts import subjects
from catalyst.contracts.message import Outcome
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import BadSubject, Ref
from catalyst.gateway import parameters, trace
from catalyst.gateway.answers import answer, fresh
from catalyst.gateway.caller import Caller, Callers
from catalyst.gateway.eventlog import EventLog
from catalyst.gateway.parameters import Owner, wrong
from catalyst.gateway.rows import rows_of


class Tracing:
    """The route of causal chains."""

    def __init__(self, callers: Callers, broker: Broker, events: EventLog) -> None:
        self._callers = callers
        self._broker = broker
        self._events = events

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [Route("/v1/trace/{command}", self.show, methods=["GET"])]

    async def show(self, request: Request) -> Response:
        """Answer the chain; steps and rows of what the caller may not see are left out."""
        caller = await self._callers.require(request)
        wanted = parameters.read(request, Owner)
        any_owner = wanted.organization is None
        found = await trace.roots(
            self._broker,
            request.path_params["command"],
            None if any_owner else wanted.owner,
            any_owner=any_owner,
        )
        visible = [item for item in found if self._visible(caller, item)]
        if not visible:
            raise Rejected("not-found", "no outcome is recorded under this id yet, or not for you")
        if len(visible) > 1:
            raise wrong("organization", "several Organizations have a command of this id")
        chain = await trace.walk(self._broker, visible[0])
        return await self._described(caller, visible[0], chain)

    def _visible(self, caller: Caller, stored: Stored) -> bool:
        try:
            outcome = msgspec.json.decode(stored.data, type=Outcome)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            # What stands there is no outcome; other Organizations' may stand under the same id.
            return False
        if outcome.actor == caller.claims.actor:
            return True
        try:
            return self._callers.may_see(caller.claims, subjects.parse(outcome.subject).ref)
        except BadSubject:
            return False

    async def _described(self, caller: Caller, root: Stored, chain: trace.Chain) -> Response:
        seen = {
            path for path, ref in chain.refs.items() if self._callers.may_see(caller.claims, ref)
        }
        first = chain.steps[0]
        steps = shown(chain.steps, seen)
        rows = await rows_of(self._broker, _newest(steps, chain.refs, seen))
        last = max((step.last_seq for step in steps), default=root.seq)
        fresh_as = await self._events.fresh(last)
        body: dict[str, Any] = {
            "command": first.id,
            "organization": subjects.organization_of(root.subject.split(".")[1]),
            "log": fresh_as.log,
            "steps": steps,
            "rows": rows.rows,
            "read_model_as_of": rows.as_of,
            "complete": not chain.incomplete,
            "incomplete": chain.incomplete,
            "hidden": len(chain.steps) - len(steps),
        }
        return answer(body, headers=fresh(fresh_as))


def shown(steps: Sequence[trace.Step], seen: Collection[str]) -> list[trace.Step]:
    """Return the first step and those on what may be seen, by paths, without what names others.

    One's own step may be about much that is not: a Blueprint that arrives wakes those of every
    Organization that wait for it.
    """
    found = [step for step in steps if step is steps[0] or step.aggregate in seen]
    for step in found:
        step.events = [event for event in step.events if event.aggregate in seen]
        step.sends = [sent for sent in step.sends if sent.aggregate in seen]
    return found


def _newest(steps: list[trace.Step], refs: dict[str, Ref], seen: set[str]) -> dict[Ref, int]:
    """Return the last sequence of the chain on each aggregate that may be seen."""
    found: dict[Ref, int] = {}
    for step in steps:
        for event in step.events:
            if event.aggregate in seen:
                ref = refs[event.aggregate]
                found[ref] = max(found.get(ref, 0), event.seq)
    return found
