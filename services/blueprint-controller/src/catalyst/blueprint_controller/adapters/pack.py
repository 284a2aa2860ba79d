"""A look at a Git pack before anything is made of it: what would unpack to too much is refused.

A few bytes can unpack to gigabytes, and the Git library unpacks each object whole. So the pack is
walked first, in small pieces that are thrown away.
"""

from __future__ import annotations

import zlib
from typing import Final

MAX_OBJECT_BYTES: Final = 8 * 1024 * 1024
"""Of one object, unpacked."""
MAX_UNPACKED_BYTES: Final = 512 * 1024 * 1024
"""Of all objects together."""
MAX_OBJECTS: Final = 200_000
_PIECE: Final = 64 * 1024
_HEADER: Final = 12
_OFS_DELTA: Final = 6
_REF_DELTA: Final = 7


class BadPack(Exception):
    """The pack is broken, or would unpack to too much."""


def check(pack: bytes) -> None:
    """Return if a pack may be unpacked.

    Raises:
        BadPack: If not, with the reason.
    """
    if len(pack) < _HEADER or pack[:4] != b"PACK":
        raise BadPack("this is not a pack")
    count = int.from_bytes(pack[8:12], "big")
    if count > MAX_OBJECTS:
        raise BadPack(f"more than {MAX_OBJECTS} objects")
    place, total = _HEADER, 0
    view = memoryview(pack)
    for _ in range(count):
        kind, size, place = _header(pack, place)
        place = _behind_base(pack, kind, place)
        if size > MAX_OBJECT_BYTES:
            raise BadPack(f"an object of more than {MAX_OBJECT_BYTES // 1024 // 1024} MiB")
        start, unpacked, place = _unpacked(view, place, size)
        if kind in {_OFS_DELTA, _REF_DELTA}:
            size = _target(start)
            if size > MAX_OBJECT_BYTES:
                raise BadPack(f"an object of more than {MAX_OBJECT_BYTES // 1024 // 1024} MiB")
        total += max(size, unpacked)
        if total > MAX_UNPACKED_BYTES:
            raise BadPack(f"more than {MAX_UNPACKED_BYTES // 1024 // 1024} MiB in all")


def _byte(data: bytes, place: int) -> int:
    if place >= len(data):
        raise BadPack("the pack is cut off")
    return data[place]


def _header(pack: bytes, place: int) -> tuple[int, int, int]:
    """Return an object's kind and size, and where its header ends."""
    byte = _byte(pack, place)
    kind, size, shift = (byte >> 4) & 7, byte & 15, 4
    while byte & 128:
        place += 1
        byte = _byte(pack, place)
        size |= (byte & 127) << shift
        shift += 7
        if shift > 64:
            raise BadPack("a size is too long")
    return kind, size, place + 1


def _behind_base(pack: bytes, kind: int, place: int) -> int:
    if kind == _REF_DELTA:
        return place + 20
    if kind == _OFS_DELTA:
        while _byte(pack, place) & 128:
            place += 1
        return place + 1
    return place


def _unpacked(view: memoryview, place: int, size: int) -> tuple[bytes, int, int]:
    """Return an object's first bytes, how many it has, and where it ends in the pack."""
    inflate = zlib.decompressobj()
    start, found = b"", 0
    left: bytes | memoryview = view[place : place + _PIECE]
    place += len(left)
    while not inflate.eof:
        if not left:
            left = view[place : place + _PIECE]
            place += len(left)
            if not left:
                raise BadPack("the pack is cut off")
        try:
            piece = inflate.decompress(left, _PIECE)
        except zlib.error as error:
            raise BadPack("an object is broken") from error
        left = inflate.unconsumed_tail
        start = start or piece[:32]
        found += len(piece)
        if found > size:
            raise BadPack("an object is larger than it says")
    return start, found, place - len(inflate.unused_data)


def _target(start: bytes) -> int:
    """Return the size of what a delta makes, from the delta's first bytes."""
    place = 0
    while _byte(start, place) & 128:
        place += 1
    place += 1
    size = shift = 0
    while True:
        byte = _byte(start, place)
        size |= (byte & 127) << shift
        shift += 7
        place += 1
        if not byte & 128:
            return size
