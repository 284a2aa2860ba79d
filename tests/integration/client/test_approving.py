"""A change that waits for approvals, from the command line: what it waits for, and what to type."""

import json
import re

import pytest
from tests.integration.client.approving import (
    ANN,
    BOB,
    ENV,
    ORG,
    PLAN,
    applied,
    hash_of,
    officer,
    pasted,
    person,
)
from tests.integration.client.shop import Shop

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G27.7")]


def test_whoever_applies_is_told_whose_approvals_are_missing_and_each_verb_offers_the_next(
    shop: Shop,
) -> None:
    change, told = applied(shop, "blog")
    waits = f"it waits: 2 approvals of anyone but the author missing for {change}\n"
    assert told.startswith(waits)
    again = shop.well(*pasted(told, "apply")[:2], by=shop.owner)
    assert f"already applied as {change}, now waiting" in again.out
    assert again.err.startswith(waits)
    approve = pasted(told, "approve")
    # Whole, and for this very plan.
    assert approve[:-1] == ["approve", change, "--org", ORG, "--hash"]
    assert approve[-1].startswith(hash_of(shop, change))

    looked = shop.well("get", "changes", change, by=person(shop, ANN)).err
    assert pasted(looked, "approve") == approve

    # Whoever is in several Organizations need not say whose change it is.
    own = shop.run("approve", change, by=shop.owner)
    assert own.code == 7
    assert f"Hint: {ANN} or {BOB} or a security-officer can: `" in own.err
    assert pasted(own.err, "approve") == approve
    absent = shop.run("approve", "ch-nothing", by=shop.owner)
    assert (absent.code, "no change 'ch-nothing'" in absent.err) == (4, True)

    listed = shop.well("get", "changes", by=shop.owner).out
    assert re.search(
        rf"^{change} +{ORG} +install +blog +{ENV} +waiting +- +"
        "approval of anyone but the author missing ",
        listed,
        re.MULTILINE,
    )
    one = shop.well("approve", change, by=person(shop, ANN))
    waits = f"it waits: 1 approval of anyone but the author missing for {change}"
    assert one.out == f"you approved {change}: 1 approval there; {waits}\n"
    assert pasted(one.err, "get changes") == ["get", "changes", change, "--org", ORG, "--watch"]
    both = shop.well(*approve, by=person(shop, BOB)).out
    assert both.startswith(f"you approved {change}: 2 approvals there; none is missing, it is ")
    assert "completed, 100 %" in shop.well("apply", hash_of(shop, change), "--watch").out

    listed = shop.well("get", "changes", "--org", ORG, by=shop.owner).out
    assert "pending" not in listed
    assert re.search(r"admit=done,.*observe=done \(simulated\)", listed)
    runs = shop.well("get", "applications", "--org", ORG, by=shop.owner).out
    assert re.match(r"NAME +ORG +BLUEPRINT +ENVIRONMENT +HEALTH +BLOCKED BY +STALE ", runs)
    row = rf"^blog +{ORG} +bp-wordpress 1\.0\.1 +{ENV} +healthy \(simulated\) +-"
    assert re.search(row, runs, re.MULTILINE)


@pytest.mark.guarantee("G14.5", "G14.21")
def test_two_security_officers_approve_a_change_of_an_organization_that_they_are_not_in(
    shop: Shop,
) -> None:
    change, _ = applied(shop, "forum")
    whole = shop.well("get", "changes", change, "--org", ORG, "--json", by=shop.owner).json
    looked_at, other = whole["doc"]["hash"], "0" * len(whole["doc"]["hash"])
    sam, kim = (officer(shop, name) for name in ("sam", "kim"))
    approve = ("approve", change, "--org", ORG, "--hash")

    plan = shop.well("plan", "show", change, "--org", ORG, "--diff", by=sam)
    assert f"install forum: bp-wordpress 1.0.1 in {ENV}" in plan.out
    assert f"hash     {looked_at}" in plan.out
    assert pasted(plan.err, "approve") == ["approve", change, "--org", ORG, "--hash", looked_at]
    stale = shop.run(*approve, other, by=sam)
    assert (stale.code, "plan-stale: the hash is not that of the plan" in stale.err) == (3, True)

    first = shop.well(*approve, looked_at, by=sam).out
    waits = f"1 approval there; it waits: 1 approval of anyone but the author missing for {change}"
    assert first == f"you approved {change}: {waits}\n"
    # Twice is once, and so is whatever else the same officer says.
    again = shop.well(*approve, looked_at[:12], by=sam).out
    assert again == f"you had approved {change} already: {waits}\n"
    assert _approvers(shop, change) == ("waiting", ["sam@example.com"])
    last = shop.well(*approve, looked_at, by=kim).out
    assert last.startswith(f"you approved {change}: 2 approvals there; none is missing, it is ")

    assert "completed, 100 %" in shop.well("apply", looked_at[:12], "--watch").out
    assert _approvers(shop, change) == ("completed", ["sam@example.com", "kim@example.com"])
    over = shop.run("plan", "show", change, "--org", ORG, by=sam)
    assert (over.code, "that waits for you, or it is not yours to see" in over.err) == (4, True)


