"""The gateway in front of members that run elsewhere, as in containers."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.gateway.stack import Stack, created
from tests.integration.gateway.test_git import address, git, home

from catalyst.client.http_transport import over_http


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
