"""What came of a command, as a tree and its rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from catalyst.cli.trace import Chain, _tree, drawn, lines

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_a_trace_shows_no_escapes_and_no_millions_of_milliseconds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    later = (NOW + timedelta(milliseconds=7)).isoformat()
    event = {"seq": 2, "id": "e1", "type": "billing.redemption-started.v1", "time": later}
    step = {"kind": "command", "type": "billing.redeem.v1", "status": "accepted"}
    steps = [
        {
            **step,
            "id": "c-1",
            "time": NOW.isoformat(),
            "events": [event | {"aggregate": "acme.billing.redemption.a=20b=2Ec"}],
        },
        {**step, "id": "c-2", "time": (NOW + timedelta(minutes=55)).isoformat()},
        {**step, "id": "c-3", "time": (NOW + timedelta(seconds=9)).isoformat()},
    ]
    keys = ["acme._.redemption._.a=20b=2Ec", "_._.voucher._.v", "odd"]
    written = (NOW + timedelta(milliseconds=12)).isoformat()
    at = {"time": later, "written": written}
    rows = [{"key": key, "seq": 7, "shows": True, **at} for key in keys]
    rows.append({"key": "acme._.voucher._.w", "seq": 0, "gone": True, "shows": True})
    found = {"command": "c-1", "steps": steps, "rows": rows}
    _tree(msgspec.convert(found, Chain, strict=False))
    told = capsys.readouterr().out.splitlines()
    assert told[1] == "  event billing.redemption-started.v1  seq 2  +7 ms  redemption.a b.c"
    assert [line.rpartition("  ")[2] for line in told[2:4]] == ["+55m", "+9000 ms"]
    assert [line.split() for line in told[5:]] == [
        ["ROW", "ORG", "SEQ", "SHOWN", "CHANGED", "WRITTEN"],
        ["redemption/a", "b.c", "acme", "7", "yes", "+7", "ms", "+12", "ms"],
        ["voucher/v", "-", "7", "yes", "+7", "ms", "+12", "ms"],
        ["odd", "-", "7", "yes", "+7", "ms", "+12", "ms"],
        ["voucher/w", "acme", "-", "gone", "-", "-"],
    ]


def test_no_row_is_told_to_have_changed_before_the_event_that_changed_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An event says the time of its command, and the tree when it was stored."""
    said, kept, late = ((NOW + timedelta(milliseconds=ms)).isoformat() for ms in (133, 181, 190))
    event = {"seq": 7, "id": "e1", "type": "billing.redemption-started.v1", "time": kept}
    step = {"id": "c-1", "kind": "command", "type": "billing.redeem.v1", "status": "accepted"}
    row = {"key": "acme._.redemption._.r", "shows": True, "time": said, "written": late}
    rows = [{**row, "seq": 7}, {**row, "seq": 9}]
    steps = [{**step, "time": NOW.isoformat(), "events": [event]}]
    found = {"command": "c-1", "steps": steps, "rows": rows}
    _tree(msgspec.convert(found, Chain, strict=False))
    told = capsys.readouterr().out.splitlines()
    assert "+181 ms" in told[1]
    assert told[-2].split()[-4:] == ["+181", "ms", "+190", "ms"]
    # What changed it since is no event of this chain: there is its own time alone.
    assert told[-1].split()[-4:] == ["+133", "ms", "+190", "ms"]


def chain() -> Chain:
    begin = NOW.isoformat()
    later = (NOW + timedelta(milliseconds=7)).isoformat()
    aggregate = "acme.environment.organization.acme"
    return msgspec.convert(
        {
            "command": "c-1",
            "steps": [
                {
                    "id": "c-1",
                    "kind": "command",
                    "type": "environment.create.v1",
                    "status": "accepted",
                    "time": begin,
                    "last_seq": 3,
                    "actor": "user:x#ann",
                    "events": [
                        {"seq": 2, "id": "e1", "type": "environment.created.v1"}
                        | {"aggregate": aggregate}
                    ],
                },
                {
                    "id": "_r",
                    "kind": "reaction",
                    "by": "onboarding",
                    "cause": "e1",
                    "type": "environment.created.v1",
                    "status": "accepted",
                    "time": later,
                    "last_seq": 5,
                    "timers": ["deadline"],
                },
                {
                    "id": "_s",
                    "kind": "sent",
                    "cause": "_r",
                    "type": "environment.ready.v1",
                    "status": "rejected",
                    "code": "forbidden",
                },
            ],
        },
        Chain,
        strict=False,
    )


def test_a_chain_is_indented_by_cause() -> None:
    assert list(drawn(list(lines(chain())), fancy=False)) == [
        "command environment.create.v1  accepted  seq 3  +0 ms  by user:x#ann",
        "  event environment.created.v1  seq 2  organization.acme",
        "    reaction onboarding: environment.created.v1  accepted  seq 5  +7 ms",
        "      timer deadline armed",
        "      sent environment.ready.v1  rejected (forbidden)",
    ]


def test_a_chain_has_branches_on_a_terminal() -> None:
    found = list(drawn(list(lines(chain())), fancy=True))
    assert found[3].startswith("      ├─ timer")
    assert found[4].startswith("      └─ sent")
