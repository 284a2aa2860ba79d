"""Each refusal of the server becomes the error that says what its caller does next."""

from tests.support.each import each

from catalyst.chassis.jetstream.answers import answered
from catalyst.chassis.jetstream.port import (
    BrokerError,
    DuplicateId,
    Full,
    NotFound,
    NothingStored,
    Unavailable,
    WrongSequence,
)


@each(
    [
        (400, 10071, WrongSequence),
        (400, 10164, WrongSequence),
        (400, 10201, DuplicateId),
        (400, 10176, NothingStored),
        (429, 10210, NothingStored),
        (429, 10167, NothingStored),
        (503, 10008, Unavailable),
        (503, 10077, Full),
        (400, 10002, Full),
        (503, 10023, Full),
        (404, 10059, NotFound),
        (404, 10014, NotFound),
        (404, 10037, NotFound),
        (503, 0, Unavailable),
        (408, 0, Unavailable),
        (404, 0, NotFound),
        (400, 10052, BrokerError),
        (413, 0, BrokerError),
    ]
)
def test_a_refusal_has_its_kind_and_keeps_its_number(
    code: int, err_code: int, kind: type[BrokerError]
) -> None:
    error = answered(code, err_code, "said so")

    assert type(error) is kind
    assert (error.code, error.err_code, error.description) == (code, err_code, "said so")


@each(
    [
        ("wrong last sequence: 17", 17),
        ("wrong last sequence: 0", 0),
        ("wrong last sequence", None),
        ("wrong last sequence: unknown", None),
    ]
)
def test_a_refused_guard_tells_the_sequence_that_it_met(text: str, actual: int | None) -> None:
    error = answered(400, 10071, text)

    assert isinstance(error, WrongSequence)
    assert error.actual == actual
