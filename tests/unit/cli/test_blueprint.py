"""`catalyst blueprint lint`: what an author sees, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from tests.support.blueprints import DOCUMENT, package

from catalyst.blueprints.package import Package, digest, to_tar
from catalyst.cli.main import ended


def written(folder: Path, content: Package) -> str:
    for path, raw in content.files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(raw)
    return str(folder)


def test_a_good_blueprint_ends_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(["blueprint", "lint", written(tmp_path, package())]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "bp-wiki 1.2.0: nothing is wrong\n"


def test_an_error_ends_with_1_and_is_shown_at_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = written(tmp_path, package(DOCUMENT.replace("default: 2", "default: 0")))
    assert ended(["blueprint", "lint", folder]) == 8
    assert f"{folder}/blueprint.yaml:15:9" in capsys.readouterr().out


def test_a_warning_alone_ends_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = written(tmp_path, package(DOCUMENT.replace("title: Wiki", "title: Notes")))
    assert ended(["blueprint", "lint", folder]) == 0
    assert "1 warning" in capsys.readouterr().err


@pytest.mark.parametrize(("form", "load"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_a_program_gets_every_finding(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str, load: object
) -> None:
    content = package(DOCUMENT.replace("default: 2", "default: 0"))
    assert ended(["blueprint", "lint", written(tmp_path, content), "-o", form]) == 8
    assert callable(load)
    (report,) = load(capsys.readouterr().out)
    assert report["digest"] == digest(content)
    (finding,) = report["findings"]
    assert (finding["rule"], finding["file"], finding["line"], finding["column"]) == (
        "config-schema.default", "blueprint.yaml", 15, 9,
    )  # fmt: skip
    assert finding["pointer"] == "/spec/configSchema/properties/replicas/default"


def test_a_tar_and_a_link_are_looked_at_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packed = tmp_path / "bp.tar"
    packed.write_bytes(to_tar(package()))
    assert ended(["blueprint", "lint", str(packed)]) == 0
    folder = tmp_path / "bp"
    folder.mkdir()
    (folder / "blueprint.yaml").symlink_to(packed)
    assert ended(["blueprint", "lint", str(folder)]) == 8
    assert "symbolic link" in capsys.readouterr().out


def test_several_know_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = DOCUMENT.replace("bp-wiki", "bp-postgres").replace("title: Wiki", "title: Postgres")
    circle = other.replace("blueprint: bp-postgres", "blueprint: bp-wiki")
    places = [written(tmp_path / "a", package()), written(tmp_path / "b", package(circle))]
    assert ended(["blueprint", "lint", *places]) == 8
    way = "bp-wiki 1.2.0 → bp-postgres 1.2.0 → bp-wiki 1.2.0"
    assert way in capsys.readouterr().out


def test_a_place_that_is_not_there_is_a_wrong_command_line(tmp_path: Path) -> None:
    assert ended(["blueprint", "lint", str(tmp_path / "nowhere")]) == 2


def test_whoever_names_the_document_is_told_to_name_its_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "my wiki"
    place.mkdir()
    (place / "blueprint.yaml").write_text(DOCUMENT)
    assert ended(["blueprint", "lint", str(place / "blueprint.yaml")]) == 2
    said = capsys.readouterr().err
    assert "blueprint.yaml' is a file, and neither a folder nor a tar file" in said
    assert f"Hint: name its folder: '{place}'" in said


def test_a_folder_of_several_stands_for_each_of_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = DOCUMENT.replace("bp-wiki", "bp-postgres").replace("title: Wiki", "title: Postgres")
    circle = other.replace("blueprint: bp-postgres", "blueprint: bp-wiki")
    written(tmp_path / "all" / "b", package(circle))
    written(tmp_path / "all" / "a", package())
    (tmp_path / "all" / "notes").mkdir()
    assert ended(["blueprint", "lint", str(tmp_path / "all")]) == 8
    said = capsys.readouterr()
    assert f"{tmp_path}/all is a folder of 2 Blueprints; checking each" in said.err
    assert f"{tmp_path}/all/notes is left out: there is no blueprint.yaml in it" in said.err
    # They know each other, as if each had been named.
    assert "bp-wiki 1.2.0 → bp-postgres 1.2.0 → bp-wiki 1.2.0" in said.out
    assert "bp-postgres 1.2.0: 1 error" in said.err


def test_a_folder_further_above_says_which_are_the_ones_to_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("src/all/a", "src/all/c", "src/my own/b"):
        written(tmp_path / folder, package())
    assert ended(["blueprint", "lint", str(tmp_path / "src")]) == 2
    said = capsys.readouterr().err
    assert f"{tmp_path}/src holds no Blueprint, nor folders of Blueprints" in said
    hint = f"catalyst blueprint lint {tmp_path}/src/all '{tmp_path}/src/my own'`"
    assert hint in said
    # What holds nothing at all is a Blueprint without its document.
    (tmp_path / "none").mkdir()
    assert ended(["blueprint", "lint", str(tmp_path / "none")]) == 8
    assert "there is no blueprint.yaml" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("folder", "file", "says"),
    [
        ("wiki", "blueprint.yml", "there is a blueprint.yml, and no blueprint.yaml"),
        ("wiki", "Blueprint.yaml", "there is a Blueprint.yaml, and no blueprint.yaml"),
        ("bp-wiki", "README.md", "there is no blueprint.yaml"),
    ],
)
def test_what_is_meant_to_be_a_blueprint_and_is_none_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], folder: str, file: str, says: str
) -> None:
    other = DOCUMENT.replace("bp-wiki", "bp-postgres").replace("title: Wiki", "title: Postgres")
    alone = other.replace("- blueprint: bp-postgres", "- blueprint: bp-redis")
    written(tmp_path / "all" / "good", package(alone))
    bad = tmp_path / "all" / folder
    bad.mkdir()
    (bad / file).write_text(DOCUMENT, "utf-8")
    for place in (tmp_path / "all", bad):
        assert ended(["blueprint", "lint", str(place)]) == 8
        said = capsys.readouterr()
        assert says in said.out
        assert f"{bad}: 1 error" in said.err


def test_what_is_looked_at_and_cannot_be_read_is_not_told_as_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = DOCUMENT.replace("bp-wiki", "bp-postgres").replace("title: Wiki", "title: Postgres")
    written(tmp_path / "all" / "wiki", package())
    form = other.replace("kind: Blueprint", "kind: Bluprint")
    for wrong in (form, "kind: [", other.replace("1.2.0", "x")):
        written(tmp_path / "all" / "postgres", package(wrong))
        assert ended(["blueprint", "lint", str(tmp_path / "all")]) == 8
        said = capsys.readouterr()
        assert "there is no bp-postgres yet" not in said.out
        assert "bp-wiki 1.2.0: nothing is wrong" in said.err


def test_what_comes_with_catalyst_is_known_to_several(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = DOCUMENT.replace("bp-wiki", "bp-notes").replace("title: Wiki", "title: Notes")

    def said(version: str) -> str:
        needs = f"- {{blueprint: bp-mailpit, version: '{version}'}}\n    - blueprint: bp-postgres"
        document = DOCUMENT.replace("- blueprint: bp-postgres", needs).replace("^1.0", "^16.0.0")
        written(tmp_path / "wiki", package(document))
        written(tmp_path / "notes", package(other.replace("^1.0", "^16.0.0")))
        assert ended(["blueprint", "lint", str(tmp_path)]) == 0
        shown = capsys.readouterr()
        return shown.out + shown.err

    assert "bp-wiki 1.2.0: nothing is wrong\n" in said("*")
    assert "there is no version of bp-mailpit within ^99" in said("^99")
    # One of one's own stands beside those that come along, and does not hide them.
    own = (
        other.replace("bp-notes", "bp-mailpit")
        .replace("Notes", "Mailpit")
        .replace("1.2.0", "99.0.0")
    )
    written(tmp_path / "mail", package(own.replace("^1.0", "^16.0.0")))
    assert "bp-wiki 1.2.0: nothing is wrong\n" in said("^99")
    assert "bp-wiki 1.2.0: nothing is wrong\n" in said("<99")
