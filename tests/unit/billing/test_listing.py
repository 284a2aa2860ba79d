"""What is listed again of a use that was listed before: only what is new of it."""

from typing import Any

import pytest
from tests.support import usage as used
from tests.support.scenario import Scenario, given

from catalyst.billing.domain import usage, waiting
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.decision import Fired
from catalyst.contracts.usage_v1 import Unmatched

pytestmark = pytest.mark.guarantee("G12.22")


def state(scene: Scenario) -> usage.Usage:
    found: usage.Usage = scene.world.state(used.APRIL)
    return found


def test_what_found_no_room_to_wait_waits_when_it_is_sent_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = used.use(subscription="wiki.acme-prod")
    scene = given(*used.world())
    monkeypatch.setattr(waiting, "MOST", 0)
    scene = used.reported(scene, one).and_then()
    assert (state(scene).waiting, len(state(scene).unmatched)) == ({}, 1)
    used.reported(scene, one).then_nothing()
    monkeypatch.setattr(waiting, "MOST", 1)
    # Twice in one batch is once.
    scene = used.reported(scene, one, one).and_then()
    assert list(state(scene).waiting) == [usage.told(one)]
    other = used.use("u-2", subscription="wiki.acme-prod")
    scene = used.reported(scene, other).and_then()
    assert list(state(scene).waiting) == [usage.told(one)]


def test_what_was_refused_and_waited_since_waits_no_more_once_it_is_refused_again() -> None:
    one = used.use(meter="people")

    def listed(code: str, **more: Any) -> tuple[Any, Any]:
        return used.APRIL, bill1.UsageUnmatched(
            uses=(Unmatched(use=one, code=code, reason="x", **more),)
        )

    opened = used.APRIL, bill1.UsageOpened(month="2026-04")
    before = listed("usage-invalid"), listed("sku-unknown", since=used.NOON)
    scene = given(*used.world(), opened, *before)
    assert list(state(scene).waiting) == [usage.told(one)]
    fired = scene.hears(Fired(timer=waiting.TIMER, gen="g"), used.APRIL, now=used.NOON)
    (again,) = (event for event in fired.events if isinstance(event, bill1.UsageUnmatched))
    assert [(found.code, found.since) for found in again.uses] == [("usage-invalid", None)]
    assert state(fired.and_then()).waiting == {}
