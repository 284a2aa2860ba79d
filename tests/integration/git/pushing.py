"""Pushes as raw requests: what no well-behaved git sends, and what comes back."""

import hashlib
import io
import re
import struct
from collections.abc import Sequence
from pathlib import Path

import httpx
from dulwich.object_format import SHA1
from dulwich.objects import Blob, Commit, ObjectID, ShaFile, Tree
from dulwich.pack import write_pack_objects
from dulwich.protocol import pkt_line

from catalyst.environment_controller.adapters.git import DulwichHome
from catalyst.environment_controller.adapters.git_root import GitRoot

LIBRARY = re.compile(r"[A-Z][a-z]+(Error|Exception|Mismatch|Locked)\b|\(b?'|\bb'|/|0x|\.idx|\.pack")
"""What an exception's own words look like, or the name of a file."""


def pack(objects: Sequence[ShaFile], level: int = -1) -> bytes:
    """Return a pack of some objects."""
    if not objects:
        head = b"PACK" + struct.pack(">LL", 2, 0)
        return head + hashlib.sha1(head).digest()  # noqa: S324 - Git's own checksum
    out = io.BytesIO()
    write_pack_objects(
        out, [(item, None) for item in objects], object_format=SHA1, compression_level=level
    )
    return out.getvalue()


async def push(
    http: httpx.AsyncClient,
    old: bytes,
    new: bytes,
    ref: bytes,
    objects: Sequence[ShaFile] = (),
    sent: bytes | None = None,
) -> str:
    """Return the report, without the side band's frames."""
    line = old + b" " + new + b" " + ref + b"\0report-status"
    body = pkt_line(line) + pkt_line(None) + (pack(objects) if sent is None else sent)
    answer = await http.post("/git/acme/home.git/git-receive-pack", content=body)
    assert answer.status_code == 200
    return answer.text


def in_words(report: str) -> str:
    """Return the reasons of a report: they are ours, and say nothing of the server."""
    lines = re.findall(r"[0-9a-f]{4}(?:unpack|ng (?:\S+)) ([^\n]*)\n", report)
    for line in lines:
        assert not LIBRARY.search(line), line
    return "; ".join(line for line in lines if line != "ok")


def commit_on(parent: bytes | None, name: bytes) -> tuple[Commit, Tree, Blob]:
    """Return a commit with one file, and what it names."""
    blob = Blob.from_string(name)
    tree = Tree()
    tree.add(name, 0o100644, blob.id)
    return commit_of(tree.id, parent, name), tree, blob


def commit_of(tree: bytes, parent: bytes | None, message: bytes) -> Commit:
    """Return a commit of a tree."""
    commit = Commit()
    commit.tree = ObjectID(tree)
    commit.parents = [] if parent is None else [ObjectID(parent)]
    commit.author = commit.committer = b"Pusher <pusher@test>"
    commit.author_time = commit.commit_time = 1_700_000_000
    commit.author_timezone = commit.commit_timezone = 0
    commit.message = message
    return commit


async def heads(homes: DulwichHome) -> tuple[bytes, bytes]:
    """The commits at 5 and at 9."""
    older, newer = await homes.covering("acme", 5), await homes.covering("acme", 9)
    assert older is not None
    assert newer is not None
    return older.encode(), newer.encode()


def files(root: GitRoot) -> dict[Path, bytes]:
    """Return every file below the root."""
    return {path: path.read_bytes() for path in root.path.rglob("*") if path.is_file()}
