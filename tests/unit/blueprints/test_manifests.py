"""Which files of a folder are manifests, what is no object, and where an expression is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.blueprints import KUSTOMIZATION, MANIFEST
from tests.support.each import each

from catalyst.blueprints import manifests
from catalyst.blueprints.findings import Finding
from catalyst.blueprints.manifests import Manifests, expressions, read, valid_object_name
from catalyst.blueprints.package import of_files
from catalyst.blueprints.source import parse

OBJECT = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\n"


def of(listed: str | None = KUSTOMIZATION, folder: str = "m", **more: str | bytes) -> Manifests:
    """Return what is read of a folder; `more` are its files, with `/` written as `__`."""
    files: dict[str, str | bytes] = {"app.yaml": MANIFEST}
    if listed is not None:
        files["kustomization.yaml"] = listed
    files |= {name.replace("__", "/"): content for name, content in more.items()}
    return read(
        of_files(
            {
                f"{folder}/{name}": content.encode() if isinstance(content, str) else content
                for name, content in files.items()
            }
        ),
        folder,
    )


def told(found: Manifests) -> list[tuple[str, str, str, str]]:
    """Return rule, file, place and words of each finding; every one refuses."""
    assert all(one.severity.value == "error" and one.fix for one in found.findings)
    return [(one.rule, one.file, one.pointer, one.message) for one in found.findings]


def resources(names: str) -> str:
    return KUSTOMIZATION.replace("[app.yaml]", names)


def test_the_limits_are_these() -> None:
    assert (manifests.MAX_OBJECTS, manifests.MAX_VALUES) == (200, 40_000)
    assert manifests.WHEN == "catalyst.openova.io/when"


def test_files_are_read_in_the_order_of_the_list_and_others_are_not() -> None:
    more = {"b.yaml": OBJECT, "deep/er.yaml": f"{OBJECT}---\n{OBJECT}", "left.yaml": "no"}
    found = of(resources("[deep/er.yaml, ./b.yaml, app.yaml]"), **more)
    assert (found.folder, found.findings) == ("m", ())
    assert [(one.file, len(one.objects)) for one in found.files] == [
        ("m/deep/er.yaml", 2),
        ("m/b.yaml", 1),
        ("m/app.yaml", 1),
    ]
    assert of(folder="a/b").files[0].file == "a/b/app.yaml"


LIST = "m/kustomization.yaml"


@each(
    [
        (None, "manifests.missing", "", f"there is no {LIST}, which lists the manifests"),
        ("[a]\n", "manifests.list", "", "this is no list"),
        (f"{KUSTOMIZATION}---\n{KUSTOMIZATION}", "manifests.list", "", "this is no list"),
        ("kind: Kustomization\n", "manifests.list", "/resources", "nothing listed"),
        (resources("app.yaml"), "manifests.list", "/resources", "nothing listed"),
        (resources("[]"), "manifests.empty", "", "there is no object in the manifests"),
    ]
)
def test_a_list_that_is_none_is_told(listed: str, rule: str, pointer: str, message: str) -> None:
    found = of(listed)
    assert (told(found), found.files) == ([(rule, LIST, pointer, message)], ())


def test_an_empty_list_is_told_in_no_other_words() -> None:
    found = of("")
    assert [rule for rule, *_ in told(found)] == ["manifests.empty"]


@each(
    [
        ("none.yaml", 1),
        ("app.yaml", 1),
        ("./app.yaml", 1),
        ("kustomization.yaml", 1),
        ("../m/app.yaml", 1),
        ("5", 1),
        ("[app.yaml]", 1),
    ]
)
def test_what_is_listed_and_not_there_is_told_at_its_place(name: str, at: int) -> None:
    found = of(resources(f"[app.yaml, {name}]"))
    shown = "['app.yaml']" if name.startswith("[") else name
    message = f"there is no file {shown} in m, or it is listed twice"
    assert told(found) == [("manifests.list", LIST, f"/resources/{at}", message)]
    assert [one.file for one in found.files] == ["m/app.yaml"]


def test_what_kustomize_would_do_more_is_told_by_its_name() -> None:
    found = of(f"{KUSTOMIZATION}patches: []\nnamePrefix: a\n")
    more = "is not done: the files are rendered as they are"
    assert sorted(told(found)) == [
        ("manifests.list", LIST, "/namePrefix", f"namePrefix {more}"),
        ("manifests.list", LIST, "/patches", f"patches {more}"),
    ]
    assert found.files


def test_a_file_that_is_no_text_or_no_yaml_is_told() -> None:
    no_text: dict[str, Any] = {"app.yaml": b"\xff"}
    assert told(of(**no_text)) == [("package.encoding", "m/app.yaml", "", "byte 0 is not UTF-8")]
    assert [rule for rule, *_ in told(of(**{"app.yaml": "a: ["}))] == ["yaml.syntax"]


@each(
    [
        ("- a", [("", "a document of a manifest is a Kubernetes object")]),
        ("{}", [("/apiVersion", "apiVersion"), ("/kind", "kind"), ("/metadata/name", "name")]),
        (OBJECT.replace("v1", "1"), [("/apiVersion", "apiVersion")]),
        (OBJECT.replace("ConfigMap", "''"), [("/kind", "kind")]),
        (OBJECT.replace("ConfigMap", "${{ config.kind }}"), [("/kind", "kind")]),
        (OBJECT.replace("v1", "${{ config.version }}"), [("/apiVersion", "apiVersion")]),
        (OBJECT.replace("{name: app}", "[app]"), [("/metadata/name", "name")]),
        (OBJECT.replace("{name: app}", "{name: 5}"), [("/metadata/name", "name")]),
        (OBJECT.replace("app", "'${{ application.name }}'"), []),
    ]
)
def test_what_is_no_object_is_told_for_all_that_it_lacks(
    text: str, wanted: list[tuple[str, str]]
) -> None:
    found = of(resources("[app.yaml, b.yaml]"), **{"b.yaml": text})
    words = [(one.pointer, one.message) for one in found.findings]
    assert [pointer for pointer, _ in words] == [pointer for pointer, _ in wanted]
    assert all(name in said for (_, name), (_, said) in zip(wanted, words, strict=True))
    assert {one.rule for one in found.findings} <= {"manifests.object"}
    assert [len(one.objects) for one in found.files] == [1, 0 if wanted else 1]


def test_so_many_objects_are_taken_and_no_more() -> None:
    full = "---\n".join([OBJECT] * 200)
    found = of(**{"app.yaml": full})
    assert (len(found.files[0].objects), found.findings) == (200, ())
    found = of(resources("[app.yaml, b.yaml]"), **{"app.yaml": full, "b.yaml": OBJECT})
    assert told(found) == [("manifests.size", LIST, "", "more than 200 objects")]
    assert found.files == ()


def test_so_many_values_are_taken_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    each_has = parse(OBJECT, "a").values
    monkeypatch.setattr(manifests, "MAX_VALUES", 2 * each_has)
    two = {"app.yaml": OBJECT, "b.yaml": OBJECT}
    assert len(of(resources("[app.yaml, b.yaml]"), **two).files) == 2
    found = of(resources("[app.yaml, b.yaml, c.yaml]"), **two, **{"c.yaml": OBJECT})
    message = f"more than {2 * each_has} values in all files together"
    assert told(found) == [("manifests.size", "m/c.yaml", "", message)]
    assert found.files == ()


@each(
    [
        ("app", True),
        ("a", True),
        ("a.b-c1", True),
        ("a" * 253, True),
        ("a" * 254, False),
        ("", False),
        ("-a", False),
        ("a.", False),
        ("A", False),
        (5, False),
    ]
)
def test_a_name_is_one_that_kubernetes_takes(name: Any, wanted: bool) -> None:  # noqa: FBT001
    assert valid_object_name(name) is wanted


# ---- expressions and their places


def wrong(text: str) -> list[Finding]:
    """Return what is wrong with the expressions of a manifest."""
    (document,) = parse(f"{OBJECT}data:\n{text}", "app.yaml").documents
    return expressions(document)[1]


@each(
    [
        "  a: ${{ config.x § 1 }}\n",
        "  a: 'é ${{ config.x § 1 }}'\n",
        '  a: "b ${{ config.x § 1 }} c"\n',
        "  a: ${{ config.x }} and ${{ config.y § 1 }}\n",
        "  a: '${{ config.x }}${{ config.y }}-${{ config.z § 1 }}'\n",
        "  a: |\n    first\n    second ${{ config.x § 1 }}\n",
        "  a: |\n    ${{ config.x }}\n    ${{ config.y }} ${{ config.z § 1 }}\n",
        "  b: [c, '${{ config.x § 1 }}']\n",
    ]
)
def test_a_bad_expression_is_told_at_its_character(text: str) -> None:
    (found,) = wrong(text)
    whole = f"{OBJECT}data:\n{text}"
    before = whole[: whole.index("§")]
    assert found.rule == "expression"
    assert (found.line, found.column) == (
        before.count("\n") + 1,
        len(before) - before.rfind("\n"),
    )


def test_where_characters_are_written_otherwise_it_is_told_at_its_braces() -> None:
    text = '  a: "b ${{ config.x == \\"\\u0041\\" § 1 }}"\n'
    (found,) = wrong(text)
    assert (found.line, text[found.column - 1 :][:9]) == (5, " config.x")


def test_every_expression_has_its_place_and_a_condition_is_one_without_braces() -> None:
    when = "  annotations: {catalyst.openova.io/when: config.on}\n"
    written = OBJECT.replace("{name: app}", f"\n  name: app\n{when}".rstrip("\n"))
    text = f"{written}\ndata:\n  a: ${{{{ config.x }}}} ${{{{ config.y }}}}\n  b: plain\n"
    (document,) = parse(text, "app.yaml").documents
    placed, bad = expressions(document)
    assert bad == []
    at = ("metadata", "annotations", manifests.WHEN)
    assert [(one.path, one.condition) for one in placed] == [
        (at, True),
        (("data", "a"), False),
        (("data", "a"), False),
    ]
    lines = text.splitlines()
    assert [lines[one.mark[0] - 1][one.mark[1] - 1 :][:8] for one in placed] == [
        *("catalyst", "config.x", "config.y"),
    ]
    placed, _ = expressions(document, value={"c": "${{ config.z }}"}, at=("data",))
    assert [one.path for one in placed] == [("data", "c")]


@each(["config.x § 1", "'config.x § 1'", '"config.x § 1"'])
def test_a_bad_condition_is_told_at_its_character(condition: str) -> None:
    when = f"metadata:\n  name: app\n  annotations:\n    {manifests.WHEN}: {condition}\n"
    text = OBJECT.replace("metadata: {name: app}\n", when)
    (document,) = parse(text, "app.yaml").documents
    (found,) = expressions(document)[1]
    before = text[: text.index("§")]
    assert (found.line, found.column) == (6, len(before) - before.rfind("\n"))


def test_a_condition_of_several_lines_is_told_where_it_begins() -> None:
    when = f"metadata:\n  name: app\n  annotations:\n    {manifests.WHEN}: |-\n      config.x § 1\n"
    text = OBJECT.replace("metadata: {name: app}\n", when)
    (document,) = parse(text, "app.yaml").documents
    (found,) = expressions(document)[1]
    begins = text.splitlines()[found.line - 1][found.column - 1 :]
    assert begins.startswith(("|-", "config.x"))


def test_within_an_object_there_is_no_condition() -> None:
    text = f"{OBJECT}spec:\n  metadata:\n    annotations:\n      {manifests.WHEN}: config.x § 1\n"
    (document,) = parse(text, "app.yaml").documents
    assert expressions(document) == ([], [])


def test_a_file_as_a_whole_has_no_line() -> None:
    for found in (of(None), of(resources("[]"))):
        assert [(one.line, one.column) for one in found.findings] == [(0, 0)]
    (found_twice,) = of(f"{KUSTOMIZATION}---\n{KUSTOMIZATION}").findings
    assert found_twice.line == 1
