"""A form with what is set and what can be chosen, and whose alone a Blueprint is."""

import json
from typing import Any

import pytest
from tests.support.blueprints import DOCUMENT, package
from tests.support.each import each

from catalyst.blueprints.document import Blueprint, read
from catalyst.catalog_svc.domain import known
from catalyst.catalog_svc.domain.forming import Form, Present, form
from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts.message import Event
from catalyst.contracts.provisioning_values_v1 import Desired

REFERENCE = {"type": "string", "x-catalyst-ui-hint": "application-ref"}
HERE = {"blueprint": "postgres", "environment": "current"}
SCHEMA = {
    "type": "object",
    "properties": {
        "db": {**REFERENCE, "x-catalyst-ui-filter": HERE},
        "backup": {**REFERENCE, "x-catalyst-ui-filter": {"blueprint": "bp-postgres"}},
        "other": REFERENCE,
        "size": {"type": "integer", "default": 5, "x-catalyst-immutable": True},
        "smtp": {"type": "object", "properties": {"host": {"type": "string", "default": "mail"}}},
    },
}


def present(application: str, environment: str, blueprint: str, **values: Any) -> Present:
    desired = Desired(
        change="ch-1",
        blueprint=blueprint,
        origin="public",
        version="1.0.0",
        digest=f"sha256:{'1' * 64}",
        values=values,
    )
    return Present(application=application, environment=environment, desired=desired)


RUNS = (
    present("db", "acme-prod", "bp-postgres"),
    present("db", "acme-dev", "bp-postgres"),
    present("cache", "acme-prod", "bp-redis"),
    present("site", "acme-prod", "bp-wiki", size=7, smtp="odd"),
    present("old", "acme-prod", "bp-wiki", smtp={"host": "mx"}),
)
ALL = ["db.acme-prod", "db.acme-dev", "cache.acme-prod", "site.acme-prod", "old.acme-prod"]


@pytest.fixture(scope="module")
def blueprint() -> Blueprint:
    head, _, rest = DOCUMENT.partition("  configSchema:\n")
    manifests = rest[rest.index("  manifests:") :]
    text = f"{head}  configSchema: {json.dumps(SCHEMA)}\n{manifests}"
    found = read(package(text)).blueprint
    assert found is not None
    return found


def options(made: Form, name: str) -> list[str]:
    (field,) = (one for one in made.fields if one.field.path == (name,))
    return [f"{one.application}.{one.environment}" for one in field.options]


@each(
    [
        ("", "", ["db.acme-prod", "db.acme-dev"], ALL),
        ("acme-dev", "", ["db.acme-dev"], ALL),
        ("acme-prod", "site", ["db.acme-prod"], [one for one in ALL if one[:4] != "site"]),
        ("acme-dev", "db", [], [one for one in ALL if one != "db.acme-dev"]),
    ]
)
def test_what_fits_can_be_chosen_and_nothing_is_offered_to_itself(
    environment: str, application: str, here: list[str], others: list[str], *, blueprint: Blueprint
) -> None:
    made = form(blueprint, RUNS, environment, application)
    assert options(made, "db") == here
    assert options(made, "backup") == [one for one in others if one.startswith("db.")]
    assert options(made, "other") == others
    assert options(made, "size") == []


@each(
    [
        ("acme-prod", "site", [7, "mail"]),
        ("acme-prod", "old", [5, "mx"]),
        ("acme-dev", "site", [5, "mail"]),
        ("", "", [5, "mail"]),
    ]
)
def test_what_is_set_is_shown_and_else_the_default(
    environment: str, application: str, values: list[Any], *, blueprint: Blueprint
) -> None:
    made = form(blueprint, RUNS, environment, application)
    by_path = {".".join(one.field.path): one for one in made.fields}
    assert [by_path[name].value for name in ("size", "smtp.host")] == values
    runs = (environment, application) in {("acme-prod", "site"), ("acme-prod", "old")}
    assert [by_path[name].locked for name in ("size", "smtp.host")] == [runs, False]


def version(text: str, *, private: bool) -> Event:
    return bp1.VersionRegistered(
        name="bp-wiki",
        origin="public",
        version=text,
        digest=f"sha256:{'1' * 64}",
        size=1,
        spec={"visibility": "private" if private else "listed"},
        source="main",
    )


def published(text: str) -> Event:
    return bp1.VersionPublished(name="bp-wiki", origin="public", version=text)


def yanked(text: str) -> Event:
    return bp1.VersionYanked(name="bp-wiki", origin="public", version=text, reason="x")


OPEN, KEPT = version("1.0.0", private=False), version("2.0.0", private=True)


@pytest.mark.guarantee("G24.2")
@each(
    [
        ([], "open"),
        ([KEPT], "kept"),
        ([OPEN, published("1.0.0"), KEPT], "open"),
        ([OPEN, published("1.0.0"), KEPT, published("2.0.0")], "kept"),
        ([OPEN, published("1.0.0"), KEPT, published("2.0.0"), yanked("2.0.0")], "open"),
        ([KEPT, published("2.0.0"), version("3.0.0-rc.1", private=False), published("3.0.0-rc.1")],
         "kept"),
        ([published("1.0.0")], "open"),
    ],
    name=lambda one: str(len(one)),
)  # fmt: skip
def test_the_newest_version_that_can_be_had_says_whether_the_platform_keeps_it(
    events: list[Event], says: str
) -> None:
    state = known.Known()
    for event in events:
        state = known.evolve(state, event)
    assert state.secret is (says == "kept")
