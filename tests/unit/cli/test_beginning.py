"""Where nothing is there yet, what is suggested for each kind is there to be done."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

import typer
from tests.support.each import each

from catalyst.cli import beginning, kinds
from catalyst.cli.main import build

ROOT = Path(__file__).parents[3]


@functools.cache
def command() -> Any:
    """Return the whole command, made once, and not before a test asks for it."""
    return typer.main.get_command(build(rich=False))


def test_whose_it_is_stands_in_what_is_suggested_once_it_is_known() -> None:
    assert "--org acme`" in beginning.first("invoices", "acme")
    assert "--org ORGANIZATION`" in beginning.first("invoices")


@each(kinds.NAMES)
def test_every_kind_says_what_brings_its_first(kind: str) -> None:
    text = beginning.first(kind)
    assert beginning.first(f"{kind},vouchers") == text
    commands = re.findall(r"`catalyst ([^`]+)`", text)
    files = re.findall(r"\b[\w./-]+\.(?:yaml|md)\b", text)
    assert commands or files
    assert [name for name in files if not (ROOT / name).is_file()] == []
    for words in map(str.split, commands):
        found = command()
        while words and isinstance(found, typer.core.TyperGroup):
            found = found.commands[words.pop(0)]
        known = {option for parameter in found.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known


def test_what_few_can_bring_says_whose_it_is() -> None:
    assert beginning.first("sources") == (
        "`catalyst source add NAME LOCATION` adds one; it needs the role org-admin or "
        "sovereign-admin"
    )
    assert beginning.first("price-books").endswith("; it needs the role billing-admin")
