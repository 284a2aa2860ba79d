"""What the projector makes of events that happened, decision by decision. No broker."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from tests.support import log as writing
from tests.support.log import START

from catalyst.projector.fold import Fold
from catalyst.projector.ports import LogMessage
from catalyst.projector.views.view import View


class Folding:
    """Folds events as they happen, each once and as a decision, a second after the one before."""

    def __init__(self, views: Iterable[View[Any]]) -> None:
        self._fold = Fold(tuple(views))
        self._last = 0

    def of(self, happened: Sequence[Any]) -> Fold:
        """Return what all that happened makes; it begins with what happened before."""
        for seq, on in enumerate(happened[self._last :], self._last + 1):
            sent = writing.message(on, f"c-{seq}", 0, START + timedelta(seconds=seq))
            message = LogMessage(
                seq=seq,
                subject=sent.subject,
                time_ns=seq * 1_000_000_000,
                batch=None,
                commit=False,
                data=sent.data,
            )
            self._fold.apply([message])
        self._last = len(happened)
        return self._fold


def folded(views: Iterable[View[Any]], happened: Iterable[Any]) -> Fold:
    """Fold events, as `Folding` does, that all happened already."""
    return Folding(views).of([*happened])
