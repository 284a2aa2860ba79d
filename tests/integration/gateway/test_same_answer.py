"""Each role and each command, straight on the broker and over HTTP: one table, one answer."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support.rig import Sender, acme
from tests.support.sequential import CREATE
from tools.examples import EXAMPLES

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.puller import pull
from catalyst.cli.contexts import Context
from catalyst.cli.installation import Installation
from catalyst.cli.stack import Options, running
from catalyst.client.http_transport import over_http as connected
from catalyst.contracts import roles
from catalyst.contracts.message import Outcome
from catalyst.contracts.registry import COMMANDS, SERVICES
from catalyst.contracts.subjects import PLATFORM
from catalyst.contracts.topology import EV

pytestmark = pytest.mark.real

OWN, OTHER = "home", "away"
AT_ONCE = 64
ENTRIES = {"org-admin": "admin", "org-developer": "developer", "org-viewer": "viewer"}
"""How an Organization's owners list says it."""

RULE_SAYS_MORE = ("blueprint.", "catalog.", "provisioning.apply-plan.")
"""Where it also depends on whose the thing is: the platform's, or the Organization's own."""
ONE_OF_ITS_KIND = "blueprint.seed-source.v1"
"""For the one source that comes along, and refused to every other."""

Said = tuple[str, str]
"""Status and code."""


@dataclass(frozen=True)
class Who:
    """Somebody with a token."""

    name: str
    token: str
    platform: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()
    """Roles in the Organization `home` alone."""
    service: str | None = None

    @property
    def role(self) -> bool:
        """Whether they hold one of the roles."""
        return bool(self.platform or self.own)

    def may(self, type_: str, organization: str) -> bool:
        """Whether the table of the contracts lets them send a command."""
        if self.service is not None:
            return self.service in roles.SERVICE_COMMANDS.get(type_, ())
        held = self.platform | (self.own if organization == OWN else frozenset())
        return bool(held & roles.COMMAND_ROLES.get(type_, frozenset()))


def everybody(installation: Installation) -> Iterator[Who]:
    """One person for each role, somebody without any, and each service."""
    people = installation.keys.people()
    for role in roles.ROLES:
        given = frozenset({role}) & roles.PLATFORM_ROLES
        token = people.person(f"{role}@example.org", list(given))
        yield Who(role, token, platform=given, own=frozenset({role}) - given)
    yield Who("nobody", people.person("nobody@example.org", []))
    for service in SERVICES:
        token = installation.keys.service(service).service()
        yield Who(f"service {service}", token, service=service)


Case = tuple[Who, str, str]
"""Who sends which command to which Organization."""


def cases(installation: Installation) -> list[Case]:
    """Everybody, to an Organization where each role is held, to another one, and to none."""
    return [
        (who, organization, type_)
        for who in everybody(installation)
        for organization in (OWN, OTHER, PLATFORM)
        for type_ in COMMANDS
    ]


def posted(asked: Sequence[Case]) -> list[bool]:
    """Return which are also sent over HTTP, which costs several times as much.

    All of the roles in the first Organization; else one command of all that the table allows alike.
    """
    met: set[object] = set()
    found = []
    for who, organization, type_ in asked:
        alike = who, organization, roles.COMMAND_ROLES.get(type_), roles.SERVICE_COMMANDS.get(type_)
        found.append((who.role and organization == OWN) or alike not in met)
        met.add(alike)
    return found


def _data(type_: str) -> Any:
    return msgspec.to_builtins(EXAMPLES[type_])


async def straight(js: JetStream, asked: Sequence[Case]) -> list[Said]:
    """Publish every case, many at once, and read what is recorded for it."""
    sender = Sender(js)
    left = iter(enumerate(asked))

    async def send() -> None:
        for number, (who, organization, type_) in left:
            await sender.send(
                type_,
                # Of what nobody has made, so that no answer depends on the one before.
                f"s{number}",
                _data(type_),
                organization=organization,
                command_id=f"s{number}",
                headers={"Authorization": f"Bearer {who.token}"},
            )

    async with asyncio.TaskGroup() as tasks:
        for _ in range(AT_ONCE):
            tasks.create_task(send())
    found: dict[str, Said] = {}
    wanted = {f"s{number}" for number in range(len(asked))}
    async with asyncio.timeout(60), pull(js, EV, name="t", start=1, subjects=["done.>"]) as puller:
        while not wanted <= found.keys():
            for message in await puller.read():
                outcome = msgspec.json.decode(message.data, type=Outcome)
                found[outcome.id] = outcome.status, outcome.code
    return [found[f"s{number}"] for number in range(len(asked))]


