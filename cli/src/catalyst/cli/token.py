"""`catalyst token`: sign a token where the keys are."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

import typer

from catalyst.chassis import clock
from catalyst.chassis.keyring import KeyRing
from catalyst.cli.exits import ExitCode, Failure
from catalyst.cli.output import Format, note, show, write
from catalyst.cli.target import ContextOption, OutputOption, resolve
from catalyst.contracts.roles import OWNER_ROLES, PLATFORM_ROLES

KEYS: Final = "keys"
"""Folder of the signing keys in the data directory."""


_ROLES: Final = f"Platform role: {', '.join(sorted(PLATFORM_ROLES))}; may be repeated; else none."


def complete_role(incomplete: str) -> list[str]:
    """Return the platform roles that begin like this, for the shell."""
    return [role for role in sorted(PLATFORM_ROLES) if role.startswith(incomplete)]


def token(
    *,
    email: Annotated[str, typer.Option(help="Verified e-mail address of the person.")],
    role: Annotated[
        list[str] | None,
        typer.Option(metavar="ROLE", help=_ROLES, autocompletion=complete_role),
    ] = None,
    hours: Annotated[float, typer.Option(help="Hours until it expires.", min=0.01)] = 12.0,
    data: Annotated[
        Path | None, typer.Option(help="Data directory; else that of the connection.")
    ] = None,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
) -> None:
    """Sign a token for a person, with the key of what runs on this machine.

    Example:
      catalyst token --email ada@example.com --role sovereign-admin

    Roles inside an Organization do not stand in a token: they follow from the Organization's
    owners, by e-mail address.
    """
    roles = tuple(role or ())
    _check_roles(roles)
    if email.count("@") != 1 or email != email.strip():
        raise Failure(ExitCode.USAGE, f"{email!r} is not an e-mail address")
    directory = _keys(data, context)
    ttl = timedelta(hours=hours)
    expires = clock.now() + ttl
    signed = KeyRing.open(directory).people().person(email, roles, ttl)
    body = {"token": signed, "email": email, "roles": list(roles), "expires": expires}
    show(body, output, lambda: write(signed))
    if output is Format.TABLE:
        note(f"for {email}, {', '.join(roles) or 'no platform role'}, until {expires:%F %H:%M} UTC")


def _check_roles(roles: tuple[str, ...]) -> None:
    for name in roles:
        if name in PLATFORM_ROLES:
            continue
        hint = f"platform roles: {', '.join(sorted(PLATFORM_ROLES))}"
        if name in OWNER_ROLES.values():
            hint = "this role follows from an Organization's owners; leave --role out"
        raise Failure(ExitCode.USAGE, f"no token carries the role {name!r}", hint=hint)


def _keys(data: Path | None, context: str | None) -> Path:
    """Return where the signing keys are.

    Raises:
        Failure: If they are not on this machine.
    """
    root = data or Path(resolve(context, None, None).data or "")
    directory = root / KEYS
    if str(root) == "." or not (directory / "issuer.jwk").is_file():
        raise Failure(
            ExitCode.NOT_FOUND,
            "the signing keys are not here",
            hint="--data names the directory that `catalyst up` runs on; elsewhere, ask whoever "
            "runs the identity provider for a token",
        )
    return directory
