"""How people are matched by their e-mail address."""

import sys

import pytest

from catalyst.contracts.roles import matched

EVERY = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
"""Every letter and sign that there is."""


@pytest.mark.guarantee("G6.5")
def test_only_a_letter_of_ascii_stands_for_one_of_ascii() -> None:
    assert [one for one in EVERY if not one.isascii() and matched(one).isascii()] == []
    assert [one for one in EVERY if one.isascii() and matched(one) != one.lower()] == []


def test_case_does_not_matter_in_any_script() -> None:
    for one, other in (
        ("Ada@Acme.EXAMPLE", "ada@acme.example"),
        ("ÉVA@x.example", "éva@X.example"),
    ):
        assert matched(one) == matched(other)
    assert matched("\N{KELVIN SIGN}im@x.example") != matched("kim@x.example")
