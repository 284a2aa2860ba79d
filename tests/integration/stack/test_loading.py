"""What a process loads is paid at each start: nothing that nobody asks for, and with no search.

The collector of garbage would look through all of it, over and over and at the end once more.
"""

import importlib.util
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support.each import each

from catalyst.cli.processes import MODULES

_EXPRESSIONS = """
import sys
from catalyst.blueprints import expressions
found = {"cel", "cel.cli", "prompt_toolkit", "rich", "typer"} & set(sys.modules)
print(*sorted(found))
import cel.cli
print(cel.cli.app.__class__.__name__)
"""

_COMMAND = """
import atexit, sys
atexit.register(lambda: print(*{"pygments", "rich", "httpx"} & set(sys.modules)))
from catalyst.cli.entry import run
run()
"""

_PROCESS = """
import atexit, gc, runpy, sys

searched = []

def look(phase, info):
    if phase == "start" and len(gc.get_objects()) > 50_000:
        searched.append(info)

def ended():
    # What is frozen is looked at by no collection, and least by the last one.
    frozen = gc.get_freeze_count() > 10 * gc.get_count()[0]
    # The first is what colours the text of a command line, such as httpx's own.
    print("pygments" in sys.modules, gc.isenabled(), frozen, searched)

atexit.register(ended)
gc.callbacks.append(look)
name, _, function = sys.argv.pop(1).partition(":")
if function:
    getattr(__import__(name, fromlist=["_"]), function)()
else:
    runpy.run_module(name, run_name="__main__", alter_sys=True)
"""


def ran(program: str, *arguments: str, environ: Mapping[str, str] | None = None) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environ,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout.splitlines()


def test_expressions_load_no_command_line() -> None:
    # Whoever wants the engine's own command line still gets it.
    assert ran(_EXPRESSIONS) == ["cel", "Typer"]


def test_the_command_loads_no_command_line_of_what_it_asks_with() -> None:
    asked = ("get", "organizations", "--url", "http://127.0.0.1:1", "--token", "none")
    assert ran(_COMMAND, *asked)[-1] == "httpx"
    assert ran(_COMMAND, "--version")[-1] == ""


@each([*MODULES.values(), "catalyst.simulator"])
def test_all_members_are_loaded_alike(member: str) -> None:
    found = importlib.util.find_spec(f"{member}.__main__")
    assert found is not None
    assert found.origin is not None
    *_, begun = Path(found.origin).read_text("utf-8").partition("with resting():\n")
    assert begun == f"    from {member}.main import run\n\nsys.exit(run())\n"


@each(["catalyst.provisioning", "catalyst.gateway", "catalyst.cli.entry:run"])
def test_what_is_loaded_is_not_looked_through_for_garbage(process: str) -> None:
    # A member ends at once where a setting is wrong, and the command says its version.
    wrong = {"CATALYST_HTTP_PORT": "none"}
    said = ran(_PROCESS, process, *(["--version"] if ":" in process else []), environ=wrong)
    assert said[-1] == "False True True []"
