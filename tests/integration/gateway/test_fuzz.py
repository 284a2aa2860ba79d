"""The doors against their own document: schemathesis makes the requests, the real system answers.

An example of an operation is four requests: one that fits the document, one that breaks it, one
whose headers or body have odd bytes, and one about things that there are. CI draws one example of
every operation, with another seed each time; at a desk one command of each service has its turn.
`CATALYST_FUZZ=200` draws that many of all, `CATALYST_FUZZ_SEED` the same ones again.
"""

import asyncio
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from tests.integration.client.stack import Stack, running
from tests.integration.gateway import fuzzing
from tests.integration.gateway.stack import acme
from tests.support.broker import Access, SharedBroker
from tests.support.clients import plain
from tests.support.each import each
from tests.support.invariants import check_log
from tests.support.waiting import until

from catalyst.chassis.jetstream.connection import connect
from catalyst.contracts import subjects
from catalyst.contracts.registry import SERVICES
from catalyst.contracts.roles import SERVICE_COMMANDS
from catalyst.gateway import openapi
from catalyst.projector.adapters.buckets import StreamReadModel
from catalyst.projector.adapters.log import StreamLog
from catalyst.projector.ports import Doubt
from catalyst.projector.replay import check as replayed

SEED: Final = int(os.environ.get("CATALYST_FUZZ_SEED") or random.SystemRandom().getrandbits(32))
EXAMPLES: Final = int(os.environ.get("CATALYST_FUZZ") or 1)
"""Examples of each operation."""
DESK_COMMANDS: Final = 1
"""How many commands of each service have their turn at a desk."""

schema = schemathesis.openapi.from_dict(openapi.document("0"))
# Whoever asks is our own part of a request: see `Door.token` and `fuzzing.odd`.
schema.config.generation.with_security_parameters = False
OPERATIONS: Final = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]


def groups() -> dict[str, list[Any]]:
    """Return all operations: commands by their service, then what reads and what is public."""
    found: dict[str, list[Any]] = {name: [] for name in (*SERVICES, "rows", "others")}
    for operation in OPERATIONS:
        path = operation.path
        if path.startswith("/v1/commands/"):
            found[path.removeprefix("/v1/commands/").partition(".")[0]].append(operation)
        elif path.startswith(("/v1/state", "/v1/stream", "/v1/events")):
            found["rows"].append(operation)
        else:
            found["others"].append(operation)
    return found


def turn(operations: list[Any]) -> list[Any]:
    """Return whose turn it is: in CI, and where somebody says how many examples, of all."""
    if os.environ.get("CI") or "CATALYST_FUZZ" in os.environ:
        return operations
    others = [one for one in operations if not one.path.startswith("/v1/commands/")]
    return others or random.Random(SEED).sample(operations, DESK_COMMANDS)  # noqa: S311


