"""One conversation with the Git door: what is asked by dulwich, and in words what went wrong.

Nothing is followed, repeated or waited for here: whoever asks does that, with growing pauses. An
answer counts only as a whole, and only if it is Git's: a page of something in between says nothing
about a repository, and a push is done only when the door says so of each branch.
"""

from __future__ import annotations

import logging
import struct
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final, ParamSpec, Self, TypeVar

import urllib3
from dulwich.client import HTTPUnauthorized, Urllib3HttpGitClient, default_urllib3_manager
from dulwich.errors import (
    ApplyDeltaError,
    ChecksumMismatch,
    FileFormatException,
    GitProtocolError,
    HangupException,
    NotGitRepository,
    ObjectMissing,
    RefFormatError,
    SendPackError,
    WrongObjectException,
)
from dulwich.objects import ObjectID
from dulwich.pack import UnpackedObject, UnresolvedDeltas
from dulwich.refs import Ref
from dulwich.repo import MemoryRepo
from typing_extensions import override
from urllib3.exceptions import HTTPError, NewConnectionError, ProtocolError

from catalyst.chassis.bounded import bound
from catalyst.chassis.errors import Retry, unquoted

CONNECT_SECONDS: Final = 10.0
READ_SECONDS: Final = 20.0
"""For the next bytes of an answer."""
ANSWER_SECONDS: Final = 60.0
"""For the whole of one."""
ANSWER_BYTES: Final = 256 * 1024 * 1024
LONGEST_WAIT_SECONDS: Final = 30.0
"""Whatever the door says about when to come again."""
USER: Final = "provisioning"

P = ParamSpec("P")
T = TypeVar("T")
Refs = Mapping[Ref, ObjectID]
Pack = tuple[int, Iterator[UnpackedObject]]

log = logging.getLogger(__name__)


UNREADABLE: Final = (
    ApplyDeltaError,
    AssertionError,
    ChecksumMismatch,
    EOFError,
    FileFormatException,
    GitProtocolError,
    LookupError,
    ObjectMissing,
    OSError,
    RefFormatError,
    UnresolvedDeltas,
    ValueError,
    WrongObjectException,
    struct.error,
    zlib.error,
)
"""What the library raises of what it was sent: it trusts who answers. Anything else is a bug."""


class NoRepository(Exception):
    """There is none of that name."""


class _Ours(Exception):
    """Something that is asked by the library failed, for which no answer is to blame."""


