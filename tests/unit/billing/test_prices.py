"""Prices: what the book says, in its words, exactly; what it does not name has no price."""

from datetime import datetime
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st
from tests.support import billing
from tests.support.each import each
from tests.support.scenario import given
from tools.files import ROOT

from catalyst.billing.domain import book_text, charges, price_book, usage
from catalyst.blueprints import document
from catalyst.blueprints.starter import loading
from catalyst.cli.demo import omantel
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.decision import Actor
from catalyst.contracts.money_v1 import MAX_UNITS, MoneyError
from catalyst.contracts.prices_v1 import Charge, Step
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.usage_v1 import MAX_QUANTITY

WITHOUT = "an Application without a package; none can be had"


def test_a_quote_names_each_line_its_formula_and_the_version() -> None:
    quote = billing.quote(billing.item(plan="m", addons=("addon.backup",)))
    assert (quote.book, quote.version, quote.total) == ("main", "2026-04", billing.omr(14_000))
    assert [(line.sku, line.amount.minor, line.redundant) for line in quote.lines] == [
        ("blueprint.wordpress", 1500, False),
        ("package.m", 12_500, False),
        ("addon.backup", 0, True),
    ]
    assert quote.lines[1].formula == "1 month x 12.500 OMR"


def test_a_quote_is_made_in_any_currency_of_the_book() -> None:
    assert str(billing.quote(currency="USD").total) == "16.90 USD"


@pytest.mark.guarantee("G12.4")
@each(
    [
        ({"blueprint": "bp-unknown"}, "sku-unknown", "blueprint"),
        ({"plan": "xl"}, "sku-unknown", "plan"),
        ({"addons": ("addon.nothing",)}, "sku-unknown", "addons/0"),
        ({"plan": None, "addons": ("addon.backup",)}, "addon-not-offered", "addons/0"),
        ({"addons": ("addon.backup", "addon.backup")}, "item-duplicate", "addons/0"),
    ]
)
def test_what_the_book_does_not_name_is_refused_never_free(
    changes: Any, code: str, place: str
) -> None:
    item = bill1.Item(
        **{"application": "a", "environment": "e", "blueprint": "wordpress", "plan": "s", **changes}
    )
    with pytest.raises(Rejected) as refused:
        billing.quote(item)
    assert refused.value.code == code
    assert refused.value.errors[0].pointer == f"/items/0/{place}"


@each(
    [
        ({"plan": "xl"}, "the price book has no package 'xl'; it has s, m"),
        (
            {"addons": ("addon.nothing",)},
            "the price book has no add-on 'addon.nothing'; it has addon.backup",
        ),
        (
            {"plan": None, "addons": ("addon.backup",)},
            "the add-on 'addon.backup' is not offered with " + WITHOUT,
        ),
    ]
)
def test_a_wrong_package_or_add_on_is_refused_with_what_is_offered(changes: Any, told: str) -> None:
    item = bill1.Item(
        **{"application": "a", "environment": "e", "blueprint": "wordpress", "plan": "s", **changes}
    )
    with pytest.raises(Rejected) as refused:
        billing.quote(item)
    assert [error.message for error in refused.value.errors] == [told]


def test_a_currency_that_the_book_has_not_is_refused() -> None:
    for currency in ("EUR", "XXX"):
        with pytest.raises(Rejected) as refused:
            billing.quote(currency=currency)
        assert refused.value.code == "currency-not-priced"


def test_a_month_that_is_paid_in_one_currency_is_bought_in_no_other() -> None:
    paid = {"blog.acme-prod": billing.omr(6_500)}
    assert billing.quote(paid=paid).due == billing.omr(0)
    with pytest.raises(Rejected) as refused:
        billing.quote(currency="USD", paid=paid)
    assert refused.value.code == "currency-mixed"
    assert refused.value.message == (
        "this month of blog.acme-prod is paid in OMR, so that it cannot be bought in USD before"
        " the next one"
    )


def test_the_same_application_twice_is_refused() -> None:
    with pytest.raises(Rejected) as refused:
        billing.quote(billing.item(), billing.item())
    assert refused.value.code == "item-duplicate"


# ---- the text of a book


