"""One trace from the HTTP door through command, events, effects and projection to the SSE frame.

The only module that imports OpenTelemetry, and only where something is recorded: loading it takes
a tenth of a start, and most installations record nothing. Without an endpoint a trace that a sender
began is still passed on, unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from catalyst.chassis.errors import said

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

_HEADER = "traceparent"


def _over_http(endpoint: str) -> SpanExporter:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )

    return OTLPSpanExporter(endpoint=endpoint)


class Telemetry:
    """Makes spans of one member."""

    def __init__(
        self, member: str, endpoint: str = "", exporter: SpanExporter | None = None
    ) -> None:
        """Send spans to `endpoint`, or to `exporter`; with neither, record nothing."""
        self._provider: TracerProvider | None = None
        if exporter is None and endpoint:
            exporter = _over_http(endpoint)
        if exporter is not None:
            self._provider = _sending(member, exporter)

    @property
    def recording(self) -> bool:
        """False if spans go nowhere, so that preparing them can be spared."""
        return self._provider is not None

    def span(
        self,
        name: str,
        traceparent: str = "",
        attributes: Mapping[str, str | int] | None = None,
    ) -> AbstractContextManager[str]:
        """Record a span below `traceparent`; yields the traceparent for what follows from it."""
        if self._provider is None:
            return nullcontext(traceparent)
        return _recorded(self._provider, name, traceparent, attributes)

    def close(self) -> None:
        """Send what is still held and stop."""
        if self._provider is not None:
            self._provider.shutdown()


def _sending(member: str, exporter: SpanExporter) -> TracerProvider:
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    provider = TracerProvider(resource=Resource.create({"service.name": f"catalyst-{member}"}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


@contextmanager
def _recorded(
    provider: TracerProvider,
    name: str,
    traceparent: str,
    attributes: Mapping[str, str | int] | None,
) -> Iterator[str]:
    from opentelemetry import trace  # noqa: PLC0415
    from opentelemetry.trace.propagation import tracecontext  # noqa: PLC0415

    propagator = tracecontext.TraceContextTextMapPropagator()
    parent = propagator.extract({_HEADER: traceparent}) if traceparent else None
    tracer = provider.get_tracer("catalyst")
    with tracer.start_as_current_span(
        name,
        context=parent,
        attributes=dict(attributes or {}),
        # The words of a failure may quote what was sent.
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        carrier: dict[str, str] = {}
        propagator.inject(carrier, context=trace.set_span_in_context(span))
        try:
            yield carrier.get(_HEADER, "")
        except Exception as error:
            span.set_status(trace.StatusCode.ERROR, said(error, quoting=False))
            raise
