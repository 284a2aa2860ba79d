"""Curation: who may curate what, and what it says."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.support.each import each

from catalyst.catalog_svc.domain import curation
from catalyst.catalog_svc.domain.curation import Curation
from catalyst.catalog_svc.domain.known import known_ref
from catalyst.catalog_svc.handlers import AGGREGATES, RULES
from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts import catalog_v1 as cat1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.decision import Actor, Context, Decision
from catalyst.contracts.message import Command, Event
from catalyst.contracts.owner import owner_ref
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Ref

ROOT = Actor(name="user:x#root", roles=frozenset({"sovereign-admin"}), proven=True)
ADA = Actor(name="user:x#ada", roles=frozenset({"org-admin"}), proven=True)
BOB = Actor(name="user:x#bob", roles=frozenset({"org-developer"}), proven=True)
WIKI = "public-bp-wiki"
OWN = "private-bp-wiki"
PIN = cat1.PinVersion(version="1.0.0", reason="Tested.")

PAIRS: list[tuple[Command, Event]] = [
    (cat1.FeatureBlueprint(), cat1.BlueprintFeatured()),
    (cat1.HideBlueprint(reason="Old."), cat1.BlueprintHidden(reason="Old.")),
    (PIN, cat1.VersionPinned(version="1.0.0", reason="Tested.")),
    (cat1.SetCategory(category="pages"), cat1.CategorySet(category="pages")),
]
BACK: list[tuple[Command, Event]] = [
    (cat1.UnfeatureBlueprint(), cat1.BlueprintUnfeatured()),
    (cat1.ShowBlueprint(), cat1.BlueprintShown()),
    (cat1.UnpinVersion(), cat1.VersionUnpinned()),
    (cat1.ClearCategory(), cat1.CategoryCleared()),
]
COMMANDS = [command for command, _ in (*PAIRS, *BACK)]


Facts = Iterable[tuple[Ref, Event]]


def at(id_: str, organization: str | None = None) -> Ref:
    return Ref(organization, "catalog", "curation", id_)


def there(id_: str, organization: str | None = None) -> Facts:
    """Return that a Blueprint has a published version."""
    origin, _, name = id_.partition("-")
    registered = bp1.VersionRegistered(
        name=name,
        origin=origin,  # type: ignore[arg-type]
        version="1.0.0",
        digest=f"sha256:{'1' * 64}",
        size=1,
        spec={},
        source="main",
    )
    published = bp1.VersionPublished(name=name, origin=registered.origin, version="1.0.0")
    return [(known_ref(organization, id_), event) for event in (registered, published)]


def acme() -> Facts:
    """Return that there is an Organization."""
    created = env1.OrganizationCreated(
        slug="acme",
        display_name="Acme",
        kind="customer",
        tier="sme",
        billing_mode="real",
        sovereign_ref="cloud.example",
        owners=(env1.Owner(email="ada@acme.example", role="owner"),),
    )
    return [(owner_ref("acme"), created)]


def states(facts: Facts) -> Mapping[Ref, Any]:
    """Fold facts as this service does."""
    folds = {(one.service or "catalog", one.name): one for one in AGGREGATES}
    found: dict[Ref, Any] = {}
    for ref, event in facts:
        fold = folds[ref.service, ref.aggregate]
        found[ref] = fold.evolve(found.get(ref, fold.initial), event)
    return found


def when(
    command: Command, ref: Ref, by: Actor, *facts: Facts, state: Curation | None = None
) -> Decision:
    """Decide a command through its row of the table."""
    now = Curation() if state is None else state
    world = states(fact for part in facts for fact in part)
    rule = next(one for one in RULES if one.shape is type(command))
    initial = {(one.service, one.name): one.initial for one in AGGREGATES}
    reads = {
        read: world.get(read, initial[read.service, read.aggregate])
        for read in rule.reads(now, command, ref)
        if isinstance(read, Ref)
    }
    context = Context(
        now=datetime(2026, 4, 2, 12, 0, tzinfo=UTC),
        ref=ref,
        actor=by,
        input_id="i",
        done_id="d",
        reads=reads,
    )
    return rule.decide(now, command, context)


def refused(code: str) -> Any:
    """Expect a refusal with this code."""
    return pytest.raises(Rejected, check=lambda error: error.code == code)


@pytest.mark.guarantee("G24.1")
@each(
    (one, back, organization)
    for one, back in zip(PAIRS, BACK, strict=True)
    for organization in (None, "acme")
)
def test_it_is_said_once_and_taken_back_once(
    one: tuple[Command, Event], back: tuple[Command, Event], organization: str | None
) -> None:
    by, ref = (ROOT if organization is None else ADA), at(WIKI, organization)
    facts = (there(WIKI), acme())
    assert when(back[0], ref, by, *facts) == Decision()
    (said,) = when(one[0], ref, by, *facts).events
    assert said.event == one[1]
    state = curation.evolve(Curation(), said.event)
    assert state != Curation()
    assert when(one[0], ref, by, *facts, state=state) == Decision()
    (taken,) = when(back[0], ref, by, *facts, state=state).events
    assert taken.event == back[1]
    assert curation.evolve(state, taken.event) == Curation()


@pytest.mark.guarantee("G24.1")
@each(COMMANDS)
def test_the_platform_curates_for_all_and_an_organization_for_itself(command: Command) -> None:
    for ref, by in ((at(WIKI), ADA), (at(WIKI, "acme"), ROOT), (at(WIKI, "acme"), BOB)):
        with refused("forbidden"):
            when(command, ref, by, there(WIKI), acme())


@each(COMMANDS)
def test_what_is_not_there_is_not_curated(command: Command) -> None:
    with refused("blueprint-not-found"):
        when(command, at(OWN, "acme"), ADA, there(OWN, "rival"), acme())
    with refused("blueprint-not-found"):
        when(command, at(OWN), ROOT, there(OWN, "rival"))
    with refused("blueprint-not-found") as caught:
        when(command, at("bp-wiki", "acme"), ADA, there(WIKI), acme())
    assert "as in 'private-bp-wiki' or 'public-bp-wiki' or" in caught.value.message
    with refused("organization-not-found"):
        when(command, at(WIKI, "acme"), ADA, there(WIKI))


@pytest.mark.guarantee("G24.2")
@each(COMMANDS)
def test_what_the_platform_keeps_for_itself_is_not_there_for_an_organization(
    command: Command,
) -> None:
    """As the newest version says: an older one that was everybody's makes it no less secret."""
    ref = known_ref(None, WIKI)
    newer = bp1.VersionRegistered(
        name="bp-wiki",
        origin="public",
        version="1.1.0",
        digest=f"sha256:{'2' * 64}",
        size=1,
        spec={"visibility": "private"},
        source="main",
    )
    published = bp1.VersionPublished(name="bp-wiki", origin="public", version="1.1.0")
    when(command, at(WIKI, "acme"), ADA, there(WIKI), [(ref, newer)], acme())
    facts = (there(WIKI), [(ref, newer), (ref, published)], acme())
    with refused("blueprint-not-found") as found:
        when(command, at(WIKI, "acme"), ADA, *facts)
    with refused("blueprint-not-found") as none:
        when(command, at(WIKI, "acme"), ADA, acme())
    assert found.value.message == none.value.message
    when(command, at(WIKI), ROOT, *facts)


@pytest.mark.guarantee("G24.2")
@each(COMMANDS)
def test_an_organization_curates_what_is_private_to_itself(command: Command) -> None:
    """And what waits to be published is there already."""
    private = bp1.VersionRegistered(
        name="bp-wiki",
        origin="private",
        version="1.0.0",
        digest=f"sha256:{'1' * 64}",
        size=1,
        spec={"visibility": "private"},
        source="main",
    )
    published = bp1.VersionPublished(name="bp-wiki", origin="private", version="1.0.0")
    ref = known_ref("acme", OWN)
    when(command, at(OWN, "acme"), ADA, [(ref, private), (ref, published)], acme())
    if command != PIN:
        when(command, at(OWN, "acme"), ADA, [(ref, private)], acme())


def test_only_a_version_that_can_be_installed_is_pinned() -> None:
    yank = bp1.VersionYanked(name="bp-wiki", origin="public", version="1.0.0", reason="It leaks.")
    yanked = [(known_ref(None, WIKI), yank)]
    with refused("blueprint-version-not-found"):
        when(PIN, at(WIKI), ROOT, there(WIKI), yanked)
    assert when(PIN, at(WIKI), ROOT, there(WIKI)).events
