"""Solving: a lock that fits, or the reasons in a row."""

from typing import Any

import pytest
from tests.support.catalogue import PROD, Shop, digest

from catalyst.catalog_svc.domain import resolving
from catalyst.catalog_svc.domain.solving import Solution, solve
from catalyst.catalog_svc.domain.universe import Request
from catalyst.contracts import application_v1 as app1
from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts import catalog_v1 as cat1
from catalyst.contracts.message import Event
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Ref

BOTH = ("1.0.0", "2.0.0")
BOTH_RAN = ("1.0.0", "1.1.0")


@pytest.fixture
def shop() -> Shop:
    found = Shop()
    found.organization()
    return found


def solved(shop: Shop, application: str = "wiki", **more: Any) -> Solution:
    """Return the solution for a copy of the Blueprint of the same name."""
    more.setdefault("blueprint", f"bp-{application}")
    request = Request(environment=PROD, application=application, **more)
    return solve(shop.catalogue, "acme", request)


def lock(shop: Shop, application: str = "wiki", **more: Any) -> list[tuple[str, str, str, str]]:
    """Return application, Blueprint, version and role of everything in the lock."""
    return [
        (one.application, one.blueprint, one.version, one.role)
        for one in solved(shop, application, **more).lock
    ]


def reasons(shop: Shop, application: str = "wiki", **more: Any) -> list[str]:
    """Return why there is no solution."""
    with pytest.raises(Rejected) as caught:
        solved(shop, application, **more)
    assert caught.value.code == "not-solvable"
    assert caught.value.message == "; ".join(one.message for one in caught.value.errors)
    places = {(one.pointer, one.rule) for one in caught.value.errors}
    assert places == {("/version", "not-solvable")}
    return [one.message for one in caught.value.errors]


def refused(code: str, *pointers: str) -> Any:
    """Expect a refusal with this code, at these places if any are named."""

    def fits(error: Rejected) -> bool:
        places = tuple(one.pointer for one in error.errors)
        return error.code == code and (not pointers or places == pointers)

    return pytest.raises(Rejected, check=fits)


@pytest.mark.guarantee("G24.3")
def test_the_newest_that_fits_with_its_dependencies_first(shop: Shop) -> None:
    shop.blueprint("bp-postgres", "15.4.0")
    shop.blueprint("bp-postgres", "16.1.0")
    shop.blueprint("bp-wiki", "1.0.0", "bp-postgres ^15")
    shop.blueprint("bp-wiki", "2.0.0", "db=bp-postgres ^16")
    shop.blueprint("bp-wiki", "3.0.0-rc.1")
    found = solved(shop)
    assert [(one.application, one.version, one.role) for one in found.lock] == [
        ("postgres", "16.1.0", "new"),
        ("wiki", "2.0.0", "target"),
    ]
    assert found.lock[1].dependencies == {"db": "postgres"}
    assert found.lock[0].digest == digest("bp-postgres", "16.1.0")
    assert lock(shop, version="1.x")[0] == ("postgres", "bp-postgres", "15.4.0", "new")
    assert lock(shop, version="3.0.0-rc.1") == [("wiki", "bp-wiki", "3.0.0-rc.1", "target")]


def test_those_that_are_new_share_what_they_need(shop: Shop) -> None:
    for version in ("16.1.0", "16.2.0", "17.0.0"):
        shop.blueprint("bp-postgres", version)
    shop.blueprint("bp-chat", "1.0.0", "bp-postgres >=16 <17")
    shop.blueprint("bp-pages", "1.0.0", "bp-postgres <=16.1.0")
    shop.blueprint("bp-wiki", "1.0.0", "bp-chat", "bp-pages", "bp-postgres")
    assert lock(shop) == [
        ("postgres", "bp-postgres", "16.1.0", "new"),
        ("chat", "bp-chat", "1.0.0", "new"),
        ("pages", "bp-pages", "1.0.0", "new"),
        ("wiki", "bp-wiki", "1.0.0", "target"),
    ]


