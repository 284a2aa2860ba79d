"""Settings of a member: a struct of values, filled from environment variables by its `main`.

Every value is looked at before anything else is done, and whatever is wrong is told at once.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Final, Literal, TypeVar, get_args

import msgspec
from msgspec import Meta

from catalyst.chassis import forms
from catalyst.chassis.errors import WrongSettings

S = TypeVar("S", bound="BrokerSettings")

SHARED: Final = "CATALYST"
"""What the variables begin with that speak to all members."""
SHOWN: Final = 80
"""Letters of a value that are shown."""
SLIP: Final = 2
"""Letters that are missing, too much or both, for a name to be taken for another with a slip."""
_ALIKE: Final = 3
"""Of so many letters of two names one may be another, for the one to be named instead."""
DAY_SECONDS: Final = 86_400
_KEY: Final = re.compile(r"\s*(\{|-----BEGIN)|.*\n", re.DOTALL)
"""What is rather a key than a name of one."""
_USER: Final = re.compile(r"^(\w+://)?.*@", re.DOTALL)
_PORT: Final = re.compile(r"(//[^/:\s\[]+:)(?!\d{1,5}(?:[/\s?#]|$))[^/\s]+")

Port = Annotated[int, Meta(ge=0, le=65535)]
Replicas = Annotated[int, Meta(ge=1, le=5)]
Level = Literal["debug", "info", "warning", "error"]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]
"""How many there may be of something."""
Rate = Annotated[float, Meta(gt=0, le=1_000_000)]
"""So many a second."""
Seconds = Annotated[float, Meta(gt=0, le=DAY_SECONDS)]
SecondsOrNever = Annotated[float, Meta(ge=0, le=DAY_SECONDS)]
WholeSeconds = Annotated[int, Meta(ge=0, le=DAY_SECONDS)]


class BrokerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a member reaches the broker; base of every member's Settings."""

    nats_url: forms.NatsAddress = "nats://127.0.0.1:4222"
    """Address of the broker."""
    nats_user: str = ""
    """User at the broker; empty for none."""
    nats_password: forms.Secret = ""
    """Password at the broker."""
    nats_password_file: forms.PasswordFile = ""
    """File that holds the password; wins over the password itself."""
    nats_replicas: Replicas = 1
    """Copies of each stream: 1 on one node, 3 on three."""
    key_file: forms.KeyFile = ""
    """File with the private key that signs this service's own tokens."""
    jwks: forms.Keys = ""
    """Public keys of the token issuer: a file's path or an http(s) address."""
    issuer: forms.Word = "catalyst"
    """Name of our own token issuer (`iss`)."""
    other_issuers: forms.Issuers = ""
    """Further issuers, `<iss>=<path or address of its keys>`, separated by spaces."""
    require_tokens: bool = True
    """Refuse a command without a token. False only where the broker's permissions are ours."""
    http_host: forms.Host = "127.0.0.1"
    """Address to listen on."""
    http_port: Port = 0
    """Port to listen on; 0 takes a free one."""
    http_fd: forms.Descriptor = -1
    """Descriptor of a bound socket to listen on, inherited from whoever starts the member; else
    host and port count."""
    log_level: Level = "info"
    """Least severe level that is logged; capital letters do as well."""
    otlp_endpoint: forms.WebAddress = ""
    """Where traces are sent (OTLP over HTTP); empty for nowhere."""


def load(
    kind: type[S],
    environ: Mapping[str, str],
    prefix: str,
    fixed: Mapping[str, object] | None = None,
    *,
    here: bool = True,
) -> S:
    """Return the settings that variables `<prefix>_<FIELD>` give; others keep their defaults.

    Args:
        kind: The struct to fill.
        environ: The variables.
        prefix: Name of the member in upper case; `CATALYST` counts where it is not set.
        fixed: Values by field that no variable changes.
        here: Look for what the values name on this machine, such as files.

    Raises:
        WrongSettings: Naming every variable that has a wrong value or is missing.
    """
    found: dict[str, Any] = dict(fixed or {})
    wrong: list[str] = []
    for field in _fields(kind):
        if field.name in found:
            continue
        name = variable(environ, prefix, field.name)
        if name in environ:
            try:
                found[field.name] = _value(field, environ[name], here=here)
            except _Wrong as error:
                wrong.append(f"{name}{error}")
        elif field.required:
            wrong.append(f"{name} is not set: it must be {rule(field.type)}")
    if not wrong:
        chosen = kind(**found)
        if chosen.issuer not in forms.issuers(chosen.other_issuers):
            return chosen
        name = variable(environ, prefix, "other_issuers")
        wrong.append(f"{name} names {chosen.issuer!r}: it must be further issuers, not our own")
    raise WrongSettings(wrong)


@functools.cache
def _fields(kind: type[BrokerSettings]) -> tuple[msgspec.structs.FieldInfo, ...]:
    """Return the fields with their types, which takes most of the time of reading settings."""
    return msgspec.structs.fields(kind)


