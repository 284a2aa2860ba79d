"""Servers that want to harm whoever reads a Git repository from them."""

import gc
import io
import logging
import threading
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from dulwich.object_format import DEFAULT_OBJECT_FORMAT
from dulwich.objects import Blob, Commit, ShaFile, Tree
from dulwich.pack import write_pack_objects
from tests.support.commits import committed
from tests.support.quoting import SECRET, logged, quoting
from typing_extensions import override

from catalyst.blueprint_controller.adapters import git
from catalyst.blueprint_controller.adapters.git import GitSource
from catalyst.blueprint_controller.adapters.outside import MAX_REFS_BYTES, Plain
from catalyst.blueprint_controller.ports import Reading, Unusable
from catalyst.blueprints.package import BadPackage, Package

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G22.6")]

DOCUMENT = Blob.from_string(b"kind: Blueprint\n")
FOLDER = 0o040000
Answer = Callable[[], Iterator[bytes]]


def plain() -> tuple[Tree, Commit]:
    """Return a package at the top of a commit."""
    tree = Tree()
    tree.add(b"blueprint.yaml", 0o100644, DOCUMENT.id)
    return tree, committed(tree)


def line(text: bytes) -> bytes:
    """Return a line of Git's protocol."""
    return b"%04x" % (len(text) + 4) + text


def branch(tip: bytes) -> bytes:
    """Return the list of branches with `main` alone."""
    can = b"\x00side-band-64k ofs-delta thin-pack"
    return line(b"# service=git-upload-pack\n") + b"0000" + line(tip + b" refs/heads/main" + can)


def sent(*objects: ShaFile) -> bytes:
    """Return the answer with a pack."""
    out = io.BytesIO()
    write_pack_objects(out, [(one, None) for one in objects], object_format=DEFAULT_OBJECT_FORMAT)
    return line(b"NAK\n") + line(b"\x01" + out.getvalue()) + b"0000"


