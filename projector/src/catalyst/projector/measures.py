"""The projector's own measurements, beside those of every HTTP surface."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from catalyst.projector.feed import Feed
from catalyst.projector.follower import Follower
from catalyst.projector.hub import Hub
from catalyst.projector.replay import Sampler

_STATUS: Final = ("starting", "rebuilding", "following", "standing-by", "refusing")


class Measures(Collector):
    """Reads the numbers when they are asked for; costs nothing otherwise."""

    def __init__(self, follower: Follower, feed: Feed, hub: Hub, sampler: Sampler) -> None:
        """Measure these."""
        self._follower = follower
        self._feed = feed
        self._hub = hub
        self._sampler = sampler

    @override
    def collect(self) -> Iterator[Metric]:
        """Yield every measurement."""
        fresh = self._hub.fresh()
        yield _gauge("as_of", "Sequence of the log that the rows shown are at.", fresh.as_of)
        yield _gauge("head", "Last sequence of the log when last looked at.", fresh.head)
        yield _gauge(
            "lag_seconds", "Age of the oldest message that is not shown.", fresh.lag_ms / 1000
        )
        yield _gauge("rows", "Rows shown.", len(self._hub.rows))
        yield _gauge("stale_rows", "Rows that do not move.", self._hub.stale)
        yield _gauge("streams", "Open streams.", len(self._hub.streams))
        yield _gauge(
            "topics", "Different filters and scopes of open streams.", len(self._hub.topics)
        )
        session = self._follower.session
        if session is not None:
            yield _counter("decisions", "Decisions read in this session.", session.decisions)
            yield _counter("events", "Events folded in this session.", session.events)
            yield _counter("flushes", "Writes of this session.", session.flusher.flushes)
            yield _counter("written_rows", "Rows written in this session.", session.flusher.written)
        yield _counter("restarts", "Times that the fold began again.", self._follower.doubts)
        yield _counter("rereads", "Times that the hub read again.", self._feed.doubts)
        yield _counter("checked_rows", "Rows folded again and compared.", self._sampler.checked)
        yield _gauge(
            "differing_rows",
            "Rows that were not what the log says.",
            len(self._sampler.differing),
        )
        status = GaugeMetricFamily(
            "catalyst_projector_status", "1 for what the projector does now.", labels=["status"]
        )
        for name in _STATUS:
            status.add_metric([name], float(self._follower.status == name))
        yield status


def _gauge(name: str, text: str, value: float) -> Metric:
    return _family(GaugeMetricFamily, name, text, value)


def _counter(name: str, text: str, value: float) -> Metric:
    return _family(CounterMetricFamily, name, text, value)


def _family(kind: Callable[..., Metric], name: str, text: str, value: float) -> Metric:
    return kind(f"catalyst_projector_{name}", text, value=value)
