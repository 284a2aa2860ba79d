"""Forms of settings: what a text must look like, in plain words and as a check.

A field of a `Settings` carries its form in its type; `catalyst.chassis.settings` asks it. Whether a
number is within its bounds, and a word one of those there are, msgspec says by itself.
"""

from __future__ import annotations

import ipaddress
import os
import re
import stat
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from msgspec import Meta

NATS_SCHEMES: Final = ("nats", "tls", "ws", "wss")
HTTP_SCHEMES: Final = ("http", "https")
_FORM: Final = "form"
"""Where a form stands in the `extra` of a type."""
_HOST: Final = re.compile(r"\w([\w.-]*\w)?\.?")
_PATTERN: Final = re.compile(r"(\*\.)?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")


class Unfit(ValueError):
    """A value is not of the form; the text says what about it, or nothing."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a value must be."""

    rule: str
    """Follows "must be"."""
    check: Callable[[Any], object]
    """Raises `ValueError` for a value that is not of the form, wherever it is used."""
    look: Callable[[Any], object] | None = None
    """Raises `Unfit` or `OSError` for what is not so on this machine, such as a missing file."""
    secret: bool = False
    """What was given is never shown."""


def form_of(kind: Any) -> Form | None:
    """Return the form that a field's type carries; None if it has none."""
    for one in getattr(kind, "__metadata__", ()):
        if isinstance(one, Meta) and one.extra and _FORM in one.extra:
            found: Form = one.extra[_FORM]
            return found
    return None


def _as(form: Form) -> Meta:
    return Meta(extra={_FORM: form})


def _host(text: str) -> None:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        if not _HOST.fullmatch(text) or text.replace(".", "").isdigit():
            raise Unfit from None


def _address(schemes: Collection[str], *, path: bool = True) -> Callable[[str], None]:
    """Return a check for addresses; without `path`, nothing but a slash stands behind the host."""

    def check(text: str) -> None:
        parts = urlsplit(text)
        # Whoever uses it looks at the small letters of a scheme, and takes no blank away.
        if not text.startswith(tuple(f"{scheme}://" for scheme in schemes)) or _blank(text):
            raise Unfit
        _host(parts.hostname or "")
        if parts.port == 0 or parts.netloc.endswith(":") or parts.fragment:
            raise Unfit
        if not path and (parts.path not in {"", "/"} or parts.query or "?" in text):
            raise Unfit("nothing stands behind the host")

    return check


def _blank(text: str) -> bool:
    return not text.isprintable() or " " in text


def _git_door(text: str) -> None:
    _address(HTTP_SCHEMES)(text)
    parts = urlsplit(text)
    if parts.query or parts.path.rstrip("/").endswith("/git"):
        raise Unfit


def _origin(text: str) -> None:
    _address(HTTP_SCHEMES, path=False)(text)
    # A browser writes it in small letters, and compares every letter.
    if text.endswith("/") or "@" in text or text != text.lower():
        raise Unfit


def _public(text: str) -> None:
    _origin(text.removesuffix("/"))


def _each(check: Callable[[str], object]) -> Callable[[str], None]:
    """Return a check for several, separated by spaces."""

    def checked(text: str) -> None:
        for entry in text.split():
            try:
                check(entry)
            except ValueError:
                raise Unfit(f"{entry!r} is not") from None

    return checked


_PRIVATE: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8"),
        *("fc00::/7", "::1/128"),
    )
)
"""What stands in nobody's way outside: RFC 1918, 6598 and 4193, and the machine itself. What else
is not public, such as where a cloud tells its machines their secrets, is no place for a host."""


def _private(text: str) -> None:
    found: Any = ipaddress.ip_network(text)
    if not any(found.version == one.version and found.subnet_of(one) for one in _PRIVATE):
        raise ValueError


def _host_pattern(text: str) -> None:
    if not _PATTERN.fullmatch(text):
        raise Unfit


def _word(text: str) -> None:
    if not text or _blank(text):
        raise Unfit


def _path(text: str) -> None:
    if not text or not text.isprintable():
        raise Unfit


def _file(text: str) -> None:
    with Path(text).open("rb") as file:
        file.read(1)


def _text_file(text: str) -> None:
    try:
        if not Path(text).read_text("utf-8").strip():
            raise Unfit("it is empty")
    except UnicodeDecodeError:
        raise Unfit("it is no text in UTF-8") from None


def _keys(text: str) -> None:
    if text.startswith(tuple(f"{scheme}://" for scheme in HTTP_SCHEMES)):
        _address(HTTP_SCHEMES)(text)
    else:
        _path(text)


