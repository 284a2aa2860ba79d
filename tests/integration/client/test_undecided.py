"""A command that gets no outcome: whoever sent it is told what is wrong, and what to do next.

Nothing of the stack is played: a member is missing, a disk is full, a broker is gone.
"""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.integration.client.command import Ran, command
from tests.integration.client.stack import Stack, running
from tests.support.broker import Access, private
from tests.support.disks import fill, mounted
from tests.support.rig import ORGANIZATIONS, acme

pytestmark = pytest.mark.real

CREATE = "environment.create-organization.v1"
UPDATE = "environment.update-organization.v1"
REMOVE = "blueprint.remove-source.v1"
WAIT = ("--timeout", "4")
NOBODY = "is the worker of that service running?"


@pytest.fixture
def stack(access: Access, tmp_path: Path) -> Iterator[Stack]:
    """Without a worker for Blueprints."""
    with running(access, tmp_path / "data", ORGANIZATIONS) as found:
        yield found


@pytest.mark.guarantee("G7.12")
def test_a_member_that_is_missing_is_named(catalyst: Callable[..., Ran]) -> None:
    sent = ("send", REMOVE, "--org", "_", "--id", "shared", "--command-id", "c-late", *WAIT)
    ran = catalyst(*sent)
    assert ran.code == 6
    first, *others = ran.err.splitlines()
    assert first == "Error: no outcome of c-late came in time; the command is stored"
    assert any(line.startswith("  consumer blueprint--") for line in others)
    assert NOBODY in ran.err
    assert "catalyst outcome c-late --org _ --timeout 60` waits for it" in others[-1]

    told = json.loads(catalyst(*sent, "-o", "json").err)["error"]
    assert told["exit"] == 6
    assert any(NOBODY in cause for cause in told["causes"])

    # Whoever waits for it after that is told the same, and not to wait.
    waited = catalyst("outcome", "c-late", "--org", "_", "--timeout", "0.5")
    assert waited.code == 4
    assert NOBODY in waited.err
    assert "--timeout" not in waited.err

    # Verbs that send for a person do so as well.
    removed = catalyst("source", "remove", "shared", *WAIT)
    assert removed.code == 6
    assert NOBODY in removed.err


@pytest.mark.guarantee("G7.12")
def test_what_is_well_is_not_blamed(catalyst: Callable[..., Ran]) -> None:
    ran = catalyst("send", CREATE, "--org", "acme", "--data", json.dumps(acme()), *WAIT)
    assert (ran.code, ran.err) == (0, "")


@pytest.mark.guarantee("G7.12")
def test_a_disk_that_fills_meanwhile_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with mounted(tmp_path / "disk", 96) as disk:
        broker = private(disk / "nats")
        asyncio.run(broker.start())
        try:
            with running(Access(broker.url, "own", "own"), disk / "data") as stack:
                catalyst = command(stack, capsys)
                data = json.dumps(acme())
                assert catalyst("send", CREATE, "--org", "acme", "--data", data).code == 0
                filler = fill(disk)
                renamed = ("send", UPDATE, "--org", "acme", "--data", '{"display_name": "P"}')
                ran = catalyst(*renamed, "--command-id", "c-full", *WAIT)
                # What is not stored was refused, or not answered in time.
                stored = "the command is stored" in ran.err
                assert ran.code in ({6} if stored else {5, 6}), ran.err
                assert "disk: 0.0 GiB free below" in ran.err
                assert "make room: without it nothing more is accepted" in ran.err
                assert "Hint: mend that first; " in ran.err
                filler.unlink()
        finally:
            asyncio.run(broker.stop())


@pytest.mark.guarantee("G7.12")
def test_a_broker_that_is_gone_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    broker = private(tmp_path / "nats")
    asyncio.run(broker.start())
    try:
        with running(Access(broker.url, "own", "own"), tmp_path / "data") as stack:
            catalyst = command(stack, capsys)
            asyncio.run(broker.kill())
            sent = ("send", CREATE, "--org", "acme", "--data", json.dumps(acme()))
            ran = catalyst(*sent, "--command-id", "c-gone", *WAIT)
            assert ran.code in {5, 6}
            assert "c-gone is not known to be stored" in ran.err
            assert f"{broker.url} does not answer; start it" in ran.err
            assert "--command-id c-gone" in ran.err
            asyncio.run(broker.start())
            assert catalyst(*sent, "--command-id", "c-gone").code == 0
    finally:
        asyncio.run(broker.stop())
