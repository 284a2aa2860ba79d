"""Golden payloads of Blueprints and their sources: `acme` registers its wiki from its own Git."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Final

from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts.message import Command, Event, derived_id

LATER: Final = datetime(2026, 4, 2, 12, 10, tzinfo=UTC)
GEN: Final = derived_id("c-7Q2", 0)
COMMIT: Final = "3f2a9c1d4b5e6f708192a3b4c5d6e7f809a1b2c3"
DIGEST: Final = "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
LOCATION: Final = "https://git.example/acme/shared-blueprints.git"
WIKI: Final = "bp-wiki"
PATH: Final = "acme.blueprint.blueprint.private-bp-wiki"

ADVICE: Final = bp1.Finding(
    severity="warning",
    rule="card.summary",
    file="blueprint.yaml",
    line=6,
    column=3,
    pointer="/spec/card",
    message="the card has no summary",
    fix="say in one sentence what it is",
)
ERROR: Final = bp1.Finding(
    severity="error",
    rule="schema.required",
    file="blueprint.yaml",
    line=5,
    column=3,
    pointer="/spec/card/title",
    message="spec.card.title is missing",
    fix="add title",
)
FOUND: Final = bp1.Found(
    blueprint=WIKI,
    version="1.4.2",
    digest=DIGEST,
    size=20480,
    folder="bp-wiki",
    needs=("bp-postgres",),
    findings=(ADVICE,),
)
REFUSED: Final = bp1.Refused(
    folder="bp-crm", blueprint="bp-crm", version="0.3.0", findings=(ERROR,)
)
NEEDED: Final = bp1.Missing(blueprint="bp-postgres", version="^16")

_SOURCE: Final = (
    bp1.AddSource(kind="git", location=LOCATION, branch="main", origin="private", interval="10m"),
    bp1.RemoveSource(),
    bp1.SyncSource(),
    bp1.SeedSource(revision=DIGEST),
    bp1.ReportSync(run=1, next=2, revision=COMMIT, found=(FOUND,), refused=(REFUSED,)),
    bp1.SourceAdded(
        name="shared-blueprints",
        kind="git",
        location=LOCATION,
        branch="main",
        origin="private",
        interval="10m",
    ),
    bp1.SourceRemoved(name="shared-blueprints"),
    bp1.SyncStarted(run=1, whole=True, deadline=LATER, gen=GEN),
    bp1.VersionsFound(
        run=1,
        next=2,
        revision=COMMIT,
        found=(FOUND,),
        refused=(REFUSED,),
        asked={derived_id("c-7Q2", 1): bp1.VersionKey(blueprint=WIKI, version="1.4.2")},
    ),
    bp1.SyncCompleted(
        run=1,
        revision=COMMIT,
        versions=1,
        refused=1,
        gone=(bp1.Gone(blueprint="bp-crm", version="0.2.0", folder="bp-crm", now="bp-crm 0.3.0"),),
        next_at=LATER,
        gen=GEN,
    ),
    bp1.SyncFailed(
        run=2,
        code="unreachable",
        message="git.example does not answer",
        failures=1,
        next_at=LATER,
        gen=GEN,
    ),
    bp1.RegistrationRefused(blueprint=WIKI, version="1.4.2", code="version-immutable"),
)

_BLUEPRINT: Final = (
    bp1.RegisterVersion(
        blueprint=WIKI,
        origin="private",
        version="1.4.2",
        digest=DIGEST,
        size=20480,
        needs=("bp-postgres",),
        source="shared-blueprints",
        revision=COMMIT,
        folder="bp-wiki",
    ),
    bp1.CheckDependencies(arrived="bp-postgres"),
    bp1.WakeDependents(waiting=(PATH,)),
    bp1.DeprecateBlueprint(reason="It is no longer looked after.", replacement="bp-pages"),
    bp1.WithdrawBlueprint(reason="Its licence does not allow this."),
    bp1.YankVersion(version="1.4.2", reason="It loses attachments.", security=False),
    bp1.VersionRegistered(
        name=WIKI,
        origin="private",
        version="1.4.2",
        digest=DIGEST,
        size=20480,
        spec={
            "version": "1.4.2",
            "card": {"title": "Wiki"},
            "depends": [{"blueprint": "bp-postgres", "version": "^16", "alias": "postgres"}],
        },
        source="shared-blueprints",
        revision=COMMIT,
        folder="bp-wiki",
        missing=(NEEDED,),
    ),
    bp1.VersionPublished(name=WIKI, origin="private", version="1.4.2"),
    bp1.VersionAwaits(name=WIKI, version="1.4.2", missing=(NEEDED,)),
    bp1.VersionYanked(name=WIKI, origin="private", version="1.4.2", reason="It loses attachments."),
    bp1.BlueprintDeprecated(
        name=WIKI, origin="private", reason="It is no longer looked after.", replacement="bp-pages"
    ),
    bp1.BlueprintWithdrawn(name=WIKI, origin="private", reason="Its licence does not allow this."),
    bp1.DependentsWoken(after=hashlib.sha256(PATH.encode()).hexdigest()),
)

BLUEPRINT: Final[tuple[Command | Event, ...]] = (*_SOURCE, *_BLUEPRINT)
