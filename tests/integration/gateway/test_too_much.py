"""Whoever sends or asks too much is answered in words, and not left without an answer."""

import pytest
from tests.integration.gateway.sending import CREATE, refused
from tests.integration.gateway.stack import Stack, acme, created

from catalyst.contracts.rejection import ERRORS_MAX

MANY = 20_000
"""Fields for which a body has room; an answer that named each would be above what a broker takes.
"""


@pytest.mark.guarantee("G5.8")
async def test_of_very_many_wrong_fields_the_first_are_named_and_the_others_counted(
    stack: Stack,
) -> None:
    await created(stack, "asks-much")
    unknown = {f"f{number}": 0 for number in range(MANY)}
    params = {"organization": "asks-much"}
    question = "/v1/queries/environment/plan-organization-deletion"
    more = f"the first {ERRORS_MAX} are named here, {MANY - ERRORS_MAX} more are not"
    async with stack.client(stack.admin) as http:
        for path, data, prefix in ((question, {}, ""), (CREATE, acme(), "/data")):
            answer = await http.post(path, params=params, json=data | unknown)
            problem = refused(answer, 422, "invalid-data")
            assert problem["detail"] == f"{MANY} fields are wrong; {more}"
            named = [one["pointer"] for one in problem["errors"]]
            assert named == [f"{prefix}/f{number}" for number in range(ERRORS_MAX)]
