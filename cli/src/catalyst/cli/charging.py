"""`catalyst billing invoice`, for a billing-admin: close a month early."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from catalyst.cli import owned
from catalyst.cli.invoice import InvoiceArgument
from catalyst.cli.output import Format, note
from catalyst.cli.send import finish
from catalyst.cli.target import (
    ContextOption,
    OrgOption,
    OutputOption,
    Target,
    TokenOption,
    UrlOption,
    commands,
    resolve,
    run,
)
from catalyst.contracts.message import Outcome

TimeoutOption = Annotated[float, typer.Option(help="Seconds to wait.", min=0.1)]
_WHOSE = "whose invoices are they?"


def finalize(
    month: InvoiceArgument,
    *,
    org: OrgOption = None,
    timeout: TimeoutOption = 30.0,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Close the running month now, for what it cost so far. Needs the role billing-admin.

    Example:
      catalyst billing invoice finalize 2026-11 --org omantel

    What is used or ordered later in the month is a dated line on the next invoice.
    """
    target = resolve(context, url, token)
    owner = owned.owner_of(target, org, _WHOSE)
    finish(_send(target, "finalize-invoice", owner, {"month": month}, timeout), output)
    if output is Format.TABLE:
        note(f"`catalyst billing invoice show {month} --org {owner}` has it with its number")


def _send(target: Target, verb: str, owner: str, data: dict[str, Any], timeout: float) -> Outcome:
    """Send a command to the account of an Organization, and return its outcome."""

    async def work() -> Outcome:
        async with commands(target) as door:
            return await door.send(
                f"billing.{verb}.v1",
                data,
                timeout=timeout,
                organization=owner,
                aggregate="account",
                id=owner,
            )

    return run(work())
