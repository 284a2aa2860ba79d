"""What a version waits for, as links down to the source, and as one Organization may see it."""

import json
from typing import Any

import pytest
from tests.support.catalogue import NOON, PROD, Shop
from tests.unit.catalog_svc.test_solve_queries import ask

from catalyst.blueprints.versions import parse_range
from catalyst.catalog_svc.domain import waiting
from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts import catalog_v1 as cat1
from catalyst.contracts.decision import Actor
from catalyst.contracts.roles import SOVEREIGN_ADMIN
from catalyst.contracts.subjects import Ref

KEPT = "lost", "secret.example"
"""Words of a source of the platform."""


def source(shop: Shop, name: str, organization: str | None, *events: Any) -> None:
    added = bp1.SourceAdded(name=name, kind="git", location="/git/x.git", origin="private")
    shop.tell(Ref(organization, "blueprint", "source", name), added, *events)


def failed(name: str, failures: int = 1) -> bp1.SyncFailed:
    message = f"git refused {name} at secret.example"
    return bp1.SyncFailed(run=failures, code="refused", message=message, failures=failures)


def awaits(shop: Shop, name: str, *needs: tuple[str, str], origin: bp1.Origin = "private") -> Ref:
    """Register a version that is not published."""
    owner = "acme" if origin == "private" else None
    texts = [" ".join(need) for need in needs]
    ref = shop.blueprint(name, "1.0.0", *texts, origin=origin, organization=owner, published=False)
    missing = tuple(bp1.Missing(blueprint=need, version=wanted) for need, wanted in needs)
    shop.tell(ref, bp1.VersionAwaits(name=name, version="1.0.0", missing=missing))
    return ref


def pending(shop: Shop, name: str, version: str, need: str) -> None:
    """Register one more version of the Organization's own that waits."""
    private: Any = {"origin": "private", "organization": "acme"}
    ref = shop.blueprint(name, version, f"{need} ^9", published=False, **private)
    missing = (bp1.Missing(blueprint=need, version="^9"),)
    shop.tell(ref, bp1.VersionAwaits(name=name, version=version, missing=missing))


def chain(shop: Shop, name: str, **more: Any) -> list[tuple[str, str, str]]:
    answer = ask(shop, "why-not", blueprint=name, version="*", **more)
    assert answer["possible"] is False
    assert all(link["who"] and link["what_to_do"] for link in answer["chain"])
    return [(link["kind"], link["name"], link["code"]) for link in answer["chain"]]


@pytest.fixture
def shop() -> Shop:
    found = Shop()
    found.organization()
    awaits(found, "bp-blog", ("bp-wiki", "^1"))
    awaits(found, "bp-wiki", ("bp-db", "^2"))
    source(found, "main", "acme", failed("main"), failed("main", 2))
    return found


WHOLE = [
    ("blueprint", "bp-wiki", "dependency-missing"),
    ("blueprint", "bp-db", "dependency-missing"),
    ("source", "main", "refused"),
]


@pytest.mark.guarantee("G13.7")
@pytest.mark.parametrize("place", [{}, {"environment": PROD, "application": "blog"}])
def test_a_version_that_waits_leads_to_the_source_that_is_not_read(
    shop: Shop, place: dict[str, str]
) -> None:
    assert chain(shop, "bp-blog", **place) == WHOLE
    answer = ask(shop, "why-not", blueprint="bp-blog", version="*", **place)
    last = answer["chain"][-1]
    assert last["since"] == f"{NOON:%Y-%m-%dT%H:%M:%SZ}"
    assert "git refused main" in last["message"]
    assert "it was tried 2 times" in last["message"]


