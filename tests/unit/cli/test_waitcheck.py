"""What the doctor says of rows that wait: each cause once, and as many as can be read."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from catalyst.chassis import clock
from catalyst.cli import waitcheck
from catalyst.cli.chains import START_SECONDS
from catalyst.cli.findings import Finding, Health
from catalyst.client.rows import Freshness, Page, Row
from catalyst.contracts.subjects import RowKey

FRESH = Freshness(as_of=1, head=1, lag_ms=0, log="l")


def link(kind: str, name: str, code: str) -> dict[str, Any]:
    more = {"message": f"{code} of {name}", "since": None, "who": "they", "what_to_do": code}
    return {"kind": kind, "name": name, "code": code, **more}


def row(kind: str, name: str, **doc: Any) -> Row:
    key = RowKey("acme", None, kind, None, name).encode()
    return Row(key=key, seq=1, doc={"name": name, "organization": "acme", **doc})


class Door:
    """Rows of one Organization, as the door answers them."""

    def __init__(self, *rows: Row) -> None:
        self.rows = rows

    async def pages(self, kinds: str, **_where: Any) -> AsyncIterator[Page]:
        asked = {one.removesuffix("s") for one in kinds.split(",")}
        rows = tuple(one for one in self.rows if one.place.kind in asked)
        yield Page(rows=rows, fresh=FRESH, next="", cursor="")

    async def get(self, kinds: str, name: str, **_where: Any) -> tuple[Row, Freshness]:
        of_kind = (one for one in self.rows if one.place.kind == kinds.removesuffix("s"))
        return next(one for one in of_kind if one.place.name == name), FRESH


async def found(*rows: Row) -> Finding:
    return await waitcheck.waiting(Door(*rows))  # type: ignore[arg-type]


async def test_where_nothing_waits_that_is_said() -> None:
    none = await found(row("change", "ch-1", blocked_by=[]), Row(key="a._.change._.ch-2", seq=1))
    assert (none.health, none.detail) == (Health.OK, "nothing waits or fails")


@pytest.mark.guarantee("G7.4")
async def test_what_waits_for_the_same_is_told_with_it_as_far_as_to_the_cause() -> None:
    health = {"source": None, "as_of": None, "stale_since": None}
    why = [link("change", "ch-1", "change-in-flight"), link("cluster", "acme-prod", "no-cluster")]
    place = {"environment": "acme-prod", "health": health, "blocked_by": why}
    cause = {**link("cluster", "acme-prod", "no-cluster"), "depth": 1}
    to_blog = [link("application", "blog", "not-seen"), cause]
    said = await found(
        row("application", "blog", bindings=[place]),
        row("change", "ch-1", environment="acme-prod", blocked_by=to_blog),
        row("change", "ch-2", environment="acme-prod", blocked_by=to_blog),
        row("change", "ch-3", blocked_by=[link("approval", "ch-3", "approval-pending")]),
    )
    assert said.health is Health.WARN
    waits = "no-cluster of acme-prod (no-cluster): application blog, change ch-1, change ch-2"
    assert said.detail == f"{waits}; approval-pending of ch-3 (approval-pending): change ch-3"
    assert said.fix == (
        "they: no-cluster; they: approval-pending; `catalyst get applications blog --org acme` "
        "shows the whole of what application blog waits for"
    )


@pytest.mark.guarantee("G7.4")
async def test_causes_and_names_that_are_too_many_to_read_are_counted() -> None:
    causes = [
        row("change", f"ch-{number}", blocked_by=[link("approval", f"ch-{number}", "pending")])
        for number in range(waitcheck.SHOWN + 2)
    ]
    assert (await found(*causes)).detail.endswith("; and 2 more")
    same = [link("soak", "acme-prod", "soaking")]
    many = [row("change", f"ch-{number}", blocked_by=same) for number in range(9)]
    assert (await found(*many)).detail.endswith("ch-3, change ch-4 and 4 more")


async def test_what_only_starts_is_told_if_it_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    since = datetime(2026, 1, 1, tzinfo=UTC)
    starts = {**link("git", "acme", "git-under-way"), "since": since}
    for seconds, health in ((START_SECONDS - 1, Health.OK), (START_SECONDS, Health.WARN)):
        now = since + timedelta(seconds=seconds)
        monkeypatch.setattr(clock, "now", lambda now=now: now)
        assert (await found(row("onboarding", "acme", blocked_by=[starts]))).health is health
