"""Newer versions that an Application is not upgraded to, each with why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from catalyst.blueprints import versions
from catalyst.cli import owned
from catalyst.cli.exits import Failure
from catalyst.cli.output import note
from catalyst.cli.target import Target
from catalyst.client.errors import ClientError

_NAMED: Final = 3
"""So many are named, the newest first."""


class Copy(msgspec.Struct, frozen=True, kw_only=True):
    """An Application where it runs."""

    owner: str
    application: str
    environment: str
    blueprint: str

    @classmethod
    def at(cls, place: Mapping[str, Any], owner: str, blueprint: str) -> Copy:
        """Return the one at a place, as what runs and what a plan is asked for name it."""
        where, name = place["environment"], place["application"]
        return cls(owner=owner, application=name, environment=where, blueprint=blueprint)

    @property
    def shows(self) -> str:
        """The command that says why one version cannot be had there."""
        place = f"--app {self.application} --env {self.environment} --org {self.owner}"
        return f"`catalyst catalog show {self.blueprint} --why-not VERSION {place}`"


def over(target: Target, copy: Copy, reached: str, wanted: str = "*") -> list[str] | None:
    """Return why each version of a range is passed over that is newer than the one reached.

    It is said beside what was asked for: where it cannot be read, a note says that, and it is None.
    """
    try:
        newer = _newer(_asked(target, copy, "versions")["versions"], reached, wanted)
        found = [_why(target, copy, one) for one in newer[:_NAMED]]
    except (ClientError, Failure, versions.BadVersion) as error:
        where = f"{copy.application} in {copy.environment}"
        note(f"whether there is a newer version for {where} is not known: {error}")
        return None
    more = len(newer) - _NAMED
    return [*found, *([f"and {more} more"] if more > 0 else [])]


def _asked(target: Target, copy: Copy, question: str, **more: str) -> Any:
    asked = {
        "blueprint": copy.blueprint,
        "environment": copy.environment,
        "application": copy.application,
    }
    return owned.answer(target, "catalog", question, asked | more, copy.owner)


def _newer(
    listed: Sequence[Mapping[str, Any]], reached: str, wanted: str
) -> list[Mapping[str, Any]]:
    """Return those behind what is reached; a pre-release is offered to who runs one alone."""
    last, fit = versions.parse(reached), versions.parse_range(wanted)
    found = []
    for one in listed:
        version = versions.parse(one["version"])
        if version > last and (fit.contains(version) or (wanted == "*" and last.pre)):
            found.append(one)
    return found


def _why(target: Target, copy: Copy, line: Mapping[str, Any]) -> str:
    version, said = str(line["version"]), str(line["upgrade_reason"])
    if not said:
        # By its own rules it could be had: something else there is in its way.
        said = "; ".join(_asked(target, copy, "why-not", version=version)["reasons"])
    said = said or "it does not fit what is there"
    return said if version in said else f"{version}: {said}"
