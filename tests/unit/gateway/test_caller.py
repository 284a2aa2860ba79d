"""Who calls, how often, and with whose page."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from typing_extensions import override

from catalyst.chassis import clock
from catalyst.chassis.access import RolesTable
from catalyst.chassis.http import Metrics
from catalyst.chassis.keyring import KeyRing
from catalyst.chassis.tokens import Verifier
from catalyst.contracts.roles import ORG_ADMIN
from catalyst.contracts.subjects import Ref
from catalyst.gateway.app import application
from catalyst.gateway.caller import Callers
from catalyst.gateway.limits import Buckets
from catalyst.gateway.session import Session
from catalyst.gateway.settings import Settings


class Owners(RolesTable):
    """A table that was told who owns what, instead of reading it."""

    def __init__(self, owners: Mapping[str, Mapping[str, frozenset[str]]]) -> None:
        self._known = owners

    @override
    def own_roles(self, email: str, organization: str) -> frozenset[str]:
        return self._known.get(organization, {}).get(email, frozenset())

    @override
    def organizations(self, email: str) -> dict[str, frozenset[str]]:
        return {org: who[email] for org, who in self._known.items() if email in who}


ACME = Owners({"acme": {"ann@acme.example": frozenset({ORG_ADMIN})}})


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    return KeyRing.open(tmp_path)


def callers(verifier: Verifier | None, **options: Any) -> Callers:
    return Callers(
        verifier,
        ACME,
        Buckets(options.pop("rate", 0.001), options.pop("burst", 1000)),
        Buckets(0.001, options.pop("refusals", 1000)),
        **options,
    )


def door(found: Callers, **settings: Any) -> httpx.AsyncClient:
    app = application(Session(found).routes(), Settings(**settings), Metrics("test"))
    transport = httpx.ASGITransport(app, client=("203.0.113.5", 1))
    return httpx.AsyncClient(transport=transport, base_url="http://door.example")


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_a_subject_that_asks_too_often_is_told_so_and_others_are_not(ring: KeyRing) -> None:
    ann, bob = (ring.people().person(f"{name}@acme.example") for name in ("ann", "bob"))
    async with door(callers(ring.verifier(), burst=2)) as http:
        statuses = [
            (await http.get("/v1/session", headers=bearer(ann))).status_code for _ in range(4)
        ]
        assert statuses == [200, 200, 429, 429]
        refused = await http.get("/v1/session", headers=bearer(ann))
        assert refused.json()["code"] == "rate-limited"
        assert int(refused.headers["retry-after"]) > 1
        assert (await http.get("/v1/session", headers=bearer(bob))).status_code == 200


async def test_another_token_of_the_same_person_is_no_second_allowance(ring: KeyRing) -> None:
    tokens = [ring.people().person("ann@acme.example", ttl=timedelta(hours=n)) for n in (1, 2, 3)]
    async with door(callers(ring.verifier(), burst=2)) as http:
        statuses = [
            (await http.get("/v1/session", headers=bearer(token))).status_code for token in tokens
        ]
    assert statuses == [200, 200, 429]


async def test_guessing_tokens_is_stopped_by_address(ring: KeyRing) -> None:
    good = ring.people().person("ann@acme.example")
    async with door(callers(ring.verifier(), refusals=3)) as http:
        statuses = [
            (await http.get("/v1/session", headers=bearer(f"a.b.{n}"))).status_code
            for n in range(5)
        ]
        assert statuses == [401, 401, 401, 429, 429]
        # From there even a good one is not looked at: that would be an oracle.
        assert (await http.get("/v1/session", headers=bearer(good))).status_code == 429


async def test_without_an_issuer_nobody_is_believed(ring: KeyRing) -> None:
    async with door(callers(None)) as http:
        found = await http.get("/v1/session", headers=bearer(ring.people().person("a@b.c")))
    assert (found.status_code, found.json()["code"]) == (401, "unauthenticated")


async def test_over_https_the_cookie_is_for_https_alone(ring: KeyRing) -> None:
    token = ring.people().person("ann@acme.example")
    found = callers(ring.verifier(), public_url="https://catalyst.example/")
    async with door(found, public_url="https://catalyst.example/") as http:
        answer = await http.post("/v1/session", headers=bearer(token))
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Secure-catalyst=")
        assert "; Secure" in cookie
        # A cookie of the plain name is not looked at.
        plain = await http.get("/v1/session", headers={"Cookie": f"catalyst={token}"})
        assert plain.status_code == 401
        secure = {"Cookie": f"__Secure-catalyst={token}"}
        assert (await http.get("/v1/session", headers=secure)).status_code == 200
        for origin, status in (
            ("https://catalyst.example", 204),
            ("http://catalyst.example", 403),
            ("http://door.example", 403),
        ):
            out = await http.delete("/v1/session", headers={**secure, "Origin": origin})
            assert out.status_code == status, origin


async def test_a_token_too_large_for_a_cookie_is_refused_before_it_is_lost(ring: KeyRing) -> None:
    token = ring.people().person("ann@acme.example", subject="a" * 200)
    padded = ring.people().person("ann@acme.example" + "x" * 4000)
    async with door(callers(ring.verifier())) as http:
        assert (await http.post("/v1/session", headers=bearer(token))).status_code == 200
        found = await http.post("/v1/session", headers=bearer(padded))
    assert found.status_code in {401, 413}
    assert "set-cookie" not in found.headers


@pytest.mark.parametrize(
    ("email", "roles", "organization", "aggregate", "sees"),
    [
        ("ann@acme.example", [], "acme", "organization", True),
        ("ann@acme.example", [], "acme", "secret-kind", False),
        ("ann@acme.example", [], "globex", "organization", False),
        ("ann@acme.example", [], None, "organization", False),
        ("eve@else.example", ["sovereign-admin"], "acme", "environment", True),
        ("eve@else.example", ["sovereign-admin"], "acme", "secret-kind", False),
        ("eve@else.example", ["sovereign-admin"], None, "organization", True),
        ("eve@else.example", ["billing-admin"], "acme", "organization", True),
        ("eve@else.example", ["billing-admin"], "acme", "environment", False),
    ],
)
async def test_what_is_shown_follows_from_roles(
    ring: KeyRing,
    email: str,
    roles: list[str],
    organization: str | None,
    aggregate: str,
    *,
    sees: bool,
) -> None:
    claims = await ring.verifier().verify(ring.people().person(email, roles), at=clock.now())
    ref = Ref(organization, "environment", aggregate, "x")
    assert callers(None).may_see(claims, ref) is sees
