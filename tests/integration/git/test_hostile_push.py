"""Pushes that mean harm: each is refused in words, leaves nothing, and needs little memory."""

import hashlib
import tracemalloc
from collections.abc import Sequence

import httpx
import pytest
from dulwich.object_format import SHA1
from dulwich.objects import Blob, Commit, ObjectID, ShaFile, Tag, Tree
from dulwich.pack import OFS_DELTA, PackChunkGenerator, UnpackedObject, full_unpacked_object
from dulwich.protocol import ZERO_SHA, pkt_line
from tests.integration.git.conftest import Git
from tests.integration.git.pushing import (
    commit_of,
    commit_on,
    files,
    heads,
    in_words,
    pack,
    push,
)
from tests.support.each import each

from catalyst.chassis import packs
from catalyst.environment_controller.adapters.git import DulwichHome
from catalyst.environment_controller.adapters.git_root import GitRoot
from catalyst.environment_controller.adapters.git_smart import MAX_UPDATES

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G13.9")]

MEMORY = 160 * 1024 * 1024


class Raw(Blob):
    """An object whose bytes are whatever they are."""


def raw(kind: type[ShaFile], content: bytes) -> ShaFile:
    made = Raw.from_string(content)
    made.type_num, made.type_name = kind.type_num, kind.type_name
    return made


def tree_of(*entries: tuple[bytes, int, bytes]) -> ShaFile:
    """Return a tree with exactly these entries, in this order."""
    lines = (b"%o %s\0" % (mode, name) + bytes.fromhex(sha.decode()) for name, mode, sha in entries)
    return raw(Tree, b"".join(lines))


FILE, FOLDER = 0o100644, 0o40000
BLOB = Blob.from_string(b"x")
EMPTY = Tree()
ONE = (b"a", FILE, BLOB.id)


def damaged_trees(newer: bytes) -> dict[str, ShaFile]:
    trees = {
        "unsorted": tree_of((b"b", FILE, BLOB.id), ONE),
        "doubled": tree_of(ONE, ONE),
        "slashed": tree_of((b"a/b", FILE, BLOB.id)),
        "outside": tree_of((b"..", FOLDER, newer)),
        "git-folder": tree_of((b".git", FILE, BLOB.id)),
        "blob-as-folder": tree_of((b"a", FOLDER, BLOB.id)),
        "commit-as-file": tree_of((b"a", FILE, newer)),
        "file-and-folder": tree_of(ONE, (b"b", FOLDER, BLOB.id)),
        "garbage": raw(Tree, b"no tree at all"),
        "doubled-apart": tree_of(ONE, (b"a.c", FILE, BLOB.id), (b"a", FOLDER, EMPTY.id)),
        "padded": raw(Tree, b"0100644 a\0" + bytes.fromhex(BLOB.id.decode())),
        "another-repository": tree_of((b"a", 0o160000, b"1" * 40)),
        "writable-by-all": tree_of((b"a", 0o100666, BLOB.id)),
    }
    names = [b".Git", b"GIT~1", b".git .", b".g\xe2\x80\x8cit", b".gitmodules", b"gi7eba~1"]
    names += [b"a\\.git\\b", b"a:b", b"a\nb", b"\xff", b"x" * 256]
    trees |= {repr(name): tree_of((name, FILE, BLOB.id)) for name in names}
    return trees


WHO = b"Pusher <pusher@test> 1700000000 +0000"


def damaged_commits(newer: bytes) -> dict[str, ShaFile]:
    tree = tree_of(ONE).id
    sound = b"tree %s\nauthor %s\ncommitter %s\n\nwords\n" % (tree, WHO, WHO)
    changed = {
        "upper-case": (tree, tree.upper()),
        "no-e-mail": (b" <pusher@test>", b""),
        "long-zone": (b"+0000", b"+00000"),
        "padded-time": (b" 17", b" 0017"),
        "negative-time": (b" 17", b" -17"),
        "endless-time": (b" 17", b" 99999999999999999999"),
        "two-authors": (b"\nauthor ", b"\nauthor " + WHO + b"\nauthor "),
        "late-parent": (b"\n\nwords", b"\nparent " + newer + b"\n\nwords"),
        "nothing-ends-it": (b"\n\nwords\n", b""),
        "zero-byte": (b"words", b"wo\0rds"),
    }
    return {
        **{name: raw(Commit, sound.replace(*one)) for name, one in changed.items()},
        "no-author": raw(Commit, b"tree %s\n\nno author\n" % tree),
        "tree-is-a-blob": commit_of(BLOB.id, newer, b"damaged"),
        "parent-is-a-tree": commit_of(tree, tree, b"damaged"),
        "empty": raw(Commit, b""),
    }


