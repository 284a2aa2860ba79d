"""Three nodes on this machine: pages are read whole at each, whatever is lost on the way."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.integration.jetstream.streams import fill, log_stream
from tests.support.between import Losing, between
from tests.support.broker import own_connection
from tests.support.nodes import three
from tests.support.waiting import until

from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.port import BrokerError
from catalyst.cli.broker import BrokerProcess

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G2.11")]

SUBJECTS = ("evt.a.1", "evt.a.2", "evt.a.3")


@pytest.fixture
async def nodes(tmp_path: Path) -> AsyncIterator[list[BrokerProcess]]:
    """Three nodes of one broker, with a stream that each of them holds."""
    async with three(tmp_path) as found:
        async with own_connection(found[0]) as js:

            async def made() -> bool:
                try:
                    # Nobody answers what is asked before they have found each other.
                    await log_stream(js, timeout=0.5, num_replicas=3)
                except BrokerError:
                    return False
                return True

            await until(made)
            await fill(js, 1500, subjects=SUBJECTS)
        yield found


async def test_a_page_that_lost_its_first_reply_is_read_again_at_each_node(
    nodes: list[BrokerProcess],
) -> None:
    served = set()
    for node in nodes:
        async with (
            between(node.url) as proxy,
            connect(proxy.url, name="own", user="own", password="own") as js,
        ):
            losing = proxy.back = Losing(0)
            assert [found.seq for found in await js.last_many("EV", ["evt.a.*"])] == [
                1498,
                1499,
                1500,
            ]
            assert losing.pages == 1
            read = await js.replay("EV", "evt.a.*")
            assert [found.seq for found in read] == list(range(1, 1501))
            served.add(js.link.server_name)
    assert len(served) == 3


async def test_all_is_read_whole_after_a_node_died(
    nodes: list[BrokerProcess],
) -> None:
    await nodes[0].kill()
    async with own_connection(nodes[1]) as js:

        async def stored() -> bool:
            try:
                await fill(js, 10, subjects=SUBJECTS)
            except BrokerError:
                # A leader has to be found first.
                return False
            return True

        await until(stored)
        last = (await js.stream_state("EV")).last_seq
        read = await js.replay("EV", "evt.a.*")
    assert [found.seq for found in read] == list(range(1, last + 1))
