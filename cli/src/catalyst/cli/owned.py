"""What verbs about an Organization share: whose it is, one row of it, one question about it."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from catalyst.cli.exits import ExitCode, Failure
from catalyst.cli.target import Target, organization, reads, run
from catalyst.client.errors import Problem
from catalyst.contracts.subjects import PLATFORM

NOT_FOUND: Final = 404


def owner_of(org: str | None, question: str) -> str:
    """Return the Organization that `--org` names.

    Raises:
        Failure: If it names none; `question` says what is missing, such as `whose account is it?`.
    """
    owner = organization(org)
    if owner is None:
        hint = "`catalyst get organizations` lists those that are yours to see"
        raise Failure(ExitCode.USAGE, f"--org is missing: {question}", hint=hint)
    return owner


def row(target: Target, kinds: str, name: str, owner: str | None, missing: Failure) -> Any:
    """Return the document of one row, of the platform's if there is no owner.

    Raises:
        Failure: `missing`, if there is no such row or it is not for the one who asks.
    """

    async def work() -> Any:
        async with reads(target) as door:
            found, _ = await door.get(kinds, name, organization=owner or PLATFORM)
            return msgspec.to_builtins(found.doc)

    try:
        return run(work())
    except Problem as problem:
        if problem.status != NOT_FOUND:
            raise
        missing.code = problem.code
        raise missing from problem


def answer(
    target: Target, service: str, question: str, asked: dict[str, Any], owner: str | None
) -> Any:
    """Return what a service answers to a question about an Organization, or about the platform."""

    async def work() -> Any:
        async with reads(target) as door:
            return (await door.query(service, question, asked, organization=owner)).result

    return run(work())


def no_such(what: str, hint: str = "") -> Failure:
    """Return that something is not there; whoever may not see it is told the same."""
    return Failure(ExitCode.NOT_FOUND, f"there is no {what}, or it is not yours to see", hint=hint)
