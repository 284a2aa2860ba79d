"""What was set aside: who is shown that it was, and who its bytes."""

from datetime import UTC, datetime
from hashlib import sha256

import pytest
from msgspec.structs import replace
from tests.integration.gateway.stack import ADMIN, Stack, created, member
from tests.support.each import each
from tests.support.waiting import until

from catalyst.chassis import parking

BODY = "hunter2-only-here"
OWNER, VIEWER, OTHER = "own@set-aside.example", "see@set-aside.example", "eve@set-aside.example"
ORDINARY = "environment.update-organization.v1"


async def organizations(stack: Stack) -> None:
    """Make one with an owner and a viewer, and two of somebody else's; once for all tests."""
    listed = [{"email": OWNER, "role": "owner"}, {"email": VIEWER, "role": "viewer"}]
    await created(stack, "aside", key="c-aside", owners=listed)
    for slug in ("besides", "beside-two"):
        owners = [{"email": OTHER, "role": "owner"}]
        await created(stack, slug, key=f"c-{slug}", owners=owners)
    async with stack.client(stack.token(OTHER)) as http:

        async def known() -> bool:
            path = "/v1/dlq?organization=beside-two"
            return (await http.get(path)).status_code == 200

        await until(known)


def letter(stream: str = "CMD", type_: str = ORDINARY) -> parking.Letter:
    return parking.Letter(
        stream=stream,
        sequence=1,
        time=datetime.now(UTC),
        subject="anything",
        message_id="c-1",
        message_type=type_,
        reason="bug",
        body=BODY.encode(),
    )


@pytest.mark.guarantee("G6.7")
@each(
    [
        ("FACTS", "", ""),
        ("USE", "usage.reported.v1", ""),
        ("USE", ORDINARY, ""),
        ("CMD", "billing.redeem-voucher.v1", ""),
        ("CMD", "nobody.knows-this.v1", ""),
        ("CMD", ORDINARY, BODY),
        ("EV", "environment.organization-updated.v1", BODY),
    ]
)
async def test_what_may_hold_a_secret_is_shown_to_a_sovereign_admin_alone(
    stream: str, type_: str, shown: str, *, stack: Stack
) -> None:
    await organizations(stack)
    origin = "".join(filter(str.isalnum, f"{stream}{type_}"))
    subject = f"dlq.aside.environment.organization.aside.{origin}"
    async with member(stack, "environment", "environment-controller") as js:
        await parking.put_aside(js, subject, letter(stream, type_))
        for token, body in (
            (stack.token(OWNER), shown),
            (stack.token(VIEWER), shown),
            (stack.admin, BODY),
        ):
            async with stack.client(token) as http:
                answer = await http.get(f"/v1/dlq/{subject}")
                assert answer.status_code == 200
                assert answer.json()["body"] == body
                assert answer.text.count(BODY) == bool(body)
                assert ("withheld" in answer.json()) != bool(body)
                listed = await http.get("/v1/dlq?organization=aside")
                assert subject in listed.text
                assert BODY not in listed.text
        await parking.discard(js, subject)


@pytest.mark.guarantee("G7.3")
async def test_of_one_that_was_too_large_the_beginning_is_shown_with_size_and_digest(
    stack: Stack,
) -> None:
    await organizations(stack)
    large = BODY.encode() + b"x" * 900_000
    subject = "dlq.aside.environment.organization.aside.c7"
    async with member(stack, "environment", "environment-controller") as js:
        for type_, shown in ((ORDINARY, True), ("nobody.knows-this.v1", False)):
            await parking.put_aside(js, subject, replace(letter("CMD", type_), body=large))
            async with stack.client(stack.token(OWNER)) as http:
                answer = (await http.get(f"/v1/dlq/{subject}")).json()
            assert answer["body"].startswith(BODY) == shown
            assert answer.get("size") == (len(large) if shown else None)
            assert answer.get("digest") == (sha256(large).hexdigest() if shown else None)
            await parking.discard(js, subject)


OWN, INVOICE, UNREAD, PLATFORM, THEIRS = (
    "dlq.aside.environment.organization.aside.a1",
    "dlq.aside.billing.invoice.2026-11.a1",
    "dlq.aside.environment.unknown.unknown.a1",
    "dlq._.environment.unknown.unknown.a1",
    "dlq.besides.environment.organization.besides.a1",
)
ALL = {OWN, INVOICE, UNREAD, PLATFORM, THEIRS}
SHOWN = {
    # Whoever is in one Organization, in another one, in none, and whoever runs the platform.
    OWNER: {"": {OWN, INVOICE}, "?organization=aside": {OWN, INVOICE}},
    VIEWER: {"": {OWN}, "?organization=aside": {OWN}},
    OTHER: {"": {THEIRS}},
    "none@set-aside.example": {},
    ADMIN: {
        "": ALL - {INVOICE},
        "?organization=_": {PLATFORM},
        "?organization=aside": {OWN, UNREAD},
    },
}


@pytest.mark.guarantee("G6.1")
async def test_a_list_holds_what_its_reader_may_see_and_nothing_else(stack: Stack) -> None:
    await organizations(stack)
    async with (
        member(stack, "environment", "environment-controller") as environment,
        member(stack, "billing", "billing") as billing,
    ):
        writers = {one: billing if one == INVOICE else environment for one in ALL}
        for subject, js in writers.items():
            await parking.put_aside(js, subject, letter())
        for email, shown in SHOWN.items():
            token = stack.admin if email == ADMIN else stack.token(email)
            async with stack.client(token) as http:
                for query in ("", "?organization=_", "?organization=aside"):
                    answer = await http.get(f"/v1/dlq{query}")
                    seen = {item["subject"] for item in answer.json().get("items", ())}
                    assert seen & ALL == shown.get(query, set()), (email, query)
                for subject in ALL:
                    found = (await http.get(f"/v1/dlq/{subject}")).status_code
                    there = any(subject in some for some in shown.values())
                    assert found == (200 if there else 404), (email, subject)
        for subject, js in writers.items():
            await parking.discard(js, subject)
