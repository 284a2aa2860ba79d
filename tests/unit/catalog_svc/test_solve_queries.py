"""The questions `solve` and `why-not`, as JSON and for those who may ask."""

import asyncio
import json
from typing import Any

import pytest
from tests.support.catalogue import PROD, Contents, Shop
from tests.support.each import each

from catalyst.catalog_svc.domain import solving
from catalyst.catalog_svc.queries_solve import Solving
from catalyst.contracts.decision import Actor
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Ref

WHO = Actor(name="user:test#ada")


async def load(ref: Ref, *, up_to: int | None = None) -> Any:
    raise LookupError(f"nothing is loaded here, {ref} up to {up_to} neither")


@pytest.fixture
def shop() -> Shop:
    found = Shop()
    found.organization()
    found.blueprint("bp-postgres", "15.4.0")
    found.blueprint("bp-postgres", "16.1.0")
    found.blueprint("bp-wiki", "1.0.0", "bp-postgres ^15")
    found.blueprint("bp-wiki", "2.0.0", "bp-postgres ^16", upgrades={"from": ["1.x"]})
    return found


def ask(shop: Shop, name: str, organization: str = "acme", *, by: Any = WHO, **request: Any) -> Any:
    """Return an answer as it travels."""
    service = Solving(shop.catalogue, Contents())
    run = {"solve": service.solve, "why-not": service.why_not}[name]
    return json.loads(json.dumps(asyncio.run(run(request, organization, by, load))))


def test_a_lock_holds_what_a_plan_needs(shop: Shop) -> None:
    answer = ask(shop, "solve", environment=PROD, application="wiki", blueprint="wiki")
    assert [one["application"] for one in answer["lock"]] == ["postgres", "wiki"]
    target = answer["lock"][1]
    assert target.pop("digest").startswith("sha256:")
    assert target == {
        "application": "wiki",
        "environment": PROD,
        "blueprint": "bp-wiki",
        "origin": "public",
        "version": "2.0.0",
        "role": "target",
        "dependencies": {"postgres": "postgres"},
    }
    assert answer["warnings"] == []


def test_why_not_answers_in_a_row_or_nothing(shop: Shop) -> None:
    shop.runs("db", "bp-postgres", "15.4.0")
    shop.runs("crm", "bp-wiki", "1.0.0", postgres="db")
    here = ask(shop, "why-not", blueprint="wiki", version="2.0.0", environment=PROD)
    assert here["possible"] is False
    assert here["chain"] == []
    assert here["reasons"][:2] == [
        "bp-wiki 2.0.0 needs bp-postgres ^16",
        "acme-prod already runs bp-postgres 15.4.0 as db, shared by crm, which needs ^15",
    ]
    alone = ask(
        shop, "why-not", blueprint="wiki", version="2.0.0", environment=PROD, application="crm"
    )
    assert alone == {"possible": True, "reasons": [], "chain": []}
    assert ask(shop, "why-not", blueprint="wiki", version="2.0.0")["possible"] is True
    assert ask(shop, "why-not", blueprint="wiki", version="9.0.0")["reasons"] == [
        "bp-wiki has no version 9.0.0; there is 2.0.0, 1.0.0"
    ]


def test_what_is_missing_is_told_at_its_field_and_not_as_what_is_made_of_it(shop: Shop) -> None:
    known = {"properties": {"domain": {"type": "string"}, "deep": {"type": "boolean"}}}
    named = {"type": "object", "required": ["domain"], **known}
    shop.blueprint("bp-chat", "1.0.0")
    chat = {
        "blueprint": "bp-chat",
        "version": "*",
        "alias": "chat",
        "values": {"domain": "chat.${{ config.domain }}"},
    }
    shop.blueprint("bp-pages", "1.0.0", configSchema=named, depends=[chat])
    asked = {"environment": PROD, "application": "pages", "blueprint": "pages"}
    with pytest.raises(Rejected) as caught:
        ask(shop, "solve", **asked, config={"deep": "often"})
    assert caught.value.code == "values-invalid"
    assert [(one.pointer, one.message) for one in caught.value.errors] == [
        ("/config/deep", "deep must be true or false"),
        ("/config/domain", "domain is missing; add domain"),
    ]
    free = {"type": "object", **known}
    shop.blueprint("bp-pages", "1.1.0", configSchema=free, depends=[chat])
    with pytest.raises(Rejected) as caught:
        ask(shop, "why-not", **asked, version="*")
    # No schema asks for it: what is made of it does.
    assert [one.pointer for one in caught.value.errors] == ["/config"]
    assert caught.value.message == "chat: there is no domain; has(…) asks for it"


def test_what_is_not_found_out_is_no_answer_that_it_can_be_had(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(solving, "_SEARCHES", 0)
    found = ask(shop, "why-not", blueprint="wiki", version="2.0.0", environment=PROD)
    told = ["the configuration of what is needed never settles"]
    assert found == {"possible": False, "reasons": told, "chain": []}


@each(
    [
        ("solve", {"environment": PROD}, "invalid-data"),
        ("solve", {"environment": PROD, "application": "x", "more": 1}, "invalid-data"),
        ("solve", {"environment": "no-prod", "application": "x"}, "environment-not-found"),
        ("why-not", {"blueprint": "none", "version": "1.0.0"}, "blueprint-not-found"),
        ("why-not", {"blueprint": "wiki", "version": "new"}, "invalid-data"),
        (
            "why-not",
            {"blueprint": "wiki", "version": "1.0.0", "environment": "no-prod"},
            "environment-not-found",
        ),
    ]
)
def test_a_wrong_question_is_told_where(
    name: str, request_: dict[str, Any], code: str, *, shop: Shop
) -> None:
    with pytest.raises(Rejected, check=lambda error: error.code == code):
        ask(shop, name, **request_)


@pytest.mark.guarantee("G24.2")
def test_another_organization_s_environments_and_blueprints_are_not_there(shop: Shop) -> None:
    shop.organization("rival")
    shop.blueprint("bp-secret", "1.0.0", origin="private", organization="rival")
    for name in ("bp-secret", "bp-nothing"):
        with pytest.raises(Rejected) as caught:
            ask(shop, "why-not", blueprint=name, version="1.0.0")
        assert caught.value.message == f"there is no Blueprint '{name}'"
    with pytest.raises(Rejected, check=lambda error: error.code == "environment-not-found"):
        ask(shop, "solve", environment="rival-prod", application="x", blueprint="bp-wiki")
    with pytest.raises(Rejected, check=lambda error: error.code == "organization-not-found"):
        ask(shop, "solve", "nobody", environment=PROD, application="x", blueprint="bp-wiki")
