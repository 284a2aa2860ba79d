"""Why nothing was planned or applied: what a person is told to do instead."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.support.each import each
from tests.unit.cli.test_history import HISTORY

from catalyst.cli import application, catalog, owned, plan, planshow, planvalues
from catalyst.cli.apply import apply
from catalyst.cli.exits import ExitCode, Failure
from catalyst.client.errors import Problem
from catalyst.contracts.message import FieldError

Refused = Callable[[Problem, Callable[..., None]], Failure]
DOOR = "http://127.0.0.1:1"
HERE: dict[str, Any] = {"org": "acme", "url": DOOR}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Let `blog` run bp-wordpress 1.0.1, and rival-prod be rival's; return what is asked."""
    found: list[dict[str, Any]] = []

    def wanted(*_: object) -> dict[str, str]:
        return {"blueprint": "bp-wordpress", "version": "1.0.1"}

    def row(_target: object, kinds: str, name: str, owner: str | None, missing: Failure) -> Any:
        if (kinds, name, owner) != ("environments", "rival-prod", None):
            raise missing
        return {"name": name, "organization": "rival"}

    monkeypatch.setattr(application, "wanted_in", wanted)
    monkeypatch.setattr(owned, "row", row)
    monkeypatch.setattr(owned, "docs", lambda *_: [])
    return found


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, asked: list[dict[str, Any]]) -> Refused:
    """Return how a verb ends whose question is refused."""

    def ended(problem: Problem, verb: Callable[[], None]) -> Failure:
        def answered(*given: Any) -> Any:
            asked.append(given[3])
            raise problem

        monkeypatch.setattr(owned, "answered", answered)
        with pytest.raises(Failure) as found:
            verb()
        return found.value

    return ended


def install(blueprint: str, name: str = "blog", env: str = "acme-prod", **more: Any) -> None:
    plan.install(blueprint, name=name, env=env, **HERE, **more)


@each(["wordpress", "bp-wordpress"])
def test_a_blueprint_is_installed_by_either_name(
    typed: str, *, refused: Refused, asked: list[dict[str, Any]]
) -> None:
    refused(Problem(409, "nothing-to-change"), lambda: install(typed))
    assert asked[-1]["blueprint"] == "bp-wordpress"


@each(
    [
        (lambda: install("bp-wordpress"), ""),
        (lambda: install("bp-wordpress", version="1.0.1"), " --version 1.0.1"),
        (lambda: install("bp-wordpress", version="^1.0"), ""),
        (lambda: plan.configure("blog", env="acme-prod", **HERE), " --version 1.0.1"),
        (
            lambda: plan.upgrade("blog", env="acme-prod", version="1.1.1", **HERE),
            " --version 1.1.1",
        ),
        (
            lambda: plan.upgrade("blog", env="acme-prod", version="^1.0.0-rc", **HERE),
            "",
        ),
        (
            lambda: catalog.show_("wordpress", why_not="1.0.1", env="acme-prod", **HERE),
            " --version 1.0.1",
        ),
    ]
)
def test_the_form_that_is_named_is_that_of_the_version_that_was_meant(
    verb: Callable[[], None], of: str, *, refused: Refused
) -> None:
    found = refused(Problem(422, "values-invalid", "there is no field siteTitle"), verb)
    wanted = f"show bp-wordpress --form{of} --env acme-prod --org acme` lists the fields"
    assert found.hint.endswith(wanted)


@each(["revision-not-found", "nothing-to-change"])
def test_a_way_back_that_there_is_not_is_told_with_those_there_are(
    code: str, *, refused: Refused
) -> None:
    verb = partial(plan.rollback, "blog", env="acme-prod", to="ch-no", **HERE)
    found = refused(Problem(404, code, "blog has no earlier revision ch-no"), verb)
    assert found.hint == "`catalyst app history blog --org acme` lists its changes"


def test_a_way_back_beyond_a_removal_is_told_so(
    refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owned, "docs", lambda *_: HISTORY)
    verb = partial(plan.rollback, "blog", env="acme-prod", to="ch-1", **HERE)
    found = refused(Problem(404, "revision-not-found", "blog has no earlier revision ch-1"), verb)
    assert found.hint == (
        "ch-1 ran before ch-2 removed blog, and nothing goes back beyond that: then it was bp-wiki "
        "2.0.1, and `catalyst plan show ch-1 --org acme` shows how; `catalyst app history "
        "blog --org acme` lists its changes"
    )


