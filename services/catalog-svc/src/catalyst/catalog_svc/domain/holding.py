"""Who needs what runs, and so keeps it to some versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from catalyst.blueprints.versions import Range
from catalyst.catalog_svc.domain.catalogue import Catalogue
from catalyst.catalog_svc.domain.entry import parsed_range
from catalyst.catalog_svc.domain.forming import Present


@dataclass(frozen=True, slots=True)
class Holder:
    """An Application that runs and needs another one."""

    application: str
    wanted: Range


def holders(
    catalogue: Catalogue, organization: str | None, environment: str, *, but: str = ""
) -> dict[str, list[Holder]]:
    """Return who needs each Application of an Environment, as the version that runs there does.

    Args:
        catalogue: What there is.
        organization: Whose Environment it is; None: the platform asks, and nothing runs.
        environment: Where all of it runs.
        but: An Application that is left out of those who need something.
    """
    found: dict[str, list[Holder]] = {}
    for name, one in sorted(catalogue.applications(organization).items()):
        desired = one.expected(environment)
        if desired is None or name == but:
            continue
        entry = catalogue.copied(organization, desired, one.before.get(environment, ()))
        offered = entry.version(desired.version) if entry is not None else None
        for need in offered.blueprint.depends if offered is not None else ():
            other = desired.dependencies.get(need.alias)
            if other is not None:
                found.setdefault(other, []).append(Holder(name, parsed_range(need.version)))
    return found


def of(
    catalogue: Catalogue, organization: str | None, runs: Sequence[Present]
) -> Mapping[tuple[str, str], Sequence[Holder]]:
    """Return who needs each of some copies that run, by Environment and Application."""
    places = {run.environment for run in runs}
    found = {place: holders(catalogue, organization, place) for place in places}
    return {
        (run.environment, run.application): found[run.environment].get(run.application, ())
        for run in runs
    }
