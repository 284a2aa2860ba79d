"""Query services: questions that need a rule, answered from state; nothing is published.

On `qry.<org>.<service>.<name>.v<N>`, JSON in, JSON out with `as_of`: the log's last sequence when
the question came; the answer knows everything up to it. Errors are problems. The same tokens and
roles as everywhere. Called by the worker's start.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final

from catalyst.chassis import clock
from catalyst.chassis.access import RolesTable
from catalyst.chassis.asking import Unanswered
from catalyst.chassis.errors import Retry
from catalyst.chassis.events import Unreadable
from catalyst.chassis.jetstream.answering import Answering
from catalyst.chassis.jetstream.asking import micro_name
from catalyst.chassis.jetstream.port import BrokerError
from catalyst.chassis.runtime import Runtime
from catalyst.chassis.seeing import Past, Present
from catalyst.chassis.service import Query, Service
from catalyst.chassis.states import States
from catalyst.chassis.tokens import BadToken, Claims, bearer
from catalyst.contracts import codec, subjects
from catalyst.contracts.codec import Undecodable
from catalyst.contracts.decision import Actor
from catalyst.contracts.message import FieldError
from catalyst.contracts.questions import purpose
from catalyst.contracts.rejection import CODES, Rejected
from catalyst.contracts.roles import (
    ROLES,
    SOVEREIGN_ADMIN,
    may_read,
    may_read_platform,
    may_send,
    refused,
    service_asks,
)
from catalyst.contracts.topology import EV

log = logging.getLogger(__name__)

_ANOTHER: Final = "what this takes of {} did not come in time: ask again in a moment"


class Questions:
    """Answers the queries of one service."""

    def __init__(
        self,
        service: Service,
        runtime: Runtime,
        table: RolesTable,
        states: States,
        tasks: asyncio.TaskGroup,
    ) -> None:
        """Answer from `states`, many at once, with `tasks`; nothing is answered before `start`."""
        self._service = service
        self._runtime = runtime
        self._table = table
        self._states = states
        self._answering = Answering(runtime.js, micro_name(service.name), tasks)

    async def start(self) -> None:
        """Begin to answer; a service without queries says at least that it is at work."""
        for query in self._service.queries:
            subject = f"qry.*.{self._service.name}.{query.name}.v{query.version}"

            async def answer(
                asked: str, data: bytes, headers: Mapping[str, str], query: Query = query
            ) -> bytes:
                return codec.encode(await self._answer(query, asked, data, headers))

            await self._answering.add(query.name, subject, answer)
        await self._answering.start()

    async def stop(self) -> None:
        """Answer no more."""
        await self._answering.stop()

    async def _answer(
        self, query: Query, subject: str, data: bytes, headers: Mapping[str, str]
    ) -> dict[str, Any]:
        try:
            organization = subjects.organization_of(subject.split(".")[1])
        except subjects.BadSubject as error:
            return problem(Rejected("subject-mismatch", f"it is asked of nobody: {error}"))
        try:
            codec.check(data)
            request = codec.decode(data, dict[str, Any], "invalid-query")
            actor = await self._prove(query, organization, headers)
            as_of = (await self._runtime.broker.stream_state(EV)).last_seq
            for index in self._service.indexes:
                if index.asked:
                    await index.catch_up()
            see = Past(self._states) if query.of_history else Present(self._states)
            found = await query.run(request, organization or "", actor, see)
        except Undecodable as error:
            place = FieldError(pointer=error.pointer, rule=error.rule, message=error.sentence)
            return problem(Rejected(error.code, error.message, [place]))
        except Rejected as refusal:
            return problem(refusal)
        except (BrokerError, Retry, Unreadable) as error:
            log.warning("query failed", extra={"query": query.name, "why": str(error)})
            why = "the state cannot be read now"
            if isinstance(error, Retry):
                of = error.service if isinstance(error, Unanswered) else "another service"
                why = _ANOTHER.format(of)
            return problem(Rejected("unavailable", why))
        return {"as_of": as_of, "result": found}

    async def _prove(
        self, query: Query, organization: str | None, headers: Mapping[str, str]
    ) -> Actor:
        try:
            token = bearer(headers.get("Authorization"))
            if token is None or self._runtime.verifier is None:
                raise Rejected("unauthenticated", "a token is needed here and there is none")
            claims = await self._runtime.verifier.verify(token, at=clock.now())
        except BadToken as error:
            raise Rejected("unauthenticated", str(error)) from error
        asked = self._service.name
        if claims.service is not None and not service_asks(claims.service, asked):
            raise Rejected("forbidden", f"service {claims.service!r} asks nothing of {asked!r}")
        found = self._table.roles(claims, organization)
        if claims.service is None and not _may_ask(query, organization, found):
            found = await self._table.roles_of(organization, claims)
            if not _may_ask(query, organization, found):
                self._tell_of(organization, claims)
                able = [one for one in ROLES if _may_ask(query, organization, frozenset({one}))]
                raise refused(purpose(asked, query.name), able)
        return Actor(name=claims.actor, email=claims.verified_email, roles=found, proven=True)

    def _tell_of(self, organization: str | None, claims: Claims) -> None:
        """Say that there is no such Organization, to who sees them all; all others hear no more.

        Raises:
            Rejected: `organization-not-found`.
        """
        if organization is None or SOVEREIGN_ADMIN not in claims.roles:
            return
        if not self._table.exists(organization):
            raise Rejected("organization-not-found", f"there is no Organization {organization!r}")


def _may_ask(query: Query, organization: str | None, roles: frozenset[str]) -> bool:
    if may_send(query.for_command, roles) or may_read(query.for_kind, roles, roles):
        return True
    return organization is None and may_read_platform(query.for_kind, roles)


def problem(refusal: Rejected) -> dict[str, Any]:
    """Return a refusal as the problem that a query answers with."""
    code = CODES[refusal.code]
    return {
        "problem": {
            "status": code.status,
            "code": refusal.code,
            "title": code.meaning,
            "detail": refusal.message,
            "errors": refusal.errors,
            "wait_seconds": refusal.wait_seconds,
        }
    }
