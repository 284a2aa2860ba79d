"""A bug is told by type and place wherever it may quote what somebody sent."""

import re

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from tests.support.quoting import PLACE, SECRET, quoting

from catalyst.chassis.errors import said, unquoted
from catalyst.chassis.telemetry import Telemetry

pytestmark = pytest.mark.guarantee("G6.8")


def _caught() -> Exception:
    try:
        quoting(SECRET)
    except LookupError as error:
        return error


def test_every_place_that_a_traceback_names_is_told() -> None:
    inner = _caught()
    group = ExceptionGroup("unhandled", [inner])
    group.__context__ = _caught()
    assert inner.__cause__ is not None
    inner.__cause__.__context__ = group  # Told once, although they go round in a circle.
    found = unquoted(group)
    trail = found["trail"]
    assert isinstance(trail, list)
    names = [line.split()[0] for line in trail]
    assert sorted(names) == ["ExceptionGroup", *["LookupError"] * 2, *["ValueError"] * 2]
    assert re.fullmatch(r"LookupError test_unquoted\.py:\d+ quoting\.py:\d+", trail[1])
    assert SECRET not in str(found)


def test_a_bug_that_was_never_raised_has_no_place() -> None:
    assert said(LookupError(SECRET), quoting=False) == "LookupError"


def test_a_span_holds_no_word_of_the_bug_that_ended_it() -> None:
    exporter = InMemorySpanExporter()
    telemetry = Telemetry("test", exporter=exporter)
    with pytest.raises(LookupError), telemetry.span("decide x"):
        quoting(SECRET)
    telemetry.close()
    (span,) = exporter.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert re.fullmatch(PLACE, span.status.description or "")
    assert SECRET not in span.to_json()
