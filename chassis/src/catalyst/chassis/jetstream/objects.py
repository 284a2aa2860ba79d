"""Immutable content by its sha256, in a JetStream object store; each reader verifies what it gets.

In the wire format of the object store, so that every NATS tool reads it: chunks on
`$O.<bucket>.C.<nuid>`, then what describes them on `$O.<bucket>.M.<name>`. The name is the digest's
hexadecimal digits. All of one content is in one atomic batch, so that there is never a part of it;
small contents share one, because a batch costs the same whatever is in it.
"""

import asyncio
import base64
import hashlib
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec
from nats.nuid import NUID

from catalyst.chassis.jetstream.port import (
    Broker,
    BrokerError,
    NotFound,
    Outgoing,
    Stored,
    Unavailable,
    WrongSequence,
)
from catalyst.contracts.topology import BLUEPRINTS, MAX_CONTENT_BYTES, MAX_GROUP_MESSAGES

CHUNK_BYTES: Final = 128 * 1024
GROUP_BYTES: Final = 1024 * 1024
"""Of contents that are stored together."""
CACHE_BYTES: Final = 32 * 1024 * 1024
"""Content kept in memory by one reader; the longest unused is forgotten first."""
_SHA256: Final = "sha256:"
_DIGEST: Final = re.compile(_SHA256 + r"[0-9a-f]{64}")
_NOTHING_BEFORE: Final = {"Nats-Expected-Last-Subject-Sequence": "0"}


class WrongContent(Exception):
    """What stands under a digest is not what the digest was made from: nobody may use it."""


class _Options(msgspec.Struct, frozen=True):
    max_chunk_size: int = CHUNK_BYTES


class _Info(msgspec.Struct, frozen=True, kw_only=True):
    """The message that describes an object, as the object store spells it."""

    name: str
    bucket: str
    nuid: str
    size: int
    chunks: int
    digest: str
    options: _Options = _Options()


