"""What a process has freed, whoever looks at it from outside sees gone."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import asyncio, os, threading
from catalyst.chassis import loop

PIECE, PIECES, THREADS, LARGE = 64 * 1024, 15, 8, 24 * 1024 * 1024

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

# What lives on above freed memory keeps it, and an allocator cannot help that. So whatever else is
# needed stands before the first piece: the threads, what they wait for, the lists of their pieces.
def hold(pieces, together):
    together.wait()
    for at in range(PIECES):
        pieces[at] = b"x" * PIECE
    together.wait()
    for at in range(PIECES):
        pieces[at] = None
    together.wait()
    together.wait()

async def work():
    before = resident()
    large = b"x" * LARGE
    del large
    together = threading.Barrier(THREADS + 1)
    threads = [
        threading.Thread(target=hold, args=([None] * PIECES, together)) for _ in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    for _ in ("started", "full", "freed"):
        together.wait()
    kept = resident() - before
    together.wait()
    return kept

print(loop.run(work()))
"""


def left(**variables: str) -> int:
    """Return how many bytes a process keeps of 31 MiB that it had, and freed."""
    said = ("MALLOC_", "GLIBC_TUNABLES")
    ours = {name: text for name, text in os.environ.items() if not name.startswith(said)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=ours | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


glibc = pytest.mark.skipif(
    sys.platform != "linux" or not os.confstr("CS_GNU_LIBC_VERSION"), reason="glibc's allocator"
)


@glibc
def test_what_is_freed_goes_back_to_the_system() -> None:
    assert left() < 4 * 1024 * 1024


MOST = 1024 * 1024 * 1024


@glibc
@pytest.mark.parametrize(
    "said",
    [
        {"MALLOC_TRIM_THRESHOLD_": f"{MOST}", "MALLOC_MMAP_THRESHOLD_": f"{MOST}"},
        {
            "GLIBC_TUNABLES": f"glibc.malloc.trim_threshold={MOST}:"
            f"glibc.malloc.mmap_threshold={MOST}"
        },
    ],
)
def test_somebody_else_may_say_how_much_is_kept(said: dict[str, str]) -> None:
    assert left(**said) > 16 * 1024 * 1024
