"""REST reads on the real broker: who, which rows, how fresh, page by page."""

from typing import Any

import httpx
import pytest
from tests.support import log as writing
from tests.support.log import LogWriter
from tests.support.projecting import bearer, projector, served, token
from tests.support.streams import reading

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.contracts import environment_v2 as env2
from catalyst.projector import rebuild
from catalyst.projector.adapters.buckets import StreamReadModel
from catalyst.projector.adapters.log import StreamLog

pytestmark = pytest.mark.real

ROOT = ("root@example.org", "sovereign-admin")


async def prepared(js: JetStream, *slugs: str) -> LogWriter:
    log = LogWriter(js)
    await log.prepare()
    for slug in slugs:
        await log.decide(writing.created(slug))
    return log


def keys(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["key"] for item in answer.json()["items"]]


def organizations(*slugs: str) -> list[str]:
    return [f"{slug}._.organization._.{slug}" for slug in slugs]


@pytest.mark.guarantee("G7.5")
async def test_every_answer_says_how_fresh_it_is(js: JetStream) -> None:
    log = await prepared(js, "acme")
    async with served(projector(js)) as http:
        seq = await log.decide(writing.renamed("acme", "Acme Limited"))
        found = await http.get("/v1/state/organizations", params={"min_seq": seq}, headers=bearer())
        body = found.json()
        assert body["as_of"] >= seq
        assert body["head"] >= body["as_of"]
        assert isinstance(body["lag_ms"], int)
        one = await http.get("/v1/state/organizations/acme", headers=bearer())
        assert int(one.headers["catalyst-as-of"]) >= seq
        assert int(one.headers["catalyst-head"]) >= seq
        assert int(one.headers["catalyst-lag-ms"]) >= 0
        missing = await http.get("/v1/state/organizations/nobody", headers=bearer())
        assert missing.status_code == 404


@pytest.mark.guarantee("G6.5")
async def test_nobody_reads_without_a_token(js: JetStream) -> None:
    await prepared(js, "acme")
    none_good: tuple[dict[str, str], ...] = (
        {},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": "Basic YTpi"},
        {"Cookie": "catalyst=nonsense"},
        bearer("ann@example.org", minutes=-60),
    )
    async with served(projector(js)) as http:
        for path in ("/v1/state/organizations", "/v1/state/all/acme", "/v1/stream"):
            for headers in none_good:
                found = await http.get(path, headers=headers)
                assert found.status_code == 401, (path, headers)
                assert found.headers["content-type"] == "application/problem+json"
                assert found.json()["code"] == "unauthenticated", (path, headers)
                assert "www-authenticate" in found.headers
                assert found.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ["catalyst", "__Secure-catalyst"])
async def test_a_browser_may_bring_its_token_in_a_cookie(js: JetStream, name: str) -> None:
    await prepared(js, "acme")
    async with served(projector(js)) as http:
        cookie = {"Cookie": f"{name}={token('ann@example.org')}"}
        assert keys(await http.get("/v1/state/all", headers=cookie)) == organizations("acme")
        async with reading(http, headers=cookie) as stream:
            await stream.until("synced")
            assert list(stream.rows) == organizations("acme")


@pytest.mark.guarantee("G6.1")
async def test_people_see_their_own_organizations_and_nothing_tells_of_others(
    js: JetStream,
) -> None:
    log = await prepared(js, "acme")
    seq = await log.decide(writing.created("other", owners=()))
    async with served(projector(js)) as http:
        assert keys(
            await http.get("/v1/state/all", params={"min_seq": seq}, headers=bearer())
        ) == organizations("acme")
        assert keys(await http.get("/v1/state/all", headers=bearer("eve@example.org"))) == []
        assert keys(await http.get("/v1/state/all", headers=bearer(*ROOT))) == organizations(
            "acme", "other"
        )
        answers = [
            await http.get(path, params=query, headers=bearer())
            for path, query in (
                ("/v1/state/organizations/other", {}),
                ("/v1/state/organizations/nobody", {}),
                ("/v1/state/all", {"organization": "other"}),
                ("/v1/state/all", {"organization": "nobody"}),
                ("/v1/state/organizations/other", {"organization": "other"}),
                ("/v1/state/organizations/nobody", {"organization": "nobody"}),
            )
        ]
        assert [answer.status_code for answer in answers] == [404] * 6
        for real, made_up in zip(answers[::2], answers[1::2], strict=True):
            assert real.text == made_up.text


