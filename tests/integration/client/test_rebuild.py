"""Rows that are not what the log says: the doctor names them, and a rebuild mends them."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.integration.client.command import Ran, command
from tests.integration.client.stack import Stack, running
from tests.support.broker import SharedBroker
from tests.support.rig import acme
from tests.support.waiting import until
from typing_extensions import override

from catalyst.chassis.jetstream.connection import connect
from catalyst.projector.adapters.buckets import StreamReadModel
from catalyst.projector.ports import Change, GuardLost

pytestmark = pytest.mark.real

CREATE = "environment.create-organization.v1"
KEY = "acme._.organization._.acme"


@pytest.fixture(scope="module")
def stack(shared_broker: SharedBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One of its own, whose projector holds rows against the log all the time."""
    data = Path(tmp_path_factory.mktemp("stack"))
    with running(shared_broker.account(), data, check_seconds=0.05) as found:
        yield found


@pytest.fixture
def catalyst(
    stack: Stack,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., Ran]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return command(stack, capsys)


async def corrupt(stack: Stack) -> None:
    """Change a row in the bucket behind the projector's back."""
    async with connect(stack.nats, name="t", user=stack.user, password=stack.password) as js:
        model = StreamReadModel(js, "t")
        pointer = await model.current()
        assert pointer is not None
        bucket = model.bucket(pointer.epoch)

        async def written() -> bool:
            # The Organization is still being onboarded: with a checkpoint that is not the last
            # one any more, what came since would be folded twice, and a second row be wrong.
            loaded = await bucket.load()
            raw = loaded.rows[KEY].replace(b"Acme", b"Zeta")
            assert raw != loaded.rows[KEY]
            try:
                await bucket.write(
                    [Change(KEY, raw, deleted=False)], loaded.checkpoint, loaded.revision
                )
            except GuardLost:
                return False
            return True

        await until(written)


def sampled(catalyst: Callable[..., Ran], health: str) -> tuple[Ran, dict[str, Any]]:
    """Ask the doctor until it says this of the rows that were held against the log."""
    deadline = threading.Event()
    timer = threading.Timer(30.0, deadline.set)
    timer.start()
    try:
        while not deadline.is_set():
            ran = catalyst("doctor", "-o", "json")
            (found,) = (item for item in ran.json if item["check"] == "sampled rows")
            if found["health"] == health:
                return ran, found
    finally:
        timer.cancel()
    raise AssertionError(found)


@pytest.mark.guarantee("G3.7")
@pytest.mark.guarantee("G7.4")
def test_the_doctor_names_a_row_that_differs_and_what_it_advises_mends_it(
    catalyst: Callable[..., Ran], stack: Stack
) -> None:
    data = json.dumps(acme(display_name="Acme"))
    sent = catalyst("send", CREATE, "--org", "acme", "--data", data, "-o", "json")
    assert sent.code == 0, sent.err
    catalyst("get", "org", "acme", "--min-seq", str(sent.json["seq"]))
    _, well = sampled(catalyst, "ok")
    assert "none differs" in well["detail"]
    asyncio.run(corrupt(stack))
    ran, found = sampled(catalyst, "fail")
    assert ran.code == 8
    assert found["detail"].startswith(f"1 not what the log says: {KEY} since ")
    assert "catalyst replay --rebuild --accept-differences" in found["fix"]
    refused = catalyst("replay", "--rebuild", "-o", "json")
    assert refused.code == 8
    assert (refused.json["status"], refused.json["differing"]) == ("differs", 1)
    assert refused.json["differences"] == [{"key": KEY, "what": "changed"}]
    mended = catalyst("replay", "--rebuild", "--accept-differences")
    assert mended.code == 0, mended.err
    assert KEY in mended.out
    sampled(catalyst, "ok")
    assert catalyst("replay", "--check").code == 0


def test_a_rebuild_tells_old_and_new_epoch_and_how_many_rows(
    catalyst: Callable[..., Ran],
) -> None:
    ran = catalyst("replay", "--rebuild", "-o", "json")
    assert ran.code == 0, ran.err
    assert ran.json["status"] == "switched"
    assert ran.json["old_epoch"] != ran.json["epoch"]
    again = catalyst("replay", "--rebuild")
    assert again.code == 0
    assert f"old epoch  {ran.json['epoch']}" in again.out
    assert "differ     0 rows" in again.out
    assert again.err == ""


def test_who_is_no_sovereign_admin_ends_with_7(catalyst: Callable[..., Ran], stack: Stack) -> None:
    token = stack.token("bill@example.org", "billing-admin")
    assert catalyst("replay", "--rebuild", "--token", token).code == 7
    ran = catalyst("doctor", "--token", token, "-o", "json")
    (found,) = (item for item in ran.json if item["check"] == "sampled rows")
    assert found["health"] == "skipped"


