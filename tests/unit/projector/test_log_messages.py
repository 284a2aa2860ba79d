"""What the fold is told of a message of the log, and which messages it does without."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest
from tests.support.each import each

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.puller import Pulled
from catalyst.projector.adapters import log
from catalyst.projector.ports import ELSEWHERE

BATCH = b"NATS/1.0\r\nNats-Batch-Id: %b\r\nNats-Batch-Sequence: 1\r\n%b\r\n"
COMMIT = b"Nats-Batch-Commit: 1\r\n"
EVENT = "evt.acme.environment.organization.acme.x.v1"
OWN = b"evt.acme.environment.organization.acme.>"
GUARD = (
    b"Nats-Expected-Last-Subject-Sequence: 7\r\nNats-Expected-Last-Subject-Sequence-Subject: %b\r\n"
)


@each(
    [
        ("out.acme.c-1", BATCH % (b"b", b""), True),
        ("done.acme.c-1", BATCH % (b"b", b""), True),
        # The end of a decision, whatever it is: without it, none of its events would count.
        ("out.acme.c-1", BATCH % (b"b", COMMIT), False),
        (EVENT, BATCH % (b"b", b""), False),
        ("due.acme.a.b.c.d", BATCH % (b"b", b""), False),
        ("out.acme.c-1", b"NATS/1.0\r\n\r\n", False),
        ("out.acme.c-1", None, False),
    ]
)
def test_only_what_stands_between_is_left_out(
    subject: str, headers: bytes | None, left_out: object
) -> None:
    assert log._between(subject.encode(), headers) is left_out


def pulled(subject: str, headers: bytes | None) -> Pulled:
    return Pulled(seq=1, subject=subject, time_ns=0, headers=headers, data=b"{}", pending=0)


def test_messages_of_one_batch_are_told_by_its_name_and_of_no_other() -> None:
    reader = log._Reader(cast("JetStream", None), "test")
    names = (b"ab1", b"ab1", b"ab2", b"ab", b"ab1", b"ab12")
    found = [reader._message(pulled(EVENT, BATCH % (name, b""))) for name in names]
    assert [one.batch for one in found] == list(names)
    assert not any(one.commit for one in found)
    assert reader._message(pulled(EVENT, BATCH % (b"ab12", COMMIT))).commit


@each([(EVENT, None), (EVENT, b"NATS/1.0\r\n\r\n"), ("due.a.b.c.d.e", BATCH % (b"b", COMMIT))])
def test_what_is_in_no_batch_ends_none(subject: str, headers: bytes | None) -> None:
    reader = log._Reader(cast("JetStream", None), "test")
    reader._message(pulled(EVENT, BATCH % (b"b", b"")))
    found = reader._message(pulled(subject, headers))
    assert (found.batch, found.commit) == (None, False)


@each([(OWN, 7), (b"evt.acme.environment.>", ELSEWHERE)])
def test_a_guard_says_where_the_event_s_own_aggregate_stood(string: bytes, guard: int) -> None:
    reader = log._Reader(cast("JetStream", None), "test", whole=True)
    found = reader._message(pulled(EVENT, BATCH % (b"b", GUARD % string)))
    assert found.guard == guard
    assert reader._message(pulled("done.acme.c-1", BATCH % (b"b", GUARD % string))).guard is None
    quick = log._Reader(cast("JetStream", None), "test")
    assert quick._message(pulled(EVENT, BATCH % (b"b", GUARD % string))).guard is None


class Brief:
    """Brings what it is told to, and says from where on each reader of it began."""

    def __init__(self, *pages: list[Pulled]) -> None:
        self.pages = list(pages)
        self.begun: list[tuple[int, tuple[str, ...]]] = []
        self.last_seq = self.last_seen_head = 0

    @asynccontextmanager
    async def pull(
        self, _js: object, _stream: str, *, start: int, subjects: tuple[str, ...], **_: object
    ) -> AsyncIterator[Brief]:
        self.begun.append((start, subjects))
        yield self

    async def read(self, *, timeout: float) -> list[Pulled]:
        assert timeout
        return self.pages.pop(0)


async def test_a_hurried_reader_goes_on_behind_what_it_handed_out_once_it_is_near(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def page(*found: tuple[int, int]) -> list[Pulled]:
        return [
            Pulled(seq=seq, subject=EVENT, time_ns=0, headers=None, data=b"{}", pending=pending)
            for seq, pending in found
        ]

    far, near = log.NEAR, log.NEAR - 1
    source = Brief(page((3, far + 2), (5, far)), page((8, far), (9, near)), page((10, 0)), [])
    monkeypatch.setattr(log, "pull", source.pull)
    reader = log._Reader(cast("JetStream", None), "test")
    await reader.begin(2, hurried=True)
    assert reader.head == 1
    heads = []
    for seqs in ([3, 5], [8, 9], [10], []):
        assert [one.seq for one in await reader.read(timeout=1)] == seqs
        heads.append(reader.head)
    assert source.begun == [(2, ("evt.>",)), (10, ())]
    # Of a reader of everything the head is what the broker says.
    assert heads == [5, 9, 0, 0]
    await reader.end()
