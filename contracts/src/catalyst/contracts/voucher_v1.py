"""Messages of vouchers and their redemption: version 1.

A code stands in the commands that issue and redeem it, and in the dead letter of one that is set
aside; nowhere else: neither in a subject, nor in an event, nor in a row. The voucher's id is made
of its code by `voucher_id`, which cannot be turned back; what is shown is the prefix.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec

from catalyst.contracts.account_v1 import PRIORITY, EntryId, Priority
from catalyst.contracts.message import END, Command, Event, UtcTime
from catalyst.contracts.money_v1 import Money
from catalyst.contracts.secret import SECRET
from catalyst.contracts.values_v1 import Line, Reason, Slug

ALPHABET: Final = "ABCDEFGHJKMNPQRSTUVWXYZ2345678"
"""Thirty letters and digits that nobody takes for another one."""
CODE_PREFIX: Final = "VCH-"
CODE_LENGTH: Final = 12
_SALT: Final = "catalyst.voucher.v1:"
_BETWEEN: Final = re.compile(r"[\s-]+")
_SHOWN: Final = 4

Code = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=64,
        pattern=r"^[A-Za-z0-9 -]*" + END,
        description="1 to 64 letters, digits, '-' or spaces",
        examples=["VCH-7QKD-M2XW-PA4R"],
        extra=SECRET,
    ),
]
Cap = Annotated[
    int, msgspec.Meta(ge=1, le=10_000, description="a number from 1 to 10000", examples=[100])
]
Days = Annotated[
    int, msgspec.Meta(ge=1, le=3650, description="a number of days up to 3650", examples=[90])
]


Standing = Literal["issued", "not begun", "over", "used up", "revoked"]
"""How a voucher stands at an instant: the first of these alone can be redeemed."""


def standing(
    status: str,
    *,
    redeemed: int,
    cap: int,
    starts: datetime | None,
    ends: datetime | None,
    now: datetime,
) -> Standing:
    """Return how a voucher stands: what was done with it, else what the clock says.

    The page has the same, in `voucher.js`.

    Args:
        status: What a row or a state says of it.
        redeemed: Redemptions that count for good.
        cap: How often it may be redeemed.
        starts: From when on it may be redeemed; None: at once.
        ends: Until when; None: no end.
        now: The instant.
    """
    if status == "revoked":
        return "revoked"
    if redeemed >= cap:
        return "used up"
    if ends is not None and ends <= now:
        return "over"
    return "not begun" if starts is not None and starts > now else "issued"


def normalised(code: str) -> str:
    """Return a code as it is compared: capital letters and digits alone."""
    return _BETWEEN.sub("", code).upper()


def voucher_id(code: str) -> str:
    """Return the id of the voucher that has this code, however it is written."""
    return hashlib.sha256((_SALT + normalised(code)).encode()).hexdigest()


def shown_prefix(code: str) -> str:
    """Return the part of a code that may be shown: its first characters, never a third of it."""
    plain = normalised(code).removeprefix(CODE_PREFIX.rstrip("-"))
    start = CODE_PREFIX if normalised(code) != plain else ""
    return f"{start}{plain[: min(_SHOWN, len(plain) // 3)]}…"


# ---- commands to a voucher


class IssueVoucher(Command, frozen=True, kw_only=True):
    """Issue a voucher; its id is made of the code."""

    code: Code
    """The code, which is shown to nobody again."""
    amount: Money
    """What it is worth."""
    cap: Cap
    """How often it may be redeemed."""
    description: Annotated[Line, msgspec.Meta(examples=["Spring fair"])] = ""
    """What it is for."""
    starts: UtcTime | None = None
    """From when on it may be redeemed; null: at once."""
    ends: UtcTime | None = None
    """Until when it may be redeemed; null: no end."""
    credit_days: Days | None = None
    """After how many days the credit expires; null: never."""
    priority: Priority = PRIORITY
    """Which credit is spent first: the lower number."""


class RevokeVoucher(Command, frozen=True, kw_only=True):
    """Let nobody redeem it any more; what was redeemed stays."""

    reason: Reason
    """Why, for whoever looks at it later."""


class ReserveVoucher(Command, frozen=True, kw_only=True):
    """Keep one redemption for an Organization; sent by its redemption."""

    organization: Slug
    """The Organization."""
    redemption: EntryId
    """The redemption."""


class ConfirmVoucher(Command, frozen=True, kw_only=True):
    """Count a kept redemption for good; sent by the redemption."""

    organization: Slug
    """The Organization."""
    redemption: EntryId
    """The redemption."""


class ReleaseVoucher(Command, frozen=True, kw_only=True):
    """Give a kept redemption back, unless its credit was granted; then it counts for good."""

    organization: Slug
    """The Organization."""
    redemption: EntryId
    """The redemption."""
    reason: Annotated[Line, msgspec.Meta(examples=["account-closed"])] = ""
    """Why, for whoever looks at it later."""


# ---- command to a redemption


class RedeemVoucher(Command, frozen=True, kw_only=True):
    """Redeem a voucher for the Organization."""

    code: Code
    """The code."""


# ---- events of a voucher


class VoucherIssued(Event, frozen=True, kw_only=True):
    """A voucher exists."""

    prefix: str
    """The part of its code that may be shown."""
    amount: Money
    """What it is worth."""
    cap: int
    """How often it may be redeemed."""
    description: str = ""
    """What it is for."""
    starts: UtcTime | None = None
    """From when on it may be redeemed; null: at once."""
    ends: UtcTime | None = None
    """Until when it may be redeemed; null: no end."""
    credit_days: int | None = None
    """After how many days the credit expires; null: never."""
    priority: int = PRIORITY
    """Which credit is spent first: the lower number."""


class VoucherRevoked(Event, frozen=True, kw_only=True):
    """Nobody can redeem it any more."""

    reason: str
    """Why it was revoked."""


class VoucherReserved(Event, frozen=True, kw_only=True):
    """One redemption is kept for an Organization."""

    organization: str
    """The Organization."""
    redemption: str
    """The redemption."""
    prefix: str
    """The part of its code that may be shown."""
    amount: Money
    """What it is worth."""
    deadline: UtcTime
    """Until when it is kept."""
    gen: str
    """Which arming of the deadline counts."""
    expires: UtcTime | None = None
    """When the credit expires; null: never."""
    priority: int = PRIORITY
    """Which credit is spent first: the lower number."""


class VoucherConfirmed(Event, frozen=True, kw_only=True):
    """A kept redemption counts for good."""

    organization: str
    """The Organization."""
    redemption: str
    """The redemption."""


class VoucherReleased(Event, frozen=True, kw_only=True):
    """A kept redemption is free again."""

    organization: str
    """The Organization."""
    redemption: str
    """The redemption."""
    reason: str = ""
    """Why it was given back."""


# ---- events of a redemption


class RedemptionStarted(Event, frozen=True, kw_only=True):
    """Somebody entered a code; the voucher is asked for a redemption."""

    voucher: str
    """Id of the voucher that has the code, if there is one."""
    deadline: UtcTime
    """When it fails, if the voucher does not answer."""
    gen: str
    """Which arming of the deadline counts."""
    asked: str
    """Id of the command that asks the voucher."""


class RedemptionReserved(Event, frozen=True, kw_only=True):
    """The voucher keeps a redemption; the account is asked to grant its credit."""

    amount: Money
    """What the voucher is worth."""
    prefix: str
    """The part of its code that may be shown."""
    asked: str
    """Id of the command that asks the account."""
    input: str = ""
    """Id of the event that led here."""


class RedemptionCompleted(Event, frozen=True, kw_only=True):
    """The credit is on the account."""

    input: str = ""
    """Id of the event that led here."""


class RedemptionFailed(Event, frozen=True, kw_only=True):
    """The code was not redeemed."""

    code: str
    """Why, for programs."""
    input: str = ""
    """Id of the event, firing or answer that led here."""
