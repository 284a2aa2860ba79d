"""Where the command begins, with next to nothing loaded."""

# Built into Python: what `signal` loads besides takes long enough to be struck in.
import _signal  # type: ignore[import-not-found]
import sys


def run() -> None:
    """Load the command, run it, and end the process with its exit code.

    Loading takes up to a second. A Ctrl-C in between ends the process in silence: nothing was
    begun that has to be left in order, and a traceback would tell nobody anything. What Python
    itself does before is out of our reach.
    """
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    # What httpx is as a command, with all that colours its text: a tenth of what there is to load.
    sys.modules["httpx._main"] = None  # type: ignore[assignment] # so it does without
    from catalyst.chassis.collector import resting  # noqa: PLC0415

    with resting():
        from catalyst.cli import main  # noqa: PLC0415 - the loading that this is about

    main.run()
