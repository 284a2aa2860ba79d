"""What happens outside for a change: its Applications' repositories are made, written and closed.

Every effect reads what the change says as of its event, and does nothing twice: a branch that
carries the event's sequence, or a later one, is not written again. Its reports are the same every
time, one for each Application.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import msgspec

from catalyst.chassis.commits import one_line
from catalyst.chassis.errors import Poison
from catalyst.chassis.service import Effect, Loader, Report
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.decision import Recorded
from catalyst.contracts.provisioning_values_v1 import Action, Desired, Step
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.checking import Checking
from catalyst.provisioning.domain import files, foreign, moved, outdated, rendered
from catalyst.provisioning.domain.application import Application, application_ref
from catalyst.provisioning.domain.change import Change
from catalyst.provisioning.domain.differences import FILES, Spot, digest, spots
from catalyst.provisioning.domain.files import Origin
from catalyst.provisioning.domain.place import Place, host_of
from catalyst.provisioning.domain.steps import Unit, subscription, units
from catalyst.provisioning.ports import Edit, Repositories, Signed, Tree, Versions

NAME: Final = "repositories"
STEPS: Final[frozenset[Step]] = frozenset({"repository", "unprotect", "commit", "archive"})
UNDONE: Final[frozenset[Step]] = frozenset({"repository", "unprotect", "commit"})
REPORT_TIME: Final = timedelta(seconds=2)
"""The effect gives up that long before the deadline of its step, so that its reason is heard."""

STALE: Final = "plan-stale"
OTHERWISE: Final = moved.stale(FILES, "as planned", "as made")
"""Why nothing is committed: somebody approved other files, or was shown others."""
LINE_LENGTH: Final = 253
"""Characters of a detail in a report."""

Work = Callable[[str], Coroutine[Any, Any, pro1.ReportStep]]


def effects(repositories: Repositories, versions: Versions, url: str) -> tuple[Effect, ...]:
    """Return the effects of this service.

    Args:
        repositories: Where the Applications' files go.
        versions: What they are rendered from.
        url: Where clusters find the repositories: the part before `/git/`.
    """
    writer = _Writer(repositories, versions, url.rstrip("/"))
    return (
        Effect(
            name=NAME,
            events=(pro1.ChangeStepStarted,),
            run=writer.run,
            failed=_failed,
            waits=_waits,
            # Changes of one Application follow each other; within a repository the port queues.
            lane=lambda recorded: recorded.ref.path,
            until=_until,
        ),
    )


class _Writer:
    """Carries steps out in repositories."""

    def __init__(self, repositories: Repositories, versions: Versions, url: str) -> None:
        self._repositories = repositories
        self._versions = versions
        self._url = url
        self._checking = Checking()

    async def run(self, recorded: Recorded, load: Loader) -> tuple[Report, ...] | None:
        """Carry one attempt at a step out; again changes nothing and gives the same reports."""
        event = _step(recorded)
        if event.step not in STEPS or (event.undo and event.step not in UNDONE):
            return None
        change: Change = await load(recorded.ref, up_to=recorded.seq)
        opened = change.content()
        task = _Task(recorded, event, opened)
        if event.step == "commit":
            task.made = await self._made(task, load)
            if not task.is_planned(self._url):
                return _failed(recorded, OTHERWISE, code=STALE)
            if refused := await self._outdated(task):
                return _failed(recorded, f"{outdated.CODE}: {refused}", code=outdated.CODE)
        work: Mapping[Step, Work] = {
            "repository": partial(self._prepare, task, load),
            "unprotect": partial(self._unprotect, task, load),
            "commit": partial(self._commit, task),
            "archive": partial(self._archive, task),
        }
        names = [unit.application for unit in units(opened, event.step)]
        try:
            async with asyncio.TaskGroup() as tasks:
                found = [tasks.create_task(work[event.step](name)) for name in names]
        except BaseExceptionGroup as group:
            # Each repository is written for itself; the first problem is the reason to try again.
            raise group.exceptions[0] from group
        return tuple(Report(ref=recorded.ref, command=task.result()) for task in found)

    async def _outdated(self, task: _Task) -> str:
        """Return what speaks by now against a version that is brought; empty: nothing does."""
        for item in () if task.undo else outdated.brought(task.opened):
            made = await self._versions.get(item.digest)
            reason = await self._checking.reason(item.digest, made.package)
            if reason:
                return outdated.words(item, reason)
        return ""

    async def _prepare(self, task: _Task, load: Loader, name: str) -> pro1.ReportStep:
        """Make the repository; to take that back, archive it, unless the Application runs."""
        branches = tuple(sorted({*files.TRUNK, *task.opened.branches.values()}))
        if task.undo:
            ref = application_ref(task.organization, name)
            state: Application = await load(ref, up_to=task.seq)
            if state.runs():
                return task.report(name, "in use")
            # What was given up may still be on its way: it meets branches that are closed.
            with suppress(Poison):
                # Where none can be made, none comes late.
                await self._repositories.prepare(task.signed(name), branches, files.closed)
            return await self._archive(task, name)
        now: Change = await load(task.ref)
        if not now.takes_back:
            edit = partial(files.reopened, organization=task.organization, application=name)
            await self._repositories.prepare(task.signed(name), branches, edit)
        # Else it is heard again after a worker died over it: nobody would archive what is made now.
        return task.report(name, f"/git/{task.organization}/{name}.git")

    async def _made(self, task: _Task, load: Loader) -> dict[Unit, Tree]:
        """Return the files of all that the change works on; none where nothing is to run."""
        return {
            Unit(item.application, item.environment): await self._files(
                task, load, item.application, item.environment
            )
            for item in task.opened.lock
            if item.written
        }

    async def _commit(self, task: _Task, name: str) -> pro1.ReportStep:
        own = {at.environment: tree for at, tree in task.made.items() if at.application == name}
        return await self._write(task, name, own)

    async def _unprotect(self, task: _Task, load: Loader, name: str) -> pro1.ReportStep:
        """Commit the same files without what keeps the data, or, to take that back, with it.

        Whatever else would come out otherwise by now stays as it is there.
        """
        before: dict[str, Tree] = {}
        made: dict[str, Tree] = {}
        for item in task.opened.lock:
            data = task.opened.volumes.get(subscription(Unit(name, item.environment)))
            if item.application == name and item.written and data:
                at = (task, load, name, item.environment)
                own = await self._files(*at, kept=task.undo)
                # What is not to run there any more has no data to be given up.
                if own:
                    made[item.environment] = own
                    before[item.environment] = await self._files(*at, kept=not task.undo)
        return await self._write(task, name, made, partial(_changing, before))

    async def _write(
        self,
        task: _Task,
        name: str,
        made: Mapping[str, Tree],
        writing: Callable[[Mapping[str, Tree]], Edit] | None = None,
    ) -> pro1.ReportStep:
        commits: dict[str, str] = {}
        there: tuple[str, ...] | None = None
        for branch in dict.fromkeys(task.opened.branches[environment] for environment in made):
            own = {at: tree for at, tree in made.items() if task.opened.branches[at] == branch}
            if not any(own.values()):
                # Taken away from where it never came, since what would have brought it was stopped.
                if there is None:
                    there = await self._repositories.branches(task.organization, name)
                if branch not in there:
                    continue
            edit = (writing or _replacing)(own)
            commit = await self._repositories.commit(task.signed(name), branch, edit)
            commits |= dict.fromkeys(own, commit)
        detail = ", ".join(sorted({commit[:10] for commit in commits.values()}))
        return task.report(name, detail, commits)

    async def _archive(self, task: _Task, name: str) -> pro1.ReportStep:
        signed = task.signed(name)
        for branch in await self._repositories.branches(task.organization, name):
            await self._repositories.commit(signed, branch, files.closed)
        return task.report(name, "archived")

    async def _files(
        self, task: _Task, load: Loader, name: str, environment: str, *, kept: bool = True
    ) -> Tree:
        """Return the files of an Application in an Environment; none if it is not to run there."""
        desired = await self._desired(task, load, name, environment)
        if desired is None:
            return {}
        where: foreign.Environment = await load(
            foreign.environment_ref(task.organization, environment), up_to=task.seq
        )
        place = Place(
            organization=task.organization,
            application=name,
            name=environment,
            environment=where,
            desired=desired,
        )
        hosts = {}
        for other in sorted(set(desired.dependencies.values())):
            near = await self._desired(task, load, other, environment)
            if near is not None:
                beside = msgspec.structs.replace(place, application=other, desired=near)
                content = await self._versions.get(near.digest)
                hosts[other] = host_of(beside, content.blueprint)
        place = msgspec.structs.replace(place, hosts=hosts)
        origin = Origin(url=self._url, branch=task.opened.branches[environment])
        content = await self._versions.get(desired.digest)
        try:
            return rendered.standing(place, content, origin, kept=kept).files
        except Rejected as error:
            raise Poison(error.message) from error

    async def _desired(
        self, task: _Task, load: Loader, name: str, environment: str
    ) -> Desired | None:
        ref = application_ref(task.organization, name)
        state: Application = await load(ref, up_to=task.seq)
        return state.binding(environment).desired


class _Task:
    """One attempt at a step, with what the change says."""

    def __init__(
        self, recorded: Recorded, event: pro1.ChangeStepStarted, opened: pro1.ChangeOpened
    ) -> None:
        self._recorded = recorded
        self._event = event
        self.opened = opened
        self.organization = recorded.ref.organization or ""
        self.ref = recorded.ref
        self.seq = recorded.seq
        self.undo = event.undo
        self.made: Mapping[Unit, Tree] = {}
        """What is committed, of all that the change works on."""

    def is_planned(self, url: str) -> bool:
        """Return whether what is committed is what the plan showed; what is taken back, is.

        In fingerprints of before 30 November 2026 it counts where the repositories are.
        """
        planned = self.opened.inputs.get(FILES)
        if self.undo or planned is None:
            return True
        found: dict[Spot, bytes] = {}
        for at, tree in self.made.items():
            found |= spots(at.application, self.opened.branches[at.environment], tree)
        return digest(found, url) == planned or digest(found) == planned

    def signed(self, name: str) -> Signed:
        """Return who commits, and for what."""
        return Signed(
            organization=self.organization,
            repository=name,
            summary=summary(self._event, self.opened, name),
            actor=self.opened.author,
            email=self.opened.author_email,
            # A step was caused by an answer or a report; the command behind it correlates.
            command=self._recorded.correlationid,
            change=self.ref.id,
            seq=self.seq,
            time=self._recorded.time,
        )

    def report(
        self, name: str, detail: str, commits: Mapping[str, str] | None = None
    ) -> pro1.ReportStep:
        """Return that the step is done for an Application."""
        return pro1.ReportStep(
            step=self._event.step,
            application=name,
            status="done",
            detail=_line(detail),
            commits=dict(commits or {}),
            attempt=self._event.attempt,
            undo=self._event.undo,
        )


_VERBS: Final[Mapping[Action, str]] = {
    "install": "Install",
    "configure": "Configure",
    "upgrade": "Upgrade",
    "rollback": "Roll back",
    "uninstall": "Uninstall",
    "delete-environment": "Uninstall",
    "delete-organization": "Uninstall",
}


def summary(event: pro1.ChangeStepStarted, opened: pro1.ChangeOpened, name: str) -> str:
    """Return what happens to an Application, as the first line of a commit message."""
    if event.step == "repository" and not event.undo:
        return f"Begin the repository of {name}"
    if event.step in {"archive", "repository"}:
        return f"Archive {name}: it runs nowhere any more"
    own = next(item for item in opened.lock if item.application == name and item.written)
    if event.step == "unprotect":
        text = f"Give up the data of {name} in {own.environment}"
        return f"Take back: {text[0].lower()}{text[1:]}" if event.undo else text
    verb = "Install" if own.role == "new" else _VERBS[opened.request.action]
    text = f"{verb} {name} in {own.environment}"
    if not text.startswith("Uninstall"):
        text += f": {own.blueprint} {own.version}"
    return f"Take back: {text[0].lower()}{text[1:]}" if event.undo else text


def _replacing(made: Mapping[str, Tree]) -> Edit:
    def edit(tree: Tree) -> Tree:
        for environment, own in made.items():
            tree = files.with_environment(tree, environment, own)
        return tree

    return edit


def _changing(before: Mapping[str, Tree], made: Mapping[str, Tree]) -> Edit:
    """Return what writes of some Environments only the files in which these two differ."""

    def edit(tree: Tree) -> Tree:
        changed = dict(tree)
        for environment, own in made.items():
            was = before[environment]
            for path in sorted(was.keys() - own.keys()):
                changed.pop(path, None)
            changed |= {path: own[path] for path in own if own[path] != was.get(path)}
        return changed

    return edit


def _line(text: str) -> str:
    return one_line(text)[:LINE_LENGTH]


def _step(recorded: Recorded) -> pro1.ChangeStepStarted:
    if not isinstance(recorded.event, pro1.ChangeStepStarted):
        raise TypeError(f"{recorded.type} begins no step")
    return recorded.event


def _until(recorded: Recorded) -> datetime | None:
    """Return until when the change waits for the effect."""
    return _step(recorded).deadline - REPORT_TIME


def _waits(recorded: Recorded, reason: str) -> tuple[Report, ...] | None:
    """Return what the change hears while the effect waits, of each of its Applications."""
    return _failed(recorded, reason, goes_on=True)


def _failed(
    recorded: Recorded, reason: str, *, goes_on: bool = False, code: str = ""
) -> tuple[Report, ...] | None:
    """Return what the change hears when the effect gave up, of each of its Applications."""
    event = _step(recorded)
    if event.step not in STEPS or not event.applications:
        return None
    return tuple(
        Report(
            ref=recorded.ref,
            command=pro1.ReportStep(
                step=event.step,
                application=name,
                status="failed",
                detail=_line(reason),
                attempt=event.attempt,
                undo=event.undo,
                code=code,
                goes_on=goes_on,
            ),
        )
        for name in event.applications
    )
