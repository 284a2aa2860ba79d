"""`catalyst billing invoice`: what was charged, why, and that the log says the same."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from catalyst.chassis import clock
from catalyst.cli import owned
from catalyst.cli.charged import charged
from catalyst.cli.exits import Ended, ExitCode, Failure, of_problem
from catalyst.cli.get import Wanted, read
from catalyst.cli.output import Format, Table, clean, note, show, to_the_second, write
from catalyst.cli.planshow import amount
from catalyst.cli.target import (
    ContextOption,
    OutputOption,
    OwnerOption,
    Target,
    TokenOption,
    UrlOption,
    resolve,
)
from catalyst.client.errors import Problem

MONTH_HINT: Final = "write a year and a month, such as 2026-11"
LINE_HINT: Final = "write INVOICE/LINE, such as 2026-11/1; `invoice show` numbers the lines"
_MONTHLY: Final = re.compile(r"[0-9]{4}-([0-9]{2})")
_MONTH: Final = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_NUMBER: Final = re.compile(r"[0-9]{4}-[0-9]{6}")
_WHOSE: Final = "whose invoices are they?"


def _month(text: str) -> str:
    shape = _MONTHLY.fullmatch(text)
    if shape is None:
        raise Failure(ExitCode.USAGE, f"MONTH: {text!r} is no month", hint=MONTH_HINT)
    if not 1 <= int(shape[1]) <= 12:
        raise _no_month("MONTH", shape[1])
    return text


def _no_month(typed: str, number: str) -> Failure:
    return Failure(ExitCode.USAGE, f"{typed}: there is no month {number}", hint=MONTH_HINT)


def _month_or_number(text: str) -> str:
    return text if _NUMBER.fullmatch(text) else _month(text)


MonthArgument = Annotated[
    str,
    typer.Argument(
        metavar="MONTH", parser=_month, help="The invoice's month, as `invoice list` shows it."
    ),
]
InvoiceArgument = Annotated[
    str,
    typer.Argument(
        metavar="MONTH",
        parser=_month_or_number,
        help="The invoice's month, or its number, as `invoice list` shows them.",
    ),
]


def list_(
    *,
    org: OwnerOption = None,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """List the invoices of an Organization, by month.

    Example:
      catalyst billing invoice list --org omantel
    """
    target = resolve(context, url, token)
    owner = owned.owner_of(target, org, _WHOSE)
    some = read(target, Wanted(kinds="invoices", where={"organization": owner}), output)
    if output is Format.TABLE and some:
        note(f"`catalyst billing invoice show MONTH --org {owner}` shows the lines of one")


def show_(
    invoice: InvoiceArgument,
    *,
    org: OwnerOption = None,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Show an invoice, line by line, and what it adds up to; of a month that runs, so far.

    Example:
      catalyst billing invoice show 2026-11 --org omantel
    """
    target = resolve(context, url, token)
    owner = owned.owner_of(target, org, _WHOSE)
    invoice = month_of(target, owner, invoice)
    missing = _no_invoice(owner, invoice)
    row: Mapping[str, Any] = {}
    try:
        doc = row = owned.row(target, "invoices", invoice, owner, missing)
        if not doc["lines"]:
            doc = _running(target, invoice, owner, missing)
    except Failure as absent:
        doc = _running(target, invoice, owner, absent)
    show(doc, output, lambda: _invoice(doc, row))
    if output is Format.TABLE and doc.get("next"):
        note(f"of {doc['count']} lines; `catalyst query billing invoice` reads on from `start`")
    if output is Format.TABLE and not doc["lines"]:
        note("nothing was ordered or used that costs anything")
    if output is Format.TABLE and doc["lines"]:
        place = f"{invoice}/{doc['lines'][0]['line']}"
        note(f"`catalyst billing invoice explain {place} --org {owner}` opens a line")
    if output is Format.TABLE and doc.get("number"):
        note_early(invoice, owner)
    if output is Format.TABLE and _ahead(doc) and any(map(_goes_on, doc["lines"])):
        note(
            f"{doc['month']} has not begun; what goes on is charged once it has, if it is still "
            "there: until then it only counts in the total here"
        )


