"""The command line against the whole stack: what a person types, reads and gets as exit code."""

import json
import re
from collections.abc import Callable

import pytest
import yaml
from tests.integration.client.command import Ran
from tests.integration.client.stack import Stack
from tests.support.rig import acme

from catalyst.client import nats_transport

pytestmark = pytest.mark.real
CREATE = "environment.create-organization.v1"
Fresh = Callable[[], str]


def test_a_command_shows_its_outcome(catalyst: Callable[..., Ran], fresh: Fresh) -> None:
    ran = catalyst("send", CREATE, "--org", fresh(), "--data", json.dumps(acme()), "-o", "json")
    assert ran.code == 0
    assert ran.json["status"] == "accepted"
    assert ran.json["seq"] > 0


def test_a_rejection_ends_with_3_and_says_why(
    catalyst: Callable[..., Ran], organization: str
) -> None:
    ran = catalyst("send", "environment.resume-organization.v1", "--org", organization)
    assert ran.code == 3
    assert "status  rejected" in ran.out
    assert "organization-not-suspended" in ran.err
    resume = ("send", "environment.resume-organization.v1", "--org", organization)
    told = json.loads(catalyst(*resume, "-o", "json").err)["error"]
    assert (told["code"], told["exit"]) == ("organization-not-suspended", 3)
    again = yaml.safe_load(catalyst(*resume, "-o", "yaml").err)["error"]
    assert again == told


def test_wrong_data_end_with_3_and_name_each_field(
    catalyst: Callable[..., Ran], fresh: Fresh
) -> None:
    data = json.dumps(acme(tier="huge", kind="friend"))
    ran = catalyst("send", CREATE, "--org", fresh(), "--data", data)
    assert ran.code == 3
    assert "  tier: must be one of" in ran.err
    assert "  kind: must be one of" in ran.err


def test_whoever_may_not_ends_with_7(
    catalyst: Callable[..., Ran], stack: Stack, fresh: Fresh
) -> None:
    token = stack.token("bill@example.org", "billing-admin")
    data = json.dumps(acme())
    ran = catalyst("send", CREATE, "--org", fresh(), "--data", data, "--token", token)
    assert ran.code == 7


@pytest.mark.guarantee("G4.9")
@pytest.mark.parametrize("named", [(), ("NAME",)])
def test_a_sequence_that_does_not_come_is_answered_with_the_one_that_did(
    catalyst: Callable[..., Ran], organization: str, named: tuple[str, ...]
) -> None:
    shown = catalyst("get", "organizations", "-o", "json").json["as_of"]
    which = [organization for _ in named]
    ran = catalyst("get", "organizations", *which, "--min-seq", "999999", "--timeout", "1")
    assert ran.code == 6
    (told,) = re.findall(r"the rows are at (\d+) and did not reach 999999 in time", ran.err)
    assert int(told) >= shown


@pytest.mark.guarantee("G4.9")
def test_a_watch_waits_for_a_sequence_in_the_same_way(
    catalyst: Callable[..., Ran], organization: str
) -> None:
    watch = ("get", "organizations", organization, "--watch", "--timeout", "1")
    ran = catalyst(*watch, "--min-seq", "999999")
    assert (ran.code, ran.out) == (6, "")
    assert re.search(r"the rows are at \d+ and did not reach 999999 in time", ran.err)
    ran = catalyst(*watch, "--min-seq", "1", "--log", "of-somebody-else")
    assert (ran.code, ran.out) == (3, "")
    assert "belongs to another log" in ran.err


def test_no_token_ends_with_7_and_a_hint(catalyst: Callable[..., Ran], stack: Stack) -> None:
    ran = catalyst("get", "organizations", "--url", stack.http)
    assert ran.code == 7
    assert "catalyst token" in ran.err


def test_a_command_that_is_not_waited_for_has_its_outcome_later(
    catalyst: Callable[..., Ran], fresh: Fresh
) -> None:
    slug = fresh()
    data = json.dumps(acme())
    ran = catalyst("send", CREATE, "--org", slug, "--data", data, "--no-wait")
    assert ran.code == 0
    later = catalyst("outcome", ran.out.strip(), "--org", slug, "--timeout", "10", "-o", "json")
    assert later.json["status"] == "accepted"


def test_an_outcome_is_found_without_its_organization(
    catalyst: Callable[..., Ran], fresh: Fresh
) -> None:
    sent = catalyst("send", CREATE, "--org", fresh(), "--data", json.dumps(acme()), "-o", "json")
    ran = catalyst("outcome", sent.json["id"], "-o", "json")
    assert (ran.code, ran.json["seq"]) == (0, sent.json["seq"])


@pytest.mark.parametrize("words", [("outcome",), ("trace",)])
@pytest.mark.parametrize("owner", [(), ("--org", "acme")])
def test_an_id_that_nobody_knows_leads_to_where_to_look(
    catalyst: Callable[..., Ran], words: tuple[str, ...], owner: tuple[str, ...]
) -> None:
    ran = catalyst(*words, "never", *owner)
    assert (ran.code, ran.out) == (4, "")
    said = owner[1] if owner else "ORG"
    assert f"catalyst outcome never --org {said} --timeout 30` waits for one" in ran.err
    assert f"catalyst events --org {said} --since 1h` lists" in ran.err


