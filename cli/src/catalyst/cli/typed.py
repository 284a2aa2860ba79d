"""What is wrong with a command line, in the words that a person typed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

import msgspec
import typer
from typer.core import TyperCommand, TyperGroup

from catalyst.cli.calling import as_called
from catalyst.cli.exits import Failure
from catalyst.contracts.message import FieldError

_ANYWHERE: Final[Mapping[str, str]] = {
    "addons": "--addon",
    "comment": "--comment",
    "config": "--set",
    "currency": "--currency",
    "dependencies": "--dep",
    "drop_addons": "--no-addon",
    "drop_plan": "--no-package",
    "environment": "--env",
    "hash": "--hash",
    "keep_data": "--keep-data",
    "organization": "--org",
    "plan": "--package",
    "reason": "--reason",
    "revision": "--to",
    "values": "--set",
    "version": "--version",
}
_OF_VERBS: Final[Mapping[str, Mapping[str, str]]] = {
    "plan": {"application": "APP"},
    "plan install": {"application": "--as", "blueprint": "BLUEPRINT"},
    "plan delete-environment": {"environment": "ENVIRONMENT"},
    "plan delete-organization": {"organization": "ORGANIZATION"},
    "catalog": {"application": "--app", "blueprint": "BLUEPRINT", "text": "TEXT", "tags": "--tag"},
    "catalog diff": {"old": "FROM", "new": "TO", "version": "FROM or TO"},
    "catalog pin": {"version": "VERSION"},
    "catalog categorize": {"category": "CATEGORY"},
    "app": {"application": "APP"},
    "blueprint": {"version": "VERSION", "replacement": "--replacement"},
    "billing": {"invoice": "MONTH", "month": "MONTH", "lines": "LINE=AMOUNT", "note": "--as"},
    "billing grant": {"amount": "AMOUNT CURRENCY", "grant": "--as"},
    "billing payment": {"amount": "AMOUNT CURRENCY", "payment": "--as"},
    "billing limit spend": {"limit": "AMOUNT CURRENCY"},
    "billing limit lift": {"currency": "CURRENCY"},
    "billing limit credit": {"limit": "AMOUNT CURRENCY"},
    "billing invoice explain": {"invoice": "LINE", "credit_note": "LINE", "line": "LINE"},
    "billing invoice replay": {"invoice": "ID", "credit_note": "ID"},
    "voucher": {"code": "CODE", "id": "VOUCHER", "amount": "AMOUNT CURRENCY"},
    "voucher issue": {
        "code": "--code",
        "description": "--description",
        "cap": "--cap",
        "starts": "--starts",
        "ends": "--ends",
    },
    "source": {
        "name": "NAME",
        "location": "LOCATION",
        "branch": "--branch",
        "folder": "--folder",
        "interval": "--interval",
        "origin": "--origin",
    },
}
"""What stands for a field, where a verb makes the command or the question itself."""
_OWN_WORDS: Final = frozenset({"send", "query", "apply"})
"""Verbs to which a person gives the fields themselves."""
_BELOW: Final = re.compile(r"-\d[\d.]*", re.ASCII)
_AROUND: Final = frozenset({"data", "request"})
"""What a pointer begins with where the fields are those of a command, or of a plan's request."""
_SET: Final = frozenset({"values", "config"})
_FIELD: Final = re.compile(r"([a-z_]+(?:/[^ :]+)*): (.*)", re.DOTALL)


def as_typed(failure: Failure, verb: Sequence[str]) -> Failure:
    """Return a failure whose fields are called what the person who ran the verb typed for them."""
    words = " ".join(verb).strip()
    names = _names(verb[0], words)
    message = failure.message
    field = _FIELD.fullmatch(message)
    errors = failure.errors
    if field and any(one.pointer.endswith(f"/{field[1]}") for one in errors):
        # What is said already is not said again at its place.
        errors = tuple(one for one in errors if one.message != message)
        message = f"{_called(field[1].split('/'), names)}: {field[2]}"
    return Failure(
        failure.exit_code,
        message,
        code=failure.code,
        hint=failure.hint,
        errors=tuple(_placed(one, names) for one in errors),
        causes=failure.causes,
    )


def _names(verb: str, words: str) -> dict[str, str]:
    if verb in _OWN_WORDS:
        return {}
    return {**_ANYWHERE, **_OF_VERBS.get(verb, {}), **_OF_VERBS.get(words, {})}


def keys_of(pointer: str) -> list[str]:
    """Return the keys that a JSON pointer leads through."""
    return [one.replace("~1", "/").replace("~0", "~") for one in pointer.split("/")[1:]]


def place(pointer: str, names: Mapping[str, str] | None = None) -> str:
    """Return where something is wrong: by a field's own name, if none was typed for it."""
    steps = keys_of(pointer)
    if steps and steps[0] in _AROUND:
        steps = steps[1:]
    return _called(steps, names or {})


