"""From the log to the reader: the whole path on the real broker."""

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.support import log as writing
from tests.support.log import LogWriter
from tests.support.projecting import agrees, bearer, following, projector, served

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.telemetry import Telemetry

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


@pytest.mark.guarantee("G3.1")
async def test_what_is_deleted_while_nobody_projects_is_gone_at_the_next_start(
    js: JetStream,
) -> None:
    log = LogWriter(js)
    await log.prepare()
    await log.decide(writing.created("beta"))
    async with following(js):
        last = await log.decide(writing.created("acme"))
        assert len(await agrees(js, last)) == 2
    last = await log.decide(writing.deleted("acme"))
    async with following(js):
        assert list(await agrees(js, last)) == ["beta._.organization._.beta"]


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


async def test_a_trace_ends_where_readers_are_told_of_the_row(js: JetStream) -> None:
    log = LogWriter(js)
    await log.prepare()
    spans = InMemorySpanExporter()
    telemetry = Telemetry("projector", exporter=spans)
    trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    async with served(projector(js, telemetry=telemetry)) as http:
        seq = await log.decide(writing.created("acme"), traceparent=f"00-{trace}-{parent}-01")
        await http.get("/v1/state/all", params={"min_seq": seq}, headers=bearer())
    telemetry.close()
    written, shown = sorted(spans.get_finished_spans(), key=lambda span: span.start_time or 0)
    assert (written.name, shown.name) == ("write row", "show row")
    assert written.context is not None
    assert written.parent is not None
    assert shown.parent is not None
    assert f"{written.context.trace_id:032x}" == trace
    assert f"{written.parent.span_id:016x}" == parent
    assert shown.parent.span_id == written.context.span_id
