"""The lock of a plan: without asking where nothing has to be found, and made whole. Pure."""

from __future__ import annotations

from typing import Final

import msgspec

from catalyst.contracts.provisioning_values_v1 import Desired, Locked, PlanRequest
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.domain import fitting, writing_plan
from catalyst.provisioning.domain.facts import Facts
from catalyst.provisioning.domain.owning import aliases
from catalyst.provisioning.domain.place import VALUES, values_for_dependencies

_PLACES: Final = {"config": VALUES, "dependencies": "/request/dependencies"}
"""Where a field of what the catalogue is asked stands in what is asked of a plan."""
replace = msgspec.structs.replace


def unchanged(asked: PlanRequest, facts: Facts, base: Desired) -> tuple[Locked, ...] | None:
    """Return the lock without asking, if the same dependencies are needed, run and fit; else None.

    Args:
        asked: What is asked for.
        facts: For another version, with who needs the target.
        base: The revision whose version and dependencies the target is to have.
    """
    name, environment = asked.application or "", asked.environment or ""
    content = facts.contents[base.digest]
    values = writing_plan.wanted_values(asked, base)
    place = facts.place(name, environment, replace(base, values=values), {})
    needs = values_for_dependencies(place, content)
    present = all(facts.expected(other, environment) for other in base.dependencies.values())
    known = aliases(base.dependencies)
    if asked.dependencies or needs.keys() != known.keys() or not present:
        return None
    if not fitting.fits(facts, name, environment, base):
        return None
    target = Locked(
        application=name,
        environment=environment,
        blueprint=base.blueprint,
        origin=base.origin,
        version=base.version,
        digest=base.digest,
        role="target",
        dependencies=base.dependencies,
    )
    return (target,)


def refused(error: Rejected) -> Rejected:
    """Return a refusal of the catalogue, its places called as what is asked of a plan."""
    errors = [replace(one, pointer=_asked(one.pointer)) for one in error.errors]
    return Rejected(error.code, error.message, errors, wait_seconds=error.wait_seconds)


def _asked(pointer: str) -> str:
    field, slash, rest = pointer.removeprefix("/").partition("/")
    return f"{_PLACES[field]}{slash}{rest}" if field in _PLACES else pointer


def complete(lock: tuple[Locked, ...], facts: Facts) -> tuple[Locked, ...]:
    """Return the lock with what it uses or used as shared, and with what gets another version.

    What runs already is marked by what is known of it here, whatever the catalogue took it for.
    """
    found: list[Locked] = []
    for item in lock:
        old = facts.expected(item.application, item.environment)
        if item.role == "shared" and old is not None and old.digest != item.digest:
            found.append(replace(item, role="upgraded"))
        else:
            found.append(item)
    names = {item.application for item in found}
    for item in lock:
        old = facts.expected(item.application, item.environment)
        used = {*item.dependencies.values(), *(old.dependencies.values() if old else ())}
        for name in sorted(used - names):
            other = facts.expected(name, item.environment)
            if other is None:
                continue
            names.add(name)
            found.insert(
                0,
                Locked(
                    application=name,
                    environment=item.environment,
                    blueprint=other.blueprint,
                    origin=other.origin,
                    version=other.version,
                    digest=other.digest,
                    role="shared",
                    dependencies=other.dependencies,
                ),
            )
    return tuple(found)
