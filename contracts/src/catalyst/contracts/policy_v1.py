"""Messages of an EnvironmentPolicy: version 1. Its name is the aggregate's id."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from catalyst.contracts.message import Command, Event, Part
from catalyst.contracts.values_v1 import Duration, Line


class Promotion(Part, frozen=True, kw_only=True):
    """The gate of the documented object."""

    required_approvers: int = 0
    """How many people must approve."""
    soak_hours: int = 0
    """Hours that a change runs in the source Environment first."""
    required_compliance_score: int | None = None
    """Score that must be reached; null: none."""


class Weight(Part, frozen=True, kw_only=True):
    """How much a compliance policy counts, and for which resources."""

    weight: int
    """How much the compliance policy counts."""
    scope: Literal["stateful", "stateless", "all"] = "all"
    """The resources that it counts for."""


class Compliance(Part, frozen=True, kw_only=True):
    """Weights and modes by compliance policy."""

    weights: dict[str, Weight] = {}
    """How much each compliance policy counts, by its name."""
    modes: dict[str, Literal["permissive", "enforcing"]] = {}
    """Whether each compliance policy is enforced or only reports, by its name."""


class PrRequired(Part, frozen=True, kw_only=True, tag="pr-required", tag_field="type"):
    """Rule of the older spelling: approvals by named teams."""

    approvers: tuple[Annotated[Line, msgspec.Meta(examples=["platform"])], ...] = ()
    """The teams that approve; none: anyone but the author."""
    min_approvals: int = 1
    """How many approvals are needed."""


class ReScoreGate(Part, frozen=True, kw_only=True, tag="re-score-gate", tag_field="type"):
    """Rule of the older spelling: a score to reach."""

    min_score: int
    """The score to reach."""
    severity: Literal["low", "medium", "high", "critical"] = "medium"
    """How grave it is to miss the score."""


class Soak(Part, frozen=True, kw_only=True, tag="soak", tag_field="type"):
    """Rule of the older spelling: time in a source Environment before promotion."""

    source_environment: Annotated[Line, msgspec.Meta(examples=["acme-stg"])] = ""
    """Name of the Environment where the change runs first; empty: the one before."""
    duration: Duration
    """How long it runs there."""


class ChangeWindow(Part, frozen=True, kw_only=True, tag="change-window", tag_field="type"):
    """Rule: when changes may happen (`allow`) or may not (`deny`; deny wins)."""

    effect: Literal["allow", "deny"] = "allow"
    """Whether changes may happen in the window or may not."""
    cron: Annotated[Line, msgspec.Meta(examples=["0 22 * * 5"])] = ""
    """When the window opens: five fields, as in the older spelling; or `rrule`, never both."""
    rrule: Annotated[Line, msgspec.Meta(examples=["FREQ=WEEKLY;BYDAY=SA"])] = ""
    """When the window opens: an RFC 5545 recurrence rule without DTSTART: it counts from Monday 1
    January 2001, 00:00."""
    timezone: Annotated[Line, msgspec.Meta(examples=["Asia/Muscat"])] = "UTC"
    """Name of the time zone that it is read in."""
    duration: Duration
    """How long the window stays open."""


Rule = PrRequired | ReScoreGate | Soak | ChangeWindow


class AppliesTo(Part, frozen=True, kw_only=True):
    """Which Environments may be put under the policy; empty means all."""

    environments: tuple[Annotated[Line, msgspec.Meta(examples=["acme-prod"])], ...] = ()
    """Names of the Environments; none: all."""


class Quota(Part, frozen=True, kw_only=True):
    """How much may stand in each Environment under the policy."""

    applications: int | None = None
    """How many Applications, at most; null: as many as anybody wants."""


class DefinePolicy(Command, frozen=True, kw_only=True):
    """Define an EnvironmentPolicy, in the spelling of the object, of the older rules, or both."""

    promotion: Promotion | None = None
    """The gate, in the spelling of the object."""
    compliance: Compliance | None = None
    """Weights and modes of compliance policies."""
    rules: Annotated[
        tuple[Rule, ...], msgspec.Meta(max_length=50, description="a list of at most 50 rules")
    ] = ()
    """The rules, in the older spelling."""
    applies_to: AppliesTo | None = None
    """Which Environments may be put under it; null: all."""
    quota: Quota | None = None
    """How much may stand in each of them; null: there is no limit."""


class UpdatePolicy(DefinePolicy, frozen=True, kw_only=True):
    """Replace the whole content of an EnvironmentPolicy."""


class Approval(Event, frozen=True, kw_only=True):
    """How many members of which team must approve; an empty team is anyone but the author."""

    team: str = ""
    """The team that approves; empty: anyone but the author."""
    quorum: int
    """How many of its members must approve."""


class Window(Event, frozen=True, kw_only=True):
    """A change window in one spelling."""

    effect: Literal["allow", "deny"]
    """Whether changes may happen in the window or may not."""
    cron: str = ""
    """When the window opens, in five fields; empty if `rrule` says it."""
    rrule: str = ""
    """When the window opens, as an RFC 5545 recurrence rule; empty if `cron` says it."""
    timezone: str = "UTC"
    """Name of the time zone that it is read in."""
    duration_minutes: int
    """How long the window stays open, in minutes."""


class PolicyDefined(Event, frozen=True, kw_only=True):
    """A policy's content, whole, in one spelling. Superseded by version 2 (soak in minutes)."""

    policy: str
    """Name of the EnvironmentPolicy."""
    approvals: tuple[Approval, ...] = ()
    """Who must approve."""
    soak_hours: int = 0
    """Hours that a change runs in the source Environment first."""
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


class PolicyDeleted(Event, frozen=True, kw_only=True):
    """The EnvironmentPolicy went with its Organization."""

    policy: str
    """Name of the EnvironmentPolicy."""
