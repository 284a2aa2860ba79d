"""Everything that is wrong with a command, collected, so that a person can mend it in one go."""

from __future__ import annotations

from typing import Final

from catalyst.contracts.message import FieldError
from catalyst.contracts.rejection import Rejected

SUBJECT: Final = "/subject"
"""Pointer of what stands in a command's subject: the Organization and the aggregate's id."""


class Findings:
    """Broken rules in the order they were found; the first one gives the rejection its code."""

    def __init__(self) -> None:
        self._found: list[FieldError] = []

    def add(self, code: str, pointer: str, message: str) -> None:
        """Note that the field at `pointer` breaks the rule `code`."""
        self._found.append(FieldError(pointer=pointer, rule=code, message=message))

    def extend(self, other: Findings) -> None:
        """Take over what another check found."""
        self._found.extend(other.errors)

    @property
    def errors(self) -> tuple[FieldError, ...]:
        """What was found so far."""
        return tuple(self._found)

    def settle(self) -> None:
        """Go on if nothing is wrong.

        Raises:
            Rejected: With the first finding's code and all findings.
        """
        if not self._found:
            return
        first = self._found[0]
        more = len(self._found) - 1
        message = first.message if more == 0 else f"{first.message} (and {more} more)"
        raise Rejected(first.rule, message, self._found)
