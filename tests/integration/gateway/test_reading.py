"""What the door shows besides rows and events: chains, dead letters, questions, documents."""

import asyncio
import json
from datetime import datetime

import pytest
from tests.integration.gateway.reading import onboarded, pages
from tests.integration.gateway.sending import WAIT
from tests.integration.gateway.stack import Stack, acme, created
from tests.support.waiting import until

from catalyst.chassis import ids
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.client.http_transport import over_http
from catalyst.contracts.registry import BY_TYPE, COMMANDS
from catalyst.gateway import queries


async def test_a_chain_shows_everything_that_followed_from_a_command(stack: Stack) -> None:
    outcome = await onboarded(stack, "chained")
    async with stack.client(stack.token("ann@acme.example")) as http:

        async def whole() -> bool:
            found = (await http.get(f"/v1/trace/{outcome['id']}")).json()
            return bool(found["complete"] and all(row["shows"] for row in found["rows"]))

        await until(whole)
        answer = await http.get(f"/v1/trace/{outcome['id']}", params={"organization": "chained"})
        events = await pages(http, organization="chained")
    chain = answer.json()
    steps = chain["steps"]
    first = steps[0]
    assert (first["id"], first["kind"], first["status"]) == (outcome["id"], "command", "accepted")
    assert first["actor"] == outcome["actor"]
    assert first["last_seq"] == outcome["seq"]
    kinds = {step["kind"] for step in steps}
    assert {"command", "reaction", "effect", "sent"} <= kinds
    reaction = next(step for step in steps if step["kind"] == "reaction")
    assert (reaction["by"], reaction["cause"]) == ("onboarding", first["events"][0]["id"])
    assert reaction["aggregate"] == "chained.environment.onboarding.chained"
    traced = {event["seq"] for step in steps for event in step["events"]}
    assert traced == {event["seq"] for event in events}
    assert {row["key"] for row in chain["rows"]} == {
        "chained._.organization._.chained",
        "chained._.onboarding._.chained",
    }
    wrote = {event["id"]: (step, event) for step in steps for event in step["events"]}
    for row in chain["rows"]:
        step, event = wrote[row["event"]]
        assert _time(row["time"]) == _time(step["time"])
        assert _time(row["written"]) > _time(event["time"])
    assert chain["read_model_as_of"] >= max(traced)
    assert chain["hidden"] == 0


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.guarantee("G7.5")
async def test_every_answer_says_how_far_behind_the_log_it_is(stack: Stack) -> None:
    first = (await created(stack, "behind-first")).json()
    later = (await created(stack, "behind-later")).json()
    async with stack.client(stack.admin) as http:

        async def fresh(path: str) -> tuple[int, int, int]:
            found = await http.get(path)
            assert found.status_code == 200, found.text
            assert found.headers["catalyst-log"] == first["log"]
            as_of, head, lag = (
                int(found.headers[f"catalyst-{name}"]) for name in ("as-of", "head", "lag-ms")
            )
            return as_of, head, lag

        async def behind() -> bool:
            _, head, _ = await fresh(f"/v1/outcomes/{first['id']}?organization=behind-first")
            return head >= int(later["seq"])

        # Another one's event arrives here a moment after it was stored.
        await until(behind)
        as_of, head, lag = await fresh(f"/v1/outcomes/{first['id']}?organization=behind-first")
        assert as_of == first["seq"] < later["seq"] <= head
        assert lag > 0
        as_of, head, lag = await fresh(f"/v1/trace/{first['id']}?organization=behind-first")
        assert first["seq"] <= as_of <= head
        # What is behind may hold no event, and only an event has an age here.
        assert as_of < head or lag == 0
        page = (await http.get("/v1/events?limit=1")).json()
        assert page["as_of"] < later["seq"] <= page["head"]
        assert page["lag_ms"] > 0
        plan = await http.post(
            "/v1/queries/environment/plan-organization-deletion?organization=behind-later", json={}
        )
        answered, newest = (int(plan.headers[f"catalyst-{name}"]) for name in ("as-of", "head"))
        assert later["seq"] <= answered == plan.json()["as_of"] <= newest


