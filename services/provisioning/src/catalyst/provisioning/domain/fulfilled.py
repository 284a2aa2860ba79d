"""Whether what a change asked of an Application has come true, by what was seen. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from fnmatch import fnmatchcase

from catalyst.contracts.provisioning_values_v1 import Evidence
from catalyst.provisioning.domain import regions
from catalyst.provisioning.domain.application import CLUSTER, Application
from catalyst.provisioning.domain.volumes import CLAIM, HOLDERS, KEEPERS


def is_seen(state: Application, environment: str, change: str) -> bool:
    """Return whether what a change wants was seen healthy, on its own revision.

    Stale evidence is no evidence.
    """
    binding = state.binding(environment)
    seen = binding.observed
    if seen is None or seen.silent_since is not None or binding.desired is None:
        return False
    return (
        binding.desired.change == change
        and seen.revision == change
        and seen.applied == "current"
        and seen.health == "healthy"
    )


def is_applied(state: Application, environment: str, change: str) -> bool:
    """Return whether what a change committed was seen applied, or nothing was ever seen there."""
    binding = state.binding(environment)
    committed, seen = binding.committed, binding.observed
    if committed is None or committed.change != change:
        return False
    if seen is None:
        return True
    current = seen.commit in committed.commits and seen.applied == "current"
    return seen.silent_since is None and current


def is_gone(state: Application, environment: str, lost: Sequence[str] | None) -> bool:
    """Return whether nothing of it is left in an Environment: seen to be gone, or never seen there.

    Where nothing of it was ever seen, there is nothing whose end could be seen.

    Args:
        state: The Application.
        environment: Where.
        lost: The volumes that go with it, as `volumes.names` says; None: whatever holds data stays.
    """
    seen = state.binding(environment).observed
    if seen is None:
        return True
    if seen.silent_since is not None:
        return False
    if seen.health == "missing":
        return True
    return bool(seen.evidence) and all(_may_stay(item, lost) for item in seen.evidence)


def silent_since(
    state: Application, environment: str, lost: Sequence[str] | None
) -> datetime | None:
    """Return since when all clusters are silent that told of what keeps it from being gone.

    None: something tells of it, or never did.

    Args:
        state: The Application.
        environment: Where.
        lost: As for `is_gone`.
    """
    seen = state.binding(environment).observed
    if seen is None:
        return None
    if seen.silent_since is not None:
        return seen.silent_since
    kept = [item for item in seen.evidence if not _may_stay(item, lost)]
    if not all(item.status == "unknown" and item.reason == regions.SILENT for item in kept):
        return None
    return max((item.silent_since or seen.observed_at for item in kept), default=None)


def unseen(state: Application, environments: Iterable[str]) -> tuple[str, ...]:
    """Return those Environments from which nothing was ever reported of it.

    What `is_gone` and `is_applied` say of them is taken for true, and nobody has seen it.
    """
    return tuple(name for name in environments if state.binding(name).observed is None)


def _may_stay(item: Evidence, lost: Sequence[str] | None) -> bool:
    if item.kind == CLUSTER:
        return True
    if lost is None:
        return item.kind in HOLDERS
    # What an older version of its Blueprint left is protected as it was, and no plan gave it up.
    if item.kind in KEEPERS:
        return f"{KEEPERS[item.kind]}/{item.name}" not in lost
    return item.kind == CLAIM and not any(fnmatchcase(item.name, name) for name in lost)
