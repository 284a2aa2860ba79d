"""Codes of vouchers, made of random bytes that somebody else draws."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from catalyst.contracts.voucher_v1 import ALPHABET, CODE_LENGTH, CODE_PREFIX

GROUP: Final = 4
_FAIR: Final = 256 - 256 % len(ALPHABET)
"""Bytes from here on would make the first characters likelier than the others."""


def code_of(drawn: Iterator[int]) -> str:
    """Return a code, such as `VCH-7QKD-M2XW-PA4R`, in which every character is equally likely.

    Args:
        drawn: Random bytes, as many as it takes: a byte that would favour some is passed over.
    """
    fair = (byte for byte in drawn if byte < _FAIR)
    found = "".join(ALPHABET[next(fair) % len(ALPHABET)] for _ in range(CODE_LENGTH))
    groups = (found[start : start + GROUP] for start in range(0, CODE_LENGTH, GROUP))
    return CODE_PREFIX + "-".join(groups)
