"""Which Postgres the starter Blueprints share, from the log of the real broker."""

from __future__ import annotations

from typing import Any

import pytest
from tests.integration.catalog_svc.town import Town
from tests.integration.provisioning.town import PROD

from catalyst.contracts.rejection import Rejected

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G24.6")]

NEW = {"postgres": "new"}
WAY = "a postgres of its own is another way"
SUITE = {"baseDomain": "t.example.com"}


async def solved(town: Town, name: str, blueprint: str, **more: Any) -> dict[str, Any]:
    """Return the lock of an install, by name."""
    asked = {"environment": PROD, "application": name, "blueprint": blueprint, **more}
    answer = await town.ask("catalog", "solve", asked)
    return {one["application"]: one for one in answer["lock"]}


async def refused(town: Town, name: str, blueprint: str, **more: Any) -> str:
    """Return the last reason why an install is refused."""
    with pytest.raises(Rejected) as caught:
        await solved(town, name, blueprint, **more)
    assert caught.value.code == "not-solvable"
    return caught.value.errors[-1].message


async def test_a_copy_that_was_made_for_one_is_its_own_and_a_way_that_is_told_leads_out(
    town: Town,
) -> None:
    assert await town.applied("ch-1", await town.plan("bp-wiki")) == ""
    # Files take no 17, which is what the wiki got.
    assert await refused(town, "files", "bp-nextcloud") == WAY
    assert await refused(town, "suite", "bp-team-suite", config=SUITE) == WAY
    suite = await solved(town, "suite", "bp-team-suite", config=SUITE, dependencies=NEW)
    parts = suite["suite"]["dependencies"]
    assert suite[parts["files"]]["dependencies"]["postgres"] == "suite-postgres"
    assert suite[parts["chat"]]["dependencies"]["postgres"] == "suite-postgres"
    values = {"domain": "files.example.com"}
    own = await town.plan("bp-nextcloud", application="files", values=values, dependencies=NEW)
    assert await town.applied("ch-2", own) == ""
    # Nobody else shares that one, though it is there.
    grafana = await solved(town, "graf", "bp-grafana", config={"database": "postgres"})
    assert "files-postgres" not in grafana
    for name, blueprint in (("graf", "bp-grafana"), ("w9", "bp-wiki")):
        found = await solved(town, name, blueprint)
        used = found[name]["dependencies"].get("postgres")
        assert used == "postgres"
        assert found[used]["version"].startswith("17.")
    assert await refused(town, "more", "bp-nextcloud") == WAY
    named = await solved(town, "more", "bp-nextcloud", dependencies={"postgres": "files-postgres"})
    assert named["more"]["dependencies"]["postgres"] == "files-postgres"


async def test_a_suite_that_gets_a_postgres_of_its_own_has_its_parts_share_it(town: Town) -> None:
    for asked in ({}, {"dependencies": NEW}):
        found = await town.plan("bp-team-suite", application="suite", values=SUITE, **asked)
        lock = {one.application: one for one in found.lock}
        name = "suite-postgres" if asked else "postgres"
        assert [one.application for one in found.lock if one.blueprint == "bp-postgres"] == [name]
        users = {one.blueprint for one in found.lock if name in one.dependencies.values()}
        assert users == {"bp-team-suite", "bp-wiki", "bp-mattermost", "bp-nextcloud"}
        assert lock["suite"].dependencies["postgres"] == name


async def test_whose_own_a_copy_is_no_name_tells_and_every_change_keeps(town: Town) -> None:
    long, other = "f" * 40, "g" * 40
    values = {"domain": "files.example.com"}
    asked = {"application": long, "values": values, "dependencies": NEW}
    own = await town.plan("bp-nextcloud", **asked)
    copy = f"{long[:38]}-2"
    assert own.desired[f"{long}.{PROD}"].dependencies["postgres"] == copy
    await town.done("ch-1", own)
    # Nothing of the alias is left in either name: one was asked for, the other was not.
    named = f"{other[:38]}-2"
    await town.done("ch-2", await town.plan("bp-postgres", application=named))
    chosen = {"application": other, "dependencies": {"postgres": named}}
    await town.done("ch-3", await town.plan("bp-wiki", **chosen))
    assert (await solved(town, "w", "bp-wiki"))["w"]["dependencies"]["postgres"] == named
    # Three who name the first make it nobody else's, and no change of its own one does.
    for number in range(3):
        more = {"application": f"more-{number}", "values": {"domain": f"{number}.example.com"}}
        plan = await town.plan("bp-nextcloud", **more, dependencies={"postgres": copy})
        await town.done(f"ch-4{number}", plan)
    changed: dict[str, Any] = {"values": {"memoryMiB": 3072}}
    back: dict[str, Any] = {"revision": "ch-1"}
    for number, (action, asks) in enumerate((("configure", changed), ("rollback", back))):
        later = await town.change(action, application=long, **asks)
        assert later.desired[f"{long}.{PROD}"].own["postgres"]
        await town.done(f"ch-5{number}", later)
        assert await refused(town, "files", "bp-nextcloud") == WAY


async def test_who_comes_back_to_its_own_copy_after_an_uninstall_has_it_for_itself_again(
    town: Town,
) -> None:
    asked = {"application": "files", "values": {"domain": "files.example.com"}}
    await town.done("ch-1", await town.plan("bp-nextcloud", **asked, dependencies=NEW))
    await town.done("ch-2", await town.change("uninstall", application="files"))
    again = await town.plan("bp-nextcloud", **asked)
    desired = again.desired[f"files.{PROD}"]
    assert desired.dependencies["postgres"] == "files-postgres"
    assert desired.own["postgres"]
    await town.done("ch-3", again)
    wiki = await solved(town, "w", "bp-wiki")
    assert wiki["w"]["dependencies"]["postgres"] == "postgres"
