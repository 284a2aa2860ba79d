"""When a source is read again, and what of a document travels in an event."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.support.blueprints import DOCUMENT, package
from tests.support.each import each

from catalyst.blueprint_controller.domain import schedule, spec
from catalyst.blueprints.document import Blueprint, read
from catalyst.blueprints.form import fields
from catalyst.contracts.codec import encode
from catalyst.contracts.rejection import Rejected

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@each(
    [
        ("10s", timedelta(seconds=10)),
        ("5m", timedelta(minutes=5)),
        ("720h", 30 * DAY),
        ("30d", 30 * DAY),
    ]
)
def test_an_interval_is_a_length_of_time(text: str, length: timedelta) -> None:
    assert schedule.interval(text) == length


@each(["0s", "9s", "0d", "31d", "721h"])
def test_an_interval_is_neither_too_short_nor_too_long(text: str) -> None:
    with pytest.raises(Rejected) as caught:
        schedule.interval(text)
    told = (caught.value.code, caught.value.errors[0].pointer)
    assert told == ("source-interval-invalid", "/data/interval")


@each(
    [
        (None, 1, timedelta(seconds=30)),
        (None, 2, timedelta(minutes=1)),
        (None, 50, HOUR),
        (timedelta(seconds=10), 1, timedelta(seconds=10)),
        (timedelta(seconds=10), 3, timedelta(seconds=40)),
        (timedelta(seconds=10), 50, HOUR),
        (DAY, 1, timedelta(seconds=30)),
        (DAY, 50, DAY),
    ]
)
def test_it_is_tried_again_soon_and_then_less_and_less_often(
    wanted: timedelta | None, failures: int, wait: timedelta
) -> None:
    assert schedule.retry(wanted, failures) == wait


def document(text: str) -> Blueprint:
    found = read(package(text)).blueprint
    assert found is not None
    return found


def test_every_dependency_travels_written_out() -> None:
    plain = DOCUMENT.replace("  depends:", "  depends:\n    - cert-manager")
    first, second = spec.travelling(document(plain))["depends"]
    assert first == {"blueprint": "bp-cert-manager", "version": "*", "alias": "cert_manager"}
    assert second == {
        "blueprint": "bp-postgres",
        "version": "^1.0",
        "alias": "db",
        "when": "{{ .config.postgres.mode == 'embedded' }}",
        "values": {"database": "{{ .application.name }}"},
    }
    alone = DOCUMENT[: DOCUMENT.index("  depends:")] + DOCUMENT[DOCUMENT.index("  manifests:") :]
    assert "depends" not in spec.travelling(document(alone))


UNORDERED = DOCUMENT.replace("      theme:", "      address: {type: string}\n      theme:")


def asked(travelled: dict[str, Any]) -> list[str]:
    """Return the fields of the form, from what an event holds."""
    held = msgspec.json.decode(encode(travelled))
    return [".".join(field.path) for field in fields(held["configSchema"])]


def test_a_form_has_the_order_of_the_document_after_an_event_sorted_its_maps() -> None:
    order = ["replicas", "address", "theme", "postgres", "postgres.mode"]
    assert asked(spec.travelling(document(UNORDERED))) == order


def test_an_order_for_which_an_event_has_no_room_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = document(UNORDERED)
    size = len(msgspec.json.encode({**found.spec, "depends": spec.travelling(found)["depends"]}))
    monkeypatch.setattr(spec, "MAX_SPEC", size)
    order = ["address", "postgres", "postgres.mode", "replicas", "theme"]
    assert asked(spec.travelling(found)) == order


def test_a_document_that_no_event_holds_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    found = document(DOCUMENT)
    size = len(msgspec.json.encode({**found.spec, "depends": spec.travelling(found)["depends"]}))
    monkeypatch.setattr(spec, "MAX_SPEC", size)
    spec.travelling(found)
    monkeypatch.setattr(spec, "MAX_SPEC", size - 1)
    with pytest.raises(Rejected, check=lambda error: error.code == "spec-too-large"):
        spec.travelling(found)