class Door:
    """A stack that is being fuzzed, and what it has taken."""

    def __init__(self, stack: Stack, access: Access, session: requests.Session) -> None:
        self.stack = stack
        self.access = access
        self.session = session
        self.known = fuzzing.Known(self._log())
        self._taken: set[tuple[str | None, str]] = set()

    def _log(self) -> str:
        """Create the Organization that requests may hit, and return the name of the log."""
        place = f"{self.stack.http}/v1/commands/environment.create-organization.v1"
        given: Any = {
            "params": {"organization": fuzzing.SLUG},
            "json": acme(),
            "headers": {
                "Authorization": self.bearer(),
                "Idempotency-Key": "the-first",
                "Prefer": "wait=1",
            },
        }
        # The same command again, until it is decided.
        while (answer := self.session.post(place, **given)).status_code == 202:
            assert answer.json()["status"] == "pending", answer.text
        assert answer.json()["status"] == "accepted", answer.text
        return str(answer.json()["log"])

    def bearer(self, operation: str = "") -> str:
        """Return the header of somebody who may do most, or of a service that sends a command."""
        for service in sorted(SERVICE_COMMANDS.get(operation, ())):
            return f"Bearer {self.stack.keys.service(service).service()}"
        return f"Bearer {self.stack.token('root@example.org', 'sovereign-admin', 'billing-admin')}"

    def try_(self, operation: Any) -> None:
        """Send requests of one operation, and hold each answer against the document."""
        breakable = operation.definition.raw.get("parameters") or operation.body

        @seed(SEED)
        @settings(
            max_examples=EXAMPLES + 1,
            deadline=None,
            database=None,
            derandomize=False,
            # What came of a request is not the same again: the log remembers.
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(st.data())
        def example(data: st.DataObject) -> None:
            if not data.draw(st.integers(0, 2**32)):
                # What hypothesis begins with, the simplest of everything, says little.
                return
            fits = data.draw(fuzzing.cases(operation, GenerationMode.POSITIVE))
            breaks = breakable and data.draw(fuzzing.cases(operation, GenerationMode.NEGATIVE))
            self._send(fits, self._request(fits), pure=True)
            if breaks:
                self._send(breaks, self._request(breaks), pure=True)
            strange = self._request(fits)
            fuzzing.odd(data.draw, strange)
            self._send(fits, strange)
            fuzzing.meant(data.draw, fits, self.known)
            self._send(fits, self._request(fits))

        example()

    def _request(self, case: Case[Any]) -> requests.PreparedRequest:
        found = fuzzing.prepared(self.session, case, self.stack.http)
        found.headers["Authorization"] = self.bearer(case.operation.path.rpartition("/")[2])
        return found

    def _send(
        self, case: Case[Any], request: requests.PreparedRequest, *, pure: bool = False
    ) -> None:
        try:
            answer = fuzzing.sent(self.session, request)
            fuzzing.check(case, answer, pure=pure)
        except Exception as error:
            error.add_note(f"sent: {fuzzing.shown(request)}")
            raise
        self.known.learn(answer)
        self._taken.update(fuzzing.taken(answer))

    def settled(self) -> None:
        """Assert that each command that was taken has its outcome, and that all is well."""
        asyncio.run(self._settled())

    async def _settled(self) -> None:
        async with connect(
            self.access.url, name="test", user=self.access.user, password=self.access.password
        ) as js:
            waiting = {subjects.done(*command) for command in self._taken}
            self._taken.clear()

            async def all_decided() -> bool:
                for subject in sorted(waiting):
                    if await js.last("EV", subject) is None:
                        return False
                    waiting.remove(subject)
                return True

            try:
                await until(all_decided)
            except TimeoutError:
                pytest.fail(f"taken, and without an outcome: {sorted(waiting)}")
            # Of each exactly one: also of those that follow.
            await check_log(js)
            source, model = StreamLog(js, "test"), StreamReadModel(js, "test")

            async def equal() -> bool:
                try:
                    return (await replayed(source, model)).equal
                except Doubt:
                    return False

            await until(equal)
        async with plain(base_url=self.stack.http) as http:

            async def ready() -> bool:
                # A check that a busy machine answers late is told as not ready, too.
                return (await http.get("/readyz")).status_code == 200

            await until(ready)


@pytest.fixture(scope="module")
def door(shared_broker: SharedBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    access = shared_broker.account()
    limits = {
        "rate_per_subject": 1e6,
        "burst_per_subject": 1_000_000,
        "rate_per_address": 1e6,
        "burst_per_address": 1_000_000,
        "refusals_per_address": 1e6,
        "max_wait_seconds": 1,
    }
    # Nothing that is waited for in vain is waited for long.
    reads = {"wait_seconds": 0.05, "heartbeat_seconds": 0.1}
    data = Path(tmp_path_factory.mktemp("fuzzed"))
    # One connection for all requests: a new one for each takes longer than its answer.
    with (
        running(access, data, reads=reads, door=limits) as stack,
        requests.Session() as session,
    ):
        session.trust_env = False
        yield Door(stack, access, session)


@pytest.mark.guarantee("G5.10")
@pytest.mark.parametrize("group", groups())
def test_every_route_does_what_its_document_says(group: str, door: Door) -> None:
    print(f"CATALYST_FUZZ_SEED={SEED} draws the same again")  # noqa: T201
    broken: list[Exception] = []
    for operation in turn(groups()[group]):
        try:
            door.try_(operation)
        except Unsatisfiable:
            raise
        except Exception as error:  # noqa: BLE001 - raised below
            error.add_note(f"CATALYST_FUZZ_SEED={SEED}, {operation.label}")
            broken.append(error)
    if broken:
        raise ExceptionGroup(f"{len(broken)} operations", broken)
    door.settled()


def test_a_question_that_a_service_does_not_know_is_not_found(door: Door) -> None:
    for service in SERVICES:
        place = f"{door.stack.http}/v1/queries/{service}/no-such-question"
        asked: Any = {"params": {"organization": fuzzing.SLUG}, "json": {}}
        answer = door.session.post(place, headers={"Authorization": door.bearer()}, **asked)
        assert answer.json()["code"] == "not-found", f"{service}: {answer.text}"


@each(openapi.document("0")["paths"].values())
def test_every_operation_names_its_answers(operations: dict[str, Any]) -> None:
    for described in operations.values():
        assert described["responses"]
        assert described["operationId"]
