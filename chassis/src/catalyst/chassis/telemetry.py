"""One trace from the HTTP door through command, events, effects and projection to the SSE frame.

The only module that imports OpenTelemetry. Without an endpoint nothing is recorded, and a trace
that a sender began is still passed on, unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Span, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_PROPAGATOR = TraceContextTextMapPropagator()
_HEADER = "traceparent"


def _over_http(endpoint: str) -> SpanExporter:
    # Loading it takes a tenth of a start, and most installations record nothing.
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
            resource = Resource.create({"service.name": f"catalyst-{member}"})
            self._provider = TracerProvider(resource=resource)
            self._provider.add_span_processor(BatchSpanProcessor(exporter))

    @property
    def recording(self) -> bool:
        """False if spans go nowhere, so that preparing them can be spared."""
        return self._provider is not None

    def span(
        self,
        name: str,
        traceparent: str = "",
        attributes: Mapping[str, str | int] | None = None,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
    ) -> AbstractContextManager[str]:
        """Record a span below `traceparent`; yields the traceparent for what follows from it."""
        if self._provider is None:
            return nullcontext(traceparent)
        return _recorded(self._provider, name, traceparent, attributes, kind)

    def close(self) -> None:
        """Send what is still held and stop."""
        if self._provider is not None:
            self._provider.shutdown()


@contextmanager
def _recorded(
    provider: TracerProvider,
    name: str,
    traceparent: str,
    attributes: Mapping[str, str | int] | None,
    kind: SpanKind,
) -> Iterator[str]:
    parent = _PROPAGATOR.extract({_HEADER: traceparent}) if traceparent else None
    tracer = provider.get_tracer("catalyst")
    with tracer.start_as_current_span(
        name, context=parent, kind=kind, attributes=dict(attributes or {})
    ) as span:
        yield _traceparent(span)


def _traceparent(span: Span) -> str:
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier, context=trace.set_span_in_context(span))
    return carrier.get(_HEADER, "")
