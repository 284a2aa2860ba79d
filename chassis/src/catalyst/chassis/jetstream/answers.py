"""Turns the server's refusals into the errors of the port.

Called by `catalyst.chassis.jetstream.broker` and its neighbours. The numbers are those of the
server's own error table.
"""

from typing import Final

from catalyst.chassis.jetstream.port import (
    BrokerError,
    DuplicateId,
    Full,
    NotFound,
    NothingStored,
    Unavailable,
    WrongSequence,
)

_BY_ERR_CODE: Final[dict[int, type[BrokerError]]] = {
    10002: Full,  # account resources
    10008: Unavailable,  # JetStream has no leader
    10009: Unavailable,  # asked a server that is not the leader
    10014: NotFound,  # consumer
    10023: Full,  # insufficient resources
    10028: Full,  # memory reserved by streams
    10037: NotFound,  # message
    10047: Full,  # storage reserved by streams
    10059: NotFound,  # stream
    10071: WrongSequence,
    10077: Full,  # the store refused: a limit, or a subject that is a unique key
    10118: Unavailable,  # stream offline
    10119: Unavailable,  # consumer offline
    10164: WrongSequence,
    10167: NothingStored,  # too many requests in the stream's queue
    10176: NothingStored,  # incomplete batch
    10201: DuplicateId,
    10210: NothingStored,  # too many open batches
    10211: NothingStored,  # too many open fast batches
}


def answered(code: int, err_code: int, description: str) -> BrokerError:
    """The error that stands for an answer of the server."""
    kind = _BY_ERR_CODE.get(err_code)
    if kind is None:
        kind = {404: NotFound, 408: Unavailable, 503: Unavailable}.get(code, BrokerError)
    return kind(code, err_code, description)