@pytest.mark.guarantee("G14.21")
def test_who_approves_is_shown_the_plan_line_by_line_as_its_author_was(shop: Shop) -> None:
    planned = shop.well("plan", *PLAN, "docs", "--diff", by=shop.owner)
    told = shop.well("apply", pasted(planned.err, "apply")[1], by=shop.owner).err
    ann = person(shop, ANN)
    show = pasted(told, "plan show")
    assert show[-1] == "--diff"
    shown = shop.well(*show, by=ann)

    def lines(text: str) -> list[str]:
        # What is no part of the hash is not told again, and what was applied does not expire.
        return [
            line
            for line in text.splitlines()
            if not line.startswith(("credit   ", "expires  ", "  stands at "))
        ]

    assert lines(shown.out) == lines(planned.out)
    stands = r"^  stands at    0 of 2(: they are asked for once the plan is applied)?$"
    assert [re.findall(stands, one.out, re.MULTILINE) for one in (shown, planned)] == [
        [""],
        [": they are asked for once the plan is applied"],
    ]
    assert any(line.startswith("  +") for line in lines(shown.out))
    short = shop.well(*show[:-1], by=ann)
    assert "--diff shows the files line by line" in short.err
    raw = shop.well("plan", "show", show[2], "--json", by=ann).json["result"]
    assert (raw["change"], raw["missing"], raw["plan"]["hash"]) == (show[2], [], raw["hash"])
    for by, code in ((person(shop, "eve@example.org"), 7), (person(shop, "else@example.org"), 4)):
        assert shop.run(*show, by=by).code == code
    assert shop.run("plan", "show", "ch-nothing", "--org", ORG, by=ann).code == 4
    approve = pasted(shown.err, "approve")
    assert approve[-1] == raw["hash"]
    for email in (ANN, BOB):
        shop.well(*approve, by=person(shop, email))
    shop.well("apply", raw["hash"][:12], "--watch", by=shop.owner)
    after = shop.well(*show, by=ann)
    assert lines(after.out) == lines(planned.out)
    assert f"  stands at    2 of 2: {ANN}, {BOB}\n" in after.out
    assert f"{show[2]} is completed" in after.err


def test_the_beginning_of_a_hash_is_enough_for_whom_the_change_is_shown_to(shop: Shop) -> None:
    change, _ = applied(shop, "shop")
    looked_at, ann = hash_of(shop, change), person(shop, ANN)
    wrong = "0" * 12 if looked_at != "0" * 12 else "1" * 12
    stale = shop.run("approve", change, "--org", ORG, "--hash", wrong, by=ann)
    assert stale.code == 3
    assert f"is not the plan of {change}, whose hash begins with {looked_at}" in stale.err
    for none in (looked_at[:5], "blog"):
        refused = shop.run("approve", change, "--hash", none, by=ann)
        assert (refused.code, f"{none!r} is no hash of a plan" in refused.err) == (2, True)
    assert _approvers(shop, change) == ("waiting", [])
    shop.well("approve", change, "--org", ORG, "--hash", looked_at, by=ann)
    assert _approvers(shop, change) == ("waiting", [ANN])
    reject = ("reject", change, "--reason", "Not now.", "--hash", looked_at[:6])
    assert f"{change} is rejected" in shop.well(*reject, by=person(shop, BOB)).out


