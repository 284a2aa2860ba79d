"""Pushes that no well-behaved git sends: stale, incomplete, or two at once."""

import asyncio

import httpx
import pytest
from dulwich.protocol import ZERO_SHA, pkt_line
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.integration.git.conftest import change
from tests.integration.git.pushing import LIBRARY, commit_on, files, heads, in_words, pack, push

from catalyst.environment_controller.adapters.git import DulwichHome, opened, opened_as
from catalyst.environment_controller.adapters.git_root import GitRoot
from catalyst.environment_controller.adapters.git_smart import SERVICES, Fetched

pytestmark = pytest.mark.real


async def test_a_push_from_a_head_that_is_past_is_refused(
    http: httpx.AsyncClient, homes: DulwichHome
) -> None:
    older, newer = await heads(homes)
    commit, *rest = commit_on(newer, b"x")
    text = await push(http, older, commit.id, b"refs/heads/main", [commit, *rest])
    assert "ng refs/heads/main the branch moved meanwhile" in text
    assert (await heads(homes))[1] == newer


async def test_a_stale_branch_stops_an_atomic_push(
    http: httpx.AsyncClient, homes: DulwichHome
) -> None:
    older, newer = await heads(homes)
    lines = (
        ZERO_SHA + b" " + older + b" refs/heads/x\0report-status atomic",
        older + b" " + newer + b" refs/heads/main",
    )
    body = b"".join(map(pkt_line, lines)) + pkt_line(None) + pack(())
    answer = await http.post("/git/acme/home.git/git-receive-pack", content=body)
    assert "ng refs/heads/x atomic push failed" in answer.text
    assert "ng refs/heads/main the branch moved meanwhile" in answer.text
    assert await homes.head("acme", "x") is None


async def test_a_branch_that_exists_is_not_created_again(
    http: httpx.AsyncClient, homes: DulwichHome
) -> None:
    older, newer = await heads(homes)
    assert "ok refs/heads/x" in await push(http, ZERO_SHA, older, b"refs/heads/x")
    assert "ng refs/heads/x" in await push(http, ZERO_SHA, newer, b"refs/heads/x")
    assert "ng refs/heads/x" in await push(http, newer, ZERO_SHA, b"refs/heads/x")
    head = await homes.head("acme", "x")
    assert head is not None
    assert head.commit.encode() == older


@pytest.mark.guarantee("G13.1")
async def test_of_two_pushes_from_one_head_one_wins(
    http: httpx.AsyncClient, homes: DulwichHome
) -> None:
    _, newer = await heads(homes)
    rivals = [commit_on(newer, b"%d" % number) for number in range(6)]
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(push(http, newer, objects[0].id, b"refs/heads/main", objects))
            for objects in rivals
        ]
    reports = [task.result() for task in tasks]
    won = [text for text in reports if "ok refs/heads/main" in text]
    assert len(won) == 1
    head = await homes.head("acme")
    assert head is not None
    assert head.commit.encode() == rivals[reports.index(won[0])][0].id


@pytest.mark.parametrize("missing", ["blob", "tree", "parent", "commit"])
async def test_a_push_with_something_missing_moves_nothing(
    missing: str, http: httpx.AsyncClient, homes: DulwichHome
) -> None:
    _, newer = await heads(homes)
    parent = newer if missing != "parent" else b"1" * 40
    commit, tree, blob = commit_on(parent, b"x")
    named = {"commit": commit, "tree": tree, "blob": blob}
    sent = [item for name, item in named.items() if name != missing]
    text = await push(http, ZERO_SHA, commit.id, b"refs/heads/x", sent)
    assert "ng refs/heads/x objects are missing" in text
    assert await homes.head("acme", "x") is None


@pytest.mark.parametrize(
    "sent", [b"", b"PACK", b"PACK\x00\x00\x00\x02\x00\x00\x00\x01junk", b"x" * 64]
)
async def test_a_damaged_pack_is_reported_and_moves_nothing(
    sent: bytes, http: httpx.AsyncClient, homes: DulwichHome, root: GitRoot
) -> None:
    commit, *_ = commit_on(None, b"x")
    text = await push(http, ZERO_SHA, commit.id, b"refs/heads/x", sent=sent)
    assert "unpack ok" not in text
    assert in_words(text)
    assert await homes.head("acme", "x") is None


