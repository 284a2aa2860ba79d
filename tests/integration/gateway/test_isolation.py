"""Another Organization's data: none of it, whatever is tried."""

import asyncio
import base64
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

import httpx
import pytest
from tests.integration.gateway.reading import onboarded
from tests.integration.gateway.stack import Stack, created, member
from tests.support.waiting import until

from catalyst.chassis import parking
from catalyst.contracts.subjects import Ref
from catalyst.provisioning.adapters.git import GitRepositories
from catalyst.provisioning.domain import files
from catalyst.provisioning.ports import Signed

WAIT = {"Prefer": "wait=10"}
SECRET = "Zanzibar"
"""Stands in every document of the other Organization, so that a leak of any kind shows."""
NOW = datetime.now(UTC)
SIGNED = Signed(
    organization="victim",
    repository="victim",
    summary=SECRET,
    actor="user:test#vic",
    email="vic@victim.example",
    command="c-1",
    change="ch-1",
    seq=1,
    time=NOW,
)
LETTER = parking.Letter(
    stream="CMD",
    sequence=1,
    time=NOW,
    subject="cmd.victim.environment.environment.victim-dev.update-environment.v1",
    message_id="c-1",
    message_type="environment.update-environment.v1",
    reason="bug",
    detail=SECRET,
    body=SECRET.encode(),
)


async def organization(stack: Stack) -> httpx.Response:
    """Create it, once for all tests of a process."""
    owners = [{"email": "vic@victim.example", "role": "owner"}]
    return await created(stack, "victim", key="c-victim", display_name=SECRET, owners=owners)


async def attacker(stack: Stack) -> None:
    """Make an Organization of the one who tries, once for all tests of a process."""
    owners = [{"email": "mal@attacker.example", "role": "owner"}]
    await created(stack, "attacker", key="c-attacker", owners=owners)


async def victim(stack: Stack) -> tuple[str, list[str], str]:
    """Make an Organization that has everything; return it, its commands and its dead letter.

    It has an Environment, an Application's repository beside its home, and what was set aside.
    """
    found = await organization(stack)
    commands = [found.json()["id"]]
    async with stack.client(stack.admin) as http:

        async def made() -> bool:
            answer = await http.post(
                "/v1/commands/environment.create-environment.v1",
                params={"organization": "victim", "id": "victim-dev"},
                json={
                    "env_type": "dev",
                    "placement": "single-region",
                    "regions": [{"provider": "hetzner", "region": "fsn", "building_block": "rtz"}],
                },
                headers=WAIT,
            )
            if answer.json()["status"] != "accepted":
                return False
            commands.append(answer.json()["id"])
            return True

        await until(made)
    await homes(stack, "vic@victim.example", "victim")
    provisioning = stack.keys.service("provisioning").service()
    repositories = GitRepositories(stack.url, lambda: provisioning)
    begun = partial(files.reopened, organization="victim", application="victim")
    await repositories.prepare(SIGNED, files.TRUNK, begun)
    subject = Ref("victim", "environment", "environment", "victim-dev").dead_letter("c", 1)
    async with member(stack, "environment", "environment-controller") as js:
        await parking.put_aside(js, subject, LETTER)
    return "victim", commands, subject


async def homes(stack: Stack, owner: str, slug: str) -> None:
    """Wait until an owner reads the Git home, so that a refusal is not for want of one."""
    async with stack.client(stack.token(owner)) as http:

        async def served() -> bool:
            found = await http.get(f"/git/{slug}/home.git/info/refs?service=git-upload-pack")
            return found.status_code == 200 and b"refs/heads/main" in found.content

        await until(served)


class Try(NamedTuple):
    """Where something of the Organization could be read."""

    address: str
    control: str = ""
    """Where its owner reads the same, if not there."""
    status: int = 200
    """What the owner is answered: a push is refused to persons, though not as if nothing was."""

    async def of_owner(self, http: httpx.AsyncClient) -> None:
        """Wait until the owner reads it, so that there is what nobody else may."""
        found = await http.get(self.control or self.address)

        async def read() -> bool:
            nonlocal found
            found = await http.get(self.control or self.address)
            return found.status_code == self.status and shows(found)

        try:
            await until(read, 20.0)
        except TimeoutError:
            pytest.fail(f"the owner reads nothing under {self}: {found.text}")


