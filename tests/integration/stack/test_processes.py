"""Members as processes: what is set reaches them, the dead come again, none outlives the stack.

Eight processes take five seconds of a core to start and to end, so most tests share them.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import msgspec
import pytest
import pytest_asyncio
from tests.integration.stack.surroundings import (
    Told,
    beats,
    check_measured,
    check_named,
    created,
    surrounded,
)
from tests.support.clients import plain
from tests.support.projecting import agrees, stored
from tests.support.waiting import until

from catalyst.blueprints.starter import loading
from catalyst.chassis.jetstream.connection import connect
from catalyst.cli import brokercheck, workercheck
from catalyst.cli.findings import Finding, Health
from catalyst.cli.installation import Installation
from catalyst.cli.processes import MODULES
from catalyst.cli.stack import Options, Stack, running
from catalyst.cli.target import Target
from catalyst.client.http_transport import over_http
from catalyst.contracts.topology import CMD, EV

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]


@dataclass(frozen=True)
class Up:
    """A stack of processes."""

    stack: Stack
    data: Path
    told: Told
    traced: asyncio.Event


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def up(tmp_path_factory: pytest.TempPathFactory, with_starter: None) -> AsyncIterator[Up]:
    data = tmp_path_factory.mktemp("stack")
    options = Options(port=0, processes=True, sync_interval="10s")
    told = Told()
    with pytest.MonkeyPatch.context() as monkeypatch:
        async with (
            surrounded(data, monkeypatch) as traced,
            running(Installation(data), options, told) as stack,
        ):
            yield Up(stack, data, told, traced)


async def test_variables_reach_the_members_and_cannot_break_the_installation(up: Up) -> None:
    await created(up.stack, "acme")
    assert await beats(up.stack) == 3
    async with asyncio.timeout(60):
        await up.traced.wait()


async def test_the_starter_catalogue_is_registered_by_a_process_too(up: Up) -> None:
    wanted = {f"public-{name.partition('@')[0]}" for name in loading.names()}

    async def published() -> bool:
        page = await door.list("blueprints", limit=200)
        found = {row.place.name for row in page.rows if row.doc["status"] == "published"}
        return found >= wanted

    async with over_http(up.stack.context.http, token=up.stack.context.operator.token) as door:
        await until(published, 120.0)


@pytest.mark.guarantee("G27.15")
async def test_clusters_are_told_the_one_address_that_stays(up: Up) -> None:
    assert up.stack.supervisor is not None
    member = up.stack.supervisor.members["provisioning"]
    assert member.environ["PROVISIONING_CLUSTER_GIT_URL"] == up.stack.context.http
    assert member.environ["PROVISIONING_GIT_URL"] != up.stack.context.http


@pytest.mark.guarantee("G7.13")
async def test_who_works_in_the_directory_is_named(up: Up) -> None:
    await asyncio.to_thread(check_named, up.data.parent, up.data.name, os.getpid())


async def examined(stack: Stack) -> Finding:
    """Return what is said of the workers, to whoever runs the installation."""
    operator = stack.context.operator
    target = Target(nats=stack.context.nats, user=operator.user, password=operator.password)
    return next(
        item for item in await brokercheck.examine(target) if item.check == workercheck.CHECK
    )


async def still(stack: Stack) -> None:
    """Wait until nothing is under way: for a second no event came, and no command waits."""
    operator = stack.context.operator
    async with connect(
        stack.context.nats, name="operator", user=operator.user, password=operator.password
    ) as js:
        seen, since = -1, 0.0

        async def is_still() -> bool:
            nonlocal seen, since
            waits = (await js.stream_state(CMD)).messages
            last, now = (await js.stream_state(EV)).last_seq, asyncio.get_running_loop().time()
            if waits or last != seen:
                seen, since = last, now
            return now - since > 1

        await until(is_still, 60.0)


async def test_every_process_says_how_it_is_and_what_it_measures(up: Up) -> None:
    await check_measured(up.stack)


@pytest.mark.guarantee("G7.4")
@pytest.mark.guarantee("G7.23")
async def test_a_worker_that_hangs_is_named_with_what_waits_for_it(up: Up) -> None:
    """While its connection still looks well."""
    stack = up.stack
    assert await created(stack, "before-it-hangs") == "accepted"
    await still(stack)
    assert (await examined(stack)).health is Health.OK
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


async def test_a_process_that_dies_is_started_again_and_told(up: Up) -> None:
    stack, told = up.stack, up.told
    assert stack.supervisor is not None
    for user in ("environment", "projector", "gateway"):
        killed = stack.supervisor.kill(user)
        await told.until(f"{user} ended (SIGKILL)", 1)
        member = stack.supervisor.members[user]
        await until(lambda: member.pid not in {None, killed})  # noqa: B023 - awaited here
        assert await created(stack, f"after-{user}") == "accepted"
    assert stack.broker is not None
    assert stack.broker.pid is not None
    os.kill(stack.broker.pid, signal.SIGKILL)
    await told.until("the broker ended (SIGKILL)", 1)
    assert await created(stack, "after-broker") == "accepted"
    assert not stack.failed.is_set()


@pytest.mark.guarantee("G3.1")
@pytest.mark.parametrize("while_writing", [True, False])
async def test_rows_are_those_of_a_fresh_fold_after_the_projector_was_killed(
    up: Up, *, while_writing: bool
) -> None:
    """A real process with a real SIGKILL: between two flushes, or before there is what to fold."""
    stack = up.stack
    assert stack.supervisor is not None
    when = "while" if while_writing else "before"
    slugs = [f"{when}-{number}x" for number in range(6)]
    folding = stack.supervisor.members["projector"]
    # Whoever was killed here before may not be back yet.
    await until(lambda: folding.pid is not None)
    if not while_writing:
        stack.supervisor.kill("projector")
    async with asyncio.TaskGroup() as tasks:
        sent = [tasks.create_task(created(stack, slug)) for slug in slugs]
        if while_writing:
            await asyncio.wait(sent, return_when=asyncio.FIRST_COMPLETED)
            stack.supervisor.kill("projector")
    assert {task.result() for task in sent} == {"accepted"}
    passwords = Installation(up.data).passwords
    async with connect(
        stack.context.nats, name="projector", user="projector", password=passwords["projector"]
    ) as js:
        rows = await agrees(js, (await js.stream_state(EV)).last_seq)
        wanted = {f"{slug}._.organization._.{slug}" for slug in slugs}
        assert rows.keys() >= wanted

        async def shown() -> bool:
            """Whether the process that came for it serves what stands in the bucket."""
            loaded = await stored(js)
            assert loaded is not None
            found = await _organizations(stack)
            return found == {
                key: msgspec.json.decode(row)
                for key, row in loaded.rows.items()
                if key.split(".")[2] == "organization"
            }

        await until(shown)


async def _organizations(stack: Stack) -> dict[str, object]:
    """Every row that the door shows, by key; nothing while nobody serves any."""
    headers = {"Authorization": f"Bearer {stack.context.operator.token}"}
    async with plain(base_url=stack.context.http, headers=headers, timeout=40) as http:
        answer = await http.get("/v1/state/organizations", params={"limit": 500})
    if answer.status_code != httpx.codes.OK:
        return {}
    return {item["key"]: item["value"] for item in answer.json()["items"]}


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="asks /proc for processes")
async def test_members_end_with_the_one_who_started_them(tmp_path: Path) -> None:
    child = await asyncio.create_subprocess_exec(
        *(Path(sys.executable).with_name("catalyst"), "up", "--processes"),
        *("--port", "0", "--data", str(tmp_path / "data")),
        env=os.environ | {"XDG_CONFIG_HOME": str(tmp_path)},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    # While they load, too: the kernel was told before a process became a member.
    await until(lambda: len(_children(child.pid)) == len(MODULES) + 1, pause=0.05)
    pids = _children(child.pid)
    child.kill()
    await child.wait()
    await until(lambda: not any(_runs(pid) for pid in pids))


def _children(parent: int) -> list[int]:
    places = [path for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [int(place.name) for place in places if _stat(place)[1:2] == [str(parent)]]


def _runs(pid: int) -> bool:
    return _stat(Path(f"/proc/{pid}"))[:1] not in ([], ["Z"])


def _stat(place: Path) -> list[str]:
    """Return the state of a process, its parent, and more; nothing if it is gone."""
    try:
        text = (place / "stat").read_text()
    except OSError:
        return []
    return text.rpartition(")")[2].split()
