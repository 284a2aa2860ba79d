"""One test for a rule and many cases: it tells of every case, and of none at all."""

import inspect

import pytest
from tests.support.each import each


def told(group: BaseExceptionGroup[BaseException]) -> list[str]:
    return [note for error in group.exceptions for note in error.__notes__]


def test_every_case_that_breaks_the_rule_is_named_and_the_others_are_tried() -> None:
    tried = []

    @each([1, (2,), 3], name=lambda one: f"number {one}")
    def odd(number: int) -> None:
        tried.append(number)
        if number == 1:
            pytest.fail("said so")
        assert number % 2

    with pytest.raises(BaseExceptionGroup, match="broken by 2 of 3") as caught:
        odd()
    assert told(caught.value) == ["for number 1", "for number 2"]
    assert tried == [1, 2, 3]


async def test_a_rule_that_waits_is_broken_likewise() -> None:
    @each([("a", "a"), ("b", "c")])
    async def same(one: str, other: str) -> None:
        assert one == other

    assert inspect.iscoroutinefunction(same)
    with pytest.raises(BaseExceptionGroup, match="broken by 1 of 2") as caught:
        await same()
    assert told(caught.value) == ["for b, c"]


def test_a_rule_for_nothing_is_broken() -> None:
    @each([])
    def never(_: object) -> None:
        raise NotImplementedError

    with pytest.raises(AssertionError, match="nothing that the rule is for"):
        never()


ASKED: list[str] = []


@pytest.fixture
def answer() -> str:
    ASKED.append("answer")
    return "yes"


@each([1, 2])
def test_fixtures_are_made_once_for_all_cases(number: int, *, answer: str) -> None:
    assert (answer, ASKED) == ("yes", ["answer"]), number
