"""A change as it goes, step by step, until it is over."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import msgspec

from catalyst.chassis import clock
from catalyst.cli import ages, contexts, said
from catalyst.cli.chains import START_SECONDS, as_lines
from catalyst.cli.exits import ExitCode, Failure
from catalyst.cli.kinds import source_of
from catalyst.cli.links import links_in
from catalyst.cli.output import Format, as_json, as_yaml, note, write
from catalyst.cli.planshow import chain, write_lines
from catalyst.cli.saving import REMOVALS
from catalyst.cli.target import Target
from catalyst.cli.watched import followed, told
from catalyst.client.http_transport import HttpClient
from catalyst.client.rows import Change, Del, Put, Reset, Synced
from catalyst.client.watching import Watch
from catalyst.contracts.blocked import Link
from catalyst.contracts.blocked_chain import UNDER_WAY, causes
from catalyst.contracts.provisioning_values_v1 import as_seen

Doc = Mapping[str, Any]
_Named = tuple[str, str, str]
"""What makes a link the same one: its kind, name and code."""
OVER: Final = {
    "completed": ExitCode.OK,
    "failed": ExitCode.REJECTED,
    "cancelled": ExitCode.REJECTED,
    "rejected": ExitCode.REJECTED,
}
"""States that a change does not leave, and how the command ends then."""
GAVE_UP: Final = frozenset({"failed", "cancelled"})
"""Those of them behind which the same can be tried again."""
PATIENCE_SECONDS: Final = 3.0
"""How long a change waits for something before that is worth telling: most answers come sooner."""

_BEFORE: Final = datetime.min.replace(tzinfo=UTC)
_LOOK_SECONDS: Final = 0.5
_LOOKS: Final = frozenset({"observe", "unprotect"})
"""Steps that wait until something is seen; what nobody saw of it is their detail."""


class Line(NamedTuple):
    """Something that is told of a change."""

    text: str
    time: datetime | None = None
    """When it came to be so; None: now."""


class Follower:
    """Says of each state of a change what is new in it."""

    def __init__(self, since: int = 0, *, deletes: bool = False) -> None:
        """Start before anything was seen of what is there from the sequence `since` on."""
        self.doc: Doc | None = None
        """The newest state."""
        self.deletes = deletes
        """Whether the change deletes its Organization."""
        self._since_seq = since
        self._present = False
        self._offered = False
        self._status = ""
        self._steps: dict[str, tuple[Any, ...]] = {}
        self._waits: list[str] = []
        self._since = 0.0
        self._chain: frozenset[_Named] = frozenset()
        self._chain_since = 0.0
        self._told: frozenset[_Named] = frozenset()

    def news(self, doc: Doc) -> list[Line]:
        """Return a line for everything that is not as it was, in the order in which it came."""
        self.doc = doc
        found: list[Line] = []
        for step in doc["steps"]:
            names = ("status", "attempt", "reason", "detail", "source")
            state = tuple(step.get(name) for name in names)
            if step["status"] != "pending" and self._steps.get(step["step"]) != state:
                found.append(Line(_step(step), ages.moment(step.get("since"))))
            self._steps[step["step"]] = state
        waits = chain(doc["blocked_by"])
        if waits != self._waits:
            self._waits, self._since = waits, clock.monotonic()
        if doc["status"] != self._status:
            self._status = doc["status"]
            reason = f": {doc['reason']}" if doc["reason"] else ""
            how = as_seen(f"{doc['status']}, {doc['percent']} %", source_of(doc))
            told = [f"change {doc['change']} {how}{reason}"]
            if self._status in OVER:
                told += [f"  not seen: {text}" for text in unseen(doc)]
                told += [f"  left: {text}" for text in doc["left"]]
                told += [f"  {text}" for text in stands(doc)]
            found += (Line(text, ages.moment(doc.get("since"))) for text in told)
        # What has no time is of a row from before there were any.
        return sorted(found, key=lambda line: line.time or _BEFORE)

    def offers(self, doc: Doc) -> bool:
        """Return whether it waits for approvals, which is worth telling once."""
        first = said.waits_for_approvals(doc) and not self._offered
        self._offered = self._offered or first
        return first

    def is_gone(self, item: Change) -> bool:
        """Return whether the row is gone, given what comes of the stream; it was there."""
        match item:
            case Put():
                self._present = True
            case Reset():
                self._present = False
            case Del():
                return True
            case Synced(as_of=as_of) if not self._present:
                return self.doc is not None or 0 < self._since_seq <= as_of
        return False

    def patient(self) -> bool:
        """Return whether there is nothing to tell yet of what the change waits for."""
        return not self._waits or clock.monotonic() - self._since < PATIENCE_SECONDS

    def waiting(self, found: Sequence[Link]) -> list[str]:
        """Return the lines of what the chain has that was not told before; no line comes twice.

        What only starts is told once it stays as it is. A chain that only became shorter is good
        news, and told by the steps.
        """
        # When it was seen last is news to nobody.
        links = frozenset((link.kind, link.name, link.code) for link in found)
        if links != self._chain:
            self._chain, self._chain_since = links, clock.monotonic()
        starts = all(link.code in UNDER_WAY for link in found)
        if starts and clock.monotonic() - self._chain_since < START_SECONDS:
            return []
        new = [one for one in found if (one.kind, one.name, one.code) not in self._told]
        if self.patient() or not new:
            return []
        heading = "blocked by" if len(new) == len(found) else "blocked as before, and by"
        self._told |= links
        return [heading, *(f"  {line}" for line in as_lines(new, causes(found)))]


def unseen(doc: Doc) -> list[str]:
    """Return what nobody has seen of a change that is completed."""
    if doc["status"] != "completed":
        return []
    return [one["detail"] for one in doc["steps"] if one["step"] in _LOOKS and one["detail"]]


def stands(doc: Doc) -> list[str]:
    """Return how things stand behind a change that gave up, if nothing is left for a person."""
    if doc["status"] not in GAVE_UP or doc["left"]:
        return []
    if not doc["undone"]:
        return ["nothing of it was done"]
    found = _stays(doc)
    nothing = "nothing of it runs" if found else "nothing of it is left"
    now = nothing if doc["request"]["action"] == "install" else "what ran before goes on"
    return [
        f"all that it had done is taken back: {now}",
        *(f"stays: {text}" for text in found),
    ]


def _stays(doc: Doc) -> list[str]:
    """Return what stays on purpose of all that a change had done and took back."""
    action, undone = doc["request"]["action"], doc["undone"]
    found: list[str] = []
    if "repository" in undone:
        new = {"new", "target"} if action == "install" else {"new"}
        names = dict.fromkeys(one["application"] for one in doc["lock"] if one["role"] in new)
        found += (
            f"repository {doc['organization']}/{name}: archived, unless {name} runs elsewhere"
            for name in names
        )
    if "commit" in undone and action not in REMOVALS:
        where = doc["environment"]
        found.append(f"volumes and credentials, if it brought any to {where}: data is kept")
    return found


def _step(step: Doc) -> str:
    text = as_seen(f"{step['step']:<11}{step['status']}", step.get("source"))
    if step["attempt"] > 1:
        text += f", attempt {step['attempt']}"
    for name in ("reason", "detail"):
        if step[name]:
            text += f": {step[name]}"
    return text


async def follow(
    target: Target,
    change: str,
    organization: str,
    form: Format,
    *,
    since: int = 0,
    deletes: bool = False,
) -> ExitCode:
    """Show a change until it is over, and return how it ended.

    Args:
        target: Where to look.
        change: Its id.
        organization: Whose it is.
        form: How each state is shown.
        since: The sequence from which on the change is there.
        deletes: Whether it deletes its Organization, with which its own row goes.

    Raises:
        Failure: If the stream ends for good before that, or the Organization goes in between.
    """
    follower = Follower(since, deletes=deletes)
    if form is not Format.TABLE:
        # Each state has what the change waits for.
        return await _told(follower, target, change, organization, form)
    async with asyncio.TaskGroup() as tasks:
        telling = tasks.create_task(_tell_waits(follower))
        try:
            return await _told(follower, target, change, organization, form)
        finally:
            telling.cancel()


async def _told(
    follower: Follower, target: Target, change: str, organization: str, form: Format
) -> ExitCode:
    """Show a change until it is over; return how it ended."""

    def opened(door: HttpClient, cursor: str) -> Watch[Change]:
        return door.watch("changes", name=change, cursor=cursor, organization=organization)

    alone = contexts.lacks_its_cluster(target.data)
    async with aclosing(followed(target, opened, f"{change} is")) as changes:
        async for item in changes:
            if follower.is_gone(item):
                return _gone(change, organization, form, wanted=follower.deletes)
            match item:
                case Put(row=row) if isinstance(row.doc, dict):
                    if alone and row.doc["status"] not in OVER:
                        alone = False
                        note(f"{contexts.LACKS_CLUSTER}; {contexts.cluster_again(target.data)}")
                    _write(follower, row.doc, row.seq, form)
                    if row.doc["status"] in OVER:
                        return OVER[row.doc["status"]]
                case _:
                    told(item)
    raise Failure(ExitCode.UNREACHABLE, f"the stream ended before {change} did")


def _gone(change: str, organization: str, form: Format, *, wanted: bool) -> ExitCode:
    """Say that a change is gone with its Organization, as it wanted or not.

    Raises:
        Failure: If it was there for something else.
    """
    if not wanted:
        gone = f"the Organization {organization} is deleted, and {change} is gone with it"
        hint = f"`catalyst outcome {change} --org {organization}` shows what it was"
        raise Failure(ExitCode.NOT_FOUND, gone, hint=hint)
    if form is Format.TABLE:
        _tell([Line(f"change {change} completed: the Organization {organization} is deleted")])
        note("every row of it is gone, this change's as well; the log has everything")
    return ExitCode.OK


def _write(follower: Follower, doc: Doc, seq: int, form: Format) -> None:
    match form:
        case Format.JSON:
            write(as_json({"seq": seq, "doc": msgspec.to_builtins(doc)}, indent=0))
        case Format.YAML:
            write("---\n" + as_yaml({"seq": seq, "doc": doc}).rstrip("\n"))
        case Format.TABLE:
            _tell(follower.news(doc))
            if follower.offers(doc):
                said.approving(doc)
            if doc["status"] in GAVE_UP:
                words = said.as_asked(doc["request"], doc["organization"])
                note(
                    f"`catalyst plan {words}` says whether it can be tried again, and what it does"
                )


def _tell(lines: Iterable[Line]) -> None:
    write_lines(f"{ages.clocked(line.time)}  {line.text}" for line in lines)


async def _tell_waits(follower: Follower) -> None:
    """Look now and then whether a change, of which nothing new comes, waits for something."""
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        if follower.doc is None or follower.patient():
            continue
        _tell(map(Line, follower.waiting(links_in(follower.doc))))
        await asyncio.sleep(PATIENCE_SECONDS)
