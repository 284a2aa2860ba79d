"""Where the command begins, with next to nothing loaded."""

from __future__ import annotations

import signal


def run() -> None:
    """Load the command, run it, and end the process with its exit code.

    Loading takes up to a second. A Ctrl-C in between ends the process in silence: nothing was
    begun that has to be left in order, and a traceback would tell nobody anything.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from catalyst.cli import main  # noqa: PLC0415 - the loading that this is about

    main.run()
