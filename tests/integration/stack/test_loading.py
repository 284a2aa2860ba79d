"""What a member loads is paid at each start: no command line that nobody asks it for."""

import subprocess
import sys

_PROGRAM = """
import sys
from catalyst.blueprints import expressions
found = {"cel", "cel.cli", "prompt_toolkit", "rich", "typer"} & set(sys.modules)
print(*sorted(found))
import cel.cli
print(cel.cli.app.__class__.__name__)
"""


def test_expressions_load_no_command_line() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, timeout=60, check=True
    )
    # Whoever wants the engine's own command line still gets it.
    assert ran.stdout.splitlines() == ["cel", "Typer"]
