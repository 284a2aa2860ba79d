"""What a command line says of a command before it is sent: its type, its owner, its thing."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

import msgspec

from catalyst.cli.exits import ExitCode, Failure
from catalyst.cli.near import SUGGESTED, alike, meant
from catalyst.contracts.message import COMMAND_ID, FieldError
from catalyst.contracts.registry import BY_TYPE, COMMANDS

_DATA: Final = "/data/"
_LIST: Final = "`catalyst contracts list --kind command` shows all"


def check(
    type_: str, org: str | None, aggregate: str | None, id_: str | None, command_id: str | None
) -> None:
    """Look whether the options say where a command goes.

    A type that this version does not know is let through if the options say all of it: a newer
    service may take it.

    Raises:
        Failure: With the option that is missing or wrong.
    """
    known = COMMANDS.get(type_)
    if known is None and not (aggregate and id_):
        raise unknown_type(type_)
    if not org:
        raise Failure(
            ExitCode.USAGE,
            "--org is missing: whose is it?",
            hint="`--org acme` names an Organization by its slug, `--org _` the platform",
        )
    if command_id is not None and not COMMAND_ID.fullmatch(command_id):
        raise Failure(ExitCode.USAGE, f"--command-id {command_id!r} is not allowed as an id")
    if known is None:
        return
    kinds = ", ".join(known.aggregates)
    if aggregate is None and len(known.aggregates) != 1:
        raise Failure(ExitCode.USAGE, f"--aggregate is missing: {type_} goes to one of {kinds}")
    if aggregate is not None and aggregate not in known.aggregates:
        raise Failure(ExitCode.USAGE, f"--aggregate {aggregate}: {type_} goes to {kinds}")
    thing = aggregate or known.aggregates[0]
    if not id_ and (thing != "organization" or org == "_"):
        raise Failure(ExitCode.USAGE, f"--id is missing: which {thing} is {type_} for?")


def unknown_type(type_: str) -> Failure:
    """Return the failure for a type that is no command's, with those that may be meant."""
    if type_ in BY_TYPE:
        what = f"{type_!r} is an event: it follows from a command and is never sent"
    else:
        what = f"there is no command {type_!r}"
    near = closest(type_, COMMANDS)
    return Failure(ExitCode.NOT_FOUND, what, code="unknown-type", hint=meant(near) + _LIST)


def misnamed(type_: str, errors: Iterable[FieldError]) -> str:
    """Return what to do about fields that a command does not have; empty if there are none."""
    wrong = [error.pointer for error in errors if error.rule == "unknown-field"]
    known = COMMANDS.get(type_)
    if known is None or not wrong:
        return ""
    fields = [field.encode_name for field in msgspec.structs.fields(known.shape)]
    # A field within a field is named by its own type, of which nothing is known here.
    outer = [name for name in (one.removeprefix(_DATA) for one in wrong) if "/" not in name]
    near = [one for name in outer for one in alike(name, fields)]
    return f"{meant(near)}`catalyst contracts show {type_}` shows its fields"


def closest(type_: str, names: Iterable[str]) -> list[str]:
    """Return the wire names that are most like a text, most alike first; maybe none.

    Who leaves the service or the version out means the name between them.
    """
    known = list(names)
    inner = {name.split(".")[1]: name for name in known}
    parts = [part for part in type_.lower().split(".") if part]
    said = parts[1] if len(parts) > 1 else "".join(parts)
    near = [inner[name] for name in get_close_matches(said, inner, n=SUGGESTED)]
    near += get_close_matches(type_.lower(), known, n=SUGGESTED, cutoff=0.75)
    return list(dict.fromkeys(near))[:SUGGESTED]
