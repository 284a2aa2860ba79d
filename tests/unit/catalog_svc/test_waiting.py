"""What a version waits for, as links down to the source, and as one Organization may see it."""

import json
from typing import Any

import pytest
from tests.support.catalogue import NOON, PROD, Shop
from tests.unit.catalog_svc.test_solve_queries import ask

from catalyst.contracts import blueprint_v1 as bp1
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
    shop.tell(ref, bp1.BlueprintWithdrawn(name="bp-old", origin="private", reason="Old."))
    assert chain(shop, "bp-old") == []
    ready: Any = {"origin": "private", "organization": "acme"}
    shop.blueprint("bp-blog", "0.9.0", **ready)
    assert ask(shop, "why-not", blueprint="bp-blog", version="*")["possible"] is True


def test_a_version_that_never_came_may_be_in_a_source_that_is_not_read(shop: Shop) -> None:
    shop.blueprint("bp-crm", "1.0.0", origin="private", organization="acme")
    answer = ask(shop, "why-not", blueprint="bp-crm", version="2.0.0")
    assert [(link["kind"], link["name"]) for link in answer["chain"]] == [("source", "main")]


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
