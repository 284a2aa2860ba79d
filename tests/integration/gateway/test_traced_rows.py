"""A traced chain shows the row of every aggregate that it changed, wherever that row stands."""

from typing import Any, Final

import msgspec
import pytest
from tests.support.log import LogWriter

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.contracts.subjects import PLATFORM, Ref, RowKey
from catalyst.gateway.rows import rows_of
from catalyst.projector.adapters.buckets import StreamReadModel
from catalyst.projector.checkpoint import Checkpoint
from catalyst.projector.ports import Change, Pointer
from catalyst.projector.views.table import FOLD, VIEWS
from catalyst.projector.views.view import View

pytestmark = pytest.mark.real

EPOCH: Final = "aaaa"
NAME: Final = "acme"
"""Of everything: an Organization is its own owner, and what has one name is told apart by kind."""
ENVIRONMENTS: Final = ("acme-dev", "acme-prod")


def refs(view: View[Any]) -> set[Ref]:
    """Return aggregates whose rows a view makes: one for each place that such a row can have."""
    places = (RowKey(NAME, env, view.kind, None, NAME) for env in ENVIRONMENTS)
    found = [Ref(NAME, view.service, view.aggregate, view.id_of(place)) for place in places]
    # What the platform owns is in no Organization's part of the log.
    return {msgspec.structs.replace(ref, organization=view.key(ref).organization) for ref in found}


async def test_every_row_that_a_chain_changed_is_found_by_its_aggregate(js: JetStream) -> None:
    await LogWriter(js).prepare()
    model = StreamReadModel(js, "test")
    bucket = await model.create(EPOCH)
    keys = {ref: view.key(ref).encode() for view in VIEWS for ref in refs(view)}
    assert {key.split(".")[0] for key in keys.values()} == {NAME, PLATFORM}
    newest = {ref: seq for seq, ref in enumerate(keys, 1)}
    changes = [
        Change(keys[ref], msgspec.json.encode({"seq": seq, "event": f"e-{seq}"}), deleted=False)
        for ref, seq in newest.items()
    ]
    end = Checkpoint(
        seq=len(keys), event_seq=len(keys), event_time=None, epoch=EPOCH, log="test", fold=FOLD
    )
    await bucket.write(changes, end, 0)
    await model.switch(Pointer(epoch=EPOCH))

    for ref, seq in newest.items():
        found = await rows_of(js, {ref: seq})
        assert [(row.key, row.seq, row.shows) for row in found.rows] == [(keys[ref], seq, True)]

    found = await rows_of(js, newest)
    assert {row.key: row.seq for row in found.rows} == {keys[ref]: newest[ref] for ref in keys}
    assert all(row.shows for row in found.rows)
