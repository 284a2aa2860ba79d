"""Tables, trees, ages and moments: what a person sees of a result."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.support.each import each

from catalyst.chassis import clock
from catalyst.cli import ages, kinds, links, planshow
from catalyst.cli.application import _place
from catalyst.cli.dlq import thing
from catalyst.cli.events import moment
from catalyst.cli.exits import ExitCode, Failure
from catalyst.cli.output import Format, Table, cell
from catalyst.cli.watchshow import Printer
from catalyst.client.rows import Applied, Bye, Del, Interrupted, Put, Reset, Row, Synced

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HOUR_AGO = (NOW - timedelta(minutes=61)).isoformat()


def test_a_table_is_aligned_and_ends_without_blanks() -> None:
    table = Table("NAME", "N")
    table.add("acme", 1)
    table.add("a", None)
    assert table.plain() == ["NAME   N", "acme   1", "a      -"]


@each(
    [
        (True, "yes"),
        (False, "no"),
        (None, "-"),
        ("", "-"),
        ([], "-"),
        (["a", "b"], "a,b"),
        (0, "0"),
        ("2026-01-02T03:04:05.678901Z", "2026-01-02T03:04:05Z"),
        (datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), "2026-01-02 03:04:05+00:00"),
        ("1.234.567", "1.234.567"),
        ("a\nb\x1b[31m\u202e", "a\\x0ab\\x1b[31m\\x202e"),
    ]
)
def test_a_cell_is_one_line_that_is_only_text(value: object, text: str) -> None:
    assert cell(value) == text


@each(
    [
        ("org", "organizations"),
        ("Environments", "environments"),
        ("EnvironmentPolicy", "policies"),
        ("orgs,envs", "organizations,environments"),
        ("all", "all"),
    ]
)
def test_kinds_have_short_names(text: str, name: str) -> None:
    assert kinds.plural(text) == name


def test_an_unknown_kind_lists_the_known_ones() -> None:
    with pytest.raises(Failure) as caught:
        kinds.plural("pods")
    assert "organizations" in caught.value.hint


@each(
    [
        (timedelta(seconds=-5), "0s"),
        (timedelta(seconds=119), "119s"),
        (timedelta(minutes=2), "2m"),
        (timedelta(hours=47), "47h"),
        (timedelta(days=3), "3d"),
    ]
)
def test_an_age_is_in_the_largest_unit_that_says_enough(ago: timedelta, text: str) -> None:
    assert ages.age(NOW - ago, NOW) == text


def test_a_person_reads_of_a_time_how_long_ago_it_was_and_how_long_it_still_is() -> None:
    now = clock.now()
    then = f"{now - timedelta(hours=3, seconds=5):%FT%T.%fZ}"
    assert (ages.ago(then), ages.lasting(then)) == ("3h ago", "for 3h")
    until = now + timedelta(minutes=14, seconds=30)
    assert ages.left(until.isoformat()) == f"{until:%F %H:%M} UTC, in 14m"
    assert ages.left(then).endswith(" UTC, 3h ago")
    link = {"kind": "pod", "name": "a", "message": "m", "code": "c", "who": "w", "what_to_do": "d"}
    assert links.link_lines({**link, "since": then}) == ["pod a: m (c, for 3h)", "  → w: d"]


def test_a_moment_is_ago_or_an_instant() -> None:
    assert moment("90m", NOW) == NOW - timedelta(minutes=90)
    assert moment("2026-01-01T00:00:00Z", NOW) == datetime(2026, 1, 1, tzinfo=UTC)


@each(["yesterday", "5", "5x", "2026-01-01T00:00:00", ""])
def test_a_moment_that_nobody_can_tell_is_refused(text: str) -> None:
    with pytest.raises(Failure) as caught:
        moment(text, NOW)
    assert caught.value.exit_code is ExitCode.USAGE


def test_the_subject_of_a_dead_letter_names_the_thing() -> None:
    ref = thing("dlq.acme.environment.policy.strict.c12")
    assert (ref.organization, ref.aggregate, ref.id) == ("acme", "policy", "strict")


@each(["dlq.acme.environment.policy.strict", "evt.a.b.c.d.c1", "dlq.a.b.c.d.x1", "c1", ""])
def test_another_subject_is_refused(text: str) -> None:
    with pytest.raises(Failure):
        thing(text)


def row(name: str, seq: int, **doc: Any) -> Row:
    return Row(key=f"{name}._.organization._.{name}", seq=seq, doc=doc)


def test_a_watch_shows_the_snapshot_and_then_each_change(
    capsys: pytest.CaptureFixture[str],
) -> None:
    printer = Printer("organizations", None, Format.TABLE)
    beta = row("beta", 2, phase="ready")
    for change in (
        Reset(reason="start"),
        Put(row=beta),
        Put(row=row("acme", 1, display_name="Acme", phase="onboarding")),
        Synced(as_of=2),
        Put(row=row("acme", 3, display_name="Acme", phase="ready")),
        Del(key=beta.key, seq=4),
        Applied(as_of=4),
        Interrupted(reason="lost", wait_seconds=0.5),
    ):
        printer.take(change)
    said = capsys.readouterr()
    table = [line.split() for line in said.out.splitlines()]
    assert [(line[0], line[1]) for line in table] == [
        ("CHANGE", "NAME"),
        ("-", "acme"),
        ("-", "beta"),
        ("changed", "acme"),
        ("deleted", "beta"),
    ]
    assert "lost" in said.err


def test_a_watch_writes_one_object_a_line_for_a_program(
    capsys: pytest.CaptureFixture[str],
) -> None:
    printer = Printer("organizations", None, Format.JSON)
    for change in (Reset(reason="start"), Put(row=row("acme", 1)), Synced(as_of=1)):
        printer.take(change)
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [item["event"] for item in objects] == ["reset", "put", "synced"]
    assert objects[1]["row"]["seq"] == 1


def test_a_watch_that_ends_with_the_token_says_so() -> None:
    printer = Printer("organizations", None, Format.TABLE)
    with pytest.raises(Failure) as caught:
        printer.take(Bye(reason="token-expired", retryable=False))
    assert caught.value.exit_code is ExitCode.NOT_ALLOWED


@each(
    [
        ({"open": True, "change": "", "waits_for": [], "since": None}, "open"),
        (
            {"open": False, "change": "ch-1", "waits_for": ["approval"], "since": HOUR_AGO},
            "closed: ch-1 waits for approval, for 61m",
        ),
        (
            {"open": False, "change": "ch-1", "waits_for": [], "since": None},
            "closed: ch-1 waits for its turn",
        ),
    ]
)
@pytest.mark.guarantee("G23.4")
def test_an_application_shows_all_four_marks_and_what_was_said_against_it(
    gate: dict[str, Any], said: str, *, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    mark: dict[str, Any] = {
        "status": "unknown", "reason": "", "message": "", "evidence": [],
        "as_of": None, "source": "", "stale_since": None,
    }  # fmt: skip
    place: dict[str, Any] = {
        "environment": "acme-prod", "desired": None, "committed": None,
        "applied": mark, "health": mark, "change": None, "gate": gate,
        "blocked_by": [{
            "kind": "cluster", "name": "acme-prod", "message": "nothing was seen",
            "code": "no-cluster", "since": None, "who": "they", "what_to_do": "wait",
        }],
        "notices": [
            {"mark": "yanked", "reason": "leaks", "security": True, "replacement": ""},
            {"mark": "deprecated", "reason": "old", "security": False, "replacement": "bp-new"},
        ],
        "newest": "1.1.0",
    }  # fmt: skip
    assert list(_place(place)) == [
        "acme-prod:",
        "  blocked by",
        "    cluster acme-prod: nothing was seen (no-cluster)",
        "      → they: wait",
        "  notice   yanked because whoever runs it is in danger: leaks",
        "  notice   deprecated: old; take bp-new instead",
        "  notice   1.1.0 is available",
        "  applied  unknown, never seen",
        "  health   unknown, never seen",
        "  change   none" if said == "open" else "  change   none has begun",
        f"  gate     {said}",
    ]


def test_what_a_service_says_of_a_command_can_be_pasted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("UV", "uv")
    planshow.write_lines(["since 2026-01-02T03:04:05.678901Z: `catalyst doctor`"])
    assert capsys.readouterr().out == "since 2026-01-02T03:04:05Z: `uv run catalyst doctor`\n"


def test_a_source_counts_what_stands_already_with_other_content() -> None:
    refused = next(show for heading, show in kinds.columns("sources") if heading == "REFUSED")
    row = Row(key="k", seq=1, doc={})
    one = {"blueprint": "bp-wiki", "version": "1.0.0", "code": "version-immutable"}
    assert refused(row, {"unregistered": [one, one]}) == 2
    assert refused(row, {"unregistered": []}) == 0


def test_the_versions_of_a_blueprint_are_listed_newest_first() -> None:
    listed = next(show for heading, show in kinds.columns("blueprints") if heading == "VERSIONS")
    found = ["16.9.1", "17.6.1", "16.10.0", "17.6.1-rc.1", "15.10.1"]
    doc = {"versions": [{"version": text} for text in found]}
    newest_first = ["17.6.1", "17.6.1-rc.1", "16.10.0", "16.9.1", "15.10.1"]
    assert listed(Row(key="k", seq=1, doc={}), doc) == newest_first


def test_a_change_that_is_gone_while_it_is_watched_is_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    printer = Printer("changes", None, Format.TABLE)
    for change in (Reset(reason="start"), Synced(as_of=1), Del(key="acme._.change._.ch-1", seq=2)):
        printer.take(change)
    heading, *lines = capsys.readouterr().out.splitlines()
    assert heading.split()[1:5] == ["NAME", "ORG", "ACTION", "APPLICATION"]
    assert lines[-1].split()[:3] == ["deleted", "ch-1", "acme"]


@each(
    [
        ("_._.price-book._.default", {"book": "main"}, "main"),
        (f"_._.voucher._.{'ab' * 32}", {"prefix": "VCH-7QKD…"}, "VCH-7QKD…"),
        ("acme._.invoice._.2026-11", {"book": "main", "prefix": "x"}, "2026-11"),
        ("_._.price-book._.default", None, "default"),
    ]
)
def test_a_row_is_called_what_a_person_called_it(
    key: str, doc: dict[str, Any] | None, name: str
) -> None:
    row = Row(key=key, seq=1, doc=doc)
    assert kinds.called(row) == name
    (shown,) = (read(row, doc or {}) for heading, read in kinds.columns("all") if heading == "NAME")
    assert shown == name


def test_a_link_is_a_line_and_who_does_what_about_it_another_or_one_in_a_cell() -> None:
    account: dict[str, Any] = {
        "kind": "account", "name": "omantel", "message": "3.000 OMR is missing",
        "code": "credit-insufficient", "who": "its owner", "what_to_do": "redeem a voucher",
    }  # fmt: skip
    what = "account omantel: 3.000 OMR is missing (credit-insufficient)"
    assert links.link_lines(account, 1) == [f"  {what}", "    → its owner: redeem a voucher"]
    assert links.link_line(account) == f"{what}; its owner: redeem a voucher"


def test_that_nothing_was_ever_seen_is_said_once() -> None:
    mark: dict[str, Any] = {
        "status": "unknown", "reason": "no-cluster", "message": "nothing was ever seen of it",
        "evidence": [], "as_of": None, "source": "", "stale_since": None,
    }  # fmt: skip
    place: dict[str, Any] = {
        "environment": "acme-prod", "desired": None, "committed": None, "notices": [],
        "applied": mark, "health": mark | {"reason": "held"}, "change": None,
        "gate": {"open": True}, "blocked_by": [],
    }  # fmt: skip
    told = list(_place(place))
    assert not [line for line in told if line.startswith("  host")]
    runs: dict[str, Any] = {"blueprint": "bp-wiki", "version": "2.0.1", "change": "ch-1"}
    runs["hosts"] = ["a.example"]
    assert "  host     a.example" in _place(place | {"desired": runs})
    del runs["hosts"]  # as in a row that an older version of ours wrote
    assert not [line for line in _place(place | {"desired": runs}) if "  host" in line]
    assert "  applied  unknown: nothing was ever seen of it" in told
    assert "  health   unknown: nothing was ever seen of it, never seen" in told
