"""Version 2 of the messages that changed: a soak can be shorter than an hour."""

from __future__ import annotations

from typing import Literal

from catalyst.contracts.environment_v1 import Approval, Weight, Window
from catalyst.contracts.message import Event


class PolicyDefined(Event, frozen=True, kw_only=True):
    """A policy's content, whole, in one spelling."""

    policy: str
    """Name of the EnvironmentPolicy."""
    approvals: tuple[Approval, ...] = ()
    """Who must approve."""
    soak_minutes: int = 0
    """Minutes that a change runs in the source Environment first."""
    source_environment: str = ""
    """Name of the Environment where a change runs first; empty: the one before."""
    required_score: int | None = None
    """Score that must be reached; null: none."""
    severity: str = ""
    """How grave it is to miss the score; empty: no rule says so."""
    windows: tuple[Window, ...] = ()
    """When changes may happen, and when not."""
    weights: dict[str, Weight] = {}
    """How much each compliance policy counts, by its name."""
    modes: dict[str, Literal["permissive", "enforcing"]] = {}
    """Whether each compliance policy is enforced or only reports, by its name."""
    environments: tuple[str, ...] = ()
    """Names of the Environments that may be put under it; none: all."""
    applications_max: int | None = None
    """How many Applications may stand in each Environment under it; null: no limit."""
