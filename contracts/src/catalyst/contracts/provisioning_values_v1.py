"""Values that the messages of provisioning share: version 1."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, get_args

import msgspec

from catalyst.contracts.message import END, Part, UtcTime
from catalyst.contracts.money_v1 import CurrencyCode
from catalyst.contracts.prices_v1 import Package, Sku
from catalyst.contracts.values_v1 import Line, PlanHash

Action = Literal[
    "install",
    "configure",
    "upgrade",
    "rollback",
    "uninstall",
    "delete-environment",
    "delete-organization",
]
"""What a change does."""

Step = Literal[
    "admit",
    "hold",
    "repository",
    "unprotect",
    "commit",
    "observe",
    "capture",
    "release",
    "settle",
    "archive",
    "delete",
]
"""The public names of a change's steps."""

Health = Literal["healthy", "progressing", "degraded", "missing", "unknown"]
"""From good to bad: `unknown` is nothing that was ever seen, or evidence too old to believe."""

HOW_BAD: Final = {word: at for at, word in enumerate(get_args(Health))}
"""The worse, the higher."""

Badness = tuple[int, datetime, str]
"""The smaller, the worse; no two parts of a whole have the same."""

_NEVER: Final = datetime.max.replace(tzinfo=UTC)


def badness(health: str, since: datetime | None, name: str) -> Badness:
    """Return how bad a part is: its health, then how long that is so, then its name."""
    return (-HOW_BAD.get(health, len(HOW_BAD)), since or _NEVER, name)


Applied = Literal["current", "pending", "failed", "unknown"]
"""Whether what was committed is what runs."""

Source = Literal["cluster", "simulator"]
"""Who saw it."""

SIMULATOR: Final[Source] = "simulator"
"""Source of what nobody saw: it is believed only where no real cluster has ever been heard."""


def as_seen(text: str, source: str | None) -> str:
    """Return what is told of something that was seen, so that a reader knows if it was not real."""
    return f"{text} (simulated)" if source == SIMULATOR else text


Gate = Literal["queue", "approvals", "window"]
"""What a change may wait for before it begins."""

ApplicationName = Annotated[
    str,
    msgspec.Meta(
        min_length=2,
        max_length=40,
        pattern=r"^[a-z][a-z0-9-]*[a-z0-9]" + END,
        description=(
            "2 to 40 lower-case letters, digits or '-', beginning with a letter and not ending "
            "with '-'"
        ),
        examples=["blog"],
    ),
]
EnvironmentName = Annotated[
    str,
    msgspec.Meta(
        min_length=5,
        max_length=63,
        pattern=r"^[a-z][a-z0-9-]*" + END,
        description="the name of an Environment: 5 to 63 lower-case letters, digits or '-'",
        examples=["acme-prod"],
    ),
]
BlueprintName = Annotated[
    str,
    msgspec.Meta(
        min_length=5,
        max_length=63,
        pattern=r"^bp-[a-z][a-z0-9-]*" + END,
        description="the name of a Blueprint: `bp-` and lower-case letters, digits or '-'",
        examples=["bp-wordpress"],
    ),
]
Origin = Literal["public", "sovereign", "private"]
"""Where a Blueprint comes from; on one name, private wins over sovereign over public."""
VersionRange = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=100,
        pattern=r"^[0-9A-Za-z.^~<>=|*+ -]*" + END,
        description="a version, or a range of versions as npm writes it",
        examples=["6.4.x"],
    ),
]
ChangeId = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=64,
        pattern=r"^[A-Za-z0-9_-]*" + END,
        description="1 to 64 letters, digits, '_' or '-'",
        examples=["ch-7Q2"],
    ),
]
Digest = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^sha256:[0-9a-f]{64}" + END,
        description="a fingerprint: `sha256:` and 64 lower-case hexadecimal digits",
        examples=["sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    ),
]


class PlanRequest(Part, frozen=True, kw_only=True):
    """What somebody wants; the same words ask for the plan and stand in the change."""

    action: Action
    """What is to be done."""
    environment: EnvironmentName | None = None
    """Where; null for the deletion of a whole Organization."""
    application: ApplicationName | None = None
    """Name of the Application; null for the deletion of an Environment or an Organization."""
    blueprint: BlueprintName | None = None
    """The Blueprint to install; null for everything but `install`."""
    version: VersionRange = "*"
    """The version wanted, or a range of which the newest is taken."""
    values: dict[str, Any] = {}
    """Values for the Blueprint's `configSchema`; merged over what is there, null takes one away."""
    dependencies: dict[str, str] = {}
    """For an alias of a dependency: `new`, or the name of the Application to use."""
    revision: Annotated[Line, msgspec.Meta(examples=["ch-7Q2"])] = ""
    """For `rollback`: the change whose result is to come back; empty: the one before."""
    keep_data: bool = True
    """For what goes: keep volumes and databases."""
    plan: Package | None = None
    """Package of the price book; null: as it is, or none."""
    addons: Annotated[
        tuple[Sku, ...], msgspec.Meta(max_length=20, description="a list of at most 20 entries")
    ] = ()
    """The add-ons, by their SKU; they take the place of those there are, and none: as they are."""
    drop_plan: bool = False
    """Take the package away; its month stays charged."""
    drop_addons: Annotated[
        tuple[Sku, ...], msgspec.Meta(max_length=20, description="a list of at most 20 entries")
    ] = ()
    """Add-ons to take away, by their SKU; the others stay, and the month stays charged."""
    currency: CurrencyCode | None = None
    """In which it is bought; null: as it was, and what is new in that of the installation."""