@pytest.mark.guarantee("G7.4")
def test_where_the_log_lost_messages_that_is_told_and_no_rebuild_advised(
    shared_broker: SharedBroker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with running(shared_broker.account(), tmp_path / "data", check_seconds=0.05) as stack:
        catalyst = command(stack, capsys)
        sent = catalyst("send", CREATE, "--org", "acme", "--data", json.dumps(acme()), "-o", "json")
        catalyst("get", "org", "acme", "--min-seq", str(sent.json["seq"]))
        assert _log(catalyst)["health"] == "ok"
        asyncio.run(lose(stack))
        sampled(catalyst, "fail")
        ran = catalyst("doctor")
        assert (ran.code, "the log lost messages" in ran.out) == (8, True)
        assert "the last copy" in ran.err
        assert "--rebuild" not in ran.out + ran.err
        ran = catalyst("replay", "--check")
        assert (ran.code, "the log lost messages" in ran.err) == (8, True)
        assert "--rebuild" not in ran.out + ran.err
        assert "and the log begins at" in ran.err
        # The last copy stays, whatever is accepted.
        before = catalyst("replay", "--check", "-o", "json").json["stored_hash"]
        for more in ((), ("--accept-differences",)):
            ran = catalyst("replay", "--rebuild", *more)
            assert (ran.code, "the log lost messages" in ran.err) == (8, True)
            assert "restore the broker's data from a backup" in ran.err
        assert catalyst("replay", "--check", "-o", "json").json["stored_hash"] == before


@pytest.mark.guarantee("G3.10")
@pytest.mark.guarantee("G7.4")
def test_an_event_lost_from_the_middle_is_named_and_only_what_is_accepted_is_built(
    shared_broker: SharedBroker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with running(shared_broker.account(), tmp_path / "data") as stack:
        catalyst = command(stack, capsys)
        for slug in ("acme", "beta"):
            data = json.dumps(acme())
            sent = catalyst("send", CREATE, "--org", slug, "--data", data, "-o", "json")
            if slug == "acme":
                lost = sent.json["seq"]
        catalyst("get", "org", "beta", "--min-seq", str(sent.json["seq"]))
        # The next event of the same Organization tells what is gone before it.
        asyncio.run(until(lambda: asyncio.to_thread(_is_ready, catalyst, "acme")))
        assert _log(catalyst)["detail"] == "no event is known to be gone"
        asyncio.run(purge(stack, "evt.acme.environment.organization.acme.organization-created.v1"))
        told = f"the event at {lost} of acme.environment.organization.acme is gone"
        assert told in _log(catalyst)["detail"]
        ran = catalyst("replay", "--check", "-o", "json")
        assert (ran.code, told in ran.json["lost"]) == (8, True)
        for more in ((), ("--accept-differences",)):
            ran = catalyst("replay", "--rebuild", *more)
            assert (ran.code, told in ran.err) == (8, True)
            assert "--accept-losses" in ran.err
        ran = catalyst("replay", "--rebuild", "--accept-losses", "-o", "json")
        assert (ran.code, ran.json["status"]) == (0, "switched"), ran.err
        ran = catalyst("replay", "--check", "-o", "json")
        assert (ran.code, ran.json["equal"], told in ran.json["lost"]) == (8, True, True)


def _is_ready(catalyst: Callable[..., Ran], slug: str) -> bool:
    row = catalyst("get", "org", slug, "-o", "json").json
    return bool(row["doc"]["phase"] == "ready")


def _log(catalyst: Callable[..., Ran]) -> Any:
    (found,) = (item for item in catalyst("doctor", "-o", "json").json if item["check"] == "log")
    return found


async def lose(stack: Stack) -> None:
    """Leave the log with its last message, as a `Nats-Rollup` would."""
    async with connect(stack.nats, name="t", user=stack.user, password=stack.password) as js:
        await js.api("STREAM.PURGE.EV", {"keep": 1})


async def purge(stack: Stack, subject: str) -> None:
    """Take one message out of the middle of the log."""
    async with connect(stack.nats, name="t", user=stack.user, password=stack.password) as js:
        found = await js.api("STREAM.PURGE.EV", {"filter": subject})
        assert found["purged"] == 1


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--check", "--rebuild"),
        ("--check", "--accept-differences"),
        ("--check", "--accept-losses"),
    ],
)
def test_one_thing_is_done_at_a_time(
    catalyst: Callable[..., Ran], arguments: tuple[str, ...]
) -> None:
    assert catalyst("replay", *arguments).code == 2


def test_nobody_at_the_address_ends_with_5(catalyst: Callable[..., Ran]) -> None:
    assert catalyst("replay", "--rebuild", "--url", "http://127.0.0.1:1").code == 5


ENDED: dict[str, Any] = {
    "old_epoch": "aaa",
    "epoch": "aaa",
    "as_of": 0,
    "rows": 0,
    "events": 0,
    "compared_at": None,
    "differing": 0,
    "differences": [],
    "reason": "",
}
RUNNING = {"status": 409, "code": "rebuild-running", "detail": "a rebuild is running already"}


@contextmanager
def door(status: int, body: bytes, length: int) -> Iterator[str]:
    """Answer each request with this, of which `length` bytes are promised."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(status)
            kind = "application/json" if status == 200 else "application/problem+json"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(body)

        @override
        def log_message(self, format: str, *args: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, name="door")
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.guarantee("G3.9")
@pytest.mark.parametrize(
    ("status", "body", "cut", "code", "said"),
    [
        (409, RUNNING, 0, 3, "a rebuild is running already"),
        (200, {**ENDED, "status": "overtaken", "epoch": "bbb"}, 0, 3, "the read model is bbb now"),
        (200, {**ENDED, "status": "failed", "reason": "it ends"}, 0, 1, "goes on serving: it ends"),
        (200, {**ENDED, "status": "switched"}, 1, 6, "the old read model serves until"),
    ],
)
def test_every_other_end_says_what_is_true_and_has_a_code(
    catalyst: Callable[..., Ran], status: int, body: Any, cut: int, code: int, said: str
) -> None:
    raw = b"\n\n" + json.dumps(body).encode()
    with door(status, raw[: len(raw) - cut], len(raw)) as url:
        ran = catalyst("replay", "--rebuild", "--url", url, "--token", "t")
    assert ran.code == code
    assert said in ran.err