async def test_an_address_that_is_not_verified_has_no_roles(js: JetStream) -> None:
    await prepared(js, "acme")
    async with served(projector(js)) as http:
        unproven = bearer("ann@example.org", verified=False)
        assert keys(await http.get("/v1/state/all", headers=unproven)) == []
        assert keys(await http.get("/v1/state/all", headers=bearer())) == organizations("acme")


async def test_rows_are_selected_by_kind_place_label_and_field(js: JetStream) -> None:
    log = await prepared(js, "acme", "beta")
    await log.decide(writing.renamed("beta", "Beta", tier="corporate"))
    await log.decide(*writing.environment_created("acme", "prod"))
    seq = await log.decide(*writing.environment_created("acme", "dev"))
    environments = [f"acme.acme-{kind}.environment._.acme-{kind}" for kind in ("dev", "prod")]
    everything: list[tuple[str, dict[str, str], list[str]]] = [
        ("organizations", {}, organizations("acme", "beta")),
        ("environments,organizations", {"environment": "acme-dev"}, environments[:1]),
        ("all", {"organization": "beta"}, organizations("beta")),
        ("all", {"label": "tier=corporate"}, organizations("beta")),
        ("organizations", {"label": "openova.io/tier!=corporate"}, organizations("acme")),
        ("all", {"label": "env-type"}, environments),
        ("all", {"label": "env-type=dev"}, environments[:1]),
        ("organizations", {"field": "phase=onboarding,tier=sme"}, organizations("acme")),
        ("organizations", {"field": "git.commit"}, []),
        ("organizations", {"field": "!git.commit"}, organizations("acme", "beta")),
    ]
    async with served(projector(js)) as http:
        for kinds, query, wanted in everything:
            answer = await http.get(
                f"/v1/state/{kinds}", params={**query, "min_seq": seq}, headers=bearer()
            )
            assert keys(answer) == wanted, (kinds, query)
        for path in ("state/organizations?", "stream?kinds=organizations&"):
            refused = await http.get(f"/v1/{path}environment=acme-dev", headers=bearer())
            assert (refused.status_code, refused.json()["code"]) == (400, "invalid-query")


async def test_one_row_by_name(js: JetStream) -> None:
    log = await prepared(js, "acme", "beta")
    for slug in ("acme", "beta"):
        defined = (writing.policy(slug, "strict"), env2.PolicyDefined(policy="strict"))
        seq = await log.decide(defined)
    async with served(projector(js)) as http:
        several = await http.get(
            "/v1/state/policies/strict", params={"min_seq": seq}, headers=bearer()
        )
        assert (several.status_code, several.json()["code"]) == (400, "invalid-query")
        assert several.json()["errors"][0]["pointer"] == "/organization"
        one = await http.get(
            "/v1/state/policies/strict", params={"organization": "beta"}, headers=bearer()
        )
        assert one.json()["key"] == "beta._.policy._.strict"


async def test_a_tag_changes_with_the_rows_and_only_with_them(js: JetStream) -> None:
    log = await prepared(js, "acme", "beta")
    async with served(projector(js)) as http:
        seq = await log.decide(writing.renamed("acme", "first"))
        for path in ("/v1/state/organizations/acme", "/v1/state/organizations?organization=acme"):
            first = await http.get(f"{path}", headers=bearer(), params=_with(path, seq))
            tag = first.headers["etag"]
            seq = await log.decide(writing.renamed("beta", "not asked for"))
            same = await http.get(
                path, headers={**bearer(), "If-None-Match": tag}, params=_with(path, seq)
            )
            assert (same.status_code, same.content) == (304, b"")
            assert int(same.headers["catalyst-as-of"]) >= seq
            seq = await log.decide(writing.renamed("acme", f"changed for {path}"))
            other = await http.get(
                path, headers={**bearer(), "If-None-Match": tag}, params=_with(path, seq)
            )
            assert other.status_code == 200
            assert other.headers["etag"] != tag


def _with(path: str, seq: int) -> dict[str, Any]:
    found = {"min_seq": seq}
    return {**found, "organization": "acme"} if "?" in path else found


