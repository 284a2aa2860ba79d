"""What somebody is told whose roles show only a part: a security-officer of a change, for one."""

from __future__ import annotations

from itertools import chain
from typing import Any, Final

from catalyst.cli.exits import ExitCode, Failure
from catalyst.cli.kinds import ALL, singular
from catalyst.cli.planned import WHOLE
from catalyst.cli.target import Target, reads, run
from catalyst.contracts.roles import SECURITY_OFFICER, may_read, may_read_platform

_HINT: Final = (
    "`catalyst plan show {change} --org {owner}` shows its plan with the hash, as long as it waits "
    "for you; then `catalyst approve {change} --org {owner} --hash HASH`"
)


def changes(target: Target, change: str, owner: str | None, given: str = "") -> Failure | None:
    """Return what is said to whose roles show no change of an Organization; None: they do.

    Without an owner, of none at all. Whoever may not approve either has no use for it. `given` is
    what was given of the hash.
    """
    session = run(_session(target))
    if SECURITY_OFFICER not in session["roles"]:
        return None
    own = session["organizations"]
    roles = own.get(owner, ()) if owner else chain.from_iterable(own.values())
    if may_read("change", session["roles"], roles):
        return None
    whose = f" of {owner!r}" if owner else ""
    say = "say with --org and --hash which plan you mean"
    if given and len(given) < WHOLE:
        say = f"so the rest of {given} cannot be found out; give all {WHOLE} characters of the hash"
    return Failure(
        ExitCode.NOT_FOUND,
        f"your roles show you no change{whose}: {say}",
        hint=_HINT.format(change=change, owner=owner or "ORGANIZATION"),
    )


async def shows(target: Target, kinds: str, owner: str | None) -> bool:
    """Return whether rows of these kinds would be shown if there were any; the first decides.

    Without an owner, those of whatever Organization is the asker's own, or of the platform.
    """
    session = await _session(target)
    platform, own = session["roles"], session["organizations"]
    roles = own.get(owner, ()) if owner else [*chain.from_iterable(own.values())]
    first = kinds.partition(",")[0]
    if first == ALL:
        return bool(platform or roles)
    kind = singular(first)
    return may_read(kind, platform, roles) or (not owner and may_read_platform(kind, platform))


async def _session(target: Target) -> dict[str, Any]:
    async with reads(target) as door:
        found: dict[str, Any] = await door.read("/v1/session")
        return found
