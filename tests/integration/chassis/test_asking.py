"""One service asks another: answers, refusals with their code, and silence."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from nats.micro.service import EndpointConfig
from nats.micro.service import Service as Micro
from tests.support.rig import ORGANIZATIONS, working

from catalyst.chassis.asking import Asked, Unanswered
from catalyst.chassis.errors import Retry
from catalyst.chassis.jetstream.asking import at_work
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.keyring import KeyRing
from catalyst.chassis.service import Loader, Query, Service
from catalyst.contracts.decision import Actor
from catalyst.contracts.rejection import Rejected

pytestmark = pytest.mark.real


@pytest.fixture
def keys(tmp_path: Path) -> KeyRing:
    return KeyRing.open(tmp_path / "keys")


async def _quote(
    request: Mapping[str, Any], organization: str, actor: Actor, _load: Loader
) -> dict[str, Any]:
    if "refuse" in request:
        raise Rejected("not-found", "there is no price", pointer="/lines/0")
    if "wait" in request:
        await asyncio.Event().wait()
    if "elsewhere" in request:
        raise Unanswered("billing", "billing.quote.v1 does not answer")
    if "fail" in request:
        raise LookupError("a bug")
    return {"lines": request["lines"], "for": organization, "asked_by": actor.name}


QUERY = Query(name="quote", version=1, for_command="environment.create-organization.v1", run=_quote)
ANSWERING = Service(
    name="environment",
    aggregates=ORGANIZATIONS.aggregates,
    rules=ORGANIZATIONS.rules,
    queries=(QUERY,),
)


@pytest.fixture
async def asking(js: JetStream, keys: KeyRing) -> AsyncIterator[Asked]:
    async with working(js, ANSWERING, keys=keys):
        yield Asked(js, keys.service("environment").service)


async def test_who_hears_not_every_question_yet_is_not_at_work(
    js: JetStream, keys: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asks would be told that there is no such question, for good."""
    begins = Micro.add_endpoint
    found: list[bool] = []

    async def look(service: Micro, config: EndpointConfig) -> None:
        await js.link.flush()
        found.append(await at_work(js, "environment"))
        await begins(service, config)

    monkeypatch.setattr(Micro, "add_endpoint", look)
    async with working(js, ANSWERING, keys=keys):
        assert await at_work(js, "environment")
    assert found == [False]


async def test_an_answer_is_what_the_other_service_said(asking: Asked) -> None:
    found = await asking.ask("environment", "quote", 1, "acme", {"lines": [1, 2]})
    assert found == {"lines": [1, 2], "for": "acme", "asked_by": "service:environment"}


async def test_a_question_of_the_platform_has_no_organization(asking: Asked) -> None:
    found = await asking.ask("environment", "quote", 1, None, {"lines": []})
    assert found["for"] == ""


async def test_a_refusal_keeps_its_code_and_its_place(asking: Asked) -> None:
    with pytest.raises(Rejected) as refused:
        await asking.ask("environment", "quote", 1, "acme", {"refuse": True})
    assert (refused.value.code, refused.value.message) == ("not-found", "there is no price")
    assert [error.pointer for error in refused.value.errors] == ["/lines/0"]


@pytest.mark.parametrize(("service", "name"), [("environment", "unheard-of"), ("nobody", "quote")])
async def test_where_nobody_listens_is_asked_again(asking: Asked, service: str, name: str) -> None:
    with pytest.raises(Retry, match="does not answer"):
        await asking.ask(service, name, 1, "acme", {})


async def test_an_answer_that_does_not_come_in_time_is_asked_for_again(
    js: JetStream, asking: Asked, keys: KeyRing
) -> None:
    hasty = Asked(js, keys.service("environment").service, timeout=0.2)
    with pytest.raises(Retry, match="does not answer"):
        await hasty.ask("environment", "quote", 1, "acme", {"wait": True})


async def test_a_question_waits_for_none_before_it(asking: Asked) -> None:
    slow = asyncio.ensure_future(asking.ask("environment", "quote", 1, "acme", {"wait": True}))
    await asyncio.sleep(0)
    found = await asking.ask("environment", "quote", 1, "acme", {"lines": []})
    assert found["lines"] == []
    assert not slow.done()
    slow.cancel()


async def test_a_bug_over_there_is_no_refusal(asking: Asked) -> None:
    with pytest.raises(Retry):
        await asking.ask("environment", "quote", 1, "acme", {"fail": True})


async def test_whoever_does_not_answer_is_named(asking: Asked) -> None:
    """To who asked at first, too: it is what has to be started again."""
    with pytest.raises(Unanswered) as caught:
        await asking.ask("nobody", "quote", 1, "acme", {})
    assert caught.value.service == "nobody"
    with pytest.raises(Unanswered, match="what this takes of billing did not come in time"):
        await asking.ask("environment", "quote", 1, "acme", {"elsewhere": True})


async def test_a_token_that_is_not_believed_is_no_refusal_of_the_question(
    js: JetStream, asking: Asked, tmp_path: Path
) -> None:
    stranger = KeyRing.open(tmp_path / "others").service("environment")
    with pytest.raises(Retry, match="unauthenticated"):
        await Asked(js, stranger.service).ask("environment", "quote", 1, "acme", {})


async def test_a_service_asks_those_in_its_table_and_no_others(
    js: JetStream, asking: Asked, keys: KeyRing
) -> None:
    del asking
    asked = Asked(js, keys.service("provisioning").service)
    found = await asked.ask("environment", "quote", 1, "acme", {"lines": []})
    assert found["asked_by"] == "service:provisioning"
    for other in ("billing", "catalog", "blueprint", "projector"):
        with pytest.raises(Rejected) as refused:
            await Asked(js, keys.service(other).service).ask("environment", "quote", 1, "acme", {})
        assert refused.value.code == "forbidden"