def _placed(error: FieldError, names: Mapping[str, str]) -> FieldError:
    return msgspec.structs.replace(error, pointer=place(error.pointer, names))


def _called(steps: Sequence[str], names: Mapping[str, str]) -> str:
    if not steps:
        return ""
    # Imported here: only who is refused waits for what reads documents to be loaded.
    from catalyst.cli.documents import spelled  # noqa: PLC0415

    path = tuple(int(one) if one.isdecimal() else one for one in steps)
    name = names.get(steps[0])
    if name is None:
        return spelled(path)
    return f"{name} {spelled(path[1:])}" if steps[0] in _SET and path[1:] else name


_PHRASES: Final[tuple[tuple[str, str], ...]] = (
    (r"Value error, ", ""),
    (r"Input should be a valid integer\b.*", "must be a whole number"),
    (r"Input should be a valid number\b.*", "must be a number"),
    (r"Input should be a valid boolean\b.*", "must be true or false"),
    (r"Input should be greater than or equal to ", "must be at least "),
    (r"Input should be less than or equal to ", "must be at most "),
    (r"Input should be ", "must be "),
)
"""How the library that reads the command line says things, and how we do."""


class Verbs(TyperGroup):
    """All verbs; what is wrong with an option or an argument is said as everywhere else."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # type: ignore[explicit-override]  # Python 3.11 has none
        """Read what is given; a shell that is named is taught."""
        if args[:1] and "-completion" in args[0] and not ctx.resilient_parsing:
            # Imported here: only who teaches a shell waits for it.
            from catalyst.cli.teaching import taught  # noqa: PLC0415

            if taught(args):
                ctx.exit()
        found: list[str] = super().parse_args(ctx, args)
        return found

    def invoke(self, ctx: Any) -> Any:  # type: ignore[explicit-override]  # as above
        """Run the verb that was called."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            for one in error.found if isinstance(error, Several) else (error,):
                for pattern, words in _PHRASES:
                    one.message = re.sub(pattern, words, one.message)
            raise


