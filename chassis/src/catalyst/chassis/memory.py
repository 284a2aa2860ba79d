"""What a process has freed goes back to the system, as far as its allocator can be told so.

glibc gives each thread a heap of its own, and keeps of each as much as was ever freed at once: of
a stack that had done nothing but start, 16 MB were nobody's.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Final

_KIBIBYTE: Final = 1024

ALLOCATOR: Final = {
    # All that many threads do at once here is wait, and the interpreter runs one at a time.
    "MALLOC_ARENA_MAX": (-8, 1),
    "MALLOC_TRIM_THRESHOLD_": (-1, 1024 * _KIBIBYTE),
    # Said, so that it does not grow with the largest thing that was ever freed.
    "MALLOC_MMAP_THRESHOLD_": (-3, 256 * _KIBIBYTE),
}
"""What glibc is told, by the variable that says otherwise: its number for it, and the value."""

_TUNED: Final = "glibc.malloc."


def give_back() -> None:
    """Have memory given back, from now on; elsewhere than with glibc nothing is done."""
    # Whoever tunes the allocator in the other way says all of it.
    if sys.platform != "linux" or _TUNED in os.environ.get("GLIBC_TUNABLES", ""):
        return
    told = getattr(ctypes.CDLL(None), "mallopt", None)
    if told is None:
        return
    for name, (number, value) in ALLOCATOR.items():
        if name not in os.environ:
            told(number, value)
