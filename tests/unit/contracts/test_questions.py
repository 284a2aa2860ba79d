"""Whoever may not ask a question is told so in words, and not by a name that nobody typed."""

from catalyst.cli.query import questions
from catalyst.contracts.questions import PURPOSES, purpose


def test_every_question_says_what_it_is_for() -> None:
    assert set(PURPOSES) == set(questions())
    for (_, name), words in PURPOSES.items():
        assert "-" not in name or name not in words
        assert words[0].islower()
        assert not words.endswith(".")


def test_one_that_has_no_words_is_named() -> None:
    assert purpose("environment", "moon") == "ask environment moon"
