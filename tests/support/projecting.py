"""A running read side for tests: follower, hub and HTTP app on the test's own broker account."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import msgspec
from joserfc.jwk import OKPKey
from tests.support.clients import plain
from tests.support.waiting import until
from typing_extensions import override

from catalyst.chassis import app as process
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jwks import StaticKeys
from catalyst.chassis.runtime import Runtime
from catalyst.chassis.telemetry import Telemetry
from catalyst.chassis.tokens import OWN_ISSUER, Issuer, Signer, Verifier
from catalyst.projector.adapters.buckets import StreamReadModel
from catalyst.projector.adapters.log import StreamLog
from catalyst.projector.follower import Follower
from catalyst.projector.main import Projector
from catalyst.projector.ports import Loaded, LogState
from catalyst.projector.refold import Refold
from catalyst.projector.settings import Settings

KEY = OKPKey.generate_key("Ed25519", parameters={"kid": "test", "alg": "EdDSA", "use": "sig"})
SIGNER = Signer(KEY)
VERIFIER = Verifier(
    {OWN_ISSUER: Issuer(StaticKeys(msgspec.json.encode({"keys": [KEY.as_dict(private=False)]})))}
)

LONG = 24 * 60.0
"""In minutes: longer than any run, since tokens are made when a file is read, too."""


def token(
    email: str = "ann@example.org", *roles: str, minutes: float = LONG, verified: bool = True
) -> str:
    """A person's token."""
    ttl = timedelta(minutes=minutes)
    return SIGNER.person(email=email, roles=roles, ttl=ttl, verified=verified)


def bearer(
    email: str = "ann@example.org", *roles: str, minutes: float = LONG, verified: bool = True
) -> dict[str, str]:
    found = token(email, *roles, minutes=minutes, verified=verified)
    return {"Authorization": f"Bearer {found}"}


def settings(**changes: Any) -> Settings:
    values = {"heartbeat_seconds": 0.2, "wait_seconds": 1.0, "check_seconds": 0.0}
    return Settings(**{**values, **changes})


def projector(js: JetStream, *, telemetry: Telemetry | None = None, **changes: Any) -> Projector:
    runtime = Runtime(
        js=js,
        broker=js,
        verifier=VERIFIER,
        token=lambda: "",
        member="test",
        require_tokens=True,
        telemetry=telemetry or Telemetry("test"),
    )
    return Projector(runtime, settings(**changes))


@asynccontextmanager
async def running(member: Projector, *, shown: bool = True) -> AsyncIterator[Projector]:
    """Run a projector for the block, from the moment it shows rows if there will be any."""
    async with asyncio.TaskGroup() as tasks:
        work = tasks.create_task(member.run())
        try:
            await until(lambda: not shown or member.hub.loaded.is_set() or work.done())
            yield member
        finally:
            member.stop()


@asynccontextmanager
async def served(member: Projector, *, shown: bool = True) -> AsyncIterator[httpx.AsyncClient]:
    """Run a projector behind a real HTTP server, with a client for it."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(running(member, shown=shown))
        bound = process.listen("127.0.0.1", 0)
        address = await stack.enter_async_context(
            process.serving(member.app, bound, grace_seconds=1)
        )
        yield await stack.enter_async_context(plain(base_url=address, timeout=httpx.Timeout(15)))


async def fresh(js: JetStream, seq: int) -> dict[str, bytes]:
    """Every row that the log gives at `seq`, folded with nothing to begin with."""
    async with StreamLog(js, "fresh").open_whole() as reader:
        refold = Refold(reader)
        await refold.to(seq)
    assert refold.holes.first is None
    return {key: row.raw for key, row in refold.fold.rows.items()}


async def stored(js: JetStream) -> Loaded | None:
    """What the current bucket holds; None if there is none yet."""
    model = StreamReadModel(js, "stored")
    pointer = await model.current()
    if pointer is None:
        return None
    return await model.bucket(pointer.epoch).load()


async def caught_up(js: JetStream, seq: int) -> Loaded:
    """What the current bucket holds once it is at `seq`."""
    found: list[Loaded] = []

    async def reached() -> bool:
        loaded = await stored(js)
        if loaded is None:
            return False
        found[:] = [loaded]
        return loaded.checkpoint.seq >= seq and loaded.checkpoint.to is None

    await until(reached, 30.0)
    return found[0]


async def agrees(js: JetStream, seq: int) -> Mapping[str, bytes]:
    """The rows of the bucket at `seq`, which are those of a fresh fold, byte for byte."""
    loaded = await caught_up(js, seq)
    folded = await fresh(js, loaded.checkpoint.seq)
    assert loaded.rows == folded
    return loaded.rows


@asynccontextmanager
async def following(js: JetStream, **options: Any) -> AsyncIterator[Follower]:
    """Run the follower alone."""
    follower = Follower(StreamLog(js, "test"), StreamReadModel(js, "test"), **options)
    async with asyncio.TaskGroup() as tasks:
        work = tasks.create_task(follower.run())
        try:
            yield follower
        finally:
            work.cancel()


class LaterLog(StreamLog):
    """The log as it will be asked about some time from now."""

    later = timedelta()

    @override
    async def state(self) -> LogState:
        found = await super().state()
        return msgspec.structs.replace(found, now=found.now + self.later)
