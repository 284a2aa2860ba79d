"""Commands over NATS: the subject and the JSON, the reply as a hint, the record as the truth.

Opened by `catalyst.client.connect`. Knows nothing of the read model.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any, Final, Unpack

import msgspec
from nats import errors as nats_errors

from catalyst.client.api import SEND_TIMEOUT_SECONDS, Sent
from catalyst.client.backoff import Backoff
from catalyst.client.connection import Connection
from catalyst.client.draft import Draft, SendOptions, draft
from catalyst.client.errors import (
    Malformed,
    Problem,
    TimedOut,
    Undecided,
    Unreachable,
    shown_address,
)
from catalyst.client.nats_calls import CALL_SECONDS, Calls, problem
from catalyst.client.replies import Replies, Waiter
from catalyst.contracts import subjects
from catalyst.contracts.message import Outcome, log_name
from catalyst.contracts.topology import CMD, EV, MAX_SUBJECT

log = logging.getLogger(__name__)

CONNECT_SECONDS: Final = 5.0
RECONNECT_WAIT_SECONDS: Final = 0.25
LOOK_FIRST_SECONDS: Final = 0.5
"""After this long without a reply the record is read, then at doubling intervals."""
LOOK_CAP_SECONDS: Final = 4.0
AGAIN_FIRST_SECONDS: Final = 2.0
"""Who may not read the record sends the command again instead: after this long, then each time
after twice as long. A worker that is slow gets a few repeats, and not one for each look."""
DEFAULT_INBOX: Final = "_INBOX"
HEADER_ROOM_BYTES: Final = 8 * 1024


class NatsClient:
    """Commands and outcomes over one connection to the broker."""

    def __init__(self, calls: Calls, max_payload: int, token: str | None) -> None:
        """Ask through `calls`; `token` is the bearer token of commands that bring none."""
        self._calls = calls
        self._max_payload = max_payload
        self._token = token
        self._replies = Replies(self._calls.listen)
        self._log: str | None = None
        self._reads = True
        """Whether the credentials read records, until the broker says that they do not."""

    async def send(
        self,
        type_: str,
        data: object,
        *,
        timeout: float = SEND_TIMEOUT_SECONDS,
        stored: asyncio.Event | None = None,
        **options: Unpack[SendOptions],
    ) -> Outcome:
        """Send a command and await its outcome; see `catalyst.client.api.Client.send`."""
        order = draft(type_, data, options)
        deadline = _clock() + timeout
        async with self._replies.expect(order.ref.organization) as waiter:
            await self._store(order, deadline, reply=waiter.subject)
            if stored is not None:
                stored.set()
            return await self._await_outcome(order, waiter, deadline)

    async def submit(
        self,
        type_: str,
        data: object,
        *,
        timeout: float = SEND_TIMEOUT_SECONDS,
        **options: Unpack[SendOptions],
    ) -> Sent:
        """Send a command and return once the broker holds it."""
        order = draft(type_, data, options)
        await self._store(order, _clock() + timeout, reply=None)
        return Sent(
            command_id=order.command_id, organization=order.ref.organization, type=order.type
        )

    async def outcome(
        self, command_id: str, *, organization: str | None, timeout: float = 0.0
    ) -> Outcome | None:
        """Read the recorded outcome, again and again until `timeout` seconds are over."""
        deadline = _clock() + timeout
        waits = Backoff(LOOK_FIRST_SECONDS / 4, LOOK_CAP_SECONDS)
        while True:
            try:
                found = await self._recorded(organization, command_id)
            except TimedOut as error:
                if _clock() >= deadline:
                    raise Unreachable("the broker does not answer") from error
                found = None
            left = deadline - _clock()
            if found is not None or left <= 0:
                return found
            await asyncio.sleep(min(left, waits.next()))

    async def _store(self, order: Draft, deadline: float, reply: str | None) -> None:
        """Publish until the broker confirms; a repeat is the same command.

        Raises:
            Problem: If the broker refuses it for good.
            TimedOut: If the deadline passes.
        """
        waits = Backoff(0.1, 2.0)
        while True:
            try:
                left = min(CALL_SECONDS, deadline - _clock())
                refusal = await self._store_once(order, left, reply)
                if refusal is None:
                    return
                reason = f"the broker does not take it: {refusal}"
            except TimedOut as error:
                reason = str(error)
            if _clock() >= deadline:
                raise TimedOut(f"the command was not confirmed: {reason}")
            await asyncio.sleep(min(waits.next(), max(0.0, deadline - _clock())))

    async def _store_once(self, order: Draft, seconds: float, reply: str | None) -> str | None:
        """Publish once; return the broker's words if it did not store it, None if it did.

        Raises:
            Problem: If the broker refuses it for good.
            TimedOut: If it does not say within `seconds`.
        """
        headers = _headers(order, self._token, reply)
        payload = order.envelope
        if len(payload) + HEADER_ROOM_BYTES > self._max_payload:
            # The library would close the whole connection over a message above the limit.
            raise problem("too-large", f"the command has {len(payload)} bytes")
        if len(order.subject) > MAX_SUBJECT:
            # It would be taken, and set aside without an outcome.
            what = f"the subject has {len(order.subject)} characters, {MAX_SUBJECT} are allowed"
            raise problem("too-large", f"{what}: the id is too long")
        answer = await self._calls.ask(order.subject, payload, headers, timeout=seconds)
        return _refusal(answer.data)

    async def _await_outcome(self, order: Draft, waiter: Waiter, deadline: float) -> Outcome:
        """Wait for the reply; when it is late, read the record instead, or send once more."""
        patience = LOOK_FIRST_SECONDS if self._reads else AGAIN_FIRST_SECONDS
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, min(deadline - _clock(), patience))):
                    await asyncio.shield(waiter.answer)
            if waiter.answer.done():
                return await self._complete(_outcome(waiter.answer.result()))
            found = await self._looked_for(order, waiter.subject, deadline)
            if found is not None:
                return found if found.digest == order.digest else _reused(order, found)
            patience *= 2
            if self._reads:
                patience = min(patience, LOOK_CAP_SECONDS)
            else:
                patience = max(patience, AGAIN_FIRST_SECONDS)
            # What arrives meanwhile counts, however late it is.
            if _clock() >= deadline and not waiter.answer.done():
                raise Undecided(order.command_id, order.ref.organization)

    async def _looked_for(self, order: Draft, reply: str, deadline: float) -> Outcome | None:
        """Return the recorded outcome; None: there is none yet, or a repeat brings the answer."""
        with suppress(TimedOut):
            if not self._reads:
                # An Organization's credentials read no record: a repeat is answered with it, too.
                # One that is not taken is none: a full queue is not to be filled with repeats.
                if _clock() < deadline:
                    await self._store_once(order, CALL_SECONDS, reply)
                return None
            try:
                return await self._recorded(order.ref.organization, order.command_id)
            except Problem as error:
                if error.code != "forbidden":
                    raise
                self._reads = False
        return None

    async def _recorded(self, organization: str | None, command_id: str) -> Outcome | None:
        """Read an outcome from the log, or None.

        Raises:
            TimedOut: If the broker does not answer.
        """
        subject = subjects.done(organization, command_id)
        answer = await self._calls.ask(f"$JS.API.DIRECT.GET.{EV}.{subject}")
        if answer.status == "404":
            return None
        if answer.status:
            raise problem("unavailable", f"the log cannot be read ({answer.status})")
        found = _outcome(answer.data)
        try:
            own = int(answer.headers["Nats-Sequence"])
        except (KeyError, ValueError) as error:
            raise Malformed("the broker's answer names no sequence") from error
        return await self._complete(msgspec.structs.replace(found, seq=own + found.after))

    async def _complete(self, outcome: Outcome) -> Outcome:
        """Add the log's name, where the reply did not bring it and the broker tells it."""
        if outcome.log or not outcome.seq:
            return outcome
        return msgspec.structs.replace(outcome, log=await self._log_name())

    async def _log_name(self) -> str:
        if self._log is None:
            try:
                answer = await self._calls.ask(f"$JS.API.STREAM.INFO.{EV}")
                created = msgspec.json.decode(answer.data, type=_StreamInfo).created
                self._log = log_name(datetime.fromisoformat(created))
            except (Problem, TimedOut, msgspec.MsgspecError, ValueError):
                # Credentials of one Organization may not ask; the sequence counts without it.
                log.info("the log's name is not known")
                return ""
        return self._log


