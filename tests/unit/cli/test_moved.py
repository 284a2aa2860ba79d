"""Whoever stays goes where the stack is, once that was started again at another address."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from catalyst.cli import contexts, events, following, get, watched
from catalyst.cli import target as targets
from catalyst.cli.contexts import Context
from catalyst.cli.exits import ExitCode
from catalyst.cli.output import Format
from catalyst.cli.sending import commands
from catalyst.cli.target import Target, moved, reads
from catalyst.client import http_calls
from catalyst.client.errors import Problem, Unreachable
from catalyst.client.events import START, LoggedEvent
from catalyst.client.http_transport import over_http
from catalyst.client.rows import Interrupted, Put, Reset, Row, Synced

pytestmark = pytest.mark.guarantee("G27.10")
OLD, NEW = "http://127.0.0.1:1", "http://127.0.0.1:2"
LOST = Interrupted(reason="nobody answers", wait_seconds=0.1)


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Target:
    """Return the target of a stack that has gone on to another address since."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    data = str(tmp_path / "data")
    kept = Context(http=NEW, nats="nats://127.0.0.1:3", data=data)
    contexts.register(contexts.default_path(), contexts.LOCAL, kept)
    return Target(http=OLD, nats="nats://127.0.0.1:1", token="t", data=data, name=contexts.LOCAL)


def put(status: str) -> Put:
    doc = {"change": "ch-1", "status": status, "percent": 50, "reason": "", "steps": []}
    more = {"blocked_by": [], "left": [], "environment": "acme-prod"}
    return Put(row=Row(key="acme._.change._.ch-1", seq=1, doc=doc | more))


def doors(monkeypatch: pytest.MonkeyPatch, said: dict[str, list[Any]]) -> list[tuple[str, str]]:
    """Let each address say this, and then nothing; return those that were asked, and from where."""
    asked: list[tuple[str, str]] = []

    class Door:
        def __init__(self, address: str) -> None:
            self.address = address
            self.cursor = ""

        def watch(self, _kinds: str, *, cursor: str, **_where: Any) -> "Door":
            return self.follow(cursor=cursor)

        def follow(self, *, cursor: str, **_asked: Any) -> "Door":
            asked.append((self.address, cursor))
            return self

        async def changes(self) -> AsyncGenerator[Any, None]:
            for one in said[self.address]:
                if isinstance(one, Exception):
                    raise one
                yield one
                self.cursor = f"behind-{one!s:.4}"

    @asynccontextmanager
    async def reads(target: Target) -> AsyncIterator[Door]:
        yield Door(target.http)

    monkeypatch.setattr(watched, "reads", reads)
    return asked


