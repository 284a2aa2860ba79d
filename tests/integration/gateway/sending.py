"""Commands over the door: where they go, and how a refusal looks."""

from typing import Any

import httpx

CREATE = "/v1/commands/environment.create-organization.v1"
SUSPEND = "/v1/commands/environment.suspend-organization.v1"
WAIT = {"Prefer": "wait=10"}


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Check that an answer is a problem, and return it."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    problem: dict[str, Any] = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code), answer.text
    assert problem["status"] == status
    return problem