def test_what_runs_is_shared_as_it_is_or_upgraded_or_left_alone(shop: Shop) -> None:
    for version in ("15.4.0", "15.5.0", "16.0.0"):
        shop.blueprint("bp-postgres", version)
    shop.runs("db", "bp-postgres", "15.4.0")
    shop.blueprint("bp-wiki", "1.0.0", "bp-postgres ^15")
    assert lock(shop)[0] == ("db", "bp-postgres", "15.4.0", "shared")
    shop.blueprint("bp-wiki", "1.1.0", "bp-postgres ^15.5")
    assert lock(shop)[0] == ("db", "bp-postgres", "15.5.0", "upgraded")
    own = solved(shop, dependencies={"postgres": "new"})
    assert [(one.application, one.role) for one in own.lock] == [
        ("wiki-postgres", "new"),
        ("wiki", "target"),
    ]


@pytest.mark.guarantee("G24.3")
@pytest.mark.parametrize(
    "gone",
    [
        app1.DesiredSet(environment=PROD, change="ch-9", desired=None),
        app1.ApplicationRemoved(environment=PROD, change="ch-9", kept_data=True),
    ],
    ids=["goes", "gone"],
)
def test_what_goes_or_is_gone_is_not_shared(shop: Shop, gone: Event) -> None:
    shop.blueprint("bp-postgres", "16.1.0")
    shop.blueprint("bp-wiki", "1.0.0", "bp-postgres ^16")
    shop.runs("db", "bp-postgres", "16.1.0")
    assert lock(shop)[0] == ("db", "bp-postgres", "16.1.0", "shared")
    shop.tell(Ref("acme", "provisioning", "application", "db"), gone)
    assert lock(shop)[0] == ("postgres", "bp-postgres", "16.1.0", "new")


@pytest.mark.guarantee("G24.3")
def test_a_refusal_is_a_chain_down_to_who_stands_in_the_way(shop: Shop) -> None:
    shop.blueprint("bp-postgres", "15.4.0")
    shop.blueprint("bp-postgres", "16.1.0")
    shop.blueprint("bp-crm", "1.0.0", "bp-postgres ^15")
    shop.blueprint("bp-wiki", "2.0.0", "bp-postgres ^16")
    shop.runs("db", "bp-postgres", "15.4.0")
    shop.runs("crm", "bp-crm", "1.0.0", postgres="db")
    assert reasons(shop) == [
        "bp-wiki 2.0.0 needs bp-postgres ^16",
        "acme-prod already runs bp-postgres 15.4.0 as db, shared by crm, which needs ^15",
        "a postgres of its own is another way",
    ]
    assert lock(shop, dependencies={"postgres": "new"})[0][2] == "16.1.0"


def test_a_refusal_says_what_can_be_had(shop: Shop) -> None:
    shop.blueprint("bp-postgres", "16.1.0")
    shop.blueprint("bp-chat", "1.0.0", "bp-postgres ^17")
    shop.blueprint("bp-wiki", "1.0.0", "bp-chat")
    assert reasons(shop) == [
        "bp-wiki 1.0.0 needs bp-chat *",
        "bp-chat 1.0.0 needs bp-postgres ^17",
        "no bp-postgres fits ^17; there is 16.1.0",
    ]
    assert reasons(shop, version="^2") == ["no bp-wiki fits ^2; there is 1.0.0"]


def test_two_new_ones_that_disagree_are_both_named(shop: Shop) -> None:
    shop.blueprint("bp-postgres", "15.0.0")
    shop.blueprint("bp-postgres", "16.0.0")
    shop.blueprint("bp-chat", "1.0.0", "bp-postgres ^15")
    shop.blueprint("bp-wiki", "1.0.0", "bp-chat", "bp-postgres ^16")
    assert sorted(reasons(shop)) == [
        "bp-chat 1.0.0 needs bp-postgres ^15",
        "bp-wiki 1.0.0 needs bp-chat *",
        "bp-wiki 1.0.0 needs bp-postgres ^16",
        "no bp-postgres fits ^15 and ^16; there is 16.0.0, 15.0.0",
    ]


