"""Which changes wait behind a policy, and are looked at again when that or the owners change.

An index of the log. It remembers for each such event who waited when it was written: a repeat of
the effect that hears it names the same changes, in the same order.
"""

from __future__ import annotations

from typing import Final

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import environment_v2 as env2
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.decision import Recorded
from catalyst.contracts.subjects import Ref
from catalyst.provisioning.domain import turn
from catalyst.provisioning.domain.change import change_ref

MOVES: Final = (env1.OwnersChanged, env2.PolicyDefined)
"""What may let a change begin that waits, or keep it waiting for more."""
FOLLOWED: Final = (
    "evt.*.provisioning.change.*.change-opened.*",
    "evt.*.provisioning.change.*.change-begun.*",
    "evt.*.provisioning.change.*.change-failed.*",
    "evt.*.environment.organization.*.owners-changed.*",
    "evt.*.environment.organization.*.organization-deleted.*",
    "evt.*.environment.policy.*.policy-defined.*",
)
"""Subjects of what is followed."""
REMEMBERED: Final = 10_000
"""Events of which it is remembered who waited then; what waited behind an older one is looked at
when its own time comes."""


class Held:
    """The changes that wait and were planned under policies."""

    def __init__(self) -> None:
        """Know nothing."""
        self._waiting: dict[str | None, dict[str, tuple[str, ...]]] = {}
        """By Organization and change, the oldest first: its policies."""
        self._concerned: dict[int, tuple[Ref, ...]] = {}

    def apply(self, recorded: Recorded) -> None:
        """Take in one event."""
        ref, event = recorded.ref, recorded.event
        match event:
            case pro1.ChangeOpened():
                policies = turn.policies(event)
                if policies:
                    self._waiting.setdefault(ref.organization, {})[ref.id] = tuple(policies)
            case pro1.ChangeBegun() | pro1.ChangeFailed():
                self._waiting.get(ref.organization, {}).pop(ref.id, None)
            case env1.OrganizationDeleted():
                self._waiting.pop(ref.organization, None)
            case env1.OwnersChanged():
                self._remember(recorded, "")
            case env2.PolicyDefined():
                self._remember(recorded, ref.id)
            case _:
                pass

    def concerned(self, recorded: Recorded) -> tuple[Ref, ...]:
        """Return the changes that waited when an event was written that may move them."""
        return self._concerned.get(recorded.seq, ())

    def _remember(self, recorded: Recorded, policy: str) -> None:
        organization = recorded.ref.organization or ""
        found = tuple(
            change_ref(organization, name)
            for name, policies in self._waiting.get(organization, {}).items()
            if not policy or policy in policies
        )
        if not found:
            return
        self._concerned[recorded.seq] = found
        if len(self._concerned) > REMEMBERED:
            del self._concerned[next(iter(self._concerned))]
