"""The broker is made as the protocol has it, whatever the code says of itself."""

from collections.abc import Mapping
from typing import Any

import pytest

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.topology import ensure
from catalyst.contracts import topology

pytestmark = pytest.mark.real

AS_WRITTEN: Mapping[str, Mapping[str, Any]] = {
    "CMD": {
        "subjects": [
            "cmd.*.environment.>",
            "cmd.*.blueprint.>",
            "cmd.*.catalog.>",
            "cmd.*.provisioning.>",
            "cmd.*.billing.>",
        ],
        "retention": "workqueue",
        "storage": "file",
        "discard": "new",
        "max_age": 0,
        "max_msgs": -1,
        "max_msgs_per_subject": -1,
    },
    "EV": {
        "subjects": ["evt.>", "st.>", "done.>", "clm.>", "tmr.>", "due.>", "chk.>", "out.>"],
        "retention": "limits",
        "storage": "file",
        "discard": "old",
        "max_age": 0,
        "max_bytes": -1,
        "max_msgs": -1,
        "max_msgs_per_subject": -1,
        "allow_atomic": True,
        "allow_direct": True,
        "allow_msg_ttl": True,
        "allow_msg_schedules": True,
        "deny_delete": True,
        "compression": "none",
    },
    "FACTS": {"subjects": ["ws.>"], "storage": "file"},
    "USE": {"subjects": ["use.>"], "storage": "file", "max_age": 0},
    "DLQ": {
        "subjects": ["dlq.>"],
        "storage": "file",
        "discard": "new",
        "discard_new_per_subject": True,
        "max_age": 0,
        "max_msgs_per_subject": 1,
    },
}
"""The protocol's streams (its §2 and §3) in the broker's words, written out: not in the code's."""


async def _settings(js: JetStream, name: str) -> Mapping[str, Any]:
    return (await js.stream_state(name)).config


@pytest.mark.guarantee("G1.1")
async def test_the_broker_keeps_commands_and_events_as_long_as_the_protocol_says(
    js: JetStream,
) -> None:
    await ensure(js, topology.topology())
    for name, wanted in AS_WRITTEN.items():
        found = await _settings(js, name)
        assert {key: found[key] for key in wanted} == wanted, name
        assert found["max_consumers"] > 0, name
    assert (await _settings(js, "CMD"))["max_bytes"] > 0
    # A marker would be a new last message of an outcome that expired.
    assert "subject_delete_marker_ttl" not in await _settings(js, "EV")
    served: set[str] = set()
    for stream in ("CMD", "EV"):
        for consumer in (await js.api(f"CONSUMER.LIST.{stream}", {}))["consumers"]:
            config = consumer["config"]
            # Nothing is given up after so many deliveries: it is parked, and that is recorded.
            found = {key: config[key] for key in ("ack_policy", "deliver_policy", "max_deliver")}
            wanted = {"ack_policy": "explicit", "deliver_policy": "all", "max_deliver": -1}
            assert found == wanted, consumer["name"]
            assert "inactive_threshold" not in config
            served.update(config["filter_subjects"] if stream == "CMD" else ())
    assert served == set(AS_WRITTEN["CMD"]["subjects"])
