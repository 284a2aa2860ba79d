"""What the projector makes of events that happened, decision by decision. No broker."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from tests.support import log as writing
from tests.support.log import START

from catalyst.projector.fold import Fold
from catalyst.projector.ports import LogMessage
from catalyst.projector.views.view import View


def folded(views: Iterable[View[Any]], happened: Iterable[Any]) -> Fold:
    """Fold events, each as a decision of its own, a second after the one before."""
    fold = Fold(tuple(views))
    for seq, on in enumerate(happened, 1):
        sent = writing.message(on, f"c-{seq}", 0, START + timedelta(seconds=seq))
        message = LogMessage(
            seq=seq,
            subject=sent.subject,
            time_ns=seq * 1_000_000_000,
            batch=None,
            commit=False,
            data=sent.data,
        )
        fold.apply([message])
    return fold
