"""A name that is not there: what is like it is named, out of what the one who asks may see."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from catalyst.cli import application, catalog, main, owned, plan, send
from catalyst.cli.exits import ExitCode, Failure
from catalyst.client import http_calls
from catalyst.client.errors import ClientError, Problem, Unreachable
from catalyst.contracts.message import FieldError

Told = Callable[[Callable[[], None]], Failure]
DOOR = "http://127.0.0.1:1"


def runs(name: str, *places: str, gone: str = "") -> dict[str, Any]:
    """Return an Application's document: where it shall run, and where it did."""
    found = [{"environment": place, "desired": {"blueprint": "bp-wiki"}} for place in places]
    return {"name": name, "bindings": [*found, {"environment": gone, "desired": None}]}


def changed(name: str, *brought: str) -> dict[str, Any]:
    lock = [{"application": other} for other in brought]
    return {"request": {"application": name}, "lock": lock}


SEEN: dict[str, list[dict[str, Any]]] = {
    "applications": [
        runs("blog", "acme-prod"),
        runs("blogs", "acme-dev", gone="acme-prod"),
        runs("shop", "acme-prod"),
    ],
    "environments": [{"name": "acme-prod"}, {"name": "acme-dev"}],
    "changes": [changed("blog", "blog-db"), changed("blog"), changed("")],
}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """Let there be what is seen, and nothing of any other name; return how a verb ends."""

    def docs(_target: object, kinds: str, owner: str | None) -> list[dict[str, Any]]:
        return SEEN[kinds] if owner in {"acme", None} else []

    def row(_target: object, kinds: str, name: str, _owner: str, missing: Failure) -> Any:
        if (kinds, name) in {("organizations", "acme"), ("organizations", "others")}:
            return {"slug": name}
        raise missing

    def answered(_target: object, service: str, _question: str, asked: Any, _owner: str) -> Any:
        if service == "provisioning":
            place = f"{asked['application']} does not run in {asked['environment']}"
            raise Problem(404, "application-not-found", place)
        raise Problem(404, "blueprint-not-found", "there is no such Blueprint")

    monkeypatch.setattr(owned, "docs", docs)
    monkeypatch.setattr(owned, "row", row)
    monkeypatch.setattr(owned, "answered", answered)

    def ended(verb: Callable[[], None]) -> Failure:
        with pytest.raises(Failure) as refused:
            verb()
        assert refused.value.exit_code is ExitCode.NOT_FOUND
        return refused.value

    return ended


@pytest.mark.parametrize("verb", [plan.configure, plan.upgrade, plan.rollback, plan.uninstall])
def test_a_plan_names_what_runs_in_that_environment(told: Told, verb: Callable[..., None]) -> None:
    found = told(lambda: verb("blgo", env="acme-prod", org="acme", url=DOOR))
    assert found.message == "blgo does not run in acme-prod"
    # What runs elsewhere alone, or ran there once, cannot be meant.
    assert found.hint.startswith("do you mean blog? `catalyst app list --org acme --env acme-prod`")


def test_an_application_is_suggested_wherever_it_runs(told: Told) -> None:
    found = told(lambda: application.show_("blgos", org="acme", url=DOOR))
    assert found.hint.startswith("do you mean blogs or blog? `catalyst app list --org acme`")


def test_a_history_is_suggested_of_what_was_changed_or_brought_along(told: Told) -> None:
    found = told(lambda: application.history("blog-bd", org="acme", url=DOOR))
    assert found.hint.startswith("do you mean blog-db or blog? `catalyst app list")


@pytest.mark.parametrize("owner", ["acme", None])
def test_an_environment_is_suggested_to_whoever_names_its_organization_or_not(
    told: Told, monkeypatch: pytest.MonkeyPatch, owner: str | None
) -> None:
    def answered(*_: object) -> Any:
        raise Problem(404, "environment-not-found", "there is no such Environment")

    monkeypatch.setattr(owned, "answered", answered)
    verbs = [
        lambda: plan.install("bp-wiki", name="wiki", env="acme-prd", org=owner, url=DOOR),
        lambda: plan.uninstall("blog", env="acme-prd", org=owner, url=DOOR),
        lambda: plan.delete_environment("acme-prd", org=owner, url=DOOR),
    ]
    if owner:
        asked: dict[str, Any] = {"form": True, "env": "acme-prd", "org": owner, "url": DOOR}
        verbs.append(lambda: catalog.show_("bp-wiki", **asked))
    for verb in verbs:
        found = told(verb)
        assert found.hint.startswith("do you mean acme-prod or acme-dev? `catalyst get env")