class Group(TyperGroup):
    """The verbs of a group; what lists things of its name is told where it has no verb for that."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # type: ignore[explicit-override]  # as above
        """Read what is given; a group that only lists does so without being told."""
        only = list(self.commands) == ["list"] and args[:1] not in (["-h"], ["--help"])
        bare = only and (not args or args[0].startswith("-"))
        # Who asks what could be typed next is told.
        bare = bare and not ctx.resilient_parsing
        found: list[str] = super().parse_args(ctx, ["list", *args] if bare else args)
        return found

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # type: ignore[explicit-override]  # as above
        """Find the verb that is called."""
        if ctx.info_name == "contracts" and args and "." in args[0]:
            shown = as_called(f"`catalyst contracts show {shlex.quote(args[0])}`")
            ctx.fail(f"No such command {args[0]!r}. {shown} shows a message of that name.")
        if args[:1] == ["list"] and "list" not in self.commands:
            # Imported here: only who asks for what there is not waits for it.
            from catalyst.cli import kinds  # noqa: PLC0415

            with suppress(Failure):
                shown = as_called(f"`catalyst get {kinds.plural(ctx.info_name)}`")
                ctx.fail(f"No such command 'list'. {shown} lists them.")
        return super().resolve_command(ctx, args)


def _missing(error: typer.BadParameter) -> bool:
    """Return whether it is that an option or an argument is not there."""
    return error.format_message().startswith("Missing ")


class Several(typer.BadParameter):
    """What options or arguments are missing or wrong, with what to do about it."""

    def __init__(self, found: Sequence[typer.BadParameter], context: Any, hint: str = "") -> None:
        """Say all of it, in the order in which help lists them, and what to do."""
        super().__init__("", context)
        self.found = found
        self.hint = hint

    def format_message(self) -> str:  # type: ignore[explicit-override]  # as above
        """Return what is said of each, a line each."""
        said = "\n  ".join(one.format_message() for one in self.found)
        return f"{said}\nHint: {self.hint}" if self.hint else said


_ELSEWHERE: Final[Mapping[str, str]] = {"--to": "--version", "--name": "--as"}
"""What people type, who know it of another verb, and what it may be called."""
_WHOLE: Final = "it is about all versions; `catalyst blueprint yank NAME VERSION` is about one"
_BESIDE: Final[Mapping[str, str]] = {
    "send": "--id says which one is meant",
    "deprecate": _WHOLE,
    "withdraw": _WHOLE,
}
"""What people type behind the arguments of a verb, and how that is said."""
_STAYING: Final = frozenset({"--watch", "-w", "--follow"})
"""What it is called to stay and show what happens: each verb documents one, and takes all."""


_KINDS: Final[Mapping[str, str]] = {
    "<str>": "<text>",
    "<int>": "<number>",
    "<float>": "<number>",
    "<int range>": "<number>",
    "<float range>": "<number>",
}
"""What help calls the kinds of values, instead of what a programmer calls them."""


def _in_words(param: Any) -> None:
    """Let help say in words of what kind a value is, and between which numbers."""
    # The library has no other place for it: what is set on a parameter goes over its methods.
    vars(param)["display_type"] = partial(_kind, param.display_type)
    vars(param)["_get_number_range_help_str"] = partial(_between, param.min, param.max)


def _kind(called: Callable[[Any], str], ctx: Any) -> str:
    return _KINDS.get(called(ctx), called(ctx))


def _between(low: object, high: object) -> str | None:
    if low is None:
        return None if high is None else f"at most {high}"
    # Nothing is below zero of what is counted from there.
    floor = "" if low == 0 else f"at least {low}"
    return (f"{low} to {high}" if high is not None else floor) or None


class Verb(TyperCommand):
    """One verb: all that is missing or wrong of what was typed for it is told at once."""

    def __init__(self, *given: Any, **named: Any) -> None:
        """Be what the library makes of a function, with help in plain words."""
        super().__init__(*given, **named)
        for param in self.params:
            _in_words(param)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # type: ignore[explicit-override]  # as above
        """Read what was typed."""
        args[:] = self._same(ctx, args)
        typed = list(args)
        self._below_zero(ctx, typed)
        self._called_otherwise(ctx, typed)
        self._named_beside(ctx, typed)
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as first:
            found = list(self._wrong(ctx, typed))
            for one in (first, *found):
                _say_choices(one)
            hint = self._whole() if any(map(_missing, (first, *found))) else ""
            if len(found) < 2 and not hint:
                raise
            raise Several(found or [first], ctx, hint) from first

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # type: ignore[explicit-override]  # as above
        """Return what may be typed; what has to be stands without braces, as examples show it."""
        pieces: list[str] = super().collect_usage_pieces(ctx)
        return [re.sub(r"^\{(.+)\}", r"\1", piece) for piece in pieces]

    def _whole(self) -> str:
        """Return a line that lacks nothing: the first one of the verb's example, if it has any."""
        found = re.search(r"^Example:\n +(.+)$", self.help or "", re.MULTILINE)
        return f"such as: {found[1]}" if found else ""

    def _below_zero(self, ctx: Any, typed: list[str]) -> None:
        """Refuse an amount below zero, which looks like an option."""
        options = typed[: typed.index("--")] if "--" in typed else typed
        below = next(filter(_BELOW.fullmatch, options), None)
        if below and any(param.name == "amount" for param in self.get_params(ctx)):
            ctx.fail(f"AMOUNT: {below!r} is below zero, and an amount is positive")

    def _same(self, ctx: Any, args: list[str]) -> list[str]:
        """Return what was typed, with what stays and shows what happens called as it is here."""
        known = {name for param in self.get_params(ctx) for name in param.opts}
        here = next((name for name in ("--watch", "--follow") if name in known), None)
        ends = args.index("--") if "--" in args else len(args)
        if here is None:
            return args
        words = [here if word in _STAYING - known else word for word in args[:ends]]
        return [*words, *args[ends:]]

    def _called_otherwise(self, ctx: Any, typed: list[str]) -> None:
        """Refuse an option that is called so elsewhere alone, with what it is called here."""
        known = {name for param in self.get_params(ctx) for name in param.opts}
        for word in typed[: typed.index("--")] if "--" in typed else typed:
            option = word.partition("=")[0]
            here = _ELSEWHERE.get(option)
            if here in known and option not in known:
                ctx.fail(f"No such option: {option} (here it is called {here})")

    def _named_beside(self, ctx: Any, typed: list[str]) -> None:
        """Refuse what stands behind the arguments, where it is known how that is meant."""
        told = _BESIDE.get(ctx.info_name or "")
        if told:
            _, rest, _ = self.make_parser(ctx).parse_args(args=list(typed))
            if rest:
                ctx.fail(f"Got unexpected extra argument ({rest[0]}): {as_called(told)}")

    def _wrong(self, ctx: Any, typed: list[str]) -> Iterator[typer.BadParameter]:
        options, rest, _ = self.make_parser(ctx).parse_args(args=typed)
        for param in self.get_params(ctx):
            try:
                _, rest = param.handle_parse_result(ctx, options, rest)
            except typer.BadParameter as error:
                yield error


def _say_choices(error: typer.BadParameter) -> None:
    """Let what says that no kind was named name the kinds, as they are named for a wrong one."""
    param: Any = error.param
    if not error.message and param is not None and param.metavar == "KIND":
        # Imported here: only who names none waits for it.
        from catalyst.cli import kinds  # noqa: PLC0415

        error.message = f"Kinds are {', '.join(kinds.NAMES)}"