def test_what_was_yanked_hidden_pinned_or_withdrawn_is_not_installed_anew(shop: Shop) -> None:
    for version in BOTH:
        shop.blueprint("bp-wiki", version)
    ref = shop.blueprint("bp-wiki", "3.0.0", published=False)
    assert lock(shop)[0][2] == "2.0.0"
    assert reasons(shop, version="3.x") == [
        "bp-wiki 3.0.0 is not published yet: it waits for others"
    ]
    yank = bp1.VersionYanked(name="bp-wiki", origin="public", version="2.0.0", reason="It leaks.")
    shop.tell(ref, yank)
    assert lock(shop)[0][2] == "1.0.0"
    assert reasons(shop, version="2.0.0") == ["bp-wiki 2.0.0 was yanked: It leaks."]
    shop.runs("wiki", "bp-wiki", "2.0.0")
    assert lock(shop, version="2.0.0") == [("wiki", "bp-wiki", "2.0.0", "target")]
    assert "It leaks." in solved(shop, version="2.0.0").warnings[0]
    id_ = "public-bp-wiki"
    pin = cat1.VersionPinned(version="2.0.0", reason="We tested it.")
    shop.curated(id_, pin, organization="acme")
    assert reasons(shop, "other", blueprint="bp-wiki", version="1.0.0") == [
        "bp-wiki is pinned to 2.0.0: We tested it."
    ]
    shop.curated(id_, cat1.VersionUnpinned(), organization="acme")
    shop.curated(id_, cat1.BlueprintHidden(reason="Too old."), organization="acme")
    assert reasons(shop, "other", blueprint="bp-wiki") == ["bp-wiki is hidden: Too old."]
    shop.curated(id_, cat1.BlueprintShown(), organization="acme")
    shop.tell(ref, bp1.BlueprintDeprecated(name="bp-wiki", origin="public", reason="Old."))
    assert solved(shop, "other", blueprint="bp-wiki").warnings == ("bp-wiki is deprecated: Old.",)
    shop.tell(ref, bp1.BlueprintWithdrawn(name="bp-wiki", origin="public", reason="Law."))
    assert "bp-wiki is withdrawn: Law." in reasons(shop, "other", blueprint="bp-wiki")


def test_an_upgrade_goes_where_the_target_lets_it_and_keeps_what_it_uses(shop: Shop) -> None:
    shop.blueprint("bp-postgres", "16.0.0")
    shop.blueprint("bp-wiki", "1.0.0", "bp-postgres")
    shop.blueprint("bp-wiki", "2.0.0", "bp-postgres", upgrades={"from": ["1.x"]})
    shop.blueprint("bp-wiki", "3.0.0", "bp-postgres", upgrades={"blocks": ["1.x"]})
    shop.runs("aaa", "bp-postgres", "16.0.0")
    shop.runs("zzz", "bp-postgres", "16.0.0")
    shop.runs("wiki", "bp-wiki", "1.0.0", postgres="zzz")
    assert lock(shop, blueprint="") == [
        ("zzz", "bp-postgres", "16.0.0", "shared"),
        ("wiki", "bp-wiki", "2.0.0", "target"),
    ]
    assert "it blocks 1.x" in reasons(shop, version="^3")[-1]
    shop.runs("wiki", "bp-wiki", "2.0.0", postgres="zzz")
    assert lock(shop, version="1.0.0")[-1] == ("wiki", "bp-wiki", "1.0.0", "target")


@pytest.mark.guarantee("G24.3")
def test_what_is_needed_goes_back_with_whoever_needs_the_older_one(shop: Shop) -> None:
    for version in ("1.0.0", "1.1.0", "2.0.0", "3.0.0"):
        shop.blueprint("bp-store", version)
        shop.runs("store", "bp-store", version)
    shop.runs("store", "bp-store", "2.0.0")
    shop.blueprint("bp-wiki", "1.0.0", "bp-store ^1")
    shop.blueprint("bp-wiki", "2.0.0", "bp-store ^2")
    for version in BOTH:
        shop.runs("wiki", "bp-wiki", version, store="store")
    back = [("store", "bp-store", "1.1.0", "upgraded"), ("wiki", "bp-wiki", "1.0.0", "target")]
    assert lock(shop, blueprint="", version="1.0.0") == back
    # Nobody else's store goes back, nor to what was yanked, nor by itself.
    shop.blueprint("bp-chat", "1.0.0", "bp-store >=1.0.0 <1.1.0 || ^2")
    shop.runs("chat", "bp-chat", "1.0.0", store="store")
    assert lock(shop, blueprint="", version="1.0.0")[0][2] == "1.0.0"
    gone = bp1.VersionYanked(name="bp-store", origin="public", version="1.0.0", reason="Leaks.")
    shop.tell(Ref(None, "blueprint", "blueprint", "public-bp-store"), gone)
    told = reasons(shop, blueprint="", version="1.0.0")
    assert "store cannot become 1.0.0: bp-store 1.0.0 was yanked: Leaks." in told
    shop.blueprint("bp-crm", "1.0.0", "bp-store ^1")
    assert reasons(shop, "crm")[0] == "bp-crm 1.0.0 needs bp-store ^1"


