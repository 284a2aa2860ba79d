"""How people are matched by their e-mail address."""

import sys

import pytest

from catalyst.contracts.roles import matched

BLOCK = 128
"""Letters that are looked at together: as many as ASCII has."""


def touches_ascii(letters: str) -> bool:
    """Return whether one of them becomes anything of ASCII, or more or fewer letters than one."""
    small = matched(letters)
    return len(small) != len(letters) or bool(small.encode("ascii", "ignore"))


@pytest.mark.guarantee("G6.5")
def test_only_a_letter_of_ascii_stands_for_one_of_ascii() -> None:
    every = "".join(map(chr, range(sys.maxunicode + 1)))
    blocks = [every[at : at + BLOCK] for at in range(0, len(every), BLOCK)]
    assert blocks[0].isascii()
    assert [one for one in blocks[0] if matched(one) != one.lower()] == []
    # Letters that become as many others, none of them of ASCII, need not be looked at one by one.
    near = [block for block in blocks[1:] if touches_ascii(block)]
    assert [one for block in near for one in block if matched(one).isascii()] == []


def test_case_does_not_matter_in_any_script() -> None:
    for one, other in (
        ("Ada@Acme.EXAMPLE", "ada@acme.example"),
        ("ÉVA@x.example", "éva@X.example"),
    ):
        assert matched(one) == matched(other)
    assert matched("\N{KELVIN SIGN}im@x.example") != matched("kim@x.example")
