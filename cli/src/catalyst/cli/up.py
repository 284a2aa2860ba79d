"""`catalyst up`: run the whole stack on this machine and keep it running."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Annotated, Final, TextIO

import typer

from catalyst.chassis import logs, loop
from catalyst.chassis.app import stop_on_signal
from catalyst.cli import contexts, startable, variables
from catalyst.cli.exits import Ended, ExitCode, Failure
from catalyst.cli.greeting import greeting
from catalyst.cli.installation import Installation, http_port
from catalyst.cli.output import note, write
from catalyst.cli.stack import Options, Stack, running
from catalyst.cli.target import Target

log = logging.getLogger(__name__)

LOG_LEVEL: Final = "CATALYST_LOG_LEVEL"
"""Least severe level of `up.log`, and of the members."""
HURRIED: Final = (
    "ending at once: nothing that was accepted is lost; what is under way is done again "
    "when the same command is run"
)

MOMENT: Final = 1.0
"""Seconds in which SIGTERM again is the same one, which who passes it on to us, too, sent twice."""

DOCTOR: Final = "`catalyst doctor` says what to do"

PORT: Final = 8080
"""Of a directory that nothing ran on, unless another one is asked for."""


def _directory(text: str) -> Path:
    # An empty text would be the directory one stands in, as it comes of a variable that is not set.
    if not text:
        raise typer.BadParameter("it is empty; `.` is the directory that you are in")
    return Path(text)


def up(
    data: Annotated[
        Path,
        typer.Option(
            "--data",
            metavar="DIR",
            parser=_directory,
            help="Directory that holds everything; made if missing.",
        ),
    ] = contexts.DATA,
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            help=f"HTTP port; 0: any; else that of the last time, at first {PORT}.",
            min=0,
            max=65535,
        ),
    ] = None,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    nats: Annotated[
        str,
        typer.Option(
            "--nats",
            metavar="URL",
            help="Use this broker instead of our own; no variable can name it, only this.",
        ),
    ] = "",
    *,
    processes: Annotated[
        bool, typer.Option("--processes", help="Give each service a process of its own.")
    ] = False,
    simulate_cluster: Annotated[
        bool | None,
        typer.Option(
            "--simulate-cluster/--no-simulate-cluster",
            help="Say of what is committed what a cluster would say; or no more, for good.",
        ),
    ] = None,
) -> None:
    """Run the whole stack here: broker, services, read model, HTTP door and live page.

    The same data directory goes on where it was, at the address of the last time; with --port 0
    at another one if that is taken, and says so. Ctrl-C drains and ends with 0, or with 130 if
    not everything ran yet; a second Ctrl-C ends at once, with 130. The first directory
    becomes the connection `local`, each other one gets one named after itself, and keeps it. What
    runs becomes the current connection, unless that runs, too.

    Example:
      catalyst up
      catalyst up --data /var/lib/catalyst --port 0 --processes
      catalyst up --simulate-cluster
    """
    if nats and simulate_cluster:
        hint = "leave --nats out: the simulated cluster has a user on our own broker alone"
        raise Failure(ExitCode.USAGE, "there is no simulated cluster on this broker", hint=hint)
    options = Options(
        host=host,
        port=http_port(data) or PORT if port is None else port,
        nats_url=nats,
        processes=processes,
        simulate_cluster=bool(simulate_cluster),
    )
    for_good = simulate_cluster is False
    loop.run(_up(data, options, for_good=for_good, port_given=port is not None))


async def _up(data: Path, options: Options, *, for_good: bool, port_given: bool) -> None:
    # First of all, so that a refused start leaves no directory behind.
    strays = variables.check(os.environ, options)
    known = contexts.check_place(contexts.default_path())
    if not options.nats_url:
        startable.check_free_of_others(data, known)
    startable.check_listening(options.host, options.port, known, given=port_given)
    if options.nats_url and (harm := await startable.check_broker(options.nats_url)):
        strays = (*strays, harm)
    if not for_good and (left_out := _without_its_cluster(data, options)):
        strays = (*strays, left_out)
    if less := contexts.less_told(data, os.environ):
        strays = (*strays, less)
    installation = Installation(data)
    installation.remember_variables(os.environ)
    if for_good:
        installation.forget_simulated()
    path = data / "up.log"
    with _opened(path) as stream:
        logs.configure("up", os.environ.get(LOG_LEVEL, "info"), stream)
        # A line that the disk has no room for is left out, not replaced by a page on stderr.
        logging.raiseExceptions = False
        for stray in strays:
            log.warning(stray)
            note(stray)
        await _keep(installation, options, path)


def _without_its_cluster(data: Path, options: Options) -> str:
    """Return what it means that nobody simulates the cluster any more; empty where nobody did."""
    if options.simulate_cluster or options.nats_url or not contexts.was_simulated(data):
        return ""
    return f"{contexts.LACKS_CLUSTER}; {contexts.cluster_again(str(data.resolve()))}"


def _opened(log: Path) -> TextIO:
    try:
        return log.open("a", encoding="utf-8")
    except OSError as error:
        hint = "make the directory writable and make room, or choose another with --data"
        raise Failure(
            ExitCode.UNEXPECTED, f"{log} cannot be written: {error.strerror}", hint=hint
        ) from error


async def _keep(installation: Installation, options: Options, log: Path) -> None:
    data = installation.data
    stop = asyncio.Event()
    async with AsyncExitStack() as parts:
        stack = await _begun(parts, installation, options)

        ends = Ends()
        now = asyncio.get_running_loop().time

        def end(number: signal.Signals) -> None:
            if not ends.counts(number, now()):
                return
            if stop.is_set():
                note(HURRIED)
                stack.kill()
                # Whatever drains may take long, and nothing of it is needed: a crash is no worse.
                os._exit(ExitCode.INTERRUPTED)
            stop.set()
            stack.stopping.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, end, number)
        name, known, before = await startable.register(data, contexts.default_path())
        simulated = options.simulate_cluster
        for line in greeting(name, known, Path.cwd(), before=before, simulated=simulated):
            write(line)
        async with asyncio.TaskGroup() as beside:
            # A broker that does not answer keeps nobody from ending.
            telling = beside.create_task(_tell_of_less(stack.context, stop))
            await _first({"stop": stop, "failed": stack.failed})
            telling.cancel()
            if stop.is_set():
                note("draining; Ctrl-C again ends it at once")
        if not stop.is_set():
            raise Failure(
                ExitCode.UNEXPECTED,
                "a part of the stack ended by itself",
                hint=f"see {log}",
            )
    note("stopped; the same command goes on where this ended")


async def _tell_of_less(context: contexts.Context, stop: asyncio.Event) -> None:
    """Say that the rows were built anew from a log that lost messages, and what tells more.

    Nothing is said once `stop` is set: a broker that ends by the same signal tells nobody.
    """
    # Imported here: what looks into the log takes longer to load than the line to be shown.
    from catalyst.cli import brokercheck  # noqa: PLC0415

    user, password = context.operator.user, context.operator.password
    target = Target(nats=context.nats, user=user or None, password=password or None)
    try:
        told = await brokercheck.built_from_less(target)
    except Exception:
        # What runs is not to end because nobody could look.
        log.exception("it was not seen whether the log lost messages")
        # What a broker ended by may reach us a moment later than that it is gone.
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), MOMENT)
        if not stop.is_set():
            note(f"it was not seen whether the log lost messages; {DOCTOR}")
        return
    if told:
        note(f"{told}; the rows were built anew from what is left: {DOCTOR}")


class Ends:
    """Which signals to end count, and which are one that arrived twice.

    A program that starts us passes SIGTERM on, although it went to the whole group. Ctrl-C is a
    person's: each counts.
    """

    def __init__(self) -> None:
        """Begin without any."""
        self._terminated = -MOMENT

    def counts(self, number: signal.Signals, now: float) -> bool:
        """Return whether a signal is one of its own."""
        if number != signal.SIGTERM:
            return True
        counts = now - self._terminated >= MOMENT
        if counts:
            self._terminated = now
        return counts


async def _begun(parts: AsyncExitStack, installation: Installation, options: Options) -> Stack:
    """Start the stack, as one of `parts`.

    Raises:
        Ended: If a signal came before everything ran; what had been started has ended then.
    """
    starting = asyncio.timeout(None)

    def give_up() -> None:
        if starting.when() is None:
            note("stopping")
            starting.reschedule(0)

    stop_on_signal(give_up)
    try:
        async with starting:
            return await parts.enter_async_context(running(installation, options, note))
    except TimeoutError as error:
        if not starting.expired():
            raise
        note("stopped before everything ran; the same command begins again")
        raise Ended(ExitCode.INTERRUPTED) from error


async def _first(events: dict[str, asyncio.Event]) -> None:
    tasks = {asyncio.ensure_future(event.wait()) for event in events.values()}
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
