"""The files of an Application in one Environment, by path: the same input gives the same bytes."""

from __future__ import annotations

from catalyst.blueprints import rendering
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.domain import files as layout
from catalyst.provisioning.domain.place import Content, Place


def files(place: Place, content: Content) -> dict[str, bytes]:
    """Return what stands on the branch of the Environment.

    Raises:
        Rejected: `values-invalid` if the Blueprint makes nothing of these values.
    """
    blueprint = content.blueprint
    try:
        made = rendering.render(content.package, blueprint, place.scope(blueprint)).files
    except rendering.RenderError as error:
        raise Rejected("values-invalid", f"{place.application}: {error}") from error
    values = rendering.to_yaml([place.desired.values]) if place.desired.values else b"{}\n"
    return {**made, "values.yaml": values}


def standing(place: Place, content: Content, branch: str) -> dict[str, bytes]:
    """Return all files of an Application in one Environment, by their path in the repository.

    As they are committed, but for the change and the address of the Git door: a plan knows neither.

    Raises:
        Rejected: As `files`.
    """
    origin = layout.Origin(url="", branch=branch)
    return layout.placed(place, files(place, content), "", origin)
