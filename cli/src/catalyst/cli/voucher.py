"""`catalyst voucher`: credit that is given away under a code."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from contextlib import aclosing, suppress
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
import typer

from catalyst.cli import owned
from catalyst.cli.ages import left
from catalyst.cli.exits import ExitCode, Failure, Typed, next_step, of_problem, of_refusal
from catalyst.cli.kinds import standing_of
from catalyst.cli.output import Format, clean, note, show, write
from catalyst.cli.planshow import amount as in_words
from catalyst.cli.send import conclude, exit_of
from catalyst.cli.sending import commands
from catalyst.cli.target import (
    ContextOption,
    OutputOption,
    OwnerOption,
    Target,
    TimeoutOption,
    TokenOption,
    UrlOption,
    complete_voucher,
    reads,
    resolve,
    run,
)
from catalyst.cli.watched import followed, told
from catalyst.client import draft
from catalyst.client.errors import Problem
from catalyst.client.http_transport import HttpClient
from catalyst.client.rows import Change, Put, name_of
from catalyst.client.watching import Watch
from catalyst.contracts.message import Outcome
from catalyst.contracts.money_v1 import Money, MoneyError, parse
from catalyst.contracts.rejection import CODES
from catalyst.contracts.voucher_v1 import normalised, voucher_id

CurrencyArgument = Annotated[str, typer.Argument(metavar="CURRENCY", help="Such as OMR.")]
CodeArgument = Annotated[str, typer.Argument(metavar="CODE", help="The voucher's code.")]
_OVER: Final = frozenset({"completed", "failed"})
_GRANT: Final = re.compile(r"voucher-([0-9a-f]{32,64})")
"""What an account calls that which it got from a voucher: by the first half of its id."""
_DAY: Final = re.compile(r"(\d{4}-\d{2}-\d{2})Z?", re.ASCII)
_WHOSE: Final = "for which Organization is it?"


def issue(
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="What it is worth: `5.000`.")],
    currency: CurrencyArgument,
    *,
    cap: Annotated[int, typer.Option(help="How often it may be redeemed.", min=1)] = 1,
    code: Annotated[
        str | None,
        typer.Option(help="A code of your own, 12 letters and digits or more; else one is drawn."),
    ] = None,
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    starts: Annotated[
        str | None,
        typer.Option(help="From when on: `2026-12-31T14:00:00Z`, or a day; else at once."),
    ] = None,
    ends: Annotated[str | None, typer.Option(help="Until when, likewise; else for ever.")] = None,
    timeout: TimeoutOption = 30.0,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Issue a voucher and show its code, which nobody is shown again.

    Example:
      catalyst voucher issue 25.000 OMR --cap 100 --description "Spring fair"
    """
    data: dict[str, Any] = {"cap": cap, "description": description}
    typed = Typed()
    with typed.looking():
        data["amount"] = typed_money(amount, currency)
    for name, text in (("starts", starts), ("ends", ends)):
        with typed.looking():
            data |= {name: instant(text, name)} if text else {}
    typed.settle()
    target = resolve(context, url, token)

    async def work() -> tuple[dict[str, Any], Outcome]:
        async with reads(target) as door:
            asked = {} if code is None else {"code": code}
            drawn = (await door.query("billing", "voucher-code", asked, organization=None)).result
        sent = await _send(
            target, "issue-voucher", None, "voucher", drawn["voucher"],
            {**data, "code": drawn["code"]}, timeout,
        )  # fmt: skip
        return drawn, sent

    drawn, sent = run(work())
    if exit_of(sent) is not ExitCode.OK:
        conclude(sent, output)
        return
    show(
        {"code": drawn["code"], "voucher": drawn["voucher"], "outcome": sent},
        output,
        lambda: write(drawn["code"]),
    )
    note("this is the only time that the code is shown")
    note(f"`catalyst voucher redeem {drawn['code']} --org ORGANIZATION` gives its credit")


