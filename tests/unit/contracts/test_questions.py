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