@pytest.mark.guarantee("G24.3")
def test_what_the_platform_takes_back_for_itself_still_counts_where_it_runs(shop: Shop) -> None:
    for version in ("16.1.0", "16.2.0", "17.1.0"):
        shop.blueprint("bp-postgres", version)
    shop.blueprint("bp-wiki", "1.0.0", "bp-postgres ^16")
    shop.blueprint("bp-wiki", "1.1.0", "bp-postgres ^16")
    shop.runs("db", "bp-postgres", "16.1.0")
    for version in BOTH_RAN:
        shop.runs("wiki", "bp-wiki", version, postgres="db")
    shop.blueprint("bp-wiki", "2.0.0", "bp-postgres ^17", visibility="private")
    # It keeps what it uses, and keeps that in its range.
    for version in BOTH_RAN:
        found = solved(shop, version=version).lock
        assert [(one.application, one.version) for one in found] == [
            ("db", "16.1.0"),
            ("wiki", version),
        ]
        assert found[-1].dependencies == {"postgres": "db"}
    assert lock(shop, "db", blueprint="") == [("db", "bp-postgres", "16.2.0", "target")]
    # Nothing is said of what it does not run.
    assert "2.0.0" not in "; ".join(reasons(shop, version="^2")).replace("^2", "")
    assert lock(shop, blueprint="") == lock(shop, version="1.1.0")
    with refused("blueprint-not-found"):
        solved(shop, "other", blueprint="bp-wiki")


def test_conditions_are_decided_by_the_configuration_of_each_level(shop: Shop) -> None:
    flag = {"type": "object", "properties": {"deep": {"type": "boolean", "default": False}}}
    for name in ("bp-postgres", "bp-redis"):
        shop.blueprint(name, "1.0.0")
    cached = {"blueprint": "bp-redis", "version": "*", "alias": "cache", "when": "config.deep"}
    shop.blueprint("bp-chat", "1.0.0", configSchema=flag, depends=[cached])
    chat = {
        "blueprint": "bp-chat",
        "version": "*",
        "alias": "chat",
        "values": {"deep": "${{ config.deep }}"},
    }
    shop.blueprint("bp-wiki", "1.0.0", configSchema=flag, depends=[chat])
    assert [one[0] for one in lock(shop)] == ["chat", "wiki"]
    assert [one[0] for one in lock(shop, config={"deep": True})] == ["redis", "chat", "wiki"]
    assert [one[0] for one in lock(shop, "chat", config={"deep": True})] == ["redis", "chat"]
    with refused("values-invalid"):
        solved(shop, "chat", config={"deep": "often"})


def test_a_choice_has_to_be_a_copy_that_runs_here(shop: Shop) -> None:
    shop.blueprint("bp-postgres", "1.0.0")
    shop.blueprint("bp-redis", "1.0.0")
    shop.blueprint("bp-wiki", "1.0.0", "bp-postgres")
    shop.runs("one", "bp-postgres", "1.0.0")
    shop.runs("two", "bp-postgres", "1.0.0")
    shop.runs("cache", "bp-redis", "1.0.0")
    assert lock(shop)[0][0] == "one"
    assert lock(shop, dependencies={"postgres": "two"})[0][0] == "two"
    assert reasons(shop, dependencies={"postgres": "cache"})[-1] == (
        "cache is a copy of bp-redis, not of bp-postgres"
    )
    assert reasons(shop, dependencies={"postgres": "gone"})[-1] == "gone does not run in acme-prod"


def test_names_that_are_proposed_are_free(shop: Shop) -> None:
    shop.organization("acme", PROD, "acme-dev")
    shop.blueprint("bp-postgres", "1.0.0")
    shop.blueprint("bp-wiki", "1.0.0", "bp-postgres")
    shop.runs("postgres", "bp-wiki", "1.0.0", environment="acme-dev")
    assert lock(shop)[0][0] == "postgres-2"
    shop.runs("postgres", "bp-postgres", "1.0.0", environment="acme-dev")
    assert lock(shop)[0][0] == "postgres"


def test_a_blueprint_that_is_not_there_is_told_with_the_nearest_that_is(shop: Shop) -> None:
    shop.blueprint("bp-wordpress", "1.0.0")
    for asked, says in (("bp-wordpres", "do you mean bp-wordpress?"), ("bp-zzz", "'bp-zzz'")):
        with pytest.raises(Rejected) as found:
            solved(shop, "blog", blueprint=asked)
        assert found.value.message.endswith(says)


