"""`catalyst billing`: what an Organization has, what things cost, and what was charged."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from catalyst.chassis import clock
from catalyst.cli import files, owned
from catalyst.cli.kinds import money
from catalyst.cli.output import Format, Table, note, show, write
from catalyst.cli.planshow import amount
from catalyst.cli.send import finish
from catalyst.cli.target import (
    ContextOption,
    OrgOption,
    OutputOption,
    Target,
    TimeoutOption,
    TokenOption,
    UrlOption,
    commands,
    resolve,
    run,
)
from catalyst.contracts.message import Outcome
from catalyst.contracts.subjects import PLATFORM

BOOK: Final = "default"


def balance(
    *,
    org: OrgOption = None,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Show what stands on an Organization's account, and which credit it is made of.

    Example:
      catalyst billing balance --org omantel
    """
    doc, owner = _account(resolve(context, url, token), org)
    show(doc, output, lambda: _balance(doc))
    if output is Format.TABLE:
        note(f"`catalyst billing ledger --org {owner}` shows how it came about")


def ledger(
    *,
    org: OrgOption = None,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Show the latest movements of an account, newest first; each adds up to nothing.

    Example:
      catalyst billing ledger --org omantel -o json
    """
    doc, owner = _account(resolve(context, url, token), org)
    found = doc["ledger"]
    table = Table("SEQ", "TIME", "WHAT", "ENTRY", "POSTINGS")
    for item in found:
        postings = [f"{one['account']} {amount(one['amount'])}" for one in item["postings"]]
        table.add(item["seq"], item["time"], item["kind"], item["entry"], "; ".join(postings))
    show(found, output, table.write)
    if output is Format.TABLE:
        month = f"{clock.now():%Y-%m}"
        note(f"`catalyst billing invoice show {month} --org {owner}` shows what the month costs")


def apply_book(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="The price book, YAML or JSON; `-` is stdin.")
    ],
    *,
    timeout: TimeoutOption = 30.0,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Put a version of the price book in force from its day on. Needs the role billing-admin.

    Example:
      catalyst billing price-book apply examples/price-book.yaml

    What is wrong in it is told with line and column; then nothing of it is taken.
    """
    text = files.read(file)
    target = resolve(context, url, token)

    async def work() -> Outcome:
        async with commands(target) as door:
            return await door.send(
                "billing.apply-price-book.v1",
                {"document": text},
                timeout=timeout,
                organization=None,
                aggregate="price-book",
                id=BOOK,
            )

    sent = run(work())
    if sent.status == "rejected" and output is Format.TABLE:
        note(f"nothing of {files.shown(file)} was taken")
    finish(sent, output)
    if output is Format.TABLE:
        note("`catalyst billing price-book show` has it with its versions")


def show_book(
    *,
    output: OutputOption = Format.YAML,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Show the price book, with the versions that it has and how they differ.

    Example:
      catalyst billing price-book show -o json
    """
    missing = owned.no_such("price book", "`catalyst billing price-book apply FILE` brings one")
    doc = owned.row(resolve(context, url, token), "price-books", BOOK, PLATFORM, missing)
    form = Format.YAML if output is Format.TABLE else output
    show(doc, form, lambda: None)


def _account(target: Target, org: str | None) -> tuple[Any, str]:
    """Return the row of an Organization's account, and whose it is."""
    owner = owned.owner_of(target, org, "whose account is it?")
    missing = owned.no_such(f"account of {owner!r}")
    return owned.row(target, "accounts", owner, owner, missing), owner


def _balance(doc: dict[str, Any]) -> None:
    table = Table("CURRENCY", "AVAILABLE", "CREDIT", "HELD", "OWED", "TAKEN")
    for item in doc["balances"]:
        currency = item["currency"]
        table.add(
            currency,
            *(money(currency, item[x]) for x in ("available", "credit", "held", "owed", "revenue")),
        )
    table.write()
    for grant in doc["grants"]:
        left = money(grant["amount"]["currency"], grant["left"])
        until = f", until {grant['expires']}" if grant["expires"] else ""
        write(f"{left} left of {grant['source']} {grant['grant']}{until}")
    for hold in doc["holds"]:
        write(f"{amount(hold['amount'])} held for change {hold['hold']}")