async def test_a_chain_of_nothing_is_not_found(stack: Stack) -> None:
    async with stack.client(stack.admin) as http:
        for command in ("c-none", "a.b", "*", ">"):
            assert (await http.get(f"/v1/trace/{command}")).status_code == 404


@pytest.mark.guarantee("G5.5")
async def test_a_question_of_nobody_is_refused_with_the_reason(stack: Stack) -> None:
    headers = {"Authorization": f"Bearer {stack.admin}"}
    async with stack.operator() as js:
        for nobody in ("=ZZ", "=C3", "=5F=5F"):
            subject = f"qry.{nobody}.environment.plan-organization-deletion.v1"
            found = await js.link.request(subject, b"{}", timeout=10, headers=headers)
            assert json.loads(found.data)["problem"]["code"] == "subject-mismatch"


@pytest.mark.guarantee("G7.3")
async def test_what_stands_in_the_log_or_aside_and_is_no_such_thing_hides_no_other(
    stack: Stack,
) -> None:
    found = await created(stack, "rubbish", key="c-rubbish")
    place = "environment.organization.rubbish"
    subject = f"dlq.rubbish.{place}.c77"
    async with connect(
        stack.broker.url, name="environment-controller", user="environment", password="environment"
    ) as js:
        for wrong in (b"\xff", b'{"stream":"CMD","seq":5}'):
            await js.publish(Outgoing(f"dlq.rubbish.{place}.c{len(wrong)}", wrong))
            await js.publish(Outgoing("done.rubbish-other.c-rubbish", wrong))
        await js.publish(Outgoing(subject, b"[" * 5000))
    async with stack.client(stack.admin) as http:
        listed = (await http.get("/v1/dlq?organization=rubbish")).json()["items"]
        assert len(listed) == 3
        assert {(one["reason"], one["message"]["stream"]) for one in listed} == {
            ("malformed-json", "")
        }
        assert (await http.get(f"/v1/dlq/{subject}")).json()["body"] == "[" * 5000
        chain = await http.get("/v1/trace/c-rubbish")
        assert (chain.status_code, chain.json()["command"]) == (200, found.json()["id"])
        nothing = await http.get("/v1/trace/c-rubbish?organization=rubbish-other")
        assert nothing.status_code == 404
    async with stack.client(stack.token("ann@acme.example")) as http:
        # Nobody knows what is in it.
        assert "withheld" in (await http.get(f"/v1/dlq/{subject}")).json()


@pytest.mark.guarantee("G5.4")
@pytest.mark.guarantee("G7.3")
@pytest.mark.guarantee("G5.4")
async def test_a_command_that_nobody_can_read_is_listed_with_its_reason(stack: Stack) -> None:
    await created(stack, "letters")
    subject = "cmd.letters.environment.organization.letters.suspend-organization.v1"
    async with stack.operator() as js:
        await js.publish(Outgoing(subject, b"\xff not json"))
    async with stack.client(stack.admin) as http:

        async def listed() -> bool:
            return bool((await http.get("/v1/dlq?organization=letters")).json()["items"])

        await until(listed)
        page = (await http.get("/v1/dlq?organization=letters&limit=1")).json()
        (letter,) = page["items"]
        events = (await http.get("/v1/events?organization=letters&limit=1")).json()
        assert page["as_of"] == page["head"] >= events["items"][0]["seq"]
        assert (page["lag_ms"], page["log"]) == (0, events["log"])
        assert letter["reason"] == "not-utf8"
        assert letter["message"]["subject"] == subject
        assert "body" not in letter
        whole = await http.get(f"/v1/dlq/{letter['subject']}")
        assert "not json" in whole.json()["body"]
        assert int(whole.headers["catalyst-as-of"]) >= page["as_of"]
        assert whole.headers["catalyst-log"] == page["log"]
        assert (await http.get(f"/v1/dlq/{letter['subject']}x.y")).status_code == 404
        assert (await http.get("/v1/dlq/*")).status_code == 404
    async with stack.client(stack.token("eve@else.example")) as http:
        hidden = await http.get("/v1/dlq?organization=letters")
        assert (hidden.status_code, hidden.json()["code"]) == (404, "not-found")
        assert (await http.get(f"/v1/dlq/{letter['subject']}")).status_code == 404


