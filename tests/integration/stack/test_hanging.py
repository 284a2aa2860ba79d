"""A worker that hangs is named, with what waits for it, while its connection still looks well."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from tests.integration.stack.surroundings import Told, check_measured, created
from tests.support.waiting import until

from catalyst.cli import brokercheck, workercheck
from catalyst.cli.findings import Finding, Health
from catalyst.cli.installation import Installation
from catalyst.cli.stack import Options, Stack, running
from catalyst.cli.target import Target

pytestmark = pytest.mark.real


async def examined(stack: Stack) -> Finding:
    """Return what is said of the workers, to whoever runs the installation."""
    operator = stack.context.operator
    target = Target(nats=stack.context.nats, user=operator.user, password=operator.password)
    return next(
        item for item in await brokercheck.examine(target) if item.check == workercheck.CHECK
    )


@pytest.mark.guarantee("G7.4")
@pytest.mark.guarantee("G7.23")
async def test_a_worker_that_hangs_is_named_with_what_waits_for_it(tmp_path: Path) -> None:
    options = Options(port=0, processes=True, sync_interval="10s")
    async with running(Installation(tmp_path), options, Told()) as stack:
        assert await created(stack, "before") == "accepted"
        assert (await examined(stack)).health is Health.OK
        # Here and not in a stack of its own: eight processes take five seconds to start.
        await check_measured(stack)
        assert stack.supervisor is not None
        pid = stack.supervisor.members["environment"].pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        try:
            sending = asyncio.create_task(created(stack, "stuck"))
            seen: list[Finding] = []

            async def named() -> bool:
                found = await examined(stack)
                seen.append(found)
                return found.health is Health.FAIL

            await until(named)
            found = seen[-1]
            assert found.detail.startswith("environment: ")
            assert "environment-controller" in found.detail
            assert found.detail.endswith("1 command waits for it")
            assert "billing" not in found.detail
            assert "kill -9" in found.fix
        finally:
            os.kill(pid, signal.SIGCONT)
        assert await sending == "accepted"

        async def well() -> bool:
            return (await examined(stack)).health is Health.OK

        await until(well)
