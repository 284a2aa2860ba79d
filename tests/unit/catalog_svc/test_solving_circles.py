"""No lock lets Applications wait for each other in a circle: none of them would ever begin."""

from typing import Any

import pytest
from tests.support.catalogue import PROD, Shop

from catalyst.catalog_svc.domain.solving import solve
from catalyst.catalog_svc.domain.universe import Request
from catalyst.contracts.rejection import Rejected

pytestmark = pytest.mark.guarantee("G24.5")

FIELD = "/site"
"""A field of a configuration that names an Application."""


@pytest.fixture
def shop() -> Shop:
    """A shop in which the blog runs, whose next version needs a store."""
    found = Shop()
    found.organization()
    found.blueprint("bp-store", "1.0.0")
    found.blueprint("bp-blog", "1.0.0")
    found.blueprint("bp-blog", "2.0.0", "bp-store")
    found.runs("blog", "bp-blog", "1.0.0")
    return found


def lock(shop: Shop, application: str = "blog", **more: Any) -> list[tuple[str, str, str]]:
    """Return application, version and role of everything in the lock."""
    more.setdefault("blueprint", f"bp-{application}")
    request = Request(environment=PROD, application=application, **more)
    found = solve(shop.catalogue, "acme", request).lock
    return [(one.application, one.version, one.role) for one in found]


def test_what_needs_the_target_is_not_shared_by_it(shop: Shop) -> None:
    shop.runs("store", "bp-store", "1.0.0")
    assert lock(shop)[0] == ("store", "1.0.0", "shared")
    shop.runs("store", "bp-store", "1.0.0", uses={FIELD: "blog"})
    own = [("store-2", "1.0.0", "new"), ("blog", "2.0.0", "target")]
    assert lock(shop) == own
    # Another one that does not is shared, whatever it is called.
    shop.runs("warehouse", "bp-store", "1.0.0")
    assert lock(shop)[0] == ("warehouse", "1.0.0", "shared")


def test_nor_is_what_needs_it_through_others(shop: Shop) -> None:
    shop.blueprint("bp-wiki", "1.0.0")
    shop.runs("near", "bp-wiki", "1.0.0", uses={FIELD: "blog"})
    shop.runs("far", "bp-wiki", "1.0.0", uses={FIELD: "near"})
    shop.runs("store", "bp-store", "1.0.0", uses={FIELD: "far"})
    assert lock(shop)[0] == ("store-2", "1.0.0", "new")


def test_nor_by_what_it_brings_along(shop: Shop) -> None:
    shop.blueprint("bp-chat", "1.0.0", "bp-store")
    shop.blueprint("bp-blog", "3.0.0", "bp-chat")
    shop.runs("store", "bp-store", "1.0.0", uses={FIELD: "blog"})
    assert lock(shop) == [
        ("store-2", "1.0.0", "new"),
        ("chat", "1.0.0", "new"),
        ("blog", "3.0.0", "target"),
    ]


def test_a_choice_of_what_needs_the_target_is_refused_with_the_reason(shop: Shop) -> None:
    shop.runs("store", "bp-store", "1.0.0", uses={FIELD: "blog"})
    with pytest.raises(Rejected) as refused:
        lock(shop, version="2.0.0", dependencies={"store": "store"})
    assert refused.value.code == "not-solvable"
    assert [one.message for one in refused.value.errors] == [
        "bp-blog 2.0.0 needs bp-store *",
        "store needs blog itself",
    ]
    assert lock(shop, dependencies={"store": "new"})[0] == ("blog-store", "1.0.0", "new")


def test_what_is_in_a_circle_already_keeps_what_it_uses(shop: Shop) -> None:
    """It may have been made before circles were looked for; whoever leaves it leaves its data."""
    shop.blueprint("bp-blog", "2.1.0", "bp-store")
    shop.runs("store", "bp-store", "1.0.0", uses={FIELD: "blog"})
    shop.runs("blog", "bp-blog", "2.0.0", store="store")
    assert lock(shop)[0] == ("store", "1.0.0", "shared")


def test_versions_that_need_each_other_are_told_as_a_way(shop: Shop) -> None:
    """An Organization's own Blueprint may need one of the platform's that came to need its name."""
    shop.blueprint("bp-store", "1.0.0", "bp-wiki", origin="private", organization="acme")
    shop.blueprint("bp-wiki", "1.0.0", "bp-blog")
    with pytest.raises(Rejected) as refused:
        lock(shop)
    assert refused.value.code == "dependency-cycle"
    assert refused.value.message == (
        "this goes in a circle: bp-store → bp-wiki → bp-blog → bp-store"
    )
    # Another one may stand on the blog that runs, which needs nothing.
    assert [name for name, *_ in lock(shop, "other", blueprint="bp-blog")] == [
        *("blog", "wiki", "store", "other"),
    ]
