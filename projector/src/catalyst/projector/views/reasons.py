"""Why a row does not move, told anew after each of its events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from catalyst.contracts.blocked import Link, own
from catalyst.contracts.blocked_chain import kept
from catalyst.contracts.message import Event
from catalyst.projector.views.view import At, Fold


def explained(fold: Fold, blocked: Callable[[Any], Sequence[Link]]) -> Fold:
    """Return the fold with the reasons in `blocked_by`, each since it first stood there.

    Args:
        fold: Makes the document.
        blocked: Returns what the document waits for.
    """

    def made_and_explained(doc: Any, event: Event, at: At) -> Any:
        made = fold(doc, event, at)
        if made is None:
            return None
        before = own(doc.blocked_by) if doc is not None else ()
        return msgspec.structs.replace(made, blocked_by=kept(blocked(made), before, at.time))

    return made_and_explained