async def test_a_list_comes_in_pages_that_a_stream_continues(js: JetStream) -> None:
    """What changes between two pages is told by a stream from the first page's cursor on."""
    slugs = [f"org{number}" for number in range(7)]
    log = await prepared(js, *slugs)
    async with served(projector(js)) as http:
        seq = await log.decide(writing.renamed("org0", "before"))
        rows: dict[str, Any] = {}
        cursor, following, pages = "", "", 0
        while True:
            answer = await http.get(
                "/v1/state/organizations",
                params={"limit": 3, "min_seq": seq, "continue": following},
                headers=bearer(*ROOT),
            )
            body = answer.json()
            assert len(body["items"]) <= 3
            rows.update((item["key"], item["value"]) for item in body["items"])
            cursor = cursor or body["cursor"]
            assert body["cursor"] == cursor
            following = body["continue"]
            pages += 1
            if not following:
                break
            await log.decide(writing.renamed("org0", f"after page {pages}"))
            await log.decide(writing.created(f"new{pages}"))
            seq = await log.decide(writing.deleted(f"org{pages}"))
        assert pages >= 3
        async with reading(
            http, cursor=cursor, headers=bearer(*ROOT), kinds="organizations"
        ) as stream:
            stream.rows = rows
            await stream.until("synced")
            assert stream.names[-1] == "synced"
            assert "reset" not in stream.names
            whole = await http.get("/v1/state/organizations", headers=bearer(*ROOT))
            assert stream.rows == {item["key"]: item["value"] for item in whole.json()["items"]}


async def test_a_list_of_another_bucket_cannot_be_continued(js: JetStream) -> None:
    await prepared(js, "acme", "beta")
    member = projector(js)
    async with served(member) as http:
        first = (
            await http.get("/v1/state/organizations", params={"limit": 1}, headers=bearer())
        ).json()
        model = StreamReadModel(js, "test")
        await rebuild.rebuild(
            StreamLog(js, "test"), model, await model.current(), against=True, accept=False
        )
        async with reading(http) as stream:
            while member.hub.epoch in first["cursor"]:
                await stream.next()
        late = await http.get(
            "/v1/state/organizations",
            params={"limit": 1, "continue": first["continue"]},
            headers=bearer(),
        )
        assert (late.status_code, late.json()["code"]) == (410, "list-expired")


@pytest.mark.guarantee("G4.9")
async def test_reading_your_own_write_waits_for_it_or_says_how_far_it_came(js: JetStream) -> None:
    log = await prepared(js, "acme")
    async with served(projector(js, wait_seconds=0.2)) as http:
        seq = await log.decide(writing.renamed("acme", "mine"))
        found = await http.get(
            "/v1/state/organizations/acme", params={"min_seq": seq}, headers=bearer()
        )
        assert found.json()["value"]["doc"]["display_name"] == "mine"
        rejected = await log.reject("acme")
        found = await http.get(
            "/v1/state/organizations/acme", params={"min_seq": rejected}, headers=bearer()
        )
        assert found.status_code == 200
        late = await http.get(
            "/v1/state/organizations", params={"min_seq": rejected + 1000}, headers=bearer()
        )
        assert (late.status_code, late.json()["code"]) == (504, "timeout")
        assert str(rejected) in late.json()["detail"]
        assert int(late.headers["catalyst-as-of"]) == rejected
        name = found.headers["catalyst-log"]
        same = await http.get(
            "/v1/state/all", params={"min_seq": seq, "log": name}, headers=bearer()
        )
        assert same.status_code == 200
        other = await http.get(
            "/v1/state/all", params={"min_seq": seq, "log": "another"}, headers=bearer()
        )
        assert (other.status_code, other.json()["code"]) == (409, "log-changed")


@pytest.mark.guarantee("G4.9")
async def test_whoever_has_less_time_than_the_door_is_told_within_it(js: JetStream) -> None:
    log = await prepared(js, "acme")
    async with served(projector(js, wait_seconds=3600)) as http:
        seq = await log.reject("acme")
        headers = bearer() | {"Prefer": "respond-async, wait=1"}
        late = await http.get("/v1/state/all", params={"min_seq": seq + 1}, headers=headers)
    assert (late.status_code, late.json()["code"]) == (504, "timeout")
    assert f"the rows are at {seq}" in late.json()["detail"]


