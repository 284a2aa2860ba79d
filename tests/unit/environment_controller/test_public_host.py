"""The public host of an Organization: claimed by one, released, and derived by rules."""

from tests.support import build
from tests.support.build import ACME
from tests.support.each import each
from tests.support.scenario import Held, given, on

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.subjects import Claim
from catalyst.environment_controller.domain.organization import ref_of
from catalyst.environment_controller.domain.registration import slug_claim

EXISTING = on(ACME, build.organization_created())
READY = [*EXISTING, *on(ACME, env1.OrganizationReady(slug="acme"))]
FRONT = env1.PublicFront(parent_domain="shops.example")
HOST = Claim("host", "acme.shops.example")


# ---- public host


def test_a_public_host_of_another_organization_is_taken() -> None:
    held = Held(HOST, ref_of("rival"))
    given(held).when(build.create_organization(public_front=FRONT), ACME).then_rejected(
        "host-taken", "/data/public_front/subdomain"
    )


def test_a_public_host_that_was_released_is_free() -> None:
    given(Held(HOST, None)).when(build.create_organization(public_front=FRONT), ACME).then_claims(
        slug_claim("acme"), HOST
    )


@each(
    [
        ({"subdomain": "a.b"}, "host-invalid", "subdomain"),
        ({"subdomain": "-a"}, "host-invalid", "subdomain"),
        ({"subdomain": "a--b"}, "host-invalid", "subdomain"),
        ({"subdomain": "A"}, "host-invalid", "subdomain"),
        ({"subdomain": "a" * 64}, "host-invalid", "subdomain"),
        ({"subdomain": "openova"}, "host-reserved", "subdomain"),
        ({"parent_domain": ".".join(["a" * 62] * 4)}, "host-invalid", "subdomain"),
        ({"backend_service": "No_Service"}, "host-invalid", "backend_service"),
    ]
)
def test_a_public_host_obeys_its_rules(changes: dict[str, str], code: str, pointer: str) -> None:
    front = env1.PublicFront(**{"parent_domain": "shops.example", **changes})  # type: ignore[arg-type]
    given().when(build.create_organization(public_front=front), ACME).then_rejected(
        code, f"/data/public_front/{pointer}"
    )


def test_the_platforms_own_company_has_no_public_host_of_its_name() -> None:
    given().when(build.create_organization(public_front=FRONT), ref_of("openova")).then_rejected(
        "host-reserved", "/data/public_front/subdomain"
    )


def test_a_new_public_host_is_claimed_and_the_old_one_released() -> None:
    before = [*on(ACME, build.organization_created(public_front=FRONT)), Held(HOST, ACME)]
    moved = env1.PublicFront(parent_domain="shops.example", subdomain="store")
    outcome = given(before).when(env1.UpdateOrganization(public_front=moved), ACME)
    outcome.then_claims(Claim("host", "store.shops.example"), released=[HOST])
    back = outcome.and_then().when(env1.UpdateOrganization(public_front=FRONT), ACME)
    back.then_claims(HOST, released=[Claim("host", "store.shops.example")])


def test_an_update_obeys_the_rules_of_the_public_host() -> None:
    held = Held(HOST, ref_of("rival"))
    given(READY, held).when(env1.UpdateOrganization(public_front=FRONT), ACME).then_rejected(
        "host-taken", "/data/public_front/subdomain"
    )


def test_a_public_front_that_goes_frees_its_host() -> None:
    before = [*on(ACME, build.organization_created(public_front=FRONT)), Held(HOST, ACME)]
    outcome = given(before).when(env1.UpdateOrganization(public_front=None), ACME)
    outcome.then_claims(released=[HOST])
    assert outcome.state().public_front is None


def test_another_backend_keeps_the_host() -> None:
    before = [*on(ACME, build.organization_created(public_front=FRONT)), Held(HOST, ACME)]
    moved = env1.PublicFront(parent_domain="shops.example", backend_port=8080)
    given(before).when(env1.UpdateOrganization(public_front=moved), ACME).then_claims()
