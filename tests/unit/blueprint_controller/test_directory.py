"""That a directory is read no further than is taken, and that what is refused is let go."""

from __future__ import annotations

from pathlib import Path

import pytest
from dulwich.objects import Blob, Tree
from dulwich.repo import Repo

from catalyst.blueprint_controller.adapters import directory, git
from catalyst.blueprint_controller.adapters.sources import AllSources
from catalyst.blueprint_controller.ports import Place, Unusable
from catalyst.blueprints.package import BadPackage, Package
from catalyst.blueprints.reading import read_folder


@pytest.mark.guarantee("G22.6")
def test_no_package_is_read_after_the_one_that_is_too_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("bp-a", "bp-b", "bp-c", "bp-d"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "blueprint.yaml").write_bytes(bytes(10))
    read: list[str] = []

    def watched(path: Path) -> Package:
        read.append(path.name)
        return read_folder(path)

    monkeypatch.setattr(directory, "read_folder", watched)
    monkeypatch.setattr(directory, "MAX_SOURCE_BYTES", 15)
    with pytest.raises(Unusable, match="the source holds more"):
        directory.read_directory(tmp_path, "", "")
    assert read == ["bp-a", "bp-b"]


def test_a_refused_package_holds_none_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "blueprint.yaml").write_bytes(bytes(10))
    (tmp_path / "link").symlink_to(tmp_path)
    (listed,) = directory.read_directory(tmp_path, "", "").packages
    assert isinstance(listed.package, BadPackage)
    assert listed.package.__traceback__ is None


def listed(source: Path) -> dict[str, Package | BadPackage]:
    return {one.folder: one.package for one in directory.read_directory(source, "", "").packages}


def test_a_link_is_refused_in_a_package_and_passed_over_elsewhere(tmp_path: Path) -> None:
    away, source = tmp_path / "away", tmp_path / "source"
    packages = [source / name for name in ("good", "linked", "odd", "lost", "file", "below")]
    for place in (away, *packages):
        place.mkdir(parents=True)
    for place in (away, source / "good", source / "file", source / "below"):
        (place / "blueprint.yaml").write_bytes(b"kind: Blueprint")
    (source / "file" / "secret").symlink_to(tmp_path / "nowhere")
    (source / "below" / "manifests").symlink_to(away)
    (source / "linked" / "blueprint.yaml").symlink_to(away / "blueprint.yaml")
    (source / "lost" / "blueprint.yaml").symlink_to(tmp_path / "nowhere")
    (source / "odd" / "blueprint.yaml").symlink_to(away)
    (source / "folder").symlink_to(away)
    (source / "again").symlink_to(source / "good")
    (source / "loop").symlink_to(source)
    (source / "gone").symlink_to(tmp_path / "nowhere")
    (source / "README.md").symlink_to(away / "blueprint.yaml")
    (source / ".hidden").symlink_to(away)
    found = listed(source)
    assert isinstance(found.pop("good"), Package)
    assert {name: str(refused) for name, refused in found.items()} == {
        "below": "manifests: is a symbolic link",
        "file": "secret: is a symbolic link",
        "linked": "blueprint.yaml: is a symbolic link",
        "lost": "blueprint.yaml: is a symbolic link",
        "odd": "blueprint.yaml: is a symbolic link",
    }


def test_a_document_that_is_a_folder_is_no_folder_of_packages(tmp_path: Path) -> None:
    (tmp_path / "a" / "blueprint.yaml").mkdir(parents=True)
    (tmp_path / "a" / "blueprint.yaml" / "blueprint.yaml").write_bytes(b"kind: Blueprint")
    (package,) = listed(tmp_path).values()
    assert isinstance(package, Package)
    assert list(package.files) == ["blueprint.yaml/blueprint.yaml"]


def test_what_is_passed_over_counts_as_no_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "MAX_PACKAGES", 1)
    source = tmp_path / "source"
    (source / "good").mkdir(parents=True)
    (source / "good" / "blueprint.yaml").write_bytes(b"kind: Blueprint")
    for name in ("a", "b"):
        (source / name).symlink_to(tmp_path)
    assert list(listed(source)) == ["good"]


def test_nor_does_one_in_a_repository(tmp_path: Path) -> None:
    with Repo.init_bare(str(tmp_path)) as repo:
        top, link = Tree(), Blob.from_string(b"/etc/passwd")
        top.add(b"link", 0o120000, link.id)
        repo.object_store.add_objects([(top, None), (link, None)])
        refused = git._package(repo, top.id)
    assert isinstance(refused, BadPackage)
    assert refused.__traceback__ is None


async def test_a_source_outside_of_what_is_allowed_names_the_setting_and_no_folder(
    tmp_path: Path,
) -> None:
    """As one that was added before somebody set another folder, or a link that leads out."""
    (tmp_path / "allowed").mkdir()
    (tmp_path / "allowed" / "link").symlink_to(tmp_path)
    sources = AllSources(
        directories=str(tmp_path / "allowed"), git_hosts=(), git_url="", token=lambda: ""
    )
    for location in (f"{tmp_path}/other", "link"):
        place = Place(None, "own", "directory", location, "", "")
        with pytest.raises(Unusable, match="BLUEPRINT_CONTROLLER_SOURCE_DIRECTORIES") as caught:
            await sources.read(place, "")
        assert str(tmp_path) not in str(caught.value)
    sources.close()


def test_a_directory_that_is_not_there_is_named_as_it_was_written(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match=r"there is no directory team/blueprints$") as caught:
        directory.read_directory(tmp_path, "team", "blueprints")
    assert str(tmp_path) not in str(caught.value)
