"""What a process has freed, whoever looks at it from outside sees gone."""

from __future__ import annotations

import json
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


# What the allocator does, by its own account. Nothing here rests on what was allocated and freed
# before: each piece is taken until what is free already can be no more of it, and the interpreter
# itself takes nothing in between that is larger than what it has pools for.
SETTINGS = """
import asyncio, ctypes, json, re, threading
from catalyst.chassis import loop

KIBIBYTE, MANY, FEW = 1024, 200, 6
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.restype, libc.free.argtypes = None, [ctypes.c_void_p]
libc.open_memstream.restype = libc.fclose.restype = ctypes.c_void_p
libc.open_memstream.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
libc.fclose.argtypes = [ctypes.c_void_p]
libc.malloc_info.argtypes = [ctypes.c_int, ctypes.c_void_p]
text, length, places = ctypes.c_char_p(), ctypes.c_size_t(), (ctypes.c_void_p * MANY)()

class Told(ctypes.Structure):
    names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
    _fields_ = [(name, ctypes.c_int) for name in names.split()]

libc.mallinfo.restype = Told

def take(size):
    for at in range(MANY):
        places[at] = libc.malloc(size)

def give(start):
    for at in reversed(range(start, MANY)):
        libc.free(places[at])
        places[at] = None

def mapped(size):
    before = libc.mallinfo().hblks
    take(size)
    found = libc.mallinfo().hblks - before
    give(0)
    return found

def kept():
    take(100 * KIBIBYTE)
    give(MANY - FEW)
    few = libc.mallinfo().keepcost
    give(0)
    return few // KIBIBYTE, libc.mallinfo().keepcost // KIBIBYTE

def heaps():
    together = threading.Barrier(9)

    def hold():
        place = libc.malloc(KIBIBYTE)
        together.wait()
        together.wait()
        libc.free(place)

    for _ in range(8):
        threading.Thread(target=hold).start()
    together.wait()
    file = libc.open_memstream(ctypes.byref(text), ctypes.byref(length))
    libc.malloc_info(0, file)
    libc.fclose(file)
    together.wait()
    return len(re.findall(b"<heap nr=", text.value))

async def work():
    few, many = kept()
    small, large = mapped(200 * KIBIBYTE), mapped(300 * KIBIBYTE)
    return {"few": few, "many": many, "small": small, "large": large, "heaps": heaps()}

print(json.dumps(loop.run(work())))
"""


def said(program: str, **variables: str) -> str:
    """Return what a program says whose allocator is tuned by these variables alone."""
    others = ("MALLOC_", "GLIBC_TUNABLES")
    ours = {name: text for name, text in os.environ.items() if not name.startswith(others)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=ours | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def left(**variables: str) -> int:
    """Return how many bytes a process keeps of 31 MiB that it had, and freed."""
    return int(said(PROGRAM, **variables))


def settings(**variables: str) -> dict[str, bool]:
    """Return for each variable whether a process does what we have it do."""
    found = json.loads(said(SETTINGS, **variables))
    return {
        "MALLOC_ARENA_MAX": found["heaps"] == 1,
        # At the end of the heap 1024 KiB may be free and no more: 600 are kept, 20,000 are not.
        "MALLOC_TRIM_THRESHOLD_": found["few"] >= 600 and found["many"] <= 1024,
        # From 256 KiB on each piece is the system's own again once it is freed: 200 never are.
        "MALLOC_MMAP_THRESHOLD_": found["small"] == 0 and found["large"] > 0,
    }


glibc = pytest.mark.skipif(
    sys.platform != "linux" or not os.confstr("CS_GNU_LIBC_VERSION"), reason="glibc's allocator"
)


@glibc
def test_what_is_freed_goes_back_to_the_system() -> None:
    assert left() < 4 * 1024 * 1024


MOST = 1024 * 1024 * 1024


@glibc
@pytest.mark.parametrize(
    "variables",
    [
        {"MALLOC_TRIM_THRESHOLD_": f"{MOST}", "MALLOC_MMAP_THRESHOLD_": f"{MOST}"},
        {
            "GLIBC_TUNABLES": f"glibc.malloc.trim_threshold={MOST}:"
            f"glibc.malloc.mmap_threshold={MOST}"
        },
    ],
)
def test_somebody_else_may_say_how_much_is_kept(variables: dict[str, str]) -> None:
    assert left(**variables) > 16 * 1024 * 1024


OTHERWISE = {
    "MALLOC_ARENA_MAX": "8",
    "MALLOC_TRIM_THRESHOLD_": f"{MOST}",
    "MALLOC_MMAP_THRESHOLD_": f"{16 * 1024 * 1024}",
}


@glibc
@pytest.mark.parametrize("name", [*OTHERWISE, None])
def test_each_setting_is_made_but_for_the_one_that_somebody_else_says(name: str | None) -> None:
    variables = {name: OTHERWISE[name]} if name is not None else {}
    assert settings(**variables) == {one: one != name for one in OTHERWISE}


@glibc
def test_who_tunes_the_allocator_in_the_other_way_says_all_of_it() -> None:
    tuned = f"glibc.malloc.mmap_threshold={16 * 1024 * 1024}"
    assert not any(settings(GLIBC_TUNABLES=tuned).values())
