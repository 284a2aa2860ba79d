"""From the log to the reader: the whole path on the real broker."""

import pytest
from tests.support import log as writing
from tests.support.log import LogWriter
from tests.support.projecting import agrees, bearer, following, projector, served

from catalyst.chassis.jetstream.broker import JetStream

pytestmark = pytest.mark.real


@pytest.mark.guarantee("G3.1")
async def test_rows_are_those_of_a_fresh_fold(js: JetStream) -> None:
    log = LogWriter(js)
    await log.prepare()
    await log.decide(writing.created("acme"))
    async with following(js):
        await log.decide(writing.renamed("acme", "Acme Limited"))
        await log.reject("acme")
        last = await log.decide(*writing.environment_created("acme"))
        rows = await agrees(js, last)
    assert sorted(rows) == ["acme._.organization._.acme", "acme.acme-prod.environment._.acme-prod"]
    assert b'"display_name":"Acme Limited"' in rows["acme._.organization._.acme"]


async def test_a_written_event_is_read_back_over_http(js: JetStream) -> None:
    log = LogWriter(js)
    await log.prepare()
    async with served(projector(js)) as http:
        seq = await log.decide(writing.created("acme"))
        answer = await http.get(
            "/v1/state/organizations/acme", params={"min_seq": seq}, headers=bearer()
        )
    assert answer.status_code == 200
    assert answer.json()["value"]["doc"]["display_name"] == "Acme"
    assert int(answer.headers["Catalyst-As-Of"]) >= seq
