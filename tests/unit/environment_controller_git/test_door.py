"""The HTTP door without a real git: who comes in, and what a strange request gets."""

import asyncio
import base64
import gzip
import zlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from tests.support.each import each

from catalyst.chassis.tokens import offered
from catalyst.environment_controller.adapters.git import DulwichHome
from catalyst.environment_controller.adapters.git_http import (
    NO_PUSH,
    NOT_FOUND,
    Caller,
    by_token,
    git_app,
)
from catalyst.environment_controller.adapters.git_root import GitRoot

CALLERS = {"service": Caller(service="provisioning"), "alice": Caller(reads=True)}
UPLOAD = "application/x-git-upload-pack-request"
RECEIVE = "application/x-git-receive-pack-request"
LIMIT = 1000


async def identify(token: str, organization: str) -> Caller | None:
    if token == "alice" and organization != "acme":
        return Caller(reads=False)
    return CALLERS.get(token)


@pytest.fixture
def root(tmp_path: Path) -> Iterator[GitRoot]:
    root = GitRoot(tmp_path / "root")
    yield root
    root.close()


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitRoot]:
    """Empty homes of acme and globex: nothing that a test here sends changes one."""
    root = GitRoot(tmp_path_factory.mktemp("homes"))

    async def ensure() -> None:
        for organization in ("acme", "globex"):
            await DulwichHome(root).ensure(organization)

    asyncio.run(ensure())
    yield root
    root.close()


@pytest.fixture
async def http(homes: GitRoot) -> AsyncIterator[httpx.AsyncClient]:
    """A caller of their door."""
    app = git_app(homes, by_token(identify), max_ask_bytes=LIMIT, max_push_bytes=LIMIT)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://git") as caller:
        yield caller


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


REFS = "/git/acme/home.git/info/refs?service=git-upload-pack"


async def test_nobody_is_asked_for_a_name_and_a_token(http: httpx.AsyncClient) -> None:
    for path in (REFS, REFS.replace("acme", "nowhere")):
        answer = await http.get(path)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Basic ")


@each(["Bearer wrong", "Basic !!!", "Basic YQ==", "Digest x", ""])
async def test_a_wrong_token_is_nobody(header: str, *, http: httpx.AsyncClient) -> None:
    assert (await http.get(REFS, headers={"Authorization": header})).status_code == 401


async def test_a_person_reads_their_own_home(http: httpx.AsyncClient) -> None:
    answer = await http.get(REFS, headers=bearer("alice"))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/x-git-upload-pack-advertisement"
    assert answer.headers["cache-control"].startswith("no-cache")
    assert answer.content.startswith(b"001e# service=git-upload-pack\n0000")


@each(
    [
        "/git/globex/home.git/info/refs?service=git-upload-pack",
        "/git/globex/home.git/info/refs?service=git-receive-pack",
        "/git/nowhere/home.git/info/refs?service=git-upload-pack",
        "/git/acme/other.git/info/refs?service=git-upload-pack",
        "/git/acme/../globex/home.git/info/refs?service=git-upload-pack",
        "/git/acme/..%2f..%2fglobex%2fhome.git/info/refs?service=git-upload-pack",
        "/git/acme%2f..%2fglobex/home.git/info/refs?service=git-upload-pack",
        "/git/..%2f..%2fetc/home.git/info/refs?service=git-upload-pack",
        "/git/%2e%2e/home.git/info/refs?service=git-upload-pack",
        "/git/acme%2fhome.git/info/refs?service=git-upload-pack",
        "/git/%61cme/home.git/info/refs?service=git-upload-pack",
        "/git/acme%00/home.git/info/refs?service=git-upload-pack",
        "/git/acme/home.git/HEAD",
        "/git/acme/home.git/objects/info/packs",
        "/git/acme/home.git/config",
        "/git/acme/home.git",
        "/git/",
        "/",
    ]
)
async def test_whatever_is_not_alices_does_not_exist_for_her(
    path: str, *, http: httpx.AsyncClient
) -> None:
    answer = await http.get(path, headers=bearer("alice"))
    assert (answer.status_code, answer.text) == (404, NOT_FOUND + "\n")


async def test_the_archive_and_the_lock_are_not_reached_by_a_service_either(
    http: httpx.AsyncClient, homes: GitRoot
) -> None:
    await DulwichHome(homes).ensure("gone")
    await DulwichHome(homes).archive("gone")
    for path in ("gone/home.git", "archive/gone.git", "..%2farchive%2fgone/home.git"):
        url = f"/git/{path}/info/refs?service=git-upload-pack"
        assert (await http.get(url, headers=bearer("service"))).status_code == 404


