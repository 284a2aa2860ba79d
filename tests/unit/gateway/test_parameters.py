"""What is wrong with a query parameter is said in words of ours, at its name."""

from urllib.parse import urlencode

import pytest
from starlette.requests import Request
from tests.support.each import each

from catalyst.contracts.rejection import Rejected
from catalyst.gateway import parameters
from catalyst.gateway.events import EventPage

pytestmark = pytest.mark.guarantee("G5.11")


def asked(**said: str) -> Request:
    return Request({"type": "http", "query_string": urlencode(said).encode(), "headers": []})


@each(
    [
        ("limit", "0", "must be at least 1"),
        ("limit", "501", "must be at most 500"),
        ("limit", "x", "must be a whole number"),
        ("limit", "1.5", "must be a whole number"),
        ("limit", "9" * 5000, "must be a whole number"),
        ("continue", "-1", "must be at least 0"),
        ("follow", "maybe", "must be true or false"),
        ("organization", "", "must not be empty"),
        ("type", "a" * 254, "must have at most 253 characters"),
        ("type", "nope", "is no event; GET /v1/contracts lists those there are"),
        (
            "type",
            "environment.create-organization.v1",
            "is a command, and no event; GET /v1/contracts lists those there are",
        ),
        ("since", "yesterday", "write a time such as 2026-01-31T12:00:00Z"),
        ("nope", "1", "is not known here"),
    ]
)
def test_a_wrong_parameter_is_told_in_words(name: str, value: str, words: str) -> None:
    with pytest.raises(Rejected) as refused:
        parameters.read(asked(**{name: value}), EventPage)
    (error,) = refused.value.errors
    assert (error.pointer, error.message) == (f"/{name}", f"{name}: {words}")
