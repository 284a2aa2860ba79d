"""A source ends in one catalogue wherever a worker that registers it, or one that shows it, dies.

The points are found by recording a run: before and after the calls of the broker port, by the
workers of both services. Of each kind of call some are gone through, or the share that is asked
for, as `tests.support.crashes` says.
"""

import os
import pprint
from pathlib import Path

import pytest
from tests.integration.blueprint_controller.deaths import (
    SERVICES,
    Ending,
    Point,
    Site,
    side_by_side,
)
from tests.support.broker import SharedBroker
from tests.support.crashes import SHARE, points
from tests.support.rig import deliver_again_after

from catalyst.chassis.keyring import KeyRing

pytestmark = [pytest.mark.real, pytest.mark.timeout(3600 if SHARE else 600)]
EVENTS = {
    "blueprint.source-added.v1": 1,
    "blueprint.sync-started.v1": 3,
    "blueprint.versions-found.v1": 3,
    "blueprint.sync-completed.v1": 3,
    "blueprint.version-registered.v1": 4,
    "blueprint.version-published.v1": 4,
    "blueprint.version-yanked.v1": 1,
    "catalog.blueprint-featured.v1": 1,
    "catalog.blueprint-hidden.v1": 1,
    "catalog.category-set.v1": 1,
    "catalog.version-pinned.v1": 1,
}


@pytest.mark.guarantee("G22.2", "G1.2")
async def test_a_source_ends_in_one_catalogue_wherever_a_worker_dies(
    shared_broker: SharedBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver_again_after(monkeypatch, 2.0)
    keys = KeyRing.open(tmp_path / "keys")
    recorded = Site(shared_broker.account(), keys, tmp_path / "recorded", {})
    expected = await recorded.told()
    as_told(expected)
    sites = [
        Site(shared_broker.account(), keys, tmp_path / f"site-{number}", point)
        for number, point in enumerate(chosen(recorded.calls))
    ]

    async def alike(site: Site) -> None:
        wrong = differences(await site.told(), expected)
        assert not wrong, pprint.pformat(wrong, width=100)

    await side_by_side(sites, alike)


def chosen(calls: dict[str, list[str]]) -> list[Point]:
    """Return both sides of each kind of call; at a desk one of them, the sides in turn."""
    found: list[Point] = [
        {name: point} for name in SERVICES for point in points(calls[name], each=2)
    ]
    return found if SHARE or os.environ.get("CI") else found[::2]


def as_told(expected: Ending) -> None:
    """Check that a run without a death did what its history says."""
    assert set(expected.refused.values()) == {""}
    assert expected.events.items() >= EVENTS.items()
    cache, wiki, store = (
        expected.blueprints[name]["versions"] for name in ("bp-cache", "bp-wiki", "bp-store")
    )
    assert {text: (one["published"], one["yanked"]) for text, one in cache.items()} == {
        "1.0.0": (True, True),
        "1.1.0": (True, False),
    }
    assert (wiki["1.0.0"]["published"], store["1.0.0"]["published"]) == (True, True)
    assert set(expected.source["refused"].values()) == {"version-immutable"}
    assert expected.source["bad"] == 2
    assert [one["name"] for one in expected.answers["search"]["items"]] == ["bp-cache", "bp-wiki"]
    assert expected.answers["show bp-store"] == "blueprint-not-found"
    # What stands in the store was named by an event, and stands there once.
    assert set(expected.contents.values()) == {1}
    assert set(expected.contents) == set(expected.named)


def differences(found: Ending, expected: Ending) -> dict[str, object]:
    """Return what is not as expected, entry by entry: found, and expected."""
    wrong: dict[str, object] = {}
    for name in Ending.__struct_fields__:
        one, other = getattr(found, name), getattr(expected, name)
        if one == other:
            continue
        if isinstance(one, dict):
            pairs = {key: (one.get(key), other.get(key)) for key in {**one, **other}}
            wrong[name] = {key: two for key, two in pairs.items() if two[0] != two[1]}
        else:
            wrong[name] = (one, other)
    return wrong
