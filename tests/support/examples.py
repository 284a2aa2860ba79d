"""How many examples a property draws."""

from hypothesis import settings

CI = "ci"
"""The profile of CI, which draws all of them."""
DESK = 3
"""At a desk one of so many is drawn: the unit tests are for every save."""


def at_least(number: int) -> settings:
    """Return settings with so many examples in CI, or those of the profile if they are more."""
    wanted = number if settings.get_current_profile_name() == CI else number // DESK
    return settings(max_examples=max(wanted, settings().max_examples))
