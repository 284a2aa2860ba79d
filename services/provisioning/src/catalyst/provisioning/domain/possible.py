"""What may run of an Application, whatever becomes of the changes under way. Pure."""

from __future__ import annotations

from collections.abc import Collection

from catalyst.contracts.provisioning_values_v1 import Desired
from catalyst.provisioning.domain.application import Application, Binding, Queued, fingerprint


def outcomes(
    state: Application, environment: str, sure: Collection[str] = ()
) -> tuple[Desired | None, ...]:
    """Return what may be in an Environment once every change of it is over; None: nothing.

    Args:
        state: The Application.
        environment: Where.
        sure: Changes of which only the success counts.
    """
    binding = state.binding(environment)
    found: list[Desired | None] = [binding.desired]
    for item in state.queue:
        if item.environment != environment:
            continue
        if item.change in sure:
            found = [item.desired]
            continue
        if is_written(item, binding):
            found.append(binding.before)
        found.append(item.desired)
    return tuple(found)


def is_written(item: Queued, binding: Binding) -> bool:
    """Return whether what runs now is of a change that may still be taken back."""
    now = binding.desired
    if now is None or item.desired is None:
        return item.taken and now is item.desired
    return item.taken and now.change == item.change


def needed(state: Application, environment: str, sure: Collection[str] = ()) -> frozenset[str]:
    """Return what an Application needs in an Environment, or may once its changes are over."""
    present = outcomes(state, environment, sure)
    found = (one.dependencies.values() for one in present if one is not None)
    return frozenset(name for names in found for name in names)


def needs_version(state: Application, environment: str) -> str:
    """Return the version of what an Application may need, as plans name it."""
    return fingerprint(sorted(needed(state, environment)))
