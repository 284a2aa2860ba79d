"""What a package may hold, and that its bytes depend on nothing else."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.each import each

from catalyst.blueprints.package import (
    MAX_BYTES,
    MAX_FILES,
    MAX_PARTS,
    MAX_PATH,
    BadPackage,
    digest,
    of_files,
    to_tar,
)
from catalyst.blueprints.reading import read_folder, read_tar
from catalyst.blueprints.starter import loading

NAMES = st.from_regex(r"[a-z][a-z0-9]{0,5}", fullmatch=True)


def tar(*members: tarfile.TarInfo, content: bytes = b"") -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for member in members:
            member.size = len(content) if member.isreg() else 0
            archive.addfile(member, io.BytesIO(content))
    return target.getvalue()


def folder(name: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type = tarfile.DIRTYPE
    return member


def link(kind: bytes, target: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo("blueprint.yaml")
    member.type = kind
    member.linkname = target
    return member


@pytest.mark.guarantee("G20.1")
@given(st.dictionaries(NAMES, st.binary(max_size=600), max_size=8), st.randoms())
def test_the_same_files_make_the_same_bytes_in_any_order(
    files: dict[str, bytes], random: object
) -> None:
    shuffled = list(files.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert to_tar(of_files(shuffled)) == to_tar(of_files(files))
    assert read_tar(to_tar(of_files(files))) == of_files(files)


@pytest.mark.guarantee("G20.1")
def test_another_byte_or_name_makes_another_digest() -> None:
    digests = {digest(of_files(one)) for one in ({"a": b"1"}, {"a": b"2"}, {"b": b"1"}, {})}
    assert len(digests) == 4


def test_a_folder_and_its_tar_are_the_same_package(tmp_path: Path) -> None:
    (tmp_path / "manifests").mkdir()
    (tmp_path / "blueprint.yaml").write_text("a: 1\n")
    (tmp_path / "manifests" / "x.yaml").write_text("b: 2\n")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text("no part of it")
    package = read_folder(tmp_path)
    assert list(package.files) == ["blueprint.yaml", "manifests/x.yaml"]
    assert read_tar(to_tar(package)) == package


@pytest.mark.guarantee("G20.2")
@each(["/etc/passwd", "../x", "a/../../x", "a//b", "./a", "a/.git/config", "a\\b", "", "a b", "ä",
     "a\x00b", "x" * 201, "/".join("a" * 20)])  # fmt: skip
def test_a_path_stays_inside(path: str) -> None:
    with pytest.raises(BadPackage):
        of_files({path: b""})


@pytest.mark.guarantee("G20.2")
@each(["../../etc/passwd", "/etc/passwd", "a/../../b"])
def test_a_tar_cannot_lead_out(path: str) -> None:
    with pytest.raises(BadPackage):
        read_tar(tar(tarfile.TarInfo(path)))


@pytest.mark.guarantee("G20.2")
@each([tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_a_tar_holds_no_link_and_no_device(kind: bytes) -> None:
    with pytest.raises(BadPackage, match="link or a device"):
        read_tar(tar(link(kind, "/etc/passwd")))


@pytest.mark.guarantee("G20.2")
def test_a_link_in_a_folder_is_refused_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("not yours")
    folder = tmp_path / "bp"
    folder.mkdir()
    (folder / "blueprint.yaml").symlink_to(tmp_path / "secret")
    with pytest.raises(BadPackage, match="symbolic link"):
        read_folder(folder)
    (folder / "blueprint.yaml").unlink()
    (folder / "manifests").symlink_to(tmp_path)
    with pytest.raises(BadPackage, match="symbolic link"):
        read_folder(folder)


@pytest.mark.guarantee("G20.2")
def test_folders_without_files_count_too(tmp_path: Path) -> None:
    for number in range(11):
        for inner in range(100):
            (tmp_path / f"a{number}" / f"b{inner}").mkdir(parents=True)
    (tmp_path / "blueprint.yaml").write_text("a: 1\n")
    with pytest.raises(BadPackage, match="500 files"):
        read_folder(tmp_path)


@pytest.mark.guarantee("G20.2")
def test_size_and_number_are_limited() -> None:
    with pytest.raises(BadPackage, match=r"^more than 4 MiB$"):
        of_files({"a": bytes(MAX_BYTES // 2), "b": bytes(MAX_BYTES // 2 + 1)})
    of_files({f"f{number}": b"" for number in range(MAX_FILES)})
    with pytest.raises(BadPackage, match="500 files"):
        of_files({f"f{number}": b"" for number in range(MAX_FILES + 1)})


@pytest.mark.guarantee("G20.2")
def test_a_tar_is_limited_before_it_is_unpacked() -> None:
    with pytest.raises(BadPackage, match=r"^more than 4 MiB$"):
        read_tar(bytes(8 * MAX_BYTES))
    claimed = tarfile.TarInfo("a")
    claimed.size = MAX_BYTES + 1
    with pytest.raises(BadPackage):
        read_tar(claimed.tobuf() + bytes(1024))
    with pytest.raises(BadPackage):
        read_tar(tar(*(folder(f"d{number}") for number in range(1500))))


@given(st.binary(max_size=2000))
def test_what_is_no_tar_is_refused_and_nothing_else(raw: bytes) -> None:
    try:
        read_tar(raw)
    except BadPackage:
        return


def test_names_that_some_disks_cannot_hold_together_are_refused() -> None:
    with pytest.raises(BadPackage, match="upper and lower case"):
        of_files({"README.md": b"", "readme.md": b""})
    with pytest.raises(BadPackage, match="both a file and a folder"):
        of_files({"a": b"", "a/b": b""})
    with pytest.raises(BadPackage, match="twice"):
        of_files([("a", b""), ("a", b"")])


def test_a_file_that_is_no_text_is_told_with_its_byte() -> None:
    with pytest.raises(BadPackage, match="byte 1 is not UTF-8"):
        of_files({"a": b"x\xff"}).text("a")


def test_the_starter_catalogue_loads() -> None:
    assert "bp-redis" in loading.names()
    assert "blueprint.yaml" in loading.load("bp-redis").files
    for name in ("../..", "bp-nothing", "x" * 300):
        with pytest.raises(KeyError):
            loading.load(name)


@pytest.mark.guarantee("G20.1")
def test_what_a_digest_names_it_names_for_ever() -> None:
    """Versions are known by their digests: other bytes for the same files would make others."""
    long = "/".join(["a" * 60, "b" * 60, "c" * 60])
    assert [
        digest(of_files(one)) for one in ({}, {"b/c.yaml": b"y\n", "a.txt": b"x"}, {long: b""})
    ] == [
        "sha256:84ff92691f909a05b224e1c56abb4864f01b4f8e3c854e4bb4c7baf1d3f6d652",
        "sha256:0874eac02c54196fffd0040c1d742748c986d26f3885a89fc7cb8f5a744560fc",
        "sha256:528ba2b31989a55856f9998856bf7ad7a90a1b446970dbb6dd6a0b07d47e25cf",
    ]


def test_the_limits_are_these_and_what_reaches_them_is_taken() -> None:
    assert (MAX_BYTES, MAX_FILES, MAX_PATH, MAX_PARTS) == (4 * 1024 * 1024, 500, 200, 12)
    assert of_files({"a": bytes(MAX_BYTES - 1), "b": b"1"}).size == MAX_BYTES
    longest = "/".join(["a" * 100, "b" * 99])
    deepest = "/".join("a" * MAX_PARTS)
    assert list(of_files({longest: b"", deepest: b""}).files) == [deepest, longest]
    for path in (f"{longest}c", f"{deepest}/a"):
        with pytest.raises(BadPackage, match="at most 200 characters and 12 parts") as caught:
            of_files({path: b""})
        assert caught.value.path == path[:MAX_PATH]


@each(["/a", "a/../b", "..", "a\\b"])
def test_a_path_that_leads_out_is_told_as_such(path: str) -> None:
    with pytest.raises(BadPackage, match="leads out of the package") as caught:
        of_files({path: b""})
    assert (caught.value.path, str(caught.value)) == (path, f"{path}: leads out of the package")


def test_a_limit_of_the_whole_names_no_file() -> None:
    too_much = {f"f{number}": b"" for number in range(MAX_FILES + 1)}
    for files in (too_much, {"a": bytes(MAX_BYTES + 1)}):
        with pytest.raises(BadPackage) as caught:
            of_files(files)
        assert (caught.value.path, str(caught.value)) == ("", caught.value.reason)
        assert caught.value.fix.startswith("leave out what ")
