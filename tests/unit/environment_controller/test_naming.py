"""Reserved words: the documented lists, word by word, and the holes between them."""

import msgspec
from tests.support.each import each

from catalyst.contracts import permissions
from catalyst.contracts.environment_v1 import Region
from catalyst.contracts.tables.reserved import why_reserved
from catalyst.environment_controller.domain import naming, places, reserved
from catalyst.environment_controller.domain.findings import Findings

DOCUMENTED = {
    "docs": "system flux crossplane catalyst gitea",
    "schema": (
        "system flux crossplane catalyst gitea hetzner huawei oci aws gcp azure contabo"
        " rtz dmz mgt prod stg uat dev poc"
    ),
    "pool subdomains": (
        "api admin console gitea harbor keycloak www mail smtp imap vpn catalyst docs status app"
        " system openbao vault flux k8s"
    ),
    "codes": (
        "hz hw oci aws gcp az ct fsn nbg hel ash hil sin apse cnn las mer dxb fra sg iad syd eu"
    ),
    "environment types": "production staging development",
    "git owners": "catalog catalog-sovereign admin api user explore",
    "namespaces": (
        "default flux-system cert-manager catalyst-projector openova-system kube-system"
        " kube-public kube-node-lease kube-x"
    ),
}
WORDS = sorted({word for words in DOCUMENTED.values() for word in words.split()})


def rules(slug: str) -> set[str]:
    found = Findings()
    naming.check_slug(slug, found, "")
    return {error.rule for error in found.errors}


@each(WORDS)
def test_a_documented_word_is_reserved(word: str) -> None:
    assert "slug-reserved" in rules(word)
    assert reserved.slug(word)


@each(permissions.MEMBERS)
def test_no_organization_hears_what_is_answered_to_a_member(user: str) -> None:
    """Both hear replies below their own name, so none of these names is an Organization's."""
    assert "slug-reserved" in rules(permissions.member(user))


def test_a_reserved_word_says_why() -> None:
    found = Findings()
    naming.check_slug("fsn", found, "/subject")
    assert [error.message for error in found.errors] == ["the slug 'fsn' is a region's code"]


@each(["openova", "omantel", "acme", "kubernetes", "catalysts", "dmzz"])
def test_words_that_only_look_alike_are_free(slug: str) -> None:
    assert rules(slug) == set()


def test_the_platforms_company_is_reserved_as_a_host_alone() -> None:
    found = Findings()
    naming.check_host_label("openova", found, "")
    assert [error.rule for error in found.errors] == ["host-reserved"]
    assert rules("openova") == set()


@each(places.ENVIRONMENT_TYPES)
def test_no_slug_ends_like_an_environment(env_type: str) -> None:
    assert rules(f"acme-{env_type}") == {"slug-environment-type"}
    assert rules(f"acme{env_type}") == set()
    assert rules(f"{env_type}-acme") == set()


@each([(2, False), (3, True), (32, True), (33, False)])
def test_a_slug_has_3_to_32_characters(length: int, fits: bool) -> None:  # noqa: FBT001
    assert (rules("x" * length) == set()) == fits


def test_every_region_code_passes_the_contracts_pattern() -> None:
    for provider, codes in places.REGIONS.items():
        for code in codes:
            fields = {"provider": provider, "region": code, "building_block": "rtz"}
            region = msgspec.convert(fields, type=Region)
            assert places.region_known(region.provider, region.region)


def test_every_provider_has_a_short_code() -> None:
    assert set(places.SHORT) == set(places.PROVIDERS)
    assert len(set(places.SHORT.values())) == len(places.PROVIDERS)
    assert set(places.BRANCHES) == set(places.ENVIRONMENT_TYPES)


def test_an_application_may_carry_another_organizations_repository_name() -> None:
    assert why_reserved("acme-environment", "acme")
    assert why_reserved("acme-environment", "other") is None
