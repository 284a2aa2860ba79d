"""What an earlier version made in a way that cannot be changed is made anew, before a start.

That is `USE`, once a work queue. Deleting a stream has no guard, so it is done where nobody else
can be: by a broker of its own on the data directory, at a port and with a password that nobody
knows. What is sent meanwhile finds nobody listening, as at any start. What waits is counted first,
and only an empty stream is touched: a work queue is empty when all in it is settled. Wherever this
is cut short, the next start goes on with it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import shutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Final

import msgspec

from catalyst.chassis import settings
from catalyst.chassis.app import Member, words
from catalyst.chassis.jetstream import topology
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.port import Broker, BrokerError, NotFound
from catalyst.chassis.lease import Lease
from catalyst.cli.broker import BrokerProcess, BrokerSettings
from catalyst.cli.brokerlock import held
from catalyst.cli.installation import Installation
from catalyst.cli.processes import MODULES, prefix
from catalyst.cli.usecheck import SERVICE
from catalyst.contracts import topology as contract
from catalyst.contracts.topology import USE

log = logging.getLogger(__name__)

_WANTED: Final = next(stream for stream in contract.STREAMS if stream.name == USE)
_USER: Final = "remaking"
COUNT_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.02


async def remake(
    installation: Installation, how: BrokerSettings, tell: Callable[[str], None]
) -> None:
    """Make the stream anew if it has to be and can be; else it serves as it is.

    Args:
        installation: Whose broker it is.
        how: The broker as it will be started; its accounts are those of `more`.
        tell: Takes a line about it, for a person.

    Raises:
        BrokerFault: If the broker cannot run.
    """
    ((account, block),) = how.more["accounts"].items()
    stored = how.directory / "store" / "jetstream" / account / "streams" / USE
    note = Note(how.directory / "remaking.json")
    if not (note.is_there() or _differs(stored)):
        return
    if note.is_there():
        with held(how.directory, how.shown):
            _finish_deleting(stored)
    password = secrets.token_urlsafe(24)
    users = [{**user, "password": password} for user in block["users"]]
    users.append({"user": _USER, "password": password})
    alone = {**how.more, "accounts": {account: {**block, "users": users}}}
    broker = BrokerProcess(msgspec.structs.replace(how, port=0, more=alone))
    await broker.start()
    try:
        async with connect(broker.url, name=_USER, user=_USER, password=password) as js:
            tell("making the stream of uses anew, once what waits in it is counted")
            if await _waiting(js):
                await _counted(installation, broker.url, password, js)
            await made_anew(js, note)
    except* BrokerError as group:
        # As it was, or gone and still to be made: the next start looks again. What fails while the
        # worker counts comes in a group.
        log.warning("stream not made anew", extra={"stream": USE, "why": words(group)})
    finally:
        await broker.stop()


async def _waiting(broker: Broker) -> bool:
    try:
        return (await broker.stream_state(USE)).messages > 0
    except NotFound:
        return False


async def _counted(installation: Installation, url: str, password: str, js: JetStream) -> None:
    """Let the worker count what was sent since it ended; what takes longer waits for another start.

    Where somebody sends all the while, something is always left when the broker ends.
    """
    main, kind = (import_module(f"{MODULES[SERVICE]}.{part}") for part in ("main", "settings"))
    fixed = installation.settings(SERVICE, url, ours=True) | {"nats_password": password}
    await Lease(js, SERVICE, "up").free()
    worker: Member
    async with (
        main.build(settings.load(kind.Settings, os.environ, prefix(SERVICE), fixed)) as worker,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(worker.run())
        try:
            async with asyncio.timeout(COUNT_SECONDS):
                while await _waiting(js):  # noqa: ASYNC110 - the broker is asked
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            log.info("uses still wait", extra={"stream": USE})
        finally:
            worker.stop()


async def made_anew(broker: Broker, note: Note) -> None:
    """Delete the stream if it is empty, and make it as it is wanted; or go on with that.

    Its sequences go on: dead letters and others name a use by its own.
    """
    try:
        info = await broker.api(f"STREAM.INFO.{USE}", None)
    except NotFound:
        first = note.first()
    else:
        if info["config"]["retention"] == _WANTED.config["retention"]:
            note.remove()
            return
        if info["state"]["messages"]:
            note.remove()
            return
        first = info["state"]["last_seq"] + 1
        note.write(first)
        await broker.api(f"STREAM.DELETE.{USE}", None)
    wanted = {**_WANTED.config, "first_seq": first}
    await topology.ensure_stream(broker, msgspec.structs.replace(_WANTED, config=wanted))
    note.remove()


class Note:
    """Says, while the stream is gone, with which sequence it begins again."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def is_there(self) -> bool:
        """Return whether something was begun and not ended."""
        return self._path.exists()

    def first(self) -> int:
        """Return the sequence; the first of all where nothing is known."""
        try:
            return int(json.loads(self._path.read_bytes())["first_seq"])
        except FileNotFoundError:
            return 1

    def write(self, first: int) -> None:
        """Write it to the disk, whole or not at all, and the name under which it is found."""
        draft = self._path.with_suffix(".draft")
        with draft.open("w", encoding="utf-8") as file:
            json.dump({"stream": USE, "first_seq": first}, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def remove(self) -> None:
        """Forget it: the stream is there."""
        self._path.unlink(missing_ok=True)


def _differs(stored: Path) -> bool:
    """Whether the broker's own description of a stream has another retention than wanted."""
    try:
        found: dict[str, str] = json.loads((stored / "meta.inf").read_bytes())
    except (FileNotFoundError, ValueError):
        return False
    wanted: str = _WANTED.config["retention"]
    return wanted != found.get("retention", wanted)


def _finish_deleting(stored: Path) -> None:
    """Remove what a broker left that was killed while it deleted the stream.

    It takes the description first, and calls a stream without one damaged.
    """
    if stored.exists() and not (stored / "meta.inf").exists():
        shutil.rmtree(stored)
