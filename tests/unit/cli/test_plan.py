"""`catalyst plan` and `apply HASH`: values, kept plans, and what is told of a change."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from tests.support.each import each

from catalyst.cli import following, planshow
from catalyst.cli.exits import ExitCode, Failure
from catalyst.cli.following import Follower
from catalyst.cli.links import links_of
from catalyst.cli.plan import extras
from catalyst.cli.planned import Kept, find, folder, keep
from catalyst.cli.planvalues import chosen, merged, pairs

HASH = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"


def kept(hash_: str = HASH, expires: str = "2026-11-28T12:00:00Z") -> Kept:
    plan = {"request": {"action": "install"}, "hash": hash_, "inputs": {"a": "1"}, "files": []}
    return Kept(organization="acme", plan={**plan, "expires": expires})


def test_settings_go_over_the_file_and_say_their_types(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("site: {title: Old, public: true}\n")
    found = merged(str(file), ["site.title=Hi = there", "replicas=2", "old=null", "id=007"])
    site = {"title": "Hi = there", "public": True}
    assert found == {"site": site, "replicas": 2, "old": None, "id": "007"}


@each(["title", "=x", "a..b=1", ".a=1"])
def test_a_setting_that_names_no_path_is_refused(setting: str) -> None:
    with pytest.raises(Failure) as refused:
        merged(None, [setting])
    assert refused.value.exit_code is ExitCode.USAGE


@pytest.mark.guarantee("G27.2")
def test_all_that_is_wrong_with_values_and_dependencies_is_told_at_once() -> None:
    with pytest.raises(Failure) as refused:
        chosen(None, ["title", "a=1", "a.b=2"], ["db=new", "cache", "=x"])
    assert refused.value.exit_code is ExitCode.USAGE
    assert refused.value.message.splitlines() == [
        "--set 'title' must read path=value",
        "--set a.b: a holds a value, no object",
        "--dep 'cache' must read alias=new or alias=APP",
        "--dep '=x' must read alias=new or alias=APP",
    ]
    right = {"values": {"a": 1}, "dependencies": {"db": "new"}}
    assert chosen(None, ["a=1"], ["db=new"]) == right


def test_a_setting_below_a_value_is_refused() -> None:
    with pytest.raises(Failure, match="holds a value"):
        merged(None, ["a=1", "a.b=2"])


def test_dependencies_have_two_sides() -> None:
    assert pairs(["db=new", "cache=redis"]) == {"db": "new", "cache": "redis"}
    with pytest.raises(Failure):
        pairs(["db="])


def test_a_package_and_add_ons_are_asked_for_only_if_they_are_named() -> None:
    assert extras(None, None) == {}
    assert extras("M", ["addon.backup"]) == {"plan": "m", "addons": ["addon.backup"]}
    gone = extras(None, None, drop=True, without=["addon.backup"])
    assert gone == {"drop_plan": True, "drop_addons": ["addon.backup"]}
    assert planshow._extras(gone) == ["without its package and addon.backup"]
    dollars = extras("s", None, currency="usd")
    assert dollars == {"plan": "s", "currency": "USD"}
    assert planshow._extras(dollars) == ["with package s", "bought in USD"]


def test_a_price_says_how_much_less_it_is_than_before() -> None:
    omr = {"currency": "OMR"}
    line = {"amount": {**omr, "minor": 5_000}, "application": "blog", "name": "S", "formula": "-"}
    price = {
        "quote": {
            "lines": [line],
            "total": {**omr, "minor": 5_000},
            "book": "main",
            "version": "1",
        },
        "delta": {**omr, "minor": 0},
        "before": {**omr, "minor": 5_750},
        "credit_after": None,
    }
    total = "total    5.000 OMR a month (0.750 OMR less than now), due now 0.000 OMR"
    assert total in planshow._price(price)
    price["before"] = {**omr, "minor": 0}
    assert "total    5.000 OMR a month, due now 0.000 OMR" in planshow._price(price)


def test_a_plan_comes_back_whole_by_the_beginning_of_its_hash(tmp_path: Path) -> None:
    place = folder("local", path=tmp_path / "contexts.json")
    file = keep(kept(), place)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    found = find(HASH[:6], place)
    assert found == kept()
    assert set(found.command) == {"request", "hash", "inputs", "expires"}


def test_a_hash_that_fits_two_plans_none_or_nothing_is_refused(tmp_path: Path) -> None:
    keep(kept(), tmp_path)
    keep(kept(HASH[:-1] + "0"), tmp_path)
    for text, code in (
        (HASH[:12], ExitCode.USAGE),
        ("abcdef", ExitCode.NOT_FOUND),
        ("*", ExitCode.USAGE),
        ("../../x", ExitCode.USAGE),
    ):
        with pytest.raises(Failure) as refused:
            find(text, tmp_path)
        assert refused.value.exit_code is code


def test_a_hash_that_is_a_path_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(Failure):
        keep(kept("../x"), tmp_path)


def test_the_same_plan_is_the_same_change_and_a_later_one_is_not() -> None:
    assert kept().change == kept().change
    assert kept().change != kept(expires="2026-11-28T12:01:00Z").change


def state(status: str, step: str, **more: Any) -> dict[str, Any]:
    steps = [{"step": "admit", "status": step, "attempt": 1, "reason": "", "detail": ""}]
    doc = {"change": "ch-1", "status": status, "percent": 50, "reason": "", "left": []}
    return {**doc, "steps": steps, "blocked_by": [], **more}


def _texts(found: list[following.Line]) -> list[str]:
    return [line.text for line in found]


def test_only_what_is_new_in_a_change_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    follower = Follower()
    assert _texts(follower.news(state("running", "running"))) == [
        "admit      running",
        "change ch-1 running, 50 %",
    ]
    assert follower.news(state("running", "running")) == []
    waits_for = {
        "kind": "cluster",
        "name": "acme-prod",
        "code": "no-cluster",
        "message": "nothing was seen",
        "since": None,
        "who": "the platform",
        "what_to_do": "connect a cluster",
    }
    assert follower.news(state("running", "running", blocked_by=[waits_for])) == []
    waits = links_of([waits_for])
    assert follower.waiting(waits) == []
    monkeypatch.setattr(following, "PATIENCE_SECONDS", 0.0)
    assert follower.waiting(waits) == [
        "blocked by",
        "  cluster acme-prod: nothing was seen (no-cluster)",
        "    → the platform: connect a cluster",
    ]
    assert follower.waiting(waits) == []
    assert _texts(follower.news(state("failed", "undone", reason="no", left=["blog"]))) == [
        "admit      undone",
        "change ch-1 failed, 50 %: no",
        "  left: blog",
    ]


def test_files_are_counted_and_shown_line_by_line_on_request() -> None:
    diff = "--- /dev/null\n+++ b/values.yaml\n@@ -1 +1,2 @@\n-size: 1\n+size: 2\n--- odd\n"
    file = {
        "path": "values.yaml",
        "repository": "blog",
        "branch": "main",
        "change": "changed",
        "diff": diff,
        "cut": False,
    }
    counted = planshow.files([file], diff=False)
    assert counted[-1].split() == ["values.yaml", "blog", "changed", "+1", "-2"]
    assert "  +size: 2" in planshow.files([file], diff=True)


@each(
    [
        ("uninstall", "blog", "acme-dev", "uninstall blog: bp-wiki 1.1.0 in acme-dev"),
        (
            "delete-environment",
            "",
            "acme-dev",
            "delete the Environment acme-dev, with all its Applications",
        ),
        (
            "delete-organization",
            "",
            "",
            "delete the Organization acme, with all its Environments and Applications",
        ),
    ]
)
def test_a_plan_begins_with_what_it_does(
    action: str, application: str, environment: str, said: str
) -> None:
    request = {"action": action, "application": application, "blueprint": ""}
    lock = [{"application": "blog", "blueprint": "bp-wiki", "version": "1.1.0"}]
    plan = {"request": request, "environment": environment, "lock": lock}
    assert planshow.heading(plan, "acme") == said


@each(
    [
        ("1.0.1", {}, "1.1.0 in acme-dev, from 1.0.1"),
        ("", {}, "1.1.0 in acme-dev"),
        (
            "1.1.0",
            {"values": {"title": "Hi"}},
            "1.1.0 in acme-dev: 1.1.0 is the newest registered that fits; only values change",
        ),
        (
            "1.1.0",
            {"plan": "m"},
            (
                "1.1.0 in acme-dev: 1.1.0 is the newest registered that fits; "
                "only package and add-ons change"
            ),
        ),
    ]
)
def test_an_upgrade_begins_with_what_runs_or_that_nothing_is_newer(
    runs: str, asked: dict[str, Any], said: str
) -> None:
    request = {"action": "upgrade", "application": "blog", "blueprint": "", **asked}
    lock = [{"application": "blog", "version": "1.1.0"}]
    plan = {"request": request, "environment": "acme-dev", "lock": lock}
    plan |= {"files": ["values"], "dependencies": []}
    assert planshow.heading(plan, "acme", runs) == f"upgrade blog: {said}"


@each([("1.2.0", ", from 1.2.0"), ("1.1.0", ": the version stays, the rest is as it was then")])
def test_a_way_back_begins_with_what_runs_or_that_the_version_stays(runs: str, said: str) -> None:
    request = {"action": "rollback", "application": "blog", "blueprint": ""}
    lock = [{"application": "blog", "version": "1.1.0"}]
    plan = {"request": request, "environment": "acme-dev", "lock": lock}
    assert planshow.heading(plan, "acme", runs) == f"rollback blog: 1.1.0 in acme-dev{said}"


@pytest.mark.guarantee("G14.15")
def test_a_plan_says_limit_used_held_and_what_comes_of_it_only_where_there_is_a_limit() -> None:
    request = {"action": "install", "application": "blog", "blueprint": ""}
    plan: dict[str, Any] = {
        "request": request,
        "environment": "acme-prod",
        "lock": [{"application": "blog", "version": "1.1.0"}],
        "price": None,
        "gates": {"approvals": [], "impossible": [], "opening": {"open": True}},
        "quota": {"applications": 2, "applications_after": 3},
        "expires": "2026-11-28T12:00:00Z",
        "hash": HASH,
    }
    for name in ("files", "dependencies", "dependents", "risks", "goes", "stays"):
        plan[name] = []
    plan |= {"blocked_by": [], "steps": [], "desired": {"blog.acme-prod": {"hosts": ["a.example"]}}}
    counted = ["Applications in the Environment", "  now   2", "  after 3"]
    lines = planshow.lines(plan, "acme")
    assert _between(lines) == counted
    assert lines[lines.index("public hosts") + 1] == "  a.example: blog in acme-prod"
    assert "stays" not in lines
    plan["quota"] |= {"applications_limit": 4, "applications_used": 1, "applications_held": 1}
    counted[1:] = ["  limit 4", "  now   2", "  used  1", "  held  1", "  after 3"]
    assert _between(planshow.lines(plan, "acme")) == counted
    # What was kept by an older version of ours names no hosts, and nothing that is idle.
    plan["desired"] = {"blog.acme-prod": {}}
    plan["stays"] = ["every event stays in the log"]
    idle = {"application": "db", "environment": "acme-prod", "charged": True}
    plan["idle"] = [{**idle, "needed_by": ["disk", "shop"]}]
    lines = planshow.lines(plan, "acme")
    assert "public hosts" not in lines
    at = lines.index("stays")
    needed = "needed by disk, shop alone, charged each month; once that is gone"
    assert lines[at + 1].startswith(f"  Application db: {needed}, ")
    assert lines[at + 2] == "  every event stays in the log"


def _between(lines: list[str]) -> list[str]:
    at = lines.index("Applications in the Environment")
    return lines[at : lines.index("", at)]
