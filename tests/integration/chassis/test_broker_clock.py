"""What the broker's clock decides, and no process's: `now`, whether a token holds, and age."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support.crashes import FaultyBroker
from tests.support.guests import until_parked
from tests.support.rig import ORGANIZATIONS, Sender, acme, running, runtime, working
from tests.support.sequential import CREATE, RESUME, SUSPEND
from tests.support.waiting import until
from typing_extensions import override

from catalyst.chassis import clock, jwks, parking
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import StreamState
from catalyst.chassis.keyring import KeyRing
from catalyst.chassis.service import Service
from catalyst.chassis.tokens import OWN_ISSUER, Issuer, Verifier
from catalyst.chassis.worker import Worker
from catalyst.contracts import roles
from catalyst.contracts.decision import Actor, Context
from catalyst.contracts.message import Envelope, Outcome
from catalyst.contracts.topology import CMD, DLQ

pytestmark = pytest.mark.real

ANN = "ann@example.org"
RETRY = "environment.retry.v1"
UPDATE = "environment.update-organization.v1"


@dataclass
class Seen:
    """With what the rules of a service were called, and whether they have a bug today."""

    broken: bool = False
    contexts: list[Context] = field(default_factory=list)

    @property
    def times(self) -> list[datetime]:
        return [context.now for context in self.contexts]

    @property
    def actors(self) -> list[Actor]:
        return [context.actor for context in self.contexts]

    def service(self) -> Service:
        """Organizations, as they are decided under these eyes."""
        rules = (replace(rule, decide=self._watched(rule.decide)) for rule in ORGANIZATIONS.rules)
        return replace(ORGANIZATIONS, rules=tuple(rules))

    def _watched(self, decide: Callable[..., Any]) -> Callable[..., Any]:
        def watched(state: Any, command: Any, context: Context) -> Any:
            self.contexts.append(context)
            if self.broken:
                raise ZeroDivisionError("a bug")
            return decide(state, command, context)

        return watched


@pytest.fixture
def keys(tmp_path: Path) -> KeyRing:
    return KeyRing.open(tmp_path / "keys")


@pytest.fixture
async def sender(js: JetStream, keys: KeyRing) -> Sender:
    """A sender to a queue that nobody reads now; `acme` is Ann's."""
    found = Sender(js)
    async with working(js, keys=keys):
        data = acme(owners=[{"email": ANN, "role": "owner"}])
        sent = await found.send(CREATE, "acme", data)
        assert (await found.outcome("acme", sent)).status == "accepted"
    return found


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def _waiting(js: JetStream) -> list[datetime]:
    """When the broker took the commands that wait in the queue, oldest first."""
    state = await js.stream_state(CMD)
    places = range(state.first_seq, state.last_seq + 1)
    found = [await js.message(CMD, seq, leader=True) for seq in places]
    return [stored.time for stored in found if stored is not None]


async def _send_three(sender: Sender, keys: KeyRing) -> tuple[list[str], list[datetime]]:
    """Send what suspends, resumes and suspends again; return the ids, and when each was taken."""
    headers = _bearer(keys.people().person(ANN, [roles.SOVEREIGN_ADMIN]))
    ids = [
        await sender.send(SUSPEND, "acme", {"reason": "a"}, headers=headers),
        await sender.send(RESUME, "acme", headers=headers),
        await sender.send(SUSPEND, "acme", {"reason": "b"}, headers=headers),
    ]
    times = await _waiting(sender.js)
    assert times == sorted(set(times))
    assert len(times) == len(ids)
    return ids, times


async def _event_times(js: JetStream) -> list[datetime]:
    stored = await js.replay("EV", "evt.acme.environment.organization.acme.>")
    events = [msgspec.json.decode(item.data, type=Envelope) for item in stored]
    return [event.time for event in events if event.time is not None]


@pytest.mark.guarantee("G1.16")
async def test_a_command_is_decided_at_the_instant_at_which_the_broker_took_it(
    sender: Sender, keys: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids, times = await _send_three(sender, keys)
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(seconds=20))
    seen = Seen()
    async with working(sender.js, seen.service(), keys=keys):
        outcomes = [await sender.outcome("acme", name) for name in ids]
    assert seen.times == times
    assert [found.time for found in outcomes] == times
    assert (await _event_times(sender.js))[-3:] == times