def shows(answer: httpx.Response) -> bool:
    """Return whether an answer tells anything of the Organization."""
    if "/git/" in answer.url.path:
        # What a home answers names nobody: that there is an answer at all is the leak.
        return answer.status_code != 404
    words = (SECRET, "victim-dev", "/victim/", ".victim.", '"victim.')
    outcome = answer.url.path.startswith("/v1/outcomes/") and answer.is_success
    return outcome or any(word in answer.text for word in words)


def tries(slug: str, commands: Iterable[str], letter: str) -> list[Try]:
    """Return every address under which something of the Organization could be read."""
    home, own = f"/git/{slug}/home.git/info/refs", f"/git/{slug}/{slug}.git/info/refs"
    pulled, pushed = "service=git-upload-pack", "service=git-receive-pack"
    found = [
        Try(f"/v1/events?organization={slug}"),
        Try(f"/v1/events?organization={slug}&limit=1"),
        Try("/v1/events"),
        Try("/v1/events?limit=500&aggregate=organization"),
        Try(f"/v1/events?id={slug}"),
        Try(f"/v1/dlq?organization={slug}"),
        Try("/v1/dlq"),
        Try(f"/v1/dlq/{letter}"),
        Try(f"/v1/state/organizations?organization={slug}"),
        Try(f"/v1/state/organizations/{slug}"),
        Try("/v1/state/organizations"),
        Try("/v1/state/all"),
        Try(f"/v1/state/environments/{slug}-dev"),
        Try(f"/v1/state/all?label=tier%3Dsme&organization={slug}"),
        Try(f"{home}?{pulled}"),
        Try(f"{own}?{pulled}"),
        Try(f"{home}?{pushed}", status=403),
        Try(f"{own}?{pushed}", status=403),
        Try(f"/git/attacker/../{slug}/home.git/info/refs?{pulled}"),
        Try(f"/git/attacker/%2e%2e/{slug}/home.git/info/refs?{pulled}", f"{home}?{pulled}"),
        Try(f"/v1/state/../../git/{slug}/home.git/info/refs?{pulled}"),
    ]
    for command in commands:
        outcome = f"/v1/outcomes/{command}?organization={slug}"
        found += [
            Try(outcome),
            Try(f"/v1/outcomes/{command}?organization=attacker", outcome),
            Try(f"/v1/outcomes/{command}?organization=_", outcome),
            Try(f"/v1/trace/{command}"),
            Try(f"/v1/trace/{command}?organization={slug}"),
            Try(f"/v1/events?command={command}"),
        ]
    return found


@pytest.mark.guarantee("G6.1")
@pytest.mark.guarantee("G6.4")
async def test_nothing_of_another_organization_is_read(stack: Stack) -> None:
    """Its owner reads it under every address, and the one who tries under none."""
    found = await victim(stack)
    await attacker(stack)
    await homes(stack, "mal@attacker.example", "attacker")
    addresses = tries(*found)
    token = stack.token("mal@attacker.example")
    basic = base64.b64encode(f"x:{token}".encode()).decode()
    async with stack.client() as http, stack.client(stack.token("vic@victim.example")) as owner:
        for what in addresses:
            await what.of_owner(owner)
            for header in (f"Bearer {token}", f"Basic {basic}"):
                answer = await http.get(what.address, headers={"Authorization": header})
                assert not shows(answer), (what.address, answer.status_code, answer.text)
                assert answer.status_code < 500, what.address


@pytest.mark.guarantee("G6.1")
async def test_a_chain_that_leads_into_another_organization_names_nothing_of_it(
    stack: Stack,
) -> None:
    """An Organization that stands below another one asks that one to admit it."""
    upper = await onboarded(
        stack, "upper", owners=[{"email": "vic@upper.example", "role": "owner"}]
    )
    owners = [{"email": "mal@lower.example", "role": "owner"}]
    below = await onboarded(stack, "lower", parent_org="upper", owners=owners)
    path = f"/v1/trace/{below['id']}"
    async with stack.client(stack.admin) as http:
        whole = (await http.get(path)).json()
    async with stack.client(stack.token("mal@lower.example")) as http:
        own = (await http.get(path)).json()
        other = await http.get(f"/v1/trace/{upper['id']}")
    assert (other.status_code, other.json()["code"]) == (404, "not-found")
    theirs = "upper.environment.organization.upper"
    assert {step["aggregate"] for step in whole["steps"]} >= {theirs}
    assert theirs not in json.dumps(own)
    assert [row["key"].partition(".")[0] for row in own["rows"]] == ["lower"] * len(own["rows"])
    assert own["rows"]
    assert own["hidden"] == len(whole["steps"]) - len(own["steps"]) > 0


