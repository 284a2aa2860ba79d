"""What is told of a package, where there is no room for all of it."""

from __future__ import annotations

from tests.support.blueprints import DOCUMENT, package

from catalyst.blueprint_controller.checking import (
    MAX_ADVICE,
    MAX_ERRORS,
    Checked,
    There,
    checked,
    unreadable,
)
from catalyst.blueprint_controller.domain import spec
from catalyst.blueprints.circles import Need
from catalyst.blueprints.document import read
from catalyst.blueprints.lint import CYCLE
from catalyst.blueprints.package import BadPackage, digest, to_tar

CHATTY = "      dbPassword: {type: string}\n"


def looked(document: str, manifest: str = "", *, own: bool = False) -> Checked:
    found = package(document, manifest) if manifest else package(document)
    return checked("bp-wiki", found, There(known={}), {}, own=own)


def test_what_waits_is_told_before_advice_and_the_rest_is_counted() -> None:
    many = "".join(CHATTY.replace("db", f"db{number}") for number in range(MAX_ADVICE + 4))
    found = looked(DOCUMENT.replace("      theme:", f"{many}      theme:")).found
    assert found is not None
    told = found.findings
    assert len(told) == MAX_ADVICE
    assert (told[0].severity, told[0].rule) == ("pending", "depends.unknown")
    assert (told[-1].severity, told[-1].rule) == ("warning", "package.more")
    assert told[-1].message == "6 more findings"


def test_as_many_as_there_is_room_for_are_all_told() -> None:
    many = "".join(CHATTY.replace("db", f"db{number}") for number in range(MAX_ADVICE - 1))
    found = looked(DOCUMENT.replace("      theme:", f"{many}      theme:")).found
    assert found is not None
    assert [one.rule for one in found.findings].count("advice.password") == MAX_ADVICE - 1


def test_errors_beyond_the_room_are_counted() -> None:
    bad = "      f{}: {{type: integer, default: x}}\n"
    many = "".join(bad.format(number) for number in range(MAX_ERRORS + 3))
    refused = looked(DOCUMENT.replace("      theme:", f"{many}      theme:")).refused
    assert refused is not None
    assert len(refused.findings) == MAX_ERRORS
    assert refused.findings[-1].message == "4 more findings"


POD = """\
apiVersion: v1
kind: Pod
metadata: {name: app}
spec: {hostNetwork: true, containers: []}
"""


def test_the_platforms_pod_may_reach_its_node_and_an_organizations_may_not() -> None:
    assert looked(DOCUMENT, POD).found is not None
    refused = looked(DOCUMENT, POD, own=True).refused
    assert refused is not None
    assert [one.rule for one in refused.findings] == ["powers"]


def test_a_dependency_travels_with_its_condition_and_its_values() -> None:
    blueprint = read(package()).blueprint
    assert blueprint is not None
    (travels,) = spec.travelling(blueprint)["depends"]
    assert travels["when"] == "{{ .config.postgres.mode == 'embedded' }}"
    assert travels["values"] == {"database": "{{ .application.name }}"}


# ---- what a package is


def test_a_good_package_is_found_as_it_is_stored() -> None:
    whole = package()
    found = checked("some/folder", whole, There(known={}), {})
    assert found.refused is None
    assert found.tar == to_tar(whole)
    assert found.found is not None
    told = found.found
    assert (told.blueprint, told.folder, told.size) == ("bp-wiki", "some/folder", len(found.tar))
    assert told.digest == digest(whole)
    blueprint = read(whole).blueprint
    assert blueprint is not None
    assert (told.version, told.needs) == (blueprint.version, ("bp-postgres",))


def test_a_bad_package_is_refused_by_its_name_as_far_as_it_can_be_read() -> None:
    wrong = looked(
        DOCUMENT.replace("      theme:", "      x: {type: integer, default: word}\n      theme:")
    )
    assert wrong.found is None
    assert wrong.tar == b""
    assert wrong.refused is not None
    assert (wrong.refused.folder, wrong.refused.blueprint, wrong.refused.version) == (
        "bp-wiki", "bp-wiki", "1.2.0",
    )  # fmt: skip
    (finding,) = wrong.refused.findings
    assert (finding.severity, finding.rule, finding.file) == (
        "error", "config-schema.default", "blueprint.yaml",
    )  # fmt: skip
    assert finding.fix == "change the default or the schema"
    nameless = looked("a: [")
    assert nameless.refused is not None
    assert (nameless.refused.blueprint, nameless.refused.version) == ("", "")


def test_what_cannot_be_taken_at_all_is_told_of_its_folder() -> None:
    refused = unreadable(
        "some\nfolder", BadPackage("a/b", "is a link", "put the file there")
    ).refused
    assert refused is not None
    (finding,) = refused.findings
    assert refused.folder == "some folder"
    assert (finding.rule, finding.file, finding.message, finding.fix) == (
        "package.content", "a/b", "is a link", "put the file there",
    )  # fmt: skip


def test_a_version_stands_in_one_folder_of_its_source() -> None:
    def told(taken: str) -> list[str]:
        found = checked("here", package(), There(known={}), {"bp-wiki@1.2.0": taken})
        return [] if found.refused is None else [one.message for one in found.refused.findings]

    assert told("here") == []
    assert told("there") == ["bp-wiki 1.2.0 stands in there as well"]
    assert told("") == ["bp-wiki 1.2.0 stands in the top folder as well"]


def test_a_circle_keeps_a_version_out_unless_it_is_yanked() -> None:
    known = {"bp-postgres": {"1.0.0": (Need("bp-wiki", "*"),)}}

    def rules(*gone: str) -> list[str]:
        found = checked("x", package(), There(known=known, gone=frozenset(gone)), {})
        return [] if found.refused is None else [one.rule for one in found.refused.findings]

    assert rules() == [CYCLE]
    assert rules("bp-wiki@1.1.0") == [CYCLE]
    assert rules("bp-wiki@1.2.0") == []
