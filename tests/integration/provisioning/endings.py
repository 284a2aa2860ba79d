"""How a story ended, as the log, the money and the repositories have it."""

import asyncio
import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from tests.integration.provisioning.town import Town
from tests.support import billing
from tests.support.invariants import check_log, whole_log

from catalyst.billing.domain import subscription
from catalyst.chassis import parking
from catalyst.chassis.claiming import ClaimBody
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Stored
from catalyst.contracts.message import Envelope
from catalyst.contracts.subjects import escape
from catalyst.contracts.topology import DLQ
from catalyst.provisioning.domain import foreign
from catalyst.provisioning.domain.change import Change


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """All that is left of a story, wherever somebody died."""

    changes: dict[str, tuple[Any, ...]]
    """What each did, took back, passed over and left, and why it gave up."""
    refused: list[str]
    """Type and code of what was rejected of what the services asked each other."""
    phase: str
    """Of the Organization."""
    places: dict[str, tuple[bool, tuple[str, ...]]]
    """Of each Environment that there ever was: whether it is there, and what stands in it."""
    claims: dict[str, bool]
    """Of each name that was ever claimed: whether it still is."""
    account: str
    balances: dict[str, int]
    holds: dict[str, Any]
    ended: dict[str, str]
    credit: int
    sold: dict[str, str]
    archived: dict[str, bool]
    runs: dict[str, Any]
    """What is to run, by Application and Environment."""
    queued: dict[str, Any]
    """What waits or stands in line at an Application."""
    histories: dict[str, list[str]]
    """Tree and first line of each commit, by repository and branch, oldest first.

    Of the Organization's home: the first lines in any order, for it is written level-triggered,
    and the last tree; of one that is archived the tree alone, for what was to be committed by a
    worker that died is in the last commit then."""
    events: dict[str, int]
    """How many of each type, but for what is seen or waited for, which may be told in more or fewer
    words, and for the commits of a home that is archived."""


async def ending(
    place: Town, folder: Path, named: Sequence[str], applications: Sequence[str]
) -> Ending:
    """Check what holds of any log, and return how the story ended."""
    js = place.js
    outcomes = await check_log(js)
    parked = await letters(js)
    assert not parked, parked
    changes = {name: await place.change(name) for name in named}
    account = await place.money.state(billing.ACCOUNT)
    log = await whole_log(js)
    everywhere = _environments(log)
    places: dict[str, foreign.Environment] = {
        name: await place.worker.states.state(foreign.environment_ref("acme", name))
        for name in everywhere
    }
    owner: foreign.Organization = await place.worker.states.state(foreign.organization_ref("acme"))
    apps = {name: await place.application(name) for name in applications}
    sold = {
        f"{name}.{at}": await place.money.state(subscription.ref_of("acme", f"{name}.{at}"))
        for name in apps
        for at in everywhere
    }
    return Ending(
        changes={name: _did(change) for name, change in changes.items()},
        refused=sorted(f"{one.type} {one.code}" for one in outcomes if one.status != "accepted"),
        phase=owner.phase,
        places={name: (one.exists, one.applications) for name, one in places.items()},
        claims=_claims(log),
        account=account.status,
        balances=account.balances,
        holds=msgspec.to_builtins(account.holds),
        ended=account.ended,
        credit=account.available("OMR", billing.NOW).minor,
        sold={name: one.status for name, one in sold.items()},
        archived={name: app.archived for name, app in apps.items()},
        runs={
            f"{name}.{at}": msgspec.to_builtins(app.binding(at).desired)
            for name, app in apps.items()
            for at in everywhere
        },
        queued={name: msgspec.to_builtins(app.queue) for name, app in apps.items()},
        # Other sites share this loop, and their workers have to renew what they hold.
        histories=await asyncio.to_thread(histories, folder / "git"),
        events=_events(log, gone=owner.phase == "deleted"),
    )


