"""What was used: version 1 of the message on `USE`, and of the events that count it.

A message of use is a CloudEvent in structured mode on `use.<organization>.…`. Its source and id
name it: however often it comes, it counts once. The aggregate's id is the month, `2026-04`.
"""

from __future__ import annotations

import hashlib
from datetime import UTC
from typing import Annotated, Final, Literal

import msgspec

from catalyst.contracts.message import END, Event, Part, UtcTime
from catalyst.contracts.money_v1 import MicroMoney, Money
from catalyst.contracts.prices_v1 import Aggregation, Sku
from catalyst.contracts.subjects import Claim

USE_TYPE: Final = "usage.reported.v1"
"""The CloudEvents type of a message of use."""
MAX_QUANTITY: Final = 10**12
OTHER_CONTENT: Final = "other-content"
"""Why a use is not counted whose name another one has that is."""
DIGEST_LENGTH: Final = 16
"""Hexadecimal digits of a use's fingerprint: two under one name are told apart, no more."""

UseText = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=200,
        description="a text of 1 to 200 characters",
        examples=["ai-gateway"],
    ),
]
Subscribed = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[a-z0-9][a-z0-9-]{0,62}\.[a-z0-9][a-z0-9-]{0,62}" + END,
        description="an Application and an Environment with a '.' between them",
        examples=["blog.acme-prod"],
    ),
]
Quantity = Annotated[
    int,
    msgspec.Meta(
        ge=0, le=MAX_QUANTITY, description="a whole number from 0 to 1000000000000", examples=[1200]
    ),
]
UsedValue = Annotated[
    str,
    msgspec.Meta(max_length=200, description="a text of at most 200 characters"),
]


class UseData(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `data` of a message of use."""

    meter: Sku
    """What is counted, as the price book calls it."""
    quantity: Quantity = 1
    """How much; each message is one, for a meter that counts messages or values."""
    value: UsedValue = ""
    """What is told apart, for a meter that counts different values."""


class UseMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message of use; attributes of CloudEvents that are not named here are passed over."""

    specversion: Literal["1.0"]
    """Version of CloudEvents."""
    id: UseText
    """Its name, once for each source."""
    source: UseText
    """Who counted."""
    type: Literal["usage.reported.v1"]
    """What it is."""
    subject: Subscribed
    """What was used: the Application in its Environment."""
    time: UtcTime
    """When it was used: this decides to which month it belongs."""
    data: UseData
    """How much of what."""
    organization: str | None = None
    """Slug of the Organization, if it is said; it must be the one of the subject."""


class Use(Part, frozen=True, kw_only=True):
    """One use, as it was reported."""

    source: str
    """Who counted."""
    id: str
    """Its name, once for each source."""
    time: UtcTime
    """When it was used."""
    subscription: str
    """What was used: the Application in its Environment."""
    meter: str
    """What was counted."""
    quantity: int
    """How much."""
    value: str = ""
    """What is told apart, for a meter that counts different values."""


class Metered(Part, frozen=True, kw_only=True):
    """What a month's use of one meter is, so far."""

    subscription: str
    """The Application in its Environment."""
    meter: str
    """What is counted."""
    aggregation: Aggregation
    """How single uses make the quantity."""
    quantity: int
    """The quantity so far."""
    uses: int
    """How many messages it was made of."""
    version: str
    """The version of the price book that says the price."""
    amount: MicroMoney
    """What it costs so far, before it is rounded on the invoice."""
    position: str = ""
    """Which use is the latest one, for a meter that takes the latest."""


class Unmatched(Part, frozen=True, kw_only=True):
    """A use that could not be counted."""

    use: Use
    """The use."""
    code: str
    """Why, for programs."""
    reason: str
    """Why, for people."""
    first: Use | None = None
    """The use that counts in its stead, of those that came with it; null: none of them does."""
    since: UtcTime | None = None
    """Since when it waits for what it lacks, to be counted by itself; null: it does not wait."""


class Invoiced(Part, frozen=True, kw_only=True):
    """How much of a meter stands on invoices now."""

    subscription: str
    """The Application in its Environment."""
    meter: str
    """What was counted."""
    quantity: int
    """The quantity that all invoices together are for."""
    amount: Money
    """What all invoices together say for it."""


class UsageOpened(Event, frozen=True, kw_only=True):
    """Something was reported for a month for the first time."""

    month: str
    """The month, such as `2026-04`."""


class UsageRecorded(Event, frozen=True, kw_only=True):
    """Use was counted."""

    uses: tuple[Use, ...]
    """What was counted now."""
    meters: tuple[Metered, ...]
    """Every meter that it moved, as it stands now."""
    waited: int = 0
    """How many of the first uses were listed until now: what they lacked has come."""


class UsageUnmatched(Event, frozen=True, kw_only=True):
    """Use could not be counted. What waits counts by itself once what it lacks is there.

    All else counts if it is sent again once it fits; but one that says something else under the
    name of another, which counts, never does.
    """

    uses: tuple[Unmatched, ...]
    """What was not counted, and why."""


class UsageLookedAt(Event, frozen=True, kw_only=True):
    """Some of the use that waits was looked at again; the rest is next."""

    after: str
    """The last one that was looked at and waits on; empty: all of it was looked at."""


class UsageInvoiced(Event, frozen=True, kw_only=True):
    """What was used stands on an invoice."""

    invoice: str
    """Id of the invoice."""
    meters: tuple[Invoiced, ...]
    """Every meter that the invoice moved."""


class SpendAlerted(Event, frozen=True, kw_only=True):
    """The month has cost so much of the spend limit."""

    percent: Literal[80, 100]
    """How much of the limit is reached."""
    spent: Money
    """What the month has cost so far."""
    limit: Money
    """The spend limit."""


def identity(organization: str, source: str, id_: str) -> str:
    """Return the name under which a use counts once in an Organization."""
    return hashlib.sha256(msgspec.json.encode((organization, source, id_))).hexdigest()


def claim_of(organization: str, use: Use) -> Claim:
    """Return the claim of a use's name: whoever holds it has counted it."""
    return Claim("usage", identity(organization, use.source, use.id), organization)


def digest(use: Use) -> str:
    """Return the fingerprint of what counts of a use: all but its name."""
    time = use.time.astimezone(UTC)
    content = (time, use.subscription, use.meter, use.quantity, use.value)
    return hashlib.sha256(msgspec.json.encode(content)).hexdigest()[:DIGEST_LENGTH]
