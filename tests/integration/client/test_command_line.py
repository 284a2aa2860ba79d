"""The command line against the whole stack: what a person types, reads and gets as exit code."""

import json
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from dulwich import porcelain
from tests.integration.client.command import Ran, command
from tests.integration.client.stack import Stack
from tests.support.rig import acme

pytestmark = pytest.mark.real

CREATE = "environment.create-organization.v1"
DEADLINE_SECONDS = 30.0
Fresh = Callable[[], str]


@pytest.fixture
def catalyst(
    stack: Stack,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., Ran]:
    """Run the command as a sovereign-admin of the stack."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return command(stack, capsys)


@pytest.fixture
def organization(catalyst: Callable[..., Ran], fresh: Fresh) -> str:
    slug = fresh()
    data = json.dumps(acme(display_name="Acme"))
    assert catalyst("send", CREATE, "--org", slug, "--data", data).code == 0
    return slug


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


def test_wrong_data_end_with_3_and_name_each_field(
    catalyst: Callable[..., Ran], fresh: Fresh
) -> None:
    data = json.dumps(acme(tier="huge", kind="friend"))
    ran = catalyst("send", CREATE, "--org", fresh(), "--data", data)
    assert ran.code == 3
    assert "/data/tier" in ran.err
    assert "/data/kind" in ran.err


def test_whoever_may_not_ends_with_7(
    catalyst: Callable[..., Ran], stack: Stack, fresh: Fresh
) -> None:
    token = stack.token("bill@example.org", "billing-admin")
    data = json.dumps(acme())
    ran = catalyst("send", CREATE, "--org", fresh(), "--data", data, "--token", token)
    assert ran.code == 7


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
    assert catalyst("outcome", "never").code == 4


def test_every_row_of_one_name_is_listed(catalyst: Callable[..., Ran], organization: str) -> None:
    seen = catalyst("get", "org", organization, "-o", "json").json["seq"]
    ran = catalyst("get", "all", organization, "--min-seq", str(seen), "-o", "json")
    kinds = {item["key"].split(".")[2] for item in ran.json["items"]}
    assert (ran.code, "organization" in kinds) == (0, True)
    assert {item["key"].split(".")[4] for item in ran.json["items"]} == {organization}
    assert catalyst("get", "all", "nothing-like-this").code == 4


def test_a_question_that_nobody_knows_names_those_there_are(
    catalyst: Callable[..., Ran], organization: str
) -> None:
    ran = catalyst("query", "environment", "plan", "--org", organization)
    assert ran.code == 4
    assert "plan-organization-deletion" in ran.err


def test_an_outcome_that_is_not_there_ends_with_4(catalyst: Callable[..., Ran]) -> None:
    assert catalyst("outcome", "never", "--org", "acme").code == 4


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


def test_a_row_that_is_not_there_ends_with_4(catalyst: Callable[..., Ran]) -> None:
    assert catalyst("get", "environments", "nowhere-dev").code == 4


def test_a_chain_is_shown_as_a_tree(catalyst: Callable[..., Ran], fresh: Fresh) -> None:
    slug = fresh()
    data = json.dumps(acme())
    sent = catalyst("send", CREATE, "--org", slug, "--data", data, "-o", "json")
    ran = catalyst("trace", sent.json["id"], "--org", slug)
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0].startswith(f"command {CREATE}  accepted")
    assert any(line.startswith("  event environment.organization-created.v1") for line in lines)
    assert f"{slug}._.organization._.{slug}" in ran.out


def test_events_are_listed(catalyst: Callable[..., Ran], organization: str) -> None:
    ran = catalyst("events", "--org", organization, "--since", "10m", "-o", "json")
    types = [event["type"] for event in ran.json["items"]]
    assert types[0] == "environment.organization-created.v1"
    typed = catalyst("events", "--org", organization, "--type", types[0])
    assert typed.out.count(types[0]) == 1


def test_nothing_is_parked_here(catalyst: Callable[..., Ran]) -> None:
    ran = catalyst("dlq", "list", "-o", "json")
    assert (ran.code, ran.json) == (0, {"items": []})
    subject = "dlq.acme.environment.organization.acme.c1"
    assert catalyst("dlq", "show", subject).code == 4
    assert catalyst("dlq", "retry", subject).code == 3
    assert catalyst("dlq", "drop", "nonsense", "--reason", "x").code == 2


def test_the_doctor_finds_nothing_wrong(catalyst: Callable[..., Ran]) -> None:
    ran = catalyst("doctor", "-o", "json")
    bad = [item for item in ran.json if item["health"] not in {"ok", "skipped"}]
    assert bad == []
    assert ran.code == 0
    assert {"http", "ready", "token", "read model", "broker", "streams", "disk"} <= {
        item["check"] for item in ran.json
    }


def test_the_doctor_says_what_to_do_when_nothing_runs(catalyst: Callable[..., Ran]) -> None:
    catalyst("context", "add", "gone", "--http", "http://127.0.0.1:1")
    ran = catalyst("doctor", "--context", "gone")
    assert ran.code == 8
    assert "catalyst up" in ran.err


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


def test_the_doctor_says_what_a_lesser_token_leaves_out(
    catalyst: Callable[..., Ran], stack: Stack
) -> None:
    ran = catalyst("doctor", "--token", stack.token("ann@example.org", "billing-admin"))
    assert ran.code == 0
    assert "not looked at" in ran.out


def test_whoever_does_not_answer_is_named(catalyst: Callable[..., Ran]) -> None:
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


def manifest(slug: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "orgs.openova.io/v1",
        "kind": "Organization",
        "metadata": {"name": slug},
        "spec": {
            "slug": slug,
            "displayName": "Acme",
            "kind": "customer",
            "tier": "corporate",
            "billingMode": "real",
            "sovereignRef": "cloud.example.org",
            "owners": [{"email": "ann@example.org", "role": "owner"}],
            **spec,
        },
    }


def policy(slug: str, approvers: int = 2) -> dict[str, Any]:
    return {
        "apiVersion": "catalyst.openova.io/v1",
        "kind": "EnvironmentPolicy",
        "metadata": {"name": "strict"},
        "spec": {
            "promotion": {"requiredApprovers": approvers},
            "rules": [{"type": "soak", "duration": "90m"}],
        },
    } | {"metadata": {"name": "strict", "labels": {"openova.io/organization": slug}}}


def environment(slug: str, **spec: Any) -> dict[str, Any]:
    region = {"provider": "hetzner", "region": "fsn", "buildingBlock": "rtz"}
    return {
        "apiVersion": "catalyst.openova.io/v1",
        "kind": "Environment",
        "metadata": {"name": f"{slug}-prod"},
        "spec": {
            "organizationRef": slug,
            "envType": "prod",
            "placement": "single-region",
            "regions": [region],
            "policyRef": "strict",
            **spec,
        },
    }


def write(path: Path, *documents: dict[str, Any]) -> str:
    path.write_text(yaml.safe_dump_all(documents))
    return str(path)


def results(ran: Ran) -> list[tuple[str, str]]:
    return [(item["what"].partition("/")[0], item["result"]) for item in ran.json]


def test_manifests_are_applied_once_and_then_stand(
    catalyst: Callable[..., Ran], fresh: Fresh, tmp_path: Path
) -> None:
    slug = fresh()
    everything = (environment(slug), policy(slug), manifest(slug))
    file = write(tmp_path / "all.yaml", *everything)
    ran = catalyst("apply", "-f", file, "-o", "json")
    created = [("organization", "created"), ("policy", "created"), ("environment", "created")]
    assert (ran.code, results(ran)) == (0, created), ran.err
    planned = catalyst("apply", "-f", file, "--dry-run", "-o", "json")
    again = catalyst("apply", "-f", file, "-o", "json")
    assert [result for _, result in results(again)] == ["unchanged"] * 3
    assert [item.get("commands") for item in again.json] == [None] * 3
    assert (again.code, planned.json) == (0, again.json)


def test_a_changed_manifest_sends_only_what_differs(
    catalyst: Callable[..., Ran], fresh: Fresh, tmp_path: Path
) -> None:
    slug = fresh()
    everything = (manifest(slug), policy(slug), environment(slug))
    assert catalyst("apply", "-f", write(tmp_path / "a.yaml", *everything)).code == 0
    other = {"provider": "hetzner", "region": "nbg", "buildingBlock": "rtz"}
    changed = (
        manifest(
            slug, displayName="Acme 2", owners=[{"email": "bob@example.org", "role": "owner"}]
        ),
        policy(slug, approvers=3),
        environment(slug, regions=[other], policyRef=None),
    )
    file = write(tmp_path / "b.yaml", *changed)
    planned = catalyst("apply", "-f", file, "--dry-run", "-o", "json")
    assert [item["commands"] for item in planned.json] == [
        ["environment.update-organization.v1", "environment.change-owners.v1"],
        ["environment.update-policy.v1"],
        ["environment.update-environment.v1", "environment.attach-policy.v1"],
    ]
    ran = catalyst("apply", "-f", file, "-o", "json")
    assert [result for _, result in results(ran)] == ["updated"] * 3, ran.err
    back = catalyst("apply", "-f", str(tmp_path / "a.yaml"), "-o", "json")
    assert [result for _, result in results(back)] == ["updated"] * 3
    assert catalyst("apply", "-f", file, "-o", "json").code == 0
    shown = catalyst("get", "org", slug, "--min-seq", str(back.json[-1]["seq"]), "-o", "json")
    assert shown.json["doc"]["display_name"] == "Acme 2"


def test_a_rejected_manifest_is_told_with_its_place_and_decided_anew(
    catalyst: Callable[..., Ran], fresh: Fresh, tmp_path: Path
) -> None:
    slug = fresh()
    lonely = write(tmp_path / "env.yaml", environment(slug))
    ran = catalyst("apply", "-f", lonely)
    assert ran.code == 3
    assert f"environment/{slug}-prod rejected" in ran.out
    assert "env.yaml:1" in ran.err
    owner = write(tmp_path / "org.yaml", manifest(slug), policy(slug))
    assert catalyst("apply", "-f", owner).code == 0
    assert catalyst("apply", "-f", lonely).out.startswith(f"environment/{slug}-prod created")


def test_a_field_that_never_changes_is_refused(
    catalyst: Callable[..., Ran], fresh: Fresh, tmp_path: Path
) -> None:
    slug = fresh()
    assert catalyst("apply", "-f", write(tmp_path / "a.yaml", manifest(slug))).code == 0
    moved = write(tmp_path / "b.yaml", manifest(slug, sovereignRef="other.example.org"))
    ran = catalyst("apply", "-f", moved)
    assert ran.code == 3
    assert "sovereign_ref" in ran.err
    planned = catalyst("apply", "-f", moved, "--dry-run")
    assert (planned.code, planned.out, planned.err) == (ran.code, ran.out, ran.err)


def test_what_stands_in_the_git_home_is_applied_without_a_change(
    catalyst: Callable[..., Ran], fresh: Fresh, tmp_path: Path, stack: Stack
) -> None:
    slug = fresh()
    file = write(tmp_path / "all.yaml", manifest(slug), policy(slug), environment(slug))
    assert catalyst("apply", "-f", file).code == 0
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        rows = catalyst("get", "all", "--org", slug, "-o", "json").json["items"]
        kept = {row["key"].split(".")[2] for row in rows if row["doc"].get("git")}
        if {"environment", "policy"} <= kept:
            break
        assert time.monotonic() < deadline, kept
    clone = tmp_path / "clone"
    token = stack.token()
    url = f"{stack.http}/git/{slug}/home.git"
    porcelain.clone(url, str(clone), username="git", password=token, errstream=BytesIO()).close()
    ran = catalyst("apply", "-f", str(clone), "-o", "json")
    assert ran.code == 0, ran.err
    assert sorted(results(ran)) == [
        ("environment", "unchanged"),
        ("organization", "unchanged"),
        ("policy", "unchanged"),
    ]
