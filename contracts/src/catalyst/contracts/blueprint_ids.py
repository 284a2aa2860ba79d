"""Ids of Blueprints: where one comes from, then its name, as in `public-bp-wordpress`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Ref

_NAME: Final = "bp-"
"""How a name alone begins, which is no id."""


def no_blueprint(ref: Ref, origins: Sequence[str]) -> Rejected:
    """Return that there is no such Blueprint.

    Args:
        ref: What was looked for.
        origins: Where one of this owner may come from: the ids that a name alone may mean.
    """
    message = f"there is no Blueprint {ref.id!r}"
    if ref.id.startswith(_NAME):
        ids = " or ".join(f"'{origin}-{ref.id}'" for origin in origins)
        message = f"{message}: an id begins with the origin, as in {ids}"
    return Rejected("blueprint-not-found", message)
