"""What can go wrong on the way, by what the caller should do about it."""

from __future__ import annotations

from catalyst.contracts.message import FieldError


class ClientError(Exception):
    """Base of everything that this library raises on purpose."""


class Problem(ClientError):
    """The other side answered, and the answer is no; trying the same again does not help."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str = "",
        errors: tuple[FieldError, ...] = (),
        *,
        retry_after_seconds: float | None = None,
    ) -> None:
        """Keep the HTTP status, the registered code, and what is wrong with which field."""
        super().__init__(message or code)
        self.status = status
        self.code = code
        self.message = message or code
        self.errors = errors
        self.retry_after_seconds = retry_after_seconds
        """What the other side asked to wait, where it did."""


class Unreachable(ClientError):
    """Nobody answers at the address: start it, or use another one."""


class TimedOut(ClientError):
    """The answer did not come in time; what was asked for may still happen.

    A command may be sent again under the same id: it is decided once, whatever happens.
    """


class Undecided(TimedOut):
    """The command is stored for certain; only its outcome did not come in time."""

    def __init__(self, command_id: str, organization: str | None) -> None:
        """Keep under which id, and whose, the outcome will stand."""
        super().__init__(f"no outcome of {command_id} came in time; the command is stored")
        self.command_id = command_id
        self.organization = organization


class Malformed(ClientError):
    """What came back is not what the protocol allows: the versions do not fit, or a proxy lies."""


def shown_address(url: str) -> str:
    """Return an address as it may be shown: without user and password."""
    scheme, mark, rest = url.partition("://") if "://" in url else ("", "", url)
    place, slash, path = rest.partition("/")
    return scheme + mark + place.rpartition("@")[2] + slash + path
