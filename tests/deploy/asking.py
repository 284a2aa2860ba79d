"""What a member asks whoever deploys it, and what of that it is not told."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec
from tests.deploy.members import DEPLOY, settings_of
from tests.deploy.stack import services

from catalyst.chassis import settings
from catalyst.chassis.settings import BrokerSettings

UNSIGNED: Final = frozenset({"simulator"})
"""Members that sign nothing and believe nobody, so that they need no keys."""
OPTIONAL: Final[Mapping[str, str]] = {
    "nats_password": "the file is told instead",
    "issuer": "its default is what the first start signs with",
    "other_issuers": "there are none until somebody names them",
    "log_level": "its default does",
    "otlp_endpoint": "no traces are sent until somebody says where to",
    "cors_origins": "no other origin is let in until somebody names it",
    "currency": "its default is one that the price book has",
    "git_hosts": "no host outside is read until somebody names it",
    "git_networks": "no private network is read until somebody names it",
    "source_directories": "no directory is read where none is mounted",
    "cluster_git_url": "without it clusters use the same address as provisioning",
    "public_url": "only whoever runs it knows it",
    "trusted_proxies": "there are none until somebody names them",
}
"""Settings that may stay as they are, and why: whoever adds one decides that here."""
_HERE: Final = re.compile(r"127\.0\.0\.1|localhost|\[?::1\]?")
_DEFAULT: Final = re.compile(r"\$\{[A-Z_]+:-([^}]*)\}")


def asks(member: str, kind: type[BrokerSettings]) -> frozenset[str]:
    """The settings that somebody has to tell a member.

    Those without a default, and every text that is not optional: a number or a yes is good as it
    is, but an address, a file or a name has no default that is right in a container.
    """
    found = frozenset(
        field.name
        for field in msgspec.structs.fields(kind)
        if field.required or (isinstance(field.default, str) and field.name not in OPTIONAL)
    )
    return found - {"key_file", "jwks"} if member in UNSIGNED else found


def lacking(
    member: str, told: Mapping[str, str], kind: type[BrokerSettings] | None = None
) -> Iterator[str]:
    """Yield what a member asks for and is not told, or is told wrongly, by the field's name.

    Raises:
        Expected: As at the member's start, if it would not start at all.
    """
    kind = kind or settings_of(member)
    prefix = member.upper().replace("-", "_")
    for name in sorted(asks(member, kind)):
        variables = (f"{prefix}_{name.upper()}", f"CATALYST_{name.upper()}")
        if not any(told.get(variable) for variable in variables):
            yield name
    chosen = settings.load(kind, told, prefix, here=False)
    for name, value in msgspec.structs.asdict(chosen).items():
        # Another container is never found there.
        if isinstance(value, str) and _HERE.search(value):
            yield name


def of_the_image() -> dict[str, str]:
    """The variables of every image."""
    text = (DEPLOY / "Dockerfile").read_text("utf-8")
    return dict(re.findall(r"^\s+(CATALYST_[A-Z_]+)=(\S+)", text, re.MULTILINE))


def of_compose(member: str) -> dict[str, str]:
    """The variables of a member's container, with nothing set by whoever starts the stack."""
    told = services()[member]["environment"].items()
    return of_the_image() | {name: _DEFAULT.sub(r"\1", value) for name, value in told}
