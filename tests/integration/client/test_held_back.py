"""A change that is held back, a plan that is stale, and what a person types then."""

import re
import subprocess
import sys
import threading

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
from tests.integration.client.shop import WAIT_SECONDS, Shop

from catalyst.cli.contexts import LACKS_CLUSTER

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G27.7")]
STRICT = [word if word != ENV else f"{ORG}-stg" for word in PLAN]


def test_an_application_shows_what_its_change_waits_for_and_what_to_type(shop: Shop) -> None:
    change, _ = applied(shop, "blog")
    shown = shop.well("app", "show", "blog", "--org", ORG, by=shop.owner)
    assert f"gate     closed: {change} waits for approvals" in shown.out
    chain = shown.out.partition("  blocked by\n")[2]
    assert "approval anyone but the author: 2 approvals of anyone but the author missing" in chain
    assert "→ anyone but the author: look at the plan and approve or reject the change" in chain
    approve = pasted(shown.err, "approve")
    assert approve[:-1] == ["approve", change, "--org", ORG, "--hash"]
    # The document says the same, and leads to what the change waits for.
    raw = shop.well("app", "show", "blog", "--org", ORG, "--json", by=shop.owner).json
    row = shop.well("get", "applications", "blog", "--org", ORG, "--json", by=shop.owner).json
    for doc in (raw, row["doc"]):
        link, cause = doc["bindings"][0]["blocked_by"]
        assert (link["kind"], link["name"], link["code"]) == ("change", change, "change-waiting")
        assert (cause["code"], cause["depth"]) == ("approval-missing", 1)
        assert link["message"] in chain
        assert cause["message"] in chain
    # Who approves reads the plan, and cannot make the same one while it waits.
    ann = person(shop, ANN)
    plan = shop.well(*pasted(shown.err, "plan show"), by=ann).out
    assert f"install blog: bp-wordpress 1.0.1 in {ENV}" in plan
    same = shop.run("plan", *PLAN, "blog", by=ann)
    assert (same.code, f"blog is on its way to {ENV} already" in same.err) == (3, True)
    for email in (ANN, BOB):
        shop.well(*approve, by=person(shop, email))
    shop.well("apply", hash_of(shop, change), "--watch", by=shop.owner)
    shown = shop.well("app", "show", "blog", "--org", ORG, by=shop.owner)
    assert ("blocked by" in shown.out, "approve" in shown.err) == (False, False)

    # Which version each change gave it, so that one can be chosen to go back to.
    listed = shop.well("app", "history", "blog", "--org", ORG, by=shop.owner).out
    assert re.match(r"CHANGE +ACTION +VERSION +ENVIRONMENT +STATUS +BY +OPENED +WHY\n", listed)
    assert re.search(rf"^{change} +install +1\.0\.1 +{ENV} +completed", listed, re.MULTILINE)


def test_where_security_officers_have_to_approve_the_plan_and_who_watches_say_so(
    shop: Shop,
) -> None:
    planned = shop.well("plan", *STRICT, "wiki", by=shop.owner)
    assert "enough       no: without security-officers too few can give it" in planned.out
    text = pasted(planned.err, "apply")[1]
    watch = ["apply", text, "--watch", "--token", shop.owner]
    # As where the stack was started without its simulated cluster.
    shop.installation.leave_simulated_out()
    with subprocess.Popen(
        [sys.executable, "-c", "from catalyst.cli.entry import run; run()", *watch],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as watching:
        try:
            told = heard(watching, "security-officers")
            assert LACKS_CLUSTER in told
            gives = (
                "of another who may, or of a security-officer, gives one of anyone but the author"
            )
            assert f"{gives}: without security-officers too few can give it" in told
            # Whoever looks at the change is told the same, and needs no plan for that.
            change = pasted(told, "approve")[1]
            doc = shop.well("get", "changes", change, "--json", by=person(shop, ANN)).json["doc"]
            assert doc["officers"] == [""]
            scarce = "without security-officers too few can give it"
            assert scarce in doc["blocked_by"][0]["message"]
            # Whoever may give one of them is not told that it is others who have to.
            assert doc["blocked_by"][0]["who"] == "anyone but the author, and security-officers"
            shown = shop.well("app", "show", "wiki", "--org", ORG, by=person(shop, ANN))
            assert scarce in shown.out
            assert gives in shown.err
            approve = pasted(told, "approve")
            assert approve[2:5] == ["--org", ORG, "--hash"]
            assert approve[5].startswith(text)
            assert "of somebody else gives an approval" not in told
            sides = [person(shop, ANN), person(shop, BOB), officer(shop, "sam")]
            for one in sides:
                shop.well(*approve, by=one)
            out, _ = watching.communicate(timeout=WAIT_SECONDS)
        finally:
            watching.kill()
            shop.installation.remember_simulated()
    assert (watching.returncode, "completed, 100 %" in out) == (0, True)


def test_a_stale_plan_says_in_words_what_became_of_the_application(shop: Shop) -> None:
    change, _ = applied(shop, "news")
    for email in (ANN, BOB):
        shop.well("approve", change, by=person(shop, email))
    shop.well("apply", hash_of(shop, change), "--watch", by=shop.owner)
    uninstall = ("plan", "uninstall", "news", "--env", ENV, "--org", ORG)
    old = pasted(shop.well(*uninstall, by=shop.owner).err, "apply")[1]
    configure = ("plan", "configure", "news", "--env", ENV, "--set", "memoryMiB=768")
    new = pasted(shop.well(*configure, by=shop.owner).err, "apply")[1]
    later = re.findall(r"applied as (ch-[0-9a-f]+)", shop.well("apply", new, by=shop.owner).out)[0]
    stale = shop.run("apply", old, by=shop.owner)
    assert (stale.code, "plan-stale" in stale.err) == (3, True)
    error, _, hint = stale.err.partition("Hint: ")
    assert error.startswith("Error: plan-stale")
    assert hint.startswith(f"news was configured last by {later}, which is waiting; ")
    words = f"news in {ENV} was what {change} makes of it, and is what {later} makes of it now"
    assert words in stale.err
    assert pasted(stale.err, "plan") == list(uninstall)
    same = shop.run(*configure, by=person(shop, ANN))
    assert same.code == 3, same.out


def heard(program: subprocess.Popen[str], text: str) -> str:
    """Return what a program says up to the line with a text; it is ended if that does not come."""
    overdue = threading.Timer(WAIT_SECONDS, program.kill)
    overdue.start()
    told = ""
    assert program.stderr is not None
    for line in program.stderr:
        told += line
        if text in line:
            break
    overdue.cancel()
    return told
