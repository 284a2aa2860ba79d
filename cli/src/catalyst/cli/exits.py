"""How the command ends: the codes that scripts rely on, and failures that a person can mend."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Final

from catalyst.chassis.errors import Expected, WrongSettings
from catalyst.cli.brokerfaults import BrokerFault, DataDirectoryInUse
from catalyst.client.errors import (
    ClientError,
    Malformed,
    Problem,
    TimedOut,
    Undecided,
    Unreachable,
)
from catalyst.contracts.message import FieldError
from catalyst.contracts.rejection import CODES
from catalyst.contracts.roles import PLATFORM_ROLES, ROLES
from catalyst.contracts.subjects import PLATFORM


class ExitCode(IntEnum):
    """What the process's exit code says."""

    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    REJECTED = 3
    NOT_FOUND = 4
    UNREACHABLE = 5
    TIMED_OUT = 6
    NOT_ALLOWED = 7
    CHECK_FAILED = 8
    INTERRUPTED = 130


MEANINGS: Final[dict[ExitCode, str]] = {
    ExitCode.OK: "done",
    ExitCode.UNEXPECTED: "something unexpected; a defect, or a machine that is not well",
    ExitCode.USAGE: "the command line or a setting is wrong, or names what is in use",
    ExitCode.REJECTED: "a rule said no: to a command, a manifest or a parameter",
    ExitCode.NOT_FOUND: "there is no such thing, or it is not yours to see; codes `…-not-found`",
    ExitCode.UNREACHABLE: "nobody answers at the address",
    ExitCode.TIMED_OUT: "no answer in time; it may still come",
    ExitCode.NOT_ALLOWED: "no valid token, or your roles do not allow this",
    ExitCode.CHECK_FAILED: "a check found something wrong",
    ExitCode.INTERRUPTED: "stopped by Ctrl-C",
}
"""The same table stands in `catalyst --help`."""

_BY_STATUS: Final[dict[int, ExitCode]] = {
    401: ExitCode.NOT_ALLOWED,
    403: ExitCode.NOT_ALLOWED,
    404: ExitCode.NOT_FOUND,
    408: ExitCode.TIMED_OUT,
    429: ExitCode.TIMED_OUT,
    500: ExitCode.UNEXPECTED,
    502: ExitCode.UNREACHABLE,
    503: ExitCode.UNREACHABLE,
    504: ExitCode.TIMED_OUT,
}
_DECIDED: Final = frozenset({ExitCode.NOT_ALLOWED, ExitCode.NOT_FOUND})
"""What a refusal may say beside a no; all other statuses are of a door."""
_OF_DOORS: Final = frozenset({"internal", "rate-limited", "timeout", "unavailable"})
"""Codes that say nothing of what was asked: how the command ends, their status says."""
_ABSENT: Final = "not-found"
"""How the codes end that say that something is not there."""

_OF_ROLES: Final = frozenset({"forbidden", "terms-forbidden", "delegation-forbidden"})
"""Codes of what other roles than the caller's may do."""
_OWN: Final = "is its name right? `catalyst get organizations` lists yours"

NEXT: Final[dict[str, str]] = {
    "unauthenticated": "`catalyst token --email … --role …` makes a token; `--token` or a context "
    "uses it",
    "organization-not-found": "`catalyst get organizations` lists yours",
    "organization-suspended": "the command environment.resume-organization.v1 ends that",
    "environment-not-found": "`catalyst get environments` lists yours",
    "application-not-found": "`catalyst get applications` lists yours",
    "change-not-found": "`catalyst get changes` shows those there are",
    "source-not-found": "`catalyst source list` shows those there are",
    "source-location-forbidden": "BLUEPRINT_CONTROLLER_GIT_HOSTS names the hosts that are allowed, "
    "BLUEPRINT_CONTROLLER_SOURCE_DIRECTORIES the directory; set it where `catalyst up` runs, then "
    "start that again",
    "credit-insufficient": "redeem a voucher (`catalyst voucher redeem CODE --org ORGANIZATION`), "
    "or let a billing-admin record a payment (`catalyst billing payment`)",
    "spend-limit-reached": "`catalyst billing limit show --org ORGANIZATION` shows the limits; an "
    "org-admin raises one, or what is wanted has to wait for the next month",
    "voucher-redeemed": "each Organization redeems a voucher once; "
    "`catalyst billing balance --org ORGANIZATION` shows its credit",
    "voucher-not-found": "is the code as it was given, every letter of it?",
    "policy-not-found": "`catalyst get policies` lists yours",
    "parent-not-found": "`catalyst get organizations` lists those that can be one",
    "invoice-not-found": "`catalyst billing invoice list --org ORGANIZATION` shows those there "
    "are; a month that runs has none until it is closed",
    "not-parked": "`catalyst dlq list` shows what was set aside",
    "prices-unavailable": "`catalyst billing price-book apply FILE` brings one; it needs the role "
    "billing-admin",
}
"""What to do about a refusal, by its code, where somebody can do something."""


def next_step(code: str, owner: str = "", message: str = "") -> str:
    """Return what to do about a refusal; empty: nothing that is known of it.

    Args:
        code: The refusal's code.
        owner: The Organization that it is about, where one was named.
        message: Its words, for where these name the roles that it takes.
    """
    if code in _OF_ROLES:
        return _roles(message)
    told = NEXT.get(code, "")
    return told.replace("ORGANIZATION", shlex.quote(owner)) if owner else told


