"""How soon a member is started again that keeps ending."""

from catalyst.cli.processes import pause


def test_a_member_that_keeps_ending_is_started_ever_more_rarely_and_never_given_up() -> None:
    assert [pause(quick) for quick in (0, 1, 2, 5)] == [0.2, 0.4, 0.8, 6.4]
    assert [pause(quick) for quick in (6, 100, 10_000)] == [10.0] * 3
