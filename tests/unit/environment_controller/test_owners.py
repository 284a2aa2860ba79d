"""Owners of an Organization: replaced as a whole, at least one, at addresses that can exist."""

from tests.support import build
from tests.support.build import ACME, OWNER, VIEWER
from tests.support.each import each
from tests.support.scenario import given, on

from catalyst.contracts import environment_v1 as env1

EXISTING = on(ACME, build.organization_created())
READY = [*EXISTING, *on(ACME, env1.OrganizationReady(slug="acme"))]


# ---- owners


def test_owners_are_replaced_as_a_whole() -> None:
    owners = (env1.Owner(email="bo@acme.example", role="owner"), VIEWER)
    given(READY).when(env1.ChangeOwners(owners=owners), ACME).then(
        env1.OwnersChanged(slug="acme", owners=owners)
    )


def test_the_same_owners_in_another_order_change_nothing() -> None:
    two = on(ACME, build.organization_created(owners=(OWNER, VIEWER)))
    given(two).when(env1.ChangeOwners(owners=(VIEWER, OWNER)), ACME).then_nothing()


@each(["admin", "developer", "viewer"])
def test_at_least_one_owner_always_remains(role: env1.OwnerRole) -> None:
    owners = (env1.Owner(email="ada@acme.example", role=role),)
    given(READY).when(env1.ChangeOwners(owners=owners), ACME).then_rejected(
        "owner-required", "/data/owners"
    )
    given(READY).when(env1.ChangeOwners(owners=()), ACME).then_rejected(
        "owner-required", "/data/owners"
    )
    given().when(build.create_organization(owners=owners), ACME).then_rejected("owner-required")


def test_an_address_is_listed_once_whatever_its_case() -> None:
    owners = (OWNER, VIEWER, env1.Owner(email="ADA@Acme.Example", role="viewer"))
    given(READY).when(env1.ChangeOwners(owners=owners), ACME).then_rejected(
        "owner-duplicate", "/data/owners/2/email"
    )


@each(
    [
        "a..b@acme.example",
        ".a@acme.example",
        "a.@acme.example",
        "a" * 65 + "@acme.example",
        "a@-acme.example",
        "a@acme-.example",
        "a@acme..example",
        "a@acme_x.example",
        "a,b@acme.example",
        "<a>@acme.example",
        "a@" + "b" * 64 + ".example",
        "a@intranet",
    ]
)
def test_an_address_has_a_deliverable_shape(email: str) -> None:
    owners = (OWNER, env1.Owner(email=email, role="viewer"))
    given(READY).when(env1.ChangeOwners(owners=owners), ACME).then_rejected(
        "owner-email-invalid", "/data/owners/1/email"
    )


@each(
    [
        "a@b.co",
        "a" * 64 + "@acme.example",
        "first.last+tag@sub.acme.example",
        "o'neil@x.io",
        "jörg@müller.example",
        "admin@localhost",
    ]
)
def test_unusual_addresses_are_taken(email: str) -> None:
    owners = (env1.Owner(email=email, role="owner"),)
    assert given(READY).when(env1.ChangeOwners(owners=owners), ACME).events
