"""Answered: what was answered here lately, so that its repeat is looked up and not decided again.

A hint, and nothing else: a repeat that is not known here, as after a restart, is decided like any
other, and then refused by the guard of its outcome. Called by the decide loop.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from catalyst.chassis.job import Job

MOST: Final = 10_000
"""Ids that are known; a sender who hears nothing asks again within seconds."""


class Answered:
    """The ids of the latest inputs that were answered."""

    def __init__(self) -> None:
        """Begin without any."""
        self._ids: OrderedDict[tuple[str | None, str], None] = OrderedDict()

    def add(self, job: Job) -> None:
        """Know one from now on."""
        self._ids[job.ref.organization, job.done_id] = None
        if len(self._ids) > MOST:
            self._ids.popitem(last=False)

    def __contains__(self, job: Job) -> bool:
        """Return whether one of this id was answered."""
        return (job.ref.organization, job.done_id) in self._ids
