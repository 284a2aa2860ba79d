"""The stack as `catalyst up --simulate-cluster` runs it, for a command line, and its people."""

import asyncio
import io
import os
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from tests.integration.client.command import Ran

from catalyst.chassis.jetstream.connection import connect
from catalyst.cli import contexts
from catalyst.cli.installation import OPERATOR_EMAIL, Installation
from catalyst.cli.main import ended
from catalyst.cli.stack import Options, running
from catalyst.cli.verbs import GROUPS
from catalyst.contracts import roles
from catalyst.contracts.message import Envelope
from catalyst.contracts.permissions import OPERATOR
from catalyst.contracts.topology import EV

START_SECONDS = 120.0
WAIT_SECONDS = 60.0
PACE = "SIMULATOR_PACE"
PACE_SECONDS = "0.05"
SOURCES = "BLUEPRINT_CONTROLLER_SOURCE_DIRECTORIES"
"""Says that directories below `my-blueprints`, beside the stack's own, may be sources."""
_KEPT = {
    "billing": "grant,payment,limit show,limit spend,limit lift,limit credit",
    "blueprint": "deprecate,withdraw,yank",
    "catalog": "diff,feature,unfeature,hide,unhide,pin,unpin,categorize,uncategorize",
}
KEEPING = frozenset(
    (group, *verb.split()) for group, verbs in _KEPT.items() for verb in verbs.split(",")
)
"""Verbs of groups for whoever keeps what others use; they have a story of their own."""
STARTER = "BLUEPRINT_CONTROLLER_STARTER"
"""Says whether the catalogue that comes with Catalyst is registered."""


@dataclass
class Shop:
    """Runs the command line against the stack, in this process."""

    installation: Installation
    used: set[tuple[str, ...]] = field(default_factory=set)
    """Verbs of groups that were run and did what they say."""

    def run(self, *arguments: str, by: str = "") -> Ran:
        """Run a verb as the local sovereign-admin, or with a token."""
        out, err = io.StringIO(), io.StringIO()
        more = ("--token", by) if by else ()
        with redirect_stdout(out), redirect_stderr(err):
            code = ended([*arguments, *more])
        group = GROUPS.get(arguments[0], ("", {}))[1]
        for verb in group:
            words = (arguments[0], *verb.split())
            if code == 0 and arguments[: len(words)] == words:
                self.used.add(words)
        return Ran(int(code), out.getvalue(), err.getvalue())

    def well(self, *arguments: str, by: str = "") -> Ran:
        """Run a verb that has to work."""
        ran = self.run(*arguments, by=by)
        assert ran.code == 0, f"{arguments}: {ran.code}\n{ran.out}\n{ran.err}"
        return ran

    def blocked(self, *arguments: str, by: str = "") -> Ran:
        """Plan what cannot be applied as things are: shown whole, and no success."""
        ran = self.run("plan", *arguments, by=by)
        assert ran.code == 3, f"{arguments}: {ran.code}\n{ran.out}\n{ran.err}"
        assert "stands in the way" in ran.out
        assert "this one cannot be applied as things are" in ran.err
        return ran

    def once_free(self, code: str, *arguments: str) -> Ran:
        """Run a verb that has to work as soon as it is no longer refused with `code`."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            ran = self.run(*arguments)
            if code not in ran.err or time.monotonic() > deadline:
                assert ran.code == 0, f"{arguments}: {ran.code}\n{ran.out}\n{ran.err}"
                return ran
            time.sleep(0.1)

    def once_said(self, text: str, *arguments: str) -> Ran:
        """Run a verb until it says so: what it shows may still be on its way."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            ran = self.well(*arguments)
            if text in ran.out or time.monotonic() > deadline:
                assert text in ran.out, f"{arguments}:\n{ran.out}\n{ran.err}"
                return ran
            time.sleep(0.1)

    def changed(self, after: int | None = None) -> tuple[list[str], int]:
        """Return the events that persons have led to behind a place in the log, and its end."""
        return asyncio.run(_changed(after))

    @property
    def bookkeeper(self) -> str:
        """Token of a billing-admin."""
        return self.installation.keys.people().person("bill@example.org", [roles.BILLING_ADMIN])

    @property
    def owner(self) -> str:
        """Token of the local person without any role but those of its Organizations."""
        return self.installation.keys.people().person(OPERATOR_EMAIL, [])


@contextmanager
def open_shop(data: Path, *, pace: str = PACE_SECONDS, starter: bool = True) -> Iterator[Shop]:
    """Run the stack in a thread until the block ends; connections are kept in `data`.

    Without `starter` nothing is there to be installed; it is half of what a start does.
    """
    started, ended_ = threading.Event(), threading.Event()
    failed: list[BaseException] = []
    found: list[Shop] = []

    async def hold() -> None:
        async with _stack(data / "stack") as installation:
            found.append(Shop(installation))
            started.set()
            await asyncio.to_thread(ended_.wait)

    def work() -> None:
        try:
            asyncio.run(hold())
        except BaseException as error:  # noqa: BLE001 - raised again where the test waits
            failed.append(error)
        finally:
            started.set()

    (data / "my-blueprints").mkdir(exist_ok=True)
    set_ = {"XDG_CONFIG_HOME": str(data), PACE: pace, SOURCES: str(data / "my-blueprints")}
    if not starter:
        set_[STARTER] = "false"
    before = {name: os.environ.get(name) for name in set_}
    os.environ |= set_
    thread = threading.Thread(target=work, name="stack")
    thread.start()
    try:
        assert started.wait(START_SECONDS)
        if failed:
            raise failed[0]
        yield found[0]
    finally:
        ended_.set()
        thread.join()
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
    if failed:
        raise failed[0]


@contextmanager
def open_supplied(
    data: Path, manifests: str, *, organization: str, prices: Path, code: str
) -> Iterator[Shop]:
    """As `open_shop`, with what manifests describe, prices, and credit by a voucher's code."""
    file = data / "manifests.yaml"
    file.write_text(manifests)
    with open_shop(data) as found:
        found.well("apply", "-f", str(file))
        found.well("billing", "price-book", "apply", str(prices), by=found.bookkeeper)
        issued = found.well("voucher", "issue", "40.000", "OMR", "--code", code)
        assert issued.out.split() == [code]
        redeemed = found.well("voucher", "redeem", code, "--org", organization, by=found.owner)
        assert "40.000 OMR" in redeemed.out
        yield found


@asynccontextmanager
async def _stack(data: Path) -> AsyncIterator[Installation]:
    installation = Installation(data)
    options = Options(port=0, simulate_cluster=True)
    async with running(installation, options, lambda _line: None) as stack:
        contexts.register_local(data)
        yield installation
        assert not stack.failed.is_set()


async def _changed(after: int | None) -> tuple[list[str], int]:
    known = contexts.load(contexts.default_path())
    local = known.contexts[known.current]
    who = local.operator
    async with connect(local.nats, name=OPERATOR, user=who.user, password=who.password) as js:
        end = (await js.stream_state(EV)).last_seq
        stored = await js.replay(EV, "evt.>", start=after + 1) if after else []
    told = [msgspec.json.decode(one.data, type=Envelope) for one in stored]
    return [one.type for one in told if (one.actor or "").startswith("user:")], end
