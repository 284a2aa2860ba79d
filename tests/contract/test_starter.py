"""What comes with Catalyst is complete, fits together, and uses all that a Blueprint can say."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import pytest
from tests.support import starters
from tests.support.configurations import choices
from tests.support.each import each
from tests.support.starters import NAMES

from catalyst.blueprints import configschema, dependencies, form, lint, metaschema, versions
from catalyst.blueprints.package import to_tar
from catalyst.blueprints.starter import loading

BANNED = re.compile(
    r"\b(tenants?|operators?|clients?|modules?|templates?|workspaces?|instances?)\b", re.IGNORECASE
)
KNOWN = {
    name: {one.version: tuple(need.need for need in one.depends) for one in group}
    for name, group in starters.catalogue().items()
}


@pytest.mark.guarantee("G21.1")
@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_found_in_a_starter(name: str) -> None:
    found = lint.lint(starters.package(name), known=KNOWN)
    assert [f"{one.file}:{one.line} {one.rule} {one.message}" for one in found.findings] == []


@each(NAMES)
def test_a_folder_is_named_after_what_is_in_it(name: str) -> None:
    blueprint = starters.blueprint(name)
    newest = starters.catalogue()[blueprint.name][-1].version == blueprint.version
    expected = blueprint.name if newest else f"{blueprint.name}@{blueprint.version}"
    assert name == expected


@each(NAMES)
def test_a_card_is_complete(name: str) -> None:
    card = starters.blueprint(name).spec["card"]
    wanted = ["title", "summary", "description", "icon", "category", "tags", "license"]
    if card["category"] != "bundle":
        wanted.append("documentation")
    assert all(card.get(field) for field in wanted)
    assert len(card["summary"]) <= 90
    readme = starters.package(name).text("README.md")
    assert readme.startswith(f"# {card['title']}\n")
    assert "**It needs**" in readme
    assert "**It keeps**" in readme


@each(NAMES)
def test_an_icon_is_a_small_drawing_and_nothing_else(name: str) -> None:
    text = starters.package(name).text(starters.blueprint(name).spec["card"]["icon"])
    assert len(text) <= 1024
    root = ElementTree.fromstring(text)  # noqa: S314 - our own file
    tags = {element.tag.removeprefix("{http://www.w3.org/2000/svg}") for element in root.iter()}
    assert tags <= {"svg", "g", "path", "rect", "circle", "ellipse"}


@each(NAMES)
def test_texts_use_the_words_of_the_glossary(name: str) -> None:
    blueprint = starters.blueprint(name)
    card = blueprint.spec["card"]
    texts = [starters.package(name).text("README.md"), card["summary"], card["description"]]
    for field in form.fields(blueprint.schema):
        texts += [field.title, field.description]
    assert [found[0] for text in texts for found in BANNED.finditer(text)] == []


@each(NAMES)
def test_every_field_of_a_form_has_a_title(name: str) -> None:
    fields = form.fields(starters.blueprint(name).schema)
    assert [field.path for field in fields if field.title == field.path[-1]] == []


@pytest.mark.guarantee("G21.1")
def test_every_dependency_is_in_the_catalogue_in_a_version_that_fits() -> None:
    missing = [
        (name, one.blueprint, one.version)
        for name in NAMES
        for one in starters.blueprint(name).depends
        if one.blueprint not in KNOWN or not starters.fitting(one.blueprint, one.version)
    ]
    assert missing == []


@pytest.mark.guarantee("G21.1")
def test_no_dependency_leads_back() -> None:
    def walk(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " → ".join((*way, name))
        for version in starters.catalogue()[name]:
            for one in version.depends:
                walk(one.blueprint, (*way, name))

    for name in KNOWN:
        walk(name, ())


def tree(name: str, parameters: dict[str, Any]) -> set[str]:
    """Return the names of all that is installed, the newest version that fits of each."""
    config = starters.configured(name, parameters)
    found = {starters.blueprint(name).name}
    for one in dependencies.wanted(starters.blueprint(name), starters.scope(name, config)):
        newest = starters.fitting(one.blueprint, one.version)[-1]
        (folder,) = (
            each
            for each in NAMES
            if starters.blueprint(each).name == newest.name
            and starters.blueprint(each).version == newest.version
        )
        found |= tree(folder, one.values)
    return found


def test_a_tree_of_five_applications_needs_no_choice() -> None:
    expected = {"bp-grafana", "bp-postgres", "bp-prometheus", "bp-loki", "bp-object-store"}
    assert tree("bp-grafana", {}) == expected


def test_the_bundle_brings_its_parts_and_leaves_out_what_nobody_wants() -> None:
    given = {"baseDomain": "team.example.com"}
    whole = {
        "bp-team-suite", "bp-postgres", "bp-wiki", "bp-mattermost", "bp-nextcloud", "bp-valkey",
        "bp-vaultwarden",
    }  # fmt: skip
    assert tree("bp-team-suite", given) == whole
    without = {**given, "parts": {"files": False, "passwords": False}}
    assert tree("bp-team-suite", without) == whole - {"bp-nextcloud", "bp-valkey", "bp-vaultwarden"}


def test_one_postgres_fits_all_parts_of_the_bundle() -> None:
    ranges = [
        one.version
        for part in ("bp-team-suite", "bp-wiki", "bp-mattermost", "bp-nextcloud", "bp-vaultwarden")
        for one in starters.blueprint(part).depends
        if one.blueprint == "bp-postgres"
    ]
    assert len(ranges) == 5
    shared = set.intersection(
        *({found.version for found in starters.fitting("bp-postgres", one)} for one in ranges)
    )
    assert shared == {"16.9.1"}


@pytest.mark.guarantee("G21.1")
@pytest.mark.parametrize("name", NAMES)
def test_what_is_handed_to_a_dependency_fits_every_version_of_it(name: str) -> None:
    blueprint = starters.blueprint(name)
    for parameters in choices(blueprint.schema):
        config = starters.configured(name, parameters)
        wanted = dependencies.wanted(blueprint, starters.scope(name, config))
        for one in wanted:
            for version in starters.fitting(one.blueprint, one.version):
                effective = configschema.effective(version.schema, one.values)
                assert configschema.validate(version.schema, effective) == []


@pytest.mark.parametrize(
    ("name", "installed", "target", "allowed"),
    [
        ("bp-postgres", "15.10.1", "16.9.1", False),
        ("bp-postgres", "16.9.1", "17.6.1", False),
        ("bp-wiki", "1.0.1", "2.0.1", True),
        ("bp-wiki", "2.0.1", "2.1.1", True),
        ("bp-wiki", "1.0.1", "2.1.1", False),
        ("bp-valkey", "1.0.2", "1.0.3", True),
        ("bp-grafana", "1.0.1", "1.1.1", True),
        ("bp-wordpress", "1.0.1", "1.1.1", True),
    ],
)
def test_an_upgrade_goes_the_way_that_keeps_the_data(
    name: str, installed: str, target: str, *, allowed: bool
) -> None:
    (found,) = (one for one in starters.catalogue()[name] if one.version == target)
    refusal = versions.upgrade_refusal(
        versions.parse(installed),
        versions.parse(target),
        [versions.parse_range(one) for one in found.upgrades_from],
        [versions.parse_range(one) for one in found.upgrades_blocks],
    )
    assert (refusal == "") is allowed


def test_the_catalogue_uses_everything_that_a_form_can_say() -> None:
    used: set[str] = set()
    hints: set[str] = set()
    for name in NAMES:
        for _, part in metaschema.walk(starters.blueprint(name).schema):
            used |= part.keys()
            hints.add(part.get("x-catalyst-ui-hint", ""))
    wanted = {
        "type", "format", "default", "enum", "minimum", "maximum", "pattern", "oneOf", "anyOf",
        "if", "then", "dependencies", "items", "required", "x-catalyst-ui-filter",
        "x-catalyst-ui-order", "x-catalyst-immutable",
    }  # fmt: skip
    assert wanted - used == set()
    assert hints == {"", "password", "domain-picker", "application-ref"}
    assert any(field.shown_when for field in form.fields(starters.blueprint("bp-n8n").schema))


def test_the_catalogue_is_large_enough_to_choose_from() -> None:
    assert len(KNOWN) >= 16
    assert sum(len(group) > 1 for group in starters.catalogue().values()) >= 3
    assert starters.blueprint("bp-redis").spec["multiInstance"]["enabled"] is True


@each(NAMES)
def test_loading_twice_gives_the_same_bytes(name: str) -> None:
    assert to_tar(loading.load(name)) == to_tar(starters.package(name))
