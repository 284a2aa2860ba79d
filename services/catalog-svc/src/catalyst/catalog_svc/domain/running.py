"""Which Applications run where, by what provisioning decided; followed from the log."""

from __future__ import annotations

from typing import Final

import msgspec

from catalyst.contracts import application_v1 as app1
from catalyst.contracts.decision import Recorded
from catalyst.contracts.provisioning_values_v1 import Desired

FOLLOWED: Final = (
    "evt.*.provisioning.application.*.desired-set.*",
    "evt.*.provisioning.application.*.application-removed.*",
)
"""Subjects of the events that it is made of."""


class Present(msgspec.Struct, frozen=True, kw_only=True):
    """An Application in an Environment."""

    application: str
    environment: str
    desired: Desired
    """What is to run there."""


class Running:
    """What each Organization runs; one never sees another one's."""

    def __init__(self) -> None:
        """Know of nothing."""
        self._known: dict[str, dict[tuple[str, str], Desired]] = {}

    def take(self, recorded: Recorded) -> None:
        """Fold one event of an Application."""
        organization, name = recorded.ref.organization, recorded.ref.id
        if organization is None:
            return
        match recorded.event:
            case app1.DesiredSet(environment=environment, desired=desired) if desired is not None:
                self._known.setdefault(organization, {})[environment, name] = desired
            case app1.DesiredSet(environment=environment) | app1.ApplicationRemoved(
                environment=environment
            ):
                self._known.get(organization, {}).pop((environment, name), None)
            case _:
                return

    def of(self, organization: str) -> tuple[Present, ...]:
        """Return all that an Organization runs, by Environment and name."""
        known = self._known.get(organization, {})
        return tuple(
            Present(application=name, environment=environment, desired=desired)
            for (environment, name), desired in sorted(known.items(), key=lambda item: item[0])
        )

    def find(self, organization: str, environment: str, application: str) -> Desired | None:
        """Return what is to run of an Application in an Environment; None: nothing."""
        return self._known.get(organization, {}).get((environment, application))
