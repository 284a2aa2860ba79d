"""Change windows and durations of an EnvironmentPolicy.

A rule must not depend on what a machine knows of time zones: their names come with the package
`tzdata`, whose version is pinned like that of code. Whoever opens a window reads them there, too.
Facts are never judged again: a policy of before keeps the zone that it has.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from importlib.resources import files
from typing import Final

from catalyst.contracts import environment_v1 as env1
from catalyst.environment_controller.domain import cron, rrule
from catalyst.environment_controller.domain.findings import Findings

WINDOW_MAX_MINUTES: Final = 366 * 24 * 60
"""A freeze may last a year, not longer."""

_SECONDS: Final[Mapping[str, int]] = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_MINUTE: Final = 60
_ZONE: Final = re.compile(
    r"UTC|GMT|Etc/[A-Za-z0-9+-]{1,14}"
    r"|(Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Europe|Indian|Pacific)"
    r"(/[A-Z][A-Za-z]*([_-][A-Za-z]+)*){1,2}"
)
"""By area and city: of the older names, such as `Cuba` or `EST`, none is taken."""
_ZONES: Final = tuple(
    name for name in (files("tzdata") / "zones").read_text("utf-8").split() if _ZONE.fullmatch(name)
)


def whole_minutes(duration: str, found: Findings, pointer: str) -> int | None:
    """Return a duration (`90m`, `2h`, `3d`) in minutes, or note that it is none."""
    seconds = int(duration[:-1]) * _SECONDS[duration[-1]]
    minutes, rest = divmod(seconds, _MINUTE)
    if rest:
        found.add("policy-rule-invalid", pointer, f"{duration} is not a whole number of minutes")
        return None
    return minutes


def windows(rules: Sequence[env1.Rule], found: Findings, pointer: str) -> tuple[env1.Window, ...]:
    """Return the change windows among the rules, in their order, and note what is wrong with any.

    Args:
        rules: All rules of the policy.
        found: Takes the findings.
        pointer: Place of the rules in the command.
    """
    made = (
        _window(rule, found, f"{pointer}/{index}")
        for index, rule in enumerate(rules)
        if isinstance(rule, env1.ChangeWindow)
    )
    return tuple(window for window in made if window is not None)


def _window(rule: env1.ChangeWindow, found: Findings, pointer: str) -> env1.Window | None:
    minutes = whole_minutes(rule.duration, found, f"{pointer}/duration")
    if minutes is not None and not 1 <= minutes <= WINDOW_MAX_MINUTES:
        found.add(
            "policy-out-of-range",
            f"{pointer}/duration",
            f"{rule.duration} is not between 1 minute and {WINDOW_MAX_MINUTES} minutes",
        )
    if rule.timezone not in _ZONES:
        near = get_close_matches(rule.timezone, _ZONES, n=1) or ("Asia/Muscat",)
        found.add(
            "policy-rule-invalid",
            f"{pointer}/timezone",
            f"{rule.timezone!r} is not a time zone such as {near[0]!r}",
        )
    when = _when(rule, found, pointer)
    if when is None or minutes is None:
        return None
    expression, recurrence = when
    return env1.Window(
        effect=rule.effect,
        cron=expression,
        rrule=recurrence,
        timezone=rule.timezone,
        duration_minutes=minutes,
    )


def _when(rule: env1.ChangeWindow, found: Findings, pointer: str) -> tuple[str, str] | None:
    """Return the cron expression and the recurrence rule; one of them is empty."""
    if bool(rule.cron) == bool(rule.rrule):
        found.add("policy-rule-invalid", pointer, "a window has either 'cron' or 'rrule'")
        return None
    try:
        if rule.cron:
            return cron.check(rule.cron), ""
        return "", rrule.check(rule.rrule)
    except cron.BadCron as error:
        found.add("policy-rule-invalid", f"{pointer}/cron", str(error))
    except rrule.BadRule as error:
        found.add("policy-rule-invalid", f"{pointer}/rrule", str(error))
    return None