@contextmanager
def serving(refs: Answer, packs: Answer, *, status: int = 200, **headers: str) -> Iterator[str]:
    """Answer as told, for as long as somebody reads; yields the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send("advertisement", refs)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._send("result", packs)

        def _send(self, what: str, answer: Answer) -> None:
            self.send_response(status)
            self.send_header("Content-Type", f"application/x-git-upload-pack-{what}")
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            with suppress(OSError):  # Who reads has had enough.
                for part in answer():
                    self.wfile.write(part)

        @override
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/x.git"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def read(path: Path, url: str) -> Reading:
    """Read a source that nothing is known of."""
    found = GitSource(path, url, "main", "git.example").read(Plain(), "", "", "")
    assert found is not None
    return found


def endless(part: bytes, pause: threading.Event) -> Answer:
    """Return an answer that never ends."""

    def answer() -> Iterator[bytes]:
        while not pause.wait(0.05):
            yield part

    return answer


def test_a_link_and_another_repository_are_refused_in_a_package_and_passed_over_elsewhere(
    tmp_path: Path,
) -> None:
    link, good = Blob.from_string(b"../good/blueprint.yaml"), Tree()
    good.add(b"blueprint.yaml", 0o100644, DOCUMENT.id)
    linked, top = Tree(), Tree()
    linked.add(b"blueprint.yaml", 0o120000, link.id)
    inner = Tree()
    inner.add(b"more", 0o160000, good.id)
    top.add(b"good", FOLDER, good.id)
    top.add(b"linked", FOLDER, linked.id)
    top.add(b"odd", FOLDER, inner.id)
    within = Tree()
    within.add(b"blueprint.yaml", 0o100644, DOCUMENT.id)
    within.add(b"charts", 0o160000, good.id)
    within.add(b".gitmodules", 0o100644, DOCUMENT.id)
    top.add(b"within", FOLDER, within.id)
    strange = Tree()
    strange.add(b"blueprint.yaml", 0o100644, DOCUMENT.id)
    strange.add(b"pipe", 0o010644, DOCUMENT.id)
    top.add(b"strange", FOLDER, strange.id)
    top.add(b"outside", 0o160000, good.id)
    top.add(b".gitmodules", 0o100644, DOCUMENT.id)
    top.add(b".hidden", 0o160000, good.id)
    top.add(b"README.md", 0o120000, link.id)
    commit = committed(top)
    objects = (commit, top, good, linked, inner, within, strange, link, DOCUMENT)
    with serving(
        lambda: iter([branch(commit.id) + b"0000"]), lambda: iter([sent(*objects)])
    ) as url:
        found = {one.folder: one.package for one in read(tmp_path / "kept", url).packages}
    assert isinstance(found.pop("good"), Package)
    assert {name: str(refused) for name, refused in found.items()} == {
        "linked": "blueprint.yaml: is a symbolic link",
        "strange": "pipe: is no file",
        "within": "charts: is another repository (a submodule)",
    }


def test_branches_without_end_are_not_kept(tmp_path: Path) -> None:
    taken = 0

    def refs() -> Iterator[bytes]:
        nonlocal taken
        yield branch(plain()[1].id)
        while True:
            many = b"".join(
                line(b"%040x refs/heads/%d\n" % (taken + at, taken + at)) for at in range(2000)
            )
            taken += 2000
            yield many

    expected = pytest.raises(Unusable, match="the answer has more than")
    with serving(refs, lambda: iter(())) as url, expected:
        read(tmp_path / "kept", url)
    assert taken * 60 < 4 * MAX_REFS_BYTES


def test_a_compressed_answer_is_not_unpacked(tmp_path: Path) -> None:
    answer = zlib.compress(bytes(1024 * 1024))
    told = serving(lambda: iter([answer]), lambda: iter(()), Content_Encoding="deflate")
    with told as url, pytest.raises(Unusable, match="compressed"):
        read(tmp_path / "kept", url)


@pytest.mark.parametrize("status", [302, 404, 500])
def test_an_answer_that_nobody_reads_leaves_no_connection_behind(
    tmp_path: Path, status: int
) -> None:
    told = serving(lambda: iter([b"no"]), lambda: iter(()), status=status, Location="/elsewhere")
    with told as url, warnings.catch_warnings(record=True) as left:
        warnings.simplefilter("always", ResourceWarning)
        with pytest.raises(Unusable):
            read(tmp_path / "kept", url)
        gc.collect()
    assert [str(one.message) for one in left] == []


@pytest.mark.parametrize("where", ["branches", "progress"])
def test_a_server_that_never_comes_to_an_end_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr(git, "FETCH_SECONDS", 0.3)
    stop = threading.Event()
    tip = plain()[1].id
    drip = endless(b"0" if where == "branches" else line(b"\x02wait\n"), stop)

    def refs() -> Iterator[bytes]:
        yield branch(tip)
        if where == "branches":
            yield from drip()
        yield b"0000"

    def packs() -> Iterator[bytes]:
        yield line(b"NAK\n")
        yield from drip()

    with serving(refs, packs) as url:
        try:
            with pytest.raises(Unusable, match="the fetch took more than"):
                read(tmp_path / "kept", url)
        finally:
            stop.set()


@pytest.mark.guarantee("G6.8")
def test_what_a_repository_holds_is_not_quoted_when_reading_it_meets_a_bug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tree, tip = plain()
    monkeypatch.setattr(GitSource, "_reading", lambda *_: quoting(SECRET))
    refs, packs = [branch(tip.id), b"0000"], [sent(DOCUMENT, tree, tip)]
    with (
        serving(lambda: iter(refs), lambda: iter(packs)) as url,
        pytest.raises(Unusable, match="does not send what Git sends"),
    ):
        read(tmp_path / "kept", url)
    (failed,) = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert "LookupError in quoting.py" in vars(failed)["why"]
    assert SECRET not in logged(caplog.records)


def test_what_is_sent_in_part_does_not_stay(tmp_path: Path) -> None:
    tree, tip = plain()
    answers = iter([sent(tip), sent(DOCUMENT, tree, tip)])
    with serving(lambda: iter([branch(tip.id), b"0000"]), lambda: iter([next(answers)])) as url:
        with pytest.raises(Unusable, match="does not send what Git sends") as told:
            read(tmp_path / "kept", url)
        assert told.value.code == "unreadable"
        (listed,) = read(tmp_path / "kept", url).packages
    assert isinstance(listed.package, Package)


@pytest.mark.parametrize(
    "answer",
    [b"", sent(), sent(DOCUMENT), line(b"NAK\n") + line(b"\x09x"), line(b"ACK\n"),
     line(b"NAK\n") + line(b"\x01PACK\x00\x00\x00\x02\x00\x00\x00\x00") + b"0000",
     line(b"NAK\n") + line(b"\x01PACK\x00\x00\x00\x09\x00\x00\x00\x00" + bytes(20)) + b"0000",
     sent(*plain())[:-9] + b"wronghash0000"],
)  # fmt: skip
def test_nonsense_makes_the_source_unusable_and_nothing_worse(
    tmp_path: Path, answer: bytes
) -> None:
    tip = plain()[1].id
    told = serving(lambda: iter([branch(tip), b"0000"]), lambda: iter([answer]))
    with told as url, pytest.raises(Unusable):
        read(tmp_path / "kept", url)


@pytest.mark.parametrize("packed", [True, False], ids=["package", "folders"])
def test_a_few_folders_that_stand_for_billions_are_not_walked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, packed: bool
) -> None:
    monkeypatch.setattr(git, "MAX_ENTRIES", 1000)
    top = plain()[0] if packed else Tree()
    inner = Tree()
    objects: list[ShaFile] = [DOCUMENT, inner]
    for _ in range(15):
        outer = Tree()
        for number in range(10):
            outer.add(b"%d" % number, FOLDER, inner.id)
        objects.append(outer)
        inner = outer
    top.add(b"z", FOLDER, inner.id)
    tip = committed(top)
    answer = sent(*objects, top, tip)
    with serving(lambda: iter([branch(tip.id), b"0000"]), lambda: iter([answer])) as url:
        if packed:
            (listed,) = read(tmp_path / "kept", url).packages
            assert isinstance(listed.package, BadPackage)
            assert "files" in listed.package.reason
        else:
            with pytest.raises(Unusable, match="too many files, or too deep folders"):
                read(tmp_path / "kept", url)


@pytest.mark.parametrize(
    ("limit", "most"),
    [("MAX_PACK_BYTES", 100), ("MAX_SOURCE_BYTES", 20), ("MAX_PACKAGES", 1), ("MAX_ENTRIES", 3)],
)
def test_a_source_that_is_too_much_is_refused_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    one, top = plain()[0], Tree()
    for name in (b"one", b"two"):
        top.add(name, FOLDER, one.id)
    tip = committed(top)
    answer = sent(DOCUMENT, one, top, tip)
    with serving(lambda: iter([branch(tip.id), b"0000"]), lambda: iter([answer])) as url:
        assert len(read(tmp_path / "all", url).packages) == 2
        monkeypatch.setattr(git, limit, most)
        with pytest.raises(Unusable) as told:
            read(tmp_path / "kept", url)
    assert told.value.code == "too-large"


def test_nobody_is_led_elsewhere(tmp_path: Path) -> None:
    asked: list[str] = []

    def inside() -> Iterator[bytes]:
        asked.append("inside")
        return iter(())

    with (
        serving(inside, inside) as secret,
        serving(lambda: iter(()), lambda: iter(()), status=302, Location=secret) as url,
        pytest.raises(Unusable, match="the address leads elsewhere"),
    ):
        read(tmp_path / "kept", url)
    assert asked == []


def test_no_more_is_kept_of_a_branch_than_has_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git, "MAX_KEPT_BYTES", 3000)
    kept = tmp_path / "kept"
    for number in range(4):
        tree, _ = plain()
        noise = Blob.from_string(b"".join(b"%d" % (number * 7 + at**5) for at in range(300)))
        tree.add(b"noise", 0o100644, noise.id)
        tip = committed(tree)
        refs, packs = [branch(tip.id), b"0000"], [sent(DOCUMENT, noise, tree, tip)]
        with serving(lambda refs=refs: iter(refs), lambda packs=packs: iter(packs)) as url:  # type: ignore[misc]
            read(kept, url)
    assert len(list(kept.rglob("*.pack"))) < 4
