"""How many examples a property draws."""

from typing import Any

from hypothesis import settings


def at_least(number: int) -> settings:
    """Return settings with so many examples, or those of the profile if they are more."""
    return settings(max_examples=max(number, settings().max_examples))


def a_part(of: int, least: int, **more: Any) -> settings:
    """Return settings with so many examples, or a part of the profile's: each takes long."""
    return settings(max_examples=max(least, settings().max_examples // of), **more)
