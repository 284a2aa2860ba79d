"""One version for each slot, by backtracking; the search itself is resolvelib's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from resolvelib import AbstractProvider, BaseReporter, Resolver
from resolvelib.resolvers import ResolutionImpossible, ResolutionTooDeep
from typing_extensions import override

from catalyst.blueprints.dependencies import Undecided
from catalyst.catalog_svc.domain.entry import parsed_range
from catalyst.catalog_svc.domain.pins import Need, Pin
from catalyst.catalog_svc.domain.universe import UNDECIDED, Universe, Values

MAX_LOCK: Final = 50
"""Applications in one lock: as many as one change takes."""
MAX_ROUNDS: Final = 2000
"""Steps of one search, which nobody else is answered during."""


NOTHING: Final = parsed_range("<0.0.0")
"""No version fits this."""


class Impossible(Exception):
    """No versions fit together."""

    def __init__(self, needs: Sequence[Need]) -> None:
        """Name the needs that stand against each other, at the last."""
        super().__init__("no versions fit together")
        self.needs = tuple(needs)


class TooMuch(Exception):
    """The search was given up; the text says why."""


class _Provider(AbstractProvider[Need, Pin, str]):
    def __init__(self, universe: Universe, given: Values, only: Pin | None) -> None:
        self._universe = universe
        self._given = given
        self._only = only
        self._needs: dict[Pin, tuple[Need, ...]] = {}

    @override
    def identify(self, requirement_or_candidate: Need | Pin) -> str:
        return requirement_or_candidate.slot

    @override
    def get_preference(
        self,
        identifier: str,
        resolutions: Mapping[str, Pin],
        candidates: Mapping[str, Iterator[Pin]],
        information: Mapping[str, Iterator[Any]],
        backtrack_causes: Sequence[Any],
    ) -> tuple[bool, bool, str]:
        """Decide the target first, then what a choice was made of, then by name."""
        del resolutions, candidates, information, backtrack_causes
        return identifier != self._universe.target, not identifier.startswith("app:"), identifier

    @override
    def find_matches(
        self,
        identifier: str,
        requirements: Mapping[str, Iterator[Need]],
        incompatibilities: Mapping[str, Iterator[Pin]],
    ) -> list[Pin]:
        needs = tuple(requirements[identifier])
        bad = set(incompatibilities[identifier])
        return [
            replace(pin, via=needs)
            for pin in self._candidates(identifier)
            if pin not in bad and all(need.fits(pin) for need in needs)
        ]

    def _candidates(self, slot: str) -> Iterable[Pin]:
        if self._only is not None and slot == self._only.slot:
            return (self._only,)
        return self._universe.candidates(slot)

    @override
    def is_satisfied_by(self, requirement: Need, candidate: Pin) -> bool:
        return requirement.fits(candidate)

    @override
    def get_dependencies(self, candidate: Pin) -> tuple[Need, ...]:
        found = self._needs.get(candidate)
        if found is None:
            try:
                found = self._universe.needs(candidate, self._given)
            except Undecided:
                # It cannot be installed like this: it needs what does not exist.
                found = (Need(UNDECIDED, candidate.name, NOTHING, candidate),)
            self._needs[candidate] = found
        return found


class _Bound(BaseReporter[Need, Pin, str]):
    """Gives up a search that takes in too much."""

    @override
    def ending_round(self, index: int, state: Any) -> None:
        if sum(not pin.instead for pin in state.mapping.values()) > MAX_LOCK:
            raise TooMuch(f"more than {MAX_LOCK} Applications would be needed")


def resolve(
    universe: Universe, root: Need, given: Values, *, only: Pin | None = None
) -> dict[str, Pin]:
    """Return a version for each slot that is needed, and for no other.

    Args:
        universe: What there is.
        root: What was asked for.
        given: Configuration of slots, as known from a search before.
        only: The one version that the target may have.

    Raises:
        Impossible: If there is no solution.
        TooMuch: If none was found in so many steps, or among so many Applications.
    """
    resolver: Resolver[Need, Pin, str] = Resolver(_Provider(universe, given, only), _Bound())
    try:
        result = resolver.resolve([root], max_rounds=MAX_ROUNDS)
    except ResolutionImpossible as error:
        raise Impossible([cause.requirement for cause in error.causes]) from error
    except ResolutionTooDeep as error:
        raise TooMuch("too many versions could fit; name some of them") from error
    return dict(result.mapping)