@each([
        ('OMR: "5.000"', 'OMR: "5.0001"', 6, 33, "/packages/s/month/OMR"),
        ('OMR: "5.000"', "OMR: 5e0", 6, 33, "/packages/s/month/OMR"),
        ('OMR: "5.000"', "OMR: -5", 6, 33, "/packages/s/month/OMR"),
        ('OMR: "5.000", USD: "13.00"', 'OMR: "5.000"', 6, 27, "/packages/s/month"),
        ("s: optional", "s: maybe", 12, 19, "/addons/addon.backup/packages/s"),
        ("from: 2026-04-01", "from: 2026-02-30", 3, 7, "/from"),
        ("[OMR, USD]", "[OMR, USD, XYZ]", 4, 24, "/currencies/2"),
        ("formula: graduated", "formula: odd", 21, 14, "/usage/storage/formula"),
        ("book: main", "buch: main", 1, 7, "/buch"),
        ("name: Wiki, ", "", 15, 12, "/blueprints/bp-wiki"),
        ("bp-wiki:", "bp-wordpress:", 15, 17, "/blueprints/bp-wordpress"),
        ("s: optional", "xl: optional", 12, 20, "/addons/addon.backup/packages/xl"),
    ])  # fmt: skip
def test_every_mistake_in_a_book_has_its_place(
    before: str, after: str, line: int, column: int, pointer: str
) -> None:
    assert before in billing.TEXT
    _, findings = book_text.examine(billing.TEXT.replace(before, after))
    assert findings
    places = [(one.line, one.column, one.pointer) for one in findings]
    assert (line, column, pointer) in places, [str(one) for one in findings]


@each(
    [
        "",
        "a: &x [1]\nb: *x",
        "a: !!python/object:os.system x",
        "a: {a: 1, a: 2}",
        "[" * 40 + "]" * 40,
        "{" * 3000,
        "a: [",
        "\t",
        "? [a]\n: b",
        "a: \x00",
        "--- a\n--- b",
        "[" + "1," * 60_000 + "1]",
    ]
)
def test_a_hostile_document_is_refused_with_a_place(text: str) -> None:
    book, findings = book_text.examine(text)
    assert book is None
    assert findings[0].line >= 1


@examples(st.text(max_size=200))
def test_any_text_is_a_book_or_has_findings(text: str) -> None:
    book, findings = book_text.examine(text)
    assert (book is None) == bool(findings)


def test_json_is_read_like_yaml() -> None:
    text = '{"book":"b","version":"1","from":"2026-01-01","currencies":["OMR"],'
    text += '"packages":{"s":{"name":"S","month":{"OMR":"1"}}},'
    text += '"blueprints":{"w":{"name":"W","month":{"OMR":"0.5"}}}}'
    assert book_text.book_of(text).blueprints[0].month == (billing.omr(500),)


# ---- versions


def apply(text: str, *facts: Any) -> Any:
    """Return what follows from applying a text."""
    return given(*facts).when(
        bill1.ApplyPriceBook(document=text), billing.BOOK, by=billing.BILLING_ADMIN, now=billing.NOW
    )


def test_a_version_stands_once_and_tells_how_it_differs() -> None:
    first = apply(billing.TEXT)
    again = first.and_then().when(bill1.ApplyPriceBook(document=billing.TEXT), billing.BOOK)
    assert again.events == []
    dearer = billing.TEXT.replace("5.000", "6.000")
    first.and_then().when(bill1.ApplyPriceBook(document=dearer), billing.BOOK).then_rejected(
        "price-book-version-exists"
    )
    next_one = dearer.replace("2026-04", "2026-05")
    second = first.and_then().when(
        bill1.ApplyPriceBook(document=next_one), billing.BOOK, now=billing.NOW
    )
    assert second.events[0].changes == (
        bill1.PriceChange(
            sku="package.s",
            change="changed",
            before="5.000 OMR or 13.00 USD a month",
            after="6.000 OMR or 13.00 USD a month",
        ),
    )


def test_only_a_person_says_what_things_cost() -> None:
    command = bill1.ApplyPriceBook(document=billing.TEXT)
    bare = given().when(command, billing.BOOK, by=Actor(name="nats:_"), now=billing.NOW)
    bare.then_rejected("person-required")


