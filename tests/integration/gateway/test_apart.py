"""The gateway in front of members that run elsewhere, as in containers."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import httpx
import pytest
from tests.integration.gateway.stack import Stack, acme, created
from tests.integration.gateway.test_git import address, git, home
from tests.support.waiting import until

from catalyst.chassis import app as process
from catalyst.client.http_transport import over_http
from catalyst.contracts.roles import PLATFORM_ROLES
from catalyst.gateway import main as gateway
from catalyst.gateway.settings import Settings
from catalyst.projector import main as projector
from catalyst.projector.settings import Settings as ProjectorSettings


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    found = Stack(tmp_path_factory.mktemp("apart"), apart=True)
    found.start()
    yield found
    found.stop()


async def test_reads_and_streams_pass_through_as_they_come(apart: Stack) -> None:
    async with asyncio.timeout(60), over_http(apart.url, token=apart.admin) as door:
        async for change in door.changes("organizations"):
            if type(change).__name__ == "Synced":
                outcome = (await created(apart, "apart-one")).json()
            row = getattr(change, "row", None)
            if row is not None and row.key == "apart-one._.organization._.apart-one":
                break
        row, _ = await door.get("organizations", "apart-one", min_seq=outcome["seq"])
        assert row.doc["display_name"] == "Acme"
    async with apart.client(apart.admin) as http:
        first = await http.get("/v1/state/organizations/apart-one")
        again = await http.get(
            "/v1/state/organizations/apart-one", headers={"If-None-Match": first.headers["etag"]}
        )
    assert again.status_code in {200, 304}
    assert int(first.headers["catalyst-as-of"]) > 0


async def test_a_rebuild_passes_through_and_its_answer_is_held_open(apart: Stack) -> None:
    async with apart.client(apart.admin) as http:
        rebuilt = await http.post("/v1/read-model/rebuild")
        shown = await http.get("/v1/read-model")
    async with apart.client(apart.token("ann@acme.example")) as http:
        refused = await http.post("/v1/read-model/rebuild")
    assert rebuilt.json()["status"] == "switched"
    assert shown.json()["epoch"] == rebuilt.json()["epoch"] != rebuilt.json()["old_epoch"]
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


async def test_git_passes_through_with_its_token(apart: Stack, tmp_path: Path) -> None:
    await home(apart, "apart-git")
    ann = apart.token("ann@acme.example")
    assert git("clone", address(apart, "apart-git", ann), str(tmp_path / "a")).returncode == 0
    work = tmp_path / "a"
    (work / "large.bin").write_bytes(bytes(range(256)) * 8192)
    identity = ("-c", "user.name=Ann", "-c", "user.email=ann@acme.example")
    git("add", ".", cwd=work)
    assert git(*identity, "commit", "-m", "Add", cwd=work).returncode == 0
    service = apart.keys.service("provisioning").service()
    pushed = git("push", address(apart, "apart-git", service), "HEAD:large", cwd=work)
    assert pushed.returncode == 0, pushed.stderr


@pytest.mark.guarantee("G6.4")
async def test_the_door_of_git_itself_lets_in_whom_the_gateway_does(
    apart: Stack, tmp_path: Path
) -> None:
    await home(apart, "apart-inside")
    ann, work = apart.token("ann@acme.example"), tmp_path / "a"
    assert git("clone", address(apart, "apart-inside", ann), str(work)).returncode == 0
    service = apart.keys.service("provisioning").service()
    blog = address(apart, "apart-inside", service).replace("home.git", "blog.git")
    assert git("push", blog, "HEAD:main", cwd=work).returncode == 0
    people = {"ann@acme.example": (), "eve@else.example": ()} | {
        f"{role}@platform.example": (role,) for role in PLATFORM_ROLES
    }
    for email, roles in people.items():
        async with apart.client(apart.token(email, *roles)) as http:
            for name in ("home", "blog"):
                path = f"/git/apart-inside/{name}.git/info/refs?service=git-upload-pack"
                outer, inner = [
                    (await http.get(f"{door}{path}")).status_code
                    for door in (apart.url, apart.inner["git_url"])
                ]
                assert (inner, email, name) == (outer, email, name)
                assert inner == 404 or name == "home" or email == "ann@acme.example"


@pytest.mark.guarantee("G7.14")
async def test_without_the_projector_it_says_so_and_goes_on_taking_commands(apart: Stack) -> None:
    bound = process.listen("127.0.0.1", 0)
    inner = f"127.0.0.1:{bound.getsockname()[1]}"
    settings = Settings(**apart.common("gateway", "gateway"), projector_url=f"http://{inner}")
    rows = projector.build(ProjectorSettings(**apart.common("projector", "projector")))
    async with AsyncExitStack() as stack:
        projected = await stack.enter_async_context(rows)
        door = await stack.enter_async_context(gateway.build(settings))
        http = await stack.enter_async_context(
            httpx.AsyncClient(
                transport=httpx.ASGITransport(door.app),
                base_url="http://gateway",
                headers={"Authorization": f"Bearer {apart.admin}"},
            )
        )

        async def says(status: str, said: str) -> bool:
            answer = await http.get("/readyz")
            body = answer.json()
            # The inner address is nobody's business who asks here.
            assert inner not in answer.text
            found = (answer.status_code, body["status"], body["checks"]["reads"])
            return found == (200, status, said)

        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(door.run())]
            # It answers, and has read nothing yet.
            async with process.serving(projected.app, bound):
                await until(partial(says, "degraded", "the projector is not ready: broker, rows"))
                running.append(tasks.create_task(projected.run()))
                await until(partial(says, "ok", "ok"))
            await until(partial(says, "degraded", "the projector does not answer"))
            made = await http.post(
                "/v1/commands/environment.create-organization.v1",
                params={"organization": "apart-unseen"},
                json=acme(),
                headers={"Prefer": "wait=10"},
            )
            assert (made.status_code, made.json()["status"]) == (200, "accepted")
            shown = await http.get("/v1/state/organizations/apart-unseen")
            assert (shown.status_code, shown.json()["code"]) == (503, "unavailable")
            for member in (door, projected):
                member.stop()
            await asyncio.wait(running)
