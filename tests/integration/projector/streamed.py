"""An Organization whose rows are streamed, and the list that a stream has to agree with."""

import httpx
from tests.support import log as writing
from tests.support.log import LogWriter
from tests.support.projecting import bearer

from catalyst.chassis.jetstream.broker import JetStream

ACME = "acme._.organization._.acme"
ROOT = ("root@example.org", "sovereign-admin")


async def prepared(js: JetStream, *slugs: str) -> LogWriter:
    log = LogWriter(js)
    await log.prepare()
    for slug in slugs:
        await log.decide(writing.created(slug))
    return log


async def listed(http: httpx.AsyncClient, seq: int, *who: str) -> dict[str, object]:
    """Every row that somebody may read, by key."""
    answer = await http.get(
        "/v1/state/all", params={"min_seq": seq, "limit": 5000}, headers=bearer(*who)
    )
    assert answer.status_code == 200, answer.text
    return {item["key"]: item["value"] for item in answer.json()["items"]}
