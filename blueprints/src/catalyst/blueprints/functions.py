"""The functions of expressions that are ours, and what a value may be."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

MAX_RESULT: Final = 64 * 1024
"""Characters of a result as JSON."""

_PORTS: Final = {"http": 80, "https": 443}
_SECRET: Final = re.compile(r"secret:([^/]+)/(.+)", re.DOTALL)


def check_plain(value: Any) -> None:
    """Raise `TypeError` or `ValueError` for what is not of JSON's kinds."""
    match value:
        case dict():
            for name, inner in value.items():
                if not isinstance(name, str):
                    raise TypeError
                check_plain(inner)
        case list():
            for inner in value:
                check_plain(inner)
        case None | bool() | int() | str():
            return
        case float():
            if not math.isfinite(value):
                raise ValueError
        case _:
            raise TypeError


class Functions:
    """The functions of evaluations. They keep what went wrong first: the engine would log it."""

    def __init__(self) -> None:
        self.failure = ""

    def named(self) -> dict[str, Any]:
        """Return each function by the name that expressions call it."""
        return {
            "join": self._join,
            "replace": self._replace,
            "lower": self._lower,
            "string": self._string,
            "bool": self._bool,
            "min": lambda *values: self._extreme(min, values),
            "max": lambda *values: self._extreme(max, values),
            "json": self._json,
            "secretName": lambda reference: self._secret(reference, 1),
            "secretKey": lambda reference: self._secret(reference, 2),
            "port": self._port,
        }

    def _join(self, values: Any, separator: Any) -> str:
        if not isinstance(values, list) or not isinstance(separator, str):
            return self._failed("join takes a list and a text")
        return self._limited([shown(value) for value in values], separator)

    def _replace(self, text: Any, old: Any, new: Any) -> str:
        if not (isinstance(text, str) and isinstance(old, str) and isinstance(new, str) and old):
            return self._failed("replace takes three texts, of which the second is not empty")
        return self._limited(text.split(old), new)

    def _lower(self, text: Any) -> str:
        return text.lower() if isinstance(text, str) else self._failed("lower takes a text")

    def _string(self, value: Any) -> str:
        if isinstance(value, (str, bool, int, float)):
            return shown(value)
        return self._failed("string takes a text, a number or a boolean")

    def _bool(self, value: Any) -> Any:
        match value:
            case bool():
                return value
            case "true" | "false":
                return value == "true"
            case _:
                return self._failed("bool takes a boolean, 'true' or 'false'")

    def _extreme(self, choose: Callable[[Any], Any], values: Any) -> Any:
        found = values[0] if len(values) == 1 and isinstance(values[0], list) else values
        if found and all(type(one) in {int, float} for one in found):
            return choose(found)
        return self._failed(f"{choose.__name__} takes numbers, at least one")

    def _json(self, value: Any) -> str:
        try:
            check_plain(value)
        except (TypeError, ValueError, RecursionError):
            return self._failed("json takes texts, numbers, booleans, lists, maps and null")
        return self._limited(
            [shown(value) if not isinstance(value, str) else json.dumps(value)], ""
        )

    def _secret(self, reference: Any, part: int) -> str:
        match = _SECRET.fullmatch(reference) if isinstance(reference, str) else None
        return match[part] if match else self._failed("a secret is named secret:<name>/<key>")

    def _port(self, address: Any) -> Any:
        try:
            parts = urlsplit(address) if isinstance(address, str) else None
            default = _PORTS.get(parts.scheme) if parts is not None else None
            found = default if parts is None or parts.port is None else parts.port
        except ValueError:
            default = found = None
        if not default or not found:
            return self._failed("port takes an address such as https://example.com:8443/path")
        return found

    def _limited(self, parts: list[str], separator: str) -> str:
        if sum(map(len, parts)) + len(separator) * len(parts) > MAX_RESULT:
            return self._failed(f"a text has at most {MAX_RESULT} characters")
        return separator.join(parts)

    def _failed(self, why: str) -> str:
        self.failure = self.failure or why
        return ""


def shown(value: Any) -> str:
    """Return a value as it stands within a text: a text as it is, all else as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
