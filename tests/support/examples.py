"""How many examples a property draws."""

from hypothesis import settings


def at_least(number: int) -> settings:
    """Return settings with so many examples, or those of the profile if they are more."""
    return settings(max_examples=max(number, settings().max_examples))
