"""The table of `blueprint`: sources of Blueprints, and Blueprints with their versions."""

from __future__ import annotations

from typing import Final

from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts.tables.role import (
    ADMINS,
    MEMBERS,
    PLATFORM_ROLES,
    SECURITY_OFFICER,
)
from catalyst.contracts.tables.row import Reaction, Rows, Table

_ROWS: Final = Rows("blueprint")
AGGREGATES: Final = ("source", "blueprint")
_KINDS: Final = frozenset(AGGREGATES)
_SELF: Final = frozenset({"blueprint"})
_YANKERS: Final = ADMINS | {SECURITY_OFFICER}
"""The rules say more: a sovereign-admin for the platform's, an org-admin for its own."""

_MESSAGES: Final = (
    *_ROWS.commands(
        "source",
        ("add-source", bp1.AddSource),
        ("remove-source", bp1.RemoveSource),
        ("sync-source", bp1.SyncSource),
    ),
    *_ROWS.commands(
        "source",
        ("seed-source", bp1.SeedSource),
        ("report-sync", bp1.ReportSync),
        sent_by="services",
    ),
    *_ROWS.commands(
        "blueprint",
        ("deprecate-blueprint", bp1.DeprecateBlueprint),
        ("withdraw-blueprint", bp1.WithdrawBlueprint),
        ("yank-version", bp1.YankVersion),
    ),
    *_ROWS.commands(
        "blueprint",
        ("register-version", bp1.RegisterVersion),
        ("check-dependencies", bp1.CheckDependencies),
        ("wake-dependents", bp1.WakeDependents),
        sent_by="services",
    ),
    *_ROWS.events(
        "source",
        ("source-added", bp1.SourceAdded),
        ("source-removed", bp1.SourceRemoved),
        ("sync-started", bp1.SyncStarted),
        ("versions-found", bp1.VersionsFound),
        ("sync-completed", bp1.SyncCompleted),
        ("sync-failed", bp1.SyncFailed),
        ("registration-refused", bp1.RegistrationRefused),
    ),
    *_ROWS.events(
        "blueprint",
        ("version-registered", bp1.VersionRegistered),
        ("version-published", bp1.VersionPublished),
        ("version-awaits", bp1.VersionAwaits),
        ("version-yanked", bp1.VersionYanked),
        ("blueprint-deprecated", bp1.BlueprintDeprecated),
        ("blueprint-withdrawn", bp1.BlueprintWithdrawn),
        ("dependents-woken", bp1.DependentsWoken),
    ),
    *_ROWS.runtime(AGGREGATES),
)

TABLE: Final = Table(
    service="blueprint",
    member="blueprint-controller",
    content="writes",
    aggregates=AGGREGATES,
    messages=_MESSAGES,
    command_roles={
        "add-source.v1": ADMINS,
        "remove-source.v1": ADMINS,
        "sync-source.v1": ADMINS,
        "deprecate-blueprint.v1": ADMINS,
        "withdraw-blueprint.v1": ADMINS,
        "yank-version.v1": _YANKERS,
    },
    service_commands={
        "seed-source.v1": _SELF,
        "report-sync.v1": _SELF,
        "register-version.v1": _SELF,
        "check-dependencies.v1": _SELF,
        "wake-dependents.v1": _SELF,
    },
    reads_platform=dict.fromkeys(PLATFORM_ROLES, _KINDS),
    reads_own=dict.fromkeys(MEMBERS, _KINDS),
    service_reads={
        "blueprint": _KINDS,
        "catalog": _KINDS,
        "provisioning": frozenset({"blueprint"}),
    },
    reactions=(
        Reaction(
            name="sync",
            filters=(
                "evt.*.blueprint.source.*.sync-started.*",
                "evt.*.blueprint.source.*.versions-found.*",
            ),
        ),
        Reaction(
            name="dependents",
            filters=(
                "evt.*.blueprint.blueprint.*.version-registered.*",
                "evt.*.blueprint.blueprint.*.version-awaits.*",
                "evt.*.blueprint.blueprint.*.version-published.*",
                "evt.*.blueprint.blueprint.*.version-yanked.*",
                "evt.*.blueprint.blueprint.*.blueprint-withdrawn.*",
                "evt.*.blueprint.blueprint.*.dependents-woken.*",
            ),
        ),
    ),
)
