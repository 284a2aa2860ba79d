"""What a check says: well or not, why, and what to do."""

from __future__ import annotations

from enum import StrEnum

import msgspec


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
