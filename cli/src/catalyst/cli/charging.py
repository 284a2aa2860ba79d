"""What a billing-admin does with invoices: close a month early, void one, give some of it back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import Annotated, Any, Final

import typer

from catalyst.cli import owned
from catalyst.cli.exits import ExitCode, Failure
from catalyst.cli.invoice import InvoiceArgument, MonthArgument, month_of, note_early, write_sums
from catalyst.cli.kinds import money
from catalyst.cli.output import Format, note, write
from catalyst.cli.send import tell
from catalyst.cli.sending import sent_about
from catalyst.cli.target import (
    ContextOption,
    OutputOption,
    OwnerOption,
    Target,
    TimeoutOption,
    TokenOption,
    UrlOption,
    reads,
    resolve,
    run,
)
from catalyst.client.errors import Problem
from catalyst.client.rows import Put
from catalyst.contracts.message import Outcome
from catalyst.contracts.money_v1 import MoneyError, parse
from catalyst.contracts.subjects import Ref

ReasonOption = Annotated[str, typer.Option(help="Why, for whoever looks at it later.")]
BEFORE_SECONDS: Final = 1.0
"""How long the number of a month is looked for that was closed before: it may have no invoice."""
_WHOSE = "whose invoices are they?"


def finalize(
    month: MonthArgument,
    *,
    org: OwnerOption = None,
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
    sent = sent_to(target, "finalize-invoice", owner, {"month": month}, timeout)
    tell(sent, output, lambda: _closed(target, owner, month, timeout, now=bool(sent.events)))


def void(
    invoice: InvoiceArgument,
    *,
    reason: ReasonOption,
    org: OwnerOption = None,
    timeout: TimeoutOption = 30.0,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Take back an invoice of which nothing is paid; its number stays. Needs billing-admin.

    Example:
      catalyst billing void 2026-11 --reason "Made out to the wrong one" --org omantel

    What it took from credit goes back. Of one that is paid in part, a credit note gives back.
    """
    target = resolve(context, url, token)
    owner = owned.owner_of(target, org, _WHOSE)
    invoice = month_of(target, owner, invoice)
    data = {"invoice": invoice, "reason": reason}
    sent = sent_to(target, "void-invoice", owner, data, timeout)
    tell(sent, output, lambda: write(f"the invoice {invoice} of {owner} is void"))
    if output is Format.TABLE:
        note(f"`catalyst billing balance --org {owner}` shows what went back")


