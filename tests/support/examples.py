"""How many examples a property draws: in CI all of them, at a desk a tenth."""

from typing import Any, Final

from hypothesis import settings

IN_CI: Final = settings.get_current_profile_name() == "ci"


def at_least(number: int) -> settings:
    """Return settings with so many examples, or those of the profile if they are more."""
    return settings(max_examples=max(number if IN_CI else number // 10, settings().max_examples))


def a_part(of: int, least: int, **more: Any) -> settings:
    """Return settings with so many examples, or a part of the profile's: each takes long."""
    return settings(max_examples=max(least, settings().max_examples // of), **more)