WRONG = {
    "/v1/state/pods": (404, "not-found", ""),
    "/v1/state/organizations,pods": (404, "not-found", ""),
    "/v1/stream?kinds=pods": (404, "not-found", ""),
    "/v1/state/all?limit=0": (400, "invalid-query", "/limit"),
    "/v1/state/all?limit=many": (400, "invalid-query", "/limit"),
    "/v1/state/all?limit=99999999999999999999": (400, "invalid-query", "/limit"),
    "/v1/state/all?continue=zzzz": (400, "invalid-query", "/continue"),
    "/v1/state/all?continue=%C3%A4": (400, "invalid-query", "/continue"),
    "/v1/state/all?label=a=b%0D%0Ac": (400, "invalid-query", "/label"),
    "/v1/state/all?label=!a=b": (400, "invalid-query", "/label"),
    "/v1/state/all?field==": (400, "invalid-query", "/field"),
    "/v1/state/all?min_seq=-1": (400, "invalid-query", "/min_seq"),
    "/v1/state/all?min_seq=%D9%A1": (400, "invalid-query", "/min_seq"),
    "/v1/state/all?at=3": (501, "not-implemented", ""),
    "/v1/stream?at=3": (501, "not-implemented", ""),
    "/v1/state/all?organisation=acme": (400, "invalid-query", "/organisation"),
    "/v1/state/all?kinds=organizations": (400, "invalid-query", "/kinds"),
    "/v1/state/all?limit=1&limit=2": (400, "invalid-query", "/limit"),
    "/v1/state/all?limit=1&limit=1": (400, "invalid-query", "/limit"),
    "/v1/state/all?label=a&label=b": (400, "invalid-query", "/label"),
    "/v1/state/all?a%2Fb~=1": (400, "invalid-query", "/a~1b~0"),
    "/v1/state/organizations/acme?limit=1": (400, "invalid-query", "/limit"),
    "/v1/stream?kind=organizations": (400, "invalid-query", "/kind"),
    "/v1/stream?organization=acme&organization=beta": (400, "invalid-query", "/organization"),
    "/v1/stream?min_seq=1": (400, "invalid-query", "/min_seq"),
    "/v1/nothing": (404, "not-found", ""),
}
"""Status, code and pointer of what is wrong with each request."""


async def test_a_wrong_request_is_told_what_is_wrong(js: JetStream) -> None:
    await prepared(js, "acme")
    told = {}
    async with served(projector(js)) as http:
        for path in WRONG:
            answer = await http.get(path, headers=bearer())
            problem = answer.json()
            (pointer,) = [error["pointer"] for error in problem.get("errors", [])] or [""]
            told[path] = (answer.status_code, problem["code"], pointer)
    assert told == WRONG


async def test_every_wrong_parameter_is_named_beside_those_that_are_known(js: JetStream) -> None:
    await prepared(js, "acme")
    async with served(projector(js)) as http:
        query = "/v1/state/all?limit=1&one=1&limit=2&two=2&two=3"
        errors = (await http.get(query, headers=bearer())).json()["errors"]
    assert [error["pointer"] for error in errors] == ["/limit", "/one", "/two"]
    assert {error["rule"] for error in errors} == {"query"}
    assert (
        "organization, environment, label, field, min_seq, log, at, limit, continue"
        in (errors[1]["message"])
    )


async def test_readiness_means_that_rows_are_shown_and_the_broker_delivers(js: JetStream) -> None:
    log = await prepared(js, "acme")
    await log.decide(writing.created("beta"))
    member = projector(js)
    async with served(member) as http:
        assert (await http.get("/healthz")).status_code == 200
        ready = await http.get("/readyz")
        said = dict.fromkeys(("broker", "rows", "keys", "newer keys"), "ok")
        assert ready.json() == {"status": "ok", "checks": said}
        measured = (await http.get("/metrics")).text
    assert "catalyst_projector_rows 2.0" in measured
    assert 'catalyst_projector_status{status="following"} 1.0' in measured


@pytest.mark.guarantee("G3.7", "G13.7")
async def test_rows_that_are_not_what_the_log_says_are_found_by_sampling(js: JetStream) -> None:
    log = await prepared(js, "acme", "beta")
    await log.decide(*writing.environment_created("acme"))
    member = projector(js)
    async with served(member) as http:
        await log.decide(writing.renamed("acme", "Acme Limited"))
        # A row that heard of another one is what both say together.
        seq = await log.decide(writing.deleting("acme-prod", "ch-1"))
        path = "/v1/state/environments/acme-prod"
        found = await http.get(path, params={"min_seq": seq}, headers=bearer(*ROOT))
        (link,) = found.json()["value"]["doc"]["blocked_by"]
        assert (link["kind"], link["name"]) == ("change", "ch-1")
        await member.sampler.sample()
        assert member.sampler.checked == 4
        assert member.sampler.differing == []
        (key,) = organizations("beta")
        raw = member.hub.rows[key].raw.replace(b"Beta", b"Zeta")
        subject = f"$KV.rm_{member.hub.epoch}.{key}"
        checkpoint = await StreamReadModel(js, "t").bucket(member.hub.epoch).last()
        await js.publish(
            Outgoing(subject, raw, {"Catalyst-Checkpoint": checkpoint[1].encode().decode()})
        )
        async with reading(http) as stream:
            while b"Zeta" not in member.hub.rows[key].raw:
                await stream.next()
        await member.sampler.sample()
        assert [item.key for item in member.sampler.differing] == [key]