@pytest.mark.parametrize(
    "ref",
    [
        b"HEAD",
        b"refs/heads/../../config",
        b"refs/heads/a..b",
        b"refs/heads/",
        b"refs/x",
        b"../x",
        b"refs/heads/x.lock",
    ],
)
async def test_a_hostile_ref_is_refused(
    ref: bytes, http: httpx.AsyncClient, homes: DulwichHome, root: GitRoot
) -> None:
    older, newer = await heads(homes)
    before = files(root)
    text = await push(http, ZERO_SHA, older, ref)
    assert b"ng " + ref in text.encode()
    assert in_words(text)
    assert files(root) == before
    assert (await heads(homes))[1] == newer


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    cut=st.integers(0, 400),
    noise=st.binary(max_size=12),
    skip=st.integers(0, 12),
    service=st.sampled_from(SERVICES),
)
async def test_damaged_requests_are_answered_and_break_nothing(
    cut: int,
    noise: bytes,
    skip: int,
    service: str,
    http: httpx.AsyncClient,
    homes: DulwichHome,
    root: GitRoot,
) -> None:
    _, newer = await heads(homes)
    objects = commit_on(newer, b"x")
    if service == "git-receive-pack":
        line = newer + b" " + objects[0].id + b" refs/heads/fuzz\0report-status side-band-64k"
        body = pkt_line(line) + pkt_line(None) + pack(objects)
    else:
        want = b"want " + newer + b" multi_ack_detailed side-band-64k thin-pack ofs-delta\n"
        body = pkt_line(want) + pkt_line(None) + pkt_line(b"have " + newer) + pkt_line(b"done\n")
    damaged = body[:cut] + noise + body[cut + skip :]
    answer = await http.post(
        f"/git/acme/home.git/{service}",
        content=damaged,
        headers={"Content-Type": f"application/x-{service}-request"},
    )
    assert answer.status_code in {200, 400}
    assert str(root.path).encode() not in answer.content
    if service == "git-receive-pack":
        in_words(answer.text)
    if answer.status_code == 400:
        assert not LIBRARY.search(answer.text)
    assert (await heads(homes))[1] == newer


async def fetch(http: httpx.AsyncClient, wanted: bytes) -> httpx.Response:
    want = b"want " + wanted + b" side-band-64k thin-pack ofs-delta\n"
    return await http.post(
        "/git/acme/home.git/git-upload-pack",
        content=pkt_line(want) + pkt_line(None) + pkt_line(b"done\n"),
        headers={"Content-Type": "application/x-git-upload-pack-request"},
    )


async def test_a_branch_may_move_between_the_two_requests_of_a_clone(
    http: httpx.AsyncClient, homes: DulwichHome
) -> None:
    older, newer = await heads(homes)
    assert older != newer
    answer = await fetch(http, older)
    assert answer.status_code == 200
    assert b"PACK" in answer.content


async def test_a_branch_may_move_while_a_fetch_is_answered(
    http: httpx.AsyncClient, homes: DulwichHome, root: GitRoot
) -> None:
    older, newer = await heads(homes)
    with opened_as(root.repository("acme"), Fetched) as repo:
        repo.remember([newer, older])
        await homes.commit(change(12))
        assert {older, newer} <= set(repo.get_refs().values())


async def test_a_fetch_of_what_no_branch_leads_to_is_refused(
    http: httpx.AsyncClient, root: GitRoot
) -> None:
    dangling, tree, blob = commit_on(None, b"dangling")
    with opened(root.repository("acme")) as repo:
        for item in (blob, tree, dangling):
            repo.object_store.add_object(item)
    assert (await fetch(http, dangling.id)).status_code == 400
    assert (await fetch(http, b"0" * 39 + b"1")).status_code == 400
