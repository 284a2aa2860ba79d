"""A table in a narrow terminal: nothing is broken inside, and what is copied stays whole."""

from __future__ import annotations

import pytest
from tests.support.each import each

from catalyst.cli import get, main, output
from catalyst.cli.columns import GAP, fit
from catalyst.cli.output import Table
from catalyst.client.rows import Row

TYPE = "environment.organization-created.v1"
SENTENCE = "a sentence of several words that says what a message means to whoever reads it"


def whole(widths: dict[int, int]) -> int:
    return sum(widths.values()) + GAP * (len(widths) - 1)


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand before a terminal of 80 columns."""
    monkeypatch.setattr(output, "terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")


def test_what_fits_is_shown_as_it_is() -> None:
    assert fit(("NAME", "SEQ"), [("acme", "1234")], 80) == {0: 4, 1: 4}


def test_sentences_give_way_first() -> None:
    widths = fit(("CHECK", "HEALTH", "DETAIL"), [("broker", "ok", SENTENCE)], 80)
    assert (widths[0], widths[1], whole(widths)) == (6, 6, 80)


def test_a_narrow_terminal_does_without_some_columns_and_never_cuts_a_type() -> None:
    headings = ("TYPE", "KIND", "FOR", "MEANING")
    widths = fit(headings, [(TYPE, "event", "organization,environment", SENTENCE)], 80)
    assert widths[0] == len(TYPE)
    assert 2 not in widths
    assert whole(widths) <= 80


@each(range(80, 140, 5))
def test_the_history_never_cuts_what_a_rollback_takes(room: int) -> None:
    headings = ("CHANGE", "ACTION", "VERSION", "ENVIRONMENT", "STATUS", "BY", "OPENED", "WHY")
    change, version = "ch-0123456789abcdef", "10.12.13-beta"
    who, when = "somebody@omantel.example", "2026-11-30T01:53:38Z"
    cells = (change, "configure", version, "omantel-prod", "completed (simulated)", who, when)
    widths = fit(headings, [(*cells, SENTENCE), (*cells, "-")], room)
    assert (widths[0], widths[2]) == (len(change), len(version))
    assert room < 100 or whole(widths) <= room


def test_what_holds_nothing_goes_before_anything_is_cut() -> None:
    headings = ("NAME", "ENVIRONMENT", "BLUEPRINT", "APPLIED", "HEALTH", "CHANGE", "GATE", "NOTICE")
    blog = ("blog", "omantel-prod", "bp-wordpress 1.1.0", "current", "healthy", "-", "open", "-")
    widths = fit(headings, [blog, blog], 80)
    assert widths[2] == len("bp-wordpress 1.1.0")
    assert {headings[index] for index in range(8) if index not in widths} <= {"CHANGE", "NOTICE"}
    # One that says something stays, and so does the last.
    assert 7 in fit(headings, [(*blog[:7], "yanked"), blog], 80)
    assert fit(("NAME",), [("-",)], 1) == {0: 4}


@each(range(20, 140, 5))
def test_a_column_of_sentences_that_holds_nothing_may_go_too(room: int) -> None:
    headings = ("NAME", "ORG", "STATUS", "STEPS", "BLOCKED BY", "SEQ")
    widths = fit(headings, [("acme-prod", "acme", "completed", "admit=done," * 5, "-", "12")], room)
    assert widths[0] == len("acme-prod")
    assert 0 < len(widths) <= len(headings)


def test_steps_that_would_be_cut_to_nothing_go_before_what_keeps_a_change() -> None:
    headings = ("NAME", "APPLICATION", "STATUS", "STEPS", "BLOCKED BY")
    cause = "approval of anyone but the author missing (+1)"
    row = ("ch-4cac0851a13c7d12", "dev", "waiting", "admit=done,hold=done,repository=done," * 2)
    widths = fit(headings, [(*row, cause)], 100)
    assert 3 not in widths
    assert widths[4] == len(cause)


def test_a_price_is_not_cut_for_a_category() -> None:
    headings = ("NAME", "TITLE", "VERSION", "CATEGORY", "ORIGIN", "PRICE", "NOTES")
    price = "1.000 OMR or 2.60 USD a month"
    found = fit(headings, [("bp-wiki", "Wiki", "2.1.0", "collaboration", "public", price, "-")], 80)
    assert found[5] == len(price)


def test_the_widest_is_cut_when_nothing_more_can_go() -> None:
    widths = fit(("NAME", "REGIONS"), [("acme-prod", "hetzner/fsn," * 20)], 80)
    assert (widths[0], whole(widths)) == (9, 80)


def test_what_may_not_be_cut_may_be_wider_than_the_terminal() -> None:
    assert fit(("TYPE",), [(TYPE * 4,)], 80) == {0: len(TYPE) * 4}


def test_what_every_aggregate_takes_is_for_all_and_its_line_stays_short(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main.ended(["contracts", "list"]) == 0
    column, widest = dict[str, str](), 0
    for group in capsys.readouterr().out.split("\n\n"):
        # Above a table stands its service, or else its group's heading.
        _, heading, *lines = *group.strip().splitlines(), ""
        if not heading:
            continue
        lines.pop()
        by = "SENT BY" if "SENT BY" in heading else "WRITTEN BY"
        start, end = heading.index("FOR"), heading.index(by)
        column |= {line.split()[0]: line[start:end].strip() for line in lines}
        widest = max(widest, end - start)
    assert column["billing.retry.v1"] == column["environment.parked.v1"] == "all"
    assert column["catalog.drop.v1"] == "curation"
    assert column["environment.record-commit.v1"] == "organization,environment,policy"
    assert widest == len("organization,environment,policy") + GAP


@pytest.mark.usefixtures("narrow")
def test_of_many_tables_what_is_left_out_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.ended(["contracts", "list"]) == 0
    assert capsys.readouterr().err == (
        "not shown here: FOR; a wider terminal or -o json shows them\n"
    )


@pytest.mark.usefixtures("narrow")
def test_no_word_is_broken_and_what_is_left_out_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = Table("TYPE", "KIND", "FOR", "MEANING")
    for _ in range(3):
        table.add(TYPE, "event", "organization,environment", SENTENCE)
    table.write()
    said = capsys.readouterr()
    assert all(len(line) <= 80 for line in said.out.splitlines())
    assert said.out.count(TYPE) == 3
    words = [word for word in said.out.split() if word not in {TYPE, "TYPE", "MEANING", "KIND"}]
    assert set(words) <= {*SENTENCE.split(), "event"}
    assert "FOR" in said.err


def test_rows_that_follow_stand_below_those_before(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("CHANGE", "NAME", "PHASE")
    table.add("-", "acme", "ready")
    table.widths(7, 8, 10)
    table.write_next("changed", "acme", "onboarding")
    table.write_next("changed", "a-long-name", "ready")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines][3][0] == "CHANGE"
    assert {line.index("acme") for line in lines[1:3]} == {lines[0].index("NAME")}
    assert {lines[3].index("PHASE")} == {lines[4].index("ready")}


@each([100, 140])
def test_what_keeps_a_row_is_its_cause_in_a_few_words_with_what_says_the_rest(
    room: int, *, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", str(room))
    links = [
        {
            "kind": kind,
            "name": name,
            "code": code,
            **dict.fromkeys(("message", "who", "what_to_do"), SENTENCE),
        }
        for kind, name, code in [
            ("change", "ch-2f9c1b6e44d0", "queued"),
            ("Deployment", "omantel-prod/blog-wordpress", "image-not-pulled"),
        ]
    ]
    doc = {"display_name": "Omantel", "tier": "sme", "phase": "ready", "blocked_by": links}
    row = Row(key="omantel._.organization._.omantel", seq=1, doc=doc)
    get._listing("organizations", [row])
    said = capsys.readouterr()
    heading, *lines = said.out.splitlines()
    column = heading.index("BLOCKED BY")
    after = heading.index(heading[column:].split()[2])
    told = " ".join(line[column:after].strip() for line in lines)
    assert "Deployment omantel-prod/blog-wordpress: image not pulled (+1)" in told
    assert SENTENCE.split()[2] not in said.out
    assert max(map(len, (heading, *lines))) <= room
    assert len(lines) <= 3
    assert "get organizations omantel --org omantel` says whole" in said.err
