"""A bug at the doors of a worker is told by its type and place, whatever was asked or sent."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.support.quoting import SECRET, logged, quoting
from tests.support.rig import ORGANIZATIONS, Sender, acme, working
from tests.support.waiting import until

from catalyst.chassis import door, parking
from catalyst.chassis.asking import Asked
from catalyst.chassis.errors import Retry
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.keyring import KeyRing
from catalyst.chassis.service import Loader, Query, Service
from catalyst.contracts.decision import Actor

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G6.8")]

PLACE = r"LookupError in quoting\.py, line \d+"


async def _preview(
    request: Mapping[str, Any], _organization: str, _actor: Actor, _load: Loader
) -> dict[str, Any]:
    quoting(request["code"])


async def test_a_bug_in_an_answer_quotes_nothing_that_was_asked(
    js: JetStream, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keys = KeyRing.open(tmp_path / "keys")
    allowing = "environment.create-organization.v1"
    service = Service(
        name="environment",
        aggregates=ORGANIZATIONS.aggregates,
        rules=ORGANIZATIONS.rules,
        queries=(Query(name="preview", version=1, for_command=allowing, run=_preview),),
    )
    async with working(js, service, keys=keys):
        asked = Asked(js, keys.service("environment").service)
        with pytest.raises(Retry) as told:
            await asked.ask("environment", "preview", 1, "acme", {"code": SECRET})
    assert SECRET not in str(told.value)
    (failed,) = [one for one in caplog.records if one.message == "question not answered"]
    assert vars(failed)["subject"] == "qry.acme.environment.preview.v1"
    assert re.fullmatch(PLACE, vars(failed)["why"])
    assert SECRET not in logged(caplog.records)


async def test_a_bug_in_admitting_a_command_quotes_nothing_of_it(
    js: JetStream, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its letter holds the bytes, which a sovereign-admin alone is shown; nothing else does."""

    async def listed() -> bool:
        return (await js.stream_state("DLQ")).messages == 1

    async with working(js):
        with monkeypatch.context() as patch:
            patch.setattr(door, "_payload", lambda job, _envelope: quoting(job.body))
            data = acme(display_name=SECRET)
            await Sender(js).send("environment.create-organization.v1", "acme", data)
            await until(listed)
        # Those behind it are decided.
        sent = await Sender(js).send("environment.create-organization.v1", "omantel", acme())
        assert (await Sender(js).outcome("omantel", sent)).status == "accepted"
    (letter,) = [parking.read(item) for item in await js.replay("DLQ", ">")]
    assert letter.reason == "internal"
    assert re.fullmatch(PLACE, letter.detail)
    assert SECRET.encode() in letter.body
    assert any(one.message == "door failed" for one in caplog.records)
    assert SECRET not in logged(caplog.records)
