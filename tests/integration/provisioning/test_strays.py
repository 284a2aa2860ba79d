"""A change goes on to its end behind what stands among its events and is none, and is shown."""

from pathlib import Path

import pytest
from tests.integration.provisioning.town import town
from tests.support import planning
from tests.support.strays import acknowledged

from catalyst.chassis import parking
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.keyring import KeyRing
from catalyst.gateway import trace
from catalyst.provisioning.domain.application import application_ref
from catalyst.provisioning.domain.change import change_ref

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G7.21")]


async def test_answers_of_the_broker_on_a_change_and_its_application_keep_nothing(
    js: JetStream, tmp_path: Path
) -> None:
    change, wiki = change_ref("acme", "ch-1"), application_ref("acme", "wiki")
    async with town(js, KeyRing.open(tmp_path / "keys"), tmp_path) as place:
        done = await place.apply("ch-1", await place.plan(planning.install()))
        assert done.status == "accepted", done
        await place.reached("ch-1", "repository")
        for subject in (
            change.event("step-completed", 1),
            change.due("deadline"),
            wiki.event("application-observed", 1),
            wiki.event("change-left", 1),
        ):
            await acknowledged(js, subject)
        found = await place.through("ch-1")
        assert (found.status, found.reason) == ("completed", "")
        letters = [parking.read(item) for item in await js.replay("DLQ", ">")]
    assert {(one.reason, one.subject.split(".")[0]) for one in letters} == {
        ("no-event", "evt"),
        ("malformed-json", "due"),
    }
    (root,) = await trace.roots(js, done.id, "acme", any_owner=False)
    shown = await trace.walk(js, root)
    assert [step.code for step in shown.steps if step.status == "rejected"] == []
    assert not shown.incomplete
