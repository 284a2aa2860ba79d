"""What `--help` says of every verb, and the words it never uses."""

from __future__ import annotations

import ast
import contextlib
import functools
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from tests.support.each import each

import catalyst.cli.main
import catalyst.client.errors
from catalyst.cli.calling import UNDER_UV, called
from catalyst.cli.exits import MEANINGS
from catalyst.cli.main import _named, as_pasted, build, ended
from catalyst.cli.verbs import GROUPS, VERBS, WITHIN

ROOT = Path(__file__).parents[3]
WORDS = "tenant|operator|client|module|template|workspace|instance"
BANNED = re.compile(rf"\b({WORDS})s?\b", re.IGNORECASE)
COMMANDS = [
    *([verb] for verb in VERBS),
    *([group, *verb.split()] for group, (_, verbs) in GROUPS.items() for verb in verbs),
]
GROUPED = [*([group] for group in GROUPS), *(list(path) for path in WITHIN)]
SOURCES = [
    path
    for root in (catalyst.cli.main, catalyst.client.errors)
    for path in sorted(Path(str(root.__file__)).parent.glob("*.py"))
]


@functools.cache
def built(*, rich: bool) -> Any:
    """Return the command, made once, and whole where it is plain: that takes longer than help."""
    return typer.main.get_command(build(rich=rich, only=("send", "") if rich else None))


@functools.cache
def shown(*arguments: str, rich: bool = False) -> str:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        built(rich=rich).main([*arguments, "--help"], "catalyst", standalone_mode=False)
    return said.getvalue()


@each(COMMANDS, " ".join)
def test_every_verb_shows_an_example_of_itself(command: list[str]) -> None:
    text = shown(*command)
    assert "Example:" in text
    assert f"    {called()} {' '.join(command)}" in text


@each(GROUPED, " ".join)
def test_every_group_shows_examples_of_its_verbs(group: list[str]) -> None:
    _, _, rest = shown(*group).partition("Example:\n")
    lines = rest.partition("\n\n")[0].splitlines()
    assert lines
    assert [one for one in lines if f" {called()} {' '.join(group)} " not in one] == []
    assert [one for one in lines if one.endswith("\\")] == []


@each([[], ["plan"], ["billing", "invoice"]], " ".join)
def test_a_list_of_verbs_says_each_sentence_whole(command: list[str]) -> None:
    _, _, verbs = shown(*command).partition("Commands:")
    assert verbs
    assert "..." not in verbs


def test_an_example_begins_as_the_command_was_called(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in UNDER_UV:
        monkeypatch.delenv(name, raising=False)
    assert as_pasted("Example:\n  catalyst up\n") == "Example:\n  catalyst up\n"
    monkeypatch.setenv(UNDER_UV[0], "1")
    assert as_pasted("Example:\n  catalyst up\n") == "Example:\n  uv run catalyst up\n"
    assert as_pasted("`catalyst up` runs it.") == "`uv run catalyst up` runs it."


@each(COMMANDS, " ".join)
def test_every_command_in_a_sentence_begins_as_this_one_was_called(command: list[str]) -> None:
    named = re.findall(r"`((?:uv\s+run\s+)?catalyst)\s", shown(*command))
    assert {" ".join(one.split()) for one in named} <= {called()}


@each(COMMANDS, " ".join)
def test_examples_name_what_there_is_once_the_readme_was_followed(command: list[str]) -> None:
    text = shown(*command)
    _, _, rest = text.partition("Example:\n")
    lines = [line for line in rest.partition("\n\n")[0].splitlines() if called() in line]
    assert [line for line in lines if re.search(r"--org (?!omantel\b)", line)] == []
    files = re.findall(r"(?:-f|apply|lint) ([\w.-]+/\S+)", "\n".join(lines))
    assert [name for name in files if not (ROOT / name).exists()] == []


@each([[], *COMMANDS, *GROUPED], " ".join)
def test_help_uses_none_of_the_words_that_mean_something_else_here(command: list[str]) -> None:
    assert BANNED.findall(shown(*command)) == []


def test_where_a_format_can_be_chosen_json_has_a_flag_of_its_own() -> None:
    texts = [shown(*command) for command in COMMANDS]
    assert any("--output" in text for text in texts)
    assert [text for text in texts if "--output" in text and "--json" not in text] == []


@each(COMMANDS, " ".join)
def test_of_each_option_it_is_said_what_it_is_and_whose_something_is_without_org(
    command: list[str],
) -> None:
    options = built(rich=False)
    for word in command:
        options = options.commands[word]
    said = {one.name: one.help or "" for one in options.params if hasattr(one, "help")}
    assert [name for name, text in said.items() if not text.endswith(".")] == []
    # These alone need one, or take it from their manifests.
    whose = [one.help for one in options.params if "--org" in one.opts]
    if command[0] not in {"send", "query", "apply"}:
        assert [text for text in whose if "; else " not in text] == []
    if command[0] in {"app", "billing", "catalog", "voucher"} and "org" in said:
        assert said["org"].endswith("else the only one that you see.")
    if "env" in said and command[0] == "plan" and "org" in said:
        assert said["org"].endswith("else the Environment's.")


def test_every_exit_code_is_documented() -> None:
    text = shown()
    assert all(f"{int(code)}  {meaning}" in text for code, meaning in MEANINGS.items())


def test_help_is_plain_when_piped_and_framed_for_a_person() -> None:
    assert "╭" not in shown("send")
    assert "╭" in shown("send", rich=True)


def test_what_has_to_be_typed_is_called_as_it_is_without_braces() -> None:
    assert "plan install [OPTIONS] BLUEPRINT\n" in shown("plan", "install")
    assert "get [OPTIONS] KIND [NAME]\n" in shown("get")


@each(COMMANDS, " ".join)
def test_help_says_in_words_of_what_kind_a_value_is(command: list[str]) -> None:
    assert re.findall(r"<(?:str|int|float)|range>|[<>]=", shown(*command)) == []


def test_help_says_between_which_numbers_a_value_is() -> None:
    page = " ".join(shown("catalog", "search").split())
    assert "--limit <number> At most so many. [default: 20; 1 to 100]" in page
    hours = " ".join(shown("token").split())
    assert "--hours <number> Hours until it expires. [default: 12.0; at least 0.01]" in hours
    assert "--after <number> Behind this sequence. -" in " ".join(shown("events").split())
    # Framed, it says the same.
    assert re.search(r"--timeout +<number> .*at least", shown("send", rich=True))
    assert "range" not in shown("send", rich=True)


def test_it_says_which_version_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(["--version"]) == 0
    assert re.match(r"catalyst \d+\.\d+\.\d+, with nats-server \d", capsys.readouterr().out)


def test_a_complaint_calls_the_command_as_it_was_called(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("UV", "uv")
    assert ended(["token", "--colour"]) == 2
    assert "'uv run catalyst token -h'" in capsys.readouterr().err
    # What the shell is taught is the command itself.
    assert _named(["--show-completion"]) == "catalyst"


def said(path: Path) -> Iterator[str]:
    """Yield every text in a source file that is no docstring."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    docs = {
        id(node.value)
        for node in nodes
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.value


NAMES = {"catalyst-client", "client-secret"}
"""Names of the wire, which people do not read as words: a source, the usual key of a secret."""


@each(SOURCES, lambda path: f"{path.parent.name}/{path.name}")
def test_no_text_uses_those_words(path: Path) -> None:
    found = [text for text in said(path) if BANNED.search(text) and text not in NAMES]
    assert found == []
