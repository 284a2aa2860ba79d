"""Values that the messages of Blueprints and their sources share: version 1."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from catalyst.contracts.message import END, Part
from catalyst.contracts.values_v1 import Line

Origin = Literal["public", "sovereign", "private"]
"""Whose it is: everybody's, the platform's own, or one Organization's."""
SourceKind = Literal["directory", "git", "built-in"]
Severity = Literal["error", "warning", "pending"]
SyncCode = Literal[
    "unreachable", "not-found", "refused", "not-allowed", "too-large", "unreadable", "deadline"
]
"""Why a source could not be read."""

BlueprintName = Annotated[
    str,
    msgspec.Meta(
        max_length=63,
        pattern=r"^bp-[a-z][a-z0-9-]{1,59}" + END,
        description=(
            "a name of `bp-` and 2 to 60 lower-case letters, digits or '-', beginning with a letter"
        ),
        examples=["bp-wiki"],
    ),
]
SourceName = Annotated[
    str,
    msgspec.Meta(
        min_length=2,
        max_length=63,
        pattern=r"^[a-z][a-z0-9-]*" + END,
        description="2 to 63 lower-case letters, digits or '-', beginning with a letter",
        examples=["shared-blueprints"],
    ),
]
VersionText = Annotated[
    str,
    msgspec.Meta(
        max_length=64,
        pattern=r"^[0-9]+\.[0-9]+\.[0-9]+(-[0-9a-z.-]+)?" + END,
        description="three numbers with dots between them, and a pre-release if need be",
        examples=["1.4.2"],
    ),
]
ContentDigest = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^sha256:[0-9a-f]{64}" + END,
        description="a fingerprint: `sha256:` and 64 lower-case hexadecimal digits",
        examples=["sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"],
    ),
]
Size = Annotated[int, msgspec.Meta(ge=0, description="a whole number from 0 on", examples=[2048])]
Text = Annotated[
    str,
    msgspec.Meta(
        max_length=1000,
        pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*" + END,
        description="a text of at most 1000 characters, without control characters",
        examples=["card.title is missing"],
    ),
]
Where = Annotated[
    str,
    msgspec.Meta(
        max_length=1000,
        pattern=r"^[^\x00-\x1f\x7f]*" + END,
        description="one line of at most 1000 characters",
        examples=["platform/bp-wiki"],
    ),
]


Names = Annotated[
    tuple[BlueprintName, ...],
    msgspec.Meta(max_length=64, description="a list of at most 64 names"),
]


class Finding(Part, frozen=True, kw_only=True):
    """One thing that is wrong with a package, and where."""

    severity: Severity
    """Whether it stops the registration (`error`), or only tells of something."""
    rule: Annotated[Line, msgspec.Meta(examples=["schema.required"])]
    """Stable name of the rule that does not hold."""
    file: Where
    """The file, from the package's top; empty: the package as a whole."""
    line: Size
    """Line in the file, from 1 on; 0: the whole file."""
    column: Size
    """Column of that line, from 1 on; 0: the whole file."""
    pointer: Where
    """JSON pointer to the place in the document; empty: the document."""
    message: Text
    """What is wrong, for a person."""
    fix: Text = ""
    """What to do about it."""


Findings = Annotated[
    tuple[Finding, ...], msgspec.Meta(max_length=100, description="a list of at most 100 findings")
]


class Found(Part, frozen=True, kw_only=True):
    """A good package that a source holds; its content is stored."""

    blueprint: BlueprintName
    """Name of the Blueprint."""
    version: VersionText
    """Version of the Blueprint."""
    digest: ContentDigest
    """Fingerprint of the content, under which it is stored."""
    size: Size
    """Bytes of the stored content."""
    folder: Where
    """Where in the source it stands; empty: the whole source is the package."""
    needs: Names = ()
    """Blueprints that it depends on."""
    findings: Findings = ()
    """What its author should look at; nothing of it stops the registration."""


class Refused(Part, frozen=True, kw_only=True):
    """A package that a source holds and that cannot be taken."""

    folder: Where
    """Where in the source it stands; empty: the whole source is the package."""
    blueprint: Where = ""
    """Name of the Blueprint, as far as it could be read."""
    version: Where = ""
    """Version of the Blueprint, as far as it could be read."""
    findings: Findings
    """What is wrong with it."""


class Problem(Part, frozen=True, kw_only=True):
    """Why a source could not be read."""

    code: SyncCode
    """Why, for programs."""
    message: Text
    """Why, for a person."""


class VersionKey(msgspec.Struct, frozen=True, kw_only=True):
    """One version of one Blueprint."""

    blueprint: str
    """Name of the Blueprint."""
    version: str
    """Version of the Blueprint."""


class Gone(msgspec.Struct, frozen=True, kw_only=True):
    """A version that a source held before and holds no longer; it stays registered."""

    blueprint: str
    """Name of the Blueprint."""
    version: str
    """Version of the Blueprint."""
    folder: str
    """Where in the source it stood."""
    now: str = ""
    """Name and version of what stands there now; empty: nothing does."""


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    """A dependency that is not there yet."""

    blueprint: str
    """Name of the Blueprint that is needed."""
    version: str
    """The range of versions that would do."""