async def test_objects_that_are_none_of_gits_are_refused(
    http: httpx.AsyncClient, homes: DulwichHome, root: GitRoot, git: Git
) -> None:
    _, newer = await heads(homes)
    pushed: dict[str, Sequence[ShaFile]] = {
        name: (commit_of(tree.id, newer, b"damaged"), tree, BLOB, EMPTY)
        for name, tree in damaged_trees(newer).items()
    }
    pushed |= {name: (one, tree_of(ONE), BLOB) for name, one in damaged_commits(newer).items()}
    commit = commit_of(tree_of(ONE).id, None, b"tagged")
    tag = b"object %s\ntype commit\ntag v1\ntagger %s\n\nwords\n" % (commit.id, WHO)
    for name, one in {
        "tag-of-another-kind": (b"commit", b"tree"),
        "tag-of-no-kind": (b"commit", b"thing"),
        "tag-with-a-bad-name": (b"v1", b"../v1"),
        "tag-of-nobody": (b"tagger " + WHO + b"\n", b""),
    }.items():
        pushed[name] = (raw(Tag, tag.replace(*one)), commit, tree_of(ONE), BLOB)
    before = files(root)
    for name, objects in pushed.items():
        text = await push(http, ZERO_SHA, objects[0].id, b"refs/tags/x", objects)
        assert "ok refs/tags/x" not in text, name
        assert in_words(text), (name, text)
        assert files(root) == before, name
    git("-C", root.repository("acme"), "fsck", "--strict", "--full")


async def test_a_push_of_every_kind_that_git_knows_is_taken(
    http: httpx.AsyncClient, homes: DulwichHome, root: GitRoot, git: Git
) -> None:
    _, newer = await heads(homes)
    blob, inner = Blob.from_string(b"x"), Tree()
    inner.add(b"file", 0o100755, blob.id)
    inner.add(b"link", 0o120000, blob.id)
    top = Tree()
    top.add(b"folder", 0o40000, inner.id)
    top.add(b"again", 0o40000, inner.id)
    one = commit_of(top.id, newer, b"one")
    merge = commit_of(top.id, newer, b"merge")
    merge.parents = [ObjectID(newer), one.id]
    tag = Tag()
    tag.name, tag.message = b"v1", b"a tag\n"
    tag.tagger = b"Pusher <pusher@test>"
    tag.tag_time, tag.tag_timezone = 1_700_000_000, 0
    tag.object = (Commit, merge.id)
    objects: Sequence[ShaFile] = (blob, inner, top, one, merge, tag)
    assert "ok refs/tags/v1" in await push(http, ZERO_SHA, tag.id, b"refs/tags/v1", objects)
    assert "ok refs/heads/main" in await push(http, newer, merge.id, b"refs/heads/main")
    assert "ok refs/tags/tree" in await push(http, ZERO_SHA, top.id, b"refs/tags/tree")
    git("-C", root.repository("acme"), "fsck", "--strict", "--full")


@each([b"", b"PACK", b"cut", b"checksum", b"claims", b"junk"])
async def test_a_pack_that_is_cut_or_changed_is_refused(
    how: bytes,
    *,
    http: httpx.AsyncClient,
    homes: DulwichHome,
    root: GitRoot,
) -> None:
    _, newer = await heads(homes)
    objects = commit_on(newer, b"x")
    whole = pack(objects)
    sent = {
        b"cut": whole[:-30],
        b"checksum": whole[:-1] + bytes([whole[-1] ^ 1]),
        b"claims": whole[:8] + (9).to_bytes(4, "big") + whole[12:],
        b"junk": whole[:12] + b"junk" + whole[12:],
    }.get(how, how)
    before = files(root)
    text = await push(http, ZERO_SHA, objects[0].id, b"refs/heads/x", sent=sent)
    assert "unpack ok" not in text
    assert in_words(text), text
    assert files(root) == before


def bomb(kind: str) -> bytes:
    """Return a small pack that would unpack to very much."""
    match kind:
        case "one-object":
            return pack([Blob.from_string(bytes(packs.MAX_OBJECT_BYTES + 1))], 9)
        case "many-objects":
            # Each is as large as one may be; together they are too many.
            one = pack([Blob.from_string(bytes(packs.MAX_OBJECT_BYTES))], 9)
            number = packs.MAX_UNPACKED_BYTES // packs.MAX_OBJECT_BYTES + 1
            whole = one[:8] + number.to_bytes(4, "big") + one[12:-20] * number
            return whole + hashlib.sha1(whole).digest()  # noqa: S324 - Git's own checksum
        case "a-delta":
            # It says of a base of one byte that it becomes 2^34 of them.
            delta = b"\x01" + b"\x80\x80\x80\x80\x40" + b"\x90\x01" * 20
            base = UnpackedObject(3, decomp_chunks=[b"x"], sha=BLOB.sha().digest())
            grown = UnpackedObject(
                OFS_DELTA, decomp_chunks=[delta], sha=bytes(20), delta_base=base.sha()
            )
            return b"".join(PackChunkGenerator(SHA1, 2, iter([base, grown])))
        case _:
            head = b"PACK" + (2).to_bytes(4, "big") + (2**32 - 1).to_bytes(4, "big")
            return head + bytes(64)


