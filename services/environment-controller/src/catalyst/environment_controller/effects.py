"""The Git effect: what happened in the log becomes commits in the Organization's Git home.

The table in `handlers.py` lists it; the runtime calls it for each event, those of one Organization
in the log's order. Git itself is behind `ports.GitHome`.

A commit shows the manifests as of its event's sequence. The first one that a process makes in a
home, and the first one after anything went wrong, writes all of them; so what a failure left out is
made good by the next commit. The others write the one manifest that the event is about.
"""

from __future__ import annotations

import logging
import re
from datetime import datetime, timedelta
from typing import Final, Literal

from catalyst.chassis.events import Unreadable
from catalyst.chassis.service import Effect, Loader, Report
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import environment_v2 as env2
from catalyst.contracts.decision import Recorded
from catalyst.contracts.message import Event
from catalyst.contracts.subjects import Ref
from catalyst.environment_controller.domain import documents, environment, organization, policy
from catalyst.environment_controller.domain.progress import Onboarding, onboarding_ref
from catalyst.environment_controller.ports import MAIN, Change, GitHome

NAME: Final = "git"

FOLLOWED: Final[tuple[type[Event], ...]] = (
    env1.OrganizationReady,
    env1.OrganizationUpdated,
    env1.OrganizationSuspended,
    env1.OrganizationResumed,
    env1.OwnersChanged,
    env1.EnvironmentCreated,
    env1.EnvironmentUpdated,
    env1.PolicyAttached,
    env1.EnvironmentDeleted,
    env2.PolicyDefined,
    env1.PolicyDeleted,
)
"""Events after which the manifest of their aggregate is another one."""

REPORT_TIME: Final = timedelta(seconds=2)
"""The effect gives up that long before the deadline of its step, so that the report with the
reason is there first: "the deadline passed" helps nobody."""

_LINE_LENGTH: Final = 253
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f]+")

log = logging.getLogger(__name__)


def effects(git: GitHome) -> tuple[Effect, ...]:
    """Return the effects of this service, which act on `git`."""
    committer = _Committer(git)
    return (
        Effect(
            name=NAME,
            events=(
                env1.StepStarted,
                env1.CompensationStarted,
                env1.OrganizationDeleted,
                *FOLLOWED,
            ),
            run=committer.run,
            failed=_failed,
            lane=lambda recorded: recorded.ref.organization or "",
            until=_until,
        ),
    )


class _Committer:
    """Carries events out in Git homes."""

    def __init__(self, git: GitHome) -> None:
        self._git = git
        self._whole: dict[str, str] = {}
        """Organization → head that is known to hold every manifest as of its sequence."""

    async def run(self, recorded: Recorded, load: Loader) -> Report | None:
        """Carry one event out; again changes nothing and gives the same report."""
        slug = recorded.ref.organization or ""
        try:
            if await self._git.state(slug) == "archived":
                return None
            match recorded.event:
                case env1.StepStarted(step=step):
                    return await self._step(recorded, step, load)
                case env1.CompensationStarted():
                    await self._git.remove(slug)
                    return _report(recorded, "undo-git-home", "done", "the Git home is removed")
                case env1.OrganizationDeleted():
                    return await self._retire(recorded, load)
                case _:
                    return await self._follow(recorded, load)
        except BaseException:
            self._whole.pop(slug, None)
            raise

    async def _step(self, recorded: Recorded, step: env1.Step, load: Loader) -> Report | None:
        slug = recorded.ref.organization or ""
        if step == "git-home":
            await self._git.ensure(slug)
            return _report(recorded, step, "done", f"/git/{slug}/home.git")
        if step == "manifests":
            await self._git.ensure(slug)
            self._whole.pop(slug, None)
            return _report(recorded, step, "done", await self._committed(recorded, load))
        return None

    async def _follow(self, recorded: Recorded, load: Loader) -> Report | None:
        slug = recorded.ref.organization or ""
        if await self._git.state(slug) == "absent":
            onboarding: Onboarding = await load(onboarding_ref(slug), up_to=recorded.seq)
            taken_back = onboarding.status in {"undoing", "failed"}
            if taken_back or "manifests" not in onboarding.completed:
                # Nothing is missing: onboarding is still to write everything, or has given up.
                return None
            log.warning("git home was lost and is written anew", extra={"organization": slug})
            await self._git.ensure(slug)
        commit = await self._committed(recorded, load)
        return _commit_report(recorded, commit)

    async def _retire(self, recorded: Recorded, load: Loader) -> Report | None:
        slug = recorded.ref.organization or ""
        if await self._git.state(slug) == "absent":
            return None
        commit = await self._committed(recorded, load)
        await self._git.archive(slug)
        self._whole.pop(slug, None)
        return _commit_report(recorded, commit)

    async def _committed(self, recorded: Recorded, load: Loader) -> str:
        """Return the commit that carries the event out, made now or before."""
        slug = recorded.ref.organization or ""
        head = await self._git.head(slug)
        if head is None or head.seq < recorded.seq:
            known = head is not None and self._whole.get(slug) == head.commit
            change = await (_one if known else _all)(recorded, load)
            made = await self._git.commit(change)
            if made is not None:
                self._whole[slug] = made
                return made
        found = await self._git.covering(slug, recorded.seq)
        if found is None:
            raise RuntimeError("the branch is neither below nor above the event's sequence")
        return found


async def _one(recorded: Recorded, load: Loader) -> Change:
    """Return the commit with the one manifest that the event is about."""
    state = await load(recorded.ref, up_to=recorded.seq)
    return _change(recorded, {_path(recorded.ref): _manifest(recorded.ref, state)})


