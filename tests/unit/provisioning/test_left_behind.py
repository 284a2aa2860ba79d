"""What an Application keeps in others that stay is told, whatever becomes of its own data."""

import msgspec
import pytest
from tests.support.changing import Town
from tests.support.planning import Others, known, plan, running, wiki
from tests.support.plans import ADMIN, PROD, locked, town

from catalyst.contracts.provisioning_values_v1 import PlanRequest
from catalyst.provisioning.domain.left_behind import risks, stays
from catalyst.provisioning.domain.plan import Plan

pytestmark = pytest.mark.guarantee("G14.12")

LEFT = f"what wiki keeps in wiki-postgres in {PROD}"
STAYS = f"{LEFT}: it is left there"
NOT_DELETED = (
    f"{LEFT} is not deleted: have it deleted there, or uninstall wiki-postgres with its data as"
    " well"
)


@pytest.fixture
async def place() -> Town:
    made, others = town(), Others()
    known(made)
    wiki(others)
    await running(made, others)
    return made


def left(found: Plan) -> tuple[list[str], list[str]]:
    """Return what is told of data in others: what stays, and what may hurt."""
    stays = [words for words in found.stays if "keeps in" in words]
    return stays, [one.message for one in found.risks if one.kind == "data-kept"]


async def test_whoever_drops_data_is_told_what_is_not_deleted(place: Town) -> None:
    request = PlanRequest(action="uninstall", environment=PROD, application="wiki")
    assert left(await plan(place, Others(), request)) == ([STAYS], [])
    dropped = msgspec.structs.replace(request, keep_data=False)
    assert left(await plan(place, Others(), dropped)) == ([STAYS], [NOT_DELETED])


async def test_what_goes_as_well_keeps_nothing(place: Town) -> None:
    whole = PlanRequest(action="delete-environment", environment=PROD, keep_data=False)
    assert left(await plan(place, Others(), whole, ADMIN)) == ([], [])
    own = PlanRequest(
        action="uninstall", environment=PROD, application="wiki-postgres", keep_data=False
    )
    assert left(await plan(place, Others(), own)) == ([], [])


def test_each_that_goes_is_told_of_with_all_that_stays_and_nobody_else() -> None:
    cache = locked("cache", "shared", disk="disk")
    lock = (
        locked("disk", "shared"),
        cache,
        # In another Environment there is one of that name that goes.
        msgspec.structs.replace(locked("cache"), environment="acme-dev"),
        locked("db"),
        locked("wiki", "new", db="db", cache="cache", again="cache"),
        locked("shop", "new", db="db", disk="disk"),
    )
    assert stays(lock) == (
        f"what wiki keeps in cache in {PROD}: it is left there",
        f"what shop keeps in disk in {PROD}: it is left there",
    )
    assert [one.kind for one in risks(lock)] == ["data-kept"] * 2
    assert stays(one for one in lock if one.application != "cache") == stays(lock)[1:]
