"""Plans that were shown, kept until they are applied: all four parts, in private files."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Any, Final

import msgspec

from catalyst.cli import contexts
from catalyst.cli.exits import ExitCode, Failure

SHORTEST: Final = 6
"""Characters of a hash that are enough, if they fit one plan alone."""
WHOLE: Final = 64
"""Characters of a whole hash."""
_HASH: Final = re.compile(rf"[0-9a-f]{{1,{WHOLE}}}")
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_-]")


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A plan as the service answered it, and whose it is."""

    organization: str
    plan: dict[str, Any]

    @property
    def hash(self) -> str:
        """The plan's hash."""
        return str(self.plan["hash"])

    @property
    def change(self) -> str:
        """Id of the change that carries out this very plan; planned again, it is another one."""
        content = f"{self.organization} {self.hash} {self.plan['expires']}"
        return f"ch-{hashlib.sha256(content.encode()).hexdigest()[:16]}"

    @property
    def command(self) -> dict[str, Any]:
        """The four parts that apply it."""
        return {name: self.plan[name] for name in ("request", "hash", "inputs", "expires")}


def folder(context: str, *, path: Path | None = None) -> Path:
    """Return where plans of a context are kept; a context without a name is an address."""
    base = (path or contexts.default_path()).parent
    return base / "plans" / (_UNSAFE.sub("-", context) or "_")


def keep(kept: Kept, place: Path) -> Path:
    """Write a plan where `find` finds it, readable by its owner alone.

    Raises:
        Failure: If it cannot be written.
    """
    if not _HASH.fullmatch(kept.hash):
        raise Failure(ExitCode.UNEXPECTED, "the plan's hash is none", code="malformed-answer")
    found = place / f"{kept.hash}.json"
    draft = place / f".{kept.hash}.{os.getpid()}"
    try:
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, contexts.PRIVATE_MODE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(kept))
        draft.replace(found)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise Failure(
            ExitCode.UNEXPECTED, f"the plan cannot be kept in {place}: {error}"
        ) from error
    return found


def require_hash(text: str) -> None:
    """Take note that a text is a hash, or enough of its beginning.

    Raises:
        Failure: If it is not.
    """
    if not _HASH.fullmatch(text) or len(text) < SHORTEST:
        hint = f"`catalyst plan` shows it; its first {SHORTEST} characters are enough"
        raise Failure(ExitCode.USAGE, f"{text!r} is no hash of a plan", hint=hint)


def find(text: str, place: Path) -> Kept:
    """Return the plan with this hash, or whose hash begins like this.

    Raises:
        Failure: If there is none, several, or it cannot be read.
    """
    require_hash(text)
    names = sorted(place.glob(f"{text}*.json"))
    if not names:
        hint = "`catalyst plan` makes one; --context and --url must be the same"
        raise Failure(ExitCode.NOT_FOUND, f"no plan {text} was made here", hint=hint)
    if len(names) > 1:
        raise Failure(ExitCode.USAGE, f"{len(names)} plans begin with {text}; give more of it")
    try:
        return msgspec.json.decode(names[0].read_bytes(), type=Kept)
    except (OSError, msgspec.MsgspecError) as error:
        raise Failure(
            ExitCode.UNEXPECTED, f"the plan in {names[0]} cannot be read: {error}"
        ) from error


def complete(incomplete: str) -> list[str]:
    """Return the hashes that begin like this, of every context, for the shell."""
    base = folder("_").parent
    return sorted({path.stem for path in base.glob(f"*/{incomplete}*.json")})