def test_a_source_that_is_read_again_is_no_cause_any_more(shop: Shop) -> None:
    ref = Ref("acme", "blueprint", "source", "main")
    shop.tell(ref, bp1.SyncCompleted(run=3, revision="r", versions=0, refused=0))
    assert chain(shop, "bp-blog")[-1] == ("source", "platform", "not-shown")
    shop.tell(ref, failed("main"), bp1.SourceRemoved(name="main"), failed("main"))
    assert chain(shop, "bp-blog")[-1] == ("source", "platform", "not-shown")


def test_a_package_that_is_not_taken_is_told_for_as_long_as_it_is_there(shop: Shop) -> None:
    finding = bp1.Finding(
        severity="error", rule="r", file="", line=0, column=0, pointer="", message="no card"
    )
    bad = bp1.Refused(folder="db", blueprint="bp-db", version="2.0.0", findings=(finding,))
    ref = Ref("acme", "blueprint", "source", "main")
    found = bp1.VersionsFound(run=3, next=0, revision="r", refused=(bad,))
    shop.tell(ref, found, bp1.SyncCompleted(run=3, revision="r", versions=0, refused=1))
    assert chain(shop, "bp-blog")[-1] == ("source", "main", "package-refused")
    shop.tell(ref, bp1.VersionsFound(run=4, next=0, revision="s"))
    assert chain(shop, "bp-blog")[-1][2] == "not-shown"


@pytest.mark.guarantee("G13.7")
@pytest.mark.guarantee("G24.2")
def test_a_chain_ends_where_something_is_not_the_reader_s_to_see(shop: Shop) -> None:
    shop.organization("rival")
    secret: Any = {"organization": "rival", "origin": "private", "published": False}
    shop.blueprint("bp-db", "2.0.0", "bp-plans ^3", **secret)
    source(shop, "rivals-own", "rival", failed("rivals-own"))
    assert chain(shop, "bp-blog") == WHOLE
    # Of the platform's own: that there is something, and since when.
    source(shop, "lost", None, failed("lost"))
    found = ask(shop, "why-not", blueprint="bp-blog", version="*")["chain"]
    assert found[-1]["name"] == "platform"
    assert found[-1]["since"] is not None
    for word in ("rival", "bp-plans", "lost"):
        assert word not in json.dumps(found)


@pytest.mark.guarantee("G13.7")
def test_what_all_have_never_waits_for_somebody_s_own(shop: Shop) -> None:
    awaits(shop, "bp-shop", ("bp-wiki", "^1"), origin="public")
    assert chain(shop, "bp-shop") == [
        ("blueprint", "bp-wiki", "dependency-missing"),
        ("source", "platform", "not-shown"),
    ]
    source(shop, "lost", None, failed("lost"))
    found = ask(shop, "why-not", "", blueprint="bp-shop", version="*")["chain"]
    assert [link["name"] for link in found] == ["bp-wiki", "lost"]


def test_what_is_refused_for_good_waits_for_nothing(shop: Shop) -> None:
    ref = awaits(shop, "bp-old", ("bp-wiki", "^1"))
    about: Any = {"name": "bp-old", "origin": "private"}
    shop.tell(ref, bp1.VersionYanked(version="1.0.0", reason="Broken.", **about))
    assert chain(shop, "bp-old") == []
    awaits(shop, "bp-away", ("bp-wiki", "^1"))
    shop.curated("private-bp-away", cat1.BlueprintHidden(reason="Old."), organization="acme")
    assert chain(shop, "bp-away") == []
    awaits(shop, "bp-gone", ("bp-wiki", "^1"))
    gone = Ref("acme", "blueprint", "blueprint", "private-bp-gone")
    shop.tell(gone, bp1.BlueprintWithdrawn(name="bp-gone", origin="private", reason="Old."))
    assert chain(shop, "bp-gone") == []
    ready: Any = {"origin": "private", "organization": "acme"}
    shop.blueprint("bp-blog", "0.9.0", **ready)
    assert ask(shop, "why-not", blueprint="bp-blog", version="*")["possible"] is True


