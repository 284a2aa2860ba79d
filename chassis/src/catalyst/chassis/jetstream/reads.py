"""Direct gets: single messages, the last of many subjects, and the replay of one subject.

Called by `catalyst.chassis.jetstream.broker`.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from catalyst.chassis.jetstream import wire
from catalyst.chassis.jetstream.answers import answered
from catalyst.chassis.jetstream.link import Link
from catalyst.chassis.jetstream.port import CALL_SECONDS, BrokerError, Stored, Unavailable
from catalyst.chassis.jetstream.times import of_text

PAGE: Final = 1000
"""Messages asked for at once; the server answers at most 1024 subjects of a `multi_last`."""
PAGE_BYTES: Final = 1024 * 1024
"""Bytes after which a page of a replay ends, so that neither side has to hold all of a long one
between them. A message that is larger is a page of its own."""
TRIES: Final = 3
"""How often a page is asked for before its read is given up."""
_BEFORE: Final = b"Nats-Last-Sequence"


async def one(
    link: Link, stream: str, suffix: str, payload: Mapping[str, object] | None
) -> Stored | None:
    """The message that a direct get names, or nothing."""
    (reply,) = await _ask(link, stream, suffix, payload, many=False)
    status = wire.status(reply.headers)
    if status.code == 404:
        return None
    if status.code:
        raise answered(status.code, 0, status.description)
    # Here the server says nothing about what follows, so a header that does is the sender's.
    return msgspec.structs.replace(_stored(reply), pending=0)


async def last_many(
    link: Link, stream: str, subjects: Sequence[str], up_to: int | None
) -> list[Stored]:
    """The last message of every subject that matches, by sequence."""
    found: list[Stored] = []
    for start in range(0, len(subjects), PAGE):
        payload: dict[str, object] = {"multi_last": subjects[start : start + PAGE]}
        if up_to is not None:
            payload["up_to_seq"] = up_to
        page, _ = await _page(link, stream, payload)
        found.extend(page)
    found.sort(key=lambda message: message.seq)
    return found


async def replay(
    link: Link, stream: str, subject: str, start: int, limit: int | None
) -> list[Stored]:
    """Every message of a subject from `start` on, at most `limit`."""
    found: list[Stored] = []
    position = start
    while limit is None or len(found) < limit:
        size = PAGE if limit is None else min(PAGE, limit - len(found))
        asked = {"batch": size, "max_bytes": PAGE_BYTES, "next_by_subj": subject, "seq": position}
        page, pending = await _page(link, stream, asked)
        found.extend(page)
        if not page or not pending:
            break
        position = page[-1].seq + 1
    return found


async def _page(link: Link, stream: str, payload: Mapping[str, object]) -> tuple[list[Stored], int]:
    """One whole page, and how many messages follow it."""
    for _ in range(TRIES):
        replies = await _ask(link, stream, "", payload, many=True)
        end = wire.status(replies[-1].headers)
        if end.code == 404:
            return [], 0
        if end.code != 204:
            raise answered(end.code, 0, end.description)
        page = [_stored(reply) for reply in replies[:-1]]
        if _whole(replies, page):
            return page, int(wire.field(replies[-1].headers, b"Nats-Num-Pending") or 0)
    raise Unavailable(503, 0, f"a page of {stream!r} came with gaps {TRIES} times")


def _whole(replies: Sequence[wire.Raw], page: Sequence[Stored]) -> bool:
    """Whether no reply is missing: each names the one before it in its page, 0 at the first.

    Between three nodes any of them may be lost while our own connection stands.
    """
    before = [b"0", *(b"%d" % message.seq for message in page)]
    return before == [wire.field(reply.headers, _BEFORE) for reply in replies]


async def _ask(
    link: Link, stream: str, suffix: str, payload: Mapping[str, object] | None, *, many: bool
) -> list[wire.Raw]:
    subject = f"$JS.API.DIRECT.GET.{stream}{suffix}"
    data = b"" if payload is None else msgspec.json.encode(payload)
    return await link.call(
        lambda inbox: [wire.frame(subject, data, None, inbox)],
        (subject,),
        timeout=CALL_SECONDS,
        many=many,
    )


def _stored(reply: wire.Raw) -> Stored:
    headers = wire.fields(reply.headers)
    try:
        message = Stored(
            stream=headers.pop("Nats-Stream"),
            subject=headers.pop("Nats-Subject"),
            seq=int(headers.pop("Nats-Sequence")),
            time=of_text(headers.pop("Nats-Time-Stamp")),
            data=reply.data,
            headers=headers,
            pending=int(headers.pop("Nats-Num-Pending", 0)),
        )
    except (KeyError, ValueError) as error:
        raise BrokerError(500, 0, f"the broker's answer cannot be read: {error!r}") from error
    # What is left of what the server says of the get; the rest is the sender's.
    headers.pop("Nats-Last-Sequence", None)
    headers.pop("Nats-UpTo-Sequence", None)
    return message
