"""What is told of a package, where there is no room for all of it."""

from __future__ import annotations

from tests.support.blueprints import DOCUMENT, package

from catalyst.blueprint_controller.checking import MAX_ADVICE, MAX_ERRORS, Checked, There, checked
from catalyst.blueprint_controller.domain import spec
from catalyst.blueprints.document import read

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
