"""What will run in an Environment once every change that waits is over, and where."""

from tests.support.catalogue import environment

from catalyst.catalog_svc.domain import placed
from catalyst.catalog_svc.domain.placed import Application
from catalyst.contracts import application_v1 as app1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.message import Event
from catalyst.contracts.provisioning_values_v1 import Desired

DEV, PROD, STG = "acme-dev", "acme-prod", "acme-stg"


def desired(version: str) -> Desired:
    return Desired(
        change="ch-0",
        blueprint="bp-wiki",
        origin="public",
        version=version,
        digest="sha256:0",
        values={},
        dependencies={},
    )


def runs(version: str | None, where: str = PROD) -> app1.DesiredSet:
    wanted = None if version is None else desired(version)
    return app1.DesiredSet(environment=where, change="ch-0", desired=wanted)


def waits(change: str, version: str | None, where: str = PROD) -> app1.ChangeWaiting:
    wanted = None if version is None else desired(version)
    return app1.ChangeWaiting(change=change, environment=where, action="upgrade", desired=wanted)


def left(change: str, where: str = PROD) -> app1.ChangeLeft:
    return app1.ChangeLeft(change=change, environment=where, result="completed")


def after(*events: Event) -> Application:
    state = Application()
    for event in events:
        state = placed.evolve(state, event)
    return state


def expected(*events: Event) -> dict[str, str]:
    """Return the version that will run in each Environment, where one will."""
    state = after(*events)
    found = {name: state.expected(name) for name in (DEV, PROD, STG)}
    there = {name: one.version for name, one in found.items() if one is not None}
    assert state.environments() == tuple(sorted(there))
    return there


def test_the_last_change_that_waits_says_what_will_run_in_its_own_environment() -> None:
    known = (runs("1.0.0"), runs("1.0.0", DEV), waits("a", "1.1.0"), waits("b", "1.2.0"))
    assert expected(*known) == {DEV: "1.0.0", PROD: "1.2.0"}
    assert expected(*known, waits("b", "1.3.0", STG)) == {
        DEV: "1.0.0",
        PROD: "1.2.0",
        STG: "1.3.0",
    }
    # Each is over in its own place, whatever the others do.
    assert expected(*known, left("b")) == {DEV: "1.0.0", PROD: "1.1.0"}
    assert expected(*known, left("a")) == {DEV: "1.0.0", PROD: "1.2.0"}
    assert expected(*known, left("b", DEV)) == {DEV: "1.0.0", PROD: "1.2.0"}
    assert expected(*known, left("a"), left("b")) == {DEV: "1.0.0", PROD: "1.0.0"}


def test_a_change_that_takes_it_away_leaves_it_nowhere_before_it_has_begun() -> None:
    known = (runs("1.0.0"), runs("1.0.0", DEV), waits("a", None))
    assert expected(*known) == {DEV: "1.0.0"}
    assert expected(*known, left("a")) == {DEV: "1.0.0", PROD: "1.0.0"}
    gone = app1.ApplicationRemoved(environment=PROD, change="a", kept_data=True)
    assert expected(*known, gone, left("a")) == {DEV: "1.0.0"}


def test_a_change_that_is_told_twice_waits_once() -> None:
    twice = after(waits("a", "1.0.0"), waits("a", "1.0.0"), waits("a", "1.0.0", DEV))
    assert [(one.change, one.environment) for one in twice.queue] == [("a", PROD), ("a", DEV)]
    assert after(waits("a", "1.0.0"), waits("b", "1.0.0")).queue[1].change == "b"


def test_each_environment_remembers_every_version_that_ran_there() -> None:
    state = after(runs("1.0.0"), runs("1.1.0"), runs("2.0.0", DEV), runs(None))
    assert state.before == {PROD: {"1.0.0", "1.1.0"}, DEV: {"2.0.0"}}
    assert state.expected(PROD) is None


def test_an_environment_is_where_its_regions_are_until_it_is_gone() -> None:
    created = environment(PROD)
    place = placed.place(None, created)
    assert place == placed.Place(env_type="prod", regions=("hz-fsn-rtz-prod",))
    region = env1.Region(
        provider="hetzner", region="hel", building_block="rtz", host_cluster="hz-hel-rtz-prod"
    )
    moved = env1.EnvironmentUpdated(
        environment=PROD, placement="multi-region", regions=(*created.regions, region)
    )
    wider = placed.place(place, moved)
    assert wider == placed.Place(env_type="prod", regions=("hz-fsn-rtz-prod", "hz-hel-rtz-prod"))
    assert placed.place(None, moved) is None
    assert (
        placed.place(wider, env1.EnvironmentDeleted(environment=PROD, organization="acme")) is None
    )
