"""Provisioning at a Git door that is away, refuses, breaks off, or where something else answers."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest
from tests.integration.git.conftest import Git
from tests.integration.git.test_applications import BEGUN, TRUNK, adding, cloned, signed
from tests.support.between import Between, Spoiling, between
from tests.support.each import each

from catalyst.chassis.errors import Poison, Retry
from catalyst.environment_controller.adapters.git import DulwichHome
from catalyst.environment_controller.adapters.git_root import GitRoot
from catalyst.provisioning.adapters import git_door
from catalyst.provisioning.adapters.git import GitRepositories

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G13.10")]

NOT_WORDS = re.compile(r"[A-Z][a-z]+(Error|Exception|Pool)\b|\(b?'|\bb'|0x|http://|127\.0")
Ask = Callable[[GitRepositories], Awaitable[object]]


def answer(status: str, body: bytes = b"", kind: str = "text/plain", more: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}"
    return f"{head}Connection: close\r\n\r\n".encode() + body


def of_git(service: str, body: bytes) -> bytes:
    return answer("200 OK", body, f"application/x-git-{service}")


REPORT = "receive-pack-result"
SPOILED: dict[str, tuple[bytes, int, str]] = {
    "hung-up": (b"", 0, "broke the connection off"),
    "cut-in-the-head": (b"", 40, "away"),
    "cut-in-the-body": (b"", -9, "broke the connection off"),
    "no-http": (b"\x00\x01garbage\r\n\r\n", 0, "broke the connection off"),
    "busy": (answer("503 Service Unavailable", more="Retry-After: 7\r\n"), 0, "(503)"),
    "no-gateway": (answer("502 Bad Gateway", b"<html>"), 0, "(502)"),
    "broken": (answer("500 Internal Server Error", b"Internal Server Error"), 0, "(500)"),
    "too-often": (answer("429 Too Many Requests", more="Retry-After: 9\r\n"), 0, "(429)"),
    "forbidden": (answer("403 Forbidden"), 0, "(403)"),
    "nobody": (
        answer("401 Unauthorized", more='WWW-Authenticate: Basic realm="x"\r\n'),
        0,
        "token",
    ),
    "elsewhere": (answer("302 Found", more="Location: http://127.0.0.1:9/x\r\n"), 0, "(302)"),
    "a-page": (answer("200 OK", b"<html>We will be back</html>", "text/html"), 0, "something else"),
    "an-empty-page": (answer("200 OK", b"", "text/html"), 0, "something else"),
    "no-refs": (of_git("upload-pack-advertisement", b"0000"), 0, "away"),
    "garbage": (of_git("upload-pack-result", b"00zzgarbage"), 0, "away"),
    "no-report": (of_git(REPORT, b"0000"), 0, ""),
    "half-a-report": (of_git(REPORT, b"0013\x01000eunpack ok\n"), 0, "away"),
}
"""What comes in the place of an answer, after how many bytes of its head (if negative: of its
body), and what is told of it."""


@pytest.fixture
async def proxy(door: str, homes: DulwichHome) -> AsyncIterator[Between]:
    await homes.ensure("acme")
    async with between(f"http://{door.removesuffix('/git')}") as found:
        yield found


def through(proxy: Between) -> GitRepositories:
    return GitRepositories(proxy.url, lambda: "provisioning")


async def spoiled(proxy: Between, ask: Ask, number: int, name: str) -> Retry | None:
    """Let that answer be spoiled; return what was told, or None if there are fewer answers."""
    instead, after, words = SPOILED[name]
    proxy.back = spoiling = Spoiling(number, instead, head=max(after, 0), body=max(-after, 0))
    found = await refused(ask(through(proxy)))
    proxy.back = bytes
    if found is None:
        assert spoiling.answers < number, f"answer {number} ({name}) was taken for the door's"
        return None
    assert words in str(found), f"{name}, answer {number}: {found}"
    assert not NOT_WORDS.search(str(found)), str(found)
    assert 0.5 <= found.after_seconds <= git_door.LONGEST_WAIT_SECONDS
    return found


async def refused(asked: Awaitable[object]) -> Retry | None:
    try:
        await asked
    except Retry as error:
        return error
    return None


async def each_answer(proxy: Between, name: str, ask: Callable[[int], Ask]) -> int:
    """Spoil each answer in turn, each time for another thing to do, which is done after all."""
    number = 0
    while True:
        number += 1
        what = ask(number)
        error = await spoiled(proxy, what, number, name)
        if error is None:
            return number - 1
        await what(through(proxy))


@each(SPOILED)
async def test_a_commit_is_made_once_whatever_answer_is_spoiled(
    name: str, *, proxy: Between, door: str, git: Git, tmp_path: Path
) -> None:
    repository = f"app-{sorted(SPOILED).index(name)}"
    await through(proxy).prepare(signed(1, repository), TRUNK, BEGUN)

    def ask(number: int) -> Ask:
        change = signed(10 + number, repository)
        return lambda door: door.commit(change, "main", adding(f"f{number}"))

    # Where it stands, its files, where it stands for a push, what became of the push.
    assert await each_answer(proxy, name, ask) == 4
    into = cloned(git, door, tmp_path, repository)
    subjects = git("-C", into, "log", "--format=%s", "--reverse").splitlines()
    assert subjects == [f"Change number {seq}" for seq in (1, *range(11, 16))]


@each(SPOILED)
async def test_a_repository_is_begun_once_whatever_answer_is_spoiled(
    name: str, *, proxy: Between, root: GitRoot, git: Git
) -> None:
    place = sorted(SPOILED).index(name)

    def ask(number: int) -> Ask:
        change = signed(1, f"new-{place}-{number}")
        return lambda door: door.prepare(change, TRUNK, BEGUN)

    assert await each_answer(proxy, name, ask) == 2
    for number in (1, 2, 3):
        there = root.repository("acme", f"new-{place}-{number}")
        git("-C", there, "fsck", "--strict")
        assert git("-C", there, "rev-list", "--count", "--all").strip() == "1"


@each(SPOILED)
async def test_nothing_but_the_door_says_that_a_repository_is_not_there(
    name: str, *, proxy: Between
) -> None:
    await through(proxy).prepare(signed(1), TRUNK, BEGUN)

    async def ask(door: GitRepositories) -> None:
        assert await door.branches("acme", "blog") == TRUNK

    assert isinstance(await spoiled(proxy, ask, 1, name), Retry)


@pytest.mark.parametrize(
    ("said", "seconds"), [("7", 7.0), ("86400", 30.0), ("soon", 1.0), ("-1", 1.0)]
)
async def test_the_door_says_when_to_come_again_and_nobody_waits_for_a_day(
    said: str, seconds: float, proxy: Between
) -> None:
    busy = answer("503 Service Unavailable", more=f"Retry-After: {said}\r\n")
    proxy.back = Spoiling(1, busy)
    with pytest.raises(Retry) as caught:
        await through(proxy).branches("acme", "blog")
    assert caught.value.after_seconds == seconds
    assert proxy.opened == 1


async def test_why_the_door_did_not_take_the_files_is_told(proxy: Between) -> None:
    await through(proxy).prepare(signed(1), TRUNK, BEGUN)
    report = b"001d\x010018unpack disk is full\n0009\x0100000000"
    proxy.back = Spoiling(4, of_git(REPORT, report))
    with pytest.raises(Retry, match="did not take the files: disk is full"):
        await through(proxy).commit(signed(10), "main", adding("a"))


async def test_a_door_that_says_nothing_is_not_waited_for_for_ever(
    proxy: Between, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_door, "READ_SECONDS", 0.3)
    proxy.greets = False
    with pytest.raises(Retry, match="in time"):
        await through(proxy).commit(signed(10), "main", adding("a"))
    with pytest.raises(Retry, match="in time"):
        await through(proxy).prepare(signed(10), TRUNK, BEGUN)


async def test_an_answer_that_has_no_end_is_not_read_for_ever(
    proxy: Between, monkeypatch: pytest.MonkeyPatch
) -> None:
    await through(proxy).prepare(signed(1), TRUNK, BEGUN)
    monkeypatch.setattr(git_door, "ANSWER_BYTES", 100)
    with pytest.raises(Retry, match="no end"):
        await through(proxy).commit(signed(10), "main", adding("a"))


async def test_a_repository_that_is_not_there_is_waited_for_and_not_made_by_a_commit(
    proxy: Between, root: GitRoot
) -> None:
    commit = partial(through(proxy).commit, signed(10), "main", adding("a"))
    with pytest.raises(Retry, match="'blog' is not there"):
        await commit()
    assert not root.repository("acme", "blog").exists()
    await through(proxy).prepare(signed(5), TRUNK, BEGUN)
    assert len(await commit()) == 40


async def test_a_home_that_is_not_there_is_told(proxy: Between) -> None:
    with pytest.raises(Poison, match="'omantel' has no Git home"):
        await through(proxy).prepare(signed(5, organization="omantel"), TRUNK, BEGUN)
