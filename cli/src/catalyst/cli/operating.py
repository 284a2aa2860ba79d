"""The broker itself, as whoever runs the installation speaks with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.port import BrokerError, Denied, Unavailable
from catalyst.cli.exits import ExitCode, Failure
from catalyst.cli.target import Target
from catalyst.client.errors import Unreachable, shown_address
from catalyst.contracts.permissions import OPERATOR


def require_broker(target: Target) -> None:
    """Take note that a connection has a broker.

    Raises:
        Failure: If it has none.
    """
    if not target.nats:
        raise Failure(ExitCode.USAGE, "this needs the broker's address in the connection")


@asynccontextmanager
async def operating(target: Target) -> AsyncIterator[JetStream]:
    """Connect to the broker for the block.

    Raises:
        Failure: If the broker does not allow it, or fails.
        Unreachable: If none answers.
    """
    try:
        async with connect(
            target.nats, name=OPERATOR, user=target.user, password=target.password
        ) as js:
            yield js
    except Denied as error:
        raise Failure(ExitCode.NOT_ALLOWED, error.description) from error
    except Unavailable as error:
        raise Unreachable(f"no broker answers at {shown_address(target.nats)}") from error
    except BrokerError as error:
        raise Failure(ExitCode.UNREACHABLE, error.description) from error
