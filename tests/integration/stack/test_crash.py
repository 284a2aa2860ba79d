"""A stack that is killed whole goes on at once: nobody waits for the lease of a dead worker."""

import asyncio
import fcntl
import sys
from pathlib import Path

import pytest
from tests.support.rig import acme

from catalyst.cli.installation import Installation
from catalyst.cli.stack import Options, running
from catalyst.client.http_transport import over_http

pytestmark = pytest.mark.real

CREATE = "environment.create-organization.v1"
_PROGRAM = """
import asyncio, sys
from pathlib import Path
from catalyst.chassis import lease, loop
from catalyst.cli.installation import Installation
from catalyst.cli.stack import Options, running

# So long that a worker which waits for it is never seen to work.
lease.TTL_SECONDS = 3600

async def main():
    options = Options(port=0, sync_interval="10s")
    async with running(Installation(Path(sys.argv[1])), options, lambda line: None) as stack:
        await created(stack)
        print("works", flush=True)
        await asyncio.Event().wait()

async def created(stack):
    from catalyst.client.http_transport import over_http
    from tests.support.rig import acme
    async with over_http(stack.context.http, token=stack.context.operator.token) as door:
        await door.send(
            "environment.create-organization.v1", acme(), organization="one", id="one", timeout=60
        )

loop.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the broker outlives its parent elsewhere")
async def test_the_lease_of_a_dead_worker_is_given_up_at_the_next_start(tmp_path: Path) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _PROGRAM, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    assert await child.stdout.readline() == b"works\n"
    child.kill()
    await child.wait()
    options = Options(port=0, sync_interval="10s")
    async with running(await _free(tmp_path), options, lambda line: None) as stack:
        door = over_http(stack.context.http, token=stack.context.operator.token)
        async with door as client:
            outcome = await client.send(CREATE, acme(), organization="two", id="two", timeout=60)
    assert outcome.status == "accepted"


async def _free(data: Path) -> Installation:
    """Return the installation once the broker of the dead one has ended."""

    async with asyncio.timeout(60):
        while True:
            with (data / "nats" / "lock").open("a+b") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    await asyncio.sleep(0.01)
                else:
                    return Installation(data)
