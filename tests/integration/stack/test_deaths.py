"""Parts of a running stack die: it mends itself, says so, and leaves nothing behind."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.support.rig import acme
from tests.support.waiting import until

from catalyst.cli.installation import Installation
from catalyst.cli.processes import MODULES
from catalyst.cli.stack import Options, Stack, running
from catalyst.client.http_transport import over_http

pytestmark = pytest.mark.real

CREATE = "environment.create-organization.v1"


@dataclass
class Told:
    """What a person was told."""

    lines: list[str] = field(default_factory=list)

    def __call__(self, line: str) -> None:
        self.lines.append(line)

    def count(self, text: str) -> int:
        return sum(text in line for line in self.lines)

    async def until(self, text: str, count: int) -> None:
        await until(lambda: self.count(text) >= count)


@asynccontextmanager
async def up(data: Path, told: Told, *, processes: bool) -> AsyncIterator[Stack]:
    options = Options(port=0, processes=processes, sync_interval="10s")
    async with running(Installation(data), options, told) as stack:
        yield stack


async def created(stack: Stack, slug: str) -> str:
    """Create an Organization through the door, however long the stack takes to mend."""
    async with over_http(stack.context.http, token=stack.context.operator.token) as door:
        outcome = await door.send(CREATE, acme(), organization=slug, id=slug, timeout=60)
    return outcome.status


async def test_a_broker_that_dies_is_started_again_where_it_was(tmp_path: Path) -> None:
    told = Told()
    async with up(tmp_path, told, processes=False) as stack:
        assert await created(stack, "one") == "accepted"
        for number, how in enumerate((signal.SIGKILL, signal.SIGTERM)):
            assert stack.broker is not None
            pid, port = stack.broker.pid, stack.broker.port
            assert pid is not None
            os.kill(pid, how)
            ending = how.name if how is signal.SIGKILL else "exit code"
            await told.until(f"the broker ended ({ending}", 1)
            await told.until("the broker is back", number + 1)
            assert await created(stack, f"after-{number}x") == "accepted"
            assert stack.broker.pid != pid
            assert stack.broker.port == port
        assert told.count("the broker ended") == 2
        assert not stack.failed.is_set()
        first = stack.context.nats
    async with up(tmp_path, Told(), processes=False) as stack:
        assert stack.context.nats == first


async def test_a_process_that_dies_is_started_again_and_told(tmp_path: Path) -> None:
    told = Told()
    async with up(tmp_path, told, processes=True) as stack:
        assert stack.supervisor is not None
        for user in ("environment", "projector", "gateway"):
            stack.supervisor.kill(user)
            await told.until(f"{user} ended (SIGKILL)", 1)
            assert await created(stack, f"after-{user}") == "accepted"
        assert stack.broker is not None
        assert stack.broker.pid is not None
        os.kill(stack.broker.pid, signal.SIGKILL)
        await told.until("the broker ended (SIGKILL)", 1)
        assert await created(stack, "after-broker") == "accepted"
        assert not stack.failed.is_set()


_PROGRAM = """
import asyncio, sys
from pathlib import Path
from catalyst.cli.installation import Installation
from catalyst.cli.processes import MODULES
from catalyst.cli.stack import Options, running

async def main():
    options = Options(port=0, processes=True, sync_interval="10s")
    async with running(Installation(Path(sys.argv[1])), options, lambda line: None) as stack:
        pids = [member.pid for member in stack.supervisor.members.values()]
        print(*pids, stack.broker.pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="asks /proc for processes")
async def test_members_end_with_the_one_who_started_them(tmp_path: Path) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _PROGRAM, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    pids = [int(text) for text in (await child.stdout.readline()).split()]
    assert len(pids) == len(MODULES) + 1
    child.kill()
    await child.wait()
    await until(lambda: not any(_runs(pid) for pid in pids))


def _runs(pid: int) -> bool:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return text.rpartition(")")[2].split()[0] != "Z"
