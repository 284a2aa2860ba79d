"""Whoever follows a change goes where its stack is, once that was started at another address."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from catalyst.cli import contexts, following
from catalyst.cli.contexts import Context
from catalyst.cli.exits import ExitCode
from catalyst.cli.output import Format
from catalyst.cli.target import Target, moved
from catalyst.client.rows import Change, Interrupted, Put, Reset, Row, Synced

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


def doors(monkeypatch: pytest.MonkeyPatch, said: dict[str, list[Change]]) -> list[str]:
    """Let each address say this, and then nothing; return those that were asked."""
    asked: list[str] = []

    class Door:
        def __init__(self, address: str) -> None:
            self.address = address

        def watch(self, _kinds: str, **_where: Any) -> "Door":
            asked.append(self.address)
            return self

        async def changes(self) -> AsyncGenerator[Change, None]:
            for one in said[self.address]:
                yield one

    @asynccontextmanager
    async def reads(target: Target) -> AsyncIterator[Door]:
        yield Door(target.http)

    monkeypatch.setattr(following, "reads", reads)
    return asked


async def test_a_change_is_followed_where_its_stack_was_started_again(
    local: Target, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before: list[Change] = [Reset(reason="start"), put("running"), Synced(as_of=1), LOST, LOST]
    after: list[Change] = [Reset(reason="start"), put("running"), Synced(as_of=1), put("completed")]
    asked = doors(monkeypatch, {OLD: before, NEW: after})
    ended = await following.follow(local, "ch-1", "acme", Format.JSON)
    assert (ended, asked) == (ExitCode.OK, [OLD, NEW])
    assert f"local is at {NEW} now; ch-1 is followed there" in capsys.readouterr().err


async def test_where_nothing_has_moved_the_address_is_tried_again(
    local: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = Target(http=NEW, data=local.data, name=local.name)
    said: list[Change] = [put("running"), LOST, put("completed")]
    asked = doors(monkeypatch, {NEW: said})
    assert await following.follow(there, "ch-1", "acme", Format.JSON) is ExitCode.OK
    assert asked == [NEW]


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
