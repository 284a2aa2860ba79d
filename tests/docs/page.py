"""The examples of a page: what is shown, and what has to come of it."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_INFO = re.compile(r"(?P<language>\w+) id=(?P<id>[\w.-]+)(?P<until> until)?")
_BARE = re.compile(r"(?<=[:\[,] )(\$[A-Z]+|…)(?=[,}\]\n])")
_STATUS = re.compile(r"^HTTP/1\.1 (\d{3})$", re.MULTILINE)
ANYTHING = "…"


@dataclass(frozen=True)
class Example:
    """One fenced block."""

    language: str
    id: str
    until: bool
    """Whether it holds after a while and not at once."""
    text: str


@dataclass(frozen=True)
class Exchange:
    """A request, and what is expected back."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: str
    status: int
    answer: Any
    """JSON, or None for a stream or an answer without a body."""
    frames: tuple["Frame", ...]


@dataclass(frozen=True)
class Frame:
    """A server-sent event."""

    event: str
    id: str
    data: Any


def examples(page: str) -> list[Example]:
    """Every fenced block, in the page's order; each has to say which language and id it has."""
    found = []
    for info, text in _FENCE.findall(page):
        match = _INFO.fullmatch(info)
        if match is None:
            raise ValueError(f"a block that no test runs: {info!r}\n{text[:200]}")
        until = match["until"] is not None
        found.append(Example(match["language"], match["id"], until, text))
    return found


def exchange(text: str) -> Exchange:
    """Take an `http` block apart."""
    status = _STATUS.search(text)
    if status is None:
        raise ValueError(f"no answer is shown:\n{text}")
    head, _, body = text[: status.start()].strip().partition("\n\n")
    first, *lines = head.split("\n")
    method, _, target = first.partition(" ")
    rest = text[status.end() :].strip()
    streams = rest.startswith(("event:", "id:"))
    return Exchange(
        method=method,
        target=target,
        headers=dict(line.split(": ", 1) for line in lines),
        body=body,
        status=int(status[1]),
        answer=None if streams or not rest else pattern(rest),
        frames=tuple(frames(rest)) if streams else (),
    )


def pattern(text: str) -> Any:
    """JSON in which `…` and `$NAME` may stand where a value does."""
    return json.loads(_BARE.sub(r'"\1"', text))


def frames(text: str) -> Iterator[Frame]:
    """The events that a stream's text holds."""
    for part in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in part.strip().split("\n") if ": " in line)
        if "event" in fields:
            yield Frame(fields["event"], fields.get("id", ""), pattern(fields.get("data", "null")))


class Values:
    """What earlier answers were, by name."""

    def __init__(self, **known: str) -> None:
        self.known: dict[str, Any] = dict(known)

    def fill(self, text: str) -> str:
        """Put values where their names stand."""
        return re.sub(r"\$([A-Z]+)", lambda match: str(self.known[match[1]]), text)

    def fits(self, expected: Any, found: Any) -> bool:
        """Whether an answer is as shown: fields may be left out of what is shown, values not.

        A name without a value takes the one that is found, if the rest fits.
        """
        taken: dict[str, Any] = {}
        if not self._fits(expected, found, taken):
            return False
        self.known |= taken
        return True

    def _fits(self, expected: Any, found: Any, taken: dict[str, Any]) -> bool:
        if isinstance(expected, dict):
            return isinstance(found, dict) and all(
                name in found and self._fits(value, found[name], taken)
                for name, value in expected.items()
            )
        if isinstance(expected, list):
            return (
                isinstance(found, list)
                and len(expected) == len(found)
                and all(self._fits(*pair, taken) for pair in zip(expected, found, strict=True))
            )
        if isinstance(expected, str) and re.fullmatch(r"\$[A-Z]+", expected):
            name = expected[1:]
            known = self.known.get(name, taken.setdefault(name, found))
            return bool(known == found)
        if isinstance(expected, str) and isinstance(found, str):
            return matches(expected, found)
        return bool(expected in (ANYTHING, found))


def matches(expected: str, found: str) -> bool:
    """Whether a text is as shown; `…` stands for anything within a line."""
    parts = (re.escape(part) for part in expected.split(ANYTHING))
    return re.fullmatch(".*".join(parts), found) is not None