def credit_note(
    invoice: InvoiceArgument,
    lines: Annotated[
        list[str],
        typer.Argument(metavar="LINE=AMOUNT", help="How much of which line, such as `2=0.500`."),
    ],
    *,
    note_name: Annotated[
        str, typer.Option("--as", help="Name of the credit note; the same one counts once.")
    ],
    reason: ReasonOption,
    org: OwnerOption = None,
    timeout: TimeoutOption = 30.0,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Give back some of what an invoice charged, line by line. Needs the role billing-admin.

    Example:
      catalyst billing credit-note 2026-11 1=0.500 2=1.000 --as outage-1 --reason "Two days down"

    It lowers what is to be paid of the invoice; the rest is credit of the account.
    """
    target = resolve(context, url, token)
    owner = owned.owner_of(target, org, _WHOSE)
    parts = [_part(text) for text in lines]
    invoice = month_of(target, owner, invoice)
    currency = _currency(target, owner, invoice, [line for line, _ in parts])
    data = {
        "note": note_name,
        "invoice": invoice,
        "reason": reason,
        "lines": [
            {"line": line, "amount": {"currency": currency, "minor": _minor(currency, amount)}}
            for line, amount in parts
        ],
    }
    outcome = sent_to(target, "issue-credit-note", owner, data, timeout)
    back = sum(_minor(currency, amount) for _, amount in parts)
    text = f"{note_name} gives back {money(currency, back)} of the invoice {invoice} of {owner}"
    tell(outcome, output, lambda: write(text))
    if output is Format.TABLE:
        note(f"`catalyst get credit-notes {note_name} --org {owner}` has it with its number")


def _currency(target: Target, owner: str, invoice: str, lines: Sequence[int]) -> str:
    """Return in which currency an invoice charges some lines.

    Raises:
        Failure: If there is no such line, or they are not all of one currency.
    """
    known: dict[int, str] = {}
    for line in lines:
        if line not in known:
            asked = {"invoice": invoice, "start": line - 1}
            found = owned.answer(target, "billing", "invoice", asked, owner)["lines"]
            known |= {one["line"]: one["amount"]["currency"] for one in found}
        if line not in known:
            raise Failure(ExitCode.NOT_FOUND, f"the invoice has no line {line}")
        if known[line] != known[lines[0]]:
            told = f"line {line} is in {known[line]}, and line {lines[0]} in {known[lines[0]]}"
            hint = "a credit note has one currency: issue one for each"
            raise Failure(ExitCode.USAGE, f"LINE=AMOUNT: {told}", hint=hint)
    return known[lines[0]]


def _closed(target: Target, owner: str, month: str, timeout: float, *, now: bool) -> None:
    """Say what the invoice of a closed month is for, once it has its number.

    Args:
        target: Where it is.
        owner: Whose it is.
        month: The month.
        timeout: How long its number is waited for.
        now: Whether the month was closed just now, so that a number is on its way.

    Raises:
        Failure: If it does not come in time.
    """
    doc = run(_numbered(target, owner, month, timeout if now else min(timeout, BEFORE_SECONDS)))
    if doc is None and now:
        text = f"{month} of {owner} is being closed; its invoice has no number after {timeout:g} s"
        hint = f"`catalyst get invoices {month} --org {owner} --watch` shows when it has"
        raise Failure(ExitCode.TIMED_OUT, text, hint=hint)
    if doc is None and not _made(target, owner, month):
        write(f"there is nothing to invoice in {month} of {owner}")
        return
    closed = "is closed" if now else "was closed already"
    if doc is None:
        write(f"{month} of {owner} {closed}, and its invoice has no number yet")
    else:
        write(f"{month} of {owner} {closed} with the invoice {doc['number']}")
        write_sums(doc)
    note_early(month, owner)
    note(f"`catalyst billing invoice show {month} --org {owner}` has it line by line")


def _made(target: Target, owner: str, month: str) -> bool:
    """Return whether a month has an invoice: one before the account or without any cost has not."""
    try:
        owned.answer(target, "billing", "invoice", {"invoice": month}, owner)
    except Problem as problem:
        if problem.code != "invoice-not-found":
            raise
        return False
    return True


async def _numbered(
    target: Target, owner: str, month: str, timeout: float
) -> Mapping[str, Any] | None:
    """Return the row of an invoice that has its number; None if that takes too long."""
    try:
        async with asyncio.timeout(timeout), reads(target) as door:
            watch = door.watch("invoices", name=month, organization=owner)
            async with aclosing(watch.changes()) as changes:
                async for change in changes:
                    if isinstance(change, Put) and change.row.doc["number"]:
                        found: Mapping[str, Any] = change.row.doc
                        return found
    except TimeoutError:
        return None
    return None


def _part(text: str) -> tuple[int, str]:
    """Return the line and the amount of `2=0.500`.

    Raises:
        Failure: If it is not written so.
    """
    line, _, amount = text.partition("=")
    if not amount or not line.isascii() or not line.isdigit() or int(line) < 1:
        hint = "write LINE=AMOUNT, such as 2=0.500; `invoice show` numbers the lines"
        raise Failure(ExitCode.USAGE, f"LINE=AMOUNT: {text!r} names no line", hint=hint)
    return int(line), amount


def _minor(currency: str, text: str) -> int:
    try:
        return parse(text, currency).minor
    except MoneyError as error:
        raise Failure(ExitCode.USAGE, f"LINE=AMOUNT: {error}") from error


def sent_to(target: Target, verb: str, owner: str, data: dict[str, Any], timeout: float) -> Outcome:
    """Send a command to the account of an Organization, and return its outcome."""
    return sent_about(target, Ref(owner, "billing", "account", owner), verb, data, timeout)
