"""Sessions of browsers: who am I, the cookie, and who may write with it."""

import httpx
import pytest
from tests.integration.gateway.stack import Stack, acme, created

CREATE = "/v1/commands/environment.create-organization.v1"


async def signed_in(stack: Stack, http: httpx.AsyncClient, token: str) -> httpx.Response:
    """Exchange a token for the cookie, which the client keeps."""
    found = await http.post("/v1/session", headers={"Authorization": f"Bearer {token}"})
    assert found.status_code == 200, found.text
    return found


async def test_who_am_i_names_roles_in_every_organization(stack: Stack) -> None:
    owners = [
        {"email": "Sam@roles.example", "role": "developer"},
        {"email": "o@x.example", "role": "owner"},
    ]
    await created(stack, "session-one", owners=owners)
    async with stack.client(stack.token("sam@roles.example", "security-officer")) as http:
        found = (await http.get("/v1/session")).json()
    assert found["actor"] == "user:catalyst#sam@roles.example"
    assert found["roles"] == ["security-officer"]
    assert found["organizations"] == {"session-one": ["org-developer"]}
    assert found["cookie"] is False
    async with stack.client() as http:
        assert (await http.get("/v1/session")).status_code == 401


async def test_an_address_that_nobody_verified_gives_no_role(stack: Stack) -> None:
    await created(stack, "session-two", owners=[{"email": "una@x.example", "role": "owner"}])
    token = stack.keys.people().person("una@x.example", verified=False)
    async with stack.client(token) as http:
        assert (await http.get("/v1/session")).json()["organizations"] == {}
        listed = await http.get("/v1/events", params={"organization": "session-two"})
        assert listed.status_code == 404


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(stack: Stack) -> None:
    async with stack.client() as http:
        found = await signed_in(stack, http, stack.admin)
        cookie = found.headers["set-cookie"]
        for part in ("catalyst=", "HttpOnly", "SameSite=strict", "Path=/v1", "Max-Age="):
            assert part in cookie
        mine = (await http.get("/v1/session")).json()
        assert mine["cookie"] is True
        # A stream of the browser's, which cannot send a header.
        async with http.stream("GET", "/v1/stream", params={"kinds": "organizations"}) as stream:
            assert stream.status_code == 200


@pytest.mark.parametrize(
    ("headers", "good"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Origin": "{own}"}, True),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "{own}"}, True),
        ({}, False),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "https://console.example"}, False),
        ({"Sec-Fetch-Site": "same-site", "Origin": "{own}"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
    ],
)
async def test_a_write_with_the_cookie_comes_from_our_own_page(
    stack: Stack, headers: dict[str, str], *, good: bool
) -> None:
    sent = {name: value.format(own=stack.url) for name, value in headers.items()}
    async with stack.client() as http:
        await signed_in(stack, http, stack.admin)
        answer = await http.post(
            CREATE, params={"organization": "session-csrf"}, json=acme(), headers=sent
        )
        assert answer.status_code == (202 if good else 403), answer.text
        assert good or answer.json()["code"] == "not-our-page"
        plan = await http.post(
            "/v1/queries/environment/plan-organization-deletion",
            params={"organization": "session-csrf"},
            json={},
            headers=sent,
        )
        assert (plan.status_code == 403) is not good


async def test_a_token_in_the_header_needs_no_origin(stack: Stack) -> None:
    async with stack.client() as http:
        await signed_in(stack, http, stack.admin)
        found = await http.post(
            CREATE,
            params={"organization": "session-header"},
            json=acme(),
            headers={"Authorization": f"Bearer {stack.admin}", "Origin": "https://evil.example"},
        )
    assert found.status_code == 202


async def test_a_bad_header_is_not_saved_by_a_good_cookie(stack: Stack) -> None:
    async with stack.client() as http:
        await signed_in(stack, http, stack.admin)
        found = await http.get("/v1/session", headers={"Authorization": "Bearer x.y.z"})
    assert found.status_code == 401


async def test_signing_out_takes_the_cookie_back(stack: Stack) -> None:
    async with stack.client() as http:
        await signed_in(stack, http, stack.admin)
        other = await http.delete("/v1/session", headers={"Origin": "https://evil.example"})
        assert other.status_code == 403
        assert (await http.get("/v1/session")).status_code == 200
        out = await http.delete("/v1/session", headers={"Origin": stack.url})
        assert out.status_code == 204
        assert "Max-Age=0" in out.headers["set-cookie"]
        assert (await http.get("/v1/session")).status_code == 401


async def test_only_a_person_with_a_good_token_signs_in(stack: Stack) -> None:
    async with stack.client() as http:
        assert (await http.post("/v1/session")).status_code == 401
        for token, status in (("x.y.z", 401), (stack.keys.service("gateway").service(), 403)):
            found = await http.post("/v1/session", headers={"Authorization": f"Bearer {token}"})
            assert found.status_code == status
            assert "set-cookie" not in found.headers


async def test_other_origins_are_answered_only_if_listed_and_never_with_cookies(
    stack: Stack,
) -> None:
    async with stack.client() as http:
        for origin, good in (("https://console.example", True), ("https://evil.example", False)):
            asked = await http.options(
                CREATE,
                headers={
                    "Origin": origin,
                    "Access-Control-Request-Method": "POST",
                    "Access-Control-Request-Headers": "authorization,idempotency-key",
                },
            )
            assert (asked.headers.get("access-control-allow-origin") == origin) is good
            assert "access-control-allow-credentials" not in asked.headers
            shown = await http.get("/v1/session", headers={"Origin": origin})
            assert shown.status_code == 401
            assert (shown.headers.get("access-control-allow-origin") == origin) is good
            assert "access-control-allow-credentials" not in shown.headers
