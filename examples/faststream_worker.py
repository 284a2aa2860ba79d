"""A worker of somebody else: gives each Organization that is ready an Environment `<slug>-dev`.

It knows subjects and JSON alone; nothing of Catalyst is imported. Run it in the directory that
holds `endpoints.json`. It may be stopped, started again and run twice: the broker remembers what
was acknowledged, and the id of the command follows from the id of the event, so that a repeat gets
the outcome that is recorded and changes nothing.
"""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

from faststream import AckPolicy, FastStream
from faststream.nats import JStream, NatsBroker, NatsMessage, PullSub
from faststream.security import SASLPlaintext
from nats.js.api import ConsumerConfig

HERE = json.loads(Path("endpoints.json").read_text(encoding="utf-8"))
ORGANIZATION_READY = "evt.*.environment.organization.*.organization-ready.v1"
REGION = {"provider": "hetzner", "region": "fsn", "building_block": "rtz"}

log = logging.getLogger("dev-environments")
broker = NatsBroker(
    HERE["nats"],
    security=SASLPlaintext(HERE["operator"]["user"], HERE["operator"]["password"]),
)
app = FastStream(broker)


@broker.subscriber(
    ORGANIZATION_READY,
    # The log is there already, and its settings are not ours to declare.
    stream=JStream("EV", declare=False),
    durable="dev-environments",
    # One at a time keeps the order of the log. What fails is not acknowledged: it comes again after
    # 30 s, and what is behind it waits.
    pull_sub=PullSub(batch_size=1, timeout=1.0),
    config=ConsumerConfig(ack_wait=30, max_ack_pending=1),
    ack_policy=AckPolicy.MANUAL,
)
async def give_environment(event: dict[str, Any], message: NatsMessage) -> None:
    """Ask for the Environment; acknowledge the event once the broker holds the command."""
    # The token is taken from the subject as it is: it is escaped there already.
    organization = message.raw_message.subject.split(".")[1]
    name = f"{event['data']['slug']}-dev"
    command = {
        "specversion": "1.0",
        "id": f"dev-{event['id']}",
        "source": "dev-environments",
        "type": "environment.create-environment.v1",
        "correlationid": event["correlationid"],
        "causationid": event["id"],
        "data": {"env_type": "dev", "placement": "single-region", "regions": [REGION]},
    }
    await broker.publish(
        command,
        f"cmd.{organization}.environment.environment.{name}.create-environment.v1",
        headers={"Authorization": f"Bearer {HERE['operator']['token']}"},
        # Named, so that FastStream waits until the stream has confirmed.
        stream="CMD",
    )
    await message.ack()
    log.info("asked", extra={"environment": name})


if __name__ == "__main__":
    asyncio.run(app.run())