def test_values_that_are_all_as_they_were_are_told_with_where_others_are_found(
    refused: Refused,
) -> None:
    verb = partial(plan.configure, "blog", env="acme-prod", **HERE)
    found = refused(Problem(409, "nothing-to-change", "everything is as it was"), verb)
    assert found.hint.startswith("--set PATH=VALUE says what becomes another; `catalyst catalog ")
    assert "--form --version 1.0.1 --env acme-prod --org acme` lists the fields" in found.hint


@each(["not-solvable", "values-invalid", "nothing-to-change"])
def test_an_older_version_is_told_with_the_way_back_to_it(code: str, *, refused: Refused) -> None:
    verb = partial(plan.upgrade, "blog", env="acme-prod", version="1.0.0", **HERE)
    found = refused(Problem(409, code, "1.0.0 is older than the installed 1.0.1"), verb)
    assert found.hint == (
        "1.0.0 is older than what runs; if it ran as blog before, `catalyst plan rollback blog "
        "--env acme-prod --org acme --to CHANGE` brings it back, and `catalyst app history blog "
        "--org acme` names the change"
    )


@each(
    [
        (["storage.sizeGiB=5"], "--set storage.sizeGiB: the volume has 10Gi; keep it"),
        (["storage.sizeGiB=5", "storage.class=x"], "the volume has 10Gi; keep it"),
    ]
)
def test_what_cannot_change_is_told_with_the_value_that_was_typed_and_what_there_is(
    settings: list[str], message: str, *, refused: Refused
) -> None:
    text = "the volume has 10Gi; keep it"
    wrong = FieldError(pointer="/request/values", rule="value-immutable", message=text)
    verb = partial(plan.configure, "blog", env="acme-prod", settings=settings, **HERE)
    found = refused(Problem(422, "value-immutable", text, (wrong,)), verb)
    assert found.message == message
    assert found.hint.startswith("`catalyst catalog show bp-wordpress --form --version 1.0.1")
    assert found.hint.endswith("shows each value as it is")
    own = FieldError(pointer="/request/values/name", rule="value-immutable", message="it is fixed")
    assert refused(Problem(422, "value-immutable", "no", (own,)), verb).message == "no"


@each(
    [
        lambda: install("bp-wordpress", env="rival-prod"),
        lambda: catalog.show_("wordpress", form=True, env="rival-prod", **HERE),
    ]
)
def test_an_environment_of_another_organization_that_is_seen_is_said_to_be_that_one_s(
    verb: Callable[[], None], *, refused: Refused
) -> None:
    found = refused(Problem(404, "environment-not-found", "there is no Environment"), verb)
    assert found.hint == "rival-prod is an Environment of rival: give --org rival"


def test_a_name_that_another_blueprint_has_is_told_with_the_way_to_another_name(
    refused: Refused,
) -> None:
    taken = Problem(409, "application-exists", "blog runs in acme-prod already")
    other = refused(taken, lambda: install("grafana"))
    wanted = "blog is a copy of bp-wordpress; --as gives the one of bp-grafana another name"
    assert other.hint == wanted
    same = refused(taken, lambda: install("wordpress"))
    assert "catalyst plan upgrade blog" in same.hint
    assert same.hint.endswith("--as gives a second one another name")


@each([{}, {"dry_run": True}])
def test_a_file_in_the_place_of_a_hash_is_told_with_the_option_for_files(
    more: dict[str, Any], *, tmp_path: Path
) -> None:
    file = tmp_path / f"my {len(more)}.yaml"
    for there in (False, True):
        if there:
            file.write_text("{}\n")
        with pytest.raises(Failure) as found:
            apply(str(file), url=DOOR, **more)
        assert found.value.exit_code is ExitCode.USAGE
        assert (f"`catalyst apply -f '{file}'`" in found.value.hint) is there


@each(["addon-not-ordered", "package-not-ordered"])
def test_what_it_does_not_have_is_told_without_the_way_to_prices(
    code: str, *, refused: Refused
) -> None:
    field = FieldError(pointer="/request/drop_addons", rule=code, message="blog has no add-ons")
    verb = partial(plan.configure, "blog", env="acme-prod", no_addon=["addon.backup"], **HERE)
    assert refused(Problem(422, code, field.message, (field,)), verb).hint == ""