def preview(
    code: CodeArgument,
    *,
    org: OwnerOption = None,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Say what a voucher is worth for an Organization; nothing is used up.

    Example:
      catalyst voucher preview VCH-7QKD-M2XW-PA4R --org omantel
    """
    target = resolve(context, url, token)
    owner = owned.owner_of(target, org, _WHOSE)
    try:
        found = owned.answer(target, "billing", "preview-voucher", {"code": code}, owner)
    except Problem as problem:
        raise of_problem(problem, owner) from problem
    ends = f", until {left(found['ends'])}" if found.get("ends") else ""
    text = f"{found['prefix']} gives {in_words(found['amount'])}{ends}"
    show(found, output, lambda: write(clean(text)))
    if output is Format.TABLE:
        note(f"`catalyst voucher redeem {code} --org {owner}` gives it to {owner}")


def redeem(
    code: CodeArgument,
    *,
    org: OwnerOption = None,
    timeout: TimeoutOption = 30.0,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Redeem a voucher, and say once its credit stands on the Organization's account.

    Example:
      catalyst voucher redeem VCH-7QKD-M2XW-PA4R --org omantel
    """
    target = resolve(context, url, token)
    owner = owned.owner_of(target, org, _WHOSE)
    name = draft.command_id()
    send = _send(target, "redeem-voucher", owner, "redemption", name, {"code": code}, timeout)
    sent = owned.sent(target, owner, send)
    if exit_of(sent) is not ExitCode.OK:
        conclude(sent, output, next_step(sent.code, owner))
    doc = run(_over(target, owner, name, timeout))
    if doc["status"] == "failed":
        text = CODES[doc["code"]].meaning if doc["code"] in CODES else "It was not redeemed."
        hint = next_step(doc["code"], owner)
        code = doc["code"]
        raise Failure(of_refusal(code), f"{code}: {text}", code=code, hint=hint)
    worth = f"{in_words(doc['amount'])} of {doc['prefix']} stands on the account of {owner}"
    show(doc, output, lambda: write(clean(worth)))
    if output is Format.TABLE:
        note(f"`catalyst billing balance --org {owner}` shows what there is")


async def _over(target: Target, owner: str, name: str, timeout: float) -> dict[str, Any]:
    """Return the row of a redemption once it is over.

    Raises:
        Failure: If it is not in time; it goes on all the same.
    """
    hint = f"`catalyst get redemptions {name} --org {owner}` shows how it ends"

    def opened(door: HttpClient, cursor: str) -> Watch[Change]:
        return door.watch("redemptions", name=name, cursor=cursor, organization=owner)

    try:
        async with (
            asyncio.timeout(timeout),
            aclosing(followed(target, opened, "the redemption is")) as changes,
        ):
            async for change in changes:
                if isinstance(change, Put) and change.row.doc["status"] in _OVER:
                    found: dict[str, Any] = msgspec.to_builtins(change.row.doc)
                    return found
                told(change)
    except TimeoutError as error:
        text = f"not over after {timeout:g} s; it goes on"
        raise Failure(ExitCode.TIMED_OUT, text, hint=hint) from error
    raise Failure(ExitCode.UNREACHABLE, "the stream ended before the redemption did", hint=hint)


def revoke(
    voucher: Annotated[
        str,
        typer.Argument(
            metavar="VOUCHER",
            help="The code, its beginning or its id, also as `billing balance` shows it.",
            autocompletion=complete_voucher,
        ),
    ],
    *,
    reason: Annotated[str, typer.Option(help="Why.")],
    timeout: TimeoutOption = 30.0,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Let nobody redeem a voucher any more; what was redeemed stays.

    Example:
      catalyst voucher revoke VCH-7QKD-M2XW-PA4R --reason "The fair is over."

    The beginning is what `catalyst get vouchers` shows of a code, such as VCH-7QKD. What an account
    got from a voucher is called voucher- and the first half of its id.
    """
    is_id = len(voucher) == 64 and set(voucher) <= set("0123456789abcdef")
    name = voucher if is_id else voucher_id(voucher)
    target = resolve(context, url, token)
    data = {"reason": reason}
    sent = run(_send(target, "revoke-voucher", None, "voucher", name, data, timeout))
    if sent.code == "voucher-not-found" and not is_id:
        begun = _begun(target, voucher)
        if begun is not None:
            sent = run(_send(target, "revoke-voucher", None, "voucher", begun, data, timeout))
    if output is not Format.TABLE or exit_of(sent) is not ExitCode.OK:
        conclude(sent, output)
        return
    write("nobody redeems this voucher any more; what was redeemed stays")


def _begun(target: Target, typed: str) -> str | None:
    """Return the id of the voucher of which this is shown; None if of none.

    Raises:
        Failure: If it is shown of several.
    """

    async def work() -> dict[str, Any]:
        async with reads(target) as door:
            rows = [row async for page in door.pages("vouchers") for row in page.rows]
            return {name_of(row.key): msgspec.to_builtins(row.doc) for row in rows}

    fits = fitting(run(work()), typed)
    if len(fits) > 1:
        each = (f"{name} ({in_words(doc['amount'])}, {standing_of(doc)})" for name, doc in fits)
        text = f"VOUCHER: the codes of {len(fits)} vouchers begin with {typed}"
        raise Failure(ExitCode.USAGE, text, hint=f"give the code or the id: {', '.join(each)}")
    return fits[0][0] if fits else None


def fitting(vouchers: Mapping[str, Any], typed: str) -> list[tuple[str, Any]]:
    """Return the vouchers, by their ids, of which this is shown: of the code, or on an account."""
    start = normalised(typed.removesuffix("…"))
    granted = _GRANT.fullmatch(typed)
    return [
        (name, doc)
        for name, doc in vouchers.items()
        if normalised(doc["prefix"].removesuffix("…")) == start
        or (granted is not None and name.startswith(granted[1]))
    ]


def typed_money(amount: str, currency: str) -> Money:
    """Return an amount as a person types it.

    Raises:
        Failure: If it is none of that currency.
    """
    try:
        return parse(amount, currency)
    except MoneyError as error:
        hint = ""
        with suppress(MoneyError):
            parse(currency, amount)
            hint = f"the amount comes first: {currency} {amount}"
        raise Failure(ExitCode.USAGE, f"AMOUNT CURRENCY: {error}", hint=hint) from error


def instant(text: str, option: str) -> str:
    """Return the instant that an option names; a day alone is its beginning in UTC, which is said.

    Raises:
        Failure: If it is none, or has no zone.
    """
    day = _DAY.fullmatch(text)
    written = f"{day[1]}T00:00:00Z" if day else text
    try:
        found = datetime.fromisoformat(written)
    except ValueError as error:
        raise Failure(
            ExitCode.USAGE,
            f"--{option} {text!r} is no time",
            hint="write it as 2026-12-31T23:59:59Z",
        ) from error
    if found.tzinfo is None:
        raise Failure(ExitCode.USAGE, f"--{option} {text!r} has no zone; add Z for UTC")
    if day:
        note(f"--{option} {text} is midnight in UTC: {written}")
    return written


async def _send(
    target: Target,
    verb: str,
    owner: str | None,
    aggregate: str,
    name: str,
    data: dict[str, Any],
    timeout: float,
) -> Outcome:
    async with commands(target) as door:
        return await door.send(
            f"billing.{verb}.v1",
            data,
            timeout=timeout,
            organization=owner,
            aggregate=aggregate,
            id=name,
        )
