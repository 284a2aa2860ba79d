"""What an Organization is answered: cards, facets, versions, forms; and nothing of any other."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.blueprints import package
from tests.support.catalogue import NOON, Shop
from tests.support.each import each
from tests.unit.catalog_svc.test_prices import recorded

from catalyst.blueprints.package import Package
from catalyst.catalog_svc.adapters.engine import Tantivy
from catalyst.catalog_svc.domain.prices import Prices
from catalyst.catalog_svc.queries_search import Searching
from catalyst.catalog_svc.queries_show import Looking
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts import catalog_v1 as cat1
from catalyst.contracts.decision import Actor
from catalyst.contracts.money_v1 import Money
from catalyst.contracts.prices_v1 import Book, Priced
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Ref

WHO = Actor(name="user:test#ada")
DATABASE = {
    "type": "string",
    "x-catalyst-ui-hint": "application-ref",
    "x-catalyst-ui-filter": {"blueprint": "postgres", "environment": "current"},
}
PICKER = {
    "type": "object",
    "properties": {
        "db": DATABASE,
        "size": {"type": "integer", "default": 5, "x-catalyst-immutable": True},
    },
}


async def load(ref: Ref, *, up_to: int | None = None) -> Any:
    raise LookupError(f"nothing is loaded here, {ref} up to {up_to} neither")


class Files:
    """Contents for tests: a README, or nothing that can be read."""

    def __init__(self, readable: bool = True) -> None:  # noqa: FBT001, FBT002
        self.readable = readable

    async def get(self, digest: str) -> Package:
        if not self.readable:
            raise Rejected("unavailable", f"the content {digest} cannot be read now")
        return package()


class Catalog:
    """The questions, on facts in memory."""

    def __init__(self, shop: Shop, prices: Prices | None = None, *, readable: bool = True) -> None:
        prices = prices or Prices()
        self.searching = Searching(shop.catalogue, prices, Tantivy)
        self.looking = Looking(shop.catalogue, prices, Files(readable))

    def ask(self, name: str, organization: str = "acme", /, **request: Any) -> Any:
        return asyncio.run(self.asked(name, organization, **request))

    async def asked(self, name: str, organization: str, /, **request: Any) -> Any:
        run: Callable[..., Coroutine[Any, Any, Any]] = (
            self.searching.search if name == "search" else getattr(self.looking, name)
        )
        # It travels as JSON.
        return json.loads(json.dumps(await run(request, organization, WHO, load)))

    def found(self, text: str = "", organization: str = "acme", **request: Any) -> list[str]:
        answer = self.ask("search", organization, text=text, **request)
        return [item["name"] for item in answer["items"]]


def shop() -> Shop:
    made = Shop()
    made.organization("acme", "acme-prod", "acme-dev")
    made.organization("beta")
    return made


def priced(*prices: tuple[str, int], start: datetime = NOON) -> Prices:
    made = Prices()
    book = Book(
        book="main",
        version="2026-04",
        start=start,
        currencies=("OMR",),
        packages=(),
        addons=(),
        blueprints=tuple(
            Priced(sku=sku, name=sku.title(), month=(Money(currency="OMR", minor=minor),))
            for sku, minor in prices
        ),
    )
    event = bill1.PriceBookApplied(content=book, digest="d")
    made.take(recorded(event))
    return made


# ---- search


def test_pages_follow_each_other_and_say_how_much_there_is() -> None:
    facts = shop()
    for number in range(5):
        facts.blueprint(f"bp-x{number}", "1.0.0")
    catalog = Catalog(facts)
    first = catalog.ask("search", limit=2)
    assert (first["total"], first["next"]) == (5, 2)
    last = catalog.ask("search", limit=2, offset=4)
    assert ([item["name"] for item in last["items"]], last["next"]) == (["bp-x4"], None)
    beyond = catalog.ask("search", offset=9)
    assert (beyond["items"], beyond["next"], beyond["total"]) == ([], None, 5)


@pytest.mark.guarantee("G12.4")
def test_a_price_that_is_not_there_is_absent_and_never_zero() -> None:
    facts = shop()
    facts.blueprint("bp-wiki", "1.0.0")
    facts.blueprint("bp-free", "1.0.0")
    items = Catalog(facts, priced(("wiki", 5000))).ask("search")["items"]
    assert [item["price"] for item in items] == [
        None,
        [{"currency": "OMR", "minor": 5000, "text": "5.000 OMR"}],
    ]
    later = priced(("wiki", 5000), start=datetime(2200, 1, 1, tzinfo=UTC))
    assert Catalog(facts, later).ask("show", blueprint="wiki")["card"]["price"] is None


def test_what_changes_is_found_as_it_is_now() -> None:
    facts = shop()
    facts.blueprint("bp-wiki", "1.0.0")
    facts.blueprint("bp-chat", "1.0.0")
    catalog = Catalog(facts)
    assert catalog.found() == ["bp-chat", "bp-wiki"]
    facts.curated("public-bp-wiki", cat1.BlueprintFeatured())
    assert catalog.found() == ["bp-wiki", "bp-chat"]
    facts.curated("public-bp-chat", cat1.BlueprintHidden(reason="no"), organization="acme")
    assert catalog.found() == ["bp-wiki"]
    assert catalog.found(organization="beta") == ["bp-wiki", "bp-chat"]
    facts.curated("public-bp-chat", cat1.CategorySet(category="talk"))
    assert catalog.found(organization="beta", category=["talk"]) == ["bp-chat"]


@each([{"text": 5}, {"limit": 0}, {"limit": 101}, {"offset": -1}, {"more": 1}])
def test_a_wrong_question_is_refused(request_: dict[str, Any]) -> None:
    with pytest.raises(Rejected) as refused:
        Catalog(shop()).ask("search", **request_)
    assert refused.value.code == "invalid-data"


def test_an_organization_that_is_not_there_has_no_catalogue() -> None:
    with pytest.raises(Rejected) as refused:
        Catalog(shop()).ask("search", "gamma")
    assert refused.value.code == "organization-not-found"


# ---- one Blueprint


def test_versions_say_whether_what_runs_can_be_upgraded_or_why_not() -> None:
    facts = shop()
    facts.blueprint("bp-wiki", "1.0.0")
    facts.blueprint("bp-wiki", "1.10.0", upgrades={"from": ["1.x"]})
    facts.blueprint("bp-wiki", "1.9.0", upgrades={"blocks": ["1.0.0"]})
    facts.blueprint("bp-wiki", "2.0.0", upgrades={"from": ["^1.9"]})
    ref = facts.blueprint("bp-wiki", "1.11.0")
    yanked = bp1.VersionYanked(
        name="bp-wiki", origin="public", version="1.11.0", reason="leaks", security=True
    )
    facts.tell(ref, yanked)
    facts.blueprint("bp-wiki", "3.0.0", published=False)
    facts.runs("site", "bp-wiki", "1.0.0")
    catalog = Catalog(facts)
    found = catalog.ask("versions", blueprint="wiki", environment="acme-prod", application="site")
    lines = {line["version"]: line for line in found["versions"]}
    assert list(lines) == ["3.0.0", "2.0.0", "1.11.0", "1.10.0", "1.9.0", "1.0.0"]
    assert [version for version, line in lines.items() if line["upgradable"]] == ["1.10.0"]
    assert lines["2.0.0"]["upgrade_reason"] == (
        "2.0.0 can be reached from ^1.9, and 1.0.0 is installed"
    )
    assert "blocks 1.0.0" in lines["1.9.0"]["upgrade_reason"]
    assert "leaks" in lines["1.11.0"]["upgrade_reason"]
    assert (lines["1.11.0"]["state"], lines["1.11.0"]["security"]) == ("yanked", True)
    assert lines["3.0.0"]["state"] == "pending"
    nothing = catalog.ask("versions", blueprint="bp-wiki")
    assert {line["upgradable"] for line in nothing["versions"]} == {None}


def test_what_a_setting_alone_asks_for_is_told_apart() -> None:
    facts = shop()
    needs = (
        ("bp-postgres", ""),
        ("bp-object-store", "config.files == 's3'"),
        ("bp-valkey", "{{ .config.cache == 'own' }}"),
        ("bp-mailpit", " ${{ config.mail == 'own'\n}}\n"),
    )
    depends = [
        {"blueprint": name, "version": "^1", "alias": name[3:].replace("-", "_"), "when": when}
        for name, when in needs
    ]
    facts.blueprint("bp-cloud", "1.0.0", depends=depends)
    assert Catalog(facts).ask("show", blueprint="cloud")["needs"] == [
        "bp-postgres ^1",
        "bp-object-store ^1 (if its settings ask for it: config.files == 's3')",
        "bp-valkey ^1 (if its settings ask for it: .config.cache == 'own')",
        "bp-mailpit ^1 (if its settings ask for it: config.mail == 'own')",
    ]


def test_a_blueprint_shows_where_it_runs_and_survives_content_that_cannot_be_read() -> None:
    facts = shop()
    facts.blueprint("bp-wiki", "1.0.0", "bp-postgres ^16")
    facts.runs("site", "bp-wiki", "1.0.0")
    shown = Catalog(facts, readable=False).ask("show", blueprint="wiki")
    assert shown["readme"] is None
    assert shown["needs"] == ["bp-postgres ^16"]
    assert shown["copies"] is None
    assert [(run["application"], run["environment"]) for run in shown["runs"]] == [
        ("site", "acme-prod")
    ]
    assert Catalog(facts).ask("show", "beta", blueprint="wiki")["runs"] == []


def test_what_is_hidden_is_shown_to_whoever_runs_it_alone() -> None:
    facts = shop()
    facts.blueprint("bp-wiki", "1.0.0")
    facts.curated("public-bp-wiki", cat1.BlueprintHidden(reason="old"))
    facts.runs("site", "bp-wiki", "1.0.0")
    catalog = Catalog(facts)
    assert catalog.ask("show", blueprint="wiki")["hidden"] == "old"
    with pytest.raises(Rejected) as refused:
        catalog.ask("show", "beta", blueprint="wiki")
    assert refused.value.code == "blueprint-not-found"


def test_two_versions_are_compared() -> None:
    facts = shop()
    facts.blueprint("bp-wiki", "1.0.0", configSchema=PICKER)
    changed: dict[str, Any] = {"db": DATABASE, "size": {"type": "integer", "default": 9}}
    facts.blueprint(
        *("bp-wiki", "2.0.0"),
        configSchema={"type": "object", "properties": changed},
        depends=[{"blueprint": "bp-postgres", "version": "^16", "alias": "db"}],
    )
    found = Catalog(facts).ask("diff", blueprint="wiki", old="1.0.0", new="2.0.0")
    (dependency,) = found["dependencies"]
    assert (dependency["what"], dependency["name"], dependency["before"]) == ("added", "db", {})
    assert dependency["after"] == {"blueprint": "bp-postgres", "version": "^16"}
    assert [(one["path"], one["before"], one["after"]) for one in found["defaults"]] == [
        ("size", {"default": 5, "x-catalyst-immutable": True}, {"default": 9})
    ]
    with pytest.raises(Rejected) as refused:
        Catalog(facts).ask("diff", blueprint="wiki", old="1.0.0", new="9.0.0")
    assert refused.value.code == "blueprint-version-not-found"
    said = "bp-wiki has no version '9.0.0' that is published; there is 2.0.0, 1.0.0"
    assert refused.value.message == said


def test_a_form_offers_what_runs_there_and_fixes_what_cannot_change() -> None:
    facts = shop()
    facts.blueprint("bp-wiki", "1.0.0", configSchema=PICKER)
    facts.blueprint("bp-postgres", "16.0.0")
    facts.runs("db", "bp-postgres", "16.0.0")
    facts.runs("db-dev", "bp-postgres", "16.0.0", environment="acme-dev")
    facts.runs("theirs", "bp-postgres", "16.0.0", organization="beta", environment="beta-prod")
    facts.runs("site", "bp-wiki", "1.0.0", values={"db": "db", "size": 7})
    catalog = Catalog(facts)
    new = catalog.ask("form", blueprint="wiki", environment="acme-prod")["fields"]
    assert [option["application"] for option in new[0]["options"]] == ["db"]
    assert (new[1]["value"], new[1]["locked"]) == (5, False)
    there = catalog.ask("form", blueprint="wiki", environment="acme-prod", application="site")
    assert [(one["value"], one["locked"]) for one in there["fields"]] == [("db", False), (7, True)]
    anywhere = catalog.ask("form", blueprint="wiki")["fields"]
    assert [option["application"] for option in anywhere[0]["options"]] == ["db", "db-dev"]
    for wrong, code in (
        ({"environment": "acme-none"}, "environment-not-found"),
        ({"environment": "acme-prod", "application": "theirs"}, "application-not-found"),
        ({"environment": "acme-prod", "application": "db"}, "blueprint-cannot-run-there"),
    ):
        with pytest.raises(Rejected) as refused:
            catalog.ask("form", blueprint="wiki", **wrong)
        assert refused.value.code == code


# ---- two Organizations

SECRET = "zebra"
words = st.sampled_from(["wiki", "chat", SECRET])
facts_of_beta = st.lists(
    st.tuples(st.sampled_from(["blueprint", "yank", "curate", "run", "collide"]), words), max_size=6
)


def told(facts: Shop, kind: str, word: str) -> None:
    """Let something happen in `beta` alone."""
    name = "bp-wiki" if kind == "collide" else f"bp-{SECRET}-{word}"
    card = {"title": f"{SECRET} {word}", "category": SECRET, "tags": [SECRET, "cms"]}
    ref = facts.blueprint(
        name, "9.9.9", origin="private", organization="beta", card=card, visibility="private"
    )
    match kind:
        case "yank":
            yank = bp1.VersionYanked(
                name=name, origin="private", version="9.9.9", reason=SECRET, security=True
            )
            facts.tell(ref, yank)
        case "curate":
            for id_ in (f"private-{name}", "public-bp-wiki", "public-bp-chat"):
                facts.curated(
                    id_,
                    cat1.BlueprintFeatured(),
                    cat1.BlueprintHidden(reason=SECRET),
                    cat1.CategorySet(category=SECRET),
                    cat1.VersionPinned(version="1.0.0", reason=SECRET),
                    organization="beta",
                )
        case "run":
            facts.runs(
                SECRET, "bp-postgres", "16.0.0", organization="beta", environment="beta-prod"
            )
        case _:
            return


def public() -> Shop:
    facts = shop()
    facts.blueprint("bp-wiki", "1.0.0", configSchema=PICKER)
    facts.blueprint("bp-wiki", "1.1.0", configSchema=PICKER)
    facts.blueprint("bp-chat", "1.0.0")
    facts.blueprint("bp-postgres", "16.0.0")
    facts.runs("db", "bp-postgres", "16.0.0")
    # Both have something of their own, and as much of it.
    facts.blueprint("bp-own", "1.0.0", origin="private", organization="acme")
    return facts


async def everything(facts: Shop, organization: str = "acme") -> list[Any]:
    """Return every answer and every refusal that an Organization can get."""
    catalog = Catalog(facts, priced(("wiki", 5000)))
    # The other one asks first, so that whatever is kept ready was made for it.
    await catalog.asked("search", "beta")
    texts = ("", "wiki", "zebr", "zebra chat", "bp-zebra-wiki", "bp-wiki")
    questions: list[tuple[str, dict[str, Any]]] = [("search", {"text": text}) for text in texts]
    questions.append(("search", {"category": [SECRET]}))
    questions.append(("search", {"origin": ["private"], "tag": [SECRET]}))
    for name in ("wiki", "chat", "zebra-wiki", "zebra-chat", "never-there"):
        questions.append(("show", {"blueprint": name}))
        questions.append(("versions", {"blueprint": name, "installed": "1.0.0"}))
        questions.append(("diff", {"blueprint": name, "old": "1.0.0", "new": "9.9.9"}))
        questions.append(("form", {"blueprint": name}))
        inside = {"blueprint": name, "environment": "beta-prod", "application": SECRET}
        questions += [("form", inside), ("versions", inside)]
    answers: list[Any] = []
    for kind, request in questions:
        try:
            answers.append(await catalog.asked(kind, organization, **request))
        except Rejected as refused:
            answers.append((refused.code, refused.message))
    return answers


@cache
def before() -> list[Any]:
    """What acme is answered while there is nothing of the other one."""
    return asyncio.run(everything(public()))


@pytest.mark.guarantee("G23.1")
@given(happened=facts_of_beta)
def test_nothing_of_another_organization_is_in_any_answer(happened: list[tuple[str, str]]) -> None:
    facts = public()
    for kind, word in happened:
        told(facts, kind, word)
    assert asyncio.run(everything(facts)) == before()


@pytest.mark.guarantee("G23.1")
def test_the_other_organization_does_find_its_own() -> None:
    facts = public()
    told(facts, "blueprint", "wiki")
    told(facts, "collide", "wiki")
    catalog = Catalog(facts)
    assert catalog.found("zebr", "beta") == ["bp-zebra-wiki", "bp-wiki"]
    assert catalog.ask("show", "beta", blueprint="wiki")["card"]["origin"] == "private"
    assert catalog.ask("show", "acme", blueprint="wiki")["card"]["origin"] == "public"
