"""Git through the door: clone with a token as the password, push as a service."""

import asyncio
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from starlette.requests import Request
from tests.integration.gateway.stack import Stack, created
from tests.support.parts import missing
from tests.support.waiting import until

from catalyst.chassis import app as process
from catalyst.environment_controller.adapters.git_http import ALLOWED, Verdict, git_app
from catalyst.environment_controller.adapters.git_root import GitRoot
from catalyst.gateway import main as gateway
from catalyst.gateway.settings import Settings

GIT = shutil.which("git")


def git(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the real git, without asking anybody and without anybody's configuration."""
    environment = {
        **os.environ,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
        "HOME": "/nonexistent",
    }
    if GIT is None:
        missing("git is not installed")
    return subprocess.run(
        [GIT, *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def address(stack: Stack, slug: str, token: str) -> str:
    return stack.url.replace("://", f"://x:{token}@") + f"/git/{slug}/home.git"


async def home(stack: Stack, slug: str) -> None:
    """Create an Organization and wait for its Git home."""
    await created(stack, slug)
    async with stack.client(stack.admin) as http:

        async def served() -> bool:
            found = await http.get(f"/git/{slug}/home.git/info/refs?service=git-upload-pack")
            return found.status_code == 200 and b"refs/heads/main" in found.content

        await until(served)


@pytest.mark.guarantee("G6.4")
async def test_an_owner_clones_and_nobody_else(stack: Stack, tmp_path: Path) -> None:
    await home(stack, "cloned")
    mine = git(
        "clone", address(stack, "cloned", stack.token("ann@acme.example")), str(tmp_path / "a")
    )
    assert mine.returncode == 0, mine.stderr
    assert (tmp_path / "a" / "organization.yaml").is_file()
    other = git(
        "clone", address(stack, "cloned", stack.token("eve@else.example")), str(tmp_path / "b")
    )
    assert other.returncode != 0
    assert "not found" in other.stderr.lower()
    bad = git("clone", address(stack, "cloned", "x.y.z"), str(tmp_path / "c"))
    assert bad.returncode != 0


@pytest.mark.guarantee("G6.4")
async def test_a_person_does_not_push_and_a_service_does(stack: Stack, tmp_path: Path) -> None:
    await home(stack, "pushed")
    ann = stack.token("ann@acme.example")
    assert git("clone", address(stack, "pushed", ann), str(tmp_path / "a")).returncode == 0
    work = tmp_path / "a"
    (work / "note.txt").write_text("hello")
    identity = ("-c", "user.name=Ann", "-c", "user.email=ann@acme.example")
    assert git("add", ".", cwd=work).returncode == 0
    assert git(*identity, "commit", "-m", "Say hello", cwd=work).returncode == 0
    refused = git("push", "origin", "HEAD:main", cwd=work)
    assert refused.returncode != 0
    assert "403" in refused.stderr
    service = stack.keys.service("provisioning").service()
    pushed = git("push", address(stack, "pushed", service), "HEAD:notes", cwd=work)
    assert pushed.returncode == 0, pushed.stderr


@pytest.mark.guarantee("G6.4")
async def test_the_gateway_refuses_a_push_of_a_person_by_itself(
    stack: Stack, tmp_path: Path
) -> None:
    """Two doors refuse it; here the inner one takes whatever reaches it."""
    await home(stack, "halved")
    reached: list[str] = []

    async def anyone(_request: Request, _organization: str, service: str) -> Verdict:
        reached.append(service)
        return ALLOWED

    # One process alone holds a root.
    root = GitRoot(shutil.copytree(stack.directory / "git", tmp_path / "git"))
    homes = git_app(root, anyone)
    settings = Settings(**stack.common("gateway", "gateway"))
    async with (
        gateway.build(settings, git=homes) as door,
        process.serving(door.app, process.listen("127.0.0.1", 0)) as url,
        asyncio.TaskGroup() as tasks,
    ):
        running = tasks.create_task(door.run())

        async def through(who: str, *words: str) -> subprocess.CompletedProcess[str]:
            place = url.replace("://", f"://x:{who}@") + "/git/halved/home.git"
            found = [place if word == "HOME" else word for word in words]
            return await asyncio.to_thread(git, *found)

        work = str(tmp_path / "a")
        ann = stack.token("ann@acme.example")

        async def cloned() -> bool:
            return (await through(ann, "clone", "HOME", work)).returncode == 0

        await until(cloned)
        identity = ("-c", "user.name=Ann", "-c", "user.email=ann@acme.example")
        wrote = await through(ann, "-C", work, *identity, "commit", "--allow-empty", "-m", "Hello")
        assert wrote.returncode == 0
        reached.clear()
        for who in (ann, stack.admin):
            refused = await through(who, "-C", work, "push", "HOME", "HEAD:main")
            assert "403" in refused.stderr
            # Nor by the second request alone, which carries the objects.
            async with stack.client(who) as http:
                sent = await http.post(f"{url}/git/halved/home.git/git-receive-pack", content=b"")
            assert (sent.status_code, "Pushing is for services" in sent.text) == (403, True)
        assert reached == []
        service = stack.keys.service("provisioning").service()
        pushed = await through(service, "-C", work, "push", "HOME", "HEAD:notes")
        assert pushed.returncode == 0, pushed.stderr
        assert set(reached) == {"git-receive-pack"}
        door.stop()
        await running
    root.close()


@pytest.mark.guarantee("G6.4")
async def test_whoever_runs_the_platform_clones_the_home_and_no_application(
    stack: Stack, tmp_path: Path
) -> None:
    """What an Organization runs is below its Environments, and nobody's of the platform."""
    await home(stack, "inside")
    ann = stack.token("ann@acme.example")
    work = tmp_path / "a"
    assert git("clone", address(stack, "inside", ann), str(work)).returncode == 0
    service = stack.keys.service("provisioning").service()
    blog = address(stack, "inside", service).replace("home.git", "blog.git")
    pushed = git("push", blog, "HEAD:main", cwd=work)
    assert pushed.returncode == 0, pushed.stderr
    found = {}
    for role in ("sovereign-admin", "security-officer", "billing-admin", ""):
        token = stack.token("root@platform.example", role) if role else ann
        async with stack.client(token) as http:
            for name in ("home", "blog"):
                path = f"/git/inside/{name}.git/info/refs?service=git-upload-pack"
                found[role, name] = (await http.get(path)).status_code
    assert {place for place, status in found.items() if status == 200} == {
        ("sovereign-admin", "home"),
        ("security-officer", "home"),
        ("", "home"),
        ("", "blog"),
    }
    assert set(found.values()) == {200, 404}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/git/cloned/home.git/info/refs", 403),
        ("/git/cloned/home.git/info/refs?service=git-upload-archive", 403),
        ("/git/cloned/home.git/HEAD", 404),
        ("/git/cloned/home.git/objects/info/packs", 404),
        ("/git/x/%2e%2e/cloned/home.git/info/refs?service=git-upload-pack", 404),
        ("/git/cloned/%252e%252e/home.git/info/refs?service=git-upload-pack", 404),
        ("/git/CLONED/home.git/info/refs?service=git-upload-pack", 404),
        ("/git/none-such/home.git/info/refs?service=git-upload-pack", 404),
    ],
)
async def test_only_the_protocol_of_git_is_spoken(stack: Stack, path: str, status: int) -> None:
    async with stack.client(stack.admin) as http:
        found = await http.get(path)
    assert found.status_code == status
    assert "content-security-policy" in found.headers


async def test_without_a_token_git_is_asked_for_one(stack: Stack) -> None:
    async with stack.client() as http:
        found = await http.get("/git/cloned/home.git/info/refs?service=git-upload-pack")
        assert found.status_code == 401
        assert found.headers["www-authenticate"].startswith("Basic")
        # The session's cookie is for the page, not for Git.
        await http.post("/v1/session", headers={"Authorization": f"Bearer {stack.admin}"})
        found = await http.get("/git/cloned/home.git/info/refs?service=git-upload-pack")
        assert found.status_code == 401
