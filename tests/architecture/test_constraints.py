"""Versions are exact, locks hold hashes and no addresses, and what counts as drift is right."""

from __future__ import annotations

from tools import constraints

EXPORT = """\
anyio==4.16.0
colorama==0.4.6 ; sys_platform == 'win32'
six==1.0 ; python_version < '3.12'
six==2.0 ; python_version >= '3.12'
-e ./contracts
# a comment
"""
MANIFEST = '[project]\nname = "x"\n\n[tool.uv]\npackage = false\n\n[tool.mypy]\nstrict = true\n'
LOCK = "# head\nanyio==4.16.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n"


def test_a_marker_stays_only_where_a_package_has_two_versions() -> None:
    assert constraints.pins(EXPORT) == [
        "anyio==4.16.0",
        "colorama==0.4.6",
        "six==1.0 ; python_version < '3.12'",
        "six==2.0 ; python_version >= '3.12'",
    ]


def test_constraints_are_put_in_and_replaced() -> None:
    once = constraints.with_constraints(MANIFEST, ["a==1", "b==2"])
    assert '[tool.uv]\nconstraint-dependencies = [\n    "a==1",\n    "b==2",\n]\npackage' in once
    assert constraints.with_constraints(once, ["c==3"]).count("==") == 1
    assert constraints.with_constraints(once, []) == MANIFEST


def test_a_lock_is_read_with_its_hashes() -> None:
    assert constraints.entries(LOCK) == {"anyio==4.16.0": {"sha256:aa", "sha256:bb"}}


def test_one_more_file_in_the_index_is_no_drift() -> None:
    assert constraints.same_lock(LOCK, LOCK.rstrip("\n") + " \\\n    --hash=sha256:cc\n")


def test_another_version_another_hash_and_another_package_are() -> None:
    assert not constraints.same_lock(LOCK, LOCK.replace("4.16.0", "4.17.0"))
    assert not constraints.same_lock(LOCK, LOCK.replace("sha256:bb", "sha256:cc"))
    assert not constraints.same_lock(LOCK, LOCK + "idna==3.20 --hash=sha256:dd\n")
    assert not constraints.same_lock("anyio==4.16.0\n", LOCK)