@pytest.mark.guarantee("G6.2")
async def test_nothing_of_another_organization_is_streamed(stack: Stack) -> None:
    token = stack.token("mal@streams.example")
    await created(stack, "boomerang", display_name=SECRET)
    # What is theirs comes last, so that everything before it has been passed over.
    owners = [{"email": "mal@streams.example", "role": "owner"}]
    await created(stack, "streams", owners=owners)
    for path, params in (
        ("/v1/events", {"follow": "true", "continue": "1"}),
        ("/v1/stream", {"kinds": "all"}),
    ):
        seen = ""
        async with (
            asyncio.timeout(60),
            stack.client(token) as http,
            http.stream("GET", path, params=params) as stream,
        ):
            async for line in stream.aiter_lines():
                seen += line
                if "data: " in line and "mal@streams.example" in line:
                    break
        assert "mal@streams.example" in seen
        assert SECRET not in seen
        assert "boomerang" not in seen


@pytest.mark.guarantee("G6.3")
async def test_nothing_of_another_organization_is_changed(stack: Stack) -> None:
    await organization(stack)
    await attacker(stack)
    token = stack.token("mal@attacker.example")
    bodies = {
        "update-organization": {"display_name": "Mine"},
        "suspend-organization": {"reason": "x"},
        "resume-organization": {},
        "change-owners": {"owners": [{"email": "mal@attacker.example", "role": "owner"}]},
        "retry": {},
    }
    async with stack.client(token) as http:
        for name, body in bodies.items():
            for params in (
                {"organization": "victim", "id": "victim", "aggregate": "organization"},
                {"organization": "_", "id": "victim", "aggregate": "organization"},
            ):
                found = await http.post(
                    f"/v1/commands/environment.{name}.v1", params=params, json=body, headers=WAIT
                )
                assert found.status_code == 403, f"{name}: {found.text}"
        # Under one's own name with another's id: the aggregate is one's own, and empty.
        found = await http.post(
            "/v1/commands/environment.change-owners.v1",
            params={"organization": "attacker", "id": "victim"},
            json=bodies["change-owners"],
            headers=WAIT,
        )
        assert found.json()["status"] == "rejected", found.text
        plan = await http.post(
            "/v1/queries/environment/plan-organization-deletion",
            params={"organization": "victim"},
            json={},
        )
        assert plan.status_code == 403
    async with stack.client(stack.admin) as http:

        async def shown() -> bool:
            return (await http.get("/v1/state/organizations/victim")).status_code == 200

        await until(shown)
        row = await http.get("/v1/state/organizations/victim")
    assert json.loads(row.text)["value"]["doc"]["display_name"] == SECRET


@pytest.mark.guarantee("G6.5")
async def test_an_address_that_only_looks_like_an_owners_has_none_of_its_roles(
    stack: Stack,
) -> None:
    owners = [{"email": "kim@lookalike.example", "role": "owner"}]
    await created(stack, "lookalike", display_name=SECRET, owners=owners)
    looks = "\N{KELVIN SIGN}im@lookalike.example"
    assert looks.lower() == "kim@lookalike.example"
    for email, status in (("KIM@lookalike.example", 200), (looks, 404)):
        async with stack.client(stack.token(email)) as http:
            session = (await http.get("/v1/session")).json()["organizations"]
            assert list(session) == (["lookalike"] if status == 200 else [])
            for address in (
                "/v1/events?organization=lookalike",
                "/v1/state/organizations?organization=lookalike",
            ):
                assert (await http.get(address)).status_code == status, address
            sent = await http.post(
                "/v1/commands/environment.update-organization.v1",
                params={"organization": "lookalike"},
                json={"display_name": SECRET},
                headers=WAIT,
            )
            assert sent.status_code == (200 if status == 200 else 403), sent.text


@pytest.mark.guarantee("G6.6")
async def test_the_broker_saw_nobody_do_what_it_may_not(stack: Stack) -> None:
    log = stack.broker.log_path.read_text("utf-8")
    assert [line for line in log.splitlines() if "Violation" in line] == []


async def test_an_unknown_path_leaks_nothing_about_the_inside(stack: Stack) -> None:
    async with stack.client(stack.admin) as http:
        found: httpx.Response = await http.get("/v1/trace/c-1?organization=" + "x" * 300)
    assert found.status_code == 400
    assert "Traceback" not in found.text
