"""Versions and ranges of versions.

A parser of our own: a Blueprint's version is stricter than what the libraries take (no build
metadata, no capital letters, no leading zeros), a range must be refused with the part that is
wrong, and a solver needs the bounds.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import Any, Final, Literal

import msgspec
from typing_extensions import override

MAX_TEXT: Final = 200
MAX_ALTERNATIVES: Final = 20
_MAX_DIGITS: Final = 9
_MAX_PRE_DIGITS: Final = 18
"""Of a number in a pre-release: builds are numbered by their time, such as 20261129153000."""

_VERSION: Final = re.compile(r"([0-9]+)\.([0-9]+)\.([0-9]+)(?:-([a-z0-9.-]+))?")
_TOKEN: Final = re.compile(r"\s*(?P<op>\^|~|>=|<=|>|<|=)?\s*(?P<version>[^\s|<>=^~]+)")
_PARTIAL: Final = re.compile(
    r"(?P<major>[0-9]+|[xX*])(?:\.(?P<minor>[0-9]+|[xX*]))?(?:\.(?P<patch>[0-9]+|[xX*]))?"
    r"(?:-(?P<pre>[a-z0-9.-]+))?"
)
_ANY: Final = frozenset({None, "x", "X", "*"})

Part = tuple[int, int, str]
"""An identifier of a pre-release, so that numbers come before texts and sort as numbers."""
Comparison = Literal[">=", "<=", ">", "<", "="]


class BadVersion(ValueError):
    """A text that is no version or no range."""

    def __init__(self, text: str, column: int, reason: str) -> None:
        """Say what is wrong; `column` counts from 1 in the text."""
        super().__init__(f"{text!r}: {reason}")
        self.column = column
        self.reason = reason


class Version(msgspec.Struct, frozen=True, eq=True):
    """A version; they sort as Semantic Versioning says."""

    major: int
    minor: int
    patch: int
    pre: tuple[Part, ...] = ()

    @property
    def release(self) -> tuple[int, int, int]:
        """The three numbers."""
        return self.major, self.minor, self.patch

    def __lt__(self, other: Version) -> bool:
        return self._key() < other._key()

    def __le__(self, other: Version) -> bool:
        return self._key() <= other._key()

    def __gt__(self, other: Version) -> bool:
        return self._key() > other._key()

    def __ge__(self, other: Version) -> bool:
        return self._key() >= other._key()

    @override
    def __str__(self) -> str:
        text = f"{self.major}.{self.minor}.{self.patch}"
        parts = ".".join(word if kind else str(number) for kind, number, word in self.pre)
        return f"{text}-{parts}" if parts else text

    def _key(self) -> tuple[Any, ...]:
        return self.major, self.minor, self.patch, not self.pre, self.pre


@functools.lru_cache(maxsize=4096)
def parse(text: str) -> Version:
    """Return a version.

    Raises:
        BadVersion: If it is none.
    """
    match = _VERSION.fullmatch(text) if len(text) <= MAX_TEXT else None
    if match is None:
        reason = "a version is three numbers with dots, such as 1.4.0, or 1.4.0-rc.1"
        raise BadVersion(text, 1, reason)
    major, minor, patch = (_number(text, match[at], match.start(at)) for at in (1, 2, 3))
    return Version(major, minor, patch, _pre(text, match[4], match.start(4)))


def _number(text: str, digits: str, offset: int, most: int = _MAX_DIGITS) -> int:
    if len(digits) > most:
        raise BadVersion(text, offset + 1, f"a number has at most {most} digits")
    if len(digits) > 1 and digits.startswith("0"):
        raise BadVersion(text, offset + 1, "a number has no leading zeros")
    return int(digits)


def _pre(text: str, written: str | None, offset: int) -> tuple[Part, ...]:
    if written is None:
        return ()
    parts: list[Part] = []
    for word in written.split("."):
        if not word:
            raise BadVersion(text, offset + 1, "a part of the pre-release is empty")
        if word.isdigit():
            parts.append((0, _number(text, word, offset, _MAX_PRE_DIGITS), ""))
        else:
            parts.append((1, 0, word))
        offset += len(word) + 1
    return tuple(parts)


class Comparator(msgspec.Struct, frozen=True):
    """One bound."""

    operator: Comparison
    version: Version
    named: bool = False
    """Whether the author named a pre-release here."""

    def holds(self, version: Version) -> bool:
        """Return whether a version is on the right side of the bound."""
        match self.operator:
            case ">=":
                return version >= self.version
            case "<=":
                return version <= self.version
            case ">":
                return version > self.version
            case "<":
                return version < self.version
            case "=":
                return version == self.version


class Range(msgspec.Struct, frozen=True):
    """Which versions fit: those within all bounds of at least one alternative."""

    text: str
    alternatives: tuple[tuple[Comparator, ...], ...]

    def contains(self, version: Version) -> bool:
        """Return whether a version fits."""
        return any(_fits(bounds, version) for bounds in self.alternatives)

    @override
    def __str__(self) -> str:
        return self.text


def _fits(bounds: tuple[Comparator, ...], version: Version) -> bool:
    if not all(bound.holds(version) for bound in bounds):
        return False
    return not version.pre or any(
        bound.named and bound.version.release == version.release for bound in bounds
    )


def best(candidates: Iterable[Version], wanted: Range) -> Version | None:
    """Return the newest version that fits."""
    return max((one for one in candidates if wanted.contains(one)), default=None)


def parse_range(text: str) -> Range:
    """Return a range as npm writes them; a space means and, `||` means or.

    Raises:
        BadVersion: If it is none; with the column of the part that is wrong.
    """
    if len(text) > MAX_TEXT:
        raise BadVersion(text[:20], 1, f"a range has at most {MAX_TEXT} characters")
    alternatives = []
    offset = 0
    for alternative in text.split("||"):
        alternatives.append(_bounds(text, alternative, offset))
        offset += len(alternative) + 2
    if len(alternatives) > MAX_ALTERNATIVES:
        raise BadVersion(text, 1, f"a range has at most {MAX_ALTERNATIVES} alternatives")
    return Range(text=text, alternatives=tuple(alternatives))


def _bounds(text: str, alternative: str, offset: int) -> tuple[Comparator, ...]:
    if not alternative.strip():
        raise BadVersion(text, offset + 1, "a range is empty; * means every version")
    if " - " in alternative:
        column = offset + alternative.index(" - ") + 2
        raise BadVersion(text, column, "write >=1.2.0 <=1.4.0 instead of a hyphen")
    bounds: list[Comparator] = []
    place = 0
    end = len(alternative.rstrip())
    while place < end:
        token = _TOKEN.match(alternative, place)
        if token is None:
            column = offset + place + 1
            raise BadVersion(text, column, "here stands no version")
        start = offset + token.start("version")
        bounds.extend(_desugared(text, token["op"] or "", token["version"], start))
        place = token.end()
    return tuple(bounds)


def _desugared(text: str, operator: str, written: str, offset: int) -> list[Comparator]:
    match = _PARTIAL.fullmatch(written)
    if match is None:
        what = "it" if written == text else written
        reason = f"{what} is no version; write 1.4.0, 1.4, 1.x or *"
        raise BadVersion(text, offset + 1, reason)
    numbers: list[int] = []
    for name in ("major", "minor", "patch"):
        digits = match[name]
        if digits in _ANY:
            break
        numbers.append(_number(text, digits, offset + match.start(name)))
    else:
        pre = _pre(text, match["pre"], offset + match.start("pre"))
        return _exact(operator, Version(numbers[0], numbers[1], numbers[2], pre=pre))
    written_numbers = [match[name] for name in ("major", "minor", "patch")]
    if match["pre"] or any(digits not in _ANY for digits in written_numbers[len(numbers) :]):
        reason = f"nothing stands behind a placeholder in {written}"
        raise BadVersion(text, offset + 1, reason)
    return _partial(operator, numbers)


def _exact(operator: str, version: Version) -> list[Comparator]:
    named = bool(version.pre)
    match operator:
        case "^":
            return [Comparator(">=", version, named), _below(_caret(version.release))]
        case "~":
            limit = (version.major, version.minor + 1, 0)
            return [Comparator(">=", version, named), _below(limit)]
        case ">=" | "<=" | ">" | "<":
            return [Comparator(operator, version, named)]
        case _:
            return [Comparator("=", version, named)]


def _partial(operator: str, numbers: list[int]) -> list[Comparator]:
    """Return the bounds of a version of which only the first numbers are given."""
    if not numbers:
        # Any version is no bound: not even a pre-release of the first one lies below it.
        return [_below((0, 0, 0))] if operator in {"<", ">"} else []
    first = Version(numbers[0], numbers[1] if len(numbers) > 1 else 0, 0)
    behind = (first.major + 1, 0, 0) if len(numbers) == 1 else (first.major, first.minor + 1, 0)
    match operator:
        case ">=":
            return [Comparator(">=", first)]
        case ">":
            return [Comparator(">=", Version(*behind))]
        case "<":
            return [_below(first.release)]
        case "<=":
            return [_below(behind)]
        case "^":
            limit = behind if first.major == 0 else (first.major + 1, 0, 0)
            return [Comparator(">=", first), _below(limit)]
        case _:
            return [Comparator(">=", first), _below(behind)]


def _caret(release: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return the first release that may break: the next of the leftmost number that is not 0."""
    major, minor, patch = release
    if major:
        return major + 1, 0, 0
    return (0, minor + 1, 0) if minor else (0, 0, patch + 1)


def _below(release: tuple[int, int, int]) -> Comparator:
    """Return the bound below a release and below its pre-releases."""
    return Comparator("<", Version(*release, pre=((0, 0, ""),)))


def upgrade_refusal(
    installed: Version, target: Version, from_: Iterable[Range], blocks: Iterable[Range]
) -> str:
    """Return why the installed version may not be upgraded to the target; empty if it may.

    Args:
        installed: What runs.
        target: What shall run.
        from_: `upgrades.from` of the target; none means every older version.
        blocks: `upgrades.blocks` of the target; they win.
    """
    if target == installed:
        return f"{target} is installed"
    if target < installed:
        return f"{target} is older than the installed {installed}"
    blocking = [str(one) for one in blocks if one.contains(installed)]
    if blocking:
        return f"{target} refuses an upgrade from {installed}: it blocks {' and '.join(blocking)}"
    allowed = list(from_)
    if allowed and not any(one.contains(installed) for one in allowed):
        ranges = " or ".join(str(one) for one in allowed)
        return f"{target} can be reached from {ranges}, and {installed} is installed"
    return ""
