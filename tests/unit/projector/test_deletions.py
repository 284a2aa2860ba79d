"""Organizations and Environments say why they are not ready, or still there."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.support import log as writing
from tests.support.changing import Town
from tests.support.log import START
from tests.support.plans import ADMIN, PROD, run
from tests.unit.projector.test_fold import doc, folded, recorded
from tests.unit.provisioning.test_deleting import HOME, approve, deleting

from catalyst.contracts import environment_v1 as env
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.blocked import Link
from catalyst.contracts.blocked_chain import tree
from catalyst.contracts.provisioning_values_v1 import PlanRequest
from catalyst.contracts.subjects import Ref
from catalyst.projector.fold import Fold
from catalyst.projector.ports import LogMessage
from catalyst.projector.views.table import VIEWS
from catalyst.provisioning.domain.change import change_ref

ENVIRONMENT = f"acme.{PROD}.environment._.{PROD}"
ACME = "acme._.organization._.acme"
ONBOARDING = "acme._.onboarding._.acme"
APPROVALS = (env.Approval(quorum=1),)


def messages(place: Town) -> list[LogMessage]:
    return recorded((HOME, _made()), *place.log)


def fold_of(given: Iterable[LogMessage]) -> Fold:
    fold = Fold(VIEWS)
    for message in given:
        fold.apply([message])
    return fold


def home(place: Town) -> Any:
    """Return the row of the Environment as it is shown, which is what its own events make."""
    everything = messages(place)
    fold = fold_of(everything)
    row = fold.rows.get(ENVIRONMENT)
    if row is None:
        return None
    # Whoever holds a row against the log reads its aggregate, and those that told it something.
    assert row.view.told_by is not None
    refs = {HOME.path, *(ref.path for ref in row.view.told_by(row.value.doc))}
    own = [one for one in everything if any(one.subject.startswith(f"evt.{r}.") for r in refs)]
    assert fold_of(own).rows[ENVIRONMENT].raw == row.raw
    assert row.value.stale is None
    return row.value.doc


def whole(links: Iterable[Link]) -> list[tuple[str, str, str]]:
    for link in links:
        assert link.who
        assert link.what_to_do
        assert link.message
        assert link.since is not None
    return [(link.kind, link.name, link.code) for link in links]


@pytest.mark.guarantee("G13.7")
async def test_an_environment_says_which_change_deletes_it_and_how_far_that_is() -> None:
    place, _ = await deleting(*APPROVALS)
    found = home(place)
    assert whole(found.blocked_by) == [("change", "ch-1", "deletion-under-way")]
    (link,) = found.blocked_by
    assert link.message == f"ch-1 deletes {PROD}: it has not begun, and waits for approvals"
    assert "approve" in link.what_to_do
    assert (found.deletion.change, found.deletion.finished) == ("ch-1", None)

    approve(place, "ch-1")
    run(place, "ch-1")
    (link,) = home(place).blocked_by
    assert link.message == f"ch-1 deletes {PROD}: it is at the step delete"
    assert link.who == "whoever runs Catalyst"
    # The change's own row goes on from there, for whoever sees it.
    rows = fold_of(messages(place)).rows
    change = rows["acme._.change._.ch-1"].value.doc
    assert [x.code for x in tree((link,), lambda *_: change.blocked_by)] == [
        "deletion-under-way",
        "answer-awaited",
    ]

    place.log.append((HOME, env.EnvironmentDeleted(environment=PROD, organization="acme")))
    place.answer_all()
    assert home(place) is None


@pytest.mark.guarantee("G13.7")
async def test_a_deletion_that_is_given_up_keeps_nothing_waiting() -> None:
    place, _ = await deleting(*APPROVALS)
    place.command(change_ref("acme", "ch-1"), pro1.CancelChange(reason="no"), ADMIN)
    found = home(place)
    assert found.blocked_by == ()
    assert (found.deletion.status, found.deletion.finished is None) == ("cancelled", False)
    # Made again under the same name, it has nothing to do with that.
    place.log.append((HOME, env.EnvironmentDeleted(environment=PROD, organization="acme")))
    place.log.append((HOME, _made()))
    assert home(place).deletion is None


def _made() -> env.EnvironmentCreated:
    region = env.Region(provider="hetzner", region="fsn", building_block="rtz")
    return env.EnvironmentCreated(
        environment=PROD,
        organization="acme",
        env_type="prod",
        label="prod",
        placement="single-region",
        regions=(region,),
        policy=None,
        branch="main",
    )


@pytest.mark.guarantee("G13.7")
async def test_who_sees_the_environment_alone_hears_nothing_of_what_stands_inside() -> None:
    place, _ = await deleting()
    run(place, "ch-1")
    text = str(home(place).blocked_by)
    assert "wiki" not in text


@pytest.mark.guarantee("G13.7")
def test_an_organization_says_why_it_is_not_ready_or_may_not_change() -> None:
    on, owner = writing.onboarding("acme"), writing.organization("acme")
    steps: tuple[env.Step, ...] = ("git-home", "ready")
    deadline = START + timedelta(minutes=5)

    def begun(step: env.Step, attempt: int) -> env.StepStarted:
        return env.StepStarted(slug="acme", step=step, attempt=attempt, gen="g", deadline=deadline)

    log: list[Any] = [
        writing.created("acme"),
        (on, env.OnboardingStarted(slug="acme", steps=steps, started_by="e")),
        (on, begun("git-home", 1)),
    ]

    def shown(*more: Any) -> tuple[list[tuple[str, str, str]], list[tuple[str, str, str]]]:
        log.extend(more)
        fold = folded(recorded(*log))
        return whole(doc(fold).blocked_by), whole(doc(fold, ONBOARDING).blocked_by)

    waits = [("onboarding", "acme", "onboarding-in-progress")]
    assert shown() == (waits, [("git", "acme", "git-under-way")])
    failed = env.StepFailed(slug="acme", step="git-home", attempt=1, reason="disk full")
    assert shown((on, failed), (on, begun("git-home", 2)))[1] == [
        ("git", "acme", "git-unavailable")
    ]
    assert "disk full" in doc(folded(recorded(*log)), ONBOARDING).blocked_by[0].message
    done = env.StepCompleted(slug="acme", step="git-home", detail="made")
    assert shown((on, done), (on, begun("ready", 1)))[1] == [
        ("service", "environment", "answer-awaited")
    ]
    undoing = env.CompensationStarted(
        slug="acme", step="ready", reason="no answer", gen="h", deadline=deadline, attempt=1
    )
    silent = env.StepFailed(slug="acme", step="ready", attempt=3, reason="no answer")
    assert shown((on, silent), (on, undoing))[1] == [("git", "acme", "git-taken-back")]
    ended = (on, env.OnboardingFailed(slug="acme", step="ready", reason="no answer"))
    told = (owner, env.OrganizationFailed(slug="acme", step="ready", reason="no answer"))
    cause = [("onboarding", "acme", "organization-failed")]
    assert shown(ended, told) == (cause, cause)
    fold = folded(recorded(*log))
    both = tree(doc(fold).blocked_by, lambda *_: doc(fold, ONBOARDING).blocked_by)
    assert len(both) == 1
    assert "restart-onboarding" in both[0].what_to_do

    again = env.OnboardingStarted(
        slug="acme", steps=steps, started_by="c", run=2, done=("git-home",)
    )
    restarted = (owner, env.OnboardingRestarted(slug="acme", run=2))
    assert shown((on, again), restarted, (on, begun("ready", 1)))[0] == waits
    well = (on, env.OnboardingCompleted(slug="acme"))
    ready = (owner, env.OrganizationReady(slug="acme"))
    assert shown(well, ready) == ([], [])
    suspended = (owner, env.OrganizationSuspended(slug="acme", reason="unpaid"))
    assert shown(suspended)[0] == [("organization", "acme", "organization-suspended")]
    assert shown((owner, env.OrganizationResumed(slug="acme")))[0] == []


@pytest.mark.guarantee("G13.7")
def test_an_organization_that_is_being_deleted_says_so_beside_what_else_keeps_it() -> None:
    owner, change = writing.organization("acme"), Ref("acme", "provisioning", "change", "ch-1")
    _, opened = writing.deleting("", "ch-1")
    assert isinstance(opened, pro1.ChangeOpened)
    request = PlanRequest(action="delete-organization")
    ready = (owner, env.OrganizationReady(slug="acme"))
    begun = (change, msgspec.structs.replace(opened, request=request))
    log = [writing.created("acme"), ready, begun]
    going = ("change", "ch-1", "deletion-under-way")
    suspended = ("organization", "acme", "organization-suspended")

    def shown() -> list[tuple[str, str, str]]:
        return whole(doc(folded(recorded(*log))).blocked_by)

    assert shown() == [going]
    log.append((owner, env.OrganizationSuspended(slug="acme", reason="unpaid")))
    assert shown() == [suspended, going]
    late = pro1.ChangeFailed(reason="no")
    log.append((Ref("acme", "provisioning", "change", "ch-0"), late))
    assert shown() == [suspended, going]
    log.append((change, late))
    assert shown() == [suspended]


@pytest.mark.guarantee("G13.7")
def test_the_deletion_of_an_organization_stands_in_each_of_its_environments() -> None:
    change = Ref("acme", "provisioning", "change", "ch-1")
    _, opened = writing.deleting("", "ch-1")
    assert isinstance(opened, pro1.ChangeOpened)
    request = PlanRequest(action="delete-organization")
    begun = msgspec.structs.replace(opened, request=request, branches={PROD: "main"})
    later, own = writing.deleting(PROD, "ch-2")
    log: list[Any] = [writing.created("acme"), (HOME, _made()), (change, begun)]

    def shown() -> tuple[list[str], str | None]:
        fold = fold_of(recorded(*log))
        row = fold.rows[ENVIRONMENT]
        # It is what its own events make, with those of the change that it heard of.
        assert row.view.told_by is not None
        refs = {HOME.path, *(ref.path for ref in row.view.told_by(row.value.doc))}
        mine = [x for x in recorded(*log) if any(x.subject.startswith(f"evt.{r}.") for r in refs)]
        assert fold_of(mine).rows[ENVIRONMENT].raw == row.raw
        deletion = row.value.doc.deletion
        return [link.message for link in row.value.doc.blocked_by], deletion.change

    assert shown() == (["ch-1 deletes acme: it has not begun"], "ch-1")
    # Its own deletion comes behind, and takes its place once that is given up.
    log.append((later, own))
    assert shown() == (["ch-1 deletes acme: it has not begun"], "ch-1")
    log.append((change, pro1.ChangeBegun()))
    log.append((change, _started("delete")))
    assert shown() == (["ch-1 deletes acme: it is at the step delete"], "ch-1")
    log.append((change, pro1.ChangeFailed(reason="no")))
    assert shown() == ([], "ch-1")
    log.append((later, pro1.ChangeBegun()))
    assert shown() == ([f"ch-2 deletes {PROD}: it has not begun"], "ch-2")


def _started(step: Any) -> pro1.ChangeStepStarted:
    deadline = START + timedelta(minutes=5)
    return pro1.ChangeStepStarted(step=step, attempt=1, gen="g", deadline=deadline)