@pytest.mark.guarantee("G24.2")
def test_only_a_card_that_the_asker_finds_is_told_as_the_nearest(shop: Shop) -> None:
    """What is hidden, unlisted, withdrawn, not published, or somebody else's, is not hinted at."""
    hidden = shop.blueprint("bp-hidden", "1.0.0")
    shop.curated(hidden.id, cat1.BlueprintHidden(reason="Old."))
    shop.blueprint("bp-unlisted", "1.0.0", visibility="unlisted")
    shop.blueprint("bp-platform", "1.0.0", origin="sovereign", visibility="private")
    gone = shop.blueprint("bp-withdrawn", "1.0.0")
    shop.tell(
        gone, bp1.BlueprintWithdrawn(name="bp-withdrawn", origin="public", reason="It is over.")
    )
    shop.blueprint("bp-pending", "1.0.0", published=False)
    shop.organization("rival")
    shop.blueprint("bp-rivals", "1.0.0", origin="private", organization="rival")
    shop.blueprint("bp-own", "1.0.0", origin="private", organization="acme")
    for asked in ("hiddn", "unlistd", "platfrm", "withdrwn", "pendng", "rivls", "zzzz"):
        with pytest.raises(Rejected) as found:
            solved(shop, "blog", blueprint=f"bp-{asked}")
        assert found.value.message == f"there is no Blueprint 'bp-{asked}'"
    with pytest.raises(Rejected) as found:
        solved(shop, "blog", blueprint="bp-owns")
    assert found.value.message.endswith("do you mean bp-own?")


def test_what_is_not_there_is_told_by_its_own_code(shop: Shop) -> None:
    shop.blueprint("bp-wiki", "1.0.0")
    shop.runs("crm", "bp-wiki", "1.0.0")
    request = Request(environment="acme-dev", application="wiki")
    with refused("environment-not-found", "/environment"):
        solve(shop.catalogue, "acme", request)
    with refused("blueprint-not-found", "/blueprint"):
        solved(shop, "none")
    with refused("application-not-found", "/application"):
        solved(shop, "none", blueprint="")
    with refused("blueprint-cannot-run-there", "/blueprint"):
        solved(shop, "crm", blueprint="bp-none")
    with refused("invalid-data", "/version"):
        solved(shop, version="newest")


@pytest.mark.guarantee("G24.2")
def test_another_organization_s_blueprints_are_in_no_lock_and_no_reason(shop: Shop) -> None:
    shop.blueprint("bp-wiki", "1.0.0", "bp-secret")
    before = reasons(shop)
    shop.organization("rival")
    shop.blueprint("bp-secret", "9.9.9", origin="private", organization="rival")
    shop.runs("secret", "bp-secret", "9.9.9", organization="rival", origin="private")
    assert reasons(shop) == before
    assert before[-1] == "there is no bp-secret in the catalogue of acme"


def test_a_lock_has_an_end(shop: Shop) -> None:
    """However deep a chain somebody writes, it is refused in words."""
    for number in range(300):
        shop.blueprint(f"bp-n{number}", "1.0.0", f"bp-n{number + 1}")
    shop.blueprint("bp-n300", "1.0.0")
    assert len(lock(shop, "n251")) == 50
    for name in ("n250", "n0"):
        with pytest.raises(Rejected, match="more than 50 Applications would be needed"):
            solved(shop, name)


def test_a_search_that_would_not_end_is_given_up(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twelve Blueprints that each fit all but one other: nothing fits, and nobody tries it all."""
    names = [f"bp-n{number}" for number in range(12)]
    for at, name in enumerate(names):
        for version in range(1, 10):
            clash = f"bp-pin{at} <={version % 3}"
            shop.blueprint(name, f"{version}.0.0", clash, f"bp-pin{(at + 1) % 12} >{version % 3}")
    for at in range(12):
        for version in range(4):
            shop.blueprint(f"bp-pin{at}", f"{version}.0.0")
    shop.blueprint("bp-wiki", "1.0.0", *names)
    monkeypatch.setattr(resolving, "MAX_ROUNDS", 100)
    with pytest.raises(Rejected, match="too many versions could fit") as caught:
        solved(shop)
    assert caught.value.code == "not-solvable"
