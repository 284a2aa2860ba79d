"""What is shown in a terminal of few columns: nothing is cut, and lines stay readable."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

from tests.support.each import each

LONG = "4 files, last commit by admin@localhost <user:catalyst#admin@localhost>"
_STORY = f"""
from catalyst.cli.demo.screen import Screen
screen = Screen()
screen.step("A small business, from the catalogue to its invoice, in one story")
screen.prove_command("create-environment acme-fraud-lab-dev", held=True, detail="stored 5.9 ms")
screen.line("killed the environment-controller, process 10057; 7 of 60 outcomes were recorded")
screen.prove("the Git home can be cloned and holds the manifests", held=True, detail={LONG!r})
screen.prove("each reader sees every row to the last field of all", held=False, detail="no")
screen.finish([("row at the reader, of 13", "p50 33.1 ms, worst 109.5 ms")], {{}}, ["next"])
"""


def shown(width: int, **environ: str) -> str:
    """Return what a terminal of this width gets of a small demonstration."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    plain = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}
    child = subprocess.Popen(
        [sys.executable, "-c", _STORY],
        stdin=theirs,
        stdout=theirs,
        env={**plain, "TERM": "xterm-256color", **environ},
    )
    os.close(theirs)
    said = b""
    while True:
        try:
            said += os.read(ours, 65536)
        except OSError:
            # The other end is closed.
            break
    os.close(ours)
    assert child.wait() == 0
    return said.decode().replace("\r", "")


def bare(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


@each([40, 60])
def test_no_line_is_wider_than_the_terminal_and_nothing_is_left_out(width: int) -> None:
    text = bare(shown(width))
    lines = text.splitlines()
    assert max(map(len, lines)) <= width
    assert "…" not in text
    story, _, table = text.partition("What was proved")
    for words in ("in one story", "acme-fraud-lab-dev", "stored 5.9 ms", "were recorded"):
        assert words in " ".join(story.split())
    # Of each line of the story, what goes on does so further in.
    marked = [line for line in story.splitlines() if line.strip()]
    assert all(line[:1].isspace() for line in marked[2:])
    column = table.splitlines()[1].index("DETAIL")
    told = "".join(line[column:].strip() for line in table.partition("Numbers")[0].splitlines()[2:])
    assert LONG.replace(" ", "") in told.replace(" ", "")


def test_a_terminal_without_colours_gets_none() -> None:
    assert re.search(r"\x1b\[(?:\d+;)*3\d", shown(60))
    assert not re.search(r"\x1b\[(?:\d+;)*[34]\d", shown(60, NO_COLOR="1"))
