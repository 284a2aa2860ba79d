"""Where a reader of the stream stands: `<epoch>.<revision>.<scope>`, opaque to the reader.

It means that everything up to this revision of this bucket, as far as this scope sees it, was sent.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_CURSOR: Final = re.compile(r"([a-z2-7]{1,32})\.(0|[1-9][0-9]{0,18})\.([a-z2-7]{1,32})")


class Cursor(NamedTuple):
    """One place in the stream."""

    epoch: str
    revision: int
    scope: str
    """Fingerprint of the filter and of what the reader may see: another one sees other rows."""

    def encode(self) -> str:
        """Return it as the `id` of an event."""
        return f"{self.epoch}.{self.revision}.{self.scope}"


def parse(text: str) -> Cursor | None:
    """Return a cursor, or None if the text is none."""
    found = _CURSOR.fullmatch(text)
    return None if found is None else Cursor(found[1], int(found[2]), found[3])
