"""A setting that no topology names is noticed, told, and taken back by whoever may."""

from typing import Any

import pytest

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.chassis.jetstream.topology import ensure
from catalyst.contracts.topology import EV, STREAMS, bucket

pytestmark = pytest.mark.real

SECOND = 1_000_000_000
LOG = next(stream for stream in STREAMS if stream.name == EV)
TOPOLOGY = ((LOG, bucket("leases", allow_msg_ttl=True)), ())
FOREIGN: dict[str, Any] = {
    "max_age": 3600 * SECOND,
    "max_bytes": 1024 * 1024,
    "max_msgs": 1,
    "max_msgs_per_subject": 2,
    "max_msg_size": 1000,
    "no_ack": True,
    "republish": {"src": "evt.>", "dest": "stolen.>"},
    "sources": [{"name": "OTHER"}],
    "subject_transform": {"src": "evt.>", "dest": "evt.x.>"},
}


@pytest.mark.guarantee("G7.4")
@pytest.mark.parametrize("key", FOREIGN)
async def test_a_setting_of_somebody_else_is_told_and_taken_back(js: JetStream, key: str) -> None:
    await ensure(js, TOPOLOGY)
    await js.api("STREAM.CREATE.OTHER", {"name": "OTHER", "subjects": ["other.>"]})
    # What holds timers takes no sources.
    stream = "KV_leases" if key == "sources" else EV
    config = (await js.stream_state(stream)).config
    await js.api(f"STREAM.UPDATE.{stream}", {**config, key: FOREIGN[key]})

    told = await ensure(js, TOPOLOGY, change=False)
    assert [finding.what for finding in told] == [f"stream {stream}: {key}"]
    assert await ensure(js, TOPOLOGY) == []
    assert await ensure(js, TOPOLOGY, change=False) == []
    assert (await js.stream_state(stream)).config == config


async def test_where_too_much_is_refused_a_lower_limit_drops_nothing_and_is_set(
    js: JetStream,
) -> None:
    letters = next(stream for stream in STREAMS if stream.name == "DLQ")
    await ensure(js, ((letters, *TOPOLOGY[0]), ()))
    config = (await js.stream_state("DLQ")).config
    await js.api("STREAM.UPDATE.DLQ", {**config, "max_bytes": -1})
    await js.publish(Outgoing("dlq.acme.a.b.c.c1", b"x"))

    assert await ensure(js, ((letters, *TOPOLOGY[0]), ())) == []

    state = await js.stream_state("DLQ")
    assert (state.config["max_bytes"], state.messages) == (letters.config["max_bytes"], 1)
