"""All buckets of the read model and the pointer to the current one, in the bucket `rm`."""

from __future__ import annotations

import logging
import re
from datetime import datetime
from typing import Any, Final

import msgspec

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.chassis.jetstream.times import of_text
from catalyst.contracts import topology
from catalyst.projector.adapters.bucket import StreamBucket, stream_name
from catalyst.projector.adapters.faults import translated
from catalyst.projector.ports import Missing, Pointer

log = logging.getLogger(__name__)

_STREAM: Final = "KV_rm"
_SUBJECT: Final = "$KV.rm.current"
_PREFIX: Final = stream_name("")
_EPOCH: Final = re.compile("[a-z2-7]{1,32}")


class StreamReadModel:
    """The port `ReadModel` on a connection."""

    def __init__(self, js: JetStream, name: str, *, replicas: int = 1) -> None:
        """Use `js`; `name` begins the names of consumers, `replicas` is for new buckets."""
        self._js = js
        self._name = name
        self._replicas = replicas

    async def current(self) -> Pointer | None:
        """Return the pointer, from whoever leads."""
        with translated("asking for the current read model"):
            stored = await self._js.last(_STREAM, _SUBJECT, leader=True)
        if stored is None:
            return None
        return msgspec.structs.replace(_pointer(stored.data), revision=stored.seq)

    async def switch(self, pointer: Pointer) -> None:
        """Write the pointer under the guard of its own subject."""
        body = {
            "epoch": pointer.epoch,
            "previous": pointer.previous,
            "kept": list(pointer.kept),
        }
        headers = {"Nats-Expected-Last-Subject-Sequence": str(pointer.revision)}
        with translated("switching the read model"):
            await self._js.publish(Outgoing(_SUBJECT, msgspec.json.encode(body), headers))

    def bucket(self, epoch: str) -> StreamBucket:
        """Return a bucket, whether it exists or not."""
        return StreamBucket(self._js, epoch, self._name)

    async def create(self, epoch: str) -> StreamBucket:
        """Create the stream of a new bucket."""
        stream = topology.read_model_bucket(epoch)
        config = {
            **stream.config,
            "name": stream.name,
            "storage": "file",
            "num_replicas": self._replicas,
            "metadata": {"catalyst.topology": str(topology.VERSION)},
        }
        with translated("creating a bucket"):
            await self._js.api(f"STREAM.CREATE.{stream.name}", config)
        return self.bucket(epoch)

    async def epochs(self) -> dict[str, datetime]:
        """Return every bucket with its time of creation."""
        found: dict[str, datetime] = {}
        offset, total = 0, 1
        while offset < total:
            with translated("listing the buckets"):
                page: dict[str, Any] = await self._js.api(
                    "STREAM.LIST", {"subject": "$KV.>", "offset": offset}
                )
            streams = page.get("streams") or []
            total = page.get("total", 0)
            offset += len(streams)
            for item in streams:
                name: str = item["config"]["name"]
                if name.startswith(_PREFIX):
                    found[name[len(_PREFIX) :]] = of_text(item["created"])
            if not streams:
                break
        return found

    async def delete(self, epoch: str) -> None:
        """Delete the stream of a bucket."""
        try:
            with translated("deleting a bucket"):
                await self._js.api(f"STREAM.DELETE.{stream_name(epoch)}", None)
        except Missing:
            return


def _pointer(raw: bytes) -> Pointer:
    """Return what the pointer says; no bucket, if that cannot be read."""
    try:
        found = msgspec.json.decode(raw, type=Pointer)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        log.warning("the pointer to the read model cannot be read", extra={"why": str(error)})
        return Pointer(epoch="")
    return found if _EPOCH.fullmatch(found.epoch) else Pointer(epoch="")
