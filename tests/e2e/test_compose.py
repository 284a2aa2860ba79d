"""The story on real containers: what a person does on the first day, and a bad day after it.

Tests here stand in the order of the story, and each goes on where the one before it ended.
"""

import asyncio
import json
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import httpx
import nats
import pytest
from tests.deploy.members import deployables
from tests.deploy.stack import stack as compose_file
from tests.e2e import page
from tests.e2e.compose import COMMAND_SECONDS, FILE, Access, Stack
from tests.support.waiting import until

from catalyst.contracts.permissions import inbox

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

README = FILE.with_name("README.md").read_text("utf-8")
COMMANDS = dict(re.findall(r"^```sh id=(\w+)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE))
MEMBERS = set(deployables())
CREATE = "environment.create-organization.v1"
ADD = "environment.create-environment.v1"
OPENOVA = {
    "display_name": "OpenOva",
    "kind": "internal",
    "tier": "corporate",
    "billing_mode": "showback",
    "sovereign_ref": "cloud.example",
    "owners": [{"email": "ada@openova.example", "role": "owner"}],
}
DEVELOPMENT = {
    "env_type": "dev",
    "placement": "single-region",
    "regions": [{"provider": "hetzner", "region": "fsn", "building_block": "rtz"}],
}


async def send(
    door: httpx.AsyncClient, type_: str, data: object, command_id: str, **where: str
) -> dict[str, Any]:
    """The outcome of a command."""
    headers = {"Idempotency-Key": command_id, "Prefer": "wait=30"}
    answer = await door.post(f"/v1/commands/{type_}", params=where, json=data, headers=headers)
    assert answer.status_code == 200, answer.text
    outcome: dict[str, Any] = answer.json()
    return outcome


def git(*arguments: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_GLOBAL": os.devnull, "HOME": str(folder)}
    return subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env={**os.environ, **quiet},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def home(access: Access, token: str) -> str:
    """Address of the Organization's repository, token inside."""
    return f"{access.http.replace('://', f'://anybody:{token}@')}/git/openova/home.git"


def test_every_container_is_ready_and_closed_down(stack: Stack) -> None:
    containers = stack.containers()

    assert containers.keys() == {*MEMBERS, "nats", "setup"}
    assert containers["setup"]["State"]["ExitCode"] == 0
    for name, container in containers.items():
        host = container["HostConfig"]
        assert container["Config"]["User"] == "10001:10001", name
        assert host["ReadonlyRootfs"], name
        assert host["CapDrop"] == ["ALL"], name
        assert "no-new-privileges:true" in host["SecurityOpt"], name
        assert not host["Privileged"], name
        if name != "setup":
            assert container["State"]["Health"]["Status"] == "healthy", name
            assert container["RestartCount"] == 0, name
        for bindings in (host["PortBindings"] or {}).values():
            assert [binding["HostIp"] for binding in bindings] == ["127.0.0.1"], name


def test_the_process_itself_cannot_change_its_program(stack: Stack) -> None:
    for member in sorted(MEMBERS):
        told = stack.compose(
            *("exec", "--no-TTY", member, "sh", "-c"),
            "id -u; touch /opt/catalyst/x || echo refused; command -v pip || echo without pip",
        )
        assert told.split("\n")[:3] == ["10001", "refused", "without pip"], member


async def test_a_command_shows_on_an_open_page(door: httpx.AsyncClient) -> None:
    async with page.opened(door) as seen:
        await seen.until(lambda page: page.synced)
        assert not seen.doc("organization", "openova")

        outcome = await send(door, CREATE, OPENOVA, "day-1", organization="openova")
        assert outcome["status"] == "accepted"

        await seen.until(lambda page: page.doc("organization", "openova").get("phase") == "ready")
        # What was committed is the last thing that its row is told.
        await seen.until(lambda page: page.doc("organization", "openova")["git"] is not None)
        steps = {step["step"] for step in seen.doc("onboarding", "openova")["steps"]}
        assert {"git-home", "manifests", "ready"} <= steps

    answer = await door.get(
        "/v1/state/organizations/openova",
        params={"organization": "openova", "min_seq": outcome["seq"]},
    )
    assert answer.json()["value"]["doc"] == seen.doc("organization", "openova")
    assert int(answer.headers["Catalyst-As-Of"]) >= outcome["seq"]


async def test_a_repeat_gets_the_recorded_outcome(door: httpx.AsyncClient) -> None:
    recorded = await door.get("/v1/outcomes/day-1", params={"organization": "openova"})
    repeat = await send(door, CREATE, OPENOVA, "day-1", organization="openova")

    assert repeat == recorded.json()


async def test_a_wrong_field_is_named(door: httpx.AsyncClient) -> None:
    answer = await door.post(
        f"/v1/commands/{CREATE}",
        params={"organization": "omantel"},
        json={**OPENOVA, "tier": "huge", "surprise": 1},
    )

    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert {error["pointer"] for error in answer.json()["errors"]} == {
        "/data/tier",
        "/data/surprise",
    }


async def test_any_nats_program_may_send_a_command(access: Access, door: httpx.AsyncClient) -> None:
    """No code of ours but the name of the inbox: a subject, a body, and the answer."""
    body = {"specversion": "1.0", "id": "day-2", "source": "a-program", "type": ADD}
    broker = await nats.connect(
        access.nats,
        user=access.user,
        password=access.password,
        inbox_prefix=inbox("operator"),
    )
    try:
        reply = await broker.subscribe("rsp.openova.day-2")
        await broker.flush()
        await broker.jetstream().publish(
            "cmd.openova.environment.environment.openova-dev.create-environment.v1",
            json.dumps({**body, "data": DEVELOPMENT}).encode(),
            headers={
                "Authorization": f"Bearer {access.token}",
                "Catalyst-Reply": "rsp.openova.day-2",
            },
        )
        outcome = json.loads((await reply.next_msg(timeout=30)).data)
    finally:
        await broker.close()

    assert outcome["status"] == "accepted", outcome
    answer = await door.get(
        "/v1/state/environments/openova-dev",
        params={"organization": "openova", "min_seq": outcome["seq"]},
    )
    assert answer.json()["value"]["doc"]["env_type"] == "dev"


async def test_the_organizations_repository_is_cloned_with_git(
    access: Access, tmp_path: Path
) -> None:
    def has_all() -> bool:
        git("clone", "--quiet", home(access, access.token), "home", folder=tmp_path)
        git("pull", "--quiet", folder=tmp_path / "home")
        return (tmp_path / "home/environments/openova-dev.yaml").is_file()

    await until(has_all, 60)

    assert (tmp_path / "home/organization.yaml").is_file()
    log = git("log", "--format=%B", folder=tmp_path / "home").stdout
    assert "Catalyst-Command: day-1" in log
    assert "Catalyst-Seq:" in log
    refused = git(
        *("push", home(access, access.token), "HEAD:refs/heads/mine"), folder=tmp_path / "home"
    )
    assert refused.returncode != 0
    assert "403" in refused.stderr


async def test_others_see_nothing_of_it(stack: Stack, access: Access, tmp_path: Path) -> None:
    eve = stack.access("eve@elsewhere.example", "billing-admin").token
    headers = {"Authorization": f"Bearer {eve}"}
    async with httpx.AsyncClient(base_url=access.http, headers=headers, timeout=40) as door:
        rows = await door.get("/v1/state/environments", params={"organization": "openova"})
        assert not rows.json().get("items")
        sent = await door.post(
            f"/v1/commands/{ADD}",
            params={"organization": "openova", "id": "openova-stg"},
            json=DEVELOPMENT,
        )
        assert sent.status_code == 403
    cloned = git("clone", "--quiet", home(access, eve), "theirs", folder=tmp_path)
    assert cloned.returncode != 0
    async with httpx.AsyncClient(base_url=access.http) as nobody:
        assert (await nobody.get("/v1/state/all")).status_code == 401


async def test_a_worker_that_dies_in_the_middle_loses_and_doubles_nothing(
    stack: Stack, door: httpx.AsyncClient
) -> None:
    labels = [f"lab{number}" for number in range(12)]
    async with page.opened(door) as seen:
        await seen.until(lambda page: page.synced)
        for label in labels:
            answer = await door.post(
                f"/v1/commands/{ADD}",
                params={"organization": "openova", "id": f"openova-{label}-dev"},
                json={**DEVELOPMENT, "label": label},
                headers={"Idempotency-Key": f"bad-day-{label}"},
            )
            assert answer.status_code in {200, 202}, answer.text
            if label == labels[5]:
                await asyncio.to_thread(
                    stack.compose, "kill", "--signal", "KILL", "environment-controller"
                )
        await asyncio.to_thread(stack.up)
        await seen.until(
            lambda page: all(page.doc("environment", f"openova-{label}-dev") for label in labels)
        )

    for label in labels:
        outcome = await door.get(
            f"/v1/outcomes/bad-day-{label}",
            params={"organization": "openova"},
            headers={"Prefer": "wait=30"},
        )
        assert outcome.json()["status"] == "accepted"
        assert outcome.json()["counts"]["evt"] == 2


async def test_a_member_that_ends_is_started_again_by_itself(stack: Stack) -> None:
    for member in sorted(MEMBERS):
        stack.compose("exec", "--no-TTY", member, "sh", "-c", "kill -TERM 1")

    def all_back() -> bool:
        containers = stack.containers()
        return all(
            containers[member]["RestartCount"] == 1
            and containers[member]["State"]["Health"]["Status"] == "healthy"
            for member in MEMBERS
        )

    await until(all_back, 60)
    # The engine has chosen another port for the gateway.
    again = stack.access()
    headers = {"Authorization": f"Bearer {again.token}"}
    async with httpx.AsyncClient(base_url=again.http, headers=headers, timeout=40) as door:
        outcome = await send(
            door,
            "environment.update-organization.v1",
            {"display_name": "OpenOva again"},
            "bad-day-end",
            organization="openova",
        )
    assert outcome["status"] == "accepted"
    # Asked to end, each has drained and said so.
    assert stack.logs().count('"message": "stopped"') >= len(MEMBERS)


async def test_everything_is_there_again_after_the_machine_was_off(
    stack: Stack, access: Access, door: httpx.AsyncClient, tmp_path: Path
) -> None:
    before = (await door.get("/v1/state/all")).json()
    async with page.opened(door) as seen:
        await seen.until(lambda page: page.synced)
    stack.compose("down", "--timeout", "20")
    stack.up()

    # Keys, and so tokens, are those of the first start.
    again = stack.access()
    headers = {"Authorization": f"Bearer {access.token}"}
    async with httpx.AsyncClient(base_url=again.http, headers=headers, timeout=40) as reopened:
        after = (await reopened.get("/v1/state/all", params={"min_seq": before["as_of"]})).json()
        assert after["items"] == before["items"]
        assert (after["log"], after["epoch"]) == (before["log"], before["epoch"])
        async with page.opened(reopened, seen.cursor) as resumed:
            outcome = await send(
                reopened,
                "environment.suspend-organization.v1",
                {"reason": "a test of the stack"},
                "day-3",
                organization="openova",
            )
            assert outcome["status"] == "accepted"
            await resumed.until(lambda page: page.doc("organization", "openova").get("suspended"))
            # Resumed, not begun anew: nothing but what changed was sent.
            assert resumed.resets == []
    assert git("clone", home(again, access.token), "later", folder=tmp_path).returncode == 0


def typed(what: str, stack: Stack, folder: Path) -> None:
    """Run what the page says, of this project and its images."""
    text = COMMANDS[what].replace("deploy/compose/compose.yaml", shlex.quote(str(FILE)))
    text = text.replace("project=catalyst", f"project={stack.environment['COMPOSE_PROJECT_NAME']}")
    text = text.replace("catalyst/gateway ", "catalyst/gateway:e2e ")
    command = ["/bin/sh", "-euc", text]
    subprocess.run(command, cwd=folder, env=stack.environment, check=True, timeout=COMMAND_SECONDS)


async def test_the_stack_is_restored_by_what_the_page_says(
    stack: Stack, access: Access, tmp_path: Path
) -> None:
    headers = {"Authorization": f"Bearer {access.token}"}

    async def rows(**more: Any) -> Any:
        now = stack.access()
        async with httpx.AsyncClient(base_url=now.http, headers=headers, timeout=40) as door:
            return (await door.get("/v1/state/organizations", params=more)).json()

    before = await rows()
    assert before["items"]
    typed("backup", stack, tmp_path)
    # Each volume is in it, and what is in it is nobody else's.
    named = {path.stem.partition("_")[2] for path in (tmp_path / "backup").iterdir()}
    assert named == compose_file()["volumes"].keys()
    assert (tmp_path / "backup").stat().st_mode & 0o077 == 0
    typed("restore", stack, tmp_path)
    stack.up()
    after = await rows(min_seq=before["as_of"])
    assert after["items"] == before["items"]
    assert (after["log"], after["epoch"]) == (before["log"], before["epoch"])


def test_logs_hold_no_password_and_no_token(stack: Stack, access: Access) -> None:
    logs = stack.logs()

    assert "working" in logs
    assert access.password not in logs
    assert "eyJ" not in logs
    for level in ("critical", "error"):
        assert f'"level": "{level}"' not in logs
