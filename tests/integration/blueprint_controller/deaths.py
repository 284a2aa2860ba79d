"""A source and the catalogue of what is in it, where a worker dies and is followed by another.

One history: a source of several Blueprints, one that waits for another and one that is bad; a new
version and what was waited for; other content under a known version; a yank, and curation.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
from tests.integration.provisioning.town import write as told_by_others
from tests.support.broker import Access, emptied
from tests.support.catalogue import environment
from tests.support.crashes import SHARE, FaultyBroker, Stopper, until_first
from tests.support.invariants import check_log
from tests.support.rig import Sender, runtime
from tests.support.sources import document, write
from tests.support.waiting import until

from catalyst.blueprint_controller import handlers as registering
from catalyst.blueprint_controller.adapters.content import StoredContent
from catalyst.blueprint_controller.adapters.sources import AllSources
from catalyst.blueprint_controller.domain.places import blueprint_ref, source_ref
from catalyst.catalog_svc import handlers as cataloguing
from catalyst.catalog_svc.adapters.content import StoredContents
from catalyst.catalog_svc.adapters.engine import Tantivy
from catalyst.chassis.asking import Asked
from catalyst.chassis.errors import Retry
from catalyst.chassis.jetstream import topology
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.objects import Objects
from catalyst.chassis.jetstream.port import Broker, BrokerError, Outgoing
from catalyst.chassis.keyring import KeyRing
from catalyst.chassis.service import Service
from catalyst.chassis.states import States
from catalyst.chassis.worker import Worker
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import roles
from catalyst.contracts import topology as contract
from catalyst.contracts.message import Envelope
from catalyst.contracts.registry import BY_TYPE
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import PLATFORM, Ref
from catalyst.contracts.topology import EV, OBJECTS

SERVICES: Final = ("blueprint", "catalog")
NAMES: Final = ("bp-cache", "bp-store", "bp-wiki")
OWNER: Final = "ann@acme.example"
AT_ONCE: Final = 6 if SHARE else 4
T = TypeVar("T")
S = TypeVar("S", bound="Site")
Point = Mapping[str, tuple[int, str]]
"""Who dies at which of its calls, and on which side of it."""
_SEEN: Final = {(one.service or registering.NAME, one.name): one for one in registering.AGGREGATES}
"""What is looked at while a history is told, whoever works."""
_DIGEST: Final = re.compile('"digest":"sha256:([0-9a-f]{64})"')
_PASSING: Final = frozenset({"as_of", "head", "lag_ms", "since", "time", "at", "seq", "took_ms"})


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """What there is in the end, but for times."""

    source: dict[str, Any]
    blueprints: dict[str, Any]
    answers: dict[str, Any]
    contents: dict[str, int]
    """By fingerprint, how often it is there."""
    named: list[str]
    """The fingerprints that events name."""
    events: dict[str, int]
    """By type, how often it was told."""
    refused: dict[str, str]
    """Of the commands that were sent, why not."""


@dataclass
class Site:
    """Where the history is told."""

    access: Access
    keys: KeyRing
    folder: Path
    point: Point
    calls: dict[str, list[str]] = field(default_factory=dict)
    died: int = 0
    refused: dict[str, str] = field(default_factory=dict)
    services: tuple[str, ...] = SERVICES
    """Whose workers there are."""

    async def told(self) -> Ending:
        """Tell the history with workers of both services; return how it ended."""
        return await self.ended(self._ending)

    async def ended(self, ending: Callable[[JetStream], Awaitable[T]]) -> T:
        """Tell the history; return what `ending` finds then."""
        (self.folder / "sources").mkdir(parents=True)
        async with AsyncExitStack() as stack:
            js = await stack.enter_async_context(self._connected())
            for name in self.services:
                await topology.ensure(js, contract.topology_of(name))
            ends = asyncio.Event()
            async with asyncio.TaskGroup() as tasks:
                for name in self.services:
                    tasks.create_task(self._serve(name, js, ends))
                try:
                    await self._history(js)
                    found = await ending(js)
                finally:
                    ends.set()
            await emptied(js)
            return found

    def _connected(self) -> Any:
        access = self.access
        return connect(access.url, name="w", user=access.user, password=access.password)

    # ---- who works

    async def _serve(self, name: str, js: JetStream, ends: asyncio.Event) -> None:
        """Run one worker after the other, the first of which may die."""
        at, side = self.point.get(name, (-1, "before"))
        while True:
            async with AsyncExitStack() as stack:
                own = await stack.enter_async_context(self._connected())
                stopper = Stopper()
                faulty = FaultyBroker(own, at, side, stopper)
                sources = stack.enter_context(_Closing(self.folder / "sources"))
                standing = runtime(own, broker=faulty, keys=self.keys, service=name)
                worker = Worker(_service(name, faulty, sources), standing)
                if name not in self.calls:
                    self.calls[name] = faulty.calls
                await until_first(worker.run(), stopper.reached.wait(), ends.wait())
            await js.publish(Outgoing(f"$KV.leases.{name}", b""))
            if ends.is_set():
                return
            assert faulty.crashed, "a worker ends where it is told to"
            self.died += 1
            await self._left_behind(js)
            at = -1

    async def _left_behind(self, js: JetStream) -> None:
        """Do what happens while nobody works: nothing, in this history."""

    # ---- what happens

    async def _history(self, js: JetStream) -> None:
        root = self.folder / "sources" / "main"
        write(root, "cache", document("bp-cache"))
        write(root, "wiki", document("bp-wiki", "1.0.0", "bp-store ^1"))
        write(root, "broken", document("bp-broken", "one"))
        await self._organization(js)
        main = source_ref(None, "main")
        place = {"kind": "directory", "location": "main", "origin": "public"}
        await self._send(js, "blueprint.add-source.v1", main, place)
        await self._read(js, 1)
        await self._published(js, "bp-cache", "1.0.0")
        await self._registered(js, "bp-wiki", "1.0.0")

        write(root, "store", document("bp-store"))
        write(root, "cache", document("bp-cache", "1.1.0"))
        write(root, "old-wiki", document("bp-wiki", "1.0.0", "bp-store ^1", more="  owner: {}\n"))
        await self._send(js, "blueprint.sync-source.v1", main, {})
        await self._read(js, 2)
        await self._published(js, "bp-store", "1.0.0")
        await self._published(js, "bp-cache", "1.1.0")
        await self._published(js, "bp-wiki", "1.0.0")

        # Of a version that is known there is other content now.
        write(root, "store", document("bp-store", more="  owner: {team: other}\n"))
        await self._send(js, "blueprint.sync-source.v1", main, {})
        await self._read(js, 3)
        yank = {"version": "1.0.0", "reason": "it loses data", "security": True}
        await self._send(
            js, "blueprint.yank-version.v1", blueprint_ref(None, "public", "bp-cache"), yank
        )
        for verb, data in (
            ("feature-blueprint", {}),
            ("pin-version", {"version": "1.1.0", "reason": "it is the one"}),
            ("set-category", {"category": "data"}),
        ):
            at = Ref(None, "catalog", "curation", "public-bp-cache")
            await self._send(js, f"catalog.{verb}.v1", at, data)
        hide = Ref("acme", "catalog", "curation", "public-bp-store")
        await self._send(js, "catalog.hide-blueprint.v1", hide, {"reason": "not for us"}, OWNER)
        await until(lambda: _settled(js), 90)

    async def _organization(self, js: JetStream) -> None:
        created = env1.OrganizationCreated(
            slug="acme",
            display_name="Acme",
            kind="customer",
            tier="sme",
            billing_mode="real",
            sovereign_ref="cloud.example",
            owners=(env1.Owner(email=OWNER, role="owner"),),
        )
        await told_by_others(js, Ref("acme", "environment", "organization", "acme"), created)
        place = Ref("acme", "environment", "environment", "acme-prod")
        await told_by_others(js, place, environment("acme-prod"))

    async def _send(
        self, js: JetStream, type_: str, ref: Ref, data: Mapping[str, Any], by: str = ""
    ) -> None:
        rank = [] if by else [roles.SOVEREIGN_ADMIN]
        token = self.keys.people().person(by or "root@example.org", rank)
        assert ref.aggregate in BY_TYPE[type_].aggregates
        sender, owner = Sender(js), ref.organization or PLATFORM
        sent = await sender.send(
            type_,
            ref.id,
            data,
            organization=owner,
            aggregate=ref.aggregate,
            command_id=f"c-{len(self.refused)}",
            headers={"Authorization": f"Bearer {token}"},
        )
        self.refused[sent] = (await sender.outcome(owner, sent)).code

    async def _read(self, js: JetStream, run: int) -> None:
        async def ended() -> bool:
            found = await self._state(js, source_ref(None, "main"))
            return bool(found.run >= run and not found.reading)

        await until(ended, 90)

    async def _registered(self, js: JetStream, name: str, version: str) -> None:
        async def there() -> bool:
            return version in (await self._state(js, blueprint_ref(None, "public", name))).versions

        await until(there, 90)

    async def _published(self, js: JetStream, name: str, version: str) -> None:
        async def there() -> bool:
            found = await self._state(js, blueprint_ref(None, "public", name))
            return version in found.versions and bool(found.versions[version].published)

        await until(there, 90)

    async def _state(self, js: JetStream, ref: Ref) -> Any:
        return await States(js, _SEEN).state(ref)

    # ---- how it ended

    async def _ending(self, js: JetStream) -> Ending:
        main = await self._state(js, source_ref(None, "main"))
        states = {
            name: await self._state(js, blueprint_ref(None, "public", name)) for name in NAMES
        }
        outcomes = await check_log(js)
        assert {one.status for one in outcomes} <= {"accepted", "rejected"}
        assert not (await js.stream_state("DLQ")).messages
        log = await js.replay(EV, "evt.>")
        events = [msgspec.json.decode(one.data, type=Envelope) for one in log]
        return Ending(
            source=_lasting(
                {**msgspec.to_builtins(main), "gen": "", "asked": sorted(main.asked.values())}
            ),
            blueprints={name: _lasting(msgspec.to_builtins(one)) for name, one in states.items()},
            answers=await self._answers(js),
            contents=await _contents(js),
            named=sorted({name for one in log for name in _DIGEST.findall(one.data.decode())}),
            events=dict(Counter(one.type for one in events)),
            refused=dict(self.refused),
        )

    async def _answers(self, js: JetStream) -> dict[str, Any]:
        token = self.keys.people().person(OWNER)
        asked = Asked(js, lambda: token)

        async def ask(name: str, **request: Any) -> Any:
            found: list[Any] = []

            async def answered() -> bool:
                try:
                    found.append(await asked.ask("catalog", name, 1, "acme", request))
                except (Retry, BrokerError):
                    return False  # Nobody is there to answer yet.
                except Rejected as refusal:
                    found.append(refusal.code)
                return True

            await until(answered, 90)
            return _lasting(found[-1])

        answers = {"search": await ask("search"), "typo": await ask("search", text="wikki")}
        for name in NAMES:
            answers[f"show {name}"] = await ask("show", blueprint=name)
            answers[f"versions {name}"] = await ask("versions", blueprint=name)
        return answers


async def side_by_side(sites: Sequence[S], tried: Callable[[S], Awaitable[None]]) -> None:
    """Try each site, a few at once; in most of them somebody has to die.

    What is answered, and in which turn something is delivered, is not the same in each run.
    """
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(site: S) -> None:
        async with turns:
            try:
                await tried(site)
            except Exception as error:
                error.add_note(f"who was to die: {site.point}")
                raise

    async with asyncio.TaskGroup() as tasks:
        for site in sites:
            tasks.create_task(one(site))
    assert sum(site.died for site in sites) >= len(sites) * 3 // 4


class _Closing:
    """Sources for a block, and nothing of them behind it."""

    def __init__(self, root: Path) -> None:
        self._sources = _sources(root)

    def __enter__(self) -> AllSources:
        return self._sources

    def __exit__(self, *_: object) -> None:
        self._sources.close()


def _sources(root: Path) -> AllSources:
    return AllSources(directories=str(root), git_hosts=(), git_url="", token=lambda: "")


def _service(name: str, broker: Broker, sources: AllSources) -> Service:
    if name == "blueprint":
        return registering.service(sources, StoredContent(broker))
    return cataloguing.service(Tantivy, StoredContents(Objects(broker)))


async def _settled(js: JetStream) -> bool:
    """Return whether nothing is asked, and everything that was told is heard."""
    if (await js.stream_state("CMD")).messages:
        return False
    listed = await js.api(f"CONSUMER.LIST.{EV}", {"offset": 0})
    return all(
        not (one["num_pending"] or one["num_ack_pending"]) for one in listed["consumers"] or ()
    )


async def _contents(js: JetStream) -> dict[str, int]:
    """Return what is stored, by its fingerprint; a part of none is an error."""
    described = [
        msgspec.json.decode(one.data) for one in await js.replay(OBJECTS, "$O.blueprints.M.>")
    ]
    chunks = Counter(one.subject for one in await js.replay(OBJECTS, "$O.blueprints.C.>"))
    wanted = {f"$O.blueprints.C.{one['nuid']}": one["chunks"] for one in described}
    assert chunks == wanted, "there are chunks of nothing, or too few"
    return dict(Counter(one["name"] for one in described))


def _lasting(value: Any) -> Any:
    """Return a value without what is another one each time."""
    match value:
        case dict():
            return {
                str(name): _lasting(inner) for name, inner in value.items() if name not in _PASSING
            }
        case list() | tuple():
            return [_lasting(one) for one in value]
        case _:
            return value
