"""Texts with expressions in them, and the documented `{{ .config.a.b == 'x' }}`."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from catalyst.blueprints.expressions import (
    MAX_CHARACTERS,
    ROOTS,
    BadExpression,
    Expression,
    Token,
    compile_,
    tokenized,
)
from catalyst.blueprints.functions import shown

MAX_EXPRESSIONS: Final = 50
"""In one text."""
KEPT_CHARACTERS: Final = 1000
"""Shorter texts are kept as templates: each is evaluated for every Application, plan and commit."""
_OPEN: Final = "${{"
_OLD: Final = "{{"
_CLOSE: Final = "}}"
_SIGNS: Final = frozenset({"==", "!=", "<", "<=", ">", ">=", "&&", "||", "!", "(", ")"})
_WORDS: Final = frozenset({"true", "false", "null"})


class Part(msgspec.Struct, frozen=True):
    """An expression within a text."""

    expression: Expression
    offset: int
    """Of the expression's first character in the text."""


class Template(msgspec.Struct, frozen=True):
    """A text with expressions in it."""

    parts: tuple[str | Part, ...]

    @property
    def expressions(self) -> tuple[Part, ...]:
        """All expressions, in order."""
        return tuple(part for part in self.parts if isinstance(part, Part))

    def evaluate(self, scope: Mapping[str, Any]) -> Any:
        """Return the value: typed if the text is one expression, else a text.

        Raises:
            EvaluationError: If an expression has no result.
        """
        if len(self.parts) == 1 and isinstance(self.parts[0], Part):
            return self.parts[0].expression.evaluate(scope)
        return "".join(
            part if isinstance(part, str) else shown(part.expression.evaluate(scope))
            for part in self.parts
        )


def parse(text: str, *, old: bool = False) -> Template:
    """Return a text as a template; without expressions it is one text.

    Args:
        text: What the author wrote.
        old: Whether `{{ .config… }}` is translated as well; in manifests it belongs to others.

    Raises:
        BadExpression: If an expression is not taken; with its offset in the text.
    """
    return (_kept if len(text) < KEPT_CHARACTERS else _parsed)(text, old)


def _parsed(text: str, old: bool) -> Template:  # noqa: FBT001 - as the cache is asked
    parts: list[str | Part] = []
    literal = ""
    place = 0
    while place < len(text):
        if text.startswith("$" + _OPEN, place):
            literal += _OPEN
            place += len(_OPEN) + 1
            continue
        new = text.startswith(_OPEN, place)
        if not new and not (old and text.startswith(_OLD, place)):
            literal += text[place]
            place += 1
            continue
        start = place + len(_OPEN if new else _OLD)
        end = _end(text, start)
        if literal:
            parts.append(literal)
            literal = ""
        parts.append(_part(text[start:end], start, new=new))
        if sum(isinstance(one, Part) for one in parts) > MAX_EXPRESSIONS:
            raise BadExpression(start, f"a text has at most {MAX_EXPRESSIONS} expressions")
        place = end + len(_CLOSE)
    if literal or not parts:
        parts.append(literal)
    stripped = [part for part in parts if not isinstance(part, str) or part.strip()]
    if len(stripped) == 1 and isinstance(stripped[0], Part):
        # Spaces around it are the line breaks of a block.
        parts = stripped
    return Template(tuple(parts))


_kept: Final = functools.lru_cache(maxsize=2048)(_parsed)


def _part(inner: str, start: int, *, new: bool) -> Part:
    lead = len(inner) - len(inner.lstrip())
    if new:
        return Part(compile_(inner.strip(), offset=start + lead), start + lead)
    return Part(compile_(translate(inner, offset=start)), start + lead)


def _end(text: str, start: int) -> int:
    """Return where `}}` closes; braces of maps and texts in quotes are stepped over."""
    depth = 0
    place = start
    quote = ""
    limit = min(len(text), start + MAX_CHARACTERS + 100)
    while place < limit:
        character = text[place]
        if quote:
            if character == "\\":
                place += 1
            elif character == quote:
                quote = ""
        elif character in "'\"":
            quote = character
        elif depth == 0 and text.startswith(_CLOSE, place):
            return place
        else:
            depth += (character == "{") - (character == "}")
        place += 1
    raise BadExpression(start, "the expression has no end", "close it with }}")


def condition(text: str) -> Expression:
    """Return an expression that may be bare, in `${{ }}`, or in the documented form.

    Raises:
        BadExpression: If it is not taken, or something stands around it.
    """
    if _OLD not in text:
        lead = len(text) - len(text.lstrip())
        return compile_(text.strip(), offset=lead)
    template = parse(text, old=True)
    if len(template.parts) != 1 or not isinstance(template.parts[0], Part):
        raise BadExpression(0, "a condition is one expression", "remove what stands around it")
    return template.parts[0].expression


def translate(inner: str, *, offset: int = 0) -> str:
    """Return what stands between `{{` and `}}` as an expression.

    Taken are comparisons of fields such as `.config.postgres.mode` with texts, numbers, true, false
    and null, joined by `&&`, `||`, `!` and parentheses.

    Raises:
        BadExpression: At the first word that is anything else.
    """
    words: list[str] = []
    tokens = tokenized(inner, offset=offset)
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token.text == ".":
            at = _field(tokens, at, words, offset)
            continue
        if token.kind == "name" and token.text not in _WORDS:
            raise _refused(token, offset)
        if token.kind == "sign" and token.text not in _SIGNS:
            raise _refused(token, offset)
        words.append(token.text)
        at += 1
    if not words:
        raise BadExpression(offset, "the expression is empty", "write one, or leave it out")
    return " ".join(words)


def _field(tokens: list[Token], at: int, words: list[str], offset: int) -> int:
    path: list[str] = []
    start = tokens[at]
    while at + 1 < len(tokens) and tokens[at].text == "." and tokens[at + 1].kind == "name":
        path.append(tokens[at + 1].text)
        at += 2
    if not path or path[0] not in ROOTS:
        raise _refused(tokens[at] if at < len(tokens) and not path else start, offset)
    words.append(".".join(path))
    return at


def _refused(token: Token, offset: int) -> BadExpression:
    reason = f"{token.text} is not taken between {{{{ and }}}}"
    fix = "compare fields as in {{ .config.mode == 'x' }}, or write CEL in ${{ }}"
    return BadExpression(offset + token.offset, reason, fix)
