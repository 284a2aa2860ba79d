"""A change as it goes, step by step, until it is over."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import aclosing, contextmanager
from typing import Any, Final

import msgspec

from catalyst.chassis import clock
from catalyst.cli.exits import ExitCode, Failure
from catalyst.cli.get import ended
from catalyst.cli.output import Format, as_json, as_yaml, note, write
from catalyst.cli.planshow import chain, write_lines
from catalyst.cli.target import Target, reads
from catalyst.client.rows import Bye, Interrupted, Put

Doc = Mapping[str, Any]
OVER: Final = {
    "completed": ExitCode.OK,
    "failed": ExitCode.REJECTED,
    "cancelled": ExitCode.REJECTED,
    "rejected": ExitCode.REJECTED,
}
"""States that a change does not leave, and how the command ends then."""
PATIENCE_SECONDS: Final = 3.0
"""How long a change waits for something before that is worth telling: most answers come sooner."""

_LOOK_SECONDS: Final = 0.5


class Follower:
    """Says of each state of a change what is new in it."""

    def __init__(self) -> None:
        """Start before anything was seen."""
        self._status = ""
        self._steps: dict[str, tuple[Any, ...]] = {}
        self._waits: list[str] = []
        self._since = 0.0
        self._told: set[str] = set()

    def news(self, doc: Doc) -> list[str]:
        """Return a line for everything that is not as it was."""
        found: list[str] = []
        for step in doc["steps"]:
            state = (step["status"], step["attempt"], step["reason"], step["detail"])
            if step["status"] != "pending" and self._steps.get(step["step"]) != state:
                found.append(_step(step))
            self._steps[step["step"]] = state
        waits = chain(doc["blocked_by"])
        if waits != self._waits:
            self._waits, self._since = waits, clock.monotonic()
        if doc["status"] != self._status:
            self._status = doc["status"]
            reason = f": {doc['reason']}" if doc["reason"] else ""
            found.append(f"change {doc['change']} {doc['status']}, {doc['percent']} %{reason}")
            if self._status in OVER:
                found += [f"  left: {text}" for text in doc["left"]]
        return found

    def waiting(self) -> list[str]:
        """Return what the change waits for, once, if it has waited for that long enough.

        A chain that only became shorter is good news, and told by the steps.
        """
        links = {line.strip() for line in self._waits}
        if not links - self._told or clock.monotonic() - self._since < PATIENCE_SECONDS:
            return []
        self._told |= links
        return ["blocked by", *(f"  {line}" for line in self._waits)]


def _step(step: Doc) -> str:
    text = f"{step['step']:<11}{step['status']}"
    if step["attempt"] > 1:
        text += f", attempt {step['attempt']}"
    for name in ("reason", "detail"):
        if step[name]:
            text += f": {step[name]}"
    return text


async def follow(target: Target, change: str, organization: str, form: Format) -> ExitCode:
    """Show a change until it is over, and return how it ended.

    Raises:
        Failure: If the stream ends for good before that.
    """
    follower = Follower()
    with _telling_waits(follower, form):
        return await _followed(follower, target, change, organization, form)


async def _followed(
    follower: Follower, target: Target, change: str, organization: str, form: Format
) -> ExitCode:
    async with reads(target) as door:
        watch = door.watch("changes", name=change, organization=organization)
        async with aclosing(watch.changes()) as changes:
            async for item in changes:
                match item:
                    case Put(row=row) if isinstance(row.doc, dict):
                        _write(follower, row.doc, row.seq, form)
                        if row.doc["status"] in OVER:
                            return OVER[row.doc["status"]]
                    case Interrupted(reason=reason, wait_seconds=seconds):
                        note(f"{reason}; again in {seconds:.1f} s")
                    case Bye(reason=reason, retryable=False):
                        raise ended(reason)
                    case _:
                        continue
    raise Failure(ExitCode.UNREACHABLE, f"the stream ended before {change} did")


def _write(follower: Follower, doc: Doc, seq: int, form: Format) -> None:
    match form:
        case Format.JSON:
            write(as_json({"seq": seq, "doc": msgspec.to_builtins(doc)}, indent=0))
        case Format.YAML:
            write("---\n" + as_yaml({"seq": seq, "doc": doc}).rstrip("\n"))
        case Format.TABLE:
            _tell(follower.news(doc))


def _tell(lines: list[str]) -> None:
    now = f"{clock.now():%H:%M:%S}"
    write_lines(f"{now}  {line}" for line in lines)


@contextmanager
def _telling_waits(follower: Follower, form: Format) -> Iterator[None]:
    """Look now and then whether a change, of which nothing new comes, waits for something."""
    if form is not Format.TABLE:
        # Each state has the whole chain.
        yield
        return
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle

    def look() -> None:
        nonlocal timer
        _tell(follower.waiting())
        timer = loop.call_later(_LOOK_SECONDS, look)

    timer = loop.call_later(_LOOK_SECONDS, look)
    try:
        yield
    finally:
        timer.cancel()
