"""The compatibility gate: a released message only gains optional fields, and none disappears."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import jsonschema_rs
import msgspec
import pytest
from tests.support.each import each
from tools import compatibility, snapshots

from catalyst.contracts import schema
from catalyst.contracts.message import Command

RELEASED = snapshots.read(snapshots.SNAPSHOTS)
CURRENT = schema.schemas()


@each(sorted(RELEASED))
def test_a_released_message_only_gains_optional_fields(name: str) -> None:
    assert compatibility.differences(RELEASED[name], CURRENT[name]) == ()


def test_no_released_message_disappears() -> None:
    assert compatibility.missing(RELEASED, CURRENT) == ()


def test_every_message_is_released() -> None:
    assert set(CURRENT) == set(RELEASED)


def test_the_files_are_what_the_code_says() -> None:
    assert snapshots.main(["--check"]) == 0


@each(sorted(CURRENT))
def test_a_schema_is_one_and_stands_alone(name: str) -> None:
    document = CURRENT[name]
    jsonschema_rs.meta.validate(document)
    references = [ref for ref in _references(document) if not ref.startswith("#/$defs/")]
    assert references == []
    assert set(_references(document)) <= {f"#/$defs/{key}" for key in document.get("$defs", {})}
    assert document["title"] == name
    assert document["description"].endswith(".")


def _references(node: Any) -> list[str]:
    if isinstance(node, list):
        return [found for item in node for found in _references(item)]
    if not isinstance(node, dict):
        return []
    own = [node["$ref"]] if "$ref" in node else []
    return own + [found for item in node.values() for found in _references(item)]


# ---- the gate itself: it must see what breaks, and let pass what does not

CREATE = "environment.create-organization.v1"
POLICY = "environment.define-policy.v1"
FEW = {name: CURRENT[name] for name in (CREATE, POLICY)}
"""Enough for what is said of the script."""


def _edit(path: str, change: Callable[[Any], None]) -> Callable[[Any], None]:
    def apply(document: Any) -> None:
        node = document
        for step in path.split("/"):
            node = node[int(step)] if isinstance(node, list) else node[step]
        change(node)

    return apply


BREAKING = {
    "a field is renamed": _edit(
        "properties", lambda fields: fields.update(name=fields.pop("display_name"))
    ),
    "a field is removed": _edit("properties", lambda fields: fields.pop("parent_org")),
    "an optional field becomes required": _edit(
        "required", lambda names: names.append("plan_slug")
    ),
    "a required field becomes optional": _edit("required", lambda names: names.remove("owners")),
    "a new field is required": lambda document: (
        document["properties"].update(colour={"type": "string"}),
        document["required"].append("colour"),
    ),
    "a type changes": _edit("properties/display_name", lambda field: field.update(type="integer")),
    "a default changes": _edit(
        "properties/default_environment_type", lambda field: field.update(default="dev")
    ),
    "a default is gone": _edit(
        "properties/default_environment_type", lambda field: field.pop("default")
    ),
    "a value of an enumeration is gone": _edit(
        "properties/kind/enum", lambda values: values.remove("internal")
    ),
    "a value of an enumeration is new": _edit(
        "properties/kind/enum", lambda values: values.append("partner")
    ),
    "a length is limited further": _edit(
        "properties/display_name", lambda field: field.update(maxLength=10)
    ),
    "a limit is lifted": _edit("properties/owners", lambda field: field.pop("maxItems")),
    "a pattern changes": _edit(
        "properties/sovereign_ref", lambda field: field.update(pattern="^a$")
    ),
    "unknown fields are taken": lambda document: document.pop("additionalProperties"),
    "a nested field is removed": _edit("$defs/Owner/properties", lambda fields: fields.pop("role")),
    "a nested field becomes required": _edit(
        "$defs/FederationConfig/required", lambda names: names.append("issuer")
    ),
    "an alternative is gone": _edit("properties/identity/anyOf", lambda choices: choices.pop()),
}


@pytest.mark.parametrize("change", BREAKING.values(), ids=BREAKING.keys())
def test_a_breaking_change_is_refused(change: Callable[[Any], None]) -> None:
    changed = copy.deepcopy(CURRENT[CREATE])
    change(changed)
    assert compatibility.differences(CURRENT[CREATE], changed) != ()
    assert snapshots.refusals(CURRENT, {**CURRENT, CREATE: changed}) != []


def test_an_alternative_of_a_union_that_changes_its_tag_is_refused() -> None:
    changed = copy.deepcopy(CURRENT[POLICY])
    changed["$defs"]["Soak"]["properties"]["type"]["enum"] = ["soaking"]
    assert compatibility.differences(CURRENT[POLICY], changed) != ()


def test_the_reason_names_the_place() -> None:
    changed = copy.deepcopy(CURRENT[CREATE])
    del changed["$defs"]["Owner"]["properties"]["role"]
    assert compatibility.differences(CURRENT[CREATE], changed) == (
        "$.properties.owners.items.properties.role: the field is gone",
    )


def test_a_message_that_is_gone_is_refused() -> None:
    rest = {name: document for name, document in CURRENT.items() if name != CREATE}
    assert snapshots.refusals(CURRENT, rest) == [f"{CREATE}: the message is gone"]


COMPATIBLE = {
    "a new optional field": _edit(
        "properties", lambda fields: fields.update(colour={"type": "string", "default": ""})
    ),
    "a new optional field inside": _edit(
        "$defs/Owner/properties", lambda fields: fields.update(since={"type": "string"})
    ),
    "a better description": lambda document: document.update(description="Says it better."),
    "a better description inside": _edit(
        "$defs/Owner", lambda definition: definition.update(description="Says it better.")
    ),
}


@pytest.mark.parametrize("change", COMPATIBLE.values(), ids=COMPATIBLE.keys())
def test_a_compatible_change_passes(change: Callable[[Any], None]) -> None:
    changed = copy.deepcopy(CURRENT[CREATE])
    change(changed)
    assert changed != CURRENT[CREATE]
    assert compatibility.differences(CURRENT[CREATE], changed) == ()


def test_renaming_a_class_changes_nothing_on_the_wire() -> None:
    text = json.dumps(CURRENT[CREATE]).replace("#/$defs/Owner", "#/$defs/Person")
    renamed = json.loads(text)
    renamed["$defs"]["Person"] = renamed["$defs"].pop("Owner")
    assert compatibility.differences(CURRENT[CREATE], renamed) == ()


class Tree(Command, frozen=True, kw_only=True):
    """A message that holds itself."""

    children: "tuple[Tree, ...]" = ()  # noqa: UP037
    name: Annotated[str, msgspec.Meta(max_length=9)] = ""


def test_a_message_that_holds_itself_can_be_compared() -> None:
    (_,), definitions = msgspec.json.schema_components([Tree], ref_template="#/$defs/{name}")
    document = {"$ref": "#/$defs/Tree", "$defs": definitions}
    changed = copy.deepcopy(document)
    assert compatibility.differences(document, changed) == ()
    del changed["$defs"]["Tree"]["properties"]["name"]  # type: ignore[index]
    assert compatibility.differences(document, changed) != ()


# ---- the script that writes them


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    released, examples = tmp_path / "snapshots", tmp_path / "examples"
    monkeypatch.setattr(snapshots, "SNAPSHOTS", released)
    monkeypatch.setattr(snapshots, "EXAMPLE_FILES", examples)
    monkeypatch.setattr("tools.files.ROOT", tmp_path)
    monkeypatch.setattr(schema, "schemas", lambda: FEW)
    return released, examples


def test_it_writes_what_is_missing_once(folders: tuple[Path, Path]) -> None:
    assert snapshots.main(["--check"]) == 1
    assert snapshots.main([]) == 0
    assert snapshots.main(["--check"]) == 0
    assert {path.stem for path in folders[0].iterdir()} == set(FEW)
    assert {path.stem for path in folders[1].iterdir()} == set(FEW)


def test_it_refuses_an_incompatible_change_and_writes_nothing(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    snapshots.main([])
    path = folders[0] / f"{CREATE}.json"
    released = json.loads(path.read_text("utf-8"))
    released["properties"]["colour"] = {"type": "string", "default": ""}
    path.write_text(json.dumps(released), encoding="utf-8")
    before = path.read_text("utf-8")

    assert snapshots.main([]) == 1
    assert "colour: the field is gone" in capsys.readouterr().err
    assert path.read_text("utf-8") == before
    assert snapshots.main(["--replace", CREATE]) == 0
    assert snapshots.main(["--check"]) == 0


def test_it_never_rewrites_a_golden_payload(folders: tuple[Path, Path]) -> None:
    snapshots.main([])
    path = folders[1] / f"{CREATE}.json"
    path.write_text("{}", encoding="utf-8")
    assert snapshots.main([]) == 0
    assert path.read_text("utf-8") == "{}"
