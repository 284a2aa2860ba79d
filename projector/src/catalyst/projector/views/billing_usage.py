"""The row of what was used in a month: meters, what they cost so far, and what fits nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.message import Event
from catalyst.contracts.money_v1 import Money
from catalyst.contracts.subjects import Ref, RowKey
from catalyst.contracts.usage_v1 import Invoiced, Metered, Use
from catalyst.projector.views.view import At, Fold, View

LATEST: Final = 50
"""Uses that fit nothing and are shown; all of them stay in the log."""

_replace = msgspec.structs.replace


class UnmatchedRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A use that could not be counted."""

    use: Use
    code: str
    reason: str
    since: datetime
    waits: bool = False
    """Whether it counts by itself once it fits; if not, it is to be sent again."""


class Alert(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A part of the spend limit was reached."""

    percent: int
    spent: Money
    limit: Money
    since: datetime


class UsageDocument(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What was used in a month."""

    organization: str
    month: str
    meters: tuple[Metered, ...] = ()
    """By subscription and meter: quantity, and the amount so far."""
    uses: int = 0
    """How many messages were counted."""
    waited: int = 0
    """How many of them were listed until what they lacked had come."""
    invoiced: tuple[Invoiced, ...] = ()
    """What stands on invoices."""
    unmatched_count: int = 0
    """How often a use could not be counted."""
    unmatched: tuple[UnmatchedRow, ...] = ()
    """The latest of them, newest first, each as it was told last; one that counts now is gone."""
    alerts: tuple[Alert, ...] = ()


Doc = UsageDocument


def key(ref: Ref) -> RowKey:
    """Return the key of a month's row."""
    return RowKey(ref.organization, None, "usage", None, ref.id)


def _opened(doc: Doc | None, event: bill1.UsageOpened, at: At) -> Doc:
    return doc or Doc(organization=at.ref.organization or "", month=event.month)


def _recorded(doc: Doc, event: bill1.UsageRecorded, _at: At) -> Doc:
    meters = {(one.subscription, one.meter): one for one in (*doc.meters, *event.meters)}
    unmatched = doc.unmatched
    if unmatched:
        counted = {(use.source, use.id) for use in event.uses}
        unmatched = tuple(one for one in unmatched if (one.use.source, one.use.id) not in counted)
    return _replace(
        doc,
        meters=tuple(meters[name] for name in sorted(meters)),
        uses=doc.uses + len(event.uses),
        waited=doc.waited + event.waited,
        unmatched=unmatched,
    )


def _unmatched(doc: Doc, event: bill1.UsageUnmatched, at: At) -> Doc:
    rows = tuple(
        UnmatchedRow(
            use=one.use,
            code=one.code,
            reason=one.reason,
            since=one.since or at.time,
            waits=one.since is not None,
        )
        for one in reversed(event.uses)
    )
    said = [row.use for row in rows]
    before = (row for row in doc.unmatched if row.use not in said)
    return _replace(
        doc,
        unmatched_count=doc.unmatched_count + len(rows),
        unmatched=(*rows, *before)[:LATEST],
    )


def _invoiced(doc: Doc, event: bill1.UsageInvoiced, _at: At) -> Doc:
    invoiced = {(one.subscription, one.meter): one for one in (*doc.invoiced, *event.meters)}
    return _replace(doc, invoiced=tuple(invoiced[name] for name in sorted(invoiced)))


def _alerted(doc: Doc, event: bill1.SpendAlerted, at: At) -> Doc:
    alert = Alert(percent=event.percent, spent=event.spent, limit=event.limit, since=at.time)
    return _replace(doc, alerts=(*doc.alerts, alert))


def _labels(doc: Doc) -> Mapping[str, str]:
    return {"openova.io/organization": doc.organization}


_FOLDS: Final[dict[type[Event], Fold]] = {
    bill1.UsageOpened: _opened,
    bill1.UsageRecorded: _recorded,
    bill1.UsageUnmatched: _unmatched,
    bill1.UsageInvoiced: _invoiced,
    bill1.SpendAlerted: _alerted,
}

USAGE: Final[View[Any]] = View(
    kind="usage",
    plural="usage",
    service="billing",
    aggregate="usage",
    document=UsageDocument,
    key=key,
    folds=_FOLDS,
    creates=bill1.UsageOpened,
    ignores=frozenset({bill1.UsageLookedAt}),
    labels=_labels,
)