def test_every_row_of_one_name_is_listed(catalyst: Callable[..., Ran], organization: str) -> None:
    seen = catalyst("get", "org", organization, "-o", "json").json["seq"]
    ran = catalyst("get", "all", organization, "--min-seq", str(seen), "-o", "json")
    kinds = {item["key"].split(".")[2] for item in ran.json["items"]}
    assert (ran.code, "organization" in kinds) == (0, True)
    assert {item["key"].split(".")[4] for item in ran.json["items"]} == {organization}
    assert catalyst("get", "all", "nothing-like-this").code == 4
    ran = catalyst("get", "environments", "--org", "nothing-like-this")
    assert (ran.code, ran.out) == (4, "")
    assert "there is no Organization 'nothing-like-this'" in ran.err
    ran = catalyst("approve", "ch-nothing", "--org", organization)
    assert ran.code == 4
    assert "there is no change 'ch-nothing'" in ran.err
    assert "catalyst get changes --org" in ran.err


@pytest.mark.parametrize(("verb", "more"), [("approve", ()), ("reject", ("--reason", "no"))])
def test_a_security_officer_is_told_that_there_is_no_such_change(
    catalyst: Callable[..., Ran], stack: Stack, organization: str, verb: str, more: tuple[str, ...]
) -> None:
    officer = ("--token", stack.token("sam@example.org", "security-officer"))
    asked = (verb, "ch-nothing", "--org", organization, *more, *officer)
    ran = catalyst(*asked)
    assert ran.code == 4
    assert f"Error: there is no change 'ch-nothing' of {organization!r}" in ran.err
    # With a hash nothing is read first: the service itself says so.
    ran = catalyst(*asked, "--hash", "0" * 64)
    assert "change-not-found: there is no change 'ch-nothing'" in ran.err


def test_a_question_that_nobody_knows_names_those_there_are(
    catalyst: Callable[..., Ran], organization: str
) -> None:
    ran = catalyst("query", "environment", "plan", "--org", organization)
    assert ran.code == 4
    assert "plan-organization-deletion" in ran.err


def test_a_row_is_shown_at_a_sequence(catalyst: Callable[..., Ran], organization: str) -> None:
    sent = catalyst(
        "send",
        "environment.update-organization.v1",
        "--org",
        organization,
        "--data",
        '{"display_name": "New"}',
        "-o",
        "json",
    )
    ran = catalyst("get", "org", organization, "--min-seq", str(sent.json["seq"]), "-o", "json")
    assert ran.code == 0
    assert ran.json["doc"]["display_name"] == "New"
    assert ran.json["as_of"] >= sent.json["seq"]


def test_a_list_is_plain_when_piped(catalyst: Callable[..., Ran], organization: str) -> None:
    seen = catalyst("get", "organizations", organization, "-o", "json").json["seq"]
    ran = catalyst("get", "orgs", "--org", organization, "--min-seq", str(seen))
    assert ran.code == 0
    heading, row = ran.out.splitlines()
    assert heading.startswith("NAME")
    assert row.split()[:2] == [organization, "Acme"]
    assert "\x1b" not in ran.out
    assert "as of" in ran.err


def test_a_row_that_is_not_there_ends_with_4_and_names_what_is_like_it(
    catalyst: Callable[..., Ran], organization: str
) -> None:
    ran = catalyst("get", "environments", "nowhere-dev")
    assert ran.code == 4
    assert "there is no environment 'nowhere-dev'" in ran.err
    assert "catalyst get environments` lists" in ran.err
    for kinds in ("org", "all"):
        assert f"do you mean {organization}" in catalyst("get", kinds, f"{organization}y").err


def test_a_chain_is_shown_as_a_tree(catalyst: Callable[..., Ran], fresh: Fresh) -> None:
    slug = fresh()
    data = json.dumps(acme())
    sent = catalyst("send", CREATE, "--org", slug, "--data", data, "-o", "json")
    ran = catalyst("trace", sent.json["id"], "--org", slug)
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0].startswith(f"command {CREATE}  accepted")
    assert any(line.startswith("  event environment.organization-created.v1") for line in lines)
    assert re.search(rf"^organization/{slug} +{slug} ", ran.out, re.MULTILINE)


def test_events_are_listed(catalyst: Callable[..., Ran], organization: str) -> None:
    ran = catalyst("events", "--org", organization, "--since", "10m", "-o", "json")
    types = [event["type"] for event in ran.json["items"]]
    assert types[0] == "environment.organization-created.v1"
    typed = catalyst("events", "--org", organization, "--type", types[0])
    assert typed.out.count(types[0]) == 1
    assert re.search(r"T\d\d:\d\d:\d\dZ ", typed.out)


