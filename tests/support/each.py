"""A rule that holds for each of many things, as one test: apart, each costs more than its rule."""

import inspect
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest


class _Tried:
    """The cases of a rule, and how it was broken."""

    def __init__(self, cases: list[tuple[Any, ...]], name: Callable[[Any], object]) -> None:
        self.cases = cases
        self._name = name
        self._broken: list[BaseException] = []
        assert cases, "there is nothing that the rule is for"

    @contextmanager
    def trying(self, case: tuple[Any, ...]) -> Iterator[None]:
        """Keep what breaks the rule, and go on with the next case."""
        try:
            yield
        except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001 - raised below
            error.add_note(f"for {', '.join(str(self._name(one)) for one in case)}")
            self._broken.append(error)

    def tell(self) -> None:
        """Fail with everything that broke the rule."""
        if self._broken:
            said = f"broken by {len(self._broken)} of {len(self.cases)}"
            raise BaseExceptionGroup(said, self._broken)


def each(
    cases: Iterable[Any], name: Callable[[Any], object] = str
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make one test of a rule; it goes through all cases, then fails with every one that broke it.

    What the rule takes by keyword alone are fixtures, made once for all cases.

    Args:
        cases: What the rule takes; a tuple is its arguments. None at all fails, too.
        name: What to call a case, or each argument of it.
    """

    listed = [case if isinstance(case, tuple) else (case,) for case in cases]

    def make(rule: Callable[..., Any]) -> Callable[..., Any]:
        def at_once(**fixtures: Any) -> None:
            tried = _Tried(listed, name)
            for case in tried.cases:
                with tried.trying(case):
                    rule(*case, **fixtures)
            tried.tell()

        async def awaited(**fixtures: Any) -> None:
            tried = _Tried(listed, name)
            for case in tried.cases:
                with tried.trying(case):
                    await rule(*case, **fixtures)
            tried.tell()

        test: Any = awaited if inspect.iscoroutinefunction(rule) else at_once
        takes = inspect.signature(rule).parameters.values()
        fixtures = [one for one in takes if one.kind is one.KEYWORD_ONLY]
        test.__signature__ = inspect.Signature(fixtures)
        test.__name__, test.__qualname__ = rule.__name__, rule.__qualname__
        test.__module__, test.__doc__ = rule.__module__, rule.__doc__
        # Marks may stand on either side of this one.
        test.__dict__.update(rule.__dict__)
        return test  # type: ignore[no-any-return]

    return make