def test_what_runs_already_is_configured_or_upgraded(monkeypatch: pytest.MonkeyPatch) -> None:
    def answered(*_: object) -> Any:
        raise Problem(409, "application-exists", "blog runs in acme-prod already")

    monkeypatch.setattr(owned, "answered", answered)
    # The door is not there, and tried again until the time is over.
    monkeypatch.setattr(http_calls, "FIRST_CONTACT_SECONDS", 0.0)
    with pytest.raises(Failure) as refused:
        plan.install("bp-wiki", name="blog", env="acme-prod", org="acme", url=DOOR)
    for verb in ("configure", "upgrade"):
        assert f"`catalyst plan {verb} blog --env acme-prod --org acme" in refused.value.hint


UPDATE = "environment.update-organization.v1"


@pytest.mark.parametrize(
    ("field", "rule", "hint"),
    [
        ("display_nam", "unknown-field", "do you mean display_name? `catalyst contracts"),
        ("zzz", "unknown-field", "`catalyst contracts show environment.update"),
        ("owners/0/display_nam", "unknown-field", "`catalyst contracts show environment."),
        ("display_name", "type", ""),
    ],
)
def test_a_field_that_a_command_does_not_have_is_suggested(
    field: str, rule: str, hint: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    wrong = (FieldError(pointer=f"/data/{field}", rule=rule, message="is wrong"),)

    def refused(work: Any) -> Any:
        work.close()
        raise Problem(422, "invalid-data", "wrong", wrong)

    monkeypatch.setattr(send, "run", refused)
    line = ["send", UPDATE, "--org", "acme", "--data", "{}", "--url", DOOR]
    assert main.ended(line) == ExitCode.REJECTED
    said = capsys.readouterr().err.replace("uv run ", "")
    assert f"  {field.replace('/0/', '[0].')}: is wrong\n" in said
    assert (f"Hint: {hint}" in said) if hint else ("Hint" not in said)


def test_a_blueprint_is_suggested_out_of_every_page_of_the_catalogue(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = {0: (["bp-redis"], 1), 1: (["bp-wordpress"], None)}

    def answer(_target: object, _service: str, _question: str, asked: Any, _owner: str) -> Any:
        names, more = pages[asked["offset"]]
        return {"items": [{"name": name} for name in names], "next": more}

    monkeypatch.setattr(owned, "answer", answer)
    for name in ("wordpres", "bp-wordpres"):
        found = told(partial(catalog.show_, name, org="acme", url=DOOR))
        assert found.hint.startswith("do you mean bp-wordpress? `catalyst catalog search")


@pytest.mark.parametrize(("name", "owner"), [("zzz", "acme"), ("blgo", "others")])
def test_nothing_is_suggested_that_is_not_alike_or_not_seen(
    told: Told, name: str, owner: str
) -> None:
    for verb in (
        lambda: application.show_(name, org=owner, url=DOOR),
        lambda: application.history(name, org=owner, url=DOOR),
        lambda: plan.upgrade(name, env="acme-prod", org=owner, url=DOOR),
    ):
        assert told(verb).hint.startswith("`catalyst app list --org")


@pytest.mark.parametrize("error", [Problem(403, "forbidden"), Unreachable("nobody answers")])
def test_a_suggestion_that_cannot_be_read_hides_nothing(
    told: Told, monkeypatch: pytest.MonkeyPatch, error: ClientError
) -> None:
    def docs(*_: object) -> Any:
        raise error

    monkeypatch.setattr(owned, "docs", docs)
    found = told(lambda: plan.uninstall("blgo", env="acme-prod", org="acme", url=DOOR))
    assert found.message == "blgo does not run in acme-prod"
    assert found.code == "application-not-found"
