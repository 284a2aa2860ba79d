"""A list of what is more than one page is whole."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from catalyst.cli import owned
from catalyst.cli.main import ended
from catalyst.cli.target import Target
from catalyst.client.reads import Answered
from catalyst.client.rows import Freshness, Page, Row

URL = "http://127.0.0.1:1"


def application(name: str) -> Row:
    told = {"status": "healthy", "source": "", "reason": "", "stale_since": None}
    desired = {"blueprint": "bp-wiki", "version": "1.0.0"}
    place: dict[str, Any] = {
        "environment": "acme-prod",
        "desired": desired,
        "applied": told,
        "health": told,
    }
    place |= {"change": None, "gate": {"open": True}}
    return Row(key=f"acme._.application._.{name}", seq=1, doc={"name": name, "bindings": [place]})


def test_applications_behind_the_first_page_are_listed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pages = {None: ("blog", "behind"), "behind": ("shop", "")}

    class Door:
        async def list(self, kinds: str, *, continue_at: str | None = None, **_: Any) -> Page:
            assert kinds == "applications"
            name, more = pages[continue_at]
            fresh = Freshness(as_of=1, head=1, lag_ms=0, log="")
            return Page(rows=(application(name),), fresh=fresh, next=more, cursor="")

        async def query(self, *_: Any, **__: Any) -> Answered:
            return Answered(result={"applications": []})

    @asynccontextmanager
    async def opened(_target: Target) -> AsyncIterator[Door]:
        yield Door()

    monkeypatch.setattr(owned, "reads", opened)
    assert ended(["app", "list", "--org", "acme", "--url", URL]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in shown] == ["NAME", "blog", "shop"]