class Locked(Part, frozen=True, kw_only=True):
    """One Application of a change, with the exact version that it gets, or that goes."""

    application: ApplicationName
    """Its name."""
    environment: EnvironmentName
    """Where it runs."""
    blueprint: BlueprintName
    """The Blueprint that it is a copy of."""
    origin: Origin
    """Where that comes from."""
    version: str
    """The exact version."""
    digest: Digest
    """Of the version's content."""
    role: Literal["target", "new", "shared", "upgraded"]
    """What it is here: `target` is what was asked for, `new` comes with it, `shared` is there
    already and stays as it is, `upgraded` is there already and gets another version."""
    dependencies: dict[str, str] = {}
    """The Application that each alias stands for."""

    @property
    def written(self) -> bool:
        """Whether the change works on it."""
        return self.role != "shared"


class Desired(Part, frozen=True, kw_only=True):
    """What is to run: a revision, which is named after the change that made it."""

    change: str
    """The revision: the change that wants it."""
    blueprint: str
    """The Blueprint."""
    origin: Origin
    """Where the Blueprint comes from."""
    version: str
    """The exact version."""
    digest: str
    """Of the version's content."""
    values: dict[str, Any] = {}
    """The whole values."""
    dependencies: dict[str, str] = {}
    """The Application that each alias stands for."""
    plan: Package | None = None
    """Package of the price book that it was bought with; null: none."""
    addons: tuple[str, ...] = ()
    """The add-ons that it was bought with."""
    sold: bool = False
    """True if a subscription pays for it."""
    currency: CurrencyCode | None = None
    """In which it is bought; null: in that of the installation."""
    hosts: tuple[str, ...] = ()
    """The public hosts under which it is reached, sorted; no other Application has them."""
    own: dict[str, bool] = {}
    """By alias, whether its copy was asked for as its own (`new`); for an alias that is not here
    nobody wrote that down, and the copy's name has to tell."""


class Approvals(Part, frozen=True, kw_only=True):
    """Approvals that a change needs; the author's own never counts."""

    team: str = ""
    """The team: a role, or e-mail addresses with commas between them; empty: anyone but the
    author."""
    quorum: int
    """How many of its members must approve."""


class Deletion(Part, frozen=True, kw_only=True):
    """What the environment-controller planned for what goes last."""

    request: dict[str, str]
    """What was asked to be planned."""
    hash: PlanHash
    """The fingerprint of that plan."""
    inputs: dict[str, str]
    """Name of each thing that plan depends on, with the version it saw."""
    expires: UtcTime
    """Until when that plan can be applied."""
    goes: tuple[str, ...] = ()
    """What that plan lists, each as `<kind>:<name>`; not sent back."""


class Evidence(Part, frozen=True, kw_only=True):
    """One thing that was seen."""

    kind: str
    """Kind of the object, such as `Pod`."""
    name: str
    """Its name."""
    namespace: str = ""
    """Its namespace; empty: none."""
    status: Health
    """How it is."""
    reason: str = ""
    """One word of the cluster, such as `CrashLoopBackOff`."""
    message: str = ""
    """What the cluster says of it."""
    uid: str = ""
    """The object's own id."""
    version: int = 0
    """Its resource version: what is older is not believed any more."""
    created: UtcTime | None = None
    """When its cluster made it: of two with one name, the one made later counts; null: unknown."""
    change: str = ""
    """The revision that its labels name; empty: none."""
    cluster: str = ""
    """Where it was seen, if its observer says so; empty: the one cluster of the Environment."""
    applied: Applied | None = None
    """Of a Flux Kustomization whose cluster is named: how it took the commit over."""
    commit: str = ""
    """Likewise: the commit that was applied last there."""
    silent_since: UtcTime | None = None
    """When its cluster was heard last, if that is one of several and has been silent for too long;
    null: it speaks, or nobody wrote it down."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a change is; all of it follows from its steps, and none of it is stored."""

    percent: int
    """100 only when every step is done."""
    step: Step | None
    """The step in progress; null before the first and after the last."""
    number: int
    """Which step that is, counted from 1; 0 for none."""
    steps: int
    """How many steps there are."""


def progress(steps: tuple[Step, ...], completed: tuple[Step, ...], step: Step | None) -> Progress:
    """Return how far a change is, from its steps, those that are done, and the one in progress."""
    done = [name for name in steps if name in completed]
    percent = 100 if len(done) == len(steps) else len(done) * 100 // max(1, len(steps))
    number = steps.index(step) + 1 if step in steps else 0
    return Progress(percent=percent, step=step, number=number, steps=len(steps))


def without(left: tuple[str, ...], step: Step) -> tuple[str, ...]:
    """Return what a change says that it left, without what it says of a step.

    A line begins with its step, and with the Application if it is about one alone.
    """
    return tuple(line for line in left if line.partition(":")[0].partition(" ")[0] != step)
