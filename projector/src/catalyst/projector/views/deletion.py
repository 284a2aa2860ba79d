"""What an Organization's and an Environment's row hear of the change that deletes them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from catalyst.contracts.blocked import Link
from catalyst.contracts.blocked_environment import of_deletion
from catalyst.contracts.subjects import Ref, RowKey


class Deletion(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The last change that was to delete this."""

    change: str
    status: str
    """How far the change is, as its own row says."""
    opened: datetime
    finished: datetime | None
    """When it was over; null: it goes on, or this went with it."""


class News(msgspec.Struct, frozen=True, kw_only=True):
    """What a change tells of itself: nothing of what stands inside, which fewer people see."""

    deletion: Deletion
    what: str
    """The Environment or the Organization that it deletes."""
    step: str
    """The step in progress; empty: it has not begun."""
    waits_for: tuple[str, ...]
    """What keeps it from beginning."""
    first: Link | None
    """What it waits for itself; None: for nothing."""


def heard(before: Deletion | None, news: News) -> Deletion | None:
    """Return what is known of a deletion after some news.

    News of another change is passed over as long as one goes on, and if it is about the end: what
    deletes an Environment is its own change or its Organization's, whichever came first.
    """
    other = before is None or before.change != news.deletion.change
    if other and news.deletion.finished is not None:
        return before
    if other and before is not None and before.finished is None:
        return before
    return news.deletion


def links(news: News) -> tuple[Link, ...]:
    """Return why something that is being deleted is still there; nothing once that is over."""
    if news.deletion.finished is not None:
        return ()
    first = news.first
    return (
        of_deletion(
            news.what,
            news.deletion.change,
            step=news.step,
            waits_for=news.waits_for,
            since=first.since if first is not None else news.deletion.opened,
            who=first.who if first is not None else "",
            what_to_do=first.what_to_do if first is not None else "",
        ),
    )


def told_by(organization: str, deletion: Deletion | None) -> Iterable[Ref]:
    """Yield the change that a row heard of."""
    if deletion is not None:
        yield Ref(organization, "provisioning", "change", deletion.change)


def environment_key(organization: str, name: str) -> RowKey:
    """Return the key of an Environment's row."""
    return RowKey(organization, name, "environment", None, name)


def organization_key(slug: str) -> RowKey:
    """Return the key of an Organization's row."""
    return RowKey(slug, None, "organization", None, slug)
