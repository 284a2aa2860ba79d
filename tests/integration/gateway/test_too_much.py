"""Whoever sends or asks too much is answered in words, and not left without an answer.

For whoever hangs up nothing goes on.
"""

import asyncio
from collections.abc import Mapping

import pytest
from tests.integration.gateway.sending import CREATE, refused
from tests.integration.gateway.stack import Stack, acme, created
from tests.support.waiting import until

from catalyst.chassis.jetstream import answering as answering_port
from catalyst.chassis.jetstream import waiting
from catalyst.chassis.jetstream.answering import AT_ONCE, Answering
from catalyst.chassis.jetstream.asking import micro_name
from catalyst.chassis.jetstream.connection import connect
from catalyst.contracts.rejection import ERRORS_MAX
from catalyst.gateway import queries

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


@pytest.mark.guarantee("G7.15")
async def test_whoever_asks_more_than_can_be_answered_is_told_to_ask_again(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "MOST", 1)
    await created(stack, "asks-too-often")
    begun: list[bytes] = []
    may_end = asyncio.Event()

    async def answer(_subject: str, data: bytes, _headers: Mapping[str, str]) -> bytes:
        begun.append(data)
        await may_end.wait()
        return b'{"as_of": 1, "result": "answered"}'

    path = "/v1/queries/provisioning/plan?organization=asks-too-often"
    url, who = stack.broker.url, "provisioning"
    async with (
        connect(url, name=who, user=who, password=who) as js,
        stack.client(stack.admin) as http,
        asyncio.TaskGroup() as tasks,
    ):
        answering = Answering(js, micro_name(who), tasks)
        await answering.add("plan", "qry.*.provisioning.plan.v1", answer)
        await answering.start()
        first = [tasks.create_task(http.post(path, json={})) for _ in range(AT_ONCE)]
        await until(lambda: len(begun) == AT_ONCE)
        later = [tasks.create_task(http.post(path, json={})) for _ in range(2)]
        # Only one may wait: whichever came first is told so, while nothing is answered yet.
        told, _ = await asyncio.wait(later, return_when=asyncio.FIRST_COMPLETED)
        assert not any(one.done() for one in first)
        may_end.set()
        (busy,) = (one.result() for one in told)
        problem = refused(busy, 503, "unavailable")
        assert problem["detail"] == ("provisioning: too many questions wait: ask again in a moment")
        assert busy.headers["retry-after"] == "1"
        answers = [await one for one in (*first, *later) if one not in told]
        assert [one.json()["result"] for one in answers] == ["answered"] * (AT_ONCE + 1)
        await answering.stop()


@pytest.mark.guarantee("G7.17")
@pytest.mark.parametrize(
    ("method", "path", "subject"),
    [
        ("POST", "/v1/queries/provisioning/plan", "qry.*.provisioning.plan.v1"),
        ("GET", "/v1/icons/wordpress", "qry.*.catalog.icon.v1"),
    ],
)
async def test_a_question_of_whoever_hangs_up_is_ended_where_it_is_answered(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, method: str, path: str, subject: str
) -> None:
    # By its time alone, it would go on for ever.
    monkeypatch.setattr(queries, "ANSWER_SECONDS", 3600.0)
    monkeypatch.setattr(answering_port, "LONGEST_SECONDS", 3600.0)
    begun = asyncio.Event()
    ended = asyncio.Event()

    async def answer(_subject: str, _data: bytes, _headers: Mapping[str, str]) -> bytes:
        begun.set()
        try:
            return b"%d" % await asyncio.Event().wait()
        finally:
            ended.set()

    who = subject.split(".")[2]
    await created(stack, f"asks-{who}")
    async with (
        connect(stack.broker.url, name=who, user=who, password=who) as js,
        asyncio.TaskGroup() as tasks,
    ):
        answering = Answering(js, micro_name(who), tasks)
        await answering.add("asked", subject, answer)
        await answering.start()
        await js.link.flush()
        async with stack.client(stack.admin) as http:
            params = {"organization": f"asks-{who}"}
            sent: dict[str, str] | None = {} if method == "POST" else None
            asking = tasks.create_task(http.request(method, path, params=params, json=sent))
            await begun.wait()
            asking.cancel()
            await asyncio.wait({asking})
        await until(ended.is_set)
        await answering.stop()
