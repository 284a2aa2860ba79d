"""Pages of direct gets, as a broker may send them when a connection breaks in the middle."""

import json
from collections.abc import Callable, Collection
from typing import Any

import pytest
from tests.support.each import each

from catalyst.chassis.jetstream import reads, wire
from catalyst.chassis.jetstream.port import BrokerError, Unavailable


def reply(seq: int, pending: int, before: int) -> wire.Raw:
    block = wire.block(
        {
            "Nats-Stream": "EV",
            "Nats-Subject": "evt.a",
            "Nats-Sequence": str(seq),
            "Nats-Time-Stamp": "2026-08-01T12:00:00.123456789Z",
            # What a sender called so stands before what the server says.
            "nats-last-sequence": "77",
            "Nats-Num-Pending": str(pending),
            "Nats-Last-Sequence": str(before),
        }
    )
    return wire.Raw(b"_INBOX", b"", block, b"x")


def end(before: int, pending: int = 0) -> wire.Raw:
    said = f"Nats-Num-Pending: {pending}\r\nNats-Last-Sequence: {before}"
    return wire.Raw(b"_INBOX", b"", f"NATS/1.0 204 EOB\r\n{said}\r\n\r\n".encode(), b"")


def refusal(status: str) -> wire.Raw:
    return wire.Raw(b"_INBOX", b"", f"NATS/1.0 {status}\r\n\r\n".encode(), b"")


WHOLE = [reply(3, 2, 0), reply(5, 1, 3), reply(9, 0, 5), end(9)]


class ScriptedLink:
    """Answers each request with the next page of a script, and keeps what it was asked."""

    def __init__(self, *pages: list[wire.Raw]) -> None:
        self.pages = list(pages)
        self.asked: list[dict[str, Any]] = []

    async def call(
        self,
        frames: Callable[[str], list[bytes]],
        subjects: Collection[str],
        *,
        timeout: float,
        many: bool = False,
    ) -> list[wire.Raw]:
        (frame,) = frames("inbox")
        self.asked.append(json.loads(frame.split(b"\r\n")[1]))
        return self.pages.pop(0)


async def replay(link: ScriptedLink, limit: int | None = None) -> list[int]:
    found = await reads.replay(link, "EV", "evt.>", 1, limit)  # type: ignore[arg-type]
    return [message.seq for message in found]


async def test_a_page_with_a_missing_reply_is_read_again() -> None:
    link = ScriptedLink([WHOLE[0], WHOLE[2], WHOLE[3]], WHOLE)

    assert await replay(link) == [3, 5, 9]
    assert link.asked[0] == link.asked[1]


@pytest.mark.guarantee("G2.11")
@each([{0}, {1}, {2}, {0, 1}, {1, 2}, {0, 1, 2}])
async def test_a_page_that_stays_torn_is_no_answer(missing: set[int]) -> None:
    torn = [answer for place, answer in enumerate(WHOLE) if place not in missing]

    with pytest.raises(Unavailable):
        await replay(ScriptedLink(*[torn] * reads.TRIES))


async def test_the_next_page_begins_behind_the_last_message() -> None:
    link = ScriptedLink([reply(3, 2, 0), reply(5, 1, 3), end(5, 1)], [reply(9, 0, 0), end(9)])

    assert await replay(link) == [3, 5, 9]
    assert [asked["seq"] for asked in link.asked] == [1, 6]


async def test_a_limit_is_asked_for_and_kept() -> None:
    link = ScriptedLink([reply(3, 2, 0), reply(5, 1, 3), end(5, 1)])

    assert await replay(link, limit=2) == [3, 5]
    assert link.asked[0]["batch"] == 2


async def test_no_message_is_an_empty_answer() -> None:
    assert await replay(ScriptedLink([refusal("404 No Results")])) == []


async def test_too_many_subjects_are_an_error_with_its_code() -> None:
    link = ScriptedLink([refusal("413 Too Many Results")])

    with pytest.raises(BrokerError) as caught:
        await reads.last_many(link, "EV", ["evt.>"], None)  # type: ignore[arg-type]
    assert caught.value.code == 413


async def test_many_literal_subjects_are_read_in_parts() -> None:
    link = ScriptedLink([reply(9, 0, 0), end(9)], [reply(3, 0, 0), end(3)])
    subjects = [f"evt.{number}" for number in range(reads.PAGE + 1)]

    found = await reads.last_many(link, "EV", subjects, 12)  # type: ignore[arg-type]

    assert [message.seq for message in found] == [3, 9]
    assert [len(asked["multi_last"]) for asked in link.asked] == [reads.PAGE, 1]
    assert {asked["up_to_seq"] for asked in link.asked} == {12}


async def test_an_answer_without_its_headers_is_an_error() -> None:
    strange = wire.Raw(b"_INBOX", b"", wire.block({"Nats-Stream": "EV"}), b"")

    with pytest.raises(BrokerError, match="cannot be read"):
        await reads.one(ScriptedLink([strange]), "EV", "", {"seq": 1})  # type: ignore[arg-type]
