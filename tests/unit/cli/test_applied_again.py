"""`catalyst apply HASH` of a plan that was applied before, and refusals of a plan's values."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from catalyst.chassis import clock
from catalyst.cli import change, following, owned, plan, planned, said
from catalyst.cli.calling import as_called
from catalyst.cli.exits import Ended, ExitCode, Failure
from catalyst.cli.output import Format
from catalyst.cli.target import Target
from catalyst.client.errors import Problem
from catalyst.contracts.message import FieldError, Outcome

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
MINUTES_AGO, HOUR_AGO = ((NOW - timedelta(minutes=n)).isoformat() for n in (3, 61))
KEPT = planned.Kept(
    organization="acme",
    plan={"hash": "2c26b46b", "expires": "2026-11-28", "gates": {"approvals": []}},
)
SENT = Outcome(
    id=KEPT.change,
    type="provisioning.apply-plan.v1",
    status="accepted",
    digest="",
    time=datetime(2026, 11, 28, tzinfo=UTC),
)


@pytest.mark.parametrize(
    ("doc", "says", "next_"),
    [
        (
            {"status": "completed", "opened": HOUR_AGO, "finished": MINUTES_AGO},
            "completed (for 3m)",
            f"catalyst trace {KEPT.change} --org acme` shows what it led to",
        ),
        (
            {"status": "running", "opened": HOUR_AGO, "finished": None},
            "running (for 61m)",
            "--watch shows its steps until it is over",
        ),
    ],
)
def test_a_plan_that_was_applied_is_not_told_as_new_and_not_sent_again(
    doc: dict[str, Any],
    says: str,
    next_: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Door:
        async def outcome(self, command_id: str, *, organization: str) -> Outcome:
            assert (command_id, organization) == (KEPT.change, "acme")
            return SENT

    @asynccontextmanager
    async def opened(_target: Target) -> AsyncIterator[Door]:
        yield Door()

    async def row(*_: object) -> dict[str, Any]:
        return doc

    monkeypatch.setattr(clock, "now", lambda: NOW)
    monkeypatch.setattr(planned, "find", lambda _text, _place: KEPT)
    monkeypatch.setattr(planned, "folder", lambda _name: Path())
    monkeypatch.setattr(change, "commands", opened)
    monkeypatch.setattr(said, "row", row)
    target = Target(http="http://127.0.0.1:1")
    change.carry_out(target, "2c26b46b", Format.TABLE, watch=False, timeout=1.0)
    told = capsys.readouterr()
    assert told.out == f"already applied as {KEPT.change}, now {says}\n"
    assert told.err.startswith("nothing was sent again; ")
    assert told.err.endswith(f"{next_}\n")


@pytest.mark.parametrize("form", Format)
@pytest.mark.parametrize("status", ["failed", "cancelled", "rejected"])
def test_a_plan_whose_change_did_not_complete_ends_as_that_did_when_it_is_applied_again(
    status: str, form: Format, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def applied(*_: object) -> tuple[Outcome, dict[str, Any]]:
        return SENT, {"status": status, "opened": HOUR_AGO, "finished": MINUTES_AGO}

    monkeypatch.setattr(planned, "find", lambda _text, _place: KEPT)
    monkeypatch.setattr(planned, "folder", lambda _name: Path())
    monkeypatch.setattr(change, "_apply", applied)
    with pytest.raises(Ended) as ended:
        change.carry_out(Target(), "2c26b46b", form, watch=False, timeout=1.0)
    assert ended.value.exit_code is ExitCode.REJECTED
    assert capsys.readouterr().out


@pytest.mark.parametrize(
    ("action", "verb"), [("uninstall", "history"), ("install", "show"), ("rollback", "show")]
)
def test_what_was_removed_is_looked_at_in_its_history(
    action: str,
    verb: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    idle = {"application": "db", "environment": "acme-prod", "charged": True, "needed_by": []}
    behind = {**idle, "application": "disk", "charged": False, "needed_by": ["db"]}
    left = (
        "Application db: needed by nothing any more, charged each month; "
        "`catalyst plan uninstall db --env acme-prod --org acme`\n"
        "Application disk: needed by db alone; once that is gone, "
        "`catalyst plan uninstall disk --env acme-prod --org acme`"
    )
    request = {"action": action, "application": "blog"}
    more = {"idle": [idle, behind], "stays": ["every event stays in the log"]}
    plan_ = {**KEPT.plan, "request": request, **more}
    kept = planned.Kept(organization="acme", plan=plan_)

    async def applied(*_: object) -> tuple[Outcome, None]:
        return SENT, None

    async def followed(*_: object, **__: object) -> ExitCode:
        return ExitCode.OK

    monkeypatch.setattr(planned, "find", lambda _text, _place: kept)
    monkeypatch.setattr(planned, "folder", lambda _name: Path())
    monkeypatch.setattr(change, "_apply", applied)
    monkeypatch.setattr(following, "follow", followed)
    change.carry_out(Target(), "2c26b46b", Format.TABLE, watch=True, timeout=1.0)
    shown = capsys.readouterr().err
    assert f"catalyst app {verb} blog --org acme` shows" in shown
    assert shown.endswith(as_called(f"\n{left}\n"))


@pytest.mark.parametrize("form", [Format.TABLE, Format.JSON])
@pytest.mark.parametrize("code", ["plan-stale", "plan-expired"])
def test_a_plan_that_counts_no_more_is_refused_first_and_then_planned_again_by_what_is_told(
    code: str, form: Format, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    request = {"action": "configure", "application": "blog", "environment": "acme-prod"}
    kept = planned.Kept(organization="acme", plan={**KEPT.plan, "request": request})
    pointer = "/data/inputs/application:blog@acme-prod"
    wrong = FieldError(pointer=pointer, rule=code, message="changed since")
    no = {"status": "rejected", "code": code, "message": "plan it again", "errors": (wrong,)}

    async def applied(*_: object) -> tuple[Outcome, None]:
        return msgspec.structs.replace(SENT, **no), None

    last = {"action": "upgrade", "application": "blog"}
    place = {"application": "blog", "environment": "acme-prod"}
    before = {"status": "completed", "opened": "1", "change": "ch-9", "request": last}
    monkeypatch.setattr(planned, "find", lambda _text, _place: kept)
    monkeypatch.setattr(planned, "folder", lambda _name: Path())
    monkeypatch.setattr(change, "_apply", applied)
    monkeypatch.setattr(owned, "docs", lambda *_: [{**before, "lock": [place]}])
    with pytest.raises(Ended) as ended:
        change.carry_out(Target(), "2c26b46b", form, watch=False, timeout=1.0)
    assert ended.value.exit_code is ExitCode.REJECTED
    shown = capsys.readouterr()
    again = as_called("`catalyst plan configure blog --env acme-prod --org acme` says")
    hint = f"blog was upgraded last by ch-9; {again} what it would do as things are now"
    if form is Format.JSON:
        assert json.loads(shown.err)["error"]["hint"] == hint
        return
    assert shown.out == ""
    first, *_, last_line = shown.err.splitlines()
    assert (first, last_line) == (f"Error: {code}: plan it again", f"Hint: {hint}")


@pytest.mark.parametrize(
    ("environment", "blueprint"), [("acme-prod", "bp-wordpress"), ("acme-dev", "BLUEPRINT")]
)
def test_values_of_what_runs_lead_to_the_form_of_its_blueprint(
    environment: str, blueprint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    binding = {"environment": "acme-prod", "desired": {"blueprint": "bp-wordpress"}}

    def refuse(*_: object) -> None:
        raise Problem(422, "values-invalid")

    monkeypatch.setattr(owned, "answered", refuse)
    monkeypatch.setattr(owned, "row", lambda *_: {"bindings": [binding]})
    with pytest.raises(Failure) as refused:
        plan.configure("blog", env=environment, org="acme", url="http://127.0.0.1:1")
    form = f"`catalyst catalog show {blueprint} --form --env {environment} --org acme`"
    assert form in refused.value.hint
