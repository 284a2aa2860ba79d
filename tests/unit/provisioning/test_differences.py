"""What a change does to files, as text."""

import difflib

from hypothesis import example, given
from hypothesis import strategies as st

from catalyst.provisioning.domain.differences import Spot, compare

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
