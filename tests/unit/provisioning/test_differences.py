"""What a change does to files, as text."""

import difflib
import hashlib

from hypothesis import example, given
from hypothesis import strategies as st

from catalyst.provisioning.domain.differences import MAX_TEXT, Spot, compare, digest

SPOT = Spot("wiki", "prod", "app.yaml")


def unified(old: str | None, new: str | None) -> str:
    """Return what the library says, each line with an end."""
    lines = difflib.unified_diff(
        (old or "").splitlines(keepends=True),
        (new or "").splitlines(keepends=True),
        "/dev/null" if old is None else "a/app.yaml",
        "/dev/null" if new is None else "b/app.yaml",
    )
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


@given(text=st.text())
@example("")
@example("one")
@example("one\ntwo\n")
@example("one\r\n\n\x0btwo\u2028three")
def test_a_file_that_comes_or_goes_is_shown_as_the_library_shows_it(text: str) -> None:
    there = {SPOT: text.encode()}
    (added,) = compare({}, there)
    assert (added.change, added.diff) == ("added", unified(None, text))
    (removed,) = compare(there, {})
    assert (removed.change, removed.diff) == ("removed", unified(text, None))


@given(old=st.text(), new=st.text())
def test_a_file_that_changes_is_shown_as_the_library_shows_it(old: str, new: str) -> None:
    found = compare({SPOT: old.encode()}, {SPOT: new.encode()})
    assert [(one.change, one.diff) for one in found] == (
        [("changed", unified(old, new))] if old != new else []
    )


def test_what_is_longer_than_a_plan_shows_is_cut_and_what_is_behind_it_is_not_shown() -> None:
    line = "x" * 99 + "\n"
    spots = [Spot("wiki", "prod", name) for name in ("a", "b", "c", "d")]
    head = len("--- /dev/null\n+++ b/a\n@@ -0,0 +1,1000 @@\n")
    # Of one line 101 characters are shown, with its sign.
    first = (line * 1000).encode()
    rest = MAX_TEXT - head - 101 * 1000
    found = compare({}, {spots[0]: first, spots[1]: first, spots[2]: b"one\n"})
    assert [(one.path, len(one.diff), one.cut) for one in found] == [
        *(("a", head + 101_000, False), ("b", rest, True), ("c", 0, True)),
    ]
    assert [one.digest for one in found[:2]] == [hashlib.sha256(first).hexdigest()] * 2
    # What has no text is not cut.
    assert not compare({}, {spots[0]: first, spots[1]: first, spots[3]: b""})[-1].cut


def test_files_are_told_in_order_and_what_stays_is_not() -> None:
    spots = [Spot(name, branch, "x") for name in ("wiki", "blog") for branch in ("main", "develop")]
    before = {spots[0]: b"1", spots[1]: b"1", spots[2]: b"1"}
    after = {spots[3]: b"2", spots[2]: b"2", spots[1]: b"1"}
    found = compare(before, after)
    assert [(one.repository, one.branch, one.change, bool(one.digest)) for one in found] == [
        ("blog", "develop", "added", True),
        ("blog", "main", "changed", True),
        ("wiki", "main", "removed", False),
    ]


def test_a_fingerprint_of_files_moves_with_every_place_and_every_byte() -> None:
    files = {SPOT: b"one", Spot("wiki", "prod", "b.yaml"): b"two"}
    same = digest(dict(reversed(files.items())))
    assert digest(files) == same
    others = [
        {**files, SPOT: b"One"},
        {SPOT: b"one"},
        {**files, Spot("wiki", "prod", "c.yaml"): b""},
        *({place: b"one", Spot("wiki", "prod", "b.yaml"): b"two"} for place in (
            Spot("blog", "prod", "app.yaml"), Spot("wiki", "dev", "app.yaml"),
            Spot("wiki", "prod", "a.yaml"))),
    ]  # fmt: skip
    assert len({digest(one) for one in others} | {same}) == len(others) + 1
