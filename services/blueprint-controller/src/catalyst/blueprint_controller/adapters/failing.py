"""Why a repository cannot be fetched, for a person: which host, and what happened there. Pure.

The libraries' own texts name their classes and objects; they are for the log.
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator
from http.client import HTTPException, IncompleteRead
from typing import Any, Final

from dulwich.errors import HangupException
from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError

from catalyst.blueprint_controller.adapters.outside import Inside, Status
from catalyst.blueprint_controller.ports import Unusable

_NO_WAY: Final = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN})


def unusable(error: Exception, host: str) -> Unusable:
    """Return what is wrong with a fetch.

    Args:
        error: What came of it; what it was raised for is looked at as well.
        host: How a person knows who answers there.
    """
    behind = list(_behind(error))
    for one in reversed(behind):
        found = _told(one, host)
        if found is not None:
            return found
    if any(isinstance(one, HTTPError) for one in behind):
        return Unusable("unreachable", f"{host} does not answer")
    return Unusable("unreadable", f"{host} does not answer as Git does")


def _behind(error: Exception) -> Iterator[BaseException]:
    """Yield an error and all that it was raised for, the causes of causes last."""
    left: list[Any] = [error]
    seen: set[int] = set()
    while left:
        one = left.pop(0)
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            left += [*one.args, getattr(one, "reason", None), one.__cause__, one.__context__]


def _told(one: BaseException, host: str) -> Unusable | None:
    """Return what a single error says; None if it says nothing that helps."""
    match one:
        case Status():
            return _refused(one.status, host)
        case Inside():
            words = f"{host} is not on the public network"
        case OSError():
            words = _of_the_system(one, host)
        case ReadTimeoutError():
            words = f"{host} does not answer in time"
        case HTTPException() if not isinstance(one, IncompleteRead):
            words = f"{host} does not speak HTTP"
        case IncompleteRead() | ProtocolError() | HangupException():
            words = f"{host} broke the connection off"
        case _:
            return None
    return Unusable("unreachable", words)


def _of_the_system(one: OSError, host: str) -> str:
    match one:
        case ssl.SSLCertVerificationError():
            return f"the certificate of {host} is not accepted: {one.verify_message.rstrip('.')}"
        case ssl.SSLError():
            return f"{host} does not speak TLS as it must"
        case socket.gaierror():
            now = "cannot be looked up now" if one.errno == socket.EAI_AGAIN else "is not found"
            return f"the name {host} {now}"
        case TimeoutError():
            return f"{host} does not answer in time"
        case ConnectionRefusedError():
            return f"{host} refuses the connection: nobody listens there"
        case ConnectionError():
            return f"{host} broke the connection off"
        case _ if one.errno in _NO_WAY:
            return f"no network leads to {host}"
        case _:
            return f"what {host} sends cannot be kept here: {one.strerror or 'no reason is known'}"


def _refused(status: int, host: str) -> Unusable:
    match status:
        case 401:
            return Unusable("refused", f"{host} wants a password for it (401)")
        case 403:
            return Unusable("refused", f"{host} does not let us read it (403)")
        case 404 | 410:
            return Unusable("not-found", f"{host} has no such repository ({status})")
        case 429:
            return Unusable("unreachable", f"{host} was asked too often (429)")
        case _ if status >= 500:
            return Unusable("unreachable", f"{host} has an error of its own ({status})")
        case _:
            return Unusable("refused", f"{host} does not take what it was asked ({status})")