def test_nothing_is_parked_here(catalyst: Callable[..., Ran]) -> None:
    ran = catalyst("dlq", "list", "-o", "json")
    assert (ran.code, ran.json) == (0, {"items": []})
    subject = "dlq.acme.environment.organization.acme.c1"
    ran = catalyst("dlq", "show", subject)
    assert ran.code == 4
    assert "catalyst dlq list" in ran.err
    ran = catalyst("dlq", "retry", subject)
    assert ran.code == 3
    assert "catalyst dlq list" in ran.err
    assert (
        "dlq list" in json.loads(catalyst("dlq", "retry", subject, "--json").err)["error"]["hint"]
    )
    assert catalyst("dlq", "drop", "nonsense", "--reason", "x").code == 2


def test_the_doctor_finds_nothing_wrong(catalyst: Callable[..., Ran]) -> None:
    ran = catalyst("doctor", "-o", "json")
    bad = [item for item in ran.json if item["health"] not in {"ok", "skipped"}]
    assert bad == []
    assert ran.code == 0
    assert {"http", "ready", "token", "read model", "broker", "streams", "disk", "timers"} <= {
        item["check"] for item in ran.json
    }


def test_the_doctor_says_what_to_do_when_nothing_runs(catalyst: Callable[..., Ran]) -> None:
    catalyst("context", "add", "gone", "--http", "http://127.0.0.1:1")
    ran = catalyst("doctor", "--context", "gone")
    assert ran.code == 8
    assert "catalyst up" in ran.err
    assert "catalyst context use NAME" in ran.err


def test_the_doctor_shows_every_row_when_the_broker_is_dead(
    catalyst: Callable[..., Ran], stack: Stack
) -> None:
    gone = ("--nats", "nats://127.0.0.1:1", "--token", stack.token())
    catalyst("context", "add", "deaf", "--http", stack.http, *gone)
    ran = catalyst("doctor", "--context", "deaf", "-o", "json")
    health = {item["check"]: item["health"] for item in ran.json}
    assert ran.code == 8
    assert health["broker"] == "fail"
    assert health["read model"] == health["token"] == "ok"
    assert "nats://127.0.0.1:1" in ran.out


@pytest.mark.parametrize("role", ["sovereign-admin", ""])
def test_the_doctor_asks_the_services_where_it_does_not_see_their_workers(
    catalyst: Callable[..., Ran], stack: Stack, role: str
) -> None:
    token = stack.keys.people().person("ann@example.org", [role] if role else [])
    ran = catalyst("doctor", "--url", stack.http, "--token", token, "-o", "json")
    found = {item["check"]: item for item in ran.json}
    assert (ran.code, found["broker"]["health"]) == (0, "skipped")
    services = found["services"]
    assert (services["health"], services["detail"]) == ("ok", "all 5 answer")


@pytest.mark.guarantee("G7.4")
@pytest.mark.parametrize("role", ["billing-admin", ""])
def test_the_doctor_says_what_a_lesser_token_leaves_out(
    catalyst: Callable[..., Ran], stack: Stack, role: str
) -> None:
    token = stack.keys.people().person("ann@example.org", [role] if role else [])
    ran = catalyst("doctor", "--token", token, "-o", "json")
    assert ran.code == 0
    found = {item["check"]: item for item in ran.json}
    for check in ("stale rows", "waiting rows", "sampled rows", "dead letters"):
        assert found[check]["health"] == "skipped", found[check]
        assert "not looked at" in found[check]["detail"]


def test_whoever_does_not_answer_is_named(
    catalyst: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A refused connection is tried again until the time is over.
    monkeypatch.setattr(nats_transport, "CONNECT_SECONDS", 0.5)
    for url in ("http://127.0.0.1:1", "nats://127.0.0.1:1"):
        ran = catalyst("send", CREATE, "--org", "acme", "--data", "{}", "--url", url)
        assert ran.code == 5
        assert f"answers at {url}" in ran.err.splitlines()[0]


def test_a_token_is_made_for_somebody_else(catalyst: Callable[..., Ran], organization: str) -> None:
    made = catalyst("token", "--email", "ann@example.org")
    assert made.code == 0
    ran = catalyst("get", "orgs", "--token", made.out.strip(), "-o", "json")
    assert ran.code == 0
    listed = {item["key"].split(".")[0] for item in ran.json["items"]}
    assert organization in listed


def test_a_question_is_answered(catalyst: Callable[..., Ran], organization: str) -> None:
    ran = catalyst(
        "query", "environment", "plan-organization-deletion", "--org", organization, "-o", "json"
    )
    assert ran.code == 0
    assert ran.json["result"]["request"]["organization"] == organization


def test_the_read_model_is_what_the_log_says(
    catalyst: Callable[..., Ran], organization: str
) -> None:
    catalyst("get", "org", organization)
    ran = catalyst("replay", "--check", "-o", "json")
    assert ran.code == 0, ran.err
    assert ran.json["equal"] is True
    assert ran.json["rows"] >= 1
    assert ran.json["stored_hash"] == ran.json["folded_hash"]
    assert catalyst("replay").code == 2
