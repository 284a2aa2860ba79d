"""Generated pages are current, links lead somewhere, commands that are shown exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.each import each
from tools import blueprint_page, pages
from tools.files import ROOT

from catalyst.cli.verbs import GROUPS, VERBS

PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "tools/**/*.md", "deploy/**/*.md", "benchmarks/**/*.md",
                    "contracts/*.md", "client/*.md", "chassis/*.md", "projector/*.md",
                    "services/*/*.md", "cli/*.md")
    for path in ROOT.glob(pattern)
)  # fmt: skip
LINK = re.compile(r"(?<!\!)\[[^\]]+\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"`[^`\n]+`")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
BANNED = re.compile(r"\b(tenants?|workspaces?|instances?)\b", re.IGNORECASE)


def _named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_the_generated_pages_are_current(capsys: pytest.CaptureFixture[str]) -> None:
    assert pages.main(["--check"]) == 0, capsys.readouterr().err


def test_a_field_of_a_blueprint_says_what_it_means(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(blueprint_page.MEANINGS, "spec.card.title")
    with pytest.raises(ValueError, match=r"spec\.card\.title has no meaning"):
        blueprint_page.page()


def test_the_limits_name_each_field_of_a_blueprint_that_does_nothing() -> None:
    kept = {path for path, said in blueprint_page.MEANINGS.items() if "nothing acts on it" in said}
    limits = (ROOT / "docs/limits.md").read_text("utf-8")
    section = limits.partition("### Fields of a Blueprint that do nothing\n")[2].partition("\n#")[0]
    assert set(re.findall(r"`((?:spec|metadata)\.[^`]+)`", section)) == kept


# ---- links


def _links(path: Path) -> Iterator[str]:
    prose = FENCE.sub("", path.read_text("utf-8"))
    yield from LINK.findall(prose)


def _anchors(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as forges make them."""
    prose = FENCE.sub("", path.read_text("utf-8"))
    titles = (re.sub(r"[`*_]", "", title).strip().lower() for title in HEADING.findall(prose))
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in titles}


def _dead(path: Path) -> Iterator[str]:
    for link in _links(path):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        file = (path.parent / target).resolve() if target else path
        if not file.exists() or (anchor and anchor not in _anchors(file)):
            yield link


@each(PAGES, _named)
def test_every_link_leads_somewhere(path: Path) -> None:
    assert list(_dead(path)) == []


def test_a_dead_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A `title`, here\n[ok](#a-title-here) [no](#b) [no](gone.md) [web](https://x.example)\n"
        "```\n[code](gone.md)\n```\n",
        encoding="utf-8",
    )
    assert list(_dead(page)) == ["#b", "gone.md"]


# ---- commands


def _shell_lines(text: str) -> Iterator[str]:
    """Return the commands in fenced blocks and in inline code, comments and prompts left out."""
    blocks = "\n".join(FENCE.findall(text))
    inline = "\n".join(span.strip("`") for span in INLINE.findall(FENCE.sub("", text)))
    for line in (*blocks.splitlines(), *inline.splitlines()):
        for command in re.split(r"&&|\|", line.split(" #")[0]):
            yield command.strip().removeprefix("$ ")


def _verbs(text: str) -> Iterator[str]:
    for line in _shell_lines(text):
        words = re.match(r"(?:uv run (?:--\S+ )*)?catalyst ([a-z][a-z-]*)\b", line)
        if words:
            yield words[1]


@each(PAGES, _named)
def test_every_verb_that_is_shown_exists(path: Path) -> None:
    assert {
        verb for verb in _verbs(path.read_text("utf-8")) if verb not in VERBS and verb not in GROUPS
    } == set()


def _missing_files(text: str) -> Iterator[str]:
    for line in _shell_lines(text):
        module = re.match(r"uv run (?:--\S+ )*python -m (tools\.\w+)", line)
        if module and not (ROOT / f"{module[1].replace('.', '/')}.py").is_file():
            yield module[1]
        script = re.match(r"(?:bash |\./)?((?:tools|\.ci|benchmarks)/[\w./-]+)(?: |$)", line)
        if script and "*" not in line and not (ROOT / script[1].rstrip("/.")).exists():
            yield script[1]


@each(PAGES, _named)
def test_every_script_that_is_shown_exists(path: Path) -> None:
    assert list(_missing_files(path.read_text("utf-8"))) == []


def test_a_command_that_does_not_exist_is_found() -> None:
    text = "Run `catalyst dance --now`.\n```\n$ uv run python -m tools.nothing --check\n```\n"
    assert list(_verbs(text)) == ["dance"]
    assert list(_missing_files(text)) == ["tools.nothing"]


# ---- the README


def _readme() -> str:
    return (ROOT / "README.md").read_text("utf-8")


def test_the_readme_shows_the_two_commands() -> None:
    commands = [line for block in FENCE.findall(_readme()) for line in block.splitlines()]
    shown = [line.split(" #")[0].strip() for line in commands]
    assert "uv run pytest" in shown
    assert any(line.endswith("uv run catalyst demo") for line in shown)


def test_ci_runs_the_two_commands_of_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    # As the README says it, with nothing left out by an argument.
    assert re.search(r"^  uv run pytest$", script, re.MULTILINE)
    assert "uv run catalyst demo" in script


def test_the_readme_leads_to_every_member() -> None:
    links = {link.split("#")[0].rstrip("/") for link in _links(ROOT / "README.md")}
    reached = {str(Path(link).parent) if link.endswith(".md") else link for link in links}
    members = {str(path.parent.relative_to(ROOT)) for path in PAGES if path.name == "README.md"}
    own = {"contracts", "blueprints", "client", "chassis", "projector", "cli"}
    own |= {member for member in members if member.startswith("services/")}
    assert own <= reached


def test_the_index_of_the_docs_lists_every_page() -> None:
    docs = ROOT / "docs"
    listed = {link.split("#")[0] for link in _links(docs / "README.md")}
    pages = {path.name for path in docs.iterdir() if path.suffix in {".md", ".json", ".toml"}}
    assert pages - {"README.md"} <= listed


# ---- words

PRODUCT_PAGES = [path for path in PAGES if path.parent in {ROOT, ROOT / "docs"}]
"""What people read who use Catalyst; records of decisions speak of tools as well."""


@each(PRODUCT_PAGES, _named)
def test_prose_uses_the_words_of_the_glossary(path: Path) -> None:
    prose = INLINE.sub("", FENCE.sub("", path.read_text("utf-8")))
    assert BANNED.findall(prose) == []


def test_a_shown_command_can_be_split() -> None:
    """A block that is meant to be pasted has no unbalanced quotes."""
    for path in PAGES:
        for block in re.findall(
            r"^```(?:sh|bash)\n(.*?)^```", path.read_text("utf-8"), re.MULTILINE | re.DOTALL
        ):
            shlex.split(block, comments=True)