@pytest.mark.guarantee("G6.1")
@pytest.mark.parametrize("path", ["/v1/dlq", "/v1/events"])
async def test_every_list_says_the_same_of_an_organization_that_is_not_ones_own(
    stack: Stack, path: str
) -> None:
    owners = [{"email": "own@listed.example", "role": "owner"}]
    await created(stack, "listed", key="c-listed", owners=owners)
    async with stack.client(stack.token("eve@else.example")) as http:
        answers = [
            await http.get(path, params={"organization": name}) for name in ("listed", "no-such")
        ]
        for answer in answers:
            assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
        assert answers[0].json()["detail"] == answers[1].json()["detail"]
        # Without an Organization it is a list of what is one's own: nothing.
        assert (await http.get(path)).json()["items"] == []
    async with stack.client(stack.token("own@listed.example")) as http:

        async def known() -> bool:
            return (await http.get(path, params={"organization": "listed"})).status_code == 200

        await until(known)


async def test_a_question_is_answered_by_the_service_that_knows(stack: Stack) -> None:
    await onboarded(stack, "asked")
    path = "/v1/queries/environment/plan-organization-deletion"
    params = {"organization": "asked"}
    async with stack.client(stack.admin) as http:
        found = await http.post(path, params=params, json={})
        assert found.status_code == 200, found.text
        plan = found.json()["result"]
        assert {"request", "hash", "inputs", "expires"} <= plan.keys()
        assert int(found.headers["catalyst-as-of"]) == found.json()["as_of"]
        done = await http.post(
            "/v1/commands/environment.apply-organization-deletion.v1",
            params=params,
            json={name: plan[name] for name in ("request", "hash", "inputs", "expires")},
            headers=WAIT,
        )
        assert done.json()["status"] == "accepted", done.text
        wrong = await http.post(path, params=params, json={"nonsense": 1})
        assert wrong.status_code in {200, 400, 404, 409, 422}
        assert (await http.post(path, params=params, content=b"{")).status_code == 415
        none = await http.post("/v1/queries/environment/nothing", params=params, json={})
        assert none.status_code == 404
        other = await http.post("/v1/queries/nobody/plan", params=params, json={})
        assert other.status_code == 404
        # Nobody of that service is at work here, which says nothing about the question.
        away = await http.post("/v1/queries/provisioning/plan", params=params, json={})
        assert (away.status_code, away.json()["code"]) == (503, "unavailable")
        assert away.headers["retry-after"] == "1"
    async with stack.client(stack.token("eve@else.example")) as http:
        found = await http.post(path, params=params, json={})
        assert (found.status_code, found.json()["code"]) == (403, "forbidden")