def test_a_version_that_never_came_may_be_in_a_source_that_is_not_read(shop: Shop) -> None:
    shop.blueprint("bp-crm", "1.0.0", origin="private", organization="acme")
    pending(shop, "bp-crm", "1.1.0", "bp-wiki")
    answer = ask(shop, "why-not", blueprint="bp-crm", version="2.0.0")
    assert [(link["kind"], link["name"]) for link in answer["chain"]] == [("source", "main")]


@pytest.mark.guarantee("G13.7")
def test_what_is_known_comes_from_where_it_came_from_before() -> None:
    shop = Shop()
    shop.organization()
    source(shop, "other", "acme", failed("other"))
    shop.blueprint("bp-crm", "1.0.0", origin="private", organization="acme")
    assert ask(shop, "why-not", blueprint="bp-crm", version="2.0.0")["chain"] == []
    awaits(shop, "bp-wiki", ("bp-crm", "^2"))
    awaits(shop, "bp-blog", ("bp-wiki", "^1"))
    assert chain(shop, "bp-blog") == [
        ("blueprint", "bp-wiki", "dependency-missing"),
        ("blueprint", "bp-crm", "dependency-missing"),
    ]
    # The platform's source is another one, whatever it is called.
    shop.blueprint("bp-db", "1.0.0")
    source(shop, "main", "acme", failed("main"))
    awaits(shop, "bp-shop", ("bp-db", "^2"))
    assert chain(shop, "bp-shop") == [
        ("blueprint", "bp-db", "dependency-missing"),
        ("source", "platform", "not-shown"),
    ]


@pytest.mark.guarantee("G13.7")
def test_of_many_versions_that_wait_the_newest_are_told_newest_first(shop: Shop) -> None:
    for minor in range(waiting.MAX_NAMED + 5):
        pending(shop, "bp-wiki", f"1.{minor}.0", f"bp-n{minor}")
    named = [f"bp-n{minor}" for minor in reversed(range(5, waiting.MAX_NAMED + 5))]
    for name, first in (("bp-wiki", []), ("bp-blog", ["bp-wiki"])):
        told = [link for kind, link, _ in chain(shop, name) if kind == "blueprint"]
        assert told == [*first, *named]


def test_nothing_is_waited_for_where_something_fits_or_nothing_fits_all(shop: Shop) -> None:
    shop.blueprint("bp-wiki", "1.1.0", origin="private", organization="acme")
    every, first, second = (parse_range(text) for text in ("*", "1.0.x", "^2"))
    assert waiting.chain(shop.catalogue, "acme", "bp-wiki", [every]) == ()
    (need, *_) = waiting.chain(shop.catalogue, "acme", "bp-wiki", [first])
    assert need.name == "bp-db"
    left = waiting.chain(shop.catalogue, "acme", "bp-wiki", [first, second])
    assert [(link.kind, link.name) for link in left] == [("source", "main")]


def test_a_circle_ends() -> None:
    shop = Shop()
    shop.organization()
    for name, need in (("bp-a", "bp-b"), ("bp-b", "bp-a")):
        ref = awaits(shop, name, (need, "*"))
        cycle = (f"{name} 1.0.0", f"{need} 1.0.0", f"{name} 1.0.0")
        shop.tell(ref, bp1.VersionAwaits(name=name, version="1.0.0", missing=(), cycle=cycle))
    assert chain(shop, "bp-a") == [("blueprint", "bp-a", "dependency-cycle")]


def test_who_runs_catalyst_is_not_told_to_ask_whoever_runs_it(shop: Shop) -> None:
    shop.tell(Ref("acme", "blueprint", "source", "main"), bp1.SourceRemoved(name="main"))
    whole = chain(shop, "bp-blog")
    assert whole[-1] == ("source", "platform", "not-shown")
    runner = Actor(name="user:test#root", roles=frozenset({SOVEREIGN_ADMIN}))
    assert chain(shop, "bp-blog", by=runner) == whole[:-1]
