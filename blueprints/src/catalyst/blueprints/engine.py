"""The engine of expressions, without the command line that its package loads with it.

That one brings `prompt_toolkit`, `rich` and `typer`: a quarter of the time that a member takes to
load, and nobody here asks for it. Called by `expressions.py`.
"""

from __future__ import annotations

import sys
from types import ModuleType

_COMMAND_LINE = "cel.cli"

if _COMMAND_LINE in sys.modules:
    import cel
else:
    sys.modules[_COMMAND_LINE] = ModuleType(_COMMAND_LINE)
    try:
        import cel
    finally:
        # Whoever asks for it gets the true one.
        del sys.modules[_COMMAND_LINE]

__all__ = ["cel"]
