"""`blueprint.yaml` as a value: what is left out, spelled otherwise, or of a wrong form."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
import yaml
from tests.support.blueprints import DOCUMENT
from tests.support.each import each

from catalyst.blueprints.circles import Need
from catalyst.blueprints.document import (
    MAX_SPEC,
    Blueprint,
    Dependency,
    Mode,
    Read,
    canonical,
    dependency,
    folder,
    mode,
    of_spec,
    read,
    valid_name,
)
from catalyst.blueprints.package import of_files
from catalyst.blueprints.rendering import to_yaml

NOTHING = {"type": "object", "additionalProperties": False}
TOPOLOGY: dict[str, Any] = {
    "supported": ["singleton"],
    "defaults": {"multi-region": "singleton", "single-region": "singleton"},
}


def document(text: str | bytes) -> Read:
    raw = text if isinstance(text, bytes) else text.encode()
    return read(of_files({"blueprint.yaml": raw}))


def told(found: Read) -> list[tuple[str, str, int]]:
    return [(one.rule, one.pointer, one.line) for one in found.findings]


def changed(**changes: Any) -> dict[str, Any]:
    """Return a small document with other parts; `metadata` and `spec` are laid over."""
    made: dict[str, Any] = {
        "apiVersion": "catalyst.openova.io/v1",
        "kind": "Blueprint",
        "metadata": {"name": "bp-wiki"},
        "spec": {"version": "1.0.0", "card": {"title": "Wiki"}},
    }
    for name, part in changes.items():
        made[name] = {**made[name], **part} if isinstance(part, dict) else part
    return made


def test_each_mode_has_one_spelling_here_and_two_words_have_another() -> None:
    words = (
        *("single-region", "active-active", "active-hot-standby", "active-passive"),
        *("primary-only", "secondary-only", "every-region"),
    )
    assert [mode(word) for word in words] == list(Mode)
    assert [one.value for one in Mode] == list(words)
    assert mode("singleton") is Mode.SINGLE_REGION
    assert mode("active-hotstandby") is Mode.ACTIVE_HOT_STANDBY
    with pytest.raises(ValueError, match="nowhere"):
        mode("nowhere")


def test_a_name_has_its_beginning_once() -> None:
    assert [canonical(one) for one in ("wiki", "bp-wiki", "bpwiki")] == [
        *("bp-wiki", "bp-wiki", "bp-bpwiki"),
    ]


@each(
    [
        ("wiki", True),
        ("bp-wiki", True),
        ("a1", True),
        ("a", False),
        ("Wiki", False),
        ("wiki-", False),
        ("1wiki", False),
        ("w" * 60, True),
        ("w" * 61, False),
        ("bp-" + "w" * 60, True),
        ("bp-" + "w" * 61, False),
        ("a wiki", False),
    ]
)
def test_a_name_is_one_that_a_label_holds(name: str, wanted: bool) -> None:  # noqa: FBT001
    assert valid_name(name) is wanted


@each([("manifests", "manifests"), ("./a/b/", "a/b"), ("a//", "a"), ("../a", "../a"), ("", "")])
def test_a_folder_is_a_path_in_the_package(ref: str, path: str) -> None:
    assert folder(ref) == path


def test_a_dependency_may_be_its_bare_name() -> None:
    bare = Dependency(blueprint="bp-my-db", version="*", alias="my_db", when="", values={})
    assert dependency("my-db") == bare
    assert dependency({"blueprint": "bp-my-db", "version": "", "alias": "", "values": None}) == bare
    given = {"blueprint": "db", "version": "^1", "alias": "d", "when": "x", "values": {"a": 1}}
    assert dependency(given) == Dependency(
        blueprint="bp-db", version="^1", alias="d", when="x", values={"a": 1}
    )
    assert dependency(given).need == Need("bp-db", "^1")
    assert Dependency(blueprint="bp-db", alias="db") == dependency("db")


def test_what_is_left_out_stands_for_something() -> None:
    spec: dict[str, Any] = {"version": "1.0.0", "card": {"title": "Wiki"}}
    assert of_spec("wiki", spec) == Blueprint(
        name="bp-wiki",
        version="1.0.0",
        title="Wiki",
        visibility="listed",
        schema=NOTHING,
        modes=(Mode.SINGLE_REGION,),
        default_mode=Mode.SINGLE_REGION,
        default_mode_on_multi_region=Mode.SINGLE_REGION,
        depends=(),
        upgrades_from=(),
        upgrades_blocks=(),
        manifests="",
        values={},
        overlays={},
        outputs={},
        spec=spec,
    )


def test_what_is_said_is_taken_over() -> None:
    source = {"kind": "Kustomize", "ref": "./made/"}
    spec: dict[str, Any] = {
        "version": "2.0.0",
        "card": {"title": "Wiki"},
        "visibility": "private",
        "configSchema": {"type": "object"},
        "placementSchema": {
            "modes": ["active-hotstandby", "active-hot-standby", "singleton"],
            "default": "singleton",
            "defaultOnMultiRegion": "active-hotstandby",
        },
        "depends": ["db"],
        "upgrades": {"from": ["1.x"], "blocks": ["1.3.0"]},
        "manifests": {"source": source, "values": {"a": 1}, "overlays": {"prod": {"a": 2}}},
        "outputs": {"host": "x"},
    }
    found = of_spec("bp-wiki", spec)
    assert found.modes == (Mode.ACTIVE_HOT_STANDBY, Mode.SINGLE_REGION)
    assert found.default_mode is Mode.SINGLE_REGION
    assert found.default_mode_on_multi_region is Mode.ACTIVE_HOT_STANDBY
    assert (found.visibility, found.schema) == ("private", {"type": "object"})
    assert (found.depends, found.manifests) == ((dependency("db"),), "made")
    assert (found.upgrades_from, found.upgrades_blocks) == (("1.x",), ("1.3.0",))
    assert (found.values, found.overlays) == ({"a": 1}, {"prod": {"a": 2}})
    assert found.outputs == {"host": "x"}
    first = {"placementSchema": {"modes": ["active-active", "singleton"]}}
    assert of_spec("w", {**spec, **first}).default_mode is Mode.ACTIVE_ACTIVE
    assert of_spec("w", {**spec, **first}).default_mode_on_multi_region is Mode.ACTIVE_ACTIVE
    chart = {"manifests": {"source": {**source, "kind": "HelmChart"}}}
    assert of_spec("w", {**spec, **chart}).manifests == ""


@each(
    [
        (b"\xff", "package.encoding", "byte 0 is not UTF-8"),
        ("", "package.document", "blueprint.yaml holds 0 documents instead of one"),
        (DOCUMENT + "---\n" + DOCUMENT, "package.document",
         "blueprint.yaml holds 2 documents instead of one"),
    ]
)  # fmt: skip
def test_what_is_not_one_document_is_told_of_the_file(
    text: str | bytes, rule: str, message: str
) -> None:
    found = document(text)
    assert (found.blueprint, found.partial, found.source) == (None, None, None)
    (one,) = found.findings
    assert (one.severity.value, one.rule, one.file) == ("error", rule, "blueprint.yaml")
    assert (one.message, one.line, one.column, one.pointer) == (message, 0, 0, "")


def test_a_text_that_is_no_yaml_is_told_as_that_alone() -> None:
    for text in ("a: [", "a: [\n---\nb: 1\n"):
        found = document(text)
        assert (found.blueprint, found.source) == (None, None)
        assert {one.rule for one in found.findings} == {"yaml.syntax"}


def test_without_a_document_the_whole_is_told() -> None:
    (one,) = read(of_files({"a": b""})).findings
    assert (one.rule, one.file) == ("package.document", "")


def test_what_nobody_knows_does_nothing_and_refuses_nothing() -> None:
    found = document(yaml.safe_dump(changed(spec={"colour": "red"})))
    (one,) = found.findings
    assert (one.severity.value, one.rule) == ("warning", "schema.additionalProperties")
    assert one.message == "there is no field spec.colour, so it does nothing"
    assert found.blueprint is not None
    assert found.partial == found.blueprint


def test_a_spec_has_a_size_that_an_event_takes() -> None:
    assert MAX_SPEC == 64 * 1024

    def sized(more: int) -> Read:
        made = changed(spec={"outputs": {f"o{n}": "x" * 15_000 for n in range(4)}})
        left = MAX_SPEC - len(msgspec.json.encode(made["spec"]))
        made["spec"]["outputs"]["o0"] += "x" * (left + more)
        return document(to_yaml([made]))

    assert sized(0).findings == ()
    (one,) = sized(1).findings
    assert (one.rule, one.pointer, one.message) == (
        *("package.spec-size", "/spec", "spec has 65537 bytes, and at most 65536 are taken"),
    )


@each(
    [
        ({"spec": {"version": 1}}, {"version": "0.0.0"}),
        ({"spec": {"card": {}}}, {"title": "bp-wiki"}),
        ({"spec": {"card": []}}, {"title": "bp-wiki"}),
        ({"spec": {"card": {"title": "Wiki", "icon": 5}}}, {"title": "Wiki"}),
        ({"spec": {"visibility": "secret"}}, {"visibility": "listed"}),
        ({"spec": {"depends": ["db", 5]}}, {"depends": ()}),
        ({"spec": {"upgrades": {"from": ["*"], "blocks": [1]}}}, {"upgrades_from": ("*",)}),
        ({"spec": {"upgrades": {"from": ["*"], "blocks": [1]}}}, {"upgrades_blocks": ()}),
        ({"metadata": []}, {"name": "bp-unnamed"}),
        ({"metadata": {"name": "No Name"}}, {"name": "bp-unnamed"}),
        ({"metadata": {"name": 5}, "spec": {"card": {}}}, {"title": "unnamed"}),
        ({"apiVersion": "v9", "kind": "Other"}, {"name": "bp-wiki"}),
    ]
)
def test_of_a_wrong_form_what_is_well_is_looked_into(
    changes: dict[str, Any], left: dict[str, Any]
) -> None:
    found = document(yaml.safe_dump(changed(**changes)))
    assert found.blueprint is None
    assert found.findings
    assert found.partial is not None
    assert {name: getattr(found.partial, name) for name in left} == left


@pytest.mark.parametrize("spec", [None, [], "text", 5])
def test_without_a_spec_nothing_is_left(spec: Any) -> None:
    found = document(yaml.safe_dump(changed() | {"spec": spec}))
    assert (found.blueprint, found.partial) == (None, None)
    assert ("schema.type", "/spec", 5) in told(found)
    assert document("just words\n").partial is None
    assert document("[1, 2]\n").partial is None


def test_a_wrong_form_refuses_whatever_is_unknown_beside_it() -> None:
    found = document(yaml.safe_dump(changed(spec={"card": {"icon": "x"}, "version": 1, "zz": 1})))
    assert (found.blueprint, found.partial is None) == (None, False)
    assert [(one.severity.value, one.message, one.fix) for one in found.findings] == [
        ("error", "spec.card.title is missing", "add title"),
        ("error", "spec.version must be a text", "correct the value"),
        ("warning", "there is no field spec.zz, so it does nothing", "leave zz out"),
    ]


@each(
    [
        ({"sso": {"groupsClaim": "x"}}, "spec.sso.realm is missing"),
        ({"topology": {"supported": ["singleton"]}}, "spec.topology.defaults is missing"),
        (
            {"topology": {**TOPOLOGY, "perTopology": {"singleton": {}}}},
            "spec.topology.perTopology.singleton.placement is missing",
        ),
        ({"multiInstance": {}}, "spec.multiInstance.enabled is missing"),
        ({"manifests": {"source": {"ref": "x"}}}, "spec.manifests.source.kind is missing"),
        (
            {"manifests": {"source": {"kind": "Helm", "ref": "x"}}},
            "spec.manifests.source.kind must be one of HelmChart, Kustomize, OAM",
        ),
    ]
)
def test_what_lacks_something_that_only_an_author_knows_is_left_out_and_the_rest_looked_into(
    spec: dict[str, Any], message: str
) -> None:
    found = document(yaml.safe_dump(changed(spec={**spec, "upgrades": {"from": ["1.x"]}})))
    assert found.blueprint is None
    assert [one.message for one in found.findings] == [message]
    assert found.partial is not None
    assert found.partial.upgrades_from == ("1.x",)


def test_of_a_map_whose_entries_lack_something_the_others_stay() -> None:
    parts = {"singleton": {"placement": {"tier": "mgmt"}}, "active-active": {}}
    found = document(yaml.safe_dump(changed(spec={"topology": {**TOPOLOGY, "perTopology": parts}})))
    assert [one.message.rpartition(".")[2] for one in found.findings] == [
        "placement is missing",
        "replication is missing",
    ]
    assert found.partial is not None
    assert found.partial.spec["topology"]["perTopology"] == {"singleton": parts["singleton"]}
