"""`catalyst app history`: a way back is offered only where there is one."""

from __future__ import annotations

from typing import Any

import pytest

from catalyst.cli import application, owned


def changed(environment: str, action: str) -> dict[str, Any]:
    """Return a change of `blog`."""
    return {
        "change": f"ch-{environment}",
        "request": {"action": action, "application": "blog"},
        "lock": [],
        "environment": environment,
        "status": "completed",
        "steps": [],
        "author": "ann",
        "author_email": "",
        "opened": f"2026-11-30T0{len(action) % 10}:00:00Z",
        "reason": "Why",
    }


@pytest.mark.parametrize(
    ("runs", "offered"),
    [(["acme-prod", "acme-dev"], "acme-prod"), (["acme-dev"], "acme-dev"), ([], "")],
)
def test_the_way_back_is_offered_only_where_it_runs(
    runs: list[str],
    offered: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bindings = [
        {"environment": place, "desired": {"blueprint": "bp-wiki"} if place in runs else None}
        for place in ("acme-dev", "acme-prod")
    ]
    docs = [changed("acme-dev", "install"), changed("acme-prod", "configure")]
    monkeypatch.setattr(owned, "docs", lambda *_: docs)
    monkeypatch.setattr(owned, "row", lambda *_: {"name": "blog", "bindings": bindings})
    application.history("blog", org="acme", url="http://127.0.0.1:1")
    shown = capsys.readouterr()
    assert "ch-acme-prod" in shown.out
    assert ("plan rollback" in shown.err) == bool(offered)
    assert f"plan rollback blog --env {offered}" in shown.err or not offered
