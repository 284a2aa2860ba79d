"""What may hurt when a change writes Applications, as its plan tells it beforehand. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from catalyst.blueprints import versions
from catalyst.blueprints.document import Blueprint, Mode
from catalyst.blueprints.form import Field, fields
from catalyst.contracts.provisioning_values_v1 import Desired, Locked, PlanRequest, as_seen
from catalyst.provisioning.domain import copies, foreign, outdated
from catalyst.provisioning.domain.application import Application
from catalyst.provisioning.domain.facts import Facts
from catalyst.provisioning.domain.plan import Risk
from catalyst.provisioning.domain.seen import KUSTOMIZATION

ONE_REGION: Final = frozenset({Mode.SINGLE_REGION, Mode.PRIMARY_ONLY, Mode.SECONDARY_ONLY})
"""How an Application is spread that runs in one region at a time."""


def of(
    request: PlanRequest,
    facts: Facts,
    lock: tuple[Locked, ...],
    desired: Mapping[str, Desired],
    changed: Collection[str],
) -> tuple[Risk, ...]:
    """Return what may hurt.

    Args:
        request: What was asked for.
        facts: What it depends on.
        lock: What goes together.
        desired: What is written, by Application.
        changed: The Applications of which any file changes.
    """
    environment = request.environment or ""
    found = [
        Risk(
            kind="yanked",
            message=(
                f"{item.application} runs {item.blueprint} {item.version},"
                f" which was yanked: {reason}"
            ),
        )
        for item in lock
        if (reason := yanked(facts, item))
    ]
    found += (
        Risk(kind="outdated", message=f"{item.application} runs on: {reason}")
        for item in lock
        if (reason := outdated.of(facts, item))
    )
    for name, new in desired.items():
        old = facts.expected(name, environment)
        if old is None:
            found += _placed(facts, name, new, environment)
            continue
        found += adrift(name, facts.applications[name], environment)
        found += _moved(facts, name)
        if name in changed:
            message = f"{name} may restart while it changes"
            found.append(Risk(kind="downtime", message=message))
        if versions.parse(new.version) < versions.parse(old.version):
            message = (
                f"{name} goes from {old.version} back to {new.version}: data that the newer"
                " version wrote may not be understood by the older one"
            )
            found.append(Risk(kind="data-loss", message=message))
        found += _exchanged(name, old, new)
        found += (
            Risk(kind="downtime", message=f"{other} needs {name} while it changes")
            for other in facts.applications[name].binding(environment).dependents
            if name in changed
        )
    return (*found, *_copied(facts, desired, environment), *_bought(request))


def _bought(request: PlanRequest) -> tuple[Risk, ...]:
    """Return that what is bought beside a Blueprint gives an Application nothing by itself."""
    package = f"package {request.plan}" if request.plan else ""
    addons = f"add-on {', '.join(request.addons)}" if request.addons else ""
    what = " and ".join(filter(None, (package, addons)))
    if not what:
        return ()
    message = (
        f"{what}: no file of {request.application} changes by that, and what it gives is"
        " agreed with whoever runs this Catalyst"
    )
    return (Risk(kind="price-only", message=message),)


def adrift(name: str, state: Application, environment: str) -> tuple[Risk, ...]:
    """Return how what is seen of an Application differs from what was committed of it last.

    Nothing was seen wrong where a change is on its way, or where nothing was ever seen.
    """
    binding = state.binding(environment)
    seen, desired = binding.observed, binding.desired
    if seen is None or desired is None or any(x.environment == environment for x in state.queue):
        return ()
    ill = (item for item in seen.evidence if item.kind == KUSTOMIZATION)
    why = next((item.message or item.reason for item in ill if item.status != "healthy"), "")
    if seen.silent_since is not None:
        message = f"nobody knows how {name} is: nothing has been heard of it for too long"
    elif seen.applied == "current" and seen.revision == desired.change:
        return ()
    else:
        message = f"{name} is not seen to run as it was committed last ({desired.change})"
        message += f": {why}" if why else ""
    return (Risk(kind="drift", message=as_seen(message, seen.source)),)


def _moved(facts: Facts, name: str) -> tuple[Risk, ...]:
    """Return that what is committed tells clusters another address of the repository."""
    told = facts.addresses.get(name, "")
    if told in {"", facts.git_url}:
        return ()
    message = (
        f"clusters find the repository of {name} at another address afterwards:"
        f" {facts.git_url} instead of {told}"
    )
    return (Risk(kind="address", message=message),)


def _exchanged(name: str, old: Desired, new: Desired) -> tuple[Risk, ...]:
    """Return what an Application no longer keeps its data in, as far as its Blueprint needs it."""
    now = new.dependencies
    return tuple(
        Risk(
            kind="data-loss",
            message=(
                f"{name} uses {now[alias]} instead of {other}: what it keeps in {other} stays"
                f" there, and {name} begins without it"
            ),
        )
        for alias, other in old.dependencies.items()
        if not alias.startswith("/") and now.get(alias, other) != other
    )


def inside(name: str, new: Desired, blueprint: Blueprint) -> tuple[Risk, ...]:
    """Return that nobody reaches an Application from outside, though its form asks for a host.

    Args:
        name: Of the Application.
        new: What is to run, with its hosts.
        blueprint: Of which it is a copy.
    """
    asked = [one for one in fields(blueprint.schema) if one.widget == "domain"]
    missing = [one for one in asked if not _given(new.values, one.path)]
    if new.hosts or not missing:
        return ()
    message = (
        f"{name} is reached from inside the cluster alone: it is given no public host, which is"
        f" {' or '.join(map(_called, missing))} among its values"
    )
    return (Risk(kind="inside-only", message=message),)


def _called(field: Field) -> str:
    """Return what a form calls a field, and under which path a value of it is given."""
    path = ".".join(field.path)
    return path if field.title == path else f"{field.title} ({path})"


def _given(values: Mapping[str, Any], path: tuple[str, ...]) -> bool:
    found: Any = values
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return bool(found)


def unused(name: str, before: Iterable[str], after: Iterable[str]) -> tuple[Risk, ...]:
    """Return the volumes that an Application has no longer, though what is in them stays.

    Args:
        name: Of the Application.
        before: What held its data; see `volumes.names`.
        after: What holds it then.
    """
    left = sorted(one for one in set(before).difference(after) if "/" not in one)
    return tuple(
        Risk(
            kind="data-loss",
            message=(
                f"{name} no longer uses the volume {one}: its data stays in the cluster, and"
                f" {name} begins without it"
            ),
        )
        for one in left
    )


def kept(name: str, left: Desired, before: Iterable[str], now: Iterable[str]) -> tuple[Risk, ...]:
    """Return the volumes that an Application finds which ran under its name before.

    Args:
        name: Of the Application.
        left: What ran there last.
        before: What held its data; see `volumes.names`.
        now: What holds it then.
    """
    again = sorted(one for one in set(before).intersection(now) if "/" not in one)
    return tuple(
        Risk(
            kind="data-kept",
            message=(
                f"{name} takes over the volume {one}: in it is the data of {left.blueprint}"
                f" {left.version}, which ran under this name"
            ),
        )
        for one in again
    )


def grown(claims: Iterable[tuple[str, str, str]]) -> tuple[Risk, ...]:
    """Return the volumes that grow: not every storage does that, and none shrinks again.

    Args:
        claims: Name, size before and size after; see `unchangeable.grown`.
    """
    return tuple(
        Risk(
            kind="storage",
            message=(
                f"the volume {name} grows from {had} to {gets}: a cluster does that only where its"
                " StorageClass allows it, and it never shrinks again"
            ),
        )
        for name, had, gets in claims
    )


def yanked(facts: Facts, item: Locked) -> str:
    """Return why the version of an Application was yanked; empty: it was not."""
    known = facts.blueprints.get(f"{item.origin}-{item.blueprint}", foreign.Blueprint())
    version = known.versions.get(item.version)
    return version.yanked if version is not None else ""


def _placed(facts: Facts, name: str, new: Desired, environment: str) -> tuple[Risk, ...]:
    """Return what the author of a Blueprint did not make it for, of where it is to run."""
    regions = facts.environments[environment].regions
    blueprint = facts.contents[new.digest].blueprint
    has = f"{environment} has {len(regions)} region{'' if len(regions) == 1 else 's'}"
    said = []
    if len(regions) > 1 and ONE_REGION.issuperset(blueprint.modes):
        said.append(
            f"{has}, and {new.blueprint} is made for one: each has {name} with data of its own,"
            " and nothing carries it from one to another"
        )
    else:
        given = blueprint.spec.get("placementSchema") or {}
        if len(regions) < (fewest := given.get("minRegions", 1)):
            said.append(f"{has}, and {new.blueprint} is made for {fewest} or more")
        if len(regions) > (most := given.get("maxRegions", len(regions))):
            said.append(f"{has}, and {new.blueprint} is made for {most} at most")
    zones = blueprint.spec.get("allowedPlacements") or ()
    others = sorted({one.building_block for one in regions}.difference(zones)) if zones else ()
    if others:
        said.append(
            f"{environment} is in {' and '.join(others)}, and {new.blueprint} is made for"
            f" {' or '.join(zones)}"
        )
    return tuple(Risk(kind="placement", message=message) for message in said)


def _copied(facts: Facts, desired: Mapping[str, Desired], environment: str) -> Iterator[Risk]:
    """Yield of which Blueprints there would be more copies than their authors mean."""
    coming: dict[str, list[Desired]] = {}
    for name, new in desired.items():
        if facts.expected(name, environment) is None:
            coming.setdefault(f"{new.origin}-{new.blueprint}", []).append(new)
    for key, there in facts.copies.items():
        # Where several versions come along, the one whose author means the fewest.
        meant = [facts.contents[new.digest].blueprint.copies for new in coming[key]]
        most = min(number for number in meant if number is not None)
        total = len(there.seen) + there.more + len(meant)
        if total <= most:
            continue
        made = "one" if most == 1 else f"{most} at most"
        present = f": {copies.words(there)}" if there.seen else ""
        about = "about " if there.more else ""
        message = (
            f"{coming[key][0].blueprint} is made for {made} in an Organization, and {facts.name}"
            f" would have {about}{total}{present}"
        )
        yield Risk(kind="copies", message=message)
