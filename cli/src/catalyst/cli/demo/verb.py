"""`catalyst demo`: the main job on the real broker, in a minute and a half at most."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

import typer

from catalyst.chassis import loop
from catalyst.chassis.scratch import Scratch
from catalyst.cli import contexts, variables
from catalyst.cli.calling import called
from catalyst.cli.contexts import Context
from catalyst.cli.demo.browsers import Browser
from catalyst.cli.demo.burst import Kill
from catalyst.cli.demo.omantel import LEFT_OUT, TITLE, Business, opened
from catalyst.cli.demo.plain import plain
from catalyst.cli.demo.screen import Screen
from catalyst.cli.demo.story import Story
from catalyst.cli.exits import Ended, ExitCode, Failure
from catalyst.cli.installation import Installation
from catalyst.cli.output import note
from catalyst.cli.processes import Supervisor
from catalyst.cli.stack import Options, running
from catalyst.client.http_transport import over_http

SIMULATOR_PACE = 0.5
"""Seconds of a stage of the simulated cluster, about: three changes wait for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    """Where the story is told."""

    context: Context
    kill: Kill | None
    """Kills the worker of Environments."""
    installation: Installation | None = None
    """Our own, with its keys; None if it is somebody else's."""
    kill_changes: Kill | None = None
    """Kills the worker of changes."""
    kill_books: Kill | None = None
    """Kills the worker of billing."""


def demo(
    *,
    json_: Annotated[bool, typer.Option("--json", help="One JSON document at the end.")] = False,
    against: Annotated[
        str, typer.Option("--against", metavar="CONTEXT", help="Use this installation instead.")
    ] = "",
    kill: Annotated[
        str,
        typer.Option(
            "--kill", metavar="COMMAND", help="With --against: what to run to kill a worker."
        ),
    ] = "",
) -> None:
    """Show the main job and prove it: commands in, rows live, nothing lost between.

    Starts everything in a temporary directory, publishes commands with a plain NATS program,
    watches the read model change, kills a worker, drops the stream, folds the log again, clones a
    Git home. Then a small business buys an Application, on a simulated cluster, and gets an
    invoice that is explained and made again. Ends with a table of what was proved, and with 8 if
    anything did not hold. It takes about a minute.

    Example:
      catalyst demo
      catalyst demo --json
    """
    if kill and not against:
        raise Failure(
            ExitCode.USAGE,
            "--kill needs --against: without it, a worker of the demonstration itself is killed",
        )
    screen = Screen(as_json=json_)
    try:
        loop.run(_demo(screen, against, kill))
    except KeyboardInterrupt:
        left = "what it created stays there" if against else "everything was removed again"
        note(f"stopped; {left}")
        raise
    if not screen.held:
        raise Ended(ExitCode.CHECK_FAILED)


async def _demo(screen: Screen, against: str, kill: str) -> None:
    began = time.monotonic()
    async with _installation(screen, against, kill) as stage:
        context = stage.context
        ready = time.monotonic()
        async with (
            over_http(context.http, token=context.operator.token) as http,
            plain(
                context.nats,
                context.operator.user,
                context.operator.password,
                context.operator.token,
            ) as sender,
        ):
            async with asyncio.TaskGroup() as browsers:
                story = Story(
                    screen=screen,
                    sender=sender,
                    http=http,
                    context=context,
                    first=Browser(http),
                    second=Browser(http),
                    browsers=browsers,
                    kill=stage.kill,
                    suffix=f"-{secrets.token_hex(3)}x" if against else "",
                )
                await story.tell()
            story.commands += await _business(screen, stage)
            done = time.monotonic()
            numbers = [
                ("stack ready after", f"{ready - began:.1f} s"),
                ("story told in", f"{done - ready:.1f} s"),
                *await story.numbers(),
            ]
    facts = {
        "seconds": {"start": round(ready - began, 3), "story": round(done - ready, 3)},
        "commands": story.commands,
        "latency_ms": story.latencies,
    }
    screen.finish(numbers, facts, _next(against))


@asynccontextmanager
async def _installation(screen: Screen, against: str, kill: str) -> AsyncIterator[_Stage]:
    if against:
        found = contexts.pick(contexts.load(contexts.default_path()), against)
        if not found.http or not found.nats:
            raise Failure(
                ExitCode.USAGE,
                f"--against {against}: the demonstration needs an HTTP address and a broker",
                hint="`catalyst context add` takes both",
            )
        note(f"this creates three Organizations on {against!r}, with Environments; they stay there")
        yield _Stage(context=found, kill=_by_command(kill) if kill else None)
        return
    options = Options(port=0, processes=True, simulate_cluster=True, simulator_pace=SIMULATOR_PACE)
    for stray in variables.check(os.environ, options):
        note(stray)
    with Scratch("demo") as folder:
        screen.waiting(f"everything runs in {folder} and is removed at the end, in about a minute")
        installation = Installation(folder)
        async with running(installation, options, screen.waiting) as stack, _saying_so():
            if stack.supervisor is None:
                raise RuntimeError("the demonstration needs processes that it can kill")
            yield _Stage(
                context=stack.context,
                kill=_of_ours(stack.supervisor, "environment", "environment-controller"),
                installation=installation,
                kill_changes=_of_ours(stack.supervisor, "provisioning", "worker of provisioning"),
                kill_books=_of_ours(stack.supervisor, "billing", "worker of billing"),
            )


@asynccontextmanager
async def _saying_so() -> AsyncIterator[None]:
    """Say that it stops where it is stopped: until everything has ended takes seconds."""
    try:
        yield
    except asyncio.CancelledError:
        note("stopping")
        raise


async def _business(screen: Screen, stage: _Stage) -> int:
    """Tell the chapter of the small business where it can be told; return the commands sent."""
    if stage.installation is None or stage.kill_changes is None or stage.kill_books is None:
        screen.step(TITLE)
        screen.leave_out(LEFT_OUT, "only the demonstration's own stack has a simulated cluster")
        return 0
    async with opened(stage.installation, stage.context.http) as doors:
        business = Business(
            screen=screen,
            doors=doors,
            kill_changes=stage.kill_changes,
            kill_books=stage.kill_books,
        )
        await business.tell()
    return business.commands


def _next(against: str) -> tuple[str, ...]:
    """Return what to do next, for a person."""
    if against:
        return (
            "What it created is still there:",
            f"  {called()} get organizations --context {against}",
        )
    return (
        "Everything was removed again. To run it and keep it:",
        f"  {called()} up --simulate-cluster",
    )


def _of_ours(supervisor: Supervisor, user: str, shown: str) -> Kill:
    async def kill() -> str:
        return f"the {shown}, process {supervisor.kill(user)}"

    return kill


def _by_command(command: str) -> Kill:
    async def kill() -> str:
        process = await asyncio.create_subprocess_shell(command)
        if await process.wait() != 0:
            raise Failure(ExitCode.UNEXPECTED, f"the command to kill a worker failed: {command}")
        return f"a worker with: {command}"

    return kill
