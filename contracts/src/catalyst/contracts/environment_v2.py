"""Version 2 of the messages that changed: a soak can be shorter than an hour."""

from __future__ import annotations

from typing import Literal

from catalyst.contracts.environment_v1 import Approval, Weight, Window
from catalyst.contracts.message import Event


class PolicyDefined(Event, frozen=True, kw_only=True):
    """A policy's content, whole, in one spelling."""

    policy: str
    approvals: tuple[Approval, ...] = ()
    soak_minutes: int = 0
    source_environment: str = ""
    required_score: int | None = None
    severity: str = ""
    windows: tuple[Window, ...] = ()
    weights: dict[str, Weight] = {}
    modes: dict[str, Literal["permissive", "enforcing"]] = {}
    environments: tuple[str, ...] = ()
