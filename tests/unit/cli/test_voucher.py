"""`catalyst voucher`: how a redemption ends for a person, and what is refused at once."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from catalyst.billing.domain.voucher import grant_of
from catalyst.cli import kinds, owned, voucher
from catalyst.cli.exits import ExitCode
from catalyst.cli.main import ended
from catalyst.client.errors import Problem
from catalyst.client.rows import Row
from catalyst.contracts.message import Outcome
from catalyst.contracts.voucher_v1 import shown_prefix, standing, voucher_id

URL = "http://127.0.0.1:1"
REDEEM = ["voucher", "redeem", "SPRING-FAIR", "--org", "omantel", "--url", URL]
SENT = Outcome(
    id="c-1",
    type="billing.redeem-voucher.v1",
    status="accepted",
    digest="",
    time=datetime(2026, 11, 28, tzinfo=UTC),
)


def over(monkeypatch: pytest.MonkeyPatch, **row: Any) -> None:
    """Let the command be accepted, and the redemption end like this."""

    async def sent(*_: object) -> Outcome:
        return SENT

    async def found(*_: object) -> dict[str, Any]:
        return {"prefix": "SPRI\x1b[2J…", "amount": None, "code": "", **row}

    monkeypatch.setattr(voucher, "_send", sent)
    monkeypatch.setattr(voucher, "_over", found)


def test_a_redemption_says_what_it_gave_and_what_shows_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    over(monkeypatch, status="completed", amount={"currency": "OMR", "minor": 20_000})
    assert ended(REDEEM) == ExitCode.OK
    shown = capsys.readouterr()
    assert "20.000 OMR of SPRI" in shown.out
    assert "stands on the account of omantel" in shown.out
    assert "\x1b" not in shown.out
    assert "billing balance --org omantel`" in shown.err


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("voucher-redeemed", "Error: voucher-redeemed: The Organization has redeemed"),
        ("unheard-of", "Error: unheard-of: It was"),
    ],
)
def test_a_redemption_that_failed_ends_with_3_and_says_why(
    code: str, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    over(monkeypatch, status="failed", code=code)
    assert ended(REDEEM) == ExitCode.REJECTED
    shown = capsys.readouterr()
    assert (shown.out, says in shown.err) == ("", True)
    assert ended([*REDEEM, "--json"]) == ExitCode.REJECTED
    assert json.loads(capsys.readouterr().err)["error"]["code"] == code


@pytest.mark.parametrize(
    ("line", "code", "what"),
    [
        ("voucher preview SPRING-FAIR", "voucher-redeemed", "catalyst billing balance"),
        ("voucher redeem SPRING-FAIR", "voucher-redeemed", "catalyst billing balance"),
        ("billing invoice replay 2026-11", "invoice-not-found", "catalyst billing invoice list"),
    ],
)
def test_what_to_do_names_the_organization_that_was_given(
    line: str,
    code: str,
    what: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def answer(*_: object) -> Any:
        raise Problem(409, code)

    over(monkeypatch, status="failed", code=code)
    monkeypatch.setattr(owned, "answer", answer)
    monkeypatch.setattr("catalyst.cli.output.as_called", str)
    assert ended([*line.split(), "--org", "omantel", "--url", URL]) != ExitCode.OK
    assert f"`{what} --org omantel` shows" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["1.0001", "OMR"], "AMOUNT CURRENCY: '1.0001' has more than 3 digits"),
        (["1.000", "XYZ"], "AMOUNT CURRENCY: the currency 'XYZ'"),
        (["1.000", "OMR", "--ends", "tomorrow"], "--ends 'tomorrow' is no time"),
        (["1.000", "OMR", "--starts", "2026-12-31T00:00:00"], "--starts"),
        (["1.000", "OMR", "--starts", "2026-02-30"], "--starts '2026-02-30' is no time"),
        (["-5", "USD"], "AMOUNT: '-5' is below zero, and an amount is positive"),
        (["-5.00", "USD"], "AMOUNT: '-5.00' is below zero"),
    ],
)
def test_what_is_wrong_with_a_voucher_is_named_before_anything_is_sent(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(["voucher", "issue", *arguments, "--url", URL]) == ExitCode.USAGE
    assert says in capsys.readouterr().err


@pytest.mark.guarantee("G27.2")
def test_all_that_is_wrong_with_a_voucher_is_told_at_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["1.00000", "OMR", "--starts", "x", "--ends", "2020-01-01T10:00", "--url", URL]
    assert ended(["voucher", "issue", *arguments]) == ExitCode.USAGE
    wrong = [line for line in capsys.readouterr().err.splitlines() if line.startswith("Error: ")]
    starts = ("AMOUNT CURRENCY: ", "--starts 'x' is no time", "--ends '2020-01-01T10:00' has no")
    assert len(wrong) == len(starts)
    for line, start in zip(wrong, starts, strict=True):
        assert line.startswith(f"Error: {start}")


@pytest.mark.parametrize("day", ["2026-12-01", "2026-12-01Z"])
def test_a_day_is_its_midnight_in_utc_and_that_is_said(
    day: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert voucher.instant(day, "starts") == "2026-12-01T00:00:00Z"
    told = f"--starts {day} is midnight in UTC: 2026-12-01T00:00:00Z"
    assert told in capsys.readouterr().err
    whole = "2026-12-01T14:00:00+04:00"
    assert (voucher.instant(whole, "ends"), capsys.readouterr().err) == (whole, "")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "issued"),
        ({"redeemed": 2}, "used up"),
        ({"redeemed": 2, "status": "revoked"}, "revoked"),
        ({"starts": "9000-01-01T00:00:00Z"}, "not begun"),
        ({"starts": "2020-01-01T00:00:00Z", "ends": "9000-01-01T00:00:00Z"}, "issued"),
        ({"ends": "2020-01-01T00:00:00Z"}, "over"),
    ],
)
def test_a_voucher_that_nobody_can_redeem_now_is_told_so(
    changes: dict[str, Any], said: str
) -> None:
    doc = {"prefix": "VCH-7QKD…", "status": "issued", "redeemed": 0, "cap": 2, **changes}
    columns = dict(kinds.columns("vouchers"))
    row = Row(key="k", seq=1, doc=doc)
    assert columns["STATUS"](row, doc) == said
    assert columns["STARTS"](row, doc) == changes.get("starts")


def test_a_voucher_is_found_by_what_an_account_calls_it_or_the_beginning_of_its_code() -> None:
    codes = ("WINTER-FAIR-7QKD-M2XW", "VCH-7QKD-M2XW-PA4R")
    known = {voucher_id(code): {"prefix": shown_prefix(code)} for code in codes}
    for code in codes:
        name = voucher_id(code)
        for typed in (grant_of(name), f"voucher-{name}", shown_prefix(code)):
            assert [found for found, _ in voucher.fitting(known, typed)] == [name]
    half = grant_of(voucher_id(codes[0]))
    for typed in (half[:-1], half.upper(), half.replace("voucher", "payment"), grant_of("0" * 64)):
        assert voucher.fitting(known, typed) == []


def test_a_voucher_begins_at_its_start_and_is_over_at_its_end() -> None:
    starts, ends = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
    moment = timedelta(microseconds=1)
    told = [
        standing("issued", redeemed=0, cap=1, starts=starts, ends=ends, now=now)
        for now in (starts - moment, starts, ends - moment, ends)
    ]
    assert told == ["not begun", "issued", "issued", "over"]