def test_a_package_that_there_is_not_is_told_with_those_that_are_sold(
    refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    field = FieldError(pointer="/request/plan", rule="enum", message="must be one of 's', 'flexi'")
    problem = Problem(422, "invalid-data", f"plan: {field.message}", (field,))
    verb = partial(install, "wordpress", package="huge")
    sold = {"packages": [{"sku": "s"}, {"sku": "xl"}]}
    monkeypatch.setattr(owned, "answer", lambda *_: sold)
    found = refused(problem, verb)
    assert found.message == "the price book has no package 'huge'; it has s, xl"
    assert [one.message for one in found.errors] == [found.message]
    assert found.exit_code is ExitCode.REJECTED

    def unknown(*_: object) -> Any:
        raise Problem(503, "prices-unavailable")

    # Where it is not known, or the word is one, what was refused is what is told.
    monkeypatch.setattr(owned, "answer", unknown)
    assert refused(problem, verb).message == f"plan: {field.message}"


@pytest.mark.guarantee("G27.2")
@each(
    [
        ("siteTitle=123", "a number", """--set 'siteTitle="123"'"""),
        ("site.title=true", "true or false", """--set 'site.title="true"'"""),
        # What was typed, such as 1.10, is not known any more.
        ("site.title=1.10", "a number", """--set 'site.title="TEXT"'"""),
    ]
)
def test_a_text_that_was_read_as_something_else_is_told_how_it_is_written(
    setting: str, what: str, way: str, *, refused: Refused
) -> None:
    path = setting.partition("=")[0]
    at = f"/request/values/{path.replace('.', '/')}"
    error = FieldError(pointer=at, rule="values-invalid", message=f"{path} must be a text")
    problem = Problem(422, "values-invalid", errors=(error,))
    found = refused(problem, lambda: install("bp-wordpress", settings=[setting]))
    said = f"{path} was read as {what}; with quotes within quotes it is a text: {way}; `catalyst "
    assert found.hint.startswith(said)
    # As pasted, it is what was meant.
    (pasted,) = shlex.split(way)[1:]
    assert isinstance(planvalues.merged(None, [pasted]).popitem()[1], str | dict)


@each(["siteTitle=Hi", "siteTitle=null", "other=3"])
def test_what_was_read_as_it_was_meant_gets_no_such_hint(setting: str, *, refused: Refused) -> None:
    error = FieldError(
        pointer="/request/values/siteTitle", rule="values-invalid", message="must be a text"
    )
    problem = Problem(422, "values-invalid", errors=(error,))
    found = refused(problem, lambda: install("bp-wordpress", settings=[setting]))
    assert found.hint.startswith("`catalyst catalog show")


@pytest.mark.guarantee("G27.14")
def test_another_way_is_told_as_it_is_typed(refused: Refused) -> None:
    told = "a postgres of its own is another way"
    errors = tuple(
        FieldError(pointer="/request/version", rule="not-solvable", message=text, own_copy=alias)
        for text, alias in (("blog needs bp-postgres ^17", ""), (told, "postgres"))
    )
    problem = Problem(409, "not-solvable", "; ".join(one.message for one in errors), errors)
    install = partial(plan.install, "bp-wordpress", name="blog", env="acme-prod", **HERE)
    assert refused(problem, install).hint == (
        "--dep postgres=new plans it with a postgres of its own"
    )
    # Where none is, it is said what is to be done as of any refusal.
    assert refused(Problem(403, "forbidden"), install).hint.startswith("roles come with the token")
    blocker = {"code": "dependency-unsettled", "message": told, "names": [], "own_copy": "postgres"}
    assert list(planshow._blockers([blocker, {**blocker, "own_copy": ""}], [])) == [
        f"dependency-unsettled: {told}: --dep postgres=new",
        f"dependency-unsettled: {told}",
    ]
    risk = {"kind": "other-values", "message": told, "own_copy": "postgres"}
    assert planshow._risk(risk) == f"other-values: {told}: --dep postgres=new"
    # A plan that was stored before has no such field.
    assert planshow._risk({"kind": "drift", "message": "x"}) == "drift: x"
