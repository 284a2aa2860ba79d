"""A look at a Git pack while it arrives: what would unpack to too much is refused at once.

A few bytes can unpack to gigabytes, and the Git library unpacks each object whole. So the pack is
walked first, in small pieces that are thrown away. Who fetches from outside does so, and who takes
a push.
"""

from __future__ import annotations

import zlib
from collections import Counter
from typing import Any, Final

MAX_OBJECT_BYTES: Final = 8 * 1024 * 1024
"""Of one object, unpacked."""
MAX_UNPACKED_BYTES: Final = 512 * 1024 * 1024
"""Of all objects together."""
MAX_HELD_BYTES: Final = 64 * 1024 * 1024
"""Of the objects that the library holds at one time: from whatever several deltas are made, it
keeps until the last of them is made, on the whole way from the first object to the one at hand."""
MAX_OBJECTS: Final = 200_000
OBJECT_BYTES: Final = 300
"""What the library keeps of each object until the last one is unpacked, at most."""
_PIECE: Final = 64 * 1024
_SLICE: Final = 4096
"""Given to the inflater at one time: what stands behind an object is copied once for each."""
_HEADER: Final = 12
_LONGEST: Final = 64
"""Bytes before an object's content, at most."""
_COMMIT: Final = 1
_TAG: Final = 4
_OFS_DELTA: Final = 6
_REF_DELTA: Final = 7


class BadPack(Exception):
    """The pack is broken, or would unpack to too much."""


class _CutOff(Exception):
    """A header is not whole yet."""


