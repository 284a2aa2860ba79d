"""The text of a price book: every mistake is told once, in its own words, at its own place."""

import re

from tests.support import billing
from tests.support.each import each

from catalyst.billing.domain import book_text
from catalyst.contracts.money_v1 import MicroMoney, Money
from catalyst.contracts.prices_v1 import Step

SMALL = '{name: Small, month: {OMR: "5.000", USD: "13.00"}}'
MONTH = 'month: {OMR: "5.000", USD: "13.00"}'
TIER = '{OMR: "0.000040", USD: "0.000104"}'
ADDONS = billing.TEXT[billing.TEXT.index("addons:") : billing.TEXT.index("blueprints:")]
STEPS = billing.TEXT[billing.TEXT.index("    steps:") : billing.TEXT.index("    minimum:")]
NAME = "must be lower-case letters, digits, '-' (and '.' in a version)"
ONE_OF_PACKAGES = "must be one of s, m, l, xl, flexi"
NO_NUMBER = "must be a whole number of at most 12 digits"
DAY = "must be a day such as 2026-04-01"


def usd(minor: int) -> Money:
    """Return so many cents."""
    return Money(currency="USD", minor=minor)


def told(before: str, after: str) -> list[str]:
    """Return what is told of a book with one text replaced."""
    assert before in billing.TEXT
    text = billing.TEXT.replace(before, after, 1)
    book, findings = book_text.examine(text)
    assert (book is None) == bool(findings)
    lines = text.splitlines()
    for one in findings:
        assert lines[one.line - 1][one.column - 1 :].strip(), "a place is where something stands"
    return [f"{one.pointer}: {one.message}" for one in findings]


@each([
    ("book: main", "book: Main", f"/book: {NAME}"),
    ("book: main", 'book: ""', "/book: must be one line of 1 to 128 characters"),
    ("book: main", "book: [a]", "/book: must be a text"),
    ("book: main\n", "", ": 'book' is missing"),
    ('version: "2026-04"\n', "", ": 'version' is missing"),
    ('version: "2026-04"', "version: 2026_04", f"/version: {NAME}"),
    ("from: 2026-04-01\n", "", ": 'from' is missing"),
    ("2026-04-01", "2026-4-1", f"/from: {DAY}"),
    ("2026-04-01", "20260401", f"/from: {DAY}"),
    ("2026-04-01", "[2026-04-01]", f"/from: {DAY}"),
    ("2026-04-01", "2026-02-30", "/from: there is no such day"),
    ("currencies: [OMR, USD]\n", "", ": 'currencies' is missing"),
    ("[OMR, USD]", "[]", "/currencies: must name a currency"),
    ("[OMR, USD]", "OMR", "/currencies: must be a list"),
    ("[OMR, USD]", "[OMR, USD, OMR]", "/currencies/2: OMR is listed twice"),
    ("blueprints:", "blueprint:", "/blueprint: 'blueprint' is not", ": 'blueprints' is missing"),
    ("  s: {name", "  xxl: {name", f"/packages/xxl: 'xxl' {ONE_OF_PACKAGES}",
     "/addons/addon.backup/packages/s: the package 's' is not sold in this book"),
    (SMALL, "Small", "/packages/s: must be an object"),
    (SMALL, "{name: Small}", "/packages/s: 'month' is missing"),
    ("name: Small, ", "", "/packages/s: 'name' is missing"),
    ("Small", "[Small]", "/packages/s/name: must be a text"),
    (MONTH, 'month: {OMR: "5", USD: "13", EUR: "12"}',
     "/packages/s/month/EUR: 'EUR' is not one of the book's currencies"),
    (MONTH, 'month: {USD: "13"}', "/packages/s/month: there is no price in OMR"),
    (MONTH, "month: {}", "/packages/s/month: there is no price in OMR, USD"),
    (MONTH, 'month: {OMR: [5], USD: "13"}', "/packages/s/month/OMR: '' is not a decimal number"),
    (MONTH, 'month: {OMR: "1000000000", USD: "13"}',
     "/packages/s/month/OMR: must be below 1000000000"),
    ("addon.backup", "backup", "/addons/backup: 'backup' must be `addon.` and a name"),
    ("addon.backup", "addon.Up", "/addons/addon.Up: 'addon.Up' must be `addon.` and a name"),
    ("    name: Backup\n", "", "/addons/addon.backup: 'name' is missing"),
    ("    packages: {s: optional, m: included}\n", "",
     "/addons/addon.backup: 'packages' is missing"),
    ("m: included", "huge: included",
     f"/addons/addon.backup/packages/huge: 'huge' {ONE_OF_PACKAGES}"),
    ("m: included", "xl: included",
     "/addons/addon.backup/packages/xl: the package 'xl' is not sold in this book"),
    ("m: included", "m: free",
     "/addons/addon.backup/packages/m: must be one of included, optional"),
    ("  wordpress:", "  word.press:",
     "/blueprints/word.press: 'word.press' must be a name without dots"),
    ("  wordpress:", "  wiki:", "/blueprints/bp-wiki: 'wiki' stands here a second time"),
    ("  storage:", "  Storage:",
     "/usage/Storage: 'Storage' must be lower-case letters and digits, with '.' or '-'"),
    ("    name: Storage\n", "", "/usage/storage: 'name' is missing"),
    ("    unit: GiB-hour\n", "", "/usage/storage: 'unit' is missing"),
    ("GiB-hour", "u" * 33, "/usage/storage/unit: must be one line of 1 to 32 characters"),
    ("    aggregation: sum\n", "", "/usage/storage: 'aggregation' is missing"),
    ("sum", "mean", "/usage/storage/aggregation: must be one of sum, count, max, latest, unique"),
    ("    formula: graduated\n", "", "/usage/storage: 'formula' is missing"),
    ("    formula: graduated\n", "    size: 10\n", "/usage/storage: 'formula' is missing"),
    ("graduated", "odd",
     "/usage/storage/formula: must be one of per-unit, graduated, volume, package"),
    ("graduated", "per-unit", "/usage/storage: this formula takes 'price', not 'steps'"),
    ("graduated", f"graduated\n    price: {TIER}",
     "/usage/storage: this formula takes 'steps', not 'price'"),
    (STEPS, "", "/usage/storage: this formula takes 'steps', not 'price'"),
    ("graduated", "volume\n    size: 10",
     "/usage/storage/size: only the formula 'package' has a size"),
    (f"graduated\n{STEPS}", f"package\n    price: {TIER}\n    size: 0\n",
     "/usage/storage/size: must be at least 1"),
    ("graduated", "graduated\n    included: -1", f"/usage/storage/included: {NO_NUMBER}"),
    ("graduated", "graduated\n    included: 1234567890123",
     f"/usage/storage/included: {NO_NUMBER}"),
    (STEPS, "    steps: []\n", "/usage/storage/steps: must hold a step"),
    (STEPS, "    steps: {}\n", "/usage/storage/steps: must be a list"),
    ("up_to: 1000, ", "", "/usage/storage/steps/0: every step but the last says `up_to`"),
    ("{price:", "{up_to: 2000, price:",
     "/usage/storage/steps/1: every step but the last says `up_to`"),
    ("up_to: 1000", "up_to: 0", "/usage/storage/steps/0/up_to: must be at least 1"),
    ("      - {price:", f"      - {{up_to: 1000, price: {TIER}}}\n      - {{price:",
     "/usage/storage/steps/1: `up_to` must be above that of the step before"),
    (TIER, '{OMR: "0.0000401", USD: "0"}', "/usage/storage/steps/1/price/OMR: '0.0000401' has"),
    (TIER, '{OMR: {}, USD: "0"}', "/usage/storage/steps/1/price/OMR: '' is not a decimal number"),
    (TIER, '{USD: "0"}', "/usage/storage/steps/1/price: there is no price in OMR"),
    (f"{{price: {TIER}}}", "{}", "/usage/storage/steps/1: 'price' is missing"),
    (f"{{price: {TIER}}}", f"{{price: {TIER}, flat: {{}}}}",
     "/usage/storage/steps/1/flat: there is no price in OMR, USD"),
    ('{OMR: "0.100", USD: "0.26"}', '{OMR: "0.100"}',
     "/usage/storage/minimum: there is no price in USD"),
    ("usage:", "usage: []\nuse:", "/use: 'use' is not a field here", "/usage: must be an object"),
])  # fmt: skip
def test_a_mistake_is_told_once_and_nothing_that_only_follows_from_it(
    before: str, after: str, *expected: str
) -> None:
    found = told(before, after)
    assert len(found) == len(expected), found
    for one, begins in zip(found, expected, strict=True):
        assert one.startswith(begins), found


