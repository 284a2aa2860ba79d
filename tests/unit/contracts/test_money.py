"""Money is whole numbers: read exactly, never mixed, rounded only where that is said."""

from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.each import each

from catalyst.contracts.billing_v1 import SetCreditLimit
from catalyst.contracts.codec import Undecodable, decode
from catalyst.contracts.money_v1 import (
    EXPONENTS,
    MAX_UNITS,
    MicroMoney,
    Money,
    MoneyError,
    decimal,
    exponent,
    half_even,
    micro_half_even,
    parse,
    parse_micro,
    plain,
    total,
)

CURRENCIES = st.sampled_from(sorted(EXPONENTS))
MINORS = st.integers(-(10**12), 10**12)
MONEY = st.builds(lambda c, m: Money(currency=c, minor=m), CURRENCIES, MINORS)


@given(MONEY)
def test_what_is_written_is_read_again(money: Money) -> None:
    assert parse(plain(money), money.currency, signed=True) == money


@pytest.mark.guarantee("G12.1")
@each(["5000", '"5.000"', "[5000]", '{"minor":5000}', '{"currency":"OMR"}'])
def test_a_bare_number_is_no_money(bare: str) -> None:
    with pytest.raises(Undecodable):
        decode(f'{{"limit":{bare}}}'.encode(), SetCreditLimit, "invalid-data")
    whole = decode(b'{"limit":{"currency":"OMR","minor":5000}}', SetCreditLimit, "invalid-data")
    assert str(whole.limit) == "5.000 OMR"


@each(
    [
        ("5", "OMR", 5000),
        ("5.1", "OMR", 5100),
        ("1.5", "OMR", 1500),
        ("0.001", "BHD", 1),
        ("13.00", "USD", 1300),
        ("700", "JPY", 700),
        ("007", "EUR", 700),
    ]
)
def test_a_decimal_is_read_by_the_digits_of_its_currency(
    text: str, currency: str, minor: int
) -> None:
    assert parse(text, currency) == Money(currency=currency, minor=minor)


@each([
        "", " ", "5 ", " 5", "+5", "-5", "5.", ".5", "5,0", "5e3", "5E3", "0x5", "1_000", "5.0001",
        "\u0665", "\uff15", "NaN", "inf", "5.000\n", "1" * 19, "9" * 18, "5..0", "--5", "5.0.0",
    ])  # fmt: skip
def test_nothing_else_is_read(text: str) -> None:
    with pytest.raises(MoneyError):
        parse(text, "OMR")


def test_more_digits_than_the_currency_has_are_refused_not_rounded() -> None:
    with pytest.raises(MoneyError, match="more than 0 digits"):
        parse("5.0", "JPY")
    with pytest.raises(MoneyError, match="more than 2 digits"):
        parse("5.005", "USD")


def test_a_sign_is_read_only_where_it_is_asked_for() -> None:
    assert parse("-0.250", "OMR", signed=True).minor == -250
    assert parse_micro("0.000125", "OMR").micro == 125


@each(["XXX", "omr", "", "OM"])
def test_an_unknown_currency_is_refused_wherever_it_comes_from(currency: str) -> None:
    with pytest.raises(MoneyError):
        exponent(currency)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"currency": currency, "minor": 1}, Money)


def test_an_amount_beyond_what_json_holds_exactly_is_refused() -> None:
    assert Money(currency="OMR", minor=MAX_UNITS).minor == MAX_UNITS
    with pytest.raises(MoneyError):
        Money(currency="OMR", minor=MAX_UNITS).plus(Money(currency="OMR", minor=1))
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"currency":"OMR","minor":1e15}', type=Money)


@pytest.mark.guarantee("G12.1")
@given(MONEY, MONEY)
def test_currencies_do_not_add_up(one: Money, other: Money) -> None:
    if one.currency == other.currency:
        assert one.plus(other).minus(other) == one
        return
    for mixed in (one.plus, one.minus, lambda value: total(one.currency, [value])):
        with pytest.raises(MoneyError, match="different currencies"):
            mixed(other)


