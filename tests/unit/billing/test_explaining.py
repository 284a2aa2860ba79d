"""Where a line comes from: each thing behind it with its place in the log, and nothing else."""

from typing import Any

import msgspec
import pytest
from tests.support import billing, build
from tests.support.each import each
from tests.support.scenario import given
from tests.support.usage import use

from catalyst.billing.domain import explaining, invoice, usage
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.decision import Recorded
from catalyst.contracts.usage_v1 import Metered

BLOG = ("blog", "acme-prod")
BILL = invoice.ref_of("acme", "2026-04")


def line(place: int = 1, kind: Any = "month", **changes: Any) -> bill1.InvoiceLine:
    """Return a line of the blog."""
    values: dict[str, Any] = {
        "line": place,
        "kind": kind,
        "period": "2026-04",
        "subscription": "blog.acme-prod",
        "sku": "tokens",
        "name": "x",
        "quantity": 1,
        "formula": "",
        "book": "main",
        "version": "2026-04",
        "amount": billing.omr(1),
    }
    return bill1.InvoiceLine(**{**values, **changes})


def content(*lines: bill1.InvoiceLine) -> bill1.InvoiceContent:
    return bill1.InvoiceContent(
        organization="acme", month="2026-04", made=billing.NOW, lines=lines, amounts=()
    )


def events(*found: Any, ref: Any = BILL) -> list[Recorded]:
    """Return what stands in the log, from place 10 on."""
    return [
        build.recorded(event, ref, seq=seq, id_=f"e-{seq}") for seq, event in enumerate(found, 10)
    ]


def test_each_line_of_a_long_invoice_was_drafted_with_its_own_part() -> None:
    lines = [line(place) for place in range(1, 6)]
    parts = [bill1.InvoicePartDrafted(lines=tuple(lines[:2])),
             bill1.InvoicePartDrafted(lines=tuple(lines[2:3]))]  # fmt: skip
    last = bill1.InvoiceDrafted(content=content(*lines[3:]), digest="d", before=3)
    found = explaining.drafted(events(*parts, last), "2026-04")
    assert [one.line for one in found.content.lines] == [1, 2, 3, 4, 5]
    assert [found.seq_of(one) for one in lines] == [10, 10, 11, 12, 12]
    assert (found.seq, found.number, found.digest) == (12, "", "d")
    numbered = bill1.InvoiceFinalized(number="2026-000007", digest="d")
    assert explaining.drafted(events(*parts, last, numbered), "2026-04").number == "2026-000007"
    assert explaining.lines_of(events(*parts)) == tuple(lines[:3])


@each([("month", "subscription"), ("ordered", "subscription"), ("usage", "usage"),
       ("adjustment", "usage")])  # fmt: skip
def test_a_line_comes_from_what_was_sold_or_from_the_use_of_its_month(
    kind: Any, aggregate: str
) -> None:
    draft = explaining.Drafted(content=content(), digest="", seq=99, number="")
    found = explaining.origin_of(draft, line(kind=kind, period="2026-03"))
    assert (found.organization, found.aggregate) == ("acme", aggregate)
    assert found.id == ("2026-03" if aggregate == "usage" else "blog.acme-prod")


def sale(month: str, shape: Any = bill1.SubscriptionChanged) -> Any:
    """Return that the blog was sold in a month."""
    return shape(
        application=BLOG[0],
        environment=BLOG[1],
        book="main",
        version="2026-04",
        lines=(),
        month=month,
        hold="c-1",
        revision="r",
    )


def test_behind_what_is_sold_stands_all_that_made_it_up_to_its_month() -> None:
    ended = bill1.SubscriptionEnded(
        application=BLOG[0], environment=BLOG[1], month="2026-04", reason="x"
    )
    history = events(
        sale("2026-03", bill1.SubscriptionStarted),
        sale("2026-05"),
        ended,
        sale("2026-04"),
        sale("2026-04"),
    )
    draft = explaining.Drafted(content=content(), digest="", seq=14, number="")
    name = "billing.subscription"
    assert explaining.behind(draft, line(), history) == [
        {"seq": 10, "type": f"{name}-started.v1", "id": "e-10", "month": "2026-03"},
        {"seq": 12, "type": f"{name}-ended.v1", "id": "e-12", "month": "2026-04"},
        {"seq": 13, "type": f"{name}-changed.v1", "id": "e-13", "month": "2026-04"},
    ]


def test_behind_use_stands_each_single_one_of_its_meter() -> None:
    uses = (
        use("u-1", 3, time=billing.NOW),
        use("u-2", 4, time=billing.NOW, meter="storage"),
        use("u-3", 5, time=billing.NOW, subscription="wiki.acme-prod"),
        use("u-4", 6, time=billing.NOW),
    )
    recorded = bill1.UsageRecorded(uses=uses, meters=(), waited=1)
    history = events(bill1.UsageOpened(month="2026-04"), recorded, recorded)
    draft = explaining.Drafted(content=content(), digest="", seq=12, number="")
    assert explaining.behind(draft, line(kind="usage"), history) == [
        {"seq": 11, "type": "billing.usage-recorded.v1", "use": msgspec.to_builtins(uses[0]),
         "waited": True},
        {"seq": 11, "type": "billing.usage-recorded.v1", "use": msgspec.to_builtins(uses[3])},
    ]  # fmt: skip


