"""The demonstration of the README, told against real containers instead of its own processes."""

import asyncio
import json
import os
import shlex
import sys
from pathlib import Path
from typing import Final

import pytest
from tests.e2e.compose import FILE, Access, Stack

from catalyst.cli.contexts import Context, Credentials, default_path, register
from catalyst.cli.demo.omantel import LEFT_OUT

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

WORKER: Final = "environment-controller"
CATALYST: Final = Path(sys.executable).with_name("catalyst")


async def test_the_demonstration_holds_on_the_compose_stack(
    stack: Stack, access: Access, tmp_path: Path
) -> None:
    environment = {**stack.environment, "XDG_CONFIG_HOME": str(tmp_path), "CATALYST_DEBUG": "1"}
    who = Credentials(user=access.user, password=access.password, token=access.token)
    register(
        default_path(environment),
        "compose",
        Context(http=access.http, nats=access.nats, operator=who),
    )
    compose = f"docker compose --file {shlex.quote(os.fspath(FILE))}"
    # What compose says must not mix with the report.
    kill = f"{{ {compose} kill {WORKER} && {compose} start {WORKER}; }} >/dev/null 2>&1"

    demo = await asyncio.create_subprocess_exec(
        *(CATALYST, "demo", "--against", "compose", "--kill", kill, "--json"),
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(demo.communicate(), 240)

    assert demo.returncode == 0, out.decode() + err.decode()
    report = json.loads(out)
    assert report["held"] is True
    assert len(report["proofs"]) > 20
    assert all(proof["held"] is not False for proof in report["proofs"])
    left_out = [proof["what"] for proof in report["proofs"] if proof["held"] is None]
    assert left_out == [LEFT_OUT]