@given(st.integers(-(10**20), 10**20), st.integers(-(10**9), 10**9).filter(bool))
def test_half_goes_to_the_even_neighbour(numerator: int, denominator: int) -> None:
    # `round` of an exact fraction is Python's own half-even.
    assert half_even(numerator, denominator) == round(Fraction(numerator, denominator))


def test_millionths_become_minor_units_once_half_to_even() -> None:
    rounded = [micro_half_even(MicroMoney(currency="OMR", micro=m)).minor for m in (499, 500, 1500)]
    assert rounded == [0, 0, 2]


@pytest.mark.guarantee("G12.1")
def test_a_currency_that_is_not_taken_is_told_by_its_name() -> None:
    with pytest.raises(Undecodable) as caught:
        decode(b'{"limit":{"currency":"XXX","minor":5}}', SetCreditLimit, "invalid-data")
    found = caught.value
    assert (found.pointer, found.rule) == ("/limit", "value")
    assert found.sentence.startswith("the currency 'XXX' is not taken; known: AED, BHD, EUR")


@each([
    ("5", "OMR", "5.000"),
    ("0", "OMR", "0.000"),
    ("0.005", "OMR", "0.005"),
    ("-0.005", "OMR", "-0.005"),
    ("-12.3", "USD", "-12.30"),
    ("12", "JPY", "12"),
    ("-1", "JPY", "-1"),
])  # fmt: skip
def test_an_amount_is_written_with_all_digits_of_its_currency(
    text: str, currency: str, written: str
) -> None:
    money = parse(text, currency, signed=True)
    assert plain(money) == written
    assert str(money) == f"{written} {currency}"


def test_what_is_no_amount_is_told_with_one_that_is() -> None:
    for currency, example in (("OMR", "0.005"), ("USD", "0.05"), ("JPY", "5")):
        with pytest.raises(MoneyError, match=f"is not a decimal number such as {example}$"):
            parse("much", currency)
    with pytest.raises(MoneyError, match=r"such as 0\.000005$"):
        parse_micro("much", "OMR")


def test_the_largest_amount_is_read_and_none_beyond() -> None:
    largest = decimal(MAX_UNITS, 3)
    assert parse(largest, "OMR").minor == MAX_UNITS
    assert parse(f"-{largest}", "OMR", signed=True).minor == -MAX_UNITS
    for text in (decimal(MAX_UNITS + 1, 3), f"-{decimal(MAX_UNITS + 1, 3)}"):
        with pytest.raises(MoneyError, match="is too large"):
            parse(text, "OMR", signed=True)
    # So many digits are not even counted.
    with pytest.raises(MoneyError, match="the amount has more than 18 digits"):
        parse("0" * 18 + "1", "OMR")
    assert parse("0" * 15 + "1.00", "OMR").minor == 1000
    assert parse_micro(decimal(MAX_UNITS, 6), "OMR").micro == MAX_UNITS
    with pytest.raises(MoneyError, match="is too large"):
        parse_micro(decimal(MAX_UNITS + 1, 6), "OMR")


def test_millionths_have_the_same_bound_and_a_known_currency() -> None:
    for units in (MAX_UNITS, -MAX_UNITS):
        assert MicroMoney(currency="OMR", micro=units).micro == units
    for units in (MAX_UNITS + 1, -MAX_UNITS - 1):
        with pytest.raises(MoneyError, match="the amount is too large"):
            MicroMoney(currency="OMR", micro=units)
    with pytest.raises(MoneyError, match="'XXX' is not taken"):
        MicroMoney(currency="XXX", micro=1)


def test_two_currencies_are_named_in_one_order() -> None:
    rial, dollar = Money(currency="OMR", minor=1), Money(currency="USD", minor=1)
    for one, other in ((rial, dollar), (dollar, rial)):
        with pytest.raises(MoneyError, match=r"^OMR and USD do not add up"):
            one.plus(other)
