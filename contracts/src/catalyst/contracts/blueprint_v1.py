"""Messages of Blueprints, and of their sources from one place: version 1.

A version is registered once, by its content, and never changes. It is published when everything
that it depends on is; `version-published` follows `version-registered` at once if nothing is
missing. The Blueprint's id is `<origin>-<name>`, such as `public-bp-wiki`.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from catalyst.contracts.blueprint_values_v1 import (
    BlueprintName,
    ContentDigest,
    Finding,
    Found,
    Gone,
    Missing,
    Names,
    Origin,
    Problem,
    Refused,
    Size,
    SourceName,
    VersionKey,
    VersionText,
    Where,
)
from catalyst.contracts.message import Command, Event
from catalyst.contracts.source_v1 import (
    AddSource,
    RegistrationRefused,
    RemoveSource,
    ReportSync,
    SeedSource,
    SourceAdded,
    SourceRemoved,
    SyncCompleted,
    SyncFailed,
    SyncSource,
    SyncStarted,
    VersionsFound,
)
from catalyst.contracts.values_v1 import Reason

__all__ = [
    "AddSource",
    "BlueprintDeprecated",
    "BlueprintName",
    "BlueprintWithdrawn",
    "CheckDependencies",
    "ContentDigest",
    "DependentsWoken",
    "DeprecateBlueprint",
    "Finding",
    "Found",
    "Gone",
    "Missing",
    "Origin",
    "Problem",
    "Refused",
    "RegisterVersion",
    "RegistrationRefused",
    "RemoveSource",
    "ReportSync",
    "SeedSource",
    "SourceAdded",
    "SourceRemoved",
    "SyncCompleted",
    "SyncFailed",
    "SyncSource",
    "SyncStarted",
    "VersionAwaits",
    "VersionKey",
    "VersionPublished",
    "VersionRegistered",
    "VersionYanked",
    "VersionsFound",
    "WakeDependents",
    "WithdrawBlueprint",
    "YankVersion",
]

# ---- commands to a Blueprint


class RegisterVersion(Command, frozen=True, kw_only=True):
    """Register a version whose content is stored; sent by its source."""

    blueprint: BlueprintName
    """Name of the Blueprint."""
    origin: Origin
    """Whose it is."""
    version: VersionText
    """Version of the Blueprint."""
    digest: ContentDigest
    """Fingerprint of the content, under which it is stored."""
    size: Size
    """Bytes of the stored content."""
    needs: Names = ()
    """Blueprints that it depends on, as its document says."""
    source: SourceName
    """Name of the source."""
    revision: Where = ""
    """The commit that it was read from, or the fingerprint of a directory."""
    folder: Where = ""
    """Where in the source it stands; empty: the whole source is the package."""


class CheckDependencies(Command, frozen=True, kw_only=True):
    """Look again whether what is waited for is there; sent when a Blueprint that is needed came."""

    arrived: BlueprintName
    """Name of the Blueprint that came."""


class WakeDependents(Command, frozen=True, kw_only=True):
    """Tell those that wait for this Blueprint that it came; sent by the effect that finds them."""

    waiting: Annotated[
        tuple[Where, ...], msgspec.Meta(max_length=200, description="a list of at most 200 entries")
    ]
    """The Blueprints that wait, by their paths."""
    more: bool = False
    """True if there are more of them, behind the last one."""


class DeprecateBlueprint(Command, frozen=True, kw_only=True):
    """Advise against new installs; what runs goes on, and can be upgraded."""

    reason: Reason
    """Why, for whoever looks at it later."""
    replacement: BlueprintName | None = None
    """Name of the Blueprint to take instead; null: none is named."""


class WithdrawBlueprint(Command, frozen=True, kw_only=True):
    """Take the Blueprint out of the catalogue; what runs goes on."""

    reason: Reason
    """Why, for whoever looks at it later."""


class YankVersion(Command, frozen=True, kw_only=True):
    """Keep one version from being installed; its content stays for what runs."""

    version: VersionText
    """The version."""
    reason: Reason
    """Why, for whoever runs it."""
    security: bool = False
    """True if whoever runs it is in danger."""


# ---- events of a Blueprint


class VersionRegistered(Event, frozen=True, kw_only=True):
    """A version exists; its content never changes."""

    name: str
    """Name of the Blueprint, with `bp-`."""
    origin: Origin
    """Whose it is."""
    version: str
    """Version of the Blueprint."""
    digest: str
    """Fingerprint of the content, under which it is stored."""
    size: int
    """Bytes of the stored content."""
    spec: dict[str, Any]
    """The `spec` of its document, at most 64 KiB; `depends` names every Blueprint with `bp-`."""
    source: str
    """Name of the source."""
    revision: str = ""
    """The commit that it was read from, or the fingerprint of a directory."""
    folder: str = ""
    """Where in the source it stands; empty: the whole source is the package."""
    missing: tuple[Missing, ...] = ()
    """What it depends on and is not there yet; nothing: it is published at once."""


class VersionPublished(Event, frozen=True, kw_only=True):
    """A registered version can be installed: everything that it depends on is there."""

    name: str
    """Name of the Blueprint, with `bp-`."""
    origin: Origin
    """Whose it is."""
    version: str
    """Version of the Blueprint."""


class VersionAwaits(Event, frozen=True, kw_only=True):
    """What a registered version waits for is no longer what it was."""

    name: str
    """Name of the Blueprint, with `bp-`."""
    version: str
    """Version of the Blueprint."""
    missing: tuple[Missing, ...] = ()
    """What it depends on and is not there yet."""
    cycle: tuple[str, ...] = ()
    """Blueprints that need each other, each with its version behind a space, the first one again at
    the end: it cannot be published as long as they stand. Nothing: there is no such circle."""


class VersionYanked(Event, frozen=True, kw_only=True):
    """A version must not be installed any more; what runs goes on."""

    name: str
    """Name of the Blueprint, with `bp-`."""
    origin: Origin
    """Whose it is."""
    version: str
    """Version of the Blueprint."""
    reason: str
    """Why it was yanked."""
    security: bool = False
    """True if whoever runs it is in danger."""


class BlueprintDeprecated(Event, frozen=True, kw_only=True):
    """New installs are advised against."""

    name: str
    """Name of the Blueprint, with `bp-`."""
    origin: Origin
    """Whose it is."""
    reason: str
    """Why it is deprecated."""
    replacement: str | None = None
    """Name of the Blueprint to take instead; null: none is named."""


class BlueprintWithdrawn(Event, frozen=True, kw_only=True):
    """The Blueprint is in the catalogue no longer; what runs goes on."""

    name: str
    """Name of the Blueprint, with `bp-`."""
    origin: Origin
    """Whose it is."""
    reason: str
    """Why it is withdrawn."""


class DependentsWoken(Event, frozen=True, kw_only=True):
    """Some of those that wait for this Blueprint were told; there are more of them."""

    after: str
    """Fingerprint of the last one that was told; they are told in the order of these."""