class Objects:
    """The content of one bucket."""

    def __init__(self, broker: Broker, bucket: str = BLUEPRINTS) -> None:
        """Store and read through `broker`; the bucket is made by the topology."""
        self._broker = broker
        self._bucket = bucket
        self._stream = f"OBJ_{bucket}"
        self._nuid = NUID()
        self._cache: OrderedDict[str, bytes] = OrderedDict()
        self._cached = 0

    async def put(self, data: bytes) -> str:
        """Store content and return its digest, `sha256:` and 64 digits; twice is as once.

        Raises:
            ValueError: If it is empty, or larger than `MAX_CONTENT_BYTES`.
            BrokerError: As the broker port says; after `Unavailable` put it again.
        """
        return (await self.put_all((data,)))[0]

    async def put_all(self, contents: Sequence[bytes]) -> tuple[str, ...]:
        """Store each content as `put` does, and return the digests in the same order.

        Each is there whole or not at all; after an error some may be there.
        """
        for data in contents:
            if not 0 < len(data) <= MAX_CONTENT_BYTES:
                raise ValueError(f"{len(data)} bytes, 1 to {MAX_CONTENT_BYTES} are allowed")
        digests = tuple(map(digest_of, contents))
        wanted = dict(zip(digests, contents, strict=True))
        new = await self._missing(wanted)
        for group in _groups(new):
            await self._store(group)
        return digests

    async def _missing(self, wanted: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return the contents under whose digests nothing stands; asked for all at once."""
        try:
            async with asyncio.TaskGroup() as tasks:
                there = {
                    digest: tasks.create_task(self._broker.last(self._stream, self._about(digest)))
                    for digest in wanted
                }
        except ExceptionGroup as group:
            if group.split(BrokerError)[1] is not None:
                raise
            raise group.exceptions[0] from group
        return {digest: wanted[digest] for digest, known in there.items() if known.result() is None}

    async def _store(self, group: Mapping[str, bytes]) -> None:
        messages = [
            message for digest, data in group.items() for message in self._object(digest, data)
        ]
        try:
            await self._broker.batch(messages)
        except WrongSequence:
            # Somebody stored one of them meanwhile: nothing of ours was, the others are not there.
            if len(group) > 1:
                for digest, data in group.items():
                    await self._store({digest: data})
            return
        for digest, data in group.items():
            self._keep(digest, data)

    def _object(self, digest: str, data: bytes) -> list[Outgoing]:
        """Return the messages that store a content, if nothing is stored under its digest."""
        nuid = self._nuid.next().decode()
        chunks = [Outgoing(self._place(nuid), part) for part in _parts(data)]
        info = _Info(
            name=digest.removeprefix(_SHA256),
            bucket=self._bucket,
            nuid=nuid,
            size=len(data),
            chunks=len(chunks),
            digest=f"SHA-256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode()}",
        )
        return [*chunks, Outgoing(self._about(digest), msgspec.json.encode(info), _NOTHING_BEFORE)]

    async def get(self, digest: str) -> bytes:
        """Return the content of a digest, from memory if it was stored or read before.

        Raises:
            WrongContent: If what stands there has another digest.
            NotFound: If nothing stands there.
            ValueError: If the text is no digest.
            BrokerError: As the broker port says.
        """
        if not _DIGEST.fullmatch(digest):
            raise ValueError(f"{digest!r} is not `sha256:` and 64 hexadecimal digits")
        kept = self._cache.get(digest)
        if kept is not None:
            self._cache.move_to_end(digest)
            return kept
        data = await self._read(digest)
        if digest_of(data) != digest:
            raise WrongContent(f"the content of {digest} in {self._bucket!r} has another digest")
        self._keep(digest, data)
        return data

    async def _read(self, digest: str) -> bytes:
        about = self._about(digest)
        stored = await self._broker.last(self._stream, about)
        if stored is None:
            # The replica that was asked may be behind.
            stored = await self._broker.last(self._stream, about, leader=True)
        if stored is None:
            raise NotFound(404, 0, f"no content of {digest} in {self._bucket!r}")
        info = _described(stored)
        parts = await self._broker.replay(self._stream, self._place(info.nuid))
        if len(parts) < info.chunks:
            raise Unavailable(503, 0, f"{len(parts)} of {info.chunks} chunks of {digest} are there")
        return b"".join(part.data for part in parts)

    def _about(self, digest: str) -> str:
        name = base64.urlsafe_b64encode(digest.removeprefix(_SHA256).encode()).decode()
        return f"$O.{self._bucket}.M.{name}"

    def _place(self, nuid: str) -> str:
        return f"$O.{self._bucket}.C.{nuid}"

    def _keep(self, digest: str, data: bytes) -> None:
        self._cached += len(data) - len(self._cache.get(digest, b""))
        self._cache[digest] = data
        while self._cached > CACHE_BYTES:
            _, forgotten = self._cache.popitem(last=False)
            self._cached -= len(forgotten)


def digest_of(data: bytes) -> str:
    """Return the fingerprint of content, as messages name it."""
    return _SHA256 + hashlib.sha256(data).hexdigest()


def _described(stored: Stored) -> _Info:
    try:
        return msgspec.json.decode(stored.data, type=_Info)
    except msgspec.MsgspecError as error:
        raise WrongContent(f"{stored.subject} does not describe an object: {error}") from error


def _groups(contents: Mapping[str, bytes]) -> Iterator[dict[str, bytes]]:
    """Yield contents in groups that are small enough for one batch; a large one stands alone."""
    group: dict[str, bytes] = {}
    size = messages = 0
    for digest, data in contents.items():
        own = -(-len(data) // CHUNK_BYTES) + 1
        if group and (size + len(data) > GROUP_BYTES or messages + own > MAX_GROUP_MESSAGES):
            yield group
            group, size, messages = {}, 0, 0
        group[digest] = data
        size, messages = size + len(data), messages + own
    if group:
        yield group


def _parts(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), CHUNK_BYTES):
        yield data[start : start + CHUNK_BYTES]
