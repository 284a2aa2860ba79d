"""What else runs there changes nothing: it is passed over, and what comes behind it counts."""

from typing import Any

import pytest
from tests.support.catalogue import PROD, Shop
from tests.unit.catalog_svc.test_solving import lock, solved

from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Ref


@pytest.fixture
def shop() -> Shop:
    found = Shop()
    found.organization()
    return found


def test_what_runs_in_a_version_that_nobody_knows_is_shared_and_holds_nothing(shop: Shop) -> None:
    """Its Blueprint may have been taken back, so it is not known what it needs."""
    for version in ("1.0.0", "2.0.0"):
        shop.blueprint("bp-store", version)
    shop.blueprint("bp-aged", "1.0.0")
    shop.blueprint("bp-crm", "1.0.0", "bp-store ^1")
    shop.blueprint("bp-wiki", "1.0.0", "bp-aged", "bp-store ^2")
    shop.runs("store", "bp-store", "1.0.0")
    shop.runs("aged", "bp-aged", "0.9.0", store="store")
    shop.runs("odd", "bp-none", "0.9.0", store="store")
    # The store goes on for the wiki, whatever these need of it ...
    assert lock(shop) == [
        ("aged", "bp-aged", "0.9.0", "shared"),
        ("store", "bp-store", "2.0.0", "upgraded"),
        ("wiki", "bp-wiki", "1.0.0", "target"),
    ]
    # ... and stays for one behind them of which it is known.
    shop.runs("zcrm", "bp-crm", "1.0.0", store="store")
    with pytest.raises(Rejected, match="zcrm, which needs"):
        lock(shop)


def test_values_go_down_past_what_is_shared(shop: Shop) -> None:
    flag = {"type": "object", "properties": {"deep": {"type": "boolean", "default": False}}}
    for name in ("bp-store", "bp-redis"):
        shop.blueprint(name, "1.0.0")
    cached: dict[str, Any] = {"blueprint": "bp-redis", "version": "*", "alias": "cache"}
    shop.blueprint(
        "bp-hub", "1.0.0", configSchema=flag, depends=[{**cached, "when": "config.deep"}]
    )
    hub: dict[str, Any] = {"blueprint": "bp-hub", "version": "*", "alias": "hub"}
    shop.blueprint("bp-chat", "1.0.0", depends=[{**hub, "values": {"deep": True}}])
    shop.blueprint("bp-wiki", "1.0.0", "a=bp-chat", "b=bp-store")
    shop.runs("store", "bp-store", "1.0.0")
    assert [one[0] for one in lock(shop)] == ["redis", "hub", "chat", "store", "wiki"]


def test_warnings_are_told_past_what_the_catalogue_shows_no_longer(shop: Shop) -> None:
    shop.blueprint("bp-store", "1.0.0")
    shop.blueprint("bp-redis", "1.0.0")
    shop.blueprint("bp-wiki", "1.0.0", "a=bp-store", "b=bp-redis")
    shop.runs("store", "bp-store", "1.0.0")
    shop.runs("wiki", "bp-wiki", "1.0.0", a="store")
    shop.blueprint("bp-store", "2.0.0", visibility="private")
    for name in ("bp-redis", "bp-wiki"):
        deprecated = bp1.BlueprintDeprecated(name=name, origin="public", reason="Old.")
        shop.tell(Ref(None, "blueprint", "blueprint", f"public-{name}"), deprecated)
    found = solved(shop)
    assert [one.application for one in found.lock] == ["store", "redis", "wiki"]
    # What runs as it is was chosen by somebody who knew.
    assert found.warnings == ("bp-redis is deprecated: Old.",)


def test_a_name_is_taken_by_one_of_another_blueprint_wherever_it_runs(shop: Shop) -> None:
    shop.organization("acme", PROD, "acme-dev", "acme-stg")
    shop.blueprint("bp-store", "1.0.0")
    shop.blueprint("bp-wiki", "1.0.0", "bp-store")
    shop.runs("store", "bp-store", "1.0.0", environment="acme-dev")
    assert lock(shop)[0][0] == "store"
    shop.runs("store", "bp-wiki", "1.0.0", environment="acme-stg")
    assert lock(shop)[0][0] == "store-2"
