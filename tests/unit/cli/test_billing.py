"""`catalyst billing`: how a line is named, and what a person reads of an invoice."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support.each import each
from tools.files import ROOT

from catalyst.billing.domain.book_text import book_of
from catalyst.chassis import clock
from catalyst.cli import billing, charging, invoice, owned
from catalyst.cli.exits import ExitCode, Failure
from catalyst.cli.main import ended
from catalyst.cli.output import Format
from catalyst.cli.target import Target
from catalyst.client.rows import Freshness, Page, Put, Row
from catalyst.contracts.message import Outcome

NOVEMBER = datetime(2026, 11, 28, tzinfo=UTC)
URL = "http://127.0.0.1:1"
RIAL = {"currency": "OMR", "minor": 1_500}
LINE: dict[str, Any] = {
    "line": 1,
    "name": "WordPress\x1b[2J",
    "subscription": "blog.omantel-prod",
    "formula": "1 month x 1.500 OMR",
    "amount": RIAL,
    "book": "main",
    "version": "2026-01",
    "period": "2026-11",
}
AMOUNT = {"total": RIAL, "prepaid": RIAL, "credit": {**RIAL, "minor": 0}, "open": RIAL}
INVOICE: dict[str, Any] = {
    "number": "",
    "month": "2026-11",
    "status": "draft",
    "lines": [LINE],
    "amounts": [AMOUNT],
}
EXPLAINED: dict[str, Any] = {
    "invoice": "2026-12",
    "number": "",
    "line": LINE,
    "price_book_seq": 7,
    "count": 0,
    "events": [],
    "next": None,
    "corrections": [],
}


def test_a_line_is_named_by_its_invoice_and_its_number() -> None:
    assert invoice.parted("2026-11/12") == ("2026-11", 12)


@each(["", "2026-11", "/1", "2026-11/", "2026-11/0", "2026-11/x", "1/²"])
def test_what_names_no_line_is_refused_with_one_that_does(text: str) -> None:
    with pytest.raises(Failure) as refused:
        invoice.parted(text)
    assert refused.value.exit_code is ExitCode.USAGE
    assert "LINE" in refused.value.message
    assert "2026-11/1" in refused.value.hint


def test_an_invoice_is_shown_with_its_sums_and_the_command_that_opens_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(owned, "row", lambda *_: INVOICE)
    invoice.show_("2026-11", org="omantel", url=URL)
    shown = capsys.readouterr()
    assert shown.out.splitlines()[0] == "no number yet, 2026-11, draft"
    assert "1.500 OMR" in shown.out
    assert "total 1.500 OMR: prepaid 1.500 OMR, credit 0.000 OMR, open 1.500 OMR" in shown.out
    assert "\x1b" not in shown.out
    assert "billing invoice explain 2026-11/1 --org omantel`" in shown.err


def test_a_month_that_was_closed_early_leads_to_what_was_ordered_since(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    closed = {**INVOICE, "number": "2026-000001", "status": "finalized"}
    monkeypatch.setattr(owned, "row", lambda *_: closed)
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 11, 28, tzinfo=UTC))
    invoice.show_("2026-11", org="omantel", url=URL)
    said = capsys.readouterr().err
    assert "closed early" in said
    assert "billing invoice show 2026-12 --org omantel`" in said
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 12, 3, tzinfo=UTC))
    late = {**LINE, "period": "2026-10", "line": 2}
    monkeypatch.setattr(owned, "row", lambda *_: {**closed, "lines": [LINE, late]})
    invoice.show_("2026-11", org="omantel", url=URL)
    shown = capsys.readouterr()
    assert "closed early" not in shown.err
    assert shown.out.count(", for 2026-10") == 1


def accepted(**changes: Any) -> Outcome:
    """Return the outcome of a command that was accepted."""
    fields: dict[str, Any] = {"events": ("y.v1",), **changes}
    return Outcome(id="c-1", type="x.v1", status="accepted", digest="", time=NOVEMBER, **fields)


def test_a_closed_month_is_told_in_words_with_its_number_and_sums(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    numbered = {**INVOICE, "number": "2026-000001", "status": "finalized"}

    class Door:
        def watch(self, kinds: str, *, name: str, organization: str) -> Any:
            assert (kinds, name, organization) == ("invoices", "2026-11", "omantel")
            return self

        async def changes(self) -> AsyncIterator[Put]:
            for doc in (INVOICE, numbered):
                yield Put(row=Row(key="k", seq=1, doc=doc))

    @asynccontextmanager
    async def opened(_target: Target) -> AsyncIterator[Door]:
        yield Door()

    monkeypatch.setattr(owned, "owner_of", lambda *_: "omantel")
    monkeypatch.setattr(charging, "reads", opened)
    for said, sent in (("is closed", accepted()), ("was closed already", accepted(events=()))):
        monkeypatch.setattr(charging, "sent_to", lambda *_, sent=sent: sent)
        charging.finalize("2026-11", url=URL)
        assert capsys.readouterr().out.splitlines() == [
            f"2026-11 of omantel {said} with the invoice 2026-000001",
            "total 1.500 OMR: prepaid 1.500 OMR, credit 0.000 OMR, open 1.500 OMR",
        ]
    assert ended(["billing", "invoice", "finalize", "2026-11", "--url", URL, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["id"] == "c-1"


def test_events_behind_a_line_are_told_in_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    used = {
        "source": "gateway",
        "id": "r-1\x1b[2J",
        "time": "2026-11-05T10:00:00.5Z",
        "quantity": 12,
        "value": "ann",
    }
    events = [
        {"seq": 4, "type": "billing.subscription-started.v1", "id": "_e", "month": "2026-11"},
        {"seq": 9, "type": "billing.usage-recorded.v1", "use": used},
    ]
    found = {
        "number": "", "line": LINE, "price_book_seq": 7, "count": 2, "events": events,
        "next": None, "corrections": [],
    }  # fmt: skip
    monkeypatch.setattr(owned, "answer", lambda *_: found)
    invoice.explain("2026-11/1", org="omantel", url=URL)
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "  event 4: subscription started in 2026-11",
        "  event 9: 12 used at 2026-11-05T10:00:00Z for ann, told by gateway as r-1\\x1b[2J",
    ]


def test_a_price_book_is_told_in_money_and_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "examples" / "price-book.yaml").read_text()
    change = {"sku": "package.s", "change": "changed", "before": "4.000 OMR", "after": "5.000 OMR"}
    version = {"version": "2026-01", "start": "2026-01-01T00:00:00Z", "changes": [change]}
    doc = {
        "book": "main",
        "latest": msgspec.json.decode(msgspec.json.encode(book_of(text))),
        "versions": [version],
    }
    monkeypatch.setattr(owned, "row", lambda *_: doc)
    billing.show_book(url=URL)
    shown = capsys.readouterr().out
    for said in (
        "main 2026-01, in force from 2026-01-01 on",
        "5.000 OMR or 13.00 USD a month",
        "10.000 OMR or 26.00 USD a month (l optional, m optional, xl included)",
        "package by 1000 token: 0.000800 OMR or 0.002080 USD",
        "graduated by GiB-hour: free up to 7300; 0.000040 OMR",
        "no charge of its own",
        "0.000040 OMR or 0.000104 USD up to 730000; 0.000030 OMR",
        "package.s 5.000 OMR, was 4.000 OMR",
    ):
        assert said in shown
    assert "minor" not in shown
    billing.show_book(url=URL, output=Format.JSON)
    assert json.loads(capsys.readouterr().out) == doc


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {},
            "main 2026-05 is in force from 2026-05-01 on; 2 prices differ from the version before",
        ),
        (
            {"result": {"book": "main", "version": "1", "from": "2026-05-01", "changes": 1}},
            "main 1 is in force from 2026-05-01 on; 1 price differs from the version before",
        ),
        (
            {"result": {"book": "main", "version": "1", "from": "2026-05-01", "changes": 0}},
            "main 1 is in force from 2026-05-01 on",
        ),
        ({"events": ()}, "main 2026-05 was applied before; nothing changed"),
    ],
)
def test_a_price_book_that_was_applied_is_told_in_words(
    changes: dict[str, Any],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    file = tmp_path / "book.yaml"
    file.write_text("book: main")
    result = {"book": "main", "version": "2026-05", "from": "2026-05-01", "changes": 2}

    class Door:
        async def send(self, *_: Any, **__: Any) -> Outcome:
            return accepted(**{"result": result, **changes})

    @asynccontextmanager
    async def opened(_target: Target) -> AsyncIterator[Door]:
        yield Door()

    monkeypatch.setattr(billing, "commands", opened)
    billing.apply_book(str(file), url=URL)
    assert capsys.readouterr().out.splitlines() == [said]


@pytest.mark.parametrize("code", [0, 8])
def test_an_invoice_that_the_log_does_not_make_again_ends_with_8(
    code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    same = code == 0
    found = {"invoice": "2026-11", "number": "", "same": same, "bytes": 7, "replayed": "ab"}
    monkeypatch.setattr(owned, "answer", lambda *_: found)
    arguments = ["billing", "invoice", "replay", "2026-11", "--org", "omantel", "--url", URL]
    assert ended(arguments) == code
    assert ("NOT the same" in capsys.readouterr().out) is not same
    assert ended([*arguments, "--json"]) == code
    assert json.loads(capsys.readouterr().out) == found


def seen(monkeypatch: pytest.MonkeyPatch, *names: str) -> Target:
    """Return a target where these Organizations are to be seen."""
    rows = tuple(Row(key=f"_._.organization._.{name}", seq=1) for name in names)

    class Door:
        async def list(self, kinds: str, *, limit: int) -> Page:
            assert kinds == "organizations"
            return Page(rows=rows[:limit], fresh=Freshness(as_of=1, head=1))

    @asynccontextmanager
    async def opened(_target: Target) -> AsyncIterator[Door]:
        yield Door()

    monkeypatch.setattr(owned, "reads", opened)
    return Target(http=URL)


def test_the_only_organization_that_is_seen_is_meant(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert owned.owner_of(seen(monkeypatch, "omantel"), None, "whose is it?") == "omantel"
    assert "for omantel" in capsys.readouterr().err
    assert owned.owner_of(Target(), "acme", "whose is it?") == "acme"


@pytest.mark.parametrize(
    ("number", "hint"),
    [(0, "no Organization"), (2, "you see o0, o1"), (8, "o6, o7"), (30, "o7 and others")],
)
def test_whose_it_is_must_be_said_where_there_is_a_choice(
    number: int, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"o{at}" for at in range(number)]
    with pytest.raises(Failure) as refused:
        owned.owner_of(seen(monkeypatch, *names), None, "whose is it?")
    assert refused.value.exit_code is ExitCode.USAGE
    assert refused.value.message == "--org is missing: whose is it?"
    assert hint in refused.value.hint
    assert ("others" in refused.value.hint) == (number == 30)


def test_the_platform_is_no_organization() -> None:
    with pytest.raises(Failure) as refused:
        owned.owner_of(Target(), "_", "whose is it?")
    assert refused.value.exit_code is ExitCode.USAGE


def test_a_dashed_spelling_is_gone(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(["billing", "invoice-list", "--org", "omantel"]) == ExitCode.USAGE
    assert "invoice-list" in capsys.readouterr().err


def test_an_account_without_money_says_so_in_no_rows(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    doc = {"status": "open", "balances": [], "grants": [], "holds": []}
    monkeypatch.setattr(owned, "row", lambda *_: doc)
    billing.balance(org="omantel", url=URL)
    shown = capsys.readouterr()
    assert shown.out.split() == ["CURRENCY", "AVAILABLE", "CREDIT", "HELD", "OWED", "TAKEN"]
    assert "voucher redeem CODE --org omantel`" in shown.err
    monkeypatch.setattr(owned, "row", lambda *_: {"ledger": []})
    billing.ledger(org="omantel", url=URL)
    assert "voucher redeem CODE --org omantel`" in capsys.readouterr().err


def test_a_ledger_leads_to_the_invoice_of_the_month_that_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = {"seq": 7, "time": "", "kind": "credit-granted", "entry": "v", "postings": []}
    monkeypatch.setattr(owned, "row", lambda *_: {"ledger": [entry]})
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 11, 28, tzinfo=UTC))
    billing.ledger(org="omantel", url=URL)
    assert "billing invoice show 2026-11 --org omantel`" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "1", "=1", "0=1", "x=1", "1=x", "1=0.0001", "1=-1"])
def test_what_names_no_line_or_no_amount_is_not_credited(
    text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(owned, "owner_of", lambda *_: "omantel")
    monkeypatch.setattr(owned, "answer", lambda *_: INVOICE)
    verb = ["billing", "credit-note", "2026-11", text, "--as", "n", "--reason", "r"]
    assert ended([*verb, "--url", URL]) == ExitCode.USAGE
    assert "LINE=AMOUNT" in capsys.readouterr().err


def test_a_line_of_a_credit_note_says_what_was_given_back(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[Any] = []

    def answer(*given: Any) -> Any:
        asked.append(given[3])
        return found

    given_back = {"credit_note": "n-1", "amount": RIAL}
    found = {
        "number": "INV-2026-1",
        "line": LINE,
        "price_book_seq": 7,
        "count": 0,
        "events": [],
        "next": None,
        "corrections": [given_back, {"reason": "wrong"}],
    }
    monkeypatch.setattr(owned, "owner_of", lambda *_: "omantel")
    monkeypatch.setattr(owned, "answer", answer)
    invoice.explain("n-1/1", url=URL)
    assert asked == [{"credit_note": "n-1", "line": 1}]
    shown = capsys.readouterr()
    assert "credit note n-1 gave back 1.500 OMR" in shown.out
    assert "the invoice is void: wrong" in shown.out
    assert "billing invoice replay n-1" in shown.err


def test_a_line_of_the_running_month_leads_to_closing_it_not_to_a_replay(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(owned, "answer", lambda *_: EXPLAINED)
    monkeypatch.setattr(clock, "now", lambda: NOVEMBER)
    invoice.explain("2026-11/1", org="omantel", url=URL)
    said = capsys.readouterr().err
    assert "billing invoice finalize 2026-11 --org omantel`" in said
    assert "replay" not in said
    # Nothing closes a month that has not begun.
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 10, 31, tzinfo=UTC))
    invoice.explain("2026-11/1", org="omantel", url=URL)
    assert "finalize" not in capsys.readouterr().err
