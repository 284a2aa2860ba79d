"""Names: what a slug, an Environment, a policy and an Application may be called."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from catalyst.contracts.tables.reserved import why_reserved
from catalyst.environment_controller.domain import reserved
from catalyst.environment_controller.domain.findings import Findings
from catalyst.environment_controller.domain.places import ENVIRONMENT_TYPES

SLUG_MIN: Final = 3
SLUG_MAX: Final = 32
DNS_LABEL_MAX: Final = 63
APPLICATION_MAX: Final = DNS_LABEL_MAX - 1 - max(map(len, ENVIRONMENT_TYPES))
"""`<application>-<env_type>` names a Kubernetes object and stands in its labels."""

_WORD: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
"""Lower case, a letter first, single dashes between letters or digits."""
_DNS_LABEL: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_SHAPE: Final = "lower-case letters, digits and single dashes, a letter first, no dash last"


class EnvironmentName(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of an Environment's name."""

    organization: str
    env_type: str
    label: str = ""

    @property
    def text(self) -> str:
        """The name: `{org}-{env_type}` or `{org}-{label}-{env_type}`."""
        parts = (self.organization, self.label, self.env_type)
        return "-".join(part for part in parts if part)


def parse_environment(name: str, organization: str) -> EnvironmentName | None:
    """Take an Environment's name apart, from the right, knowing whose it is.

    Returns:
        The parts; None if no Environment of this Organization can be called so.
    """
    rest, dash, env_type = name.rpartition("-")
    if not dash or env_type not in ENVIRONMENT_TYPES:
        return None
    if rest == organization:
        return EnvironmentName(organization=organization, env_type=env_type)
    owner, label = rest[: len(organization) + 1], rest[len(organization) + 1 :]
    if owner != f"{organization}-" or check_label(label):
        return None
    return EnvironmentName(organization=organization, env_type=env_type, label=label)


def ends_in_environment_type(name: str) -> bool:
    """Return whether the last part of a name is an environment type (`acme-dev`, `dev`)."""
    return name.rpartition("-")[2] in ENVIRONMENT_TYPES


def check_slug(slug: str, found: Findings, pointer: str) -> None:
    """Note every naming rule that an Organization's slug breaks."""
    if not SLUG_MIN <= len(slug) <= SLUG_MAX:
        found.add(
            "slug-invalid",
            pointer,
            f"the slug {slug!r} has {len(slug)} characters, {SLUG_MIN} to {SLUG_MAX} are allowed",
        )
    if not _WORD.fullmatch(slug):
        found.add("slug-invalid", pointer, f"the slug {slug!r} is not {_SHAPE}")
    reason = reserved.slug(slug)
    if reason is not None:
        found.add("slug-reserved", pointer, f"the slug {slug!r} {reason}")
    elif ends_in_environment_type(slug):
        found.add(
            "slug-environment-type",
            pointer,
            f"the slug {slug!r} ends like an Environment of another Organization",
        )


def check_label(label: str) -> str:
    """Return what is wrong with an Environment's label, or an empty text."""
    if not _WORD.fullmatch(label):
        return f"the label {label!r} is not {_SHAPE}"
    if ends_in_environment_type(label):
        return f"the label {label!r} ends in an environment type"
    return ""


def check_policy_name(name: str, found: Findings, pointer: str) -> None:
    """Note whether an EnvironmentPolicy's name breaks its rule."""
    if len(name) > DNS_LABEL_MAX or not _WORD.fullmatch(name):
        found.add(
            "policy-name-invalid",
            pointer,
            f"the policy's name {name!r} is not at most {DNS_LABEL_MAX} {_SHAPE}",
        )


def check_application(name: str, organization: str, found: Findings, pointer: str) -> None:
    """Note whether an Application's name breaks its rule or is kept for the infrastructure."""
    if len(name) > APPLICATION_MAX or not _WORD.fullmatch(name):
        found.add(
            "application-name-invalid",
            pointer,
            f"the Application's name {name!r} is not at most {APPLICATION_MAX} {_SHAPE}",
        )
        return
    reason = why_reserved(name, organization)
    if reason is not None:
        found.add("application-reserved", pointer, f"the Application's name {name!r} {reason}")


def check_host_label(label: str, found: Findings, pointer: str) -> None:
    """Note whether the first label of a public host breaks its rule or is reserved."""
    if len(label) > DNS_LABEL_MAX or not _DNS_LABEL.fullmatch(label):
        found.add("host-invalid", pointer, f"{label!r} is not one label of a host name")
    elif label in reserved.SUBDOMAINS:
        found.add("host-reserved", pointer, f"{label!r} {reserved.SUBDOMAINS[label]}")
