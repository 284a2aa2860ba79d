"""Why an Organization is not ready, and what deletes an Organization or an Environment, as links.

Pure, like `blocked`, whose links these are; shown by rows, `catalyst get`, plans and the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Literal

from catalyst.contracts.blocked import Link

DELETED: Final = "deletion-under-way"
"""Code of what is still there while a change deletes it."""
ONBOARDED: Final = "onboarding-in-progress"
"""Code of an Organization that is not ready yet."""
FAILED: Final = "organization-failed"
"""Code of one that could not be onboarded."""

_OWNER: Final = "an owner of the Organization, or a sovereign-admin"
_RUNNER: Final = "whoever runs Catalyst"
_SERVICE: Final = "environment"
_ASKED: Final[Mapping[str, str]] = {
    "parent": "the Organization above it admits it",
    "ready": "the Organization is marked as ready",
}
"""Steps that an Organization answers."""
_WRITTEN: Final[Mapping[str, str]] = {
    "git-home": "its Git home is being made",
    "manifests": "its manifests are being committed to its Git home",
}
"""Steps that write to Git."""


def of_onboarding(
    slug: str,
    status: Literal["running", "completed", "undoing", "failed"],
    *,
    step: str = "",
    attempt: int = 0,
    problem: str = "",
    reason: str = "",
) -> tuple[Link, ...]:
    """Return what an onboarding waits for; nothing if it is complete.

    Args:
        slug: The Organization.
        status: How far it is.
        step: The step in progress, or where it gave up.
        attempt: Which attempt at the step it is.
        problem: Why the last attempt failed.
        reason: Why it gave up.
    """
    if status == "completed":
        return ()
    if status == "failed":
        return (of_failed(slug, step, reason),)
    if status == "undoing":
        message = f"what was made for {slug} is being taken back: {reason}"
        return (_git(slug, "git-taken-back", message),)
    again = f" (attempt {attempt}; the last one failed: {problem})" if problem else ""
    if step in _ASKED:
        return (
            Link(
                kind="service",
                name=_SERVICE,
                code="answer-awaited",
                message=f"{slug} waits until {_ASKED[step]}{again}",
                who=_RUNNER,
                what_to_do=f"look whether {_SERVICE} runs: `catalyst doctor`",
            ),
        )
    code = "git-unavailable" if problem else "git-under-way"
    return (_git(slug, code, f"{slug}: {_WRITTEN.get(step, step)}{again}"),)


def _git(slug: str, code: str, message: str) -> Link:
    return Link(
        kind="git",
        name=slug,
        code=code,
        message=message,
        who=_RUNNER,
        what_to_do="wait; if it lasts, look whether the environment-controller runs:"
        " `catalyst doctor`",
    )


def of_failed(slug: str, step: str, reason: str, since: datetime | None = None) -> Link:
    """Return that the onboarding of an Organization has failed, and where."""
    return Link(
        kind="onboarding",
        name=slug,
        code=FAILED,
        message=f"the onboarding of {slug} failed at {step}: {reason}",
        since=since,
        who=_OWNER,
        what_to_do="mend that, then restart the onboarding (`restart-onboarding`)",
    )


def of_suspended(slug: str, reason: str, since: datetime | None = None) -> Link:
    """Return that an Organization is suspended, so that nothing below it may change."""
    return Link(
        kind="organization",
        name=slug,
        code="organization-suspended",
        message=f"{slug} is suspended: {reason}",
        since=since,
        who="a sovereign-admin",
        what_to_do="resume the Organization (`resume-organization`), once that is settled",
    )


def of_onboarded(slug: str, since: datetime | None = None) -> Link:
    """Return that an Organization is still being onboarded."""
    return Link(
        kind="onboarding",
        name=slug,
        code=ONBOARDED,
        message=f"{slug} is still being onboarded",
        since=since,
        who=_RUNNER,
        what_to_do="wait; it ends by itself",
    )


def of_deletion(
    name: str,
    change: str,
    *,
    step: str = "",
    waits_for: Sequence[str] = (),
    since: datetime | None = None,
    who: str = "",
    what_to_do: str = "",
) -> Link:
    """Return that a change deletes an Environment or an Organization, and how far it is.

    It says nothing of what stands inside: more people see the Environment than the change.

    Args:
        name: What is deleted.
        change: The change.
        step: The step in progress; empty: it has not begun.
        waits_for: What keeps it from beginning.
        since: Since when it is there.
        who: Who can do something about it; empty: whoever started it.
        what_to_do: What; empty: wait.
    """
    where = f"is at the step {step}" if step else "has not begun"
    gates = f", and waits for {', '.join(waits_for)}" if waits_for else ""
    return Link(
        kind="change",
        name=change,
        code=DELETED,
        message=f"{change} deletes {name}: it {where}{gates}",
        since=since,
        who=who or "whoever started the change",
        what_to_do=what_to_do or "wait for it, or cancel it as long as that is possible",
    )


def too_large(kind: str, name: str, todo: str) -> Link:
    """Return that more stands in Environments, or an Organization, than one change takes away."""
    return Link(
        kind=kind,
        name=name,
        code="too-large",
        message=f"more stands in {name} than one change takes away",
        who="whoever plans it",
        what_to_do=todo,
    )


def of_obstacle(
    code: str, message: str, environment: str, organization: str, names: Sequence[str] = ()
) -> tuple[Link, ...]:
    """Return what is behind what stands in the way of a deletion; nothing for an unknown code.

    Every link names what belongs to the Organization itself, which whoever may plan this sees.

    Args:
        code: Its code.
        message: Its words.
        environment: What is to be deleted; empty: the Organization.
        organization: Whose it is.
        names: For Applications: each as `<environment>/<application>`.
    """
    match code:
        case "onboarding-in-progress":
            return (of_onboarded(organization),)
        case "organization-suspended":
            return (of_suspended(organization, message.partition(": ")[2] or message),)
        case "applications-present":
            return _present(names)
        case "too-large":
            todo = "delete Environments, or what stands in them, one after the other first"
            if environment:
                return (too_large("environment", environment, todo),)
            return (too_large("organization", organization, todo),)
        case "children-present":
            return (
                Link(
                    kind="organization",
                    name=organization,
                    code=code,
                    message=message,
                    who="a sovereign-admin",
                    what_to_do="delete the Organizations below it first",
                ),
            )
        case _:
            return ()


def _present(names: Sequence[str]) -> tuple[Link, ...]:
    """Return a link for each Environment in which Applications stand."""
    found: dict[str, list[str]] = {}
    for name in names:
        environment, _, application = name.partition("/")
        found.setdefault(environment, []).append(application)
    return tuple(
        Link(
            kind="environment",
            name=environment,
            code="applications-present",
            message=f"in {environment} stand {', '.join(applications)}",
            who="whoever owns the Applications",
            what_to_do="uninstall them first, or let provisioning plan the deletion, which takes"
            " them along (`catalyst plan delete-environment`)",
        )
        for environment, applications in found.items()
    )