def explain(
    line: Annotated[
        str, typer.Argument(metavar="LINE", help="A line of an invoice, such as `2026-11/1`.")
    ],
    *,
    org: OwnerOption = None,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Open a line of an invoice, or of a credit note: price, formula, and every event behind it.

    Example:
      catalyst billing invoice explain 2026-11/1 --org omantel
    """
    invoice, number = parted(line)
    target = resolve(context, url, token)
    owner = owned.owner_of(target, org, _WHOSE)
    invoice = _known(target, owner, invoice)
    asked = {_kind(invoice): invoice, "line": number}
    found = _asked(target, "explain", asked, owner, "LINE")
    show(found, output, lambda: _explained(found))
    if output is not Format.TABLE:
        return
    if found["next"] is not None:
        note("`catalyst query billing explain` reads the rest, page by page")
    if found["number"]:
        again = f"`catalyst billing invoice replay {invoice} --org {owner}`"
        note(f"{again} makes the whole of it again")
    elif invoice <= f"{clock.now():%Y-%m}":
        close = f"`catalyst billing invoice finalize {invoice} --org {owner}`"
        note(f"the invoice has no number yet; a billing-admin's {close} closes the month now")


def note_early(month: str, owner: str) -> None:
    """Say where the rest of a month stands that is closed, if it is not over."""
    if month != f"{clock.now():%Y-%m}":
        return
    following = f"`catalyst billing invoice show {_after(month)} --org {owner}`"
    note(
        f"the month was closed early; {following} has what is ordered or used in it since, and "
        "what goes on"
    )


def replay(
    invoice: Annotated[
        str,
        typer.Argument(metavar="ID", help="The invoice's month or number; a credit note's name."),
    ],
    *,
    org: OwnerOption = None,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Make an invoice, or a credit note, again from the log, and compare it byte for byte.

    Exit codes:
        0  it is the same
        8  it is not

    Example:
      catalyst billing invoice replay 2026-11 --org omantel
    """
    target = resolve(context, url, token)
    owner = owned.owner_of(target, org, _WHOSE)
    invoice = _known(target, owner, invoice)
    found = _asked(target, "replay", {_kind(invoice): invoice}, owner, "ID")
    show(found, output, lambda: _replayed(found))
    if not found["same"]:
        raise Ended(ExitCode.CHECK_FAILED)


def parted(text: str) -> tuple[str, int]:
    """Return the invoice and the number that name a line, as in `2026-11/1`.

    Raises:
        Failure: If one of them is missing or the number is none.
    """
    invoice, _, number = text.rpartition("/")
    if not invoice or not number.isascii() or not number.isdigit() or int(number) < 1:
        raise Failure(ExitCode.USAGE, f"LINE: {text!r} names no line", hint=LINE_HINT)
    return invoice, int(number)


def month_of(target: Target, owner: str, invoice: str) -> str:
    """Return the month of an invoice, which may be named by its number.

    Raises:
        Failure: If there is no invoice of that number.
    """
    if not _NUMBER.fullmatch(invoice):
        return invoice
    month = _numbered(target, owner, invoice)
    if month is None:
        raise _no_invoice(owner, invoice)
    return month


def _known(target: Target, owner: str, name: str) -> str:
    """Return the month of an invoice; the name of what is none, as credit notes have any name."""
    month = _numbered(target, owner, name) if _NUMBER.fullmatch(name) else None
    return name if month is None else month


def _numbered(target: Target, owner: str, number: str) -> str | None:
    docs = owned.docs(target, "invoices", owner)
    return next((doc["month"] for doc in docs if doc["number"] == number), None)


def _no_invoice(owner: str, name: str) -> Failure:
    hint = f"`catalyst billing invoice list --org {owner}` shows those there are"
    return owned.no_such(f"invoice {name!r} of {owner!r}", hint)


def _after(month: str) -> str:
    """Return the month after one."""
    year, number = int(month[:4]), int(month[5:])
    return f"{year + number // 12:04d}-{number % 12 + 1:02d}"


def _kind(name: str) -> str:
    """Return what a name is of: invoices are named by their months, credit notes by anything."""
    return "invoice" if _MONTH.fullmatch(name) else "credit_note"


def _asked(target: Target, question: str, asked: dict[str, Any], owner: str, typed: str) -> Any:
    """Return what billing answers of an invoice or a credit note.

    Raises:
        Failure: If there is no credit note of a name that may be a month's that was mistyped.
    """
    try:
        return owned.answer(target, "billing", question, asked, owner)
    except Problem as problem:
        if problem.code != "credit-note-not-found":
            raise of_problem(problem, owner) from problem
        name = asked["credit_note"]
        shape = _MONTHLY.fullmatch(name)
        if shape is not None:
            raise _no_month(typed, shape[1]) from problem
        hint = "an invoice is named by its month, such as 2026-11, or by its number; "
        raise Failure(
            ExitCode.NOT_FOUND,
            problem.message,
            code=problem.code,
            hint=f"{hint}`catalyst get credit-notes --org {owner}` shows the credit notes",
        ) from problem


def _running(target: Target, invoice: str, owner: str, absent: Failure) -> Any:
    """Return what the invoice of a month that is not closed would say now.

    Raises:
        Failure: `absent`, if there is no such month.
    """
    try:
        return owned.answer(target, "billing", "invoice", {"invoice": invoice}, owner)
    except Problem as problem:
        if problem.status != owned.NOT_FOUND:
            raise
        raise absent from problem


def _invoice(doc: Mapping[str, Any], row: Mapping[str, Any]) -> None:
    """Write an invoice, and what its row says of what happened to it afterwards."""
    ahead = _ahead(doc)
    status = "not begun" if ahead else doc["status"]
    write(f"{doc['number'] or 'no number yet'}, {doc['month']}, {status}")
    table = Table("LINE", "WHAT", "FOR", "FORMULA", "AMOUNT", "BOOK")
    for line in doc["lines"]:
        book = f"{line['book']} {line['version']}"
        late = f", for {line['period']}" if line["period"] != doc["month"] else ""
        if ahead and _goes_on(line):
            late = ", if it goes on"
        table.add(
            line["line"], line["name"], line["subscription"], f"{line['formula']}{late}",
            amount(line["amount"]), book,
        )  # fmt: skip
    table.write()
    write_sums(doc)
    if row.get("reason"):
        write(clean(f"the invoice is void: {row['reason']}"))
    for one in row.get("credited", ()):
        back = (f"{amount(part['amount'])} of line {part['line']}" for part in one["lines"])
        write(clean(f"credit note {one['note']} gave back {', '.join(back)}"))


def _ahead(doc: Mapping[str, Any]) -> bool:
    """Return whether an invoice is of a month that has not begun: the one before closed early."""
    return bool(doc["status"] == "running" and doc["month"] > f"{clock.now():%Y-%m}")


def _goes_on(line: Mapping[str, Any]) -> bool:
    return bool(line["kind"] == "month")


def write_sums(doc: Mapping[str, Any]) -> None:
    """Write what an invoice adds up to, once for each currency."""
    for one in doc["amounts"]:
        parts = ", ".join(f"{name} {amount(one[name])}" for name in ("prepaid", "credit", "open"))
        write(f"total {amount(one['total'])}: {parts}")


def _explained(found: Mapping[str, Any]) -> None:
    line = found["line"]
    what = f"{line['name']} for {line['subscription']}: {line['formula']}"
    write(clean(f"{what} = {amount(line['amount'])}"))
    taken = "with this invoice"
    if line.get("hold"):
        taken = f"before, by change {line['hold']}: it took what was set aside for it"
    write(clean(f"for {line['period']}, charged {taken}"))
    book = clean(f"{line['book']} {line['version']}")
    write(f"price book {book}, applied by event {found['price_book_seq']}")
    for text in charged(found.get("charge")):
        write(clean(f"  {text}"))
    count = found["count"]
    write(f"{count} event{'' if count == 1 else 's'} behind it")
    for event in found["events"]:
        write(clean(f"  {_event(event)}"))
    for one in found["corrections"]:
        if "credit_note" in one:
            write(clean(f"credit note {one['credit_note']} gave back {amount(one['amount'])}"))
        else:
            write(clean(f"the invoice is void: {one['reason']}"))


def _event(found: Mapping[str, Any]) -> str:
    """Return an event behind a line in words, with its place in the log."""
    use = found.get("use")
    if use is None:
        what = found["type"].split(".")[1].replace("-", " ")
        return f"event {found['seq']}: {what} in {found['month']}"
    value = f" for {use['value']}" if use["value"] else ""
    when = to_the_second(use["time"])
    by = f"told by {use['source']} as {use['id']}"
    return f"event {found['seq']}: {use['quantity']} used at {when}{value}, {by}"


def _replayed(found: Mapping[str, Any]) -> None:
    verdict = "the same bytes" if found["same"] else "NOT the same bytes"
    name = found["number"] or found.get("invoice") or found["credit_note"]
    write(f"{name}: {verdict}, {found['bytes']} of them")
    write(f"sha256 {found['replayed']}")
