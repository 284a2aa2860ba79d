"""The rows of sources and Blueprints, and who sees them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from catalyst.blueprint_controller.domain.places import blueprint_ref, source_ref
from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts.message import Event
from catalyst.contracts.roles import PLATFORM_ROLES, may_read, may_read_platform
from catalyst.contracts.subjects import Ref
from catalyst.projector.access import Owners, Reader
from catalyst.projector.filters import Filter
from catalyst.projector.views.blueprint_blueprint import BLUEPRINT, LINKS_MAX
from catalyst.projector.views.blueprint_source import SOURCE
from catalyst.projector.views.view import At, View

NOW = datetime(2026, 4, 2, 12, 0, tzinfo=UTC)
WIKI = blueprint_ref(None, "public", "bp-wiki")
DIGEST = f"sha256:{'1' * 64}"


def row(view: View[Any], ref: Ref, *events: Event) -> Any:
    """Fold events as the projector does."""
    doc = None
    for seq, event in enumerate(events, 1):
        at = At(ref=ref, seq=seq, time=NOW + timedelta(seconds=seq))
        if type(event) not in view.ignores:
            doc = view.folds[type(event)](doc, event, at)
    return doc


def registered(version: str, **more: Any) -> bp1.VersionRegistered:
    """Return that a version exists."""
    spec = {"version": version, "card": {"title": f"Wiki {version}"}}
    return bp1.VersionRegistered(
        name="bp-wiki",
        origin="public",
        version=version,
        digest=DIGEST,
        size=1,
        spec=spec,
        source="main",
        **more,
    )


def published(version: str) -> bp1.VersionPublished:
    """Return that it can be installed."""
    return bp1.VersionPublished(name="bp-wiki", origin="public", version=version)


def test_a_blueprint_shows_its_newest_card_and_every_version() -> None:
    missing = (bp1.Missing(blueprint="bp-postgres", version="^16"),)
    yank = bp1.VersionYanked(
        name="bp-wiki", origin="public", version="1.9.0", reason="It leaks.", security=True
    )
    doc = row(
        BLUEPRINT,
        WIKI,
        registered("1.10.0"),
        published("1.10.0"),
        registered("1.9.0"),
        published("1.9.0"),
        registered("2.0.0-rc.1", missing=missing),
        yank,
    )
    assert (doc.status, doc.newest) == ("published", "2.0.0-rc.1")
    states = {one.version: one.status for one in doc.versions}
    assert states == {"1.10.0": "published", "1.9.0": "yanked", "2.0.0-rc.1": "pending"}
    assert doc.versions[2].missing == missing
    assert [(one.kind, one.name, one.code) for one in doc.blocked_by] == [
        ("blueprint", "bp-postgres", "dependency-missing")
    ]
    assert "bp-wiki 2.0.0-rc.1 needs bp-postgres ^16" in doc.blocked_by[0].message
    assert doc.blocked_by[0].since == doc.versions[2].registered
    assert doc.versions[1].yank.security


@pytest.mark.guarantee("G13.7")
def test_a_blueprint_that_waits_says_for_what_until_it_is_published() -> None:
    missing = (bp1.Missing(blueprint="bp-postgres", version="^16"),)
    waits = registered("1.0.0", missing=missing)
    cycle = ("bp-wiki 1.0.0", "bp-postgres 2.0.0", "bp-wiki 1.0.0")
    circle = bp1.VersionAwaits(name="bp-wiki", version="1.0.0", missing=(), cycle=cycle)
    doc = row(BLUEPRINT, WIKI, waits, circle)
    assert [one.code for one in doc.blocked_by] == ["dependency-cycle"]
    assert doc.blocked_by[0].name == "bp-wiki"
    way = "bp-wiki 1.0.0 needs bp-postgres 2.0.0 needs bp-wiki 1.0.0"
    assert way in doc.blocked_by[0].message
    assert row(BLUEPRINT, WIKI, waits, circle, published("1.0.0")).blocked_by == ()
    many = row(BLUEPRINT, WIKI, *(registered(f"1.{n}.0", missing=missing) for n in range(30)))
    assert len(many.blocked_by) == LINKS_MAX
    assert "1.29.0" in many.blocked_by[0].message


@pytest.mark.guarantee("G13.7")
@pytest.mark.guarantee("G22.4")
def test_a_source_says_what_is_wrong_and_since_when() -> None:
    ref = source_ref(None, "main")
    added = bp1.SourceAdded(name="main", kind="directory", location="main", origin="public")
    failed = [
        bp1.SyncFailed(run=run, code="not-found", message="gone", failures=run) for run in (1, 2)
    ]
    doc = row(SOURCE, ref, added, *failed)
    assert (doc.status, doc.error.code, doc.error.failures) == ("failing", "not-found", 2)
    assert doc.error.since == NOW + timedelta(seconds=2)
    assert [(one.kind, one.name, one.code, one.since) for one in doc.blocked_by] == [
        ("source", "main", "not-found", doc.error.since)
    ]
    assert "`catalyst source sync main`" in doc.blocked_by[0].what_to_do
    bad = bp1.Refused(folder="x", findings=())
    found = bp1.VersionsFound(run=3, next=0, revision="r", refused=(bad,))
    ended = bp1.SyncCompleted(run=3, revision="r", versions=0, refused=1)
    refused = bp1.RegistrationRefused(blueprint="bp-a", version="1.0.0", code="version-immutable")
    doc = row(SOURCE, ref, added, *failed, found, ended, refused)
    assert (doc.status, doc.error, doc.bad, doc.refused) == ("ready", None, 1, (bad,))
    assert doc.blocked_by == ()
    assert [one.code for one in doc.unregistered] == ["version-immutable"]
    removed = bp1.SourceRemoved(name="main")
    assert row(SOURCE, ref, added, removed) is None


def test_what_has_gone_from_a_source_is_told_on_its_row_until_it_is_there_again() -> None:
    ref = source_ref(None, "main")
    added = bp1.SourceAdded(name="main", kind="directory", location="main", origin="public")
    first, second = (
        bp1.Gone(blueprint=name, version="1.0.0", folder=name) for name in ("bp-a", "bp-b")
    )
    refused = bp1.RegistrationRefused(blueprint="bp-a", version="1.0.0", code="version-immutable")
    told = [
        bp1.SyncCompleted(run=run, revision="r", versions=1, refused=0, gone=(one,))
        for run, one in ((2, first), (3, second))
    ]
    doc = row(SOURCE, ref, added, refused, *told)
    assert (doc.gone, doc.unregistered) == ((second, first), ())
    again = bp1.Found(blueprint="bp-a", version="1.0.0", digest=DIGEST, size=1, folder="bp-a")
    there = bp1.VersionsFound(run=4, next=0, revision="r", found=(again,))
    assert row(SOURCE, ref, added, *told, there).gone == (second,)


@pytest.mark.guarantee("G22.5")
@pytest.mark.parametrize("kind", ["source", "blueprint"])
def test_platform_roles_see_the_platform_s_and_members_their_own(kind: str) -> None:
    for role in PLATFORM_ROLES:
        assert may_read_platform(kind, [role])
        assert not may_read(kind, [role], ())
        access = Owners().access(Reader("root@example.org", frozenset({role})), Filter())
        view = SOURCE if kind == "source" else BLUEPRINT
        shared, private = view.key(Ref(None, "", "", "x")), view.key(Ref("acme", "", "", "x"))
        assert access.may(shared)
        assert not access.may(private)
    nobody = Owners().access(Reader("ada@acme.example", frozenset()), Filter())
    assert not nobody.may(SOURCE.key(Ref(None, "", "", "x")))