async def test_a_person_does_not_push(http: httpx.AsyncClient) -> None:
    first = await http.get(REFS.replace("upload", "receive"), headers=bearer("alice"))
    assert (first.status_code, first.text) == (403, NO_PUSH + "\n")
    headers = bearer("alice") | {"Content-Type": RECEIVE}
    second = await http.post("/git/acme/home.git/git-receive-pack", headers=headers, content=b"x")
    assert second.status_code == 403


async def test_without_a_service_only_smart_http_is_named(http: httpx.AsyncClient) -> None:
    answer = await http.get("/git/acme/home.git/info/refs", headers=bearer("alice"))
    assert answer.status_code == 403
    assert "smart HTTP" in answer.text


async def post(http: httpx.AsyncClient, content: bytes, **headers: str) -> httpx.Response:
    sent = bearer("service") | {"Content-Type": RECEIVE}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    return await http.post("/git/acme/home.git/git-receive-pack", headers=sent, content=content)


async def test_an_empty_push_is_answered_with_nothing(http: httpx.AsyncClient) -> None:
    answer = await post(http, b"0000")
    assert (answer.status_code, answer.content) == (200, b"")


@each([b"", b"zzzz", b"0005", b"fffe" + b"x" * 20, b"0008\xff\xff\xff\xff"])
async def test_what_is_not_git_is_refused_with_a_reason(
    content: bytes, *, http: httpx.AsyncClient
) -> None:
    answer = await post(http, content)
    assert answer.status_code == 400
    assert "not one of git's" in answer.text


async def test_another_media_type_is_refused(http: httpx.AsyncClient) -> None:
    assert (await post(http, b"0000", Content_Type=UPLOAD)).status_code == 415


async def test_a_packed_body_is_unpacked(http: httpx.AsyncClient) -> None:
    answer = await post(http, gzip.compress(b"0000"), Content_Encoding="gzip")
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(
    ("content", "encoding", "status"),
    [
        (b"x" * (LIMIT + 1), "identity", 413),
        (gzip.compress(b"x" * (LIMIT + 1)), "gzip", 413),
        # Five million zeros, which no other test needs to wait for.
        (None, "gzip", 413),
        (gzip.compress(b"0000")[:-4], "gzip", 400),
        (b"no gzip", "gzip", 400),
        (zlib.compress(b"0000"), "deflate", 415),
        (b"0000", "br", 415),
    ],
    # What gzip makes holds the time, so the content is no name.
    ids=["plain", "packed", "a-bomb", "cut-off", "not-gzip", "deflate", "br"],
)
async def test_a_body_that_cannot_be_taken_is_refused(
    content: bytes | None, encoding: str, status: int, http: httpx.AsyncClient
) -> None:
    sent = gzip.compress(b"\0" * (5000 * LIMIT)) if content is None else content
    assert (await post(http, sent, Content_Encoding=encoding)).status_code == status


async def test_a_door_without_the_root_says_to_try_again(root: GitRoot) -> None:
    await DulwichHome(root).state("acme")
    other = GitRoot(root.path)
    app = git_app(other, by_token(identify))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://git") as caller:
        answer = await caller.get(REFS, headers=bearer("service"))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        root.close()
        assert (await caller.get(REFS, headers=bearer("service"))).status_code == 404
    other.close()


@given(st.text(st.characters(exclude_characters=":", exclude_categories=["Cs"])), st.text())
def test_the_token_is_the_password_whatever_the_name(name: str, token: str) -> None:
    token = token.encode("utf-8", "replace").decode()
    packed = base64.b64encode(f"{name}:{token}".encode()).decode()
    assert offered(f"Basic {packed}") == token


@given(st.text())
def test_no_header_breaks_the_reading(header: str) -> None:
    assert isinstance(offered(header), str)


@each(
    [
        ("environment", 200, 200),
        ("provisioning", 200, 200),
        ("billing", 404, 404),
        ("projector", 404, 404),
        ("gateway", 404, 404),
        ("unheard-of", 404, 404),
    ]
)
async def test_a_service_does_in_git_what_the_contracts_say(
    name: str, clone: int, push: int
) -> None:
    async def identify(_token: str, _organization: str) -> Caller:
        return Caller(service=name)

    authorize = by_token(identify)
    request = Request({"type": "http", "headers": [(b"authorization", b"Bearer t")]})
    assert (await authorize(request, "acme", "git-upload-pack")).status == clone
    assert (await authorize(request, "acme", "git-receive-pack")).status == push
