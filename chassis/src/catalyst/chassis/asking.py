"""Asking other services their queries, as this service and with a token of its own.

Called by the preparation of rules and by whoever closes over it in a service's table. On
`qry.<org>.<service>.<name>.v<N>`, answered by `questions.py` over there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from typing_extensions import override

from catalyst.chassis.errors import Retry
from catalyst.chassis.jetstream import asking as port
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Unavailable
from catalyst.chassis.service import Asking
from catalyst.contracts import codec
from catalyst.contracts.message import FieldError
from catalyst.contracts.rejection import CODES, Rejected
from catalyst.contracts.subjects import organization_token

TIMEOUT_SECONDS: Final = 5.0
"""For one answer; then the question counts as not answered."""
_NOT_NOW: Final = frozenset({"unavailable", "timeout", "internal", "unauthenticated"})
"""What says nothing about the question: a part over there is missing, or our keys are not known."""


class _Problem(msgspec.Struct):
    code: str
    detail: str = ""
    errors: tuple[FieldError, ...] = ()


class _Answer(msgspec.Struct):
    problem: _Problem | None = None
    result: Any = None


class Unanswered(Retry):
    """Another service does not answer now."""

    def __init__(self, service: str, reason: str) -> None:
        """Keep which one."""
        super().__init__(reason)
        self.service = service


class Asked(Asking):
    """Asks over the broker."""

    def __init__(
        self, js: JetStream, token: Callable[[], str], *, timeout: float = TIMEOUT_SECONDS
    ) -> None:
        """Ask through `js`; `token` returns a fresh token, `timeout` is seconds for one answer."""
        self._js = js
        self._token = token
        self._timeout = timeout

    @override
    async def ask(
        self,
        service: str,
        name: str,
        version: int,
        organization: str | None,
        request: Mapping[str, Any],
    ) -> Any:
        place = f"{service}.{name}.v{version}"
        subject = f"qry.{organization_token(organization)}.{place}"
        headers = {"Authorization": f"Bearer {self._token()}"}
        body = codec.encode(request)
        try:
            data = await port.ask(self._js, subject, body, headers, timeout=self._timeout)
        except Unavailable as error:
            why = f"{place} does not answer: {error.description}"
            raise Unanswered(service, why) from error
        answer = msgspec.json.decode(data, type=_Answer)
        if answer.problem is None:
            return answer.result
        problem = answer.problem
        if problem.code in _NOT_NOW or problem.code not in CODES:
            raise Unanswered(service, f"{place} cannot answer: {problem.code}: {problem.detail}")
        raise Rejected(problem.code, problem.detail, problem.errors)
