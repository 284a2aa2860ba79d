"""Whoever may not ask a question, or asks it wrongly, is told so in words, and of all at once."""

from typing import Annotated, Literal

import msgspec
import pytest

from catalyst.cli.query import questions
from catalyst.contracts import codec, rejection
from catalyst.contracts.questions import PURPOSES, purpose


def test_every_question_says_what_it_is_for() -> None:
    assert set(PURPOSES) == set(questions())
    for (_, name), words in PURPOSES.items():
        assert "-" not in name or name not in words
        assert words[0].islower()
        assert not words.endswith(".")


def test_one_that_has_no_words_is_named() -> None:
    assert purpose("environment", "moon") == "ask environment moon"


class _None(msgspec.Struct, forbid_unknown_fields=True):
    pass


class _Long(msgspec.Struct, forbid_unknown_fields=True):
    number: int
    names: tuple[Annotated[str, msgspec.Meta(pattern="^[a-z]+$", description="small")], ...]
    kind: Literal["a", "b"] = "a"


@pytest.mark.guarantee("G5.8")
def test_all_that_is_wrong_with_a_question_is_told_at_once() -> None:
    with pytest.raises(rejection.Rejected) as found:
        codec.question({"names": ["x", "Y"], "kind": "c", "more/": 1}, _Long)
    assert found.value.message == "4 fields are wrong"
    assert [(one.pointer, one.rule, one.message) for one in found.value.errors] == [
        ("/number", "required", "is missing"),
        ("/names/1", "pattern", "must be small"),
        ("/kind", "enum", "must be one of 'a', 'b'"),
        ("/more~1", "unknown-field", "is not a field that is known here"),
    ]


@pytest.mark.guarantee("G5.8")
def test_of_very_many_mistakes_the_first_are_named_and_the_others_counted() -> None:
    names = [f"f{number}" for number in range(rejection.ERRORS_MAX)]
    with pytest.raises(rejection.Rejected) as found:
        codec.question(dict.fromkeys(names), _None)
    assert found.value.message == f"{len(names)} fields are wrong"
    assert [one.pointer for one in found.value.errors] == [f"/{name}" for name in names]

    with pytest.raises(rejection.Rejected) as found:
        codec.question(dict.fromkeys([*names, "g", "h"]), _None)
    more = f"the first {len(names)} are named here, 2 more are not"
    assert found.value.message == str(found.value) == f"{len(names) + 2} fields are wrong; {more}"
    assert [one.pointer for one in found.value.errors] == [f"/{name}" for name in names]


@pytest.mark.guarantee("G5.8")
def test_no_mistake_is_told_at_the_length_of_what_was_sent() -> None:
    long = "x" * 3 * rejection.TEXT_MAX
    found = rejection.Rejected("not-found", long, pointer=f"/{long}")
    (error,) = found.errors
    assert error.pointer == f"/{long}"[: rejection.TEXT_MAX]
    assert error.message == long[: rejection.TEXT_MAX]
    assert found.message == long
