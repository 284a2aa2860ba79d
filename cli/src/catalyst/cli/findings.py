"""What a check says: well or not, why, and what to do."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

WARN_FULL: Final = 0.8
"""Part of a limit beyond which somebody should act."""


class Health(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIPPED = "skipped"


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that was looked at."""

    check: str
    health: Health
    detail: str
    fix: str = ""
    """What a person can do; empty where nothing needs doing."""


def ok(check: str, detail: str) -> Finding:
    """Return that all is well."""
    return Finding(check=check, health=Health.OK, detail=detail)


def warn(check: str, detail: str, fix: str) -> Finding:
    """Return that something should be looked at."""
    return Finding(check=check, health=Health.WARN, detail=detail, fix=fix)


def fail(check: str, detail: str, fix: str) -> Finding:
    """Return that something is wrong."""
    return Finding(check=check, health=Health.FAIL, detail=detail, fix=fix)


def skipped(check: str, why: str, fix: str = "") -> Finding:
    """Return that it could not be looked at."""
    return Finding(check=check, health=Health.SKIPPED, detail=why, fix=fix)


def room(used: int, limit: int) -> str:
    """Return in words how many bytes are used, and of how many; 0 or less is no limit."""
    return f"{_mib(used)} used" if limit <= 0 else f"{_mib(used)} of {_mib(limit)} used"


def _mib(size: int) -> str:
    return f"{size / 1024**2:.1f} MiB"