async def letters(js: JetStream) -> list[tuple[str, str, str]]:
    """Return the subject of each message that was set aside, and why it was."""
    found = [parking.read(one) for one in await js.replay(DLQ, ">")]
    return [(one.subject, one.reason, one.detail) for one in found]


def _did(change: Change) -> tuple[Any, ...]:
    back = (change.undone, change.passed, change.left, change.gave_up, change.cancelled)
    return (change.status, change.completed, *back)


def _environments(log: Sequence[Stored]) -> list[str]:
    begins = "evt.acme.environment.environment."
    return sorted({x.subject.split(".")[4] for x in log if x.subject.startswith(begins)})


def _claims(log: Sequence[Stored]) -> dict[str, bool]:
    """Return of each name whether it is still taken, as the last word on it says.

    That of a plan ends with when it was made, behind `@`.
    """
    found = ((one.subject.partition(escape("@"))[0], one.data) for one in log)
    return {
        subject: msgspec.json.decode(data, type=ClaimBody).holder is not None
        for subject, data in found
        if subject.startswith("clm.")
    }


def _events(log: Sequence[Stored], *, gone: bool) -> dict[str, int]:
    found: Counter[str] = Counter()
    for stored in log:
        if stored.subject.startswith("evt."):
            found[msgspec.json.decode(stored.data, type=Envelope).type] += 1
    seen = {"provisioning.application-observed.v1", "provisioning.application-silent.v1"}
    # Told of what waits for longer than half a minute, so of none or some on a busy machine.
    seen |= {"provisioning.change-step-delayed.v1"}
    seen |= {"environment.manifest-committed.v1"} if gone else set()
    return {name: number for name, number in sorted(found.items()) if name not in seen}


def histories(root: Path) -> dict[str, list[str]]:
    """Check every repository of `acme`, live or archived with it; return each branch's commits.

    What no branch leads to is none of the repository's: a push that was never answered.
    """
    found: dict[str, list[str]] = {}
    for repository in sorted(root.glob("*/acme/*.git")):
        _git(repository, "fsck", "--strict")
        live = repository.is_relative_to(root / "homes")
        where = repository.name if live else f"archived {repository.name}"
        for branch, commits in _branches(repository).items():
            trees = [tree for tree, _ in commits]
            words = [word for _, word in commits]
            if repository.name == "home.git":
                assert len(set(words)) == len(words), words
                found[f"{where} {branch}"] = [*(sorted(words) if live else ()), trees[-1]]
            else:
                found[f"{where} {branch}"] = [" ".join(x) for x in zip(trees, words, strict=True)]
    return found


def _branches(repository: Path) -> dict[str, list[tuple[str, str]]]:
    """Return tree and first line of each commit of each branch, oldest first: one line of them."""
    tips: dict[str, str] = {}
    commits: dict[str, tuple[str, str, str]] = {}
    form = "--format=%H|%T|%P|%D|%s"
    # Git's own processes are what this costs: one tells all branches.
    for line in _git(repository, "log", "--all", "--decorate=short", form).splitlines():
        name, tree, parent, refs, word = line.split("|", 4)
        assert " " not in parent, line
        commits[name] = tree, parent, word
        tips |= {ref.removeprefix("HEAD -> "): name for ref in refs.split(", ") if ref}
    found: dict[str, list[tuple[str, str]]] = {}
    for branch, tip in sorted(tips.items()):
        found[branch], at = [], tip
        while at:
            tree, at, word = commits[at]
            found[branch].insert(0, (tree, word))
    return found


def closes(found: Ending, repository: str) -> None:
    """Check that a repository is archived, if there is one, and compare no more of it."""
    branches = [name for name in found.histories if name.startswith(f"{repository}.git ")]
    last = {found.histories.pop(name)[-1].split(" ", 1)[1] for name in branches}
    assert last <= {f"Archive {repository}: it runs nowhere any more"}, last


def _git(repository: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", repository, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
