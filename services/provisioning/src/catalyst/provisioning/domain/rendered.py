"""What an Application is in one Environment, as files: the same input gives the same bytes."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final

import msgspec

from catalyst.blueprints import rendering
from catalyst.blueprints.powers import opened
from catalyst.contracts.message import FieldError
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.domain import files as layout
from catalyst.provisioning.domain import unchangeable, volumes
from catalyst.provisioning.domain.place import Content, Place

REMEMBERED: Final = 128
"""Of what stands, the newest: plans that follow each other ask for the same."""
REMEMBERED_BYTES: Final = 64 * 1024
"""What has larger files, those of its Blueprint among them, is made each time."""
_SECRETS: Final = frozenset({"ExternalSecret", "Secret"})
_INSTEAD: Final = "keep what it has, or install it under another name"
"""What can be done where a cluster would refuse a change."""


class Standing(msgspec.Struct, frozen=True):
    """What stands on the branch of the Environment."""

    files: dict[str, bytes]
    """All files, by their path in the repository."""
    volumes: tuple[str, ...]
    """What holds data of it, by name; see `volumes.names`."""
    workloads: tuple[str, ...]
    """What runs its containers; see `volumes.workloads`."""
    secrets: frozenset[str]
    """The names of the secrets that its Blueprint makes, or lets be made."""
    objects: tuple[dict[str, Any], ...] = ()
    """What its Blueprint makes."""


def standing(
    place: Place, content: Content, origin: layout.Origin, *, kept: bool = True
) -> Standing:
    """Return what is committed; a plan shows the same. It is not to be changed.

    Args:
        place: The Application in its place.
        content: The version of its Blueprint.
        origin: Where a cluster finds the commit.
        kept: Whether its data outlives it.

    Raises:
        Rejected: `values-invalid` if the Blueprint makes nothing of these values.
    """
    # The change that asks is in no file.
    desired = msgspec.structs.replace(place.desired, change="")
    asked = msgspec.structs.replace(place, desired=desired), origin
    key = content, kept, msgspec.json.encode(asked)
    known = _remembered.get(key)
    if known is None:
        known = _made(place, content, origin, kept=kept)
        if sum(map(len, known.files.values())) + content.package.size <= REMEMBERED_BYTES:
            _remembered[key] = known
            if len(_remembered) > REMEMBERED:
                _remembered.popitem(last=False)
    else:
        _remembered.move_to_end(key)
    return known


_remembered: Final[OrderedDict[tuple[Content, bool, bytes], Standing]] = OrderedDict()


def _made(place: Place, content: Content, origin: layout.Origin, *, kept: bool) -> Standing:
    blueprint = content.blueprint
    each = volumes.kept if kept else volumes.given_up
    try:
        made = rendering.render(content.package, blueprint, place.scope(blueprint), each)
    except rendering.RenderError as error:
        raise Rejected("values-invalid", f"{place.application}: {error}") from error
    values = rendering.to_yaml([place.desired.values]) if place.desired.values else b"{}\n"
    own = {**made.files, "values.yaml": values}
    return Standing(
        layout.placed(place, own, origin, waits=kept),
        volumes.names(made.objects),
        volumes.workloads(made.objects),
        frozenset(one["metadata"]["name"] for one in made.objects if one["kind"] in _SECRETS),
        tuple(made.objects),
    )


def refuse_its_own(values: dict[str, Any], made: Standing, pointer: str) -> None:
    """Refuse values that name a secret which the Blueprint makes: both would be called the same.

    Raises:
        Rejected: `values-invalid`, with an error at each field below `pointer`.
    """
    errors = [
        FieldError(
            pointer=f"{pointer}{at}",
            rule="values-invalid",
            message=f"the Blueprint makes the secret {name} itself; name another one",
        )
        for at, name, _ in layout.secrets(values)
        if name in made.secrets
    ]
    if errors:
        raise Rejected("values-invalid", errors[0].message, errors)


def refuse_what_is_open(application: str, made: Standing, pointer: str) -> None:
    """Refuse what an Organization's own Blueprint makes that answers under hosts it does not name.

    What values make of its templates is known here alone.

    Raises:
        Rejected: `values-invalid`, with an error at `pointer` for each.
    """
    errors = [
        FieldError(
            pointer=pointer,
            rule="values-invalid",
            message=f"{application}: {one['kind']} {one['metadata']['name']}: {message}",
        )
        for one in made.objects
        for _, message in opened(one)
    ]
    if errors:
        raise Rejected("values-invalid", errors[0].message, errors)


def refuse_what_was_kept(left: Standing, made: Standing, pointer: str) -> None:
    """Refuse what a cluster would not make of the volumes that are there under the same name.

    Raises:
        Rejected: `value-immutable`, with an error at `pointer` for each field.
    """
    found = unchangeable.refused(volumes.claims(left.objects), made.objects)
    if found:
        code = "value-immutable"
        errors = [FieldError(pointer=pointer, rule=code, message=message) for message in found]
        end = f"its data was kept when it went; {_INSTEAD}"
        raise Rejected(code, f"{found[0]}: {end}", errors)


def refuse_what_stays(before: Standing, after: Standing, code: str, pointer: str) -> None:
    """Refuse a change that a cluster would refuse; see `unchangeable.refused`.

    Raises:
        Rejected: With the code, and an error at `pointer` for each field.
    """
    found = unchangeable.refused(before.objects, after.objects)
    if found:
        errors = [FieldError(pointer=pointer, rule=code, message=message) for message in found]
        raise Rejected(code, f"{found[0]}; {_INSTEAD}", errors)