async def _all(recorded: Recorded, load: Loader) -> Change:
    """Return the commit with every manifest of the Organization.

    What cannot be read, because an event of it is broken, stays as it is in the tree: one broken
    Environment does not stop the others.
    """
    slug = recorded.ref.organization or ""
    owner = organization.ref_of(slug)
    state: organization.Organization = await load(owner, up_to=recorded.seq)
    refs = {owner}
    refs |= {environment.environment_ref(slug, name) for name in state.environments}
    refs |= {policy.policy_ref(slug, name) for name in state.policies}
    if recorded.ref.aggregate != "onboarding" and state.exists:
        # An Environment is created one event before its Organization has it.
        refs.add(recorded.ref)
    files: dict[str, bytes | None] = {}
    kept = set()
    for ref in sorted(refs, key=lambda one: one.path):
        try:
            files[_path(ref)] = _manifest(ref, await load(ref, up_to=recorded.seq))
        except Unreadable:
            log.warning("manifest is left as it is", extra={"aggregate": ref.path})
            kept.add(_path(ref))
    return _change(recorded, files, emptied=documents.EVERYTHING, kept=frozenset(kept))


def _change(
    recorded: Recorded,
    files: dict[str, bytes | None],
    *,
    emptied: tuple[str, ...] = (),
    kept: frozenset[str] = frozenset(),
) -> Change:
    of_a_command = recorded.ref.aggregate != "onboarding"
    return Change(
        organization=recorded.ref.organization or "",
        files=files,
        emptied=emptied,
        kept=kept,
        summary=summary(recorded),
        actor=recorded.actor,
        # A step was caused by an event; the command behind it is what it correlates with.
        command=recorded.causationid if of_a_command else recorded.correlationid,
        seq=recorded.seq,
        time=recorded.time,
        branch=MAIN,
    )


def _path(ref: Ref) -> str:
    match ref.aggregate:
        case environment.AGGREGATE:
            return documents.environment_path(ref.id)
        case policy.AGGREGATE:
            return documents.policy_path(ref.id)
        case _:
            return documents.ORGANIZATION


def _manifest(ref: Ref, state: object) -> bytes | None:
    match state:
        case organization.Organization():
            return documents.organization_manifest(state)
        case environment.Environment():
            return documents.environment_manifest(state)
        case policy.Policy():
            return documents.policy_manifest(state, ref.organization or "")
        case _:
            raise TypeError(f"{type(state).__name__} has no manifest")


def summary(recorded: Recorded) -> str:
    """Return what happened, as the first line of a commit message."""
    slug, name = recorded.ref.organization, recorded.ref.id
    match recorded.event:
        case env1.StepStarted():
            return f"Write the manifests of Organization {slug}"
        case env1.PolicyAttached(policy=None):
            return f"Take Environment {name} out of its policy"
        case env1.PolicyAttached(policy=put):
            return f"Put Environment {name} under policy {put}"
        case _:
            return _SUMMARIES[type(recorded.event)].format(name)


def _commit_report(recorded: Recorded, commit: str) -> Report:
    path = _path(recorded.ref)
    command = env1.RecordCommit(path=path, commit=commit, event_seq=recorded.seq)
    return Report(ref=recorded.ref, command=command)


def _report(
    recorded: Recorded,
    step: Literal["git-home", "manifests", "undo-git-home"],
    status: Literal["done", "failed"],
    detail: str,
) -> Report:
    match recorded.event:
        case env1.StepStarted() | env1.CompensationStarted():
            attempt, run = recorded.event.attempt, recorded.event.run
        case _:
            raise TypeError(f"{recorded.type} is no step of an onboarding")
    command = env1.ReportStep(
        step=step,
        status=status,
        detail=_UNPRINTABLE.sub(" ", detail)[:_LINE_LENGTH],
        attempt=attempt,
        run=run,
    )
    return Report(ref=recorded.ref, command=command)


def _until(recorded: Recorded) -> datetime | None:
    """Return until when onboarding waits for the effect; nobody is kept by the other events."""
    match recorded.event:
        case env1.StepStarted(deadline=deadline) | env1.CompensationStarted(deadline=deadline):
            return deadline - REPORT_TIME
        case _:
            return None


def _failed(recorded: Recorded, reason: str) -> Report | None:
    """Return what onboarding hears when the effect gave up; nobody else waits for it."""
    match recorded.event:
        case env1.StepStarted(step="git-home" | "manifests" as step):
            return _report(recorded, step, "failed", reason)
        case env1.CompensationStarted():
            return _report(recorded, "undo-git-home", "failed", reason)
        case _:
            return None


_SUMMARIES: Final[dict[type[Event], str]] = {
    env1.OrganizationReady: "Complete the onboarding of Organization {}",
    env1.OrganizationUpdated: "Update Organization {}",
    env1.OrganizationSuspended: "Suspend Organization {}",
    env1.OrganizationResumed: "Resume Organization {}",
    env1.OwnersChanged: "Change the owners of Organization {}",
    env1.OrganizationDeleted: "Delete Organization {}",
    env1.EnvironmentCreated: "Create Environment {}",
    env1.EnvironmentUpdated: "Update Environment {}",
    env1.EnvironmentDeleted: "Delete Environment {}",
    env2.PolicyDefined: "Set EnvironmentPolicy {}",
    env1.PolicyDeleted: "Delete EnvironmentPolicy {}",
}