def test_a_line_is_priced_by_the_version_that_it_names() -> None:
    books = [
        bill1.PriceBookApplied(
            content=msgspec.structs.replace(billing.book(), version=version), digest="x"
        )
        for version in ("2026-03", "2026-04", "2026-05")
    ]
    history = events(*books, ref=billing.BOOK)
    assert explaining.applied(line(), history) == (11, None)
    assert explaining.applied(line(version="2026-07"), history) == (0, None)


@each([("usage",), ("adjustment",)])
def test_of_use_each_step_of_its_price_is_told_so_that_anybody_can_do_the_sum(kind: Any) -> None:
    book = bill1.PriceBookApplied(content=billing.book(), digest="x")
    history = events(book, ref=billing.BOOK)
    of_use = line(kind=kind, sku="storage", quantity=1500, amount=billing.omr(100))
    seq, charge = explaining.applied(of_use, history)
    assert charge is not None

    def micro(units: int) -> dict[str, Any]:
        return {"currency": "OMR", "micro": units}

    free, dear = charge.pop("parts")
    assert (free["quantity"], free["price"], free["amount"]) == (1000, micro(0), micro(0))
    assert (dear["quantity"], dear["price"], dear["amount"]) == (500, micro(40), micro(20_000))
    assert (seq, charge) == (
        10,
        {
            "aggregation": "sum",
            "unit": "GiB-hour",
            "included": 0,
            "size": 1,
            "minimum": {"currency": "OMR", "minor": 100},
            "amount": micro(100_000),
        },
    )
    assert explaining.applied(line(kind=kind, sku="gone"), history) == (10, None)


def test_what_was_given_back_of_a_line_is_told_with_its_place_in_the_log() -> None:
    def credited(note: str, *lines: tuple[int, int]) -> bill1.InvoiceCredited:
        return bill1.InvoiceCredited(
            note=note,
            lines=tuple(bill1.Credited(line=at, amount=billing.omr(some)) for at, some in lines),
        )

    history = events(
        credited("n-1", (1, 5), (2, 6)), credited("n-2", (2, 7)), bill1.InvoiceVoided(reason="no")
    )
    credit, void = "billing.invoice-credited.v1", "billing.invoice-voided.v1"
    money = {minor: {"currency": "OMR", "minor": minor} for minor in (6, 7)}
    assert explaining.corrections(history, 2) == [
        {"seq": 10, "type": credit, "credit_note": "n-1", "amount": money[6]},
        {"seq": 11, "type": credit, "credit_note": "n-2", "amount": money[7]},
        {"seq": 12, "type": void, "reason": "no"},
    ]


# ---- which version of the price book a month's use is priced by


@pytest.mark.parametrize(
    ("starts", "month", "version"),
    [
        (("2026-04-01", "2026-05-01"), "2026-04", "v0"),
        (("2026-04-01", "2026-05-01"), "2026-05", "v1"),
        (("2026-04-02", "2026-05-02"), "2026-05", "v0"),
        (("2026-04-02", "2026-05-02"), "2026-04", "v0"),
        (("2026-05-02", "2026-04-02"), "2026-04", "v1"),
    ],
)
def test_a_month_is_priced_by_what_is_in_force_when_it_begins_or_by_the_first_that_came(
    starts: tuple[str, ...], month: str, version: str
) -> None:
    books = [
        billing.book(**{'"2026-04"': f'"v{number}"', "2026-04-01": start})
        for number, start in enumerate(starts)
    ]
    assert usage.book_of(books, month).version == version
    metered = Metered(
        subscription="blog.acme-prod", meter="storage", aggregation="sum", quantity=1, uses=1,
        version="v1", amount=bill1.MicroMoney(currency="OMR", micro=0),
    )  # fmt: skip
    assert usage.version_of(books, month, metered).version == "v1"


# ---- why a quote is not taken


def test_a_quote_is_refused_in_words_that_say_what_moved() -> None:
    def why(**changes: Any) -> str:
        quoted = msgspec.structs.replace(billing.quote(), **changes)
        found = given(*billing.rich()).when(
            billing.hold(quoted=quoted),
            billing.ACCOUNT,
            by=build.service("provisioning"),
            now=billing.NOW,
        )
        assert found.rejected is not None
        return found.rejected.message

    other = "the quote is not what the price book says: plan it again"
    assert why(lines=()) == why(total=billing.omr(1)) == other
    assert why(lines=(), due=billing.omr(1)) == other
    assert why(due=billing.omr(1)) == (
        "0.001 OMR was quoted as due, and 6.500 OMR is due in 2026-04: what was paid for a month"
        " before counts for that month alone; plan it again"
    )
    assert why(due=billing.omr(7_000)) == (
        "7.000 OMR was quoted as due, and 6.500 OMR is due in 2026-04: more of it is paid by now;"
        " plan it again"
    )
