"""Every kind of source, and where each may stand.

A directory is the platform's alone and below the allowed root. A Git repository stands on our own
Git door, for an Organization its own ones, or on a host outside that is allowed by name.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import urlsplit

from catalyst.blueprint_controller.adapters.directory import (
    OUTSIDE,
    SETTING,
    read_built_in,
    read_directory,
)
from catalyst.blueprint_controller.adapters.git import GitSource, name_of
from catalyst.blueprint_controller.adapters.outside import (
    Network,
    Outside,
    Plain,
    is_allowed,
    is_outside,
    looked_up,
    wanted,
)
from catalyst.blueprint_controller.ports import Place, Reading, Unusable
from catalyst.chassis.scratch import Scratch
from catalyst.contracts.rejection import Rejected

_OWN: Final = re.compile(r"/git/(?P<org>[a-z][a-z0-9-]{2,31})/(?P<name>[a-z0-9][a-z0-9-]*)\.git")
"""A repository on our own Git door."""
_READERS: Final = 4
"""Repositories that are read at one time. A slow server holds one of these, and nothing else of
this process waits for it."""
_LOOK_UP_SECONDS: Final = 3.0
"""For the addresses of a new source's host: whoever adds it waits."""
_LOOK_UPS: Final = 2
"""Names that are looked up at one time. A slow one holds one of these, and nothing else."""


class AllSources:
    """Answers `ports.Sources`."""

    def __init__(
        self,
        *,
        directories: str,
        git_hosts: Sequence[str],
        git_url: str,
        token: Callable[[], str],
        git_networks: Sequence[str] = (),
    ) -> None:
        """Say where sources may stand.

        Args:
            directories: Folder below which directories may be read; empty: none may.
            git_hosts: Hosts outside that may be read from.
            git_url: Address of our own Git door, without `/git`; empty: there is none.
            token: Returns a fresh token of this service, for our own door.
            git_networks: Networks that hosts of the platform's sources may be in although they are
                not public.
        """
        self._directories = directories
        self._git_hosts = tuple(git_hosts)
        self._git_networks = tuple(map(ip_network, git_networks))
        self._git_url = git_url.rstrip("/")
        self._token = token
        self._work: Scratch | None = None
        """Made when the first repository is read: not every installation has room for one."""
        self._lock = threading.Lock()
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="git-source")
        self._looking = ThreadPoolExecutor(_LOOK_UPS, thread_name_prefix="source-host")
        self._kept: dict[str, GitSource] = {}
        self._asking: set[Plain] = set()
        """Of the repositories that are being read."""
        self._closed = False

    def close(self) -> None:
        """Read no more, whoever is waited for, and delete what was fetched."""
        with self._lock:
            self._closed = True
            for pool in self._asking:
                pool.cut()
        self._looking.shutdown(wait=False, cancel_futures=True)
        # Whoever still reads would fetch into a folder that nobody removes any more.
        self._readers.shutdown(cancel_futures=True)
        if self._work is not None:
            self._work.close()

    async def admit(self, place: Place) -> None:
        """Let a new source through, as far as it can be judged without reading it.

        Raises:
            Rejected: `source-location-forbidden` or `source-location-invalid`.
        """
        self._judge(place)
        if place.kind == "git" and not place.location.startswith("/"):
            await self._find(place.location, self._inside(place))

    def _inside(self, place: Place) -> tuple[Network, ...]:
        """Return the networks that a place may be in besides the public one."""
        return self._git_networks if place.organization is None else ()

    async def _find(self, location: str, networks: tuple[Network, ...]) -> None:
        """Refuse a host inside, which no reading would ever reach.

        One that cannot be looked up now is let through: the reading tells what it finds then.
        """
        host = urlsplit(location).hostname or ""
        try:
            async with asyncio.timeout(_LOOK_UP_SECONDS):
                loop = asyncio.get_running_loop()
                addresses = await loop.run_in_executor(self._looking, looked_up, host, None)
        except (OSError, UnicodeError):
            return
        if not all(is_outside(one, networks) for one in addresses):
            raise _forbidden(f"{urlsplit(location).netloc} is not on the public network")

    def _judge(self, place: Place) -> None:
        if place.kind == "directory":
            self._judge_directory(place)
            return
        own = _OWN.fullmatch(place.location)
        if own is not None:
            if own["org"] != place.organization:
                raise _forbidden("on our own Git, an Organization reads its own repositories alone")
            if not self._git_url:
                raise _forbidden("our own Git is not reached from here")
            return
        try:
            host = wanted(place.location).hostname or ""
        except ValueError as error:
            message = f"the location cannot be read: {error}"
            raise Rejected("source-location-invalid", message, pointer="/data/location") from error
        if not is_allowed(host, self._git_hosts):
            raise _forbidden(f"the host {host} is not one that is allowed")

    def _judge_directory(self, place: Place) -> None:
        if place.organization is not None:
            raise _forbidden("an Organization's source is a Git repository")
        if not self._directories:
            raise _forbidden(f"no directory may be read here until {SETTING} names one")
        path = PurePosixPath(place.location)
        root = PurePosixPath(self._directories)
        if ".." in path.parts or (path.is_absolute() and not path.is_relative_to(root)):
            raise _forbidden(
                f"the directory is not below {self._directories}, which {SETTING} names"
            )

    async def read(self, place: Place, known: str) -> Reading | None:
        """Return what is in a source; None if that is still what `known` is the revision of.

        Raises:
            Unusable: If it cannot be read.
        """
        if place.kind == "built-in":
            found = await asyncio.to_thread(read_built_in)
            return None if found.revision == known else found
        try:
            self._judge(place)
        except Rejected as error:
            # What was allowed when it was added may be allowed no longer. Where directories may be
            # is told to whoever adds one alone; this is shown to all who see the source.
            why = OUTSIDE if place.kind == "directory" else error.message
            raise Unusable("not-allowed", why) from error
        if place.kind == "directory":
            root = Path(self._directories)
            found = await asyncio.to_thread(read_directory, root, place.location, place.folder)
            return None if found.revision == known else found
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self._git, place, known)

    def _git(self, place: Place, known: str) -> Reading | None:
        own = place.location.startswith("/")
        url = f"{self._git_url}{place.location}" if own else place.location
        called = "our own Git" if own else urlsplit(url).netloc
        # Two Organizations never share what was fetched.
        key = f"{place.organization or '_'} {name_of(url, place.branch)}"
        pool = Plain() if own else Outside(self._inside(place))
        with self._lock:
            if self._closed:
                raise Unusable("unreachable", "this process is about to end")
            source = self._kept.get(key)
            if source is None:
                path = self._folder() / name_of(key, place.name)
                source = self._kept.setdefault(key, GitSource(path, url, place.branch, called))
            self._asking.add(pool)
        try:
            return source.read(pool, self._token() if own else "", place.folder, known)
        finally:
            with self._lock:
                self._asking.discard(pool)

    def _folder(self) -> Path:
        if self._work is None:
            try:
                self._work = Scratch("sources")
            except OSError as error:
                message = "this installation has no folder that repositories can be fetched into"
                raise Unusable("unreadable", message) from error
        return self._work.path


def _forbidden(message: str) -> Rejected:
    return Rejected("source-location-forbidden", message, pointer="/data/location")
