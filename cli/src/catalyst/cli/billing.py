"""`catalyst billing`: what an Organization has, what things cost, and what was charged."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
import typer

from catalyst.cli import files
from catalyst.cli.exits import Ended, ExitCode, Failure
from catalyst.cli.get import Wanted, read
from catalyst.cli.kinds import money
from catalyst.cli.output import Format, Table, note, show, write
from catalyst.cli.send import finish
from catalyst.cli.target import (
    ContextOption,
    OrgOption,
    OutputOption,
    Target,
    TokenOption,
    UrlOption,
    commands,
    organization,
    reads,
    resolve,
    run,
)
from catalyst.client.errors import Problem
from catalyst.contracts.message import Outcome

InvoiceArgument = Annotated[
    str, typer.Argument(metavar="INVOICE", help="Its month, as `invoice list` names it.")
]
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
    doc = _row(resolve(context, url, token), "accounts", _owner(org), _owner(org))
    show(doc, output, lambda: _balance(doc))


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
    owner = _owner(org)
    found = _row(resolve(context, url, token), "accounts", owner, owner)["ledger"]
    table = Table("SEQ", "TIME", "WHAT", "ENTRY", "POSTINGS")
    for item in found:
        postings = [
            f"{one['account']} {money(one['amount']['currency'], one['amount']['minor'])}"
            for one in item["postings"]
        ]
        table.add(item["seq"], item["time"], item["kind"], item["entry"], "; ".join(postings))
    show(found, output, table.write)


def apply_book(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="The price book, YAML or JSON; `-` is stdin.")
    ],
    *,
    timeout: Annotated[float, typer.Option(help="Seconds to wait.", min=0.1)] = 30.0,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Put a version of the price book in force from its day on. Needs the role billing-admin.

    Example:
      catalyst billing price-book-apply examples/price-book.yaml

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

    finish(run(work()), output)


def show_book(
    *,
    output: OutputOption = Format.YAML,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Show the price book, with the versions that it has and how they differ.

    Example:
      catalyst billing price-book -o json
    """
    doc = _row(resolve(context, url, token), "price-books", BOOK, None)
    form = Format.YAML if output is Format.TABLE else output
    show(doc, form, lambda: None)


def invoices(
    *,
    org: OrgOption = None,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """List the invoices of an Organization.

    Example:
      catalyst billing invoice-list --org omantel
    """
    wanted = Wanted(kinds="invoices", where={"organization": _owner(org)})
    run(read(resolve(context, url, token), wanted, output))


def invoice(
    name: InvoiceArgument,
    *,
    org: OrgOption = None,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Show an invoice, line by line.

    Example:
      catalyst billing invoice 2026-11 --org omantel
    """
    doc = _row(resolve(context, url, token), "invoices", name, _owner(org))

    def lines() -> None:
        write(f"{doc['number'] or 'no number yet'}, {doc['month']}, {doc['status']}")
        table = Table("LINE", "WHAT", "FOR", "FORMULA", "AMOUNT", "BOOK")
        for line in doc["lines"]:
            amount = money(line["amount"]["currency"], line["amount"]["minor"])
            table.add(
                line["line"], line["name"], line["subscription"], line["formula"], amount,
                f"{line['book']} {line['version']}",
            )  # fmt: skip
        table.write()

    show(doc, output, lines)


def explain(
    name: InvoiceArgument,
    line: Annotated[int, typer.Argument(metavar="LINE", help="Number of the line.", min=1)],
    *,
    org: OrgOption = None,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Open a line of an invoice: its price, its formula, and every event behind it.

    Example:
      catalyst billing explain 2026-11 1 --org omantel
    """
    owner, target = _owner(org), resolve(context, url, token)
    found = _ask(target, "explain", {"invoice": name, "line": line}, owner)

    def lines() -> None:
        said = found["line"]
        amount = money(said["amount"]["currency"], said["amount"]["minor"])
        write(f"{said['name']} for {said['subscription']}: {said['formula']} = {amount}")
        priced = found["price_book_seq"]
        write(f"price book {said['book']} {said['version']}, applied by event {priced}")
        write(f"{found['count']} event(s) behind it")
        for event in found["events"]:
            write(f"  {msgspec.json.encode(event).decode()}")
        if found["next"] is not None:
            note("-o json and `catalyst query billing explain` read the rest, page by page")

    show(found, output, lines)


def replay(
    name: InvoiceArgument,
    *,
    org: OrgOption = None,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Make an invoice again from the log, and compare it byte for byte.

    Exit codes:
        0  it is the same
        8  it is not

    Example:
      catalyst billing replay 2026-11 --org omantel
    """
    found = _ask(resolve(context, url, token), "replay", {"invoice": name}, _owner(org))
    verdict = "the same bytes" if found["same"] else "NOT the same bytes"
    text = f"{found['number'] or found['invoice']}: {verdict}, {found['bytes']} of them"
    show(found, output, lambda: write(text))
    if not found["same"]:
        raise Ended(ExitCode.CHECK_FAILED)


def _ask(target: Target, name: str, asked: dict[str, Any], owner: str) -> Any:
    async def work() -> Any:
        async with reads(target) as door:
            return (await door.query("billing", name, asked, organization=owner)).result

    return run(work())


def _row(target: Target, kinds: str, name: str, owner: str | None) -> dict[str, Any]:
    async def work() -> dict[str, Any]:
        async with reads(target) as door:
            try:
                row, _ = await door.get(kinds, name, organization=owner or "_")
            except Problem as problem:
                if problem.status != _NOT_FOUND:
                    raise
                raise Failure(
                    ExitCode.NOT_FOUND,
                    f"there is no {kinds.removesuffix('s')} {name!r}, or it is not yours to see",
                    code=problem.code,
                ) from problem
            found: dict[str, Any] = msgspec.to_builtins(row.doc)
            return found

    return run(work())


_NOT_FOUND: Final = 404


def _owner(org: str | None) -> str:
    owner = organization(org)
    if owner is None:
        raise Failure(ExitCode.USAGE, "--org is missing: whose is it?")
    return owner


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
        amount = money(hold["amount"]["currency"], hold["amount"]["minor"])
        write(f"{amount} held for change {hold['hold']}")
