"""A rule that holds for each of many things, as one test: apart, each costs more than its rule."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest


def each(
    cases: Iterable[Any], name: Callable[[Any], object] = str
) -> Callable[[Callable[..., None]], Callable[[], None]]:
    """Make one test of a rule; it goes through all cases, then fails with every one that broke it.

    Args:
        cases: What the rule takes; a tuple is its arguments. None at all fails, too.
        name: What to call a case, or each argument of it.
    """

    def make(rule: Callable[..., None]) -> Callable[[], None]:
        def test() -> None:
            arguments = [case if isinstance(case, tuple) else (case,) for case in cases]
            assert arguments, "there is nothing that the rule is for"
            broken: list[BaseException] = []
            for given in arguments:
                try:
                    rule(*given)
                except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001 - raised below
                    error.add_note(f"for {', '.join(str(name(one)) for one in given)}")
                    broken.append(error)
            if broken:
                raise BaseExceptionGroup(f"broken by {len(broken)} of {len(arguments)}", broken)

        test.__name__, test.__qualname__ = rule.__name__, rule.__qualname__
        test.__module__, test.__doc__ = rule.__module__, rule.__doc__
        # Marks may stand on either side of this one.
        test.__dict__.update(rule.__dict__)
        return test

    return make
