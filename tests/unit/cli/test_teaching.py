"""What a shell is taught, and what it is told of names without anybody who answers."""

from pathlib import Path

import pytest
from tests.support.each import each

from catalyst.cli import contexts, target
from catalyst.cli.calling import COMPLETING
from catalyst.cli.contexts import Context
from catalyst.cli.main import ended

HEADS = {"bash": "_catalyst_completion() {", "zsh": "#compdef catalyst", "fish": "complete --comm"}


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))


@each(list(HEADS))
def test_the_shell_that_is_named_is_shown(
    shell: str, *, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (["--show-completion", shell], [f"--show-completion={shell}"]):
        assert ended(words) == 0
        assert capsys.readouterr().out.startswith(HEADS[shell])


@each(["--show-completion", "--install-completion"])
def test_what_is_no_shell_is_refused_with_those_there_are(
    option: str, *, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (["ksh"], ["zsh", "bash"]):
        assert ended([option, *words]) == 2
        assert f"{option} takes one shell or none: bash, zsh" in capsys.readouterr().err
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("under_uv", [True, False])
def test_whoever_has_it_not_on_the_path_is_told_what_puts_it_there(
    *,
    under_uv: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("UV", "UV_RUN_RECURSION_DEPTH"):
        monkeypatch.delenv(name, raising=False)
    if under_uv:
        monkeypatch.setenv("UV", "uv")
    assert ended(["--install-completion", "zsh"]) == 0
    said = capsys.readouterr().err
    assert str(tmp_path / ".zfunc" / "_catalyst") in said
    assert ("export PATH=" in said) is under_uv


def completed(line: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setenv(COMPLETING, "complete_bash")
    monkeypatch.setenv("COMP_WORDS", f"catalyst {line}")
    monkeypatch.setenv("COMP_CWORD", str(len(line.split())))
    return ended([])


def test_connections_are_completed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("local", "other", "later"):
        contexts.register(contexts.default_path(), name, Context(http="http://127.0.0.1:1"))
    for line in ("get organizations --context l", "context use l"):
        assert completed(line, monkeypatch) == 0
        assert capsys.readouterr().out.split() == ["later", "local"]


@pytest.mark.parametrize(
    "line", ["get organizations --org a", "get organizations --env a", "app show a"]
)
def test_where_nobody_answers_nothing_is_said(
    line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert completed(line, monkeypatch) == 0
    # A refused connection is tried again until the time is over.
    monkeypatch.setattr(target, "COMPLETING_SECONDS", 0.1)
    contexts.register(contexts.default_path(), "local", Context(http="http://127.0.0.1:1"))
    assert completed(line, monkeypatch) == 0
    contexts.default_path().write_text("no JSON", encoding="utf-8")
    assert completed(line, monkeypatch) == 0
    shown = capsys.readouterr()
    assert (shown.out.strip(), shown.err) == ("", "")
