"""Repositories as real Git serves them, by `git http-backend`, and what goes over the wire."""

from __future__ import annotations

import asyncio
import gzip
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from tests.support.parts import missing
from tests.support.serving import serving

_PACK = b"PACK\0\0\0\2"


@dataclass(frozen=True)
class Exchange:
    """A request and what was answered."""

    method: str
    path: str
    asked: bytes
    status: int
    answered: bytes

    @property
    def wants(self) -> list[str]:
        """The commits that are asked for."""
        return self._named(b"want ")

    @property
    def haves(self) -> list[str]:
        """The commits that are said to be there already."""
        return self._named(b"have ")

    @property
    def objects(self) -> int:
        """How many objects the answer holds."""
        at = self.answered.find(_PACK)
        return int.from_bytes(self.answered[at + 8 : at + 12], "big") if at >= 0 else 0

    def _named(self, word: bytes) -> list[str]:
        _, *found = self.asked.split(word)
        return [one[:40].decode() for one in found]


@dataclass
class RealGit:
    """The command, and the repositories below a folder, which it serves."""

    home: Path
    served: list[Exchange] = field(default_factory=list)
    """In order."""

    def __post_init__(self) -> None:
        """Find the command.

        Without it the test is skipped; in CI it fails.
        """
        self.command = shutil.which("git") or missing("git is not installed")
        self.home.mkdir(parents=True, exist_ok=True)

    def __call__(self, *args: str, at: Path) -> str:
        """Run Git in a folder; return what it says."""
        done = subprocess.run(
            [self.command, *args],
            cwd=at,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout.strip()

    def _environment(self) -> dict[str, str]:
        people = {f"GIT_{who}_{what}": f"ada@{what}" for who in ("AUTHOR", "COMMITTER")
                  for what in ("NAME", "EMAIL")}  # fmt: skip
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "GIT_CONFIG_NOSYSTEM": "1",
            **people,
        }

    def repository(self, path: str) -> Path:
        """Make a bare repository; returns a folder with a clone of it, on the branch `main`."""
        bare, clone = self.home / path, self.home / "clones" / path
        bare.mkdir(parents=True)
        clone.parent.mkdir(parents=True, exist_ok=True)
        self("init", "--quiet", "--bare", "--initial-branch=main", ".", at=bare)
        self("clone", "--quiet", str(bare), str(clone), at=self.home)
        self("switch", "--quiet", "--orphan", "main", at=clone)
        return clone

    def push(self, clone: Path, *more: str) -> str:
        """Commit what is in a clone, and push it; returns the commit."""
        self("add", "--all", at=clone)
        self("commit", "--quiet", "--message=more", at=clone)
        self("push", "--quiet", *more, "origin", "HEAD", at=clone)
        return self("rev-parse", "HEAD", at=clone)

    async def answer(self, request: Request) -> Response:
        """Answer as `git http-backend` does."""
        body = await request.body()
        if request.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        environment = {
            **self._environment(),
            "GIT_PROJECT_ROOT": str(self.home),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": request.method,
            "PATH_INFO": request.url.path,
            "QUERY_STRING": request.url.query,
            "CONTENT_TYPE": request.headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "GIT_PROTOCOL": request.headers.get("git-protocol", ""),
        }
        process = await asyncio.create_subprocess_exec(
            self.command,
            "http-backend",
            env=environment,
            stdin=asyncio.subprocess.PIPE if body else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate(body or None)
        head, _, rest = out.partition(b"\r\n\r\n")
        lines = (line.partition(": ") for line in head.decode().splitlines())
        headers = {name.lower(): value for name, _, value in lines}
        status = int(headers.pop("status", "200").split()[0])
        asked = f"{request.url.path}?{request.url.query}".rstrip("?")
        self.served.append(Exchange(request.method, asked, body, status, rest))
        return Response(rest, status, headers)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serve the repositories for the block; gives the address before their paths."""
        route = Route("/{path:path}", self.answer, methods=["GET", "POST"])
        async with serving(Starlette(routes=[route])) as address:
            yield address
