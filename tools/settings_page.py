"""docs/settings.md: every setting of every member, from the structs in their `settings.py`.

A member is told its settings by environment variables: `<MEMBER>_<NAME>`, or `CATALYST_<NAME>` for
all members at once.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
from tools.constraints import LIBRARIES, members
from tools.isolate import package

from catalyst.chassis.settings import BrokerSettings, rule

_EXAMPLE: Final = re.compile(r"\w+://[^\s,]+|\*\.[\w.]+")
"""What in a rule is written as it stands."""
SHARED: Final = frozenset(BrokerSettings.__struct_fields__)
"""Settings that every member has."""


def page() -> str:
    """Return the whole page."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield "# Settings"
    yield ""
    yield "A member reads its settings from environment variables when it starts. `<MEMBER>_<NAME>`"
    yield "speaks to one member, `CATALYST_<NAME>` to all; the first wins. Every value is looked at"
    yield "before anything else is done: all that is wrong is told at once, each with its variable,"
    yield "what was found and what it must be, and the process ends with exit code 2; so does"
    yield "`catalyst up`. Where the default is empty, the value may be empty, too. Another broker"
    yield "is named to `catalyst up` by `--nats` alone: it tells of a variable that names one."
    yield ""
    yield "A variable that no setting has is told in the log, with one that is like it: each that"
    yield "begins with the member's name, and of those with `CATALYST_` in front, which have many"
    yield "readers, one that is a setting but for a letter or two."
    yield ""
    yield "Made from the members' `settings.py` by `uv run python -m tools.pages`."
    yield ""
    yield "## Every member"
    yield ""
    yield "| Variable | Must be | Default | Meaning |"
    yield "|---|---|---|---|"
    for name in BrokerSettings.__struct_fields__:
        yield _row("CATALYST", BrokerSettings, name)
    for member in settings_members():
        struct = settings_of(member)
        own = [name for name in struct.__struct_fields__ if name not in SHARED]
        yield ""
        yield f"## {member.name}"
        yield ""
        yield f"Prefix `{prefix(member)}`."
        if own:
            yield ""
            yield "| Variable | Must be | Default | Meaning |"
            yield "|---|---|---|---|"
            for name in own:
                yield _row(prefix(member), struct, name)
    yield ""


def settings_members() -> list[Path]:
    """Return the members that have settings, sorted by their path."""
    return [
        member
        for member in members()
        if member.name not in LIBRARIES and _module_file(member).is_file()
    ]


def _module_file(member: Path) -> Path:
    return member / "src" / Path(*package(member).split(".")) / "settings.py"


def settings_of(member: Path) -> type[msgspec.Struct]:
    """Return the struct `Settings` of a member."""
    module = importlib.import_module(f"{package(member)}.settings")
    struct: type[msgspec.Struct] = module.Settings
    return struct


def prefix(member: Path) -> str:
    """Return what the variables of a member begin with."""
    return member.name.upper().replace("-", "_")


def field_docs(struct: type[msgspec.Struct]) -> dict[str, str]:
    """Return the docstring of each field, those of base structs included, on one line."""
    found: dict[str, str] = {}
    for base in reversed(struct.__mro__):
        if issubclass(base, msgspec.Struct) and base is not msgspec.Struct:
            found.update(_own_docs(base))
    return found


def _own_docs(struct: type) -> Iterator[tuple[str, str]]:
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(struct))).body
    if not isinstance(definition, ast.ClassDef):
        return
    for field, below in zip(definition.body, definition.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
        ):
            yield field.target.id, " ".join(str(below.value.value).split())


def _row(start: str, struct: type[msgspec.Struct], name: str) -> str:
    field = next(field for field in msgspec.structs.fields(struct) if field.name == name)
    meaning = field_docs(struct)[name]
    must = _EXAMPLE.sub(r"`\g<0>`", rule(field.type))
    cells = (f"`{start}_{name.upper()}`", must, _default(field), meaning)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    if isinstance(field.default, bool):
        return f"`{str(field.default).lower()}`"
    return "empty" if field.default == "" else f"`{field.default}`"