@pytest.mark.guarantee("G1.16", "G7.2")
async def test_what_is_tried_again_is_decided_at_its_first_arrival_and_for_who_sent_it(
    sender: Sender, keys: KeyRing
) -> None:
    ids, times = await _send_three(sender, keys)
    seen = Seen(broken=True)
    async with working(sender.js, seen.service(), keys=keys):
        await until_parked(sender.js, 3)
        assert seen.contexts
        proven = seen.actors[0]
        assert (proven.email, proven.proven) == (ANN, True)
        assert proven.roles >= {roles.SOVEREIGN_ADMIN, "org-admin"}
        seen.broken = False
        seen.contexts.clear()
        again = await sender.send(RETRY, "acme", aggregate="organization")
        assert (await sender.outcome("acme", again)).result == {"freed": 3}
        outcomes = [await sender.outcome("acme", name) for name in ids]
    assert seen.times == times
    assert seen.actors == [proven] * 3
    assert [(found.status, found.time, found.actor) for found in outcomes] == [
        ("accepted", time, proven.name) for time in times
    ]


def _strict(keys: KeyRing) -> Verifier:
    """A verifier that allows for no skew of clocks."""
    own = Issuer(jwks.source(str(keys.jwks_path)), services=True)
    return Verifier({OWN_ISSUER: own}, leeway=timedelta(0))


async def _decided(sender: Sender, keys: KeyRing, sent: str) -> Outcome:
    """Let a worker decide that takes nobody without a token."""
    standing = replace(runtime(sender.js, keys=keys, require_tokens=True), verifier=_strict(keys))
    async with running(Worker(ORGANIZATIONS, standing)):
        return await sender.outcome("acme", sent)


@pytest.mark.guarantee("G1.16", "G6.5")
async def test_a_token_that_ran_out_while_its_command_waited_still_counts(
    sender: Sender, keys: KeyRing
) -> None:
    lifetime = timedelta(seconds=0.25)
    while True:
        token = keys.people().person(ANN, [roles.SOVEREIGN_ADMIN], lifetime)
        expires = (await _strict(keys).verify(token, at=clock.now() - lifetime)).exp
        sent = await sender.send(SUSPEND, "acme", {"reason": "a"}, headers=_bearer(token))
        if (await _waiting(sender.js))[-1] < expires:
            break
        # The machine was too slow for that: this one was sent with a token that had run out.
        assert (await _decided(sender, keys, sent)).code == "unauthenticated"
        lifetime *= 2
    await until(lambda: clock.now() > expires)
    found = await _decided(sender, keys, sent)
    assert (found.code, found.actor) == ("", f"user:{OWN_ISSUER}#{ANN}")


@pytest.mark.guarantee("G1.16", "G6.5")
async def test_a_token_that_had_run_out_does_not_count_for_a_clock_that_is_slow(
    sender: Sender, keys: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = _bearer(keys.people().person(ANN, [roles.SOVEREIGN_ADMIN], timedelta(hours=-1)))
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() - timedelta(hours=2))
    sent = await sender.send(SUSPEND, "acme", {"reason": "a"}, headers=headers)
    assert (await _decided(sender, keys, sent)).code == "unauthenticated"


@dataclass
class LaterBroker(FaultyBroker):
    """A broker that is asked for the time so much later than it took what waits there."""

    later: timedelta = timedelta()

    @override
    async def stream_state(self, stream: str) -> StreamState:
        found = await super().stream_state(stream)
        return msgspec.structs.replace(found, ts=found.ts + self.later)


@pytest.mark.guarantee("G1.16")
@pytest.mark.parametrize(
    ("later", "code"), [(timedelta(days=28, hours=23), ""), (timedelta(days=29), "command-too-old")]
)
async def test_a_command_that_waited_for_more_than_29_days_is_refused(
    sender: Sender, later: timedelta, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its outcome would be forgotten before a repeat of it is too old. The broker's clock tells."""
    sent = await sender.send(UPDATE, "acme", {"display_name": "Late"})
    # A process's own clock says the opposite.
    wrong = clock.now() + timedelta(days=0 if code else 30)
    monkeypatch.setattr(clock, "now", lambda: wrong)
    async with working(sender.js, broker=LaterBroker(sender.js, later=later)):
        found = await sender.outcome("acme", sent)
    assert (found.status, found.code) == ("rejected" if code else "accepted", code)


@pytest.mark.guarantee("G1.16", "G7.2")
async def test_what_is_tried_again_is_never_too_old(sender: Sender) -> None:
    sent = await sender.send(SUSPEND, "acme", {"reason": "a"})
    async with working(sender.js, Seen(broken=True).service()):
        await until_parked(sender.js)
    # What a dead letter is that stood in its queue for two months.
    (stored,) = await sender.js.replay(DLQ, ">")
    found = parking.read(stored)
    old = msgspec.structs.replace(found, time=found.time - timedelta(days=60))
    await parking.discard(sender.js, stored.subject)
    await parking.put_aside(sender.js, stored.subject, old)
    seen = Seen()
    async with working(sender.js, seen.service()):
        again = await sender.send(RETRY, "acme", aggregate="organization")
        assert (await sender.outcome("acme", again)).result == {"freed": 1}
        assert (await sender.outcome("acme", sent)).status == "accepted"
    assert seen.times == [old.time]
