"""Who calls, how often, and with whose page."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from catalyst.chassis import clock
from catalyst.chassis.access import RolesTable
from catalyst.chassis.http import Metrics
from catalyst.chassis.keyring import KeyRing
from catalyst.chassis.tokens import Verifier
from catalyst.contracts.roles import ORG_ADMIN
from catalyst.contracts.subjects import Ref
from catalyst.gateway.app import application
from catalyst.gateway.caller import Admitted, Callers
from catalyst.gateway.limits import Buckets
from catalyst.gateway.passing import Below
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
    app = application(Session(found).routes(), Settings(**settings), Metrics("test"), found.holds)
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


async def test_guessing_tokens_is_stopped_by_address_and_a_good_token_passes(
    ring: KeyRing,
) -> None:
    good = ring.people().person("ann@acme.example")
    async with door(callers(ring.verifier(), refusals=3)) as http:
        statuses = [
            (await http.get("/v1/session", headers=bearer(f"a.b.{n}"))).status_code
            for n in range(4)
        ]
        assert statuses == [401, 401, 401, 429]
        # What is no bearer token at all is counted with them.
        basic = await http.get("/v1/session", headers={"Authorization": "Basic eDp5"})
        assert basic.status_code == 429
        # A stranger must not lock out those who share an address with them.
        assert (await http.get("/v1/session", headers=bearer(good))).status_code == 200
        again = await http.get("/v1/session", headers=bearer("a.b.c"))
        assert (again.status_code, again.json()["code"]) == (429, "rate-limited")


async def test_a_flood_from_an_address_does_not_stop_those_with_a_token_there(
    ring: KeyRing,
) -> None:
    good = ring.people().person("ann@acme.example")
    found = callers(ring.verifier(), burst=3)
    async with door(found, rate_per_address=0.001, burst_per_address=2) as http:
        flood = [(await http.get("/v1/session")).status_code for _ in range(4)]
        assert flood == [401, 401, 429, 429]
        assert (await http.get("/v1/session", headers=bearer("a.b.c"))).status_code == 429
        for headers in (bearer(good), {"Cookie": f"catalyst={good}"}):
            assert (await http.get("/v1/session", headers=headers)).status_code == 200
        # They are counted by their name instead.
        mine = [(await http.get("/v1/session", headers=bearer(good))).status_code for _ in range(2)]
        assert mine == [200, 429]


async def test_what_another_member_answers_is_counted_together_with_the_rest(
    ring: KeyRing,
) -> None:
    asked: list[str] = []

    async def rows(scope: Scope, receive: Receive, send: Send) -> None:
        asked.append(scope["path"])
        await Response("rows")(scope, receive, send)

    found = callers(ring.verifier(), burst=2, refusals=1)
    routes = [*Session(found).routes(), Below("/v1/state", Admitted(found, rows))]
    app = application(routes, Settings(), Metrics("test"), found.holds)
    transport = httpx.ASGITransport(app, client=("203.0.113.5", 1))
    ann = bearer(ring.people().person("ann@acme.example"))
    async with httpx.AsyncClient(transport=transport, base_url="http://door.example") as http:
        paths = ("/v1/session", "/v1/state/all", "/v1/state/all", "/v1/session")
        statuses = [(await http.get(path, headers=ann)).status_code for path in paths]
        assert statuses == [200, 200, 429, 429]
        bad = [
            (await http.get(path, headers=bearer("a.b.c"))).status_code
            for path in ("/v1/state/all", "/v1/session")
        ]
        assert bad == [401, 429]
        assert (await http.get("/v1/state/all")).json()["code"] == "unauthenticated"
    assert asked == ["/v1/state/all"]


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


@pytest.mark.parametrize(
    ("service", "kinds", "clones"),
    [
        ("environment", {"organization", "environment", "policy", "onboarding"}, True),
        ("provisioning", {"organization", "environment", "policy", "application"}, True),
        ("billing", {"organization", "voucher", "application"}, False),
        ("projector", set(), False),
        ("gateway", set(), False),
        ("catalog", {"application"}, False),
        ("unheard-of", set(), False),
    ],
)
async def test_a_service_sees_what_it_needs(
    tmp_path: Path, service: str, kinds: set[str], *, clones: bool
) -> None:
    ring = KeyRing.open(tmp_path, services=(service,))
    claims = await ring.verifier().verify(ring.service(service).service(), at=clock.now())
    found = callers(None)
    every = (
        "organization",
        "environment",
        "policy",
        "onboarding",
        "voucher",
        "application",
        "unknown",
    )
    for organization in ("acme", None):
        seen = {
            kind
            for kind in every
            if found.may_see(claims, Ref(organization, "environment", kind, "x"))
        }
        assert seen == kinds
    assert found.clones(claims, "acme", "home") is clones
    assert found.clones(claims, "acme", "blog") is clones
    assert found.belongs(claims, "acme") is bool(kinds)
    assert found.scope(claims, None) == ("*" if kinds else None)