def test_what_is_stopped_before_it_began_is_said_to_have_done_nothing(shop: Shop) -> None:
    change, told = applied(shop, "news")
    stop = [word if word != "WHY" else "wrong" for word in pasted(told, "cancel")]
    stopped = shop.well(*stop, by=shop.owner).out
    assert stopped == f"{change} is cancelled; nothing of it was done\n"
    other, _ = applied(shop, "wiki")
    refused = shop.well("reject", other, "--reason", "Not now.", by=person(shop, ANN))
    assert refused.out == f"{other} is rejected; nothing of it was done\n"
    shown = shop.well("plan", "show", other, "--org", ORG, by=shop.owner).err
    assert f"{other} is rejected by {ANN}: Not now." in shown
    # What is asked of one that is over is refused with how it ended.
    for over, how in ((change, "cancelled: wrong"), (other, "rejected: Not now.")):
        late = shop.run("cancel", over, "--reason", "again", by=shop.owner)
        assert late.code == 3
        assert re.search(rf"is over\n.*{re.escape(how)}, [0-9]+s ago", late.err)


def test_a_program_reads_the_outcome_alone(shop: Shop) -> None:
    text = pasted(shop.well("plan", *PLAN, "plain", by=shop.owner).err, "apply")[1]
    ran = shop.well("apply", text, "-o", "json", by=shop.owner)
    assert ran.err == ""
    change = ran.json["result"]["change"]
    ran = shop.well("approve", change, "-o", "json", by=person(shop, ANN))
    assert (ran.err, ran.json["events"][0]) == ("", "provisioning.change-approved.v1")
    ran = shop.well("cancel", change, "--reason", "wrong", "-o", "json", by=shop.owner)
    assert (ran.err, ran.json["status"]) == ("", "accepted")


def test_an_upgrade_to_what_runs_already_says_that_nothing_is_newer(shop: Shop) -> None:
    newest = [word for word in PLAN if word not in {"--version", "1.0.1"}]
    text = pasted(shop.well("plan", *newest, "press", by=shop.owner).err, "apply")[1]
    change = shop.well("apply", text, "-o", "json", by=shop.owner).json["result"]["change"]
    for email in (ANN, BOB):
        shop.well("approve", change, by=person(shop, email))
    shop.well("apply", text, "--watch", by=shop.owner)
    upgrade = ("plan", "upgrade", "press", "--env", ENV)
    same = shop.run(*upgrade, by=shop.owner)
    assert same.code == 3
    assert "press runs bp-wordpress 1.1.1, the newest registered that fits" in same.err
    assert pasted(same.err, "plan configure")[2] == "press"
    values = shop.well(*upgrade, "--set", "memoryMiB=768", by=shop.owner).out
    assert "1.1.1 is the newest registered that fits; only values change\n" in values
    back = shop.run(*upgrade, "--version", "1.0.1", by=shop.owner)
    assert (back.code, "newest" in back.err) == (3, False)


@pytest.mark.guarantee("G14.5")
def test_the_row_says_at_once_that_who_approved_lost_the_role(shop: Shop) -> None:
    change, _ = applied(shop, "poll")
    shop.well("approve", change, by=person(shop, ANN))
    everybody = [{"email": "admin@localhost", "role": "owner"}]
    everybody += [{"email": one, "role": "developer"} for one in (ANN, BOB)]
    everybody += [{"email": "eve@example.org", "role": "viewer"}]

    def owned(owners: list[dict[str, str]]) -> None:
        sent = ("send", "environment.change-owners.v1", "--org", ORG, "--data")
        shop.well(*sent, json.dumps({"owners": owners}), by=shop.owner)

    shown = ("get", "changes", change, "--org", ORG)
    owned([one for one in everybody if one["email"] != ANN])
    try:
        shop.once_said("2 approvals of anyone but the author missing", *shown)
    finally:
        owned(everybody)
    shop.once_said("1 approval of anyone but the author missing", *shown)
    shop.well("cancel", change, "--reason", "seen", by=shop.owner)


def _approvers(shop: Shop, change: str) -> tuple[str, list[str]]:
    doc = shop.well("get", "changes", change, "--org", ORG, "--json", by=shop.owner).json["doc"]
    return doc["status"], [one["by"].rpartition("#")[2] for one in doc["approved"]]
