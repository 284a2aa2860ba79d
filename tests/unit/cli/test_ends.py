"""Of the signals that end a stack, one that arrives twice counts once."""

from __future__ import annotations

from signal import SIGINT, SIGTERM

from catalyst.cli.up import MOMENT, Ends


def test_a_sigterm_again_within_a_moment_is_the_same_one() -> None:
    ends = Ends()
    assert ends.counts(SIGTERM, 0.0)
    assert not ends.counts(SIGTERM, 0.0)
    assert not ends.counts(SIGTERM, MOMENT / 2)
    assert ends.counts(SIGTERM, MOMENT * 2)


def test_each_ctrl_c_of_a_person_counts() -> None:
    ends = Ends()
    assert [ends.counts(SIGINT, 0.0) for _ in range(3)] == [True] * 3
    assert ends.counts(SIGTERM, 0.0)
    assert ends.counts(SIGINT, 0.0)


def test_whoever_sends_sigterm_again_and_again_is_heard() -> None:
    ends = Ends()
    sent = [ends.counts(SIGTERM, MOMENT * number * 0.6) for number in range(5)]
    assert sent == [True, False, True, False, True]