def _roles(message: str) -> str:
    """Return where the roles come from that a refusal names; from all places, if it names none."""
    named = [role for role in ROLES if role in message]
    carried = [f"`--role {role}`" for role in named if role in PLATFORM_ROLES]
    inside = [role for role in named if role not in PLATFORM_ROLES]
    if not named:
        return f"roles come with the token and from the Organization; {_OWN}"
    come = "comes" if len(inside) == 1 else "come"
    told = [f"{' and '.join(inside)} {come} from the Organization; {_OWN}"] if inside else []
    if carried:
        made = f"`catalyst token --email …` with {' or '.join(carried)} makes a token that may"
        where = "where the stack runs, as `access` does with the same roles under Compose"
        told.append(f"{made}, {where}; `--token` or a context uses it")
    return "; ".join(told)


class Failure(Exception):
    """An end that is not success, with a text for the person and a code for the script."""

    def __init__(
        self,
        exit_code: ExitCode,
        message: str,
        *,
        code: str = "",
        hint: str = "",
        errors: tuple[FieldError, ...] = (),
        causes: tuple[str, ...] = (),
    ) -> None:
        """Say what is wrong; `hint` says what to do, `errors` which fields are meant.

        `causes` are what a look at the stack found to be wrong with it.
        """
        super().__init__(message)
        self.exit_code = exit_code
        self.message = message
        self.code = code or exit_code.name.lower().replace("_", "-")
        self.hint = hint
        self.errors = errors
        self.causes = causes


class Stopped(Unreachable):
    """Nobody answers at an address of this machine, and which command starts it is known."""

    def __init__(self, message: str, start: str) -> None:
        """Say who does not answer, and the command that starts it."""
        super().__init__(message)
        self.start = start


class Ended(Exception):
    """Everything was said already; only the exit code is left."""

    def __init__(self, exit_code: ExitCode) -> None:
        """End with this code."""
        super().__init__(exit_code.name)
        self.exit_code = exit_code


class Typed:
    """What a person typed, looked at piece by piece: everything that is wrong is told at once."""

    def __init__(self) -> None:
        """Begin with nothing wrong."""
        self._wrong: list[Failure] = []

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Look at one piece; if it is wrong, that is kept, and the rest is looked at as well."""
        try:
            yield
        except Failure as failure:
            self._wrong.append(failure)

    def settle(self) -> None:
        """Go on if nothing is wrong.

        Raises:
            Failure: With everything that is, and what to do about it.
        """
        if not self._wrong:
            return
        first, *others = self._wrong
        hints = dict.fromkeys(one.hint for one in self._wrong if one.hint)
        first.message = "\n".join([first.message, *(one.message for one in others)])
        first.hint = "; ".join(hints)
        raise first


_MENDED: Final = "mend that first; `catalyst doctor` looks at everything"


def expected(error: BaseException) -> Failure | None:
    """Return a failure that we know how to speak of; None for what nobody foresaw."""
    failure = _known(error)
    if failure is not None and failure is not error:
        notes = tuple(getattr(error, "__notes__", ()))
        failure.causes += notes
        if notes:
            failure.hint = f"mend that first; then {failure.hint}" if failure.hint else _MENDED
    return failure


def spoken(error: BaseException) -> BaseException:
    """Return the one failure in a group that speaks to a person, else the first."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    leaves = [spoken(inner) for inner in error.exceptions]
    return next((leaf for leaf in leaves if expected(leaf) is not None), leaves[0])


def _known(error: BaseException) -> Failure | None:
    match error:
        case Failure():
            return error
        case Problem():
            return of_problem(error)
        case Unreachable():
            hint = f"{_start(error)}; `catalyst context use NAME` goes to another of those that "
            hint += "`catalyst context list` shows"
            return Failure(ExitCode.UNREACHABLE, str(error), hint=hint)
        case Undecided():
            owner = PLATFORM if error.organization is None else error.organization
            waits = f"`catalyst outcome {error.command_id} --org {owner} --timeout 60`"
            return Failure(ExitCode.TIMED_OUT, str(error), hint=f"{waits} waits for it")
        case TimedOut():
            return Failure(ExitCode.TIMED_OUT, str(error))
        case Malformed():
            hint = "is the address really one of Catalyst, and of a version that fits?"
            return Failure(ExitCode.UNEXPECTED, str(error), code="malformed-answer", hint=hint)
        case ClientError():
            return Failure(ExitCode.UNEXPECTED, str(error))
        case WrongSettings():
            said = error.headline
            return Failure(ExitCode.USAGE, said, hint=error.hint, causes=error.wrong)
        case Expected() | BrokerFault():
            in_use = isinstance(error, DataDirectoryInUse)
            ends = ExitCode.USAGE if in_use else ExitCode.UNEXPECTED
            return Failure(ends, str(error), hint=error.hint)
        case _:
            return None


def _start(error: Unreachable) -> str:
    if isinstance(error, Stopped):
        return f"`{error.start}` starts it"
    return "`catalyst up` starts everything here"


def of_refusal(code: str) -> ExitCode:
    """Return how a command ends that was refused with a code: as the same answer of a door does.

    What is not there ends as such, whichever status says so: that of a field that names it is 422.
    """
    known = CODES.get(code)
    if known is not None and code.endswith(_ABSENT):
        return ExitCode.NOT_FOUND
    found = ExitCode.REJECTED if known is None else _BY_STATUS.get(known.status)
    return found if found in _DECIDED else ExitCode.REJECTED


def of_problem(problem: Problem, owner: str = "") -> Failure:
    """Return a refusal as the end of the command: by its code, where a rule of ours has decided.

    `owner` is as in `next_step`.
    """
    exit_code = _BY_STATUS.get(problem.status, ExitCode.REJECTED)
    hint = next_step(problem.code, owner, problem.message)
    if problem.code in CODES and problem.code not in _OF_DOORS:
        exit_code = of_refusal(problem.code)
    return Failure(exit_code, problem.message, code=problem.code, hint=hint, errors=problem.errors)
