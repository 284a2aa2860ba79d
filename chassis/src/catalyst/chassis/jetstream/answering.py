"""Query endpoints on the broker's micro protocol; the queue group shares them among members."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from nats.micro import add_service
from nats.micro.request import Request
from nats.micro.service import EndpointConfig, Service, ServiceConfig

from catalyst.chassis.jetstream.broker import JetStream

log = logging.getLogger(__name__)

VERSION: Final = "1.0.0"

Answer = Callable[[str, bytes, Mapping[str, str]], Awaitable[bytes]]
"""Takes subject, body and headers of a question; returns the body of the answer."""


class Answering:
    """The endpoints of one member."""

    def __init__(self, js: JetStream, name: str) -> None:
        """Answer on `js` under the service name `name` of the micro protocol."""
        self._js = js
        self._name = name
        self._service: Service | None = None

    async def add(self, name: str, subject: str, answer: Answer) -> None:
        """Answer questions on `subject` from now on."""
        if self._service is None:
            config = ServiceConfig(name=self._name, version=VERSION)
            self._service = await add_service(self._js.link, config)

        async def handle(request: Request) -> None:
            try:
                body = await answer(request.subject, request.data, request.headers or {})
            except Exception:
                log.exception("question not answered", extra={"subject": request.subject})
                await request.respond_error("500", "the question could not be answered")
            else:
                await request.respond(body)

        await self._service.add_endpoint(EndpointConfig(name=name, subject=subject, handler=handle))

    async def stop(self) -> None:
        """Answer no more."""
        if self._service is not None:
            await self._service.stop()
            self._service = None
