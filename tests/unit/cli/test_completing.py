"""What a shell is told of how a line may go on: soon, in silence, and of more than one page."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from tests.support.each import each

from catalyst.cli import get, main, target
from catalyst.cli.calling import COMPLETING, typed
from catalyst.cli.following import OVER
from catalyst.cli.verbs import GROUPS, VERBS
from catalyst.client.errors import Unreachable
from catalyst.client.reads import Answered
from catalyst.client.rows import Freshness, Page, Row

URL = "http://127.0.0.1:1"


# ---- which verbs are loaded


@each(
    [
        ({"COMP_WORDS": "catalyst plan ins", "COMP_CWORD": "2"}, ["plan"]),
        ({"COMP_WORDS": "catalyst pl", "COMP_CWORD": "1"}, []),
        ({"COMP_WORDS": "catalyst", "COMP_CWORD": "1"}, []),
        ({"_TYPER_COMPLETE_ARGS": "catalyst plan "}, ["plan"]),
        ({"_TYPER_COMPLETE_ARGS": "catalyst plan"}, []),
        ({"_TYPER_COMPLETE_ARGS": "catalyst "}, []),
        # PowerShell
        (
            {"_TYPER_COMPLETE_ARGS": "catalyst plan", "_TYPER_COMPLETE_WORD_TO_COMPLETE": ""},
            ["plan"],
        ),
        (
            {"_TYPER_COMPLETE_ARGS": "catalyst plan i", "_TYPER_COMPLETE_WORD_TO_COMPLETE": "i"},
            ["plan"],
        ),
        ({}, []),
    ]
)
def test_the_words_before_the_one_that_is_asked_for_are_known_of_each_shell(
    environ: Mapping[str, str], words: list[str]
) -> None:
    assert typed(environ) == words


@each(
    [
        ("catalyst ", main.NAMES),
        ("catalyst pl", main.NAMES),
        ("catalyst nothing ", main.NAMES),
        ("catalyst get ", ("get", "")),
        ("catalyst plan ", ("plan", "")),
        ("catalyst plan install ", ("plan", "install")),
        ("catalyst billing invoice list ", ("billing", "invoice list")),
    ]
)
def test_no_more_is_loaded_than_a_shell_asks_about(
    line: str, only: tuple[str, str], *, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(COMPLETING, "complete_zsh")
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", line)
    assert main._only([]) == only


def test_the_first_word_is_completed_with_what_help_lists_and_no_verb_is_loaded() -> None:
    script = (
        "import json, sys\n"
        "from catalyst.cli.main import NAMES, _built\n"
        "listed = _built(NAMES, rich=False, name='catalyst').commands\n"
        "said = {name: one.short_help for name, one in listed.items()}\n"
        "json.dump([said, sorted(sys.modules)], sys.stdout)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    said, loaded = json.loads(done.stdout)
    whole: Any = typer.main.get_command(main.build(rich=False))
    assert said == {name: one.short_help for name, one in whole.commands.items()}
    assert list(said) == [*VERBS, *GROUPS]
    assert not {"httpx", "catalyst.cli.target", "catalyst.cli.get", "catalyst.cli.up"} & {*loaded}


# ---- names of things


class Door:
    """Answers pages of rows, by their keys."""

    def __init__(self, *pages: tuple[str, ...], hangs: bool = False) -> None:
        self.read = pages
        self.hangs = hangs
        self.asked: list[tuple[str, Mapping[str, Any]]] = []

    async def pages(self, kinds: str, **where: Any) -> AsyncIterator[Page]:
        self.asked.append((kinds, where))
        for keys in self.read:
            yield page(*keys)
        if self.hangs:
            await asyncio.Event().wait()

    async def list(self, kinds: str, **where: Any) -> Page:
        self.asked.append((kinds, where))
        return page(*self.read[0])

    async def query(self, _: str, __: str, given: Mapping[str, Any], **where: Any) -> Answered:
        pages = [["bp-word", "bp-press"], ["bp-wordpress"]]
        at = given["offset"] // 2
        self.asked += [] if at else [("offered", where)]
        found = [{"name": name} for name in pages[at]]
        return Answered(result={"items": found, "next": None if at else 2})


def page(*keys: str) -> Page:
    rows = tuple(Row(key=key, seq=1, doc={"prefix": "VCH-7QKD…"}) for key in keys)
    return Page(rows=rows, fresh=Freshness(as_of=1, head=1, lag_ms=0, log="l"))


def app(name: str) -> str:
    return f"acme.acme-prod.application._.{name}"


def at(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    @asynccontextmanager
    async def opened(_url: str, **_: Any) -> AsyncIterator[Door]:
        yield door

    monkeypatch.setattr(target, "over_http", opened)


def line(**params: Any) -> Any:
    """Return what was typed of a line so far."""
    return SimpleNamespace(params={"url": URL, **params})


@pytest.mark.guarantee("G27.16")
def test_names_are_found_on_every_page_and_asked_for_where_the_line_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    door = Door((app("blog"), app("shop")), (app("blogs"),))
    at(door, monkeypatch)
    typed_ = line(org="acme", env="acme-prod")
    assert target.complete_application(typed_, "bl") == ["blog", "blogs"]
    ((kinds, where),) = door.asked
    assert (kinds, where["organization"], where["environment"]) == (
        "applications",
        "acme",
        "acme-prod",
    )


@pytest.mark.guarantee("G27.16")
@each([("acme", "acme"), (None, "_"), ("_", "_")])
def test_a_source_is_one_of_whom_the_line_is_about(
    org: str | None, owner: str, *, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = Door((f"{owner}._.source._.team", f"{owner}._.source._.tools"))
    at(door, monkeypatch)
    assert target.complete_source(line(org=org), "te") == ["team"]
    assert [(kinds, where["organization"]) for kinds, where in door.asked] == [("sources", owner)]


@pytest.mark.guarantee("G27.16")
def test_of_a_voucher_is_offered_what_may_be_shown_of_its_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    door = Door((f"_._.voucher._.{'a' * 64}",))
    at(door, monkeypatch)
    assert target.complete_voucher(line(), "VCH") == ["VCH-7QKD"]
    assert target.complete_voucher(line(), "ISIC") == []
    assert {kinds for kinds, _ in door.asked} == {"vouchers"}


@pytest.mark.guarantee("G27.16")
def test_what_came_in_time_counts_where_the_rest_does_not_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at(Door((app("blog"),), hangs=True), monkeypatch)
    monkeypatch.setattr(target, "COMPLETING_SECONDS", 0.05)
    assert target.complete_application(line(), "") == ["blog"]


@pytest.mark.guarantee("G27.16")
def test_where_nobody_answers_nothing_is_offered_and_nothing_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(target, "COMPLETING_SECONDS", 0.1)
    for complete in (
        target.complete_organization,
        target.complete_environment,
        target.complete_change,
        target.complete_blueprint,
        target.complete_offered,
        target.complete_source,
        target.complete_voucher,
    ):
        assert complete(line(), "a") == []

    def opened(_url: str, **_: Any) -> Any:
        raise Unreachable("nobody is there")

    monkeypatch.setattr(target, "over_http", opened)
    assert get.complete_name(line(kind="changes"), "") == []
    assert capsys.readouterr() == ("", "")


@each(
    [
        ("", ["bp-press", "bp-word", "bp-wordpress"]),
        ("bp-w", ["bp-word", "bp-wordpress"]),
        ("wo", ["word", "wordpress"]),
        ("nothing", []),
    ]
)
def test_a_blueprint_to_install_is_offered_as_it_was_begun(
    begun: str, names: list[str], *, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = Door(("acme._.organization._.acme",))
    at(door, monkeypatch)
    assert target.complete_offered(line(org="beta"), begun) == names
    # Whoever sees one Organization alone need not name it.
    assert target.complete_offered(line(), begun) == names
    assert [where["organization"] for kind, where in door.asked if kind == "offered"] == [
        "beta",
        "acme",
    ]


def test_of_several_organizations_none_is_asked_what_it_may_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    door = Door(("acme._.organization._.acme", "beta._.organization._.beta"))
    at(door, monkeypatch)
    assert target.complete_offered(line(), "") == []
    assert [kind for kind, _ in door.asked] == ["organizations"]


def test_a_change_that_is_over_is_not_offered_to_be_approved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    door = Door(("acme.acme-prod.change._.ch-1",))
    at(door, monkeypatch)
    assert target.complete_open_change(line(), "ch") == ["ch-1"]
    assert target.complete_change(line(), "ch") == ["ch-1"]
    (_, narrowed), (_, all_) = door.asked
    assert {part.removeprefix("status!=") for part in narrowed["field"].split(",")} == {*OVER}
    assert all_.get("field") is None


@each(
    [
        ("applications", ["blog"]),
        ("app", ["blog"]),
        ("nonsense", []),
        (None, []),
    ]
)
def test_what_rows_of_a_kind_are_called_is_offered(
    kind: str | None, names: list[str], *, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = Door((app("blog"),))
    at(door, monkeypatch)
    assert get.complete_name(line(kind=kind), "b") == names
    assert [asked for asked, _ in door.asked] == ["applications"] * len(names)
