"""Who is asked for a token: exactly those routes that the document says, whatever else is wrong."""

import base64
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.integration.gateway.stack import Stack

from catalyst.chassis.keyring import KeyRing
from catalyst.gateway import openapi

pytestmark = pytest.mark.real

METHODS = {"get", "post", "put", "patch", "delete", "head"}


def routes() -> Iterator[tuple[str, str, bool]]:
    """Yield method, path and whether the document asks for a token, of every operation."""
    document: dict[str, Any] = openapi.document("0")
    for path, operations in document["paths"].items():
        for method in METHODS & operations.keys():
            asked = operations[method].get("security", document["security"])
            yield method.upper(), re.sub(r"\{\w+\}", "x", path), bool(asked)


@pytest.mark.guarantee("G5.10")
async def test_a_route_asks_for_a_token_exactly_if_the_document_says_so(stack: Stack) -> None:
    found: dict[tuple[str, str], tuple[bool, int]] = {}
    async with stack.client() as http:
        for method, path, closed in routes():
            body = {"content": b"{}", "headers": {"Content-Type": "application/json"}}
            sent = http.build_request(method, path, **(body if method == "POST" else {}))  # type: ignore[arg-type]
            answer = await http.send(sent, stream=True)
            await answer.aclose()
            found[method, path] = (closed, answer.status_code)
    assert {at: one for at, one in found.items() if one[0] != (one[1] == 401)} == {}
    assert {closed for closed, _ in found.values()} == {True, False}


COMMANDS = "/v1/commands/"
GIT = [f"/git/x/{name}.git/info/refs?service=git-upload-pack" for name in ("home", "blog")]


def closed() -> list[tuple[str, str]]:
    """Return method and path of what asks for a token; one function takes all commands."""
    command = next(path for _, path, _ in routes() if path.startswith(COMMANDS))
    return [
        (method, path)
        for method, path, asked in routes()
        if asked and (path == command or not path.startswith(COMMANDS))
    ]


def part(**said: str) -> str:
    """Return a part of a token."""
    return base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")


def broken(stack: Stack, elsewhere: Path) -> Iterator[tuple[str, str]]:
    """Yield tokens that would be a sovereign-admin's, by what is wrong with them."""
    header, claims, signature = stack.admin.split(".")
    person = ("root@cloud.example", ["sovereign-admin"])
    yield (
        "said by somebody else",
        f"{header}.{stack.token('eve@x.example').split('.')[1]}.{signature}",
    )
    yield "signed otherwise", f"{header}.{claims}.{signature[:-8]}AAAAAAAA"
    yield "not signed", f"{part(alg='none', typ='JWT')}.{claims}."
    yield "of another installation", KeyRing.open(elsewhere).people().person(*person)
    yield "over", stack.keys.people().person(*person, timedelta(hours=-1))


@pytest.mark.guarantee("G6.5")
async def test_no_route_that_asks_for_a_token_takes_one_that_does_not_hold(
    stack: Stack, tmp_path: Path
) -> None:
    found = {}
    asked = [*closed(), *(("GET", path) for path in GIT)]
    async with stack.client() as http:
        for why, token in broken(stack, tmp_path):
            basic = base64.b64encode(f"x:{token}".encode()).decode()
            for method, path in asked:
                sign = f"Basic {basic}" if path in GIT else f"Bearer {token}"
                body = {"content": b"{}"} if method == "POST" else {}
                headers = {"Content-Type": "application/json", "Authorization": sign}
                sent = http.build_request(method, path, headers=headers, **body)  # type: ignore[arg-type]
                answer = await http.send(sent, stream=True)
                await answer.aclose()
                found[why, method, path] = answer.status_code
    assert {at: status for at, status in found.items() if status != 401} == {}
    assert len(found) > 5 * 12


@pytest.mark.guarantee("G6.5")
@pytest.mark.parametrize("name", ["token", "access_token", "Authorization", "catalyst"])
async def test_no_route_takes_a_token_out_of_its_address(stack: Stack, name: str) -> None:
    # Addresses stand in logs, histories and what a page tells the next one.
    found = {}
    async with stack.client() as http:
        for method, path in closed():
            body = {"content": b"{}"} if method == "POST" else {}
            headers = {"Content-Type": "application/json"}
            sent = http.build_request(
                method,
                path,
                params={name: stack.admin},
                headers=headers,
                **body,  # type: ignore[arg-type]
            )
            answer = await http.send(sent, stream=True)
            await answer.aclose()
            found[method, path] = answer.status_code
    assert {at: status for at, status in found.items() if status != 401} == {}
    assert len(found) > 10