async def over_http(address: str, asked: Sequence[Case]) -> list[Said]:
    """Post every case, and wait for what becomes of it.

    By hand: a client costs several times what both doors do.
    """
    found: list[Said] = [("", "")] * len(asked)
    left = iter(enumerate(asked))

    async def post() -> None:
        host, _, port = address.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        for number, (who, organization, type_) in left:
            aggregate = COMMANDS[type_].aggregates[0]
            place = f"organization={organization}&aggregate={aggregate}&id=h{number}"
            body = msgspec.json.encode(EXAMPLES[type_])
            lines = (
                f"POST /v1/commands/{type_}?{place} HTTP/1.1",
                "Host: localhost",
                f"Authorization: Bearer {who.token}",
                "Content-Type: application/json",
                "Prefer: wait=30",
                f"Content-Length: {len(body)}",
            )
            writer.write("\r\n".join((*lines, "", "")).encode() + body)
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = int(head.partition("content-length: ")[2].split("\r\n")[0])
            answer = msgspec.json.decode(await reader.readexactly(length))
            # A refusal at the door is a problem; what the worker says is the recorded outcome.
            decided = head.split()[1] == "200"
            found[number] = answer["status"] if decided else "rejected", answer.get("code", "")
        writer.close()
        await writer.wait_closed()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(AT_ONCE):
            tasks.create_task(post())
    return found


@asynccontextmanager
async def opened(installation: Installation) -> AsyncIterator[Context]:
    """Run the embedded stack, with an Organization that lists each role of one, and another."""
    options = Options(port=0, sync_interval="10s")
    async with running(installation, options, lambda _line: None) as stack:
        context = stack.context
        async with connected(context.http, token=context.operator.token) as door:
            first = {"email": "first@example.org", "role": "owner"}
            listed = [
                {"email": f"{role}@example.org", "role": entry} for role, entry in ENTRIES.items()
            ]
            for slug, owners in ((OWN, [first, *listed]), (OTHER, [first])):
                data = acme(owners=owners)
                made = await door.send(CREATE, data, organization=slug, timeout=60)
                assert made.status == "accepted"
        yield context


@pytest.mark.guarantee("G6.3")
async def test_each_role_gets_the_same_answer_to_each_command_at_both_doors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RATE_PER_SUBJECT", "BURST_PER_SUBJECT", "RATE_PER_ADDRESS", "BURST_PER_ADDRESS"):
        monkeypatch.setenv(f"GATEWAY_{name}", "100000")
    # Nobody asks for the starter catalogue, and its versions would be in the way.
    monkeypatch.setenv("BLUEPRINT_CONTROLLER_STARTER", "false")
    installation = Installation(tmp_path)
    asked = cases(installation)
    chosen = posted(asked)
    async with opened(installation) as context:
        user, password = context.operator.user, context.operator.password
        async with connect(context.nats, name="operator", user=user, password=password) as js:
            said = await straight(js, asked)
        again = await over_http(context.http, list(compress(asked, chosen)))

    there = zip(compress(asked, chosen), compress(said, chosen), again, strict=True)
    assert [(case, first, second) for case, first, second in there if first != second] == []
    refused = ("rejected", "forbidden")
    for (who, organization, type_), answer in zip(asked, said, strict=True):
        case = (who.name, organization, type_)
        if not who.may(type_, organization):
            assert answer == refused, case
        elif not type_.startswith(RULE_SAYS_MORE):
            assert answer != refused, case
    passed = {type_ for (_, _, type_), answer in zip(asked, said, strict=True) if answer != refused}
    assert passed == set(COMMANDS) - {ONE_OF_ITS_KIND}
