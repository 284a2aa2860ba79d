"""`catalyst app history`: a way back is offered only where there is one."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tests.support.each import each

from catalyst.cli import application, goingback, owned


def changed(
    change: str, action: str, env: str = "acme-prod", role: str = "target", status: str = ""
) -> dict[str, Any]:
    """Return a change of `blog`; what has a later name began and ended later."""
    locked = {
        "application": "blog",
        "environment": env,
        "blueprint": "bp-wiki",
        "version": "2.0.1",
        "role": role,
    }
    time = f"2026-11-30T0{change[-1]}:00:00Z"
    return {
        "change": change,
        "request": {"action": action, "application": "blog"},
        "lock": [locked],
        "environment": env,
        "status": status or "completed",
        "steps": [],
        "author": "ann",
        "author_email": "",
        "opened": time,
        "finished": None if status == "running" else time,
        "reason": "Why",
    }


HISTORY = [
    changed("ch-1", "install"),
    changed("ch-2", "uninstall"),
    changed("ch-3", "install"),
    changed("ch-4", "configure"),
    changed("ch-5", "upgrade", status="failed"),
    changed("ch-6", "install", role="shared"),
    changed("ch-7", "upgrade", role="upgraded"),
    changed("ch-8", "install", "acme-dev"),
    changed("ch-9", "configure", status="running"),
]


@each([
        ({"acme-prod": "ch-7"}, ["ch-4", "ch-3"]),
        ({"acme-prod": "ch-4"}, ["ch-7", "ch-3"]),
        ({"acme-prod": "ch-3", "acme-dev": "ch-8"}, ["ch-7", "ch-4"]),
        ({"acme-dev": "ch-8"}, []),
        ({}, []),
    ])  # fmt: skip
def test_the_way_back_is_offered_only_where_it_runs_and_to_what_ran_since_it_came(
    runs: dict[str, str],
    offered: list[str],
    *,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bindings = [
        {"environment": place, "desired": {"change": runs[place]} if place in runs else None}
        for place in ("acme-dev", "acme-prod")
    ]
    monkeypatch.setattr(owned, "docs", lambda *_: list(HISTORY))
    monkeypatch.setattr(owned, "row", lambda *_: {"name": "blog", "bindings": bindings})
    application.history("blog", org="acme", url="http://127.0.0.1:1")
    shown = capsys.readouterr()
    assert "ch-9" in shown.out
    lines = [line for line in shown.err.splitlines() if "plan rollback" in line]
    assert len(lines) == bool(offered)
    for line in lines:
        first, second = offered
        words = f"{first}` plans the way back to that; likewise --to {second}"
        assert f"plan rollback blog --env acme-prod --org acme --to {words}" in line


@each([
        ("ch-1", "ch-2"),
        ("ch-2", ""),
        ("ch-3", ""),
        ("ch-0", ""),
        ("", "ch-2"),
    ])  # fmt: skip
def test_what_ran_before_it_was_removed_is_known_by_its_removal(change: str, gone: str) -> None:
    assert goingback.removed_by(HISTORY, "blog", "acme-prod", change) == gone
    assert goingback.removed_by(HISTORY, "blog", "acme-dev", change) == ""


def test_what_another_application_went_through_is_told_as_that_of_the_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = changed("ch-2", "install", role="shared")
    other["request"]["application"] = "shop"
    whole = changed("ch-3", "delete-environment")
    whole["request"]["application"] = None
    monkeypatch.setattr(owned, "docs", lambda *_: [changed("ch-1", "install"), other, whole])
    monkeypatch.setattr(owned, "row", lambda *_: {"name": "blog", "bindings": []})
    application.history("blog", org="acme", url="http://127.0.0.1:1")
    rows = capsys.readouterr().out.splitlines()[1:]
    told = [re.split(r" {2,}", row)[1] for row in rows]
    assert told == ["install", "install shop", "delete-environment"]