def _keys_here(text: str) -> None:
    if not text.startswith(tuple(f"{scheme}://" for scheme in HTTP_SCHEMES)):
        _file(text.removeprefix("file://"))


def issuers(text: str) -> dict[str, str]:
    """Return where the keys of each further issuer are.

    Raises:
        Unfit: If an entry is not `<iss>=<path or address>`, or names one a second time.
    """
    found: dict[str, str] = {}
    for entry in text.split():
        name, equals, location = entry.partition("=")
        if not (equals and name and location):
            raise Unfit(f"{entry!r} names no further issuer and its keys")
        if name in found:
            raise Unfit(f"{name!r} is there twice")
        try:
            _keys(location)
        except ValueError:
            raise Unfit(f"{entry!r} names no further issuer and its keys") from None
        found[name] = location
    return found


def _issuers_here(text: str) -> None:
    for location in issuers(text).values():
        try:
            _keys_here(location)
        except OSError as error:
            raise Unfit(f"{location}: {error.strerror}") from error


def _folder_here(text: str) -> None:
    with os.scandir(text):
        pass


def _own_folder_here(text: str) -> None:
    """Look whether a folder can be written, or made."""
    place = Path(text).absolute()
    while not place.exists():
        place = place.parent
    if not place.is_dir():
        raise Unfit(f"{place} is no folder")
    if not os.access(place, os.W_OK | os.X_OK):
        raise Unfit(f"{place} cannot be written")


def _descriptor(number: int) -> None:
    if number < -1:
        raise Unfit


def _socket_here(number: int) -> None:
    if number >= 0 and not stat.S_ISSOCK(os.fstat(number).st_mode):
        raise Unfit("it is no socket")


def one_of(words: Collection[str]) -> Meta:
    """Return the form of a text that is one of those of a table."""

    def check(text: str) -> None:
        if text not in words:
            raise Unfit

    return _as(Form(f"one of {', '.join(words)}", check))


Secret = Annotated[str, _as(Form("a text", str, secret=True))]
Word = Annotated[str, _as(Form("a name without blanks", _word))]
Host = Annotated[str, _as(Form("an IP address or the name of a host", _host))]
NatsAddress = Annotated[
    str, _as(Form("an address such as nats://host:4222", _address(NATS_SCHEMES)))
]
WebAddress = Annotated[
    str, _as(Form("an address such as https://host:4318/v1/traces", _address(HTTP_SCHEMES)))
]
InnerAddress = Annotated[
    str,
    _as(
        Form(
            "an address such as http://host:8080, without a path",
            _address(HTTP_SCHEMES, path=False),
        )
    ),
]
GitDoor = Annotated[
    str, _as(Form("an address such as http://gateway:8080, without /git at the end", _git_door))
]
PublicAddress = Annotated[
    str,
    _as(
        Form(
            "an address such as https://catalyst.example.org, in small letters and without a path",
            _public,
        )
    ),
]
Origins = Annotated[
    str,
    _as(
        Form(
            "origins such as https://host:8443 in small letters, separated by spaces",
            _each(_origin),
        )
    ),
]
Networks = Annotated[
    str,
    _as(Form("networks such as 10.0.0.0/8, separated by spaces", _each(ipaddress.ip_network))),
]
PrivateNetworks = Annotated[
    str, _as(Form("private networks such as 10.20.0.0/16, separated by spaces", _each(_private)))
]
HostPatterns = Annotated[
    str,
    _as(
        Form(
            "hosts such as git.example.com or *.example.com, separated by spaces",
            _each(_host_pattern),
        )
    ),
]
KeyFile = Annotated[str, _as(Form("a file that can be read", _path, _file))]
PasswordFile = Annotated[
    str, _as(Form("a file that can be read, with a text in it", _path, _text_file))
]
Keys = Annotated[
    str,
    _as(
        Form("a file that can be read, or an address such as https://host/keys", _keys, _keys_here)
    ),
]
Issuers = Annotated[
    str,
    _as(
        Form(
            "issuers with their keys, such as https://host=https://host/keys, separated by spaces",
            issuers,
            _issuers_here,
        )
    ),
]
Folder = Annotated[str, _as(Form("a folder that can be read", _path, _folder_here))]
OwnFolder = Annotated[
    str, _as(Form("a folder that can be written, or made", _path, _own_folder_here))
]
Descriptor = Annotated[
    int, _as(Form("-1, or the number of a socket that is open", _descriptor, _socket_here))
]
