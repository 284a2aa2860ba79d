"""Who may send what, judged by the worker itself: straight on the broker, without any HTTP door."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.guests import until_parked
from tests.support.rig import ORGANIZATIONS, Sender, acme, working
from tests.support.sequential import CREATE, SUSPEND
from tests.support.waiting import until

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Outgoing, Stored
from catalyst.chassis.jetstream.puller import Pulled
from catalyst.chassis.keyring import KeyRing
from catalyst.contracts import registry, roles
from catalyst.contracts.environment_v1 import SuspendOrganization
from catalyst.contracts.message import Outcome

pytestmark = pytest.mark.real

ANN, EVE, ROOT = "ann@example.org", "eve@other.example", "root@example.org"
CHANGE = "environment.change-owners.v1"
COMPLETE = "environment.complete-onboarding.v1"
UPDATE = "environment.update-organization.v1"
COMMANDS = {type_: row for type_, row in registry.COMMANDS.items() if row.service == "environment"}
"""Of the one service that runs here; the same door stands before every other."""


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def keys(tmp_path: Path) -> KeyRing:
    return KeyRing.open(tmp_path / "keys")


@pytest.fixture
async def sender(js: JetStream, keys: KeyRing) -> AsyncIterator[Sender]:
    """A sender to a worker that wants tokens; `acme` is Ann's and `other` is Eve's."""
    async with working(js, keys=keys, require_tokens=True):
        found = Sender(js)
        root = _bearer(keys.people().person(ROOT, [roles.SOVEREIGN_ADMIN]))
        for slug, owner in (("acme", ANN), ("other", EVE)):
            data = acme(owners=[{"email": owner, "role": "owner"}])
            sent = await found.send(CREATE, slug, data, headers=root)
            assert (await found.outcome(slug, sent)).status == "accepted"
        yield found


async def _all_refused(sender: Sender, headers: dict[str, str] | None) -> dict[str, str]:
    """Send every command there is to `acme`; return the codes by type."""
    sent = {
        type_: await sender.send(
            type_, "acme", {}, aggregate=message.aggregates[0], headers=headers
        )
        for type_, message in COMMANDS.items()
    }
    return {type_: (await sender.outcome("acme", name)).code for type_, name in sent.items()}


@pytest.mark.guarantee("G6.3")
async def test_no_command_of_another_organizations_admin_is_accepted(
    sender: Sender, keys: KeyRing
) -> None:
    codes = await _all_refused(sender, _bearer(keys.people().person(EVE)))
    assert set(codes.values()) == {"forbidden"}
    assert set(codes) == set(COMMANDS)


@pytest.mark.guarantee("G6.3", "G6.5")
async def test_no_command_without_a_good_token_is_accepted(
    sender: Sender, tmp_path: Path, keys: KeyRing
) -> None:
    admin = [roles.SOVEREIGN_ADMIN]
    none_good = {
        "none": None,
        "not one of ours": {"Authorization": "Bearer a.b.c"},
        "a password": {"Authorization": "Basic abc"},
        "expired": _bearer(keys.people().person(ROOT, admin, timedelta(hours=-2))),
        "foreign": _bearer(KeyRing.open(tmp_path / "others").people().person(ROOT, admin)),
    }
    for which, headers in none_good.items():
        codes = set((await _all_refused(sender, headers)).values())
        assert codes == {"unauthenticated"}, which


@pytest.mark.guarantee("G6.3")
async def test_what_services_send_is_refused_from_persons(sender: Sender, keys: KeyRing) -> None:
    root = keys.people().person(ROOT, [roles.SOVEREIGN_ADMIN])
    # The relay's headers beside a person's token prove nothing.
    headers = {**_bearer(root), "Catalyst-Actor": "service:environment"}
    for type_ in COMMANDS.keys() & (roles.SERVICE_COMMANDS.keys() - roles.COMMAND_ROLES.keys()):
        kind = COMMANDS[type_].aggregates[0]
        sent = await sender.send(type_, "acme", {}, aggregate=kind, headers=headers)
        found = await sender.outcome("acme", sent)
        assert found.code == "forbidden", type_
        assert found.actor.startswith("user:")


async def _completed(sender: Sender, headers: dict[str, str]) -> Outcome:
    sent = await sender.send(COMPLETE, "acme", {}, headers=headers)
    return await sender.outcome("acme", sent)


async def test_only_the_own_service_speaks_for_others_and_for_the_past(
    sender: Sender, keys: KeyRing
) -> None:
    other = _bearer(keys.service("gateway").service())
    own = _bearer(keys.service("environment").service())
    old = {"Catalyst-Since": "2020-01-01T00:00:00Z"}

    claimed = await _completed(sender, {**other, "Catalyst-Actor": "service:environment"})
    assert (claimed.code, claimed.actor) == ("forbidden", "service:gateway")
    relayed = await _completed(sender, {**own, "Catalyst-Actor": "service:provisioning"})
    assert (relayed.code, relayed.actor) == ("forbidden", "service:provisioning")

    assert (await _completed(sender, {**own, **old})).code == "command-too-old"
    person = {**_bearer(keys.people().person(ROOT, [roles.SOVEREIGN_ADMIN])), **old}
    sent = await sender.send(SUSPEND, "acme", {"reason": "a"}, headers=person)
    assert (await sender.outcome("acme", sent)).status == "accepted"
    wrong = {**own, "Catalyst-Since": "yesterday"}
    assert (await _completed(sender, wrong)).code == "invalid-envelope"
    wrong = {**own, "Catalyst-Since": "2026-01-01T00:00:00"}
    assert (await _completed(sender, wrong)).code == "invalid-envelope"


@pytest.mark.guarantee("G5.14")
@pytest.mark.parametrize("spell", [str.lower, str.upper, str.title])
async def test_a_header_of_a_command_counts_in_whatever_case_it_is_written(
    sender: Sender, keys: KeyRing, spell: Callable[[str], str]
) -> None:
    """Some clients write names as they like; Go's carrier of traces writes them as HTTP's."""
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    replies = await sender.js.link.subscribe("rsp.acme.c-spelled")
    own = _bearer(keys.service("environment").service())
    said = {**own, "Catalyst-Actor": "service:provisioning"}
    said["Catalyst-Reply"] = "rsp.acme.c-spelled"
    headers = {spell(name): text for name, text in said.items()}
    found = await _completed(sender, headers)
    assert (found.code, found.actor) == ("forbidden", "service:provisioning")
    told = await replies.next_msg(timeout=10)
    assert json.loads(told.data)["id"] == found.id
    old = {**own, "Catalyst-Since": "2020-01-01T00:00:00Z"}
    headers = {spell(name): text for name, text in old.items()}
    assert (await _completed(sender, headers)).code == "command-too-old"

    person = _bearer(keys.people().person(ROOT, [roles.SOVEREIGN_ADMIN])) | {"traceparent": trace}
    headers = {spell(name): text for name, text in person.items()}
    sent = await sender.send(SUSPEND, "acme", {"reason": "a"}, headers=headers)
    assert (await sender.outcome("acme", sent)).status == "accepted"
    subject = "evt.acme.environment.organization.acme.organization-suspended.v1"
    event = await sender.js.last("EV", subject)
    assert event is not None
    assert json.loads(event.data)["traceparent"].split("-")[1] == trace.split("-")[1]


@pytest.mark.guarantee("G6.5")
async def test_a_token_is_kept_nowhere(js: JetStream, keys: KeyRing) -> None:
    """Neither with what was decided, nor with what was set aside: who reads it could use it."""

    def buggy(*_: Any) -> Any:
        raise ZeroDivisionError("a bug")

    rules = [
        replace(rule, decide=buggy) if rule.shape is SuspendOrganization else rule
        for rule in ORGANIZATIONS.rules
    ]
    service = replace(ORGANIZATIONS, rules=tuple(rules))
    headers = _bearer(keys.people().person(ROOT, [roles.SOVEREIGN_ADMIN]))
    token = headers["Authorization"].removeprefix("Bearer ").encode()
    sender = Sender(js)
    async with working(js, service, keys=keys, require_tokens=True):
        made = await sender.send(CREATE, "acme", acme(), headers=headers)
        assert (await sender.outcome("acme", made)).status == "accepted"
        await sender.send(SUSPEND, "acme", {"reason": "a"}, headers=headers)
        await until_parked(js)
        # One of which not even the address can be read.
        await js.publish(Outgoing("cmd.acme.environment.organization", b"{}", headers))

        async def both_aside() -> bool:
            return (await js.stream_state("DLQ")).messages == 2

        await until(both_aside)
    kept = [*await js.replay("EV", ">"), *await js.replay("DLQ", ">")]
    assert {item.subject.partition(".")[0] for item in kept} >= {"evt", "done", "chk", "dlq"}
    assert not [item.subject for item in kept if token in item.data + str(item.headers).encode()]


@pytest.mark.guarantee("G6.10")
async def test_a_role_counts_from_the_moment_at_which_it_is_recorded(
    js: JetStream, keys: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before somebody is refused, the table is brought to the last word of the log's leader.

    What follows the log is held back here, so that nothing but that question can tell.
    """
    asked: list[bool] = []
    ask = JetStream.last

    async def last(
        self: JetStream, stream: str, subject: str, *, leader: bool = False
    ) -> Stored | None:
        if subject == "evt.acme.environment.organization.>":
            asked.append(leader)
        return await ask(self, stream, subject, leader=leader)

    sender, people = Sender(js), keys.people()
    root = _bearer(people.person(ROOT, [roles.SOVEREIGN_ADMIN]))
    async with working(js, keys=keys, require_tokens=True) as worker:
        owned = acme(owners=[{"email": ANN, "role": "owner"}])
        sent = await sender.send(CREATE, "acme", owned, headers=root)
        created = await sender.outcome("acme", sent)
        await worker.table.reach(created.seq)
        held: list[Pulled] = []
        monkeypatch.setattr(worker.table._following, "_take", held.append)
        monkeypatch.setattr(JetStream, "last", last)

        owners = [*owned["owners"], {"email": EVE, "role": "admin"}]
        sent = await sender.send(CHANGE, "acme", {"owners": owners}, headers=root)
        changed = await sender.outcome("acme", sent)
        await worker.table.reach(changed.seq)
        assert [item.seq for item in held] == [changed.seq]
        assert (asked, worker.table.own_roles(EVE, "acme")) == ([], frozenset())

        data = {"display_name": "Eve's"}
        sent = await sender.send(UPDATE, "acme", data, headers=_bearer(people.person(EVE)))
        found = await sender.outcome("acme", sent)
        assert (found.code, found.events) == ("", ("environment.organization-updated.v1",))
        assert asked == [True]
        assert worker.table.own_roles(EVE, "acme") == {"org-admin"}