async def test_a_question_whose_service_ended_over_it_is_to_be_asked_again(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    await created(stack, "asks-on")
    monkeypatch.setattr(queries, "ANSWER_SECONDS", 0.5)
    taken: list[bytes] = []
    url, who = stack.broker.url, "provisioning"
    async with connect(url, name=who, user=who, password=who) as js, stack.client(stack.admin) as h:
        await js.link.tap("qry.*.provisioning.plan.v1", lambda raw: taken.append(raw.data))
        # The question comes by another connection: only what the broker has read is before it.
        await js.rtt()
        path = "/v1/queries/provisioning/plan?organization=asks-on"
        away = await h.post(path, json={})
    assert len(taken) == 1
    assert (away.status_code, away.json()["code"]) == (503, "unavailable")
    assert away.json()["detail"] == "provisioning has not answered within 0.5 s: ask again"


async def test_contracts_and_documents_are_there_for_anybody(stack: Stack) -> None:
    async with stack.client() as http:
        listed = (await http.get("/v1/contracts")).json()
        assert [item["type"] for item in listed] == list(BY_TYPE)
        one = (await http.get("/v1/contracts/environment.create-organization.v1")).json()
        assert one["roles"] == ["sovereign-admin"]
        assert one["schema"]["required"]
        assert {"slug-taken", "owner-required"} <= {code["code"] for code in one["refused_with"]}
        assert (await http.get("/v1/contracts/nothing")).status_code == 404
        openapi = (await http.get("/openapi.json")).json()
        assert openapi["openapi"] == "3.1.0"
        assert {f"/v1/commands/{type_}" for type_ in COMMANDS} <= openapi["paths"].keys()
        assert (await http.get("/asyncapi.json")).json()["asyncapi"].startswith("3.")


async def test_reads_are_passed_on_to_the_projector(stack: Stack) -> None:
    outcome = (await created(stack, "read")).json()
    async with over_http(stack.url, token=stack.admin) as door:
        row, fresh = await door.get("organizations", "read", min_seq=outcome["seq"])
    assert row.doc["display_name"] == "Acme"
    assert fresh.as_of >= outcome["seq"]


async def test_a_watch_through_the_door_shows_a_change_as_it_happens(stack: Stack) -> None:
    async with asyncio.timeout(60), over_http(stack.url, token=stack.admin) as door:
        async for change in door.changes("organizations"):
            if type(change).__name__ == "Synced":
                await created(stack, "watched")
            if (
                getattr(getattr(change, "row", None), "key", "")
                == "watched._.organization._.watched"
            ):
                break


async def test_unknown_paths_and_methods_are_problems_with_the_security_headers(
    stack: Stack,
) -> None:
    async with stack.client(stack.admin) as http:
        for method, path, status in (
            ("GET", "/v1/nothing", 404),
            ("PUT", "/v1/events", 405),
            ("DELETE", "/v1/commands/x", 405),
            ("GET", "/v1/commands/x", 405),
            ("PATCH", "/v1/session", 405),
        ):
            found = await http.request(method, path)
            assert found.status_code == status, path
            assert found.json()["status"] == status
            assert "frame-ancestors 'none'" in found.headers["content-security-policy"]
            if status == 405:
                assert "allow" in found.headers


async def test_health_and_measurements_are_there_without_a_token(stack: Stack) -> None:
    async with stack.client() as http:
        assert (await http.get("/healthz")).json() == {"status": "ok"}
        ready = (await http.get("/readyz")).json()
        needed = {"broker": "ok", "roles": "ok", "events": "ok", "keys": "ok"}
        assert ready == {"status": "ok", "checks": {**needed, "reads": "ok", "newer keys": "ok"}}
        text = (await http.get("/metrics")).text
    assert 'route="/v1/commands/{type}"' in text
    assert "catalyst_http_request_seconds_bucket" in text


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"limit": "501"}, "limit"),
        ({"continue": "-1"}, "continue"),
        ({"since": "yesterday"}, "since"),
        ({"since": "2026-01-01T00:00:00"}, "since"),
        ({"follow": "perhaps"}, "follow"),
        ({"nonsense": "1"}, "nonsense"),
    ],
)
async def test_wrong_parameters_are_named(stack: Stack, params: dict[str, str], named: str) -> None:
    async with stack.client(stack.admin) as http:
        found = await http.get("/v1/events", params=params)
        twice = await http.get("/v1/events?limit=1&limit=2")
    assert (found.status_code, found.json()["code"]) == (400, "invalid-query")
    assert [error["pointer"] for error in found.json()["errors"]] == [f"/{named}"]
    assert twice.status_code == 400


async def test_an_id_in_two_organizations_needs_to_say_which(stack: Stack) -> None:
    key = ids.command_id()
    for slug in ("twin-one", "twin-two"):
        async with stack.client(stack.admin) as http:
            await http.post(
                "/v1/commands/environment.create-organization.v1",
                params={"organization": slug},
                json=acme(),
                headers={"Idempotency-Key": key, **WAIT},
            )
    async with stack.client(stack.admin) as http:
        both = await http.get(f"/v1/trace/{key}")
        one = await http.get(f"/v1/trace/{key}", params={"organization": "twin-two"})
    assert (both.status_code, both.json()["code"]) == (400, "invalid-query")
    assert one.json()["organization"] == "twin-two"