class _StreamInfo(msgspec.Struct):
    created: str


class _PubError(msgspec.Struct):
    description: str = ""
    err_code: int = 0


class _PubAck(msgspec.Struct):
    stream: str = ""
    error: _PubError | None = None


@asynccontextmanager
async def over_nats(
    url: str,
    *,
    token: str | None = None,
    user: str | None = None,
    password: str | None = None,
    name: str = "catalyst-client",
    inbox_prefix: str = DEFAULT_INBOX,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[NatsClient]:
    """Connect to the broker; the connection comes back by itself until the block ends.

    Args:
        url: Such as `nats://127.0.0.1:4222`.
        token: Bearer token that goes with each command and says who asks.
        user: With `password`: the credentials for the broker itself.
        password: With `user`.
        name: Shown by the broker's monitoring.
        inbox_prefix: Where answers arrive, if the broker's permissions prescribe it.
        tls: For `tls://` with a private authority.

    Raises:
        Unreachable: If no broker answers within 5 s.
        Problem: If the broker does not take the credentials.
    """
    connection = Connection()
    calls = Calls(connection)
    options: dict[str, Any] = {
        "user": user,
        "password": password,
        "name": name,
        "inbox_prefix": inbox_prefix,
        "tls": tls,
        "max_reconnect_attempts": -1,
        "reconnect_time_wait": RECONNECT_WAIT_SECONDS,
        "error_cb": calls.complain,
    }
    try:
        await _open(connection, url, calls, options)
        yield NatsClient(calls, connection.max_payload, token)
    finally:
        await connection.close()


async def _open(connection: Connection, url: str, calls: Calls, options: dict[str, Any]) -> None:
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await connection.connect(url, **options)
        calls.opening = False
    except (TimeoutError, OSError, ValueError, nats_errors.Error) as error:
        place = shown_address(url)
        if isinstance(calls.last_complaint, ssl.SSLCertVerificationError):
            raise Unreachable(f"the certificate of the broker at {place} does not hold") from error
        raise Unreachable(f"no broker answers at {place}") from error


def _clock() -> float:
    return asyncio.get_running_loop().time()


def _headers(order: Draft, token: str | None, reply: str | None) -> dict[str, str] | None:
    headers: dict[str, str] = {}
    bearer = order.token or token
    if bearer:
        headers["Authorization"] = f"Bearer {bearer}"
    if reply is not None:
        headers["Catalyst-Reply"] = reply
    return headers or None


def _refusal(data: bytes) -> str | None:
    """Return the broker's words if it did not store the message; None if it did."""
    try:
        answer = msgspec.json.decode(data, type=_PubAck)
    except msgspec.MsgspecError as error:
        raise Malformed("the broker's confirmation cannot be read") from error
    if answer.error is not None:
        return f"{answer.error.description} ({answer.error.err_code})"
    return None if answer.stream == CMD else f"stored in {answer.stream!r}, not in {CMD}"


def _outcome(raw: bytes) -> Outcome:
    try:
        return msgspec.json.decode(raw, type=Outcome)
    except msgspec.MsgspecError as error:
        raise Malformed(f"the outcome cannot be read: {error}") from error


def _reused(order: Draft, recorded: Outcome) -> Outcome:
    """Return what the worker answers when an id already belongs to another command."""
    return Outcome(
        id=order.command_id,
        type=order.type,
        status="rejected",
        code="command-id-reused",
        message=f"the id belongs to a command of type {recorded.type}",
        digest=order.digest,
        time=recorded.time,
        subject=order.subject,
    )
