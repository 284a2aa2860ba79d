"""`catalyst billing invoice`: what tells lines apart, and the names that an invoice goes by."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.unit.cli.test_billing import EXPLAINED, INVOICE, LINE, URL, accepted

from catalyst.chassis import clock
from catalyst.cli import charging, invoice, kinds, owned
from catalyst.cli.calling import as_called
from catalyst.cli.exits import ExitCode
from catalyst.cli.main import ended
from catalyst.client.errors import Problem
from catalyst.client.rows import Row


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"period": "2026-12", "hold": ""}, "for 2026-12, charged with this invoice"),
        (
            {"period": "2026-11", "hold": "c-1\x1b[2J"},
            "for 2026-11, charged before, by change c-1\\x1b[2J: it took what was set aside for it",
        ),
    ],
)
def test_lines_of_the_same_text_are_told_apart_by_month_and_by_how_they_are_charged(
    line: dict[str, str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(owned, "answer", lambda *_: {**EXPLAINED, "line": {**LINE, **line}})
    invoice.explain("2026-12/3", org="omantel", url=URL)
    assert capsys.readouterr().out.splitlines()[1] == said


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return what is asked of an Organization that has one invoice with a number."""
    numbered = {**INVOICE, "number": "2026-000001", "status": "finalized"}
    found: list[Any] = []

    def answer(_target: Any, _service: str, question: str, request: Any, _owner: str) -> Any:
        found.append((question, request))
        made = {"same": True, "bytes": 7, "replayed": "ab", "lines": [LINE]}
        return {**EXPLAINED, **made, "number": "2026-000001"}

    def row(_target: Any, kinds: str, name: str, *_: Any) -> Any:
        found.append((kinds, name))
        return numbered

    def send(_target: Any, verb: str, _owner: str, data: Any, _timeout: float) -> Any:
        found.append((verb, data["invoice"]))
        return accepted()

    monkeypatch.setattr(owned, "docs", lambda *_: [INVOICE, numbered])
    monkeypatch.setattr(owned, "answer", answer)
    monkeypatch.setattr(owned, "row", row)
    monkeypatch.setattr(charging, "sent_to", send)
    return found


@pytest.mark.parametrize(
    ("verb", "meant"),
    [
        (["invoice", "show", "2026-000001"], ("invoices", "2026-11")),
        (["invoice", "explain", "2026-000001/2"], ("explain", {"invoice": "2026-11", "line": 2})),
        (["invoice", "replay", "2026-000001"], ("replay", {"invoice": "2026-11"})),
        (["invoice", "replay", "2026-000002"], ("replay", {"credit_note": "2026-000002"})),
        (["void", "2026-000001", "--reason", "r"], ("void-invoice", "2026-11")),
        (
            ["credit-note", "2026-000001", "1=0.500", "--as", "n", "--reason", "r"],
            ("issue-credit-note", "2026-11"),
        ),
    ],
)
def test_an_invoice_may_be_named_by_its_number(
    verb: list[str], meant: tuple[str, Any], asked: list[Any]
) -> None:
    assert ended(["billing", *verb, "--org", "omantel", "--url", URL]) == 0
    assert asked[-1] == meant


def test_a_number_that_no_invoice_has_is_told_as_such(
    asked: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    shown = ["billing", "invoice", "show", "2026-000002", "--org", "omantel", "--url", URL]
    assert ended(shown) == ExitCode.NOT_FOUND
    assert "there is no invoice '2026-000002' of 'omantel'" in capsys.readouterr().err
    assert not asked


def test_what_goes_on_into_a_month_that_has_not_begun_is_told_from_what_was_ordered(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    goes_on = {**LINE, "kind": "month", "period": "2026-12"}
    ordered = {**LINE, "kind": "ordered", "line": 2}
    doc = {**INVOICE, "month": "2026-12", "status": "running", "lines": [goes_on, ordered]}
    monkeypatch.setattr(owned, "row", lambda *_: doc)
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 11, 30, tzinfo=UTC))
    invoice.show_("2026-12", org="omantel", url=URL)
    shown = capsys.readouterr()
    first, _, *lines = shown.out.splitlines()
    assert first == "no number yet, 2026-12, not begun"
    assert ["if it goes on" in line for line in lines] == [True, False, False]
    assert ["for 2026-11" in line for line in lines] == [False, True, False]
    assert "2026-12 has not begun; what goes on is charged once it has" in shown.err
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 12, 1, tzinfo=UTC))
    invoice.show_("2026-12", org="omantel", url=URL)
    shown = capsys.readouterr()
    assert shown.out.startswith("no number yet, 2026-12, running")
    assert "if it goes on" not in shown.out
    assert "not begun" not in shown.err


