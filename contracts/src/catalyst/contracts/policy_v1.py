"""Messages of an EnvironmentPolicy: version 1. Its name is the aggregate's id."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from catalyst.contracts.message import END, Command, Event, Part
from catalyst.contracts.values_v1 import Line


class Promotion(Part, frozen=True, kw_only=True):
    """The gate of the documented object."""

    required_approvers: int = 0
    soak_hours: int = 0
    required_compliance_score: int | None = None


class Weight(Part, frozen=True, kw_only=True):
    """How much a compliance policy counts, and for which resources."""

    weight: int
    scope: Literal["stateful", "stateless", "all"] = "all"


class Compliance(Part, frozen=True, kw_only=True):
    """Weights and modes by compliance policy."""

    weights: dict[str, Weight] = {}
    modes: dict[str, Literal["permissive", "enforcing"]] = {}


class PrRequired(Part, frozen=True, kw_only=True, tag="pr-required", tag_field="type"):
    """Rule of the older spelling: approvals by named teams."""

    approvers: tuple[Line, ...] = ()
    min_approvals: int = 1


class ReScoreGate(Part, frozen=True, kw_only=True, tag="re-score-gate", tag_field="type"):
    """Rule of the older spelling: a score to reach."""

    min_score: int
    severity: Literal["low", "medium", "high", "critical"] = "medium"


class Soak(Part, frozen=True, kw_only=True, tag="soak", tag_field="type"):
    """Rule of the older spelling: time in a source Environment before promotion."""

    source_environment: Line = ""
    duration: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,6}[smhd]" + END)]


class ChangeWindow(Part, frozen=True, kw_only=True, tag="change-window", tag_field="type"):
    """Rule: when changes may happen (`allow`) or may not (`deny`; deny wins)."""

    effect: Literal["allow", "deny"] = "allow"
    cron: Line = ""
    """Five fields, as in the older spelling; or `rrule`, never both."""
    rrule: Line = ""
    """An RFC 5545 recurrence rule without DTSTART: it counts from Monday 1 January 2001, 00:00."""
    timezone: Line = "UTC"
    duration: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,6}[smhd]" + END)]


Rule = PrRequired | ReScoreGate | Soak | ChangeWindow


class AppliesTo(Part, frozen=True, kw_only=True):
    """Which Environments may be put under the policy; empty means all."""

    environments: tuple[Line, ...] = ()


class DefinePolicy(Command, frozen=True, kw_only=True):
    """Define an EnvironmentPolicy, in the spelling of the object, of the older rules, or both."""

    promotion: Promotion | None = None
    compliance: Compliance | None = None
    rules: Annotated[tuple[Rule, ...], msgspec.Meta(max_length=50)] = ()
    applies_to: AppliesTo | None = None


class UpdatePolicy(DefinePolicy, frozen=True, kw_only=True):
    """Replace the whole content of an EnvironmentPolicy."""


class Approval(Event, frozen=True, kw_only=True):
    """How many members of which team must approve; an empty team is anyone but the author."""

    team: str = ""
    quorum: int


class Window(Event, frozen=True, kw_only=True):
    """A change window in one spelling."""

    effect: Literal["allow", "deny"]
    cron: str = ""
    rrule: str = ""
    timezone: str = "UTC"
    duration_minutes: int


class PolicyDefined(Event, frozen=True, kw_only=True):
    """A policy's content, whole, in one spelling. Superseded by version 2 (soak in minutes)."""

    policy: str
    approvals: tuple[Approval, ...] = ()
    soak_hours: int = 0
    source_environment: str = ""
    required_score: int | None = None
    severity: str = ""
    windows: tuple[Window, ...] = ()
    weights: dict[str, Weight] = {}
    modes: dict[str, Literal["permissive", "enforcing"]] = {}
    environments: tuple[str, ...] = ()


class PolicyDeleted(Event, frozen=True, kw_only=True):
    """The EnvironmentPolicy went with its Organization."""

    policy: str
