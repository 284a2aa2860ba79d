"""An HTTP transport that answers from a list, and remembers what it was asked."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
from typing_extensions import override


class Broken(httpx.AsyncByteStream):
    """A body whose connection is lost after its last chunk."""

    def __init__(self, chunks: Sequence[bytes], *, lost: bool) -> None:
        self.chunks = chunks
        self.lost = lost

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            yield chunk
        if self.lost:
            raise httpx.ReadError("connection reset")


class Scripted(httpx.AsyncBaseTransport):
    """Gives one answer after the other; an exception among them is raised."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def stream(*chunks: bytes, lost: bool = False) -> httpx.Response:
    """An event stream of these bytes."""
    headers = {"content-type": "text/event-stream; charset=utf-8"}
    return httpx.Response(200, headers=headers, stream=Broken(chunks, lost=lost))


def frame(name: str, data: object, id_: str | None = None) -> bytes:
    """One event as the server writes it."""
    head = "" if id_ is None else f"id: {id_}\n"
    return f"{head}event: {name}\ndata: {json.dumps(data)}\n\n".encode()


def put(key: str, seq: int, id_: str | None = None, **doc: Any) -> bytes:
    """A row."""
    return frame("put", {"key": key, "value": {"seq": seq, "doc": doc}}, id_)


def problem(status: int, code: str, **more: Any) -> httpx.Response:
    """A refusal as the door writes it."""
    headers = {"content-type": "application/problem+json"} | more.pop("headers", {})
    body = {"type": "about:blank", "title": "No", "status": status, "code": code, **more}
    return httpx.Response(status, headers=headers, content=json.dumps(body).encode())
