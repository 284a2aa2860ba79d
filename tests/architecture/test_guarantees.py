"""The page of guarantees is made from tests, and neither a promise nor a mark stands alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from tools import guarantees
from tools.guarantees import Group, Proof

LISTED = [Group("G1", "One", {"G1.1": "It holds.", "G1.2": "It holds too."})]
FILE = Path("tests/test_x.py")
PROVED = [Proof("G1.1", FILE, "test_a"), Proof("G1.2", FILE, "test_b")]


def test_promises_with_tests_are_without_fault() -> None:
    assert guarantees.faults(LISTED, PROVED) == []


def test_a_promise_without_a_test_is_a_fault() -> None:
    assert guarantees.faults(LISTED, PROVED[:1]) == ["G1.2 has no test"]


def test_a_mark_without_a_promise_is_a_fault() -> None:
    stray = Proof("G9.9", FILE, "test_c")
    assert guarantees.faults(LISTED, [*PROVED, stray]) == [
        "test_x.py::test_c proves 'G9.9', which is no promise"
    ]


def test_a_promise_in_the_wrong_group_is_a_fault() -> None:
    listed = [*LISTED, Group("G2", "Two", {"G1.1": "Again."})]
    assert guarantees.faults(listed, PROVED) == [
        "G1.1 stands in the group G2",
        "G1.1 is listed twice",
    ]


def test_marks_are_found_on_functions_classes_and_modules(tmp_path: Path) -> None:
    file = tmp_path / "test_y.py"
    file.write_text(
        "import pytest\n"
        'pytestmark = [pytest.mark.real, pytest.mark.guarantee("G1.1")]\n'
        '@pytest.mark.guarantee("G1.2", "G1.3")\n'
        "async def test_a(): ...\n"
        "def helper(): ...\n"
        '@pytest.mark.guarantee("G1.4")\n'
        "class TestB:\n"
        "    def test_c(self): ...\n",
        encoding="utf-8",
    )
    found = [(proof.id, proof.name) for proof in guarantees.proofs(file)]
    assert found == [
        ("G1.1", "test_a"),
        ("G1.2", "test_a"),
        ("G1.3", "test_a"),
        ("G1.1", "TestB::test_c"),
        ("G1.4", "TestB::test_c"),
    ]


def test_the_page_names_each_promise_and_links_its_tests(tmp_path: Path) -> None:
    proved = [Proof(proof.id, tmp_path / proof.file, proof.name) for proof in PROVED]
    text = guarantees.page(LISTED, proved, tmp_path)
    assert "- **G1.1** It holds.\n  - [`tests/test_x.py`](../tests/test_x.py) `test_a`" in text


def test_the_page_of_this_repository_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarantees.main(["--check"]) == 0, capsys.readouterr().err
