"""A slip in the name of a setting is told; what others read is not taken for one."""

import functools
import re
from pathlib import Path

import pytest
from tests.support.each import each
from tests.support.told import members

from catalyst.chassis.settings import strays

ROOT = Path(__file__).resolve().parents[3]
READ = re.compile(rb"\bCATALYST_[A-Z0-9_]*[A-Z0-9]\b")
PLACES = (".ci", "benchmarks", "cli", "deploy", "docs", "examples", "tests", "tools")


@functools.cache
def named() -> frozenset[str]:
    """Return every variable that anything here names, and each setting of each member."""
    kinds = members().values()
    found = {f"CATALYST_{name.upper()}" for kind in kinds for name in kind.__struct_fields__}
    for place in PLACES:
        for path in sorted((ROOT / place).rglob("*")):
            if path.is_file() and path != Path(__file__) and "__pycache__" not in path.parts:
                found.update(name.decode() for name in READ.findall(path.read_bytes()))
    return frozenset(found)


def said(member: str, *names: str) -> list[str]:
    prefix = member.upper().replace("-", "_")
    return list(strays(members()[member], dict.fromkeys(names, "x"), prefix))


@pytest.mark.guarantee("G21.8")
@each(members())
def test_nothing_that_others_read_is_taken_for_a_slip(member: str) -> None:
    assert {"CATALYST_URL", "CATALYST_TAG", "CATALYST_CHROMIUM", "CATALYST_MAX_STREAMS"} < named()
    assert said(member, *named(), "PATH", "HOME", "CATALYST", "CATALYSTS_LOG_LEVEL") == []


@pytest.mark.guarantee("G21.8")
@each(members())
def test_a_members_own_name_is_nobody_elses(member: str) -> None:
    def anything(name: str) -> str:
        return f"{name.upper().replace('-', '_')}_ANYTHING"

    (one,) = said(member, *map(anything, members()))
    assert one == f"{anything(member)} is no setting; docs/settings.md lists them"


@pytest.mark.guarantee("G21.8")
@each(
    [
        ("provisioning", "DEADLINE", ""),
        ("billing", "MAX", ""),
        ("gateway", "RATE_SUBJECT", "RATE_PER_SUBJECT"),
        ("gateway", "MAX_FOLLOWER_COUNT", "MAX_FOLLOWERS"),
    ]
)
def test_only_a_setting_that_is_near_is_named(member: str, rest: str, near: str) -> None:
    start = member.upper()
    told = f"the nearest is {start}_{near}" if near else "docs/settings.md lists them"
    assert said(member, f"{start}_{rest}") == [f"{start}_{rest} is no setting; {told}"]


@pytest.mark.guarantee("G21.8")
@each((member, name) for member, kind in members().items() for name in kind.__struct_fields__)
def test_a_letter_that_is_missing_or_too_much_is_told_with_the_setting(
    member: str, name: str
) -> None:
    prefix, whole = member.upper().replace("-", "_"), name.upper()
    slips = (whole[:-1], f"{whole}S", whole[:2] + whole[3:], f"{whole[0]}{whole}")
    for start, slip in zip((prefix, "CATALYST") * 2, slips, strict=True):
        told = f"{start}_{slip} is no setting; the nearest is {start}_{whole}"
        assert said(member, f"{start}_{slip}") == [told]
