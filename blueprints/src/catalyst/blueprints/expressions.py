"""Expressions of the Common Expression Language: compiled with positions, bounded before they run.

The engine is the package `common-expression-language` (Rust): its errors are typed and have
positions, it tells which names an expression uses, and its patterns are linear. It bounds no work,
so the work is bounded here. Expressions see what they are given: no clock, no I/O.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from catalyst.blueprints.engine import cel
from catalyst.blueprints.functions import MAX_RESULT, Functions, check_plain

MAX_CHARACTERS: Final = 2000
MAX_BRACKETS: Final = 24
MAX_MACROS: Final = 3
MAX_WORK: Final = 5_000_000
"""Of one evaluation: an upper bound of its steps, from the sizes of what it reads."""
MAX_PATTERN: Final = 200
"""Characters of the pattern of `matches`."""
MAX_PATTERNS: Final = 200
"""Patterns that one evaluation could compile."""
ROOTS: Final = frozenset({"config", "application", "environment"})

_TOKEN: Final = re.compile(
    r"""(?P<space>\s+|//[^\n]*)
    |(?P<text>[rR]?(?:'''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\"|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"))
    |(?P<number>0x[0-9a-fA-F]+u?|[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?u?)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<sign>&&|\|\||==|!=|<=|>=|[-+*/%!<>?:.,()\[\]{}])""",
    re.VERBOSE | re.DOTALL,
)
_MACROS: Final = frozenset({"map", "filter", "all", "exists", "exists_one"})
_FUNCTIONS: Final = frozenset(
    {"size", "contains", "startsWith", "endsWith", "matches", "int", "uint", "double",
     "string", "bool", "type", "min", "max", "join", "replace", "lower", "json", "secretName",
     "secretKey", "port"}
)  # fmt: skip
_AT: Final = re.compile(r"<input>:(\d+):(\d+): (?:Syntax error: )?([^\n]*)")
_WORDS: Final = frozenset({"true", "false", "null", "in"})


class BadExpression(ValueError):
    """An expression that is not taken."""

    def __init__(self, offset: int, reason: str, fix: str = "") -> None:
        """Say what is wrong; `offset` counts characters from 0 in the text that was given."""
        super().__init__(reason)
        self.offset = offset
        self.reason = reason
        self.fix = fix or "correct the expression"


class EvaluationError(ValueError):
    """An expression that has no result for these inputs."""


class Token(msgspec.Struct, frozen=True):
    """One word of an expression."""

    kind: str
    text: str
    offset: int


class Reference(msgspec.Struct, frozen=True):
    """A value that an expression reads, as far as its name is written out."""

    path: tuple[str, ...]
    """From the root on: `("config", "postgres", "mode")`."""
    offset: int
    guarded: bool
    """Whether the expression asks `has(…)` for it somewhere, so that it may be missing."""


class Variables(dict[str, Any]):
    """What expressions see, not to be changed: the engine is given it once for all of them.

    That takes it many times as long as most expressions do.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        """Name the values by their roots."""
        super().__init__(values)
        self.own: Final = Functions()
        self._contexts: dict[frozenset[str], cel.Context] = {}
        self._sizes: dict[str, int] = {}

    def context(self, roots: frozenset[str]) -> cel.Context:
        """Return these roots as the engine takes them, with the functions that are ours."""
        if roots not in self._contexts:
            given = {root: self.get(root, {}) for root in roots}
            self._contexts[roots] = cel.Context(given, self.own.named())
        return self._contexts[roots]

    def size(self, root: str) -> int:
        """Return about how much there is to walk through."""
        if root not in self._sizes:
            self._sizes[root] = _size(self.get(root))
        return self._sizes[root]


class Expression:
    """An expression that compiled."""

    def __init__(self, source: str, program: cel.Program, tokens: list[Token]) -> None:
        """Use `compile_`."""
        self.source = source
        self._program = program
        self._weight = len(tokens)
        self._macros = _macros(tokens)
        self._growth = 1 + sum(token.text == "+" for token in tokens)
        self._roots = ROOTS.intersection(program.variables())
        self.references = _references(tokens)
        self._matches = sum(token.text == "matches" for token in tokens)

    def evaluate(self, scope: Mapping[str, Any]) -> Any:
        """Return the result as JSON's kinds of values.

        Raises:
            EvaluationError: If it has none, would do too much, or is too large.
        """
        seen = scope if isinstance(scope, Variables) else Variables(scope)
        self._bound(seen)
        own = seen.own
        own.failure = ""
        try:
            result = self._program.execute(seen.context(self._roots))
        except KeyError as error:
            raise EvaluationError(f"there is no {error.args[0]}; has(…) asks for it") from error
        except (ValueError, TypeError, RuntimeError, ArithmeticError, LookupError) as error:
            raise EvaluationError(own.failure or _first_sentence(str(error))) from error
        if own.failure:
            raise EvaluationError(own.failure)
        return _plain(result)

    def _bound(self, seen: Variables) -> None:
        size = self._growth * (self._weight + sum(map(seen.size, self._roots)))
        work = self._weight * size ** (self._macros + 1)
        # A pattern is compiled each time that it is asked for.
        patterns = self._matches * size**self._macros if self._macros else self._matches
        if work > MAX_WORK or patterns > MAX_PATTERNS:
            raise EvaluationError("the expression could do too much for values of this size")


def compile_(source: str, *, offset: int = 0) -> Expression:
    """Return an expression.

    Args:
        source: The expression, without `${{ }}`.
        offset: Of the expression in the text around it; added to the offset of an error.

    Raises:
        BadExpression: If it is none, or beyond a limit.
    """
    if len(source) > MAX_CHARACTERS:
        raise BadExpression(offset, f"an expression has at most {MAX_CHARACTERS} characters")
    try:
        return _compiled(source)
    except BadExpression as error:
        raise BadExpression(offset + error.offset, error.reason, error.fix) from error


@functools.lru_cache(maxsize=2048)
def _compiled(source: str) -> Expression:
    tokens = tokenized(source)
    _check_tokens(tokens)
    try:
        program = cel.compile(source)
    except ValueError as error:
        raise _positioned(source, str(error)) from error
    bound = _bound_names(tokens)
    for token in _free_names(tokens):
        if token.text not in ROOTS | bound:
            fix = f"an expression knows {', '.join(sorted(ROOTS))}"
            raise BadExpression(token.offset, f"there is no {token.text}", fix)
    return Expression(source, program, tokens)


def tokenized(source: str, *, offset: int = 0) -> list[Token]:
    """Return the words of an expression, without spaces and comments.

    Raises:
        BadExpression: At the first character that begins none.
    """
    tokens = []
    place = 0
    while place < len(source):
        match = _TOKEN.match(source, place)
        if match is None or match.lastgroup is None:
            reason = f"the character {source[place]!r} has no meaning here"
            raise BadExpression(offset + place, reason)
        if match.lastgroup != "space":
            tokens.append(Token(match.lastgroup, match[0], place))
        place = match.end()
    return tokens


def _check_tokens(tokens: list[Token]) -> None:
    if not tokens:
        raise BadExpression(0, "the expression is empty", "write one, or leave it out")
    depth = 0
    for index, token in enumerate(tokens):
        depth += (token.text in {"(", "[", "{"}) - (token.text in {")", "]", "}"})
        if depth > MAX_BRACKETS:
            reason = f"brackets are nested deeper than {MAX_BRACKETS}"
            raise BadExpression(token.offset, reason)
        if token.kind == "name" and _calls(tokens, index):
            _check_call(tokens, index)
    if _macros(tokens) > MAX_MACROS:
        reason = f"an expression has at most {MAX_MACROS} of {', '.join(sorted(_MACROS))}"
        raise BadExpression(0, reason)


def _check_call(tokens: list[Token], index: int) -> None:
    token = tokens[index]
    if token.text not in _FUNCTIONS | _MACROS | {"has", "in"}:
        fix = f"known are {', '.join(sorted(_FUNCTIONS))}"
        raise BadExpression(token.offset, f"there is no function {token.text}", fix)
    if token.text in _MACROS and index + 2 < len(tokens) and tokens[index + 2].text in ROOTS:
        reason = f"{tokens[index + 2].text} cannot be the name of an entry"
        raise BadExpression(tokens[index + 2].offset, reason)
    if token.text == "matches":
        pattern = tokens[index + 2] if index + 2 < len(tokens) else token
        closed = index + 3 < len(tokens) and tokens[index + 3].text == ")"
        if pattern.kind != "text" or not closed or len(pattern.text) > MAX_PATTERN:
            reason = f"a pattern is one text in quotes of at most {MAX_PATTERN} characters"
            raise BadExpression(pattern.offset, reason)


def _calls(tokens: list[Token], index: int) -> bool:
    return index + 1 < len(tokens) and tokens[index + 1].text == "("


def _macros(tokens: list[Token]) -> int:
    return sum(token.text in _MACROS and _calls(tokens, at) for at, token in enumerate(tokens))


def _bound_names(tokens: list[Token]) -> set[str]:
    return {
        tokens[at + 2].text
        for at, token in enumerate(tokens[:-2])
        if token.text in _MACROS and _calls(tokens, at)
    }


def _free_names(tokens: list[Token]) -> list[Token]:
    """Return the names that stand for a value of their own: no field, no function, no word."""
    return [
        token
        for at, token in enumerate(tokens)
        if token.kind == "name"
        and token.text not in _WORDS
        and not (at and tokens[at - 1].text == ".")
        and not _calls(tokens, at)
    ]


def _references(tokens: list[Token]) -> tuple[Reference, ...]:
    found: list[tuple[tuple[str, ...], int]] = []
    asked: set[tuple[str, ...]] = set()
    for token in _free_names(tokens):
        if token.text not in ROOTS:
            continue
        at = tokens.index(token)
        path, behind = [token.text], at + 1
        while behind + 1 < len(tokens) and tokens[behind].text == ".":
            step = tokens[behind + 1]
            if step.kind != "name" or _calls(tokens, behind + 1):
                break
            path.append(step.text)
            behind += 2
        found.append((tuple(path), token.offset))
        if at >= 2 and tokens[at - 1].text == "(" and tokens[at - 2].text == "has":
            asked.add(tuple(path))
    return tuple(
        Reference(path, offset, any(path[: len(one)] == one for one in asked))
        for path, offset in found
    )


def _positioned(source: str, text: str) -> BadExpression:
    match = _AT.search(text)
    if match is None:
        return BadExpression(0, _first_sentence(text))
    lines = source.split("\n")
    line, column = int(match[1]), int(match[2])
    place = sum(len(one) + 1 for one in lines[: line - 1]) + column - 1
    reason = match[3].partition(" expecting ")[0].replace("<EOF>", "the end")
    return BadExpression(min(place, len(source)), reason)


def _first_sentence(text: str) -> str:
    first = text.splitlines()[0] if text else "it cannot be evaluated"
    return first.partition(". ")[0][:200].rstrip(".")


def _size(value: Any) -> int:
    """Return about how much there is to walk through."""
    match value:
        case dict():
            return 1 + sum(_size(inner) + len(str(name)) // 16 for name, inner in value.items())
        case list() | tuple():
            return 1 + sum(_size(inner) for inner in value)
        case str():
            return 1 + len(value) // 16
        case _:
            return 1


def _plain(value: Any) -> Any:
    """Return a result, if it is of JSON's kinds."""
    try:
        check_plain(value)
        length = len(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        reason = "the result is no text, number, boolean, list, map or null"
        raise EvaluationError(reason) from error
    if length > MAX_RESULT:
        raise EvaluationError(f"the result has more than {MAX_RESULT} characters")
    return value
