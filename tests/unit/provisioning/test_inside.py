"""What is given no public host, although its form asks for one, is reached from inside alone."""

import pytest
from tests.support.changing import Town
from tests.support.planning import Others, configure, install, known, plan, running, wiki
from tests.support.plans import town

from catalyst.provisioning.domain.plan import Plan


@pytest.fixture
def place() -> Town:
    made = town()
    known(made)
    return made


def told(found: Plan) -> list[str]:
    return [one.message for one in found.risks if one.kind == "inside-only"]


async def test_an_install_without_a_host_says_so_and_names_the_field_and_the_value(
    place: Town,
) -> None:
    others = Others()
    wiki(others)
    # Its database asks for no host, so nobody misses one.
    [message] = told(await plan(place, others, install()))
    assert message == (
        "wiki is reached from inside the cluster alone: it is given no public host, which is"
        " Address (domain) among its values"
    )
    given = install(values={"domain": "wiki.example.org"})
    assert told(await plan(place, others, given)) == []


async def test_what_runs_without_one_is_not_warned_of_it_again(place: Town) -> None:
    others = Others()
    wiki(others)
    await running(place, others)
    request = configure(values={"logLevel": "debug"})
    assert told(await plan(place, others, request)) == []