def test_no_version_changes_prices_of_days_that_are_over() -> None:
    backdated = billing.TEXT.replace('"2026-04"', '"x"')
    apply(backdated, billing.applied()).then_rejected("price-book-past")


def test_the_version_in_force_always_stays_at_hand() -> None:
    facts: list[Any] = [billing.applied()]
    for number in range(price_book.AHEAD):
        future = {'"2026-04"': f'"v{number}"', "2026-04-01": "2027-01-01"}
        facts.append(billing.applied(billing.book(**future)))
    text = billing.TEXT.replace('"2026-04"', '"one-more"').replace("2026-04-01", "2027-01-01")
    apply(text, *facts).then_rejected("price-book-ahead")


def test_a_price_is_no_more_than_use_can_say_too() -> None:
    most = billing.TEXT.replace("5.000", "999999999.999")
    assert apply(most).events
    more = billing.TEXT.replace("5.000", "1000000000.000")
    refused = apply(more).then_rejected("price-book-invalid").rejected
    assert refused is not None
    assert refused.message.endswith("(/packages/s/month/OMR): must be below 1000000000")


def test_a_version_that_use_may_still_be_priced_by_is_not_forgotten() -> None:
    """A month is priced by the version of its first day, however many came since."""
    facts: list[Any] = [billing.applied()]
    for number in range(1, price_book.KEPT):
        newer = {'"2026-04"': f'"v{number}"', "2026-04-01": f"2026-04-{number + 1:02d}"}
        facts.append(billing.applied(billing.book(**newer)))
    text = billing.TEXT.replace('"2026-04"', '"more"').replace("2026-04-01", "2026-08-30")

    def applied(on: str) -> Any:
        now = datetime.fromisoformat(on)
        command = bill1.ApplyPriceBook(document=text)
        return given(*facts).when(command, billing.BOOK, by=billing.BILLING_ADMIN, now=now)

    applied("2026-04-30T10:00:00+00:00").then_rejected("price-book-often")
    # April may still be invoiced, and its use is priced as it was on its first day.
    applied("2026-08-30T10:00:00+00:00").then_rejected("price-book-often")
    versions = given(*facts).world.state(billing.BOOK).versions
    assert usage.book_of(versions, "2026-04").version == "2026-04"
    later = datetime.fromisoformat("2026-09-01T10:00:00+00:00")
    text = text.replace("2026-08-30", "2026-09-01")
    after = applied(later.isoformat())
    assert len(after.state().versions) == price_book.KEPT


# ---- use


def charge(formula: Any, *steps: Step, **changes: Any) -> Charge:
    """Return a charge on calls."""
    return Charge(
        **{
            "sku": "calls", "name": "Calls", "unit": "call", "aggregation": "sum",
            "formula": formula, "steps": steps, **changes,
        }
    )  # fmt: skip


def step(up_to: int | None, micro: int, flat: int = 0) -> Step:
    """Return a step in OMR."""
    flats = (billing.omr(flat),) if flat else ()
    return Step(up_to=up_to, price=(bill1.MicroMoney(currency="OMR", micro=micro),), flat=flats)


@each(
    [
        (charge("per-unit", step(None, 7)), 0, 0),
        (charge("per-unit", step(None, 7)), 10, 70),
        (charge("per-unit", step(None, 7), included=4), 10, 42),
        (charge("per-unit", step(None, 7), included=40), 10, 0),
        (charge("graduated", step(10, 5), step(None, 3)), 10, 50),
        (charge("graduated", step(10, 5), step(None, 3)), 11, 53),
        (charge("graduated", step(10, 5, flat=1), step(None, 3, flat=2)), 11, 3053),
        (charge("volume", step(10, 5), step(None, 3)), 10, 50),
        (charge("volume", step(10, 5), step(None, 3)), 11, 33),
        (charge("package", step(None, 900), size=100), 1, 900),
        (charge("package", step(None, 900), size=100), 100, 900),
        (charge("package", step(None, 900), size=100), 101, 1800),
        (charge("per-unit", step(None, 7), minimum=(billing.omr(1),)), 10, 1000),
        (charge("per-unit", step(None, 7), minimum=(billing.omr(1),)), 0, 0),
        (charge("per-unit", step(None, 700), minimum=(billing.omr(1),)), 10, 7000),
    ]
)
def test_use_costs_what_its_formula_says(made: Charge, quantity: int, micro: int) -> None:
    assert charges.price(made, quantity, "OMR").amount.micro == micro