@pytest.mark.parametrize("kind", ["one-object", "many-objects", "a-delta", "many-claimed"])
async def test_a_bomb_does_not_go_off(
    kind: str, http: httpx.AsyncClient, homes: DulwichHome, root: GitRoot
) -> None:
    _, newer = await heads(homes)
    sent = bomb(kind)
    before = files(root)
    tracemalloc.start()
    try:
        text = await push(http, ZERO_SHA, newer, b"refs/heads/x", sent=sent)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert "more than" in in_words(text), text
    assert most < MEMORY
    assert files(root) == before
    assert await homes.head("acme", "x") is None


async def test_what_a_push_may_not_do_is_refused_in_words(
    http: httpx.AsyncClient, homes: DulwichHome, root: GitRoot, git: Git
) -> None:
    older, newer = await heads(homes)
    sideways, *rest = commit_on(older, b"sideways")
    before = files(root)
    asked: dict[str, tuple[bytes, bytes, bytes, Sequence[ShaFile]]] = {
        "deleted": (newer, ZERO_SHA, b"refs/heads/main", ()),
        "backwards": (newer, older, b"refs/heads/main", ()),
        "sideways": (newer, sideways.id, b"refs/heads/main", [sideways, *rest]),
        "stale": (older, sideways.id, b"refs/heads/main", [sideways, *rest]),
        "unknown": (ZERO_SHA, b"1" * 40, b"refs/heads/x", ()),
        "no-commit": (ZERO_SHA, BLOB.id, b"refs/heads/x", [BLOB]),
        "below": (ZERO_SHA, older, b"refs/heads/main/x", ()),
        "long": (ZERO_SHA, older, b"refs/heads/" + b"x" * 300, ()),
        "deep": (ZERO_SHA, older, b"refs/heads" + b"/x" * 90, ()),
        "elsewhere": (ZERO_SHA, older, b"refs/notes/x", ()),
    }
    told = {name: in_words(await push(http, *one)) for name, one in asked.items()}
    assert told.pop("deep") == ""
    assert {name: text for name, text in told.items() if not text} == {}
    assert told["deleted"] == "this branch is not deleted"
    assert told["backwards"] == told["sideways"] == "this branch moves only forwards"
    assert told["stale"] == "the branch moved meanwhile; fetch first"
    assert told["unknown"] == "objects are missing"
    await push(http, older, ZERO_SHA, b"refs/heads" + b"/x" * 90)
    assert files(root) == before
    git("-C", root.repository("acme"), "fsck", "--strict", "--full")


async def test_a_branch_is_named_once_and_not_more_than_a_thousand_are(
    http: httpx.AsyncClient, homes: DulwichHome, root: GitRoot
) -> None:
    older, newer = await heads(homes)
    before = files(root)

    async def send(*updates: bytes) -> httpx.Response:
        first = updates[0] + b"\0report-status atomic"
        body = b"".join(map(pkt_line, (first, *updates[1:]))) + pkt_line(None) + pack(())
        return await http.post("/git/acme/home.git/git-receive-pack", content=body)

    twice = await send(
        ZERO_SHA + b" " + older + b" refs/heads/x", ZERO_SHA + b" " + newer + b" refs/heads/x"
    )
    assert in_words(twice.text) == "it is named twice; it is named twice"
    many = await send(
        *(ZERO_SHA + b" " + older + b" refs/heads/x-%d" % at for at in range(MAX_UPDATES + 1))
    )
    assert (many.status_code, f"no more than {MAX_UPDATES}" in many.text) == (400, True)
    assert files(root) == before


async def test_a_thin_pack_is_completed_from_the_repository(
    http: httpx.AsyncClient, homes: DulwichHome, root: GitRoot, git: Git
) -> None:
    _, newer = await heads(homes)
    base, grown = Blob.from_string(b"seq: 9\n"), Blob.from_string(b"seq: 9\nmore\n")
    tree = Tree()
    tree.add(b"organization.yaml", 0o100644, grown.id)
    commit = commit_of(tree.id, newer, b"thin")
    delta = bytes([7, 12, 0x90, 7, 5]) + b"more\n"

    def thin(of: bytes) -> bytes:
        changed = UnpackedObject(7, decomp_chunks=[delta], sha=grown.sha().digest(), delta_base=of)
        rest = [full_unpacked_object(item) for item in (tree, commit)]
        return b"".join(PackChunkGenerator(SHA1, 3, iter([changed, *rest])))

    before = files(root)
    refused = await push(http, newer, commit.id, b"refs/heads/main", sent=thin(b"1" * 20))
    assert in_words(refused) == "the pack changes objects that are not here"
    assert files(root) == before
    text = await push(http, newer, commit.id, b"refs/heads/main", sent=thin(base.sha().digest()))
    assert "ok refs/heads/main" in text
    git("-C", root.repository("acme"), "fsck", "--strict", "--full")
