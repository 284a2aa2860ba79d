"""The collector of garbage, which has nothing to find in what a process loads.

That stays to the end. To look through it over and over while it comes, and once more when the
process ends, took nearly half of the time that a process needs to begin and end.
"""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

GC_THRESHOLDS: Final = (20_000, 20, 50)
"""Objects made before the collector looks at the youngest, and how often it then looks further."""


@contextmanager
def resting() -> Iterator[None]:
    """Load in the block what the process is made of; nothing looks through it, then or later."""
    gc.disable()
    atexit.register(gc.freeze)
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        gc.enable()
