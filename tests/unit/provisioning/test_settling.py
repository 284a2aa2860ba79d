"""Which change has to be over before something goes or is built upon: the one that may matter."""

import msgspec
from tests.support import build, ranges
from tests.support.each import each
from tests.support.plans import DIGEST, PROD, locked

from catalyst.blueprints import document
from catalyst.contracts.provisioning_values_v1 import Desired
from catalyst.provisioning.domain import fitting, foreign, possible
from catalyst.provisioning.domain.application import Application, Binding, Queued
from catalyst.provisioning.domain.facts import Facts
from catalyst.provisioning.domain.place import Content

STORE = locked("store")


def shop(*needs: str) -> Desired:
    """Return a shop that needs these."""
    return Desired(
        change="ch-0",
        blueprint="bp-shop",
        origin="public",
        version="1.0.0",
        digest=DIGEST,
        dependencies={f"alias-of-{one}": one for one in needs},
    )


def queued(change: str, *needs: str, at: str = PROD) -> Queued:
    return Queued(change=change, environment=at, action="configure", desired=shop(*needs))


def blocking(now: Desired, *queue: Queued, sure: tuple[str, ...] = ()) -> list[str]:
    """Return what has to be over before the store goes that a shop may need."""
    waiting = tuple(
        Queued(change=one, environment=PROD, action="configure", desired=shop()) for one in sure
    )
    facts = Facts(
        name="acme",
        now=build.NOW,
        organization=foreign.Organization(),
        environments={},
        applications={
            "store": Application(queue=waiting),
            "shop": Application(bindings={PROD: Binding(desired=now)}, queue=queue),
        },
        git_url="",
        currency="OMR",
    )
    found = fitting.needed_again(facts, STORE, "shop")
    assert all(one.message.startswith("shop may need store again, and ch-") for one in found)
    return [link.name for one in found for link in one.chain]


def test_what_is_needed_until_a_change_is_over_waits_for_that_one() -> None:
    assert blocking(shop("store"), queued("ch-1")) == ["ch-1"]
    assert blocking(shop("store"), queued("ch-1", "store"), queued("ch-2")) == ["ch-1"]
    # Of another Environment, it matters nothing.
    assert blocking(shop("store"), queued("ch-1", at="acme-dev"), queued("ch-2")) == ["ch-2"]


def test_what_is_needed_either_way_or_by_nobody_waits_for_nothing() -> None:
    assert blocking(shop("store"), queued("ch-1", "store")) == []
    assert blocking(shop(), queued("ch-1")) == []
    assert blocking(shop(), queued("ch-1", "store")) == []
    assert blocking(shop()) == []


def test_what_is_waited_for_anyway_counts_as_it_will_be() -> None:
    assert blocking(shop("store"), queued("ch-1"), sure=("ch-1",)) == []
    assert blocking(shop("store"), queued("ch-1"), queued("ch-2"), sure=("ch-1",)) == []
    story = (queued("ch-1"), queued("ch-2"), queued("ch-3", "store"), queued("ch-4"))
    # What was before it is over by then.
    assert blocking(shop("store"), *story, sure=("ch-2",)) == ["ch-3"]


def test_what_may_be_taken_back_may_leave_what_ran_before_it() -> None:
    taken = msgspec.structs.replace(queued("ch-1"), taken=True)
    written = msgspec.structs.replace(shop(), change="ch-1")
    binding = Binding(desired=written, before=shop("store"))
    state = Application(bindings={PROD: binding}, queue=(taken,))
    assert possible.outcomes(state, PROD) == (written, shop("store"), shop())
    assert possible.needed(state, PROD) == {"store"}
    for other in (queued("ch-1"), msgspec.structs.replace(taken, change="ch-2")):
        # One that waits, or another, has written nothing yet.
        assert not possible.is_written(other, binding)
    gone = msgspec.structs.replace(taken, desired=None, action="uninstall")
    assert possible.is_written(gone, Binding(before=shop("store")))
    assert not possible.is_written(gone, Binding(desired=shop("store")))
    assert not possible.is_written(taken, Binding(before=shop("store")))


@each([("2.0.0", True), ("3.0.0", False)])
def test_who_needs_several_asks_of_each_what_it_needs_of_that_one(
    version: str,
    fits: bool,  # noqa: FBT001 - drawn from the table
) -> None:
    made = ranges.made("both", "1.0.0", store="^1 || ^2", cache="^3")
    blueprint = document.read(made).blueprint
    assert blueprint is not None
    both = msgspec.structs.replace(shop(), dependencies={"store": "store", "cache": "cache"})
    store = msgspec.structs.replace(shop(), digest="sha256:" + "1" * 64)
    bindings = {
        "both": Binding(desired=both),
        "store": Binding(desired=store, dependents=("both",)),
    }
    facts = Facts(
        name="acme",
        now=build.NOW,
        organization=foreign.Organization(),
        environments={},
        applications={name: Application(bindings={PROD: one}) for name, one in bindings.items()},
        contents={DIGEST: Content(blueprint, made)},
        git_url="",
        currency="OMR",
    )
    newer = msgspec.structs.replace(store, version=version, digest="sha256:" + "2" * 64)
    assert fitting.fits(facts, "store", PROD, newer) is fits
