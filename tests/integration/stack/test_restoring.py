"""docs/backup.md: a directory is copied and put back by what the page says, and goes on."""

import asyncio
import re
import subprocess
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest
from tests.integration.stack.surroundings import CREATE, Told
from tests.support.ports import free_ports
from tests.support.rig import acme
from tests.support.waiting import until
from tools.files import ROOT

from catalyst.cli import contexts
from catalyst.cli.installation import Installation
from catalyst.cli.main import ended
from catalyst.cli.stack import Options, Stack, running
from catalyst.client.http_transport import over_http
from catalyst.client.rows import Change, Page, Reset
from catalyst.client.watching import Control

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("with_starter")]
PAGE = (ROOT / "docs" / "backup.md").read_text("utf-8")
COMMANDS = dict(re.findall(r"^```sh id=(\w+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))
OPTIONS = Options(port=0)


async def make(stack: Stack, slug: str) -> int:
    """Create an Organization; return the sequence of that."""
    async with over_http(stack.context.http, token=stack.context.operator.token) as door:
        outcome = await door.send(CREATE, acme(), organization=slug, id=slug, timeout=60)
    assert outcome.status == "accepted"
    return outcome.seq


async def shown(stack: Stack, seq: int) -> Page:
    """Return the Organizations as of a sequence or later."""
    async with over_http(stack.context.http, token=stack.context.operator.token) as door:
        return await door.list("organizations", min_seq=seq)


def typed(what: str, folder: Path) -> None:
    subprocess.run(["/bin/sh", "-ec", COMMANDS[what]], cwd=folder, check=True, timeout=60)


async def first(stack: Stack, cursor: str) -> Change | Control:
    """Return what comes first to whoever goes on from a place."""
    async with (
        over_http(stack.context.http, token=stack.context.operator.token) as door,
        aclosing(door.watch("organizations", cursor=cursor).changes()) as told,
    ):
        async for one in told:
            return one
    raise AssertionError("the stream ended")


def homes(data: Path) -> set[str]:
    """Return whose repositories there are."""
    return {path.parent.name for path in data.glob("git/homes/*/home.git")}


def names(page: Page) -> list[str]:
    return [row.place.name for row in page.rows]


@pytest.mark.guarantee("G3.11")
async def test_a_directory_is_restored_by_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    checkout = tmp_path / "catalyst"
    checkout.mkdir()
    data = checkout / contexts.DATA
    (port,) = free_ports(1)
    async with running(Installation(data), replace(OPTIONS, port=port), Told()) as stack:
        await make(stack, "before")
        await until(lambda: homes(data) == {"before"}, 60.0)
    typed("backup", checkout)
    async with running(Installation(data), OPTIONS, Told()) as stack:
        await make(stack, "later")
        lost = await shown(stack, await make(stack, "last"))
        address = stack.context.http
        await until(lambda: homes(data) == {"before", "last", "later"}, 60.0)
    assert names(lost) == ["before", "last", "later"]
    typed("restore", checkout)
    # What holds keys lies outside, where no tool that looks through the checkout finds it.
    assert list(checkout.iterdir()) == [data]
    async with running(Installation(data), OPTIONS, Told()) as stack:
        assert stack.context.http == address
        copied = await shown(stack, 0)
        assert (names(copied), homes(data)) == (["before"], {"before"})
        # The epoch of the copy: its own places hold.
        assert not isinstance(await first(stack, copied.cursor), Reset)
        # What was accepted after it is decided again.
        assert names(await shown(stack, await make(stack, "later"))) == ["before", "later"]
        contexts.register_local(data)
        anew = COMMANDS["anew"].removeprefix("uv run catalyst ").split()
        for words in (anew, ["replay", "--check"]):
            assert await asyncio.to_thread(ended, words) == 0
        for place in (lost, copied):
            assert isinstance(await first(stack, place.cursor), Reset)
