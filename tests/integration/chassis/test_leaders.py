"""A worker decides on three nodes while leaders change under it and one node dies."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from tests.support.broker import own_connection
from tests.support.nodes import three
from tests.support.projecting import VERIFIER, settings
from tests.support.projecting import running as showing
from tests.support.rig import ORGANIZATIONS, Sender, runtime
from tests.support.rig import running as deciding
from tests.support.sequential import CREATE, RESUME, SUSPEND, Op, check_sequence
from tests.support.waiting import until

from catalyst.chassis.jetstream import topology
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.port import BrokerError
from catalyst.chassis.worker import Worker
from catalyst.cli.broker import BrokerProcess
from catalyst.contracts import topology as contract
from catalyst.projector import replay
from catalyst.projector.adapters.buckets import StreamReadModel
from catalyst.projector.adapters.log import StreamLog
from catalyst.projector.main import Projector
from catalyst.projector.ports import Doubt

pytestmark = pytest.mark.real

ORGANIZATIONS_SENT = 12
VERBS = (CREATE, SUSPEND, CREATE, RESUME, SUSPEND)
"""To each Organization, one after the other; the second creation is refused."""
LEADERS = 6
"""So many leaders of the log follow each other before the node dies, and as many after it."""

AGAIN_SECONDS = 1.0
"""After so long the leader is asked once more to step down."""


@pytest.fixture(autouse=True)
def on_all_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let threads of a node run beside each other, as they do where nobody tests."""
    monkeypatch.delenv("GOMAXPROCS", raising=False)


@asynccontextmanager
async def connected(nodes: list[BrokerProcess], name: str) -> AsyncIterator[JetStream]:
    """Connect to any of the nodes, and to another one when that dies."""
    urls = [node.url for node in nodes]
    async with connect(urls, name=name, user="own", password="own") as js:
        yield js


async def leader(js: JetStream) -> str:
    """Return which node leads the log; none while it is chosen."""
    try:
        return str((await js.api("STREAM.INFO.EV", None))["cluster"].get("leader", ""))
    except BrokerError:
        return ""


async def deposed(js: JetStream) -> None:
    """Let another node lead the log; return once one does."""
    before = ""
    asked = 0.0

    async def another() -> bool:
        nonlocal before, asked
        found = await leader(js)
        if before and found not in {"", before}:
            return True
        now = asyncio.get_running_loop().time()
        # The one that steps down may be chosen again, where no other has all that it has.
        if found and now - asked > AGAIN_SECONDS:
            with suppress(BrokerError):  # There is none just now.
                await js.api("STREAM.LEADER.STEPDOWN.EV", {})
                before, asked = found, now
        return False

    await until(another, 120)


async def insisted(sender: Sender, command_id: str, op: Op) -> None:
    """Publish a command until the broker confirms it: again, where it only failed to say so."""
    while True:
        try:
            await op.send(sender, command_id)
        except BrokerError:
            await asyncio.sleep(0.05)
        else:
            return


async def settled(js: JetStream) -> bool:
    try:
        return not (await js.stream_state("CMD")).messages
    except BrokerError:
        return False


async def compared(js: JetStream) -> bool:
    """Hold the rows against the log; return False if a leader changed over it."""
    try:
        found = await replay.check(StreamLog(js, "check"), StreamReadModel(js, "check"))
    except Doubt:
        # `catalyst replay --check` begins again as well.
        return False
    assert found.equal
    return True


@pytest.mark.guarantee("G1.17")
async def test_leaders_that_change_and_a_node_that_dies_lose_and_double_nothing(
    tmp_path: Path, quick: None
) -> None:
    sent = {
        f"c-{number}-{place}": Op(verb, f"org-{number:02}", "late" if verb == SUSPEND else "")
        for place, verb in enumerate(VERBS)
        for number in range(ORGANIZATIONS_SENT)
    }
    async with three(tmp_path) as nodes, own_connection(nodes[0]) as first:

        async def made() -> bool:
            try:
                await topology.ensure(first, contract.topology_of("environment"), replicas=3)
            except BrokerError:
                # They have not found each other yet.
                return False
            return True

        await until(made)
        assert (await first.stream_state("EV")).config["num_replicas"] == 3
        async with (
            connected(nodes, "sender") as js,
            connected(nodes, "worker") as own,
            connected(nodes, "projector") as other,
        ):
            standing = replace(runtime(own), replicas=3)
            rows = Projector(replace(runtime(other), replicas=3, verifier=VERIFIER), settings())
            async with showing(rows), deciding(Worker(ORGANIZATIONS, standing)):
                changed = 0

                def met(done: int) -> bool:
                    """Return whether leaders keep up: every few commands meet another one."""
                    return changed * len(sent) >= (done - 8) * 2 * LEADERS

                async def burst() -> None:
                    for done, (command_id, op) in enumerate(sent.items(), 1):
                        await insisted(Sender(js), command_id, op)
                        await until(partial(met, done))

                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(burst())
                    for _ in range(LEADERS):
                        await deposed(js)
                        changed += 1
                    victim = next(node for node in nodes if node.server_name == own.server_name)
                    await victim.kill()
                    for _ in range(LEADERS):
                        await deposed(js)
                        changed += 1
                await until(lambda: settled(js), 120)
                assert own.server_name != victim.server_name
                await check_sequence(js, sent)
                head = (await js.stream_state("EV")).last_seq
                await until(lambda: rows.hub.as_of >= head, 120)
                await until(lambda: compared(js), 120)