class Door:
    """The door, as long as one repository is spoken about; a context."""

    def __init__(self, url: str, password: str, path: str) -> None:
        """Speak about the repository at `path`, below `url`."""
        self._path = path
        self._pool = default_urllib3_manager(
            None, pool_manager_cls=_Once, proxy_manager_cls=_OnceByProxy, base_url=url
        )
        self._client = Urllib3HttpGitClient(
            url, pool_manager=self._pool, username=USER, password=password, quiet=True
        )

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave no connection open."""
        self._pool.clear()

    def refs(self) -> Refs:
        """Return where everything stands.

        Raises:
            NoRepository: If there is none.
            Retry: If the door does not say.
        """
        with _speaking():
            found = self._client.get_refs(self._path, protocol_version=0).refs
        return {ref: tip for ref, tip in found.items() if tip is not None}

    def fetch(
        self, into: MemoryRepo, wants: Callable[[Refs], list[ObjectID]], *, depth: int | None
    ) -> None:
        """Fetch what `wants` says, once it is known where everything stands.

        Raises:
            NoRepository: If there is none.
            Retry: If the door does not give it.
        """

        @_ours
        def wanted(refs: Refs, depth: int | None = None) -> list[ObjectID]:
            return wants(refs)

        with _speaking():
            self._client.fetch(self._path, into, wanted, depth=depth, protocol_version=0)

    def push(self, updates: Callable[[Refs], Refs], pack: Callable[[], Pack]) -> Mapping[Ref, str]:
        """Move branches; return why each of those did not move that did not.

        Args:
            updates: Gets where everything stands, and returns where some of it shall stand.
            pack: Returns what the repository lacks for that.

        Raises:
            NoRepository: If there is none, and none was made.
            Retry: If the door does not take it, or does not say whether it did.
        """
        changed: dict[Ref, ObjectID] = {}

        @_ours
        def only_changed(refs: dict[Ref, ObjectID]) -> dict[Ref, ObjectID]:
            changed.update({ref: tip for ref, tip in updates(refs).items() if refs.get(ref) != tip})
            # Nothing to push is said with what is there already.
            return changed or refs

        @_ours
        def packed(*_: Any, **_more: Any) -> Pack:
            return pack()

        with _speaking():
            result = self._client.send_pack(self._path, only_changed, packed)
        told = result.ref_status or {}
        if not changed.keys() <= told.keys():
            # It may have happened all the same: who comes again finds that out.
            raise Retry("the Git door did not say what became of a push")
        return {ref: problem for ref in changed if (problem := told[ref]) is not None}


def _ours(asked: Callable[P, T]) -> Callable[P, T]:
    """Return what the library asks of us, with its faults apart from those of the door."""

    def answered(*args: P.args, **more: P.kwargs) -> T:
        try:
            return asked(*args, **more)
        except Exception as error:
            raise _Ours from error

    return answered


@contextmanager
def _speaking() -> Iterator[None]:
    """Say in words what goes wrong: the library's own name its classes, and quote addresses.

    A fault of ours is raised as it is.
    """
    try:
        yield
    except _Ours as error:
        raise error.__cause__ or error from None
    except Retry:
        raise
    except NotGitRepository as error:
        raise NoRepository from error
    except HTTPUnauthorized as error:
        raise Retry("the Git door does not believe our token yet") from error
    except SendPackError as error:
        why = error.args[0] if error.args else b""
        words = why.decode("utf-8", "replace") if isinstance(why, bytes) else ""
        words = words.removeprefix("unpack ") or "it does not say why"
        raise Retry(f"the Git door did not take the files: {words}") from error
    except (HTTPError, *UNREADABLE) as error:
        for one in (error, error.__cause__):
            if isinstance(one, (HTTPError, HangupException)):
                raise Retry(_away(one)) from error
        log.warning("what the Git door answers cannot be read", extra=unquoted(error))
        raise Retry("the Git door is away: it does not answer as Git does") from error


def _away(error: HTTPError | HangupException) -> str:
    match error:
        case NewConnectionError():
            what = "nobody listens there"
        case urllib3.exceptions.TimeoutError():
            what = "it does not answer in time"
        case ProtocolError() | HangupException():
            what = "it broke the connection off"
        case _:
            what = "no connection to it can be made"
    return f"the Git door is away: {what}"


class _Once(urllib3.PoolManager):
    """Makes each request once, and lets through only what is an answer of Git's."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._answers: list[Any] = []
        """What nobody may have read to its end, which keeps its connection."""

    @override
    def clear(self) -> None:
        for answer in self._answers:
            answer.close()
        self._answers.clear()
        super().clear()

    @override
    def request(self, method: str, url: str, *args: Any, **more: Any) -> Any:
        more |= {
            "redirect": False,
            "retries": False,
            "timeout": urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
        }
        until = time.monotonic() + ANSWER_SECONDS
        answer: Any = super().request(method, url, *args, **more)
        self._answers.append(answer)
        if answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND}:
            return answer
        if answer.status != HTTPStatus.OK:
            raise Retry(_refused(answer.status), after_seconds=_wait(answer.headers))
        if not answer.headers.get("Content-Type", "").startswith("application/x-git-"):
            raise Retry("the Git door is away: something else answers in its place")
        _bound(answer, until)
        return answer


class _OnceByProxy(_Once, urllib3.ProxyManager):
    """The same, through a proxy."""


def _bound(answer: Any, until: float) -> None:
    """Let an answer be read while it is neither too late nor too much."""
    left = ANSWER_BYTES

    def came(size: int) -> None:
        nonlocal left
        left -= size
        if time.monotonic() > until or left < 0:
            raise Retry("the Git door is away: its answer has no end")

    bound(answer, came)


def _refused(status: int) -> str:
    match status:
        case 403:
            return "the Git door does not let us write (403)"
        case 429:
            return "the Git door is away: it was asked too often (429)"
        case _ if status >= 500:
            return f"the Git door is away: it has an error of its own ({status})"
        case _:
            return f"the Git door does not take what it was asked ({status})"


def _wait(headers: Mapping[str, str]) -> float:
    """Return after how many seconds the door wants to be asked again."""
    said = headers.get("Retry-After", "")
    return min(float(said), LONGEST_WAIT_SECONDS) if said.isascii() and said.isdigit() else 1.0
