"""`catalyst billing limit`: what a month may cost, and how far orders may go beyond the credit."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from catalyst.cli import owned, spent
from catalyst.cli.billing import account_of, beyond
from catalyst.cli.charging import sent_to
from catalyst.cli.output import Format, clean, note, show, write
from catalyst.cli.planshow import write_lines
from catalyst.cli.send import tell
from catalyst.cli.target import (
    ContextOption,
    OutputOption,
    OwnerOption,
    TimeoutOption,
    TokenOption,
    UrlOption,
    resolve,
)
from catalyst.cli.voucher import CurrencyArgument, typed_money
from catalyst.contracts.message import Outcome

_WHOSE: Final = "whose account is it?"
LimitArgument = Annotated[
    str, typer.Argument(metavar="AMOUNT", help="The most: `50.000`; `0`: nothing.")
]


def show_(
    *,
    org: OwnerOption = None,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Show an account's limits, how near to them the month is, and what was told of that.

    Example:
      catalyst billing limit show --org omantel
    """
    target = resolve(context, url, token)
    doc, owner = account_of(target, org)
    found = spent.so_far(target, owner)
    sums = found.amounts
    limits: dict[str, Any] = {
        "organization": owner,
        "spend_limits": doc["spend_limits"],
        "credit_limits": [
            {"currency": one["currency"], "minor": one["credit_limit"]}
            for one in doc["balances"]
            if one["credit_limit"]
        ],
        "month": found.month,
        "spent": None
        if sums is None
        else [{"currency": name, "minor": minor} for name, minor in sorted(sums.items())],
        "alerts": found.alerts,
    }
    show(limits, output, lambda: _told(doc, found))
    if output is Format.TABLE and not doc["spend_limits"]:
        note(f"`catalyst billing limit spend AMOUNT CURRENCY --org {owner}` sets one")


def _told(doc: dict[str, Any], found: spent.Spent) -> None:
    bounded = spent.told(doc, found) if doc["spend_limits"] else []
    write_lines(bounded or ["a month may cost anything that credit pays for: no limit is set"])
    write_lines(beyond(doc) or ["orders do not go beyond the credit"])


def spend(
    amount: LimitArgument,
    currency: CurrencyArgument,
    *,
    org: OwnerOption = None,
    timeout: TimeoutOption = 30.0,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Spend at most this much in a calendar month. Needs the role org-admin.

    Example:
      catalyst billing limit spend 50.000 OMR --org omantel

    Each currency has a limit of its own; once one has, what is bought in another needs one too. At
    80 and at 100 percent that is told; from then on nothing more is ordered, and use is counted.
    """
    limit = typed_money(amount, currency)
    target = resolve(context, url, token)
    owner = owned.owner_of(target, org, _WHOSE)
    sent = sent_to(target, "set-spend-limit", owner, {"limit": limit}, timeout)
    text = f"a month of {owner} may cost {limit}"
    tell(sent, output, lambda: _say(text, "; that was the limit before", sent, owner))


def lift(
    currency: Annotated[
        str | None,
        typer.Argument(metavar="CURRENCY", help="In which, such as OMR; else in every one."),
    ] = None,
    *,
    org: OwnerOption = None,
    timeout: TimeoutOption = 30.0,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Take a spend limit away. Needs the role org-admin.

    Example:
      catalyst billing limit lift OMR --org omantel

    How far orders may go beyond the credit is another limit: `catalyst billing limit credit 0 OMR`
    takes that away.
    """
    target = resolve(context, url, token)
    owner = owned.owner_of(target, org, _WHOSE)
    data = {"limit": None, "currency": currency}
    sent = sent_to(target, "set-spend-limit", owner, data, timeout)
    text = f"{owner} has no spend limit{f' in {currency}' if currency else ''} any more"
    tell(sent, output, lambda: _say(text, "; there was none before", sent, owner))


def credit(
    amount: LimitArgument,
    currency: CurrencyArgument,
    *,
    org: OwnerOption = None,
    timeout: TimeoutOption = 30.0,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Let orders go beyond the credit by at most this much. Needs the role billing-admin.

    Example:
      catalyst billing limit credit 100.000 OMR --org omantel

    What they cost beyond it is owed, and paid with the invoice. With 0, orders do not go beyond it.
    """
    limit = typed_money(amount, currency)
    target = resolve(context, url, token)
    owner = owned.owner_of(target, org, _WHOSE)
    sent = sent_to(target, "set-credit-limit", owner, {"limit": limit}, timeout)
    text = f"orders of {owner} may go up to {limit} beyond the credit"
    if limit.minor == 0:
        text = f"orders of {owner} in {currency} do not go beyond the credit"
    tell(sent, output, lambda: _say(text, "; that was so before", sent, owner))


def _say(text: str, again: str, sent: Outcome, owner: str) -> None:
    write(clean(text + ("" if sent.events else again)))
    note(f"`catalyst billing limit show --org {owner}` shows the limits, and how near the month is")