@examples(st.integers(0, 10**6), st.integers(0, 10**6))
def test_more_use_never_costs_less_on_a_graduated_scale(one: int, other: int) -> None:
    made = charge("graduated", step(1000, 50), step(5000, 20), step(None, 1))
    low, high = sorted((one, other))
    cheap, dear = (charges.price(made, q, "OMR").amount.micro for q in (low, high))
    assert cheap <= dear


PRICES = st.integers(0, MAX_UNITS)
SCALES = st.lists(
    st.tuples(st.integers(1, 10**9), PRICES, st.integers(0, MAX_UNITS // 1000)),
    min_size=1,
    max_size=3,
)
"""Of each step: how long it is, the price of a unit in millionths, and what it costs as such."""


def scale(formula: Any, drawn: list[tuple[int, int, int]], **changes: int) -> Charge:
    """Return a charge with these steps, or with the first one's price alone."""
    if formula not in book_text.SCALES:
        return charge(formula, step(None, drawn[0][1]), **changes)
    ends: list[int | None] = [*accumulate(length for length, _, _ in drawn[:-1]), None]
    steps = (step(end, micro, flat) for end, (_, micro, flat) in zip(ends, drawn, strict=True))
    return charge(formula, *steps, **changes)


@pytest.mark.guarantee("G12.10")
@examples(
    st.sampled_from(book_text.FORMULAS),
    SCALES,
    st.integers(1, 10**9),
    st.integers(0, 10**9),
    st.integers(0, MAX_QUANTITY),
)
def test_a_month_s_use_is_bounded_by_what_can_be_said_of_its_price_alone(
    formula: str, drawn: list[tuple[int, int, int]], size: int, included: int, quantity: int
) -> None:
    made = scale(formula, drawn, size=size, included=included)
    for one in {quantity, charges.most(made, "OMR")}:
        if charges.sayable(made, one, "OMR"):
            assert 0 <= charges.price(made, one, "OMR").amount.micro <= MAX_UNITS
        else:
            assert one > charges.most(made, "OMR")
            with pytest.raises(MoneyError):
                charges.price(made, one, "OMR")


def test_a_price_says_nothing_that_its_formula_does_not_use() -> None:
    sized = billing.TEXT.replace("aggregation: sum", "aggregation: sum\n    size: 1000")
    apply(sized).then_rejected("price-book-invalid")


def test_use_in_a_currency_without_a_price_is_refused() -> None:
    with pytest.raises(Rejected) as refused:
        charges.price(charge("per-unit", step(None, 7)), 1, "USD")
    assert refused.value.code == "currency-not-priced"


# ---- the book that comes with Catalyst


def test_the_example_prices_every_blueprint_that_comes_with_catalyst() -> None:
    book = book_text.book_of((ROOT / "examples" / "price-book.yaml").read_text("utf-8"))
    data = ROOT / "blueprints" / "src" / "catalyst" / "blueprints" / "starter" / "data"
    shipped = {path.name.partition("@")[0] for path in data.iterdir() if path.is_dir()}
    assert {f"bp-{one.sku}" for one in book.blueprints} >= shipped
    assert {one.formula for one in book.usage} == {"graduated", "package", "volume", "per-unit"}


def test_prices_call_each_blueprint_what_the_catalogue_calls_it() -> None:
    """In the example and in the demonstration, whose prices and invoices stand beside it."""
    titles = {
        blueprint.name: blueprint.title
        for folder in loading.names()
        if (blueprint := document.read(loading.load(folder)).blueprint) is not None
    }
    for text in ((ROOT / "examples" / "price-book.yaml").read_text("utf-8"), omantel.PRICES):
        named = {f"bp-{one.sku}": one.name for one in book_text.book_of(text).blueprints}
        assert named == {name: titles[name] for name in named}
