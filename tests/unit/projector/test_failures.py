"""What a task group's failures come to."""

import pytest

from catalyst.projector.failures import alone
from catalyst.projector.ports import Doubt, GuardLost, Missing


def ended(*failures: BaseException) -> BaseException:
    with pytest.raises(BaseException) as caught, alone(GuardLost, Doubt, Missing):  # noqa: PT011
        raise BaseExceptionGroup("several", failures)
    return caught.value


def test_of_those_that_are_known_the_first_that_is_named_comes_out_alone() -> None:
    lost, doubt = GuardLost(), Doubt("reading")
    assert ended(doubt) is doubt
    assert ended(doubt, lost) is lost
    assert ended(BaseExceptionGroup("inner", [Missing("none"), doubt])) is doubt
    assert ended(BaseExceptionGroup("inner", [doubt]), lost) is lost


def test_what_is_not_known_stays_with_all_others() -> None:
    doubt, other = Doubt("reading"), ValueError("other")
    found = ended(doubt, other)
    assert isinstance(found, BaseExceptionGroup)
    assert found.exceptions == (doubt, other)


def test_what_is_no_group_passes() -> None:
    with pytest.raises(ValueError, match="other"), alone(Doubt):
        raise ValueError("other")
