"""`catalyst simulate`: how an Application fares in the simulated cluster, failures included."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import msgspec
import typer

from catalyst.chassis.jetstream.port import Outgoing
from catalyst.cli import application, owned
from catalyst.cli.exits import ExitCode, Failure
from catalyst.cli.near import alike, meant
from catalyst.cli.operating import operating, require_broker
from catalyst.cli.output import Format, note, show, write
from catalyst.cli.plan import EnvOption, OrgOption
from catalyst.cli.target import (
    ContextOption,
    OutputOption,
    Target,
    TokenOption,
    UrlOption,
    complete_application,
    resolve,
    run,
    starting,
)
from catalyst.client.errors import ClientError
from catalyst.contracts.provisioning_values_v1 import SIMULATOR
from catalyst.contracts.subjects import escape


class Mode(StrEnum):
    """How an Application fares; what is seen of each, says the simulator's README."""

    WELL = "well"
    CRASH_LOOP = "crash-loop"
    IMAGE_PULL = "image-pull"
    UNSCHEDULABLE = "unschedulable"
    SLOW = "slow"
    DRIFT = "drift"
    SILENCE = "silence"


def simulate(
    name: Annotated[
        str,
        typer.Argument(
            metavar="APP",
            help="Name of the Application; it may be installed later.",
            autocompletion=complete_application,
        ),
    ],
    mode: Annotated[Mode, typer.Argument(metavar="MODE", help=f"How it fares: {', '.join(Mode)}.")],
    *,
    org: OrgOption = None,
    env: EnvOption = None,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Let an Application fare so in the simulated cluster, until the next word about it.

    Over restarts of the stack for 7 days at most.

    Example:
      catalyst simulate blog crash-loop --env omantel-prod
      catalyst simulate blog well --env omantel-prod

    crash-loop, image-pull and unschedulable are pods that do not run; slow takes ten times as long
    as usual; drift is a change by hand that Flux cannot undo; with silence nothing is said any
    more, and what was known grows old. Changes go on, or are taken back, as they would be.
    """
    target = resolve(context, url, token)
    require_broker(target)
    owner, env = owned.place(target, org, env)
    # That of the Environment: what runs in it, whoever operates the installation may not see.
    cluster = owned.require_environment(target, owner, env)["cluster"]
    if cluster is not None and cluster["source"] != SIMULATOR:
        raise Failure(
            ExitCode.REJECTED,
            f"a real cluster speaks of {env}: what is simulated is not believed there",
        )
    with starting(target):
        run(_tell(target, env, name, mode))
    body = {"application": name, "environment": env, "mode": mode.value}
    show(body, output, lambda: write(f"{name} fares so in {env} from now on: {mode.value}"))
    if output is not Format.TABLE:
        return
    if cluster is None:
        note(
            f"no cluster of {env} has said anything yet; where none is simulated, `catalyst up "
            "--simulate-cluster` does that"
        )
    absent = _absent(target, owner, env, name)
    if absent:
        note(absent)
    else:
        note(f"`catalyst app show {name} --env {env} --org {owner}` shows what is seen of it")
    if mode is not Mode.WELL:
        note(f"`catalyst simulate {name} well --env {env} --org {owner}` ends that")


def _absent(target: Target, owner: str, env: str, name: str) -> str:
    """Return what to say where nothing of that name runs; empty if it does, or nobody can tell."""
    try:
        running = application.names(owned.docs(target, "applications", owner), env)
    except ClientError:
        return ""
    if name in running:
        return ""
    near = meant(alike(name, running))
    told = f"no {name} runs in {env} yet: one that is installed will fare so"
    return f"{told}; {near.rstrip()}" if near else told


async def _tell(target: Target, env: str, name: str, mode: Mode) -> None:
    word: dict[str, Any] = {"mode": mode.value}
    subject = f"ws.{escape(env)}.{SIMULATOR}.{escape(name)}"
    async with operating(target) as js:
        await js.publish(Outgoing(subject=subject, data=msgspec.json.encode(word)))
