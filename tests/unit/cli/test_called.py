"""`catalyst get KIND NAME` takes a name as the table shows it, where one row alone is called so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from catalyst.cli import get, kinds, owned
from catalyst.cli.main import ended
from catalyst.cli.target import Target
from catalyst.client.errors import Problem
from catalyst.client.rows import Freshness, Page, Row

URL = ("--url", "http://127.0.0.1:1")


def blueprint(owner: str, origin: str, name: str) -> Row:
    doc = {"name": name, "origin": origin, "versions": []}
    return Row(key=f"{owner}._.blueprint._.{origin}-{name}", seq=7, doc=doc)


ROWS = (
    blueprint("_", "public", "bp-multi"),
    blueprint("_", "public", "bp-twice"),
    blueprint("acme", "private", "bp-twice"),
)


@pytest.fixture(autouse=True)
def _door(monkeypatch: pytest.MonkeyPatch) -> None:
    class Door:
        async def get(self, _kind: str, name: str, **_: Any) -> tuple[Row, Freshness]:
            found = [row for row in ROWS if row.place.name == name]
            if not found:
                raise Problem(404, "not-found")
            return found[0], Freshness()

        async def pages(self, _kinds: str, **_: Any) -> AsyncIterator[Page]:
            yield Page(rows=ROWS, fresh=Freshness())

    @asynccontextmanager
    async def opened(_target: Target) -> AsyncIterator[Door]:
        yield Door()

    for module in (get, owned):
        monkeypatch.setattr(module, "reads", opened)


@pytest.mark.parametrize("name", ["bp-multi", "public-bp-multi"])
def test_a_blueprint_is_found_by_its_name_as_by_that_of_its_row(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(["get", "blueprints", name, *URL]) == 0
    assert "key: _._.blueprint._.public-bp-multi" in capsys.readouterr().out


def test_a_name_of_several_says_how_each_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(["get", "blueprints", "bp-twice", *URL]) == 2
    said = capsys.readouterr().err
    assert "2 blueprints are called 'bp-twice'" in said
    assert "get blueprints public-bp-twice --org _`" in said
    assert "get blueprints private-bp-twice --org acme`" in said


def test_of_a_name_that_is_none_those_like_it_are_told_as_the_table_shows_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert ended(["get", "blueprints", "bp-mutli", *URL]) == 4
    assert "do you mean bp-multi or bp-twice?" in capsys.readouterr().err


def test_the_table_shows_what_a_row_is_called() -> None:
    ((heading, read), *_) = kinds.columns("blueprints")
    assert heading == "NAME"
    assert [read(row, row.doc) for row in ROWS] == [kinds.called(row) for row in ROWS]