def test_a_book_sells_packages() -> None:
    packages = billing.TEXT[billing.TEXT.index("packages:") : billing.TEXT.index("addons:")]
    found = told(packages, "packages: {}\n")
    assert found[0] == "/packages: must name a package"
    assert all(re.search("the package '.*' is not sold", one) for one in found[1:]), found


@each([
    ("book: main", "book: 0-a"),
    ('version: "2026-04"', f'version: "{"1" * 32}"'),
    ("name: Small", f"name: {'s' * 128}"),
    ('OMR: "5.000"', 'OMR: "999999999.999"'),
    ("GiB-hour", "u" * 32),
    ("graduated", "volume"),
    ("graduated", "graduated\n    included: 999999999999"),
    (f"graduated\n{STEPS}", f"package\n    price: {TIER}\n    size: 1\n"),
    (f"graduated\n{STEPS}", f"per-unit\n    price: {TIER}\n"),
    ("      - {price:", f"      - {{up_to: 1001, price: {TIER}}}\n      - {{price:"),
    ("storage:", "storage.ssd-2:"),
    (ADDONS, ""),
])  # fmt: skip
def test_what_is_just_within_its_bounds_is_taken(before: str, after: str) -> None:
    assert told(before, after) == []


def test_a_book_says_what_its_text_says() -> None:
    book = billing.book()
    assert [(one.sku, one.name, one.month) for one in book.packages] == [
        ("s", "Small", (billing.omr(5_000), usd(1_300))),
        ("m", "Medium", (billing.omr(12_500), usd(3_250))),
    ]
    (addon,) = book.addons
    assert (addon.sku, addon.name) == ("addon.backup", "Backup")
    assert addon.packages == {"s": "optional", "m": "included"}
    assert addon.month == (billing.omr(750), usd(195))
    assert [one.sku for one in book.blueprints] == ["wordpress", "wiki"]
    (charge,) = book.usage
    assert (charge.name, charge.unit, charge.aggregation) == ("Storage", "GiB-hour", "sum")
    assert (charge.formula, charge.size, charge.included) == ("graduated", 1, 0)
    assert charge.minimum == (billing.omr(100), usd(26))
    free, more = (
        (MicroMoney(currency="OMR", micro=omr), MicroMoney(currency="USD", micro=usd))
        for omr, usd in ((0, 0), (40, 104))
    )
    assert charge.steps == (Step(up_to=1000, price=free), Step(up_to=None, price=more))
