"""`catalyst billing grant` and `payment`: what a billing-admin puts on an account."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from catalyst.cli import owned
from catalyst.cli.charging import ReasonOption, sent_to
from catalyst.cli.exits import Typed
from catalyst.cli.output import Format, clean, note, write
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
from catalyst.cli.voucher import CurrencyArgument, instant, typed_money
from catalyst.contracts.message import Outcome

WHOSE: Final = "whose account is it?"
_PAID: Final = "billing.invoice-paid.v1"
_AGAIN: Final = "; it stood there before, and counts once"


def grant(
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="How much is given: `5.000`.")],
    currency: CurrencyArgument,
    *,
    grant_name: Annotated[
        str, typer.Option("--as", help="Name of the grant; the same one counts once.")
    ],
    reason: ReasonOption,
    expires: Annotated[
        str | None,
        typer.Option(help="Until when: `2026-12-31T14:00:00Z`, or a day; else for ever."),
    ] = None,
    priority: Annotated[
        int, typer.Option(help="Which credit is spent first: the lower number.", min=1, max=100)
    ] = 50,
    org: OwnerOption = None,
    timeout: TimeoutOption = 30.0,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Give an Organization credit out of goodwill. Needs billing-admin or sovereign-admin.

    Example:
      catalyst billing grant 5.000 OMR --as outage-1 --org omantel --reason "Two days down."

    A voucher is credit for whoever has its code: `catalyst voucher issue`.
    """
    data: dict[str, Any] = {"grant": grant_name, "reason": reason, "priority": priority}
    typed = Typed()
    with typed.looking():
        data["amount"] = money = typed_money(amount, currency)
    with typed.looking():
        data |= {"expires": instant(expires, "expires")} if expires else {}
    typed.settle()
    target = resolve(context, url, token)
    owner = owned.owner_of(target, org, WHOSE)
    sent = sent_to(target, "grant-credit", owner, data, timeout)
    text = f"{money} of goodwill stands on the account of {owner} as {grant_name}"
    tell(sent, output, lambda: _say(text, sent, owner))


def payment(
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="How much came in: `20.000`.")],
    currency: CurrencyArgument,
    *,
    payment_name: Annotated[
        str, typer.Option("--as", help="Name of the payment; the same one counts once.")
    ],
    reference: Annotated[str, typer.Option(help="What the bank statement calls it.")],
    org: OwnerOption = None,
    timeout: TimeoutOption = 30.0,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Take note of money that came in, such as a bank transfer. Needs the role billing-admin.

    Example:
      catalyst billing payment 20.000 OMR --as p-7781 --org omantel --reference "Transfer 7781"

    It pays what is owed first, the oldest invoice before the others; the rest is credit.
    """
    money = typed_money(amount, currency)
    target = resolve(context, url, token)
    owner = owned.owner_of(target, org, WHOSE)
    data = {"payment": payment_name, "amount": money, "reference": reference}
    sent = sent_to(target, "record-payment", owner, data, timeout)
    text = f"{money} came in for {owner} as {payment_name}"
    paid = sent.events.count(_PAID)
    if paid:
        text += f", and {paid} invoice{' is' if paid == 1 else 's are'} paid by it"
    tell(sent, output, lambda: _say(text, sent, owner))


def _say(text: str, sent: Outcome, owner: str) -> None:
    write(clean(text + ("" if sent.events else _AGAIN)))
    note(f"`catalyst billing balance --org {owner}` shows what there is, and what is owed")
