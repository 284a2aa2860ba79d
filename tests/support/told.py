"""Values for every setting: such as it takes, and such as it has to refuse."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final, get_args

import msgspec
from msgspec import inspect
from tools import settings_page

from catalyst.chassis import forms
from catalyst.chassis.settings import BrokerSettings

FREE: Final = frozenset({"nats_user"})
"""Texts that may be anything."""
UNREAD: Final = frozenset({("simulator", "key_file"), ("simulator", "jwks")})
"""Settings of a member that reads none of them, whatever they say."""

_ADDRESS: Final = (
    "",
    "nonsense",
    "host:8080",
    "ftp://host",
    "HTTP://host",
    "http:/host",
    "http://",
    "http://:80",
    "http://host:0",
    "http://host:",
    "http://host:99999",
    "http://host:x",
    "http://a b",
    "http://host\n",
    " http://host",
    "http://-",
    "http://300.1.1.1",
    "http://host#there",
)
_BASE: Final = (*_ADDRESS, "http://host/path", "http://host?", "http://host?a=b")
_GIT: Final = (*_ADDRESS, "http://host/git", "http://host/git/", "http://host?a=b")
_NONE_SUCH: Final = "/there/is/none/such"
_NETWORKS: Final = ("", "10.0.0.0/8 ::1/128", "10.42.0.1")
_NO_NETWORKS: Final = ("10.0.0.1/8", "host", "10.0.0.0/99", "10.0.0.0/8 x", "10.0.0.0/8,::1")

WRONG: Final[Mapping[str, tuple[str, ...]]] = {
    "nats_url": (*_ADDRESS, "http://host", "nats://a:1,nats://b:2", "nats://host:4222#a"),
    "nats_password": ("\udcff",),
    "nats_password_file": (_NONE_SUCH, "/", "/dev/null"),
    "key_file": (_NONE_SUCH, "/"),
    "jwks": (_NONE_SUCH, "/", "http://", "https://host:99999/keys", "HTTPS://host/keys"),
    "issuer": ("", "a b", "a\tb"),
    "other_issuers": (
        "x",
        "=/etc/hosts",
        "a=",
        f"a={_NONE_SUCH}",
        "a=https://",
        "a=https://b/keys a=https://c/keys",
        "catalyst=https://host/keys",
    ),
    "http_host": ("", "a b", "300.1.1.1", "host:80", "http://host", "[::1]"),
    "http_fd": ("-2", "x", "99999"),
    "otlp_endpoint": (*_ADDRESS[1:], "nats://host"),
    "source_directories": (_NONE_SUCH, "/etc/hosts"),
    "git_hosts": ("https://a", "a/b", "*", "*.", "-a", "a b_", "a:80", "a,b"),
    "git_root": ("", "/etc/hosts", "/etc/hosts/git"),
    "projector_url": _BASE[1:],
    "public_url": (*_BASE[1:], "https://Host", "https://user@host"),
    "cors_origins": (
        *(one for one in _BASE if one.split() == [one]),
        "https://host/",
        "https://a https://b/c",
        "*",
        "https://*.a",
    ),
    "trusted_proxies": _NO_NETWORKS,
    "git_networks": (
        *_NO_NETWORKS,
        *("0.0.0.0/0", "10.0.0.0/7", "140.82.121.4", "169.254.169.254", "::/0", "fe80::/10"),
    ),
    "currency": ("", "omr", "XYZ", "OMR "),
    "cluster_git_url": _GIT[1:],
}
"""By setting: what is refused wherever it is read, or on a machine that is like all others."""
_BY_MEMBER: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("gateway", "git_url"): _BASE[1:],
    ("blueprint-controller", "git_url"): _GIT[1:],
    ("provisioning", "git_url"): _GIT,
}
RIGHT: Final[Mapping[str, tuple[str, ...]]] = {
    "nats_url": (
        "nats://nats",
        "nats://u:p@127.0.0.1:4222",
        "tls://bus.example.com:4443",
        "ws://[::1]:80",
        "wss://a_b",
    ),
    "nats_password": ("", "p", "{}", "a\nb"),
    "key_file": ("/etc/hosts",),
    "nats_password_file": ("/etc/hosts",),
    "jwks": ("/etc/hosts", "file:///etc/hosts", "https://login.example.com/keys?a=b"),
    "issuer": ("catalyst", "https://catalyst.example.com"),
    "other_issuers": ("", "a=/etc/hosts", "https://b.example.com=http://b.example.com:81/k?a=b"),
    "http_host": ("0.0.0.0", "::", "::1", "localhost", "host.example.com"),  # noqa: S104 - a text
    "http_fd": ("-1",),
    "otlp_endpoint": ("", "http://collector:4318", "https://c.example.com/v1/traces"),
    "source_directories": ("", "/"),
    "git_hosts": ("", "git.example.org *.example.net", "a", "127.0.0.1"),
    "git_root": ("/tmp", "/tmp/a/b", "git"),  # noqa: S108 - nothing is written
    "projector_url": ("", "http://projector:8080", "https://read.example.com/", "http://[::1]:1"),
    "public_url": ("", "https://catalyst.example.org", "http://catalyst.local:8080/"),
    "cors_origins": ("", "https://a.example http://b:81"),
    "trusted_proxies": _NETWORKS,
    "git_networks": _NETWORKS,
    "currency": ("OMR", "JPY"),
    "cluster_git_url": ("", "https://catalyst.example.com", "http://gateway:8080/below"),
    "git_url": ("http://git.example.com:9090",),
}


@cache
def members() -> dict[str, type[BrokerSettings]]:
    """Return the settings of each member, by its name."""
    found: dict[str, Any] = {
        folder.name: settings_page.settings_of(folder)
        for folder in settings_page.settings_members()
    }
    return found


def cases() -> Iterator[tuple[str, msgspec.structs.FieldInfo]]:
    """Yield each setting of each member."""
    for member, kind in members().items():
        for field in msgspec.structs.fields(kind):
            if (member, field.name) not in UNREAD:
                yield member, field


def wrong(member: str, field: msgspec.structs.FieldInfo) -> tuple[str, ...]:
    """Return what a setting has to refuse; nothing for a text that may be anything."""
    own = _BY_MEMBER.get((member, field.name), WRONG.get(field.name, ()))
    info = inspect.type_info(field.type)
    if isinstance(info, inspect.Metadata):
        info = info.type
    match info:
        case inspect.BoolType():
            return ("", "maybe", "2")
        case inspect.LiteralType():
            return ("", "nonsense", ",".join(get_args(field.type)))
        case inspect.IntType() | inspect.FloatType():
            return (*_numbers(info), *own)
        case _:
            return own


def _numbers(info: inspect.IntType | inspect.FloatType) -> Iterator[str]:
    yield from ("", "x", "1 2", "0x10", "nan", "1,5")
    if isinstance(info, inspect.IntType):
        yield "1.5"
    else:
        yield from ("inf", "-inf")
    for bound, beyond in ((info.ge, -1), (info.gt, 0), (info.le, 1), (info.lt, 0)):
        if bound is not None:
            yield str(bound + beyond)


def bounded(field: msgspec.structs.FieldInfo) -> bool:
    """Return whether a number has its bounds, in its type or by a form."""
    info = inspect.type_info(field.type)
    if forms.form_of(field.type) is not None:
        return True
    inner = info.type if isinstance(info, inspect.Metadata) else info
    if isinstance(inner, inspect.IntType | inspect.FloatType):
        low = inner.ge if inner.ge is not None else inner.gt
        return low is not None and inner.le is not None
    return True
