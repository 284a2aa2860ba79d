"""`catalyst billing`: what an Organization has, what things cost, and what was charged."""

from __future__ import annotations

import re
import shlex
from typing import Annotated, Any, Final

import msgspec
import typer

from catalyst.chassis import clock
from catalyst.cli import ages, files, owned, spent
from catalyst.cli.exits import ExitCode, Failure
from catalyst.cli.kinds import micro, money
from catalyst.cli.output import Format, Table, clean, note, show, write
from catalyst.cli.planshow import amount, write_lines
from catalyst.cli.send import conclude
from catalyst.cli.sending import commands
from catalyst.cli.target import (
    ContextOption,
    OutputOption,
    OwnerOption,
    Target,
    TimeoutOption,
    TokenOption,
    UrlOption,
    resolve,
    run,
)
from catalyst.contracts.message import Outcome
from catalyst.contracts.subjects import PLATFORM

BOOK: Final = "default"
_MANIFEST: Final = re.compile(r"""^(\{\s*)?["']?apiVersion["']?\s*:""", re.MULTILINE)
"""What every manifest has at its top, and no price book."""


def balance(
    *,
    org: OwnerOption = None,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Show what stands on an Organization's account, and which credit it is made of.

    Example:
      catalyst billing balance --org omantel
    """
    target = resolve(context, url, token)
    doc, owner = account_of(target, org)
    show(doc, output, lambda: _balance(doc, spent.lines(target, doc, owner)))
    if output is Format.TABLE and not doc["balances"]:
        _say_no_money(owner)
    elif output is Format.TABLE:
        note(f"`catalyst billing ledger --org {owner}` shows how it came about")


def ledger(
    *,
    org: OwnerOption = None,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Show the latest movements of an account, newest first; each adds up to nothing.

    Example:
      catalyst billing ledger --org omantel -o json
    """
    doc, owner = account_of(resolve(context, url, token), org)
    found = doc["ledger"]
    table = Table("SEQ", "TIME", "WHAT", "ENTRY", "POSTINGS")
    for item in found:
        postings = [f"{one['account']} {amount(one['amount'])}" for one in item["postings"]]
        about = item.get("about")
        entry = f"{about} ({item['entry']})" if about else item["entry"]
        table.add(item["seq"], item["time"], item["kind"], entry, "; ".join(postings))
    show(found, output, table.write)
    if output is Format.TABLE and not found:
        _say_no_money(owner)
    elif output is Format.TABLE:
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
    if _MANIFEST.search(text):
        raise Failure(
            ExitCode.USAGE,
            f"{files.shown(file)} holds a manifest, and not a price book",
            hint=f"`catalyst apply -f {shlex.quote(file)}` makes it so",
        )
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
    if sent.status == "accepted" and output is Format.TABLE:
        write(clean(_applied(sent)))
    else:
        conclude(sent, output)
    if output is Format.TABLE:
        note("`catalyst billing price-book show` has it with its versions")


def show_book(
    *,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Show the price book's last version, and how each version differs from the one before.

    Example:
      catalyst billing price-book show -o json
    """
    missing = owned.no_such("price book", "`catalyst billing price-book apply FILE` brings one")
    doc = owned.row(resolve(context, url, token), "price-books", BOOK, PLATFORM, missing)
    show(doc, output, lambda: _book(doc))


def _say_no_money(owner: str) -> None:
    note(f"no money moved yet; `catalyst voucher redeem CODE --org {owner}` brings credit")


def account_of(target: Target, org: str | None) -> tuple[Any, str]:
    """Return the row of an Organization's account, and whose it is."""
    owner = owned.owner_of(target, org, "whose account is it?")
    missing = owned.no_such(
        f"account of {owner!r}",
        "each Organization has one; `catalyst get organizations` lists yours",
    )
    return owned.row(target, "accounts", owner, owner, missing), owner


def _applied(sent: Outcome) -> str:
    """Return what became of a version in words."""
    book: dict[str, Any] = msgspec.to_builtins(sent.result)
    name = f"{book['book']} {book['version']}"
    if not sent.events:
        return f"{name} was applied before; nothing changed"
    count = book["changes"]
    # Nothing is counted for the first book of all, which changes every price there was: none.
    prices = "1 price differs" if count == 1 else f"{count} prices differ"
    differ = f"; {prices} from the version before" if count else ""
    return f"{name} is in force from {book['from']} on{differ}"


def _book(doc: dict[str, Any]) -> None:
    book = doc["latest"]
    write(clean(f"{book['book']} {book['version']}, in force from {book['start'][:10]} on"))
    table = Table("SKU", "NAME", "PRICE")
    for kind in ("package", "blueprint"):
        for one in book[f"{kind}s"]:
            table.add(f"{kind}.{one['sku']}", one["name"], _month(one))
    for one in book["addons"]:
        states = ", ".join(f"{name} {state}" for name, state in sorted(one["packages"].items()))
        table.add(one["sku"], one["name"], f"{_month(one)} ({states})")
    for one in book["usage"]:
        table.add(one["sku"], one["name"], _use(one))
    table.write()
    versions = Table("VERSION", "FROM", "WHAT")
    for one in doc["versions"]:
        changes = "; ".join(map(_change, one["changes"]))
        versions.add(one["version"], one["start"][:10], changes)
    versions.write()


def _month(priced: dict[str, Any]) -> str:
    if not any(one["minor"] for one in priced["month"]):
        return "no charge of its own"
    return f"{' or '.join(map(amount, priced['month']))} a month"


def _use(charge: dict[str, Any]) -> str:
    """Return what use costs: a step a part, with how far it goes."""
    size = f"{charge['size']} {charge['unit']}" if charge["size"] != 1 else charge["unit"]
    steps = []
    for step in charge["steps"]:
        prices = [micro(one["currency"], one["micro"]) for one in step["price"] if one["micro"]]
        each = " or ".join(prices) or "free"
        flat = "".join(f" and {amount(one)}" for one in step["flat"])
        upper = "" if step["up_to"] is None else f" up to {step['up_to']}"
        steps.append(f"{each}{flat}{upper}")
    free = f", {charge['included']} included" if charge["included"] else ""
    least = "".join(f", at least {amount(one)}" for one in charge["minimum"])
    return f"{charge['formula']} by {size}: {'; '.join(steps)}{free}{least}"


def _change(change: dict[str, Any]) -> str:
    match change["change"]:
        case "added":
            return f"{change['sku']} new, {change['after']}"
        case "removed":
            return f"{change['sku']} gone"
        case _:
            return f"{change['sku']} {change['after']}, was {change['before']}"


def _vouchers(doc: dict[str, Any]) -> dict[str, str]:
    """Return how a person knows the vouchers whose credit is there, by their entry."""
    return {
        grant["grant"]: f"{grant['reason']} ({grant['grant']})"
        for grant in doc.get("grants", ())
        if grant["source"] == "voucher"
    }


def beyond(doc: dict[str, Any]) -> list[str]:
    """Return in each currency how far orders may go beyond the credit, where they may."""
    limits = [(one["currency"], one.get("credit_limit")) for one in doc["balances"]]
    return [
        f"orders may go up to {money(currency, most)} beyond the credit, and are paid with their "
        "invoice"
        for currency, most in limits
        if most
    ]


def _balance(doc: dict[str, Any], limits: list[str]) -> None:
    table = Table("CURRENCY", "AVAILABLE", "CREDIT", "HELD", "OWED", "TAKEN")
    for item in doc["balances"]:
        currency = item["currency"]
        table.add(
            currency,
            *(money(currency, item[x]) for x in ("available", "credit", "held", "owed", "revenue")),
        )
    table.write()
    if doc["status"] == "closed":
        write("the account is closed: its credit pays for what is still invoiced, and nothing else")
    write_lines(beyond(doc))
    known = _vouchers(doc)
    for grant in doc["grants"]:
        left = money(grant["amount"]["currency"], grant["left"])
        until = f", until {ages.left(grant['expires'])}" if grant["expires"] else ""
        name = known.get(grant["grant"], f"{grant['source']} {grant['grant']}")
        write(clean(f"{left} left of {name}{until}"))
    write_lines(limits)
    for hold in doc["holds"]:
        write(f"{amount(hold['amount'])} held for change {hold['hold']}")
