"""The judge of the examples judges: what differs from the page is found."""

import pytest
from tests.docs.page import Values, examples, exchange, matches

GET = 'GET /x?a=$A\nAuthorization: Bearer $T\n\nHTTP/1.1 200\n{"a": $A, "b": [1, …], "c": "x…z"}\n'


def test_a_block_that_no_test_could_run_is_refused() -> None:
    with pytest.raises(ValueError, match="a block that no test runs"):
        examples("```python\nprint()\n```\n")


def test_an_exchange_is_taken_apart() -> None:
    found = exchange(GET)
    assert (found.method, found.target, found.status) == ("GET", "/x?a=$A", 200)
    assert found.headers == {"Authorization": "Bearer $T"}
    assert found.answer == {"a": "$A", "b": [1, "…"], "c": "x…z"}


def test_a_stream_is_taken_apart() -> None:
    text = 'GET /s\n\nHTTP/1.1 200\nevent: put\ndata: {"n": 1}\n\nid: $C\nevent: synced\ndata: {}\n'
    found = exchange(text)
    assert [(item.event, item.id, item.data) for item in found.frames] == [
        ("put", "", {"n": 1}),
        ("synced", "$C", {}),
    ]


def test_an_answer_may_say_more_than_is_shown_and_nothing_else() -> None:
    shown = exchange(GET).answer
    assert Values(A="7").fits(shown, {"a": "7", "b": [1, 2], "c": "xyz", "d": None})
    assert not Values(A="8").fits(shown, {"a": "7", "b": [1, 2], "c": "xyz"})
    assert not Values().fits(shown, {"a": "7", "b": [1], "c": "xyz"})
    assert not Values().fits(shown, {"a": "7", "b": [1, 2], "c": "xy"})
    assert not Values().fits(shown, {"a": "7", "b": [1, 2]})


def test_a_name_takes_the_first_value_that_fits_and_keeps_it() -> None:
    values = Values()
    assert not values.fits({"a": "$A", "b": 1}, {"a": 5, "b": 2})
    assert values.fits({"a": "$A", "b": 1}, {"a": 6, "b": 1})
    assert values.fill("n=$A") == "n=6"
    assert not values.fits({"a": "$A"}, {"a": 5})


def test_a_line_is_matched_whole() -> None:
    assert matches("seq …,", "seq 12,")
    assert not matches("seq", "seq 12")
