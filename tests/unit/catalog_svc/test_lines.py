"""The versions of a Blueprint as they are listed."""

from __future__ import annotations

from tests.support.catalogue import Shop

from catalyst.blueprints.versions import parse
from catalyst.catalog_svc.domain.lines import lines
from catalyst.contracts import catalog_v1 as cat1


def test_what_is_hidden_is_upgraded_to_by_whoever_runs_it() -> None:
    shop = Shop()
    shop.organization()
    for version in ("1.0.0", "2.0.0-rc.1", "2.0.0"):
        shop.blueprint("bp-wiki", version)
    shop.blueprint("bp-wiki", "3.0.0", published=False)
    shop.curated("public-bp-wiki", cat1.BlueprintHidden(reason="Old."))
    entry = shop.catalogue.entries("acme")["bp-wiki"]
    told = [
        (one.version, one.state, one.prerelease, one.upgradable, one.upgrade_reason)
        for one in lines(entry, parse("1.0.0"))
    ]
    waits = "bp-wiki 3.0.0 is not published yet: it waits for others"
    assert told == [
        ("3.0.0", "pending", False, False, waits),
        ("2.0.0", "kept-back", False, True, ""),
        ("2.0.0-rc.1", "kept-back", True, True, ""),
        ("1.0.0", "kept-back", False, False, "1.0.0 is installed"),
    ]
    assert {one.reason for one in lines(entry, None)} == {"bp-wiki is hidden: Old."}
    assert {(one.upgradable, one.upgrade_reason) for one in lines(entry, None)} == {(None, "")}