def variable(environ: Mapping[str, str], prefix: str, name: str) -> str:
    """Return the variable that a setting is read from: the shared one if that alone is set."""
    own, shared = f"{prefix}_{name.upper()}", f"{SHARED}_{name.upper()}"
    return shared if shared in environ and own not in environ else own


def rule(kind: Any) -> str:
    """Return what a value of a field's type must be, in plain words that follow "must be"."""
    form = forms.form_of(kind)
    if form is not None:
        return form.rule
    info = msgspec.inspect.type_info(kind)
    if isinstance(info, msgspec.inspect.Metadata):
        info = info.type
    match info:
        case msgspec.inspect.BoolType():
            return "true or false"
        case msgspec.inspect.IntType():
            return f"a whole number{_bounds(info)}"
        case msgspec.inspect.FloatType():
            return f"a number{_bounds(info)}"
        case msgspec.inspect.StrType():
            return "a text"
        case msgspec.inspect.LiteralType():
            return f"one of {', '.join(map(str, get_args(kind)))}"
        case _:
            raise TypeError(f"{kind!r} cannot be given by an environment variable")


def strays(kind: type[BrokerSettings], environ: Mapping[str, str], prefix: str) -> Iterator[str]:
    """Yield what is said of each variable that seems to be meant for a member and is no setting.

    With the member's own name in front, that is every one. `CATALYST_<NAME>` has many readers, so
    only one that is nearly a setting of this member is taken for it.
    """
    known = {name.upper() for name in kind.__struct_fields__}
    for name in sorted(environ):
        for start in (prefix, SHARED):
            rest = name.removeprefix(f"{start}_")
            if rest == name or rest in known:
                continue
            near, apart = _nearest(rest, known)
            if apart <= SLIP or (start != SHARED and _ALIKE * apart <= len(rest) + len(near)):
                yield f"{name} is no setting; the nearest is {start}_{near}"
            elif start != SHARED:
                yield f"{name} is no setting; docs/settings.md lists them"


def _nearest(name: str, known: Iterable[str]) -> tuple[str, int]:
    """Return the name that is most like another, and how many letters are not the same."""
    # Loaded for such a variable alone, which most environments do not have.
    from difflib import SequenceMatcher  # noqa: PLC0415

    # It remembers what it learned of the second of two texts alone.
    matcher = SequenceMatcher(None, "", name, autojunk=False)

    def apart(one: str) -> int:
        matcher.set_seq1(one)
        return len(one) + len(name) - 2 * sum(block.size for block in matcher.get_matching_blocks())

    # Whatever the order of their letters, no more of them are the same than both have.
    letters = Counter(name)
    least = sorted(
        (len(one) + len(name) - 2 * (letters & Counter(one)).total(), one) for one in known
    )
    distance, near = apart(least[0][1]), least[0][1]
    for at_least, one in least[1:]:
        if at_least > distance:
            break
        distance, near = min((distance, near), (apart(one), one))
    return near, distance


class _Wrong(Exception):
    """What is said of a wrong value, behind the variable's name."""


def _value(field: msgspec.structs.FieldInfo, given: str, *, here: bool) -> object:
    form = forms.form_of(field.type)
    if given == "" == field.default:
        return given
    choices = isinstance(msgspec.inspect.type_info(field.type), msgspec.inspect.LiteralType)
    try:
        given.encode()
        value: Any = msgspec.convert(
            given.lower() if choices else given, type=field.type, strict=False
        )
        if form is not None:
            form.check(value)
            if form.look is not None and here:
                form.look(value)
    except (ValueError, OSError) as error:
        raise _Wrong(_said(given, field.type, form, error)) from error
    return value


def _said(given: str, kind: Any, form: forms.Form | None, error: ValueError | OSError) -> str:
    hidden = (form is not None and form.secret) or _KEY.match(given)
    found = "" if hidden else f" is {_shown(given)}"
    why = error.strerror if isinstance(error, OSError) else ""
    if isinstance(error, UnicodeEncodeError):
        why = "it is no text in UTF-8"
    elif isinstance(error, forms.Unfit) and not hidden:
        why = _without_password(str(error))
    return f"{found}: it must be {rule(kind)}" + (f" ({why})" if why else "")


def _shown(given: str) -> str:
    """Return a value as it may be shown: without user and password, and not longer than a line."""
    text = _without_password(given)
    return "empty" if not text else repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}…")


def _without_password(text: str) -> str:
    return _PORT.sub(r"\1…", _USER.sub(r"\1…@", text))


def _bounds(info: msgspec.inspect.IntType | msgspec.inspect.FloatType) -> str:
    if info.ge is not None and info.le is not None:
        return f" from {info.ge} to {info.le}"
    parts = [
        f"{word} {bound}"
        for word, bound in (("at least", info.ge), ("above", info.gt), ("at most", info.le))
        if bound is not None
    ]
    return f", {' and '.join(parts)}" if parts else ""
