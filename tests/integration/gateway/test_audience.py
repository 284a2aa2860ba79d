"""Who is asked for a token: exactly those routes that the document says, whatever else is wrong."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from tests.integration.gateway.stack import Stack

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