async def test_a_change_is_followed_where_its_stack_was_started_again(
    local: Target, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = [Reset(reason="start"), put("running"), Synced(as_of=1), LOST, LOST]
    after = [Reset(reason="start"), put("running"), Synced(as_of=1), put("completed")]
    asked = doors(monkeypatch, {OLD: before, NEW: after})
    ended = await following.follow(local, "ch-1", "acme", Format.JSON)
    assert (ended, asked) == (ExitCode.OK, [(OLD, ""), (NEW, "behind-Sync")])
    assert f"local is at {NEW} now; ch-1 is followed there" in capsys.readouterr().err


async def test_where_nothing_has_moved_the_address_is_tried_again(
    local: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = Target(http=NEW, data=local.data, name=local.name)
    asked = doors(monkeypatch, {NEW: [put("running"), LOST, put("completed")]})
    assert await following.follow(there, "ch-1", "acme", Format.JSON) is ExitCode.OK
    assert asked == [(NEW, "")]


async def test_rows_are_watched_where_their_stack_was_started_again(
    local: Target, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = [Reset(reason="start"), put("running"), Synced(as_of=1), LOST]
    asked = doors(monkeypatch, {OLD: before, NEW: [put("completed")]})
    await get._watch(local, get.Wanted(kinds="changes"), Format.TABLE)
    assert asked == [(OLD, ""), (NEW, "behind-Sync")]
    shown = capsys.readouterr()
    assert f"local is at {NEW} now; every change is followed there" in shown.err
    firsts = [line.split()[0] for line in shown.out.splitlines()]
    assert [word for word in firsts if word != "CHANGE"] == ["-", "changed"]


def logged(seq: int) -> LoggedEvent:
    time = datetime(2026, 11, 30, tzinfo=UTC)
    of = {"type": "x.v1", "id": f"e-{seq}", "aggregate": "organization", "aggregate_id": "acme"}
    return LoggedEvent(seq=seq, time=time, organization="acme", **of)


async def test_events_are_followed_where_their_stack_was_started_again(
    local: Target, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    started = Reset(reason=START)
    said: dict[str, list[Any]] = {OLD: [started, logged(1), LOST], NEW: [started, logged(2)]}
    asked = doors(monkeypatch, said)
    await events._follow(local, {}, Format.TABLE)
    assert asked == [(OLD, ""), (NEW, "behind-Logg")]
    shown = capsys.readouterr()
    assert [line.split()[0] for line in shown.out.splitlines()] == ["SEQ", "1", "2"]
    assert shown.err.splitlines() == [
        "every event follows, Ctrl-C ends",
        f"local is at {NEW} now; every event is followed there",
    ]


async def test_a_heading_stands_above_events_and_not_above_an_error(
    local: Target, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    doors(monkeypatch, {OLD: [Problem(401, "unauthenticated")]})
    with pytest.raises(Problem):
        await events._follow(local, {}, Format.TABLE)
    assert capsys.readouterr() == ("", "")


async def test_what_has_gone_before_anything_came_of_it_is_followed_where_it_is(
    local: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = doors(monkeypatch, {OLD: [Unreachable("nobody")], NEW: [put("completed")]})
    assert await following.follow(local, "ch-1", "acme", Format.JSON) is ExitCode.OK
    assert asked == [(OLD, ""), (NEW, "")]
    there = Target(http=NEW, data=local.data, name=local.name)
    doors(monkeypatch, {NEW: [Unreachable("nobody")]})
    with pytest.raises(Unreachable):
        await following.follow(there, "ch-1", "acme", Format.JSON)


class Stack:
    """Doors that say what they are told to, and that nobody is at the others."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: httpx.Response) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str]] = []
        plain = partial(over_http, transport=httpx.MockTransport(self._answer))
        monkeypatch.setattr(targets, "over_http", plain)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        address = f"{request.url.scheme}://{request.url.host}:{request.url.port}"
        self.asked.append((address, request.headers.get("Idempotency-Key", "")))
        if address == OLD:
            raise httpx.ConnectError("refused", request=request)
        return self.answers.pop(0)


async def test_a_command_is_sent_again_under_its_id_where_its_stack_was_started_again(
    local: Target, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    decided = {
        "id": "c-1",
        "type": "t",
        "status": "accepted",
        "digest": "",
        "time": "2026-11-30T00:00:00Z",
    }
    stack = Stack(monkeypatch, httpx.Response(202), httpx.Response(200, json=decided))
    async with commands(local) as door:
        found = await door.send(
            "environment.resume-organization.v1", {}, organization="acme", command_id="c-1"
        )
    assert found.status == "accepted"
    assert stack.asked == [(OLD, "c-1"), (NEW, "c-1"), (NEW, "")]
    assert capsys.readouterr().err == f"local is at {NEW} now; it is asked there\n"


async def test_what_is_nowhere_else_is_not_there(
    local: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = Stack(monkeypatch)
    monkeypatch.setattr(http_calls, "FIRST_CONTACT_SECONDS", 0.0)
    async with reads(Target(http=OLD, token="t")) as door:
        with pytest.raises(Unreachable):
            await door.list("organizations")
    assert {address for address, _ in stack.asked} == {OLD}


def test_a_token_goes_to_no_other_stack(local: Target) -> None:
    found = moved(local)
    assert found is not None
    assert (found.http, found.nats, found.token) == (NEW, "nats://127.0.0.1:3", "t")
    for other in (
        Target(http=OLD, token="t"),
        Target(http=OLD, token="t", name=local.name),
        Target(http=OLD, token="t", name=local.name, data="/elsewhere"),
        Target(http=OLD, token="t", name="gone", data=local.data),
    ):
        assert moved(other) is None