class Walk:
    """Walks a pack piece by piece."""

    def __init__(self) -> None:
        self._data = b""
        self._at = 0
        """Where the next thing stands in what is at hand."""
        self._before = 0
        """Bytes of the pack before what is at hand."""
        self._left = -1
        """Objects to come; -1 while the pack's header is not read."""
        self._inflate: Any = None
        self._kind = self._size = self._found = self._total = self._largest = 0
        self._start = b""
        """An object's first bytes, unpacked."""
        self._base: int | bytes = -1
        """Of a delta: the number or the name of the object that it changes."""
        self._numbers: dict[int, int] = {}
        """Of each object, by where it stands in the pack."""
        self._bases: list[tuple[int | bytes, int]] = []
        """Of each object: its base with the base's size."""

    def feed(self, data: bytes) -> None:
        """Walk through the next piece.

        Raises:
            BadPack: If the pack may not be unpacked, with the reason.
        """
        self._before += self._at
        self._data, self._at = self._data[self._at :] + data, 0
        while self._left and self._step():
            pass
        if not self._left:
            self._at = len(self._data)  # The pack's own hash, which the library compares.

    def end(self) -> int:
        """Say that there is no further piece; return how much memory unpacking needs, at most.

        Raises:
            BadPack: If one is missing, or too much would be held at one time.
        """
        if self._left:
            raise BadPack("the pack is cut off")
        held, objects = self._held(), len(self._bases)
        self._numbers.clear()
        self._bases.clear()
        if held > MAX_HELD_BYTES:
            raise BadPack(
                f"objects that need more than {MAX_HELD_BYTES // 1024 // 1024} MiB at one time"
            )
        # Of what is at hand: a delta, what it is of, and what becomes of it.
        return held + 3 * self._largest + objects * OBJECT_BYTES

    def _step(self) -> bool:
        """Take the next thing; return whether there was enough of it."""
        if self._inflate is not None:
            return self._inflated(self._inflate)
        try:
            return self._opened() if self._left < 0 else self._headed()
        except _CutOff:
            if len(self._data) - self._at > _LONGEST:
                raise BadPack("a header is too long") from None
            return False

    def _opened(self) -> bool:
        if len(self._data) < _HEADER:
            raise _CutOff
        if self._data[:4] != b"PACK":
            raise BadPack("this is not a pack")
        self._left = int.from_bytes(self._data[8:_HEADER], "big")
        self._at = _HEADER
        if self._left > MAX_OBJECTS:
            raise BadPack(f"more than {MAX_OBJECTS} objects")
        return True

    def _headed(self) -> bool:
        stands = self._before + self._at
        kind, size, place = _header(self._data, self._at)
        base: int | bytes = -1
        if kind == _REF_DELTA:
            base, place = self._data[place : place + 20], place + 20
            if place > len(self._data):
                raise _CutOff
        elif kind == _OFS_DELTA:
            distance, place = _distance(self._data, place)
            known = self._numbers.get(stands - distance)
            if known is None:
                raise BadPack("a delta of nothing")
            base = known
        elif not _COMMIT <= kind <= _TAG:
            raise BadPack("an object of no known kind")
        _fits(size)
        self._numbers[stands] = len(self._bases)
        self._kind, self._size, self._base, self._at = kind, size, base, place
        self._start, self._found, self._inflate = b"", 0, zlib.decompressobj()
        return True

    def _inflated(self, inflate: Any) -> bool:
        """Unpack a slice of the object at hand."""
        left = self._data[self._at : self._at + _SLICE]
        if not left:
            return False
        self._at += len(left)
        while left and not inflate.eof:
            try:
                piece = inflate.decompress(left, _PIECE)
            except zlib.error as error:
                raise BadPack("an object is broken") from error
            left = inflate.unconsumed_tail
            if len(self._start) < _LONGEST:
                self._start += piece[:_LONGEST]
            self._found += len(piece)
            if self._found > self._size:
                raise BadPack("an object is larger than it says")
        if inflate.eof:
            self._at -= len(inflate.unused_data)
            self._complete()
        return True

    def _complete(self) -> None:
        size, of = self._size, 0
        if self._base != -1:
            try:
                of, place = _number(self._start, 0)
                size, _ = _number(self._start, place)
            except _CutOff:
                raise BadPack("a delta is broken") from None
            _fits(of)
            _fits(size)
        self._bases.append((self._base, of))
        self._largest = max(self._largest, of, size, self._found)
        self._total += max(size, self._found)
        if self._total > MAX_UNPACKED_BYTES:
            raise BadPack(f"more than {MAX_UNPACKED_BYTES // 1024 // 1024} MiB in all")
        self._inflate = None
        self._left -= 1

    def _held(self) -> int:
        """Return how many bytes may be held at one time, at most."""
        times = Counter(base for base, _ in self._bases)
        held: list[int] = []
        named = False
        shared: dict[int | bytes, int] = {}
        for base, size in self._bases:
            kept = size if base != -1 and times[base] > 1 else 0
            if kept:
                shared[base] = size
            named = named or isinstance(base, bytes)
            held.append(kept + (held[base] if isinstance(base, int) and base >= 0 else 0))
        # Which object has a name is not known here, so any of them may be on the way to any other.
        return sum(shared.values()) if named else max(held, default=0)


def _fits(size: int) -> None:
    if size > MAX_OBJECT_BYTES:
        raise BadPack(f"an object of more than {MAX_OBJECT_BYTES // 1024 // 1024} MiB")


def _byte(data: bytes, place: int) -> int:
    if place >= len(data):
        raise _CutOff
    return data[place]


def _header(pack: bytes, place: int) -> tuple[int, int, int]:
    """Return an object's kind and size, and where its header ends."""
    byte = _byte(pack, place)
    kind, size, shift = (byte >> 4) & 7, byte & 15, 4
    if byte & 128:
        more, place = _number(pack, place + 1)
        return kind, size | more << shift, place
    return kind, size, place + 1


def _distance(pack: bytes, place: int) -> tuple[int, int]:
    """Return how far before a delta its base stands, and where that ends."""
    byte = _byte(pack, place)
    distance = byte & 127
    while byte & 128:
        place += 1
        byte = _byte(pack, place)
        distance = ((distance + 1) << 7) | (byte & 127)
    return distance, place + 1


def _number(data: bytes, place: int) -> tuple[int, int]:
    """Return a number and where it ends."""
    number = shift = 0
    while True:
        byte = _byte(data, place)
        number |= (byte & 127) << shift
        shift += 7
        place += 1
        if not byte & 128:
            return number, place
