"""A stack in one process: what its members measure has addresses, and they answer nothing else."""

from pathlib import Path

import pytest
from tests.integration.stack.surroundings import Told, check_measured
from tests.support.clients import plain

from catalyst.cli.installation import Installation
from catalyst.cli.stack import Options, running

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G7.23")]


async def test_every_member_of_one_process_is_measured_at_an_address_of_its_own(
    tmp_path: Path,
) -> None:
    async with running(
        Installation(tmp_path), Options(port=0, sync_interval="10s"), Told()
    ) as stack:
        await check_measured(stack)
        async with plain(timeout=40) as http:
            for user in ("environment", "projector"):
                address = stack.context.members[user]
                for path in ("/", "/v1/state/all", "/git/acme/home.git/info/refs", "/metrics/x"):
                    assert (await http.get(f"{address}{path}")).status_code == 404
