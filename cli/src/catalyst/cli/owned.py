"""What verbs about an Organization share: whose it is, one row of it, one question about it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import msgspec

from catalyst.cli import beginning
from catalyst.cli.exits import ExitCode, Failure
from catalyst.cli.near import alike, meant
from catalyst.cli.output import note
from catalyst.cli.target import Target, reads, run
from catalyst.client.errors import ClientError, Problem
from catalyst.client.reads import Answered
from catalyst.client.rows import name_of
from catalyst.contracts.message import Outcome
from catalyst.contracts.subjects import PLATFORM

NOT_FOUND: Final = 404
HIDDEN: Final = frozenset({403, NOT_FOUND})
"""Statuses of an answer to whoever may not see what was asked for."""
_NOBODY: Final = frozenset(
    {"account-not-found", "forbidden", "not-found", "organization-not-found"}
)
"""Codes of a refusal that may be because there is no such Organization."""
_PAGE: Final = 500
_NONE: Final = f"you see no Organization yet; {beginning.FIRST}"
_NAMED: Final = 8
"""So many Organizations or Environments are named to whoever has to choose one."""


def owner_of(target: Target, org: str | None, question: str) -> str:
    """Return the Organization that `--org` names; without one, the only one there is to see.

    Raises:
        Failure: If that leaves a choice; `question` says of what, as in `whose account is it?`.
    """
    if org == PLATFORM:
        raise Failure(ExitCode.USAGE, f"--org {PLATFORM} is the platform: {question}")
    if org:
        return org

    async def work() -> list[str]:
        async with reads(target) as door:
            page = await door.list("organizations", limit=_NAMED + 1)
            return [name_of(found.key) for found in page.rows]

    names = run(work())
    if len(names) == 1:
        note(f"for {names[0]}, the only Organization that you see")
        return names[0]
    hint = f"you see {_several(names)}" if names else _NONE
    raise Failure(ExitCode.USAGE, f"--org is missing: {question}", hint=hint)


def _several(names: list[str]) -> str:
    """Return the first of several names, and whether there are more."""
    return ", ".join(names[:_NAMED]) + (" and others" if len(names) > _NAMED else "")


def require(target: Target, owner: str) -> None:
    """Take note that an Organization has nothing, not that there is none.

    Raises:
        Failure: If there is no such Organization to see, with those that may be meant.
    """
    try:
        row(target, "organizations", owner, owner, no_such(f"Organization {owner!r}"))
    except Failure as missing:
        near = suggested(
            owner, lambda: [doc["slug"] for doc in docs(target, "organizations", None)]
        )
        missing.hint = f"{near}`catalyst get organizations` lists yours"
        raise


@contextmanager
def allowed_in(target: Target, owner: str) -> Iterator[None]:
    """Say which Organizations may be meant where a refusal is because there is none of that name.

    Raises:
        Failure: If the block was refused, and there is no such Organization to see.
    """
    try:
        yield
    except Problem as problem:
        if problem.code in _NOBODY:
            require(target, owner)
        raise


def sent(target: Target, owner: str, work: Coroutine[Any, Any, Outcome]) -> Outcome:
    """Return the outcome of what is sent for an Organization.

    Raises:
        Failure: If it was refused, and there is no such Organization to see.
    """
    with allowed_in(target, owner):
        found = run(work)
    if found.code in _NOBODY and target.http:
        require(target, owner)
    return found


def place(target: Target, org: str | None, env: str | None) -> tuple[str, str]:
    """Return the Organization and the Environment that `--org` and `--env` name.

    Without `--env`, the only Environment that there is to see.

    Raises:
        Failure: If that leaves a choice, or there is none to see.
    """
    if env is not None:
        return (owner_of_environment(target, org, env) if env else org or ""), env
    owner = owner_of(target, org, "whose Application is it?")
    with allowed_in(target, owner):
        names = sorted(doc["name"] for doc in docs(target, "environments", owner))
    if not names:
        require(target, owner)
    if len(names) == 1:
        note(f"in {names[0]}, the only Environment of {owner} that you see")
        return owner, names[0]
    seen = f"you see {_several(names)} of {owner}"
    none = f"you see no Environment of {owner} yet; {beginning.FIRST}"
    raise Failure(
        ExitCode.USAGE, "--env is missing: in which Environment?", hint=seen if names else none
    )


def owner_of_environment(target: Target, org: str | None, env: str) -> str:
    """Return the Organization that `--org` names; without one, the Environment's.

    Raises:
        Failure: If there is no such Environment to see.
    """
    if org:
        return owner_of(target, org, "whose Application is it?")
    return str(require_environment(target, None, env)["organization"])


def require_environment(target: Target, owner: str | None, env: str) -> Any:
    """Return the document of an Environment; without an owner, of anyone's.

    Raises:
        Failure: If there is no such Environment to see, with those that may be meant.
    """
    try:
        return row(target, "environments", env, owner, no_such(f"Environment {env!r}"))
    except Failure as missing:
        missing.hint = environments(target, env, owner)
        raise


def environments(target: Target, env: str, owner: str | None) -> str:
    """Return what to do where there is no such Environment; without an owner, of any's.

    An Environment of another Organization that the one who asks sees is said to be that one's.
    """
    whose = _owner(target, env) if owner else ""
    if whose:
        return f"{env} is an Environment of {whose}: give --org {whose}"
    near = suggested(env, lambda: [doc["name"] for doc in docs(target, "environments", owner)])
    return f"{near}`catalyst get environments` lists yours"


def _owner(target: Target, env: str) -> str:
    """Return whose an Environment is; empty if none of that name can be seen, as in `suggested`."""
    try:
        found = row(target, "environments", env, None, no_such(f"Environment {env!r}"))
    except (ClientError, Failure):
        return ""
    return str(found["organization"])


def row(target: Target, kinds: str, name: str, owner: str | None, missing: Failure) -> Any:
    """Return the document of one row; without an owner, of whichever has one of that name.

    Raises:
        Failure: `missing`, if there is no such row or it is not for the one who asks; or that there
            is no such owner to see.
    """

    async def work() -> Any:
        async with reads(target) as door:
            found, _ = await door.get(kinds, name, organization=owner)
            return msgspec.to_builtins(found.doc)

    try:
        return run(work())
    except Problem as problem:
        if problem.status != NOT_FOUND:
            raise
        if owner not in {None, PLATFORM} and kinds != "organizations":
            require(target, owner)
        missing.code = problem.code
        raise missing from problem


def docs(target: Target, kinds: str, owner: str | None) -> list[dict[str, Any]]:
    """Return the documents of all rows of a kind that an Organization shows to the one who asks.

    Without an owner, that anyone shows.
    """

    async def work() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        more: str | None = None
        async with reads(target) as door:
            while True:
                page = await door.list(kinds, organization=owner, limit=_PAGE, continue_at=more)
                found += [msgspec.to_builtins(row.doc) for row in page.rows]
                more = page.next or None
                if not more:
                    return found

    return run(work())


def suggested(name: str, names: Callable[[], Iterable[str]], before: str = "") -> str:
    """Return the question whether a thing with a name like this is meant; maybe empty.

    `names` reads what the one who asks may see. It is asked for when something was refused: if it
    is refused too, nothing is suggested, and what was said first stays what is told. `before` is as
    in `alike`.
    """
    try:
        return meant(alike(name, names(), before))
    except ClientError:
        return ""


def answer(
    target: Target, service: str, question: str, asked: dict[str, Any], owner: str | None
) -> Any:
    """Return what a service answers to a question about an Organization, or about the platform."""
    return answered(target, service, question, asked, owner).result


def answered(
    target: Target, service: str, question: str, asked: dict[str, Any], owner: str | None
) -> Answered:
    """Return the same, with how fresh it is.

    Raises:
        Failure: If it was refused, and there is no such Organization to see.
    """

    async def work() -> Answered:
        async with reads(target) as door:
            return await door.query(service, question, asked, organization=owner)

    if owner is None:
        return run(work())
    with allowed_in(target, owner):
        return run(work())


def no_such(what: str, hint: str = "") -> Failure:
    """Return that something is not there; whoever may not see it is told the same."""
    return Failure(ExitCode.NOT_FOUND, f"there is no {what}, or it is not yours to see", hint=hint)