def test_a_month_whose_number_does_not_come_in_time_is_not_told_as_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def late(*_: Any) -> None:
        """Find no number, however long it is looked for."""

    monkeypatch.setattr(charging, "sent_to", lambda *_: accepted())
    monkeypatch.setattr(charging, "_numbered", late)
    line = ["billing", "invoice", "finalize", "2026-11", "--org", "omantel", "--url", URL]
    assert ended(line) == ExitCode.TIMED_OUT
    said = capsys.readouterr()
    assert said.out == ""
    assert "2026-11 of omantel is being closed; its invoice has no number after 30 s" in said.err
    assert "get invoices 2026-11 --org omantel --watch` shows when it has" in said.err
    # Of one that was closed before nothing is on its way.
    monkeypatch.setattr(charging, "sent_to", lambda *_: accepted(events=()))
    monkeypatch.setattr(owned, "answer", lambda *_: INVOICE)
    assert ended(line) == ExitCode.OK
    said = capsys.readouterr()
    assert said.out == "2026-11 of omantel was closed already, and its invoice has no number yet\n"
    assert "billing invoice show 2026-11" in said.err


def test_of_a_month_without_an_invoice_none_is_offered(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def none(*_: Any) -> None:
        """Find no number."""

    def answer(*_: Any) -> Any:
        raise Problem(404, "invoice-not-found", "there is no invoice '2026-10'")

    monkeypatch.setattr(charging, "sent_to", lambda *_: accepted(events=()))
    monkeypatch.setattr(charging, "_numbered", none)
    monkeypatch.setattr(owned, "answer", answer)
    line = ["billing", "invoice", "finalize", "2026-10", "--org", "omantel", "--url", URL]
    assert ended(line) == ExitCode.OK
    said = capsys.readouterr()
    assert said.out == "there is nothing to invoice in 2026-10 of omantel\n"
    assert "invoice show" not in said.err


@pytest.mark.parametrize("lines", [[LINE], []])
def test_an_invoice_names_its_credit_notes_and_why_it_is_void(
    lines: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    part = {"line": 1, "amount": {"currency": "OMR", "minor": 500}}
    row = {
        **INVOICE,
        "lines": lines,
        "credited": [{"note": "n-1\x1b[2J", "lines": [part, {**part, "line": 2}], "since": ""}],
        "reason": "made out to the wrong one",
    }
    monkeypatch.setattr(owned, "row", lambda *_: row)
    monkeypatch.setattr(owned, "answer", lambda *_: INVOICE)
    invoice.show_("2026-11", org="omantel", url=URL)
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "the invoice is void: made out to the wrong one",
        "credit note n-1\\x1b[2J gave back 0.500 OMR of line 1, 0.500 OMR of line 2",
    ]


def test_a_list_of_invoices_says_what_each_adds_up_to() -> None:
    row = Row(key="acme._.invoice._.2026-11", seq=1, doc=None)
    columns = dict(kinds.columns("invoices"))
    zero = {"currency": "OMR", "minor": 0}
    amounts = [
        {"total": {"currency": currency, "minor": minor}, "prepaid": zero, "credit": zero}
        for currency, minor in (("EUR", 1250), ("OMR", 1500))
    ]
    assert columns["TOTAL"](row, {"amounts": amounts}) == ["12.50 EUR", "1.500 OMR"]
    assert columns["TOTAL"](row, {}) == []


@pytest.mark.parametrize("month", [11, 12])
def test_whoever_closes_a_month_that_runs_is_told_where_the_rest_of_it_will_stand(
    month: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def numbered(*_: Any) -> Any:
        return {**INVOICE, "number": "2026-000001", "status": "finalized"}

    monkeypatch.setattr(owned, "owner_of", lambda *_: "omantel")
    monkeypatch.setattr(charging, "sent_to", lambda *_: accepted())
    monkeypatch.setattr(charging, "_numbered", numbered)
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, month, 3, tzinfo=UTC))
    charging.finalize("2026-11", url=URL)
    said = capsys.readouterr().err
    shown = as_called("`catalyst billing invoice show 2026-12 --org omantel`")
    rest = f"the month was closed early; {shown} has"
    assert (rest in said) == (month == 11)
