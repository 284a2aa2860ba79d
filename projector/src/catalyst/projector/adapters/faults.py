"""Turns what the broker says into what the projector does about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from catalyst.chassis.jetstream.port import BrokerError, NotFound, WrongSequence
from catalyst.chassis.jetstream.puller import Doubt as PullerDoubt
from catalyst.projector.ports import Doubt, GuardLost, Missing


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Raise the ports' errors in place of the broker's; `what` names what was tried."""
    try:
        yield
    except WrongSequence as error:
        raise GuardLost(f"{what}: {error.description}") from error
    except NotFound as error:
        raise Missing(f"{what}: {error.description}") from error
    except BrokerError as error:
        raise Doubt(f"{what}: {error}") from error
    except PullerDoubt as error:
        raise Doubt(f"{what}: {error.reason}") from error
