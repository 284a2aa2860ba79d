"""Messages of sources of Blueprints: version 1.

A sync runs in pages: the effect reports what it found from one place on, the source asks for the
registration of that, and the effect goes on behind it.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from catalyst.contracts.blueprint_values_v1 import (
    ContentDigest,
    Found,
    Gone,
    Origin,
    Problem,
    Refused,
    Size,
    SourceKind,
    VersionKey,
    Where,
)
from catalyst.contracts.message import END, Command, Event, UtcTime
from catalyst.contracts.values_v1 import Duration, Run

Branch = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=200,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*" + END,
        description="1 to 200 letters, digits, '.', '_', '/' or '-', beginning with no sign",
        examples=["main"],
    ),
]
Location = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=1000,
        pattern=r"^[^\x00-\x1f\x7f]*" + END,
        description="one line of 1 to 1000 characters",
        examples=["https://git.example/acme/blueprints.git"],
    ),
]
Folder = Annotated[
    str,
    msgspec.Meta(
        max_length=200,
        pattern=r"^([A-Za-z0-9_@+-][A-Za-z0-9._@+-]*(/[A-Za-z0-9_@+-][A-Za-z0-9._@+-]*)*)?" + END,
        description="names of folders with '/' between them, none of which begins with a dot",
        examples=["platform"],
    ),
]

# ---- commands to a source


class AddSource(Command, frozen=True, kw_only=True):
    """Add a source of Blueprints; it is read at once, and again after each interval."""

    kind: Literal["directory", "git"]
    """What it is; a directory of the server's is for the platform alone."""
    location: Location
    """Path of the directory, or address of the Git repository."""
    branch: Branch = "main"
    """The branch of the Git repository."""
    folder: Folder = ""
    """Folder below which the packages stand; empty: anywhere."""
    origin: Origin
    """Whose its Blueprints are."""
    interval: Duration = "10m"
    """Time between the end of one reading and the next one."""


class RemoveSource(Command, frozen=True, kw_only=True):
    """Read the source no longer; what was registered from it stays."""


class SyncSource(Command, frozen=True, kw_only=True):
    """Read the source now, everything in it."""


class SeedSource(Command, frozen=True, kw_only=True):
    """Add the catalogue that Catalyst brings along, or read it again if it is another one now."""

    revision: ContentDigest
    """Fingerprint of everything in it."""


class ReportSync(Command, frozen=True, kw_only=True):
    """What was found in a source; sent by the effect that reads it."""

    run: Run
    """The reading that it belongs to."""
    start: Size = 0
    """Number of packages that were reported before this."""
    next: Size = 0
    """Number of packages that are reported with this; 0: nothing is left."""
    revision: Where = ""
    """The commit that was read, or the fingerprint of a directory."""
    unchanged: bool = False
    """True if the revision is the one that was read last, so that nothing is listed."""
    found: Annotated[
        tuple[Found, ...], msgspec.Meta(max_length=200, description="a list of at most 200 entries")
    ] = ()
    """Good packages."""
    refused: Annotated[
        tuple[Refused, ...],
        msgspec.Meta(max_length=200, description="a list of at most 200 entries"),
    ] = ()
    """Packages that cannot be taken."""
    problem: Problem | None = None
    """Why the source could not be read; null: it could."""


# ---- events of a source


class SourceAdded(Event, frozen=True, kw_only=True):
    """A source exists, or the built-in one has other content."""

    name: str
    """Name of the source."""
    kind: SourceKind
    """What it is."""
    location: str
    """Path of the directory, address of the repository, or fingerprint of what is built in."""
    branch: str = ""
    """The branch of the Git repository."""
    folder: str = ""
    """Folder below which the packages stand; empty: anywhere."""
    origin: Origin
    """Whose its Blueprints are."""
    interval: str = ""
    """Time between the end of one reading and the next one; empty: it is read once."""


class SourceRemoved(Event, frozen=True, kw_only=True):
    """The source is read no longer; what was registered from it stays."""

    name: str
    """Name of the source."""


class SyncStarted(Event, frozen=True, kw_only=True):
    """A reading of the source has begun."""

    run: int
    """Number of the reading, from 1 on."""
    whole: bool
    """True if everything is listed even if nothing has changed."""
    deadline: UtcTime
    """When it fails, if it has not ended."""
    gen: str
    """Which arming of the timer counts."""
    input: str = ""
    """Id of the command or firing that led here."""


class VersionsFound(Event, frozen=True, kw_only=True):
    """Some packages of the source were read; good ones that are new are being registered."""

    run: int
    """Number of the reading."""
    next: int
    """Number of packages that were reported so far; 0: nothing is left."""
    revision: str
    """The commit that was read, or the fingerprint of a directory."""
    found: tuple[Found, ...] = ()
    """Good packages."""
    refused: tuple[Refused, ...] = ()
    """Packages that cannot be taken."""
    asked: dict[str, VersionKey] = {}
    """Id of each command that asks for a registration, with what it asks for."""
    input: str = ""
    """Id of the report that led here."""


class SyncCompleted(Event, frozen=True, kw_only=True):
    """The source was read to its end."""

    run: int
    """Number of the reading."""
    revision: str
    """The commit that was read, or the fingerprint of a directory."""
    unchanged: bool = False
    """True if the revision is the one that was read before."""
    versions: int = 0
    """Number of good packages in it."""
    refused: int = 0
    """Number of packages in it that cannot be taken."""
    gone: tuple[Gone, ...] = ()
    """Versions that it held before and holds no longer; they stay registered."""
    next_at: UtcTime | None = None
    """When it is read again; null: when somebody asks."""
    gen: str = ""
    """Which arming of the timer counts."""
    input: str = ""
    """Id of the report that led here."""


class SyncFailed(Event, frozen=True, kw_only=True):
    """The source could not be read; what was registered from it stays."""

    run: int
    """Number of the reading."""
    code: str
    """Why, for programs."""
    message: str
    """Why, for a person."""
    failures: int
    """How often in a row it could not be read."""
    next_at: UtcTime | None = None
    """When it is read again; null: when somebody asks."""
    gen: str = ""
    """Which arming of the timer counts."""
    input: str = ""
    """Id of the report or firing that led here."""


class RegistrationRefused(Event, frozen=True, kw_only=True):
    """A good package of the source was not registered."""

    blueprint: str
    """Name of the Blueprint."""
    version: str
    """Version of the Blueprint."""
    code: str
    """Why, for programs."""
    input: str = ""
    """Id of the answer that led here."""
