"""docs/demo.svg: the demonstration as it looks in a terminal.

`uv run python -m tools.picture` runs `catalyst demo` in a terminal of its own, takes what it prints
with its colours, and draws it. Nothing is edited; if the demonstration does not hold, nothing is
written. The picture holds no script and asks no other host for anything.
"""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text
from tools.files import ROOT

COLUMNS: Final = 136
ROWS: Final = 50
TITLE: Final = "uv run catalyst demo"
PICTURE: Final = ROOT / "docs" / "demo.svg"
_FONTS: Final = re.compile(r"@font-face\s*\{.*?\}\s*", re.DOTALL)
_CONTROL: Final = re.compile(r"\x1b(?:\[[0-9;?]*[A-HJKSTfhlnsu]|[()][A-Z0-9]|[=>78])")
"""Sequences that move the cursor or switch modes; colours (those that end in `m`) stay."""


def recorded(command: list[str]) -> tuple[int, str]:
    """Return the exit code of a command, and what it printed to a terminal."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "TERM": "xterm-256color",
            "COLUMNS": str(COLUMNS),
            "XDG_CONFIG_HOME": folder,
        }
        environment.pop("NO_COLOR", None)
        process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=environment, close_fds=True
        )
        os.close(slave)
        found = _drained(master)
        os.close(master)
        return process.wait(), found


def _drained(master: int) -> str:
    parts: list[bytes] = []
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:
            # Linux says so when the last program has closed its end.
            break
        if not part:
            break
        parts.append(part)
    return b"".join(parts).decode("utf-8", "replace")


def lines(text: str) -> list[str]:
    """Return what stands on the screen at the end: a line that was written over is not there."""
    found = []
    for line in text.replace("\r\n", "\n").split("\n"):
        last = [part for part in line.split("\r") if part] or [""]
        found.append(_CONTROL.sub("", last[-1]).rstrip())
    while found and not found[-1]:
        found.pop()
    return found


def drawn(shown: list[str]) -> str:
    """Return the lines as an SVG that needs no other host."""
    console = Console(
        record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="256"
    )
    for line in shown:
        console.print(Text.from_ansi(line), soft_wrap=True)
    svg = console.export_svg(title=TITLE, theme=MONOKAI, unique_id="demo")
    # Without these faces a viewer takes its own monospaced one, which is named as well.
    return "\n".join(line.rstrip() for line in _FONTS.sub("", svg).splitlines()) + "\n"


def main() -> int:
    """Write the picture; returns the exit code of the demonstration."""
    program = Path(sys.executable).with_name("catalyst")
    code, text = recorded([str(program), "demo"])
    if code:
        print(text, file=sys.stderr)
        print("the demonstration did not hold: the picture stays as it is", file=sys.stderr)
        return code
    PICTURE.write_text(drawn(lines(text)), encoding="utf-8")
    print(f"written: {PICTURE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
