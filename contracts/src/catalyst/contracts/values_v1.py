"""Values that the messages of environments share: version 1.

Each is refused by its type where the type can say what is wrong; rules say the rest.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from catalyst.contracts.message import END, Command, Part, UtcTime

Kind = Literal["customer", "internal"]
Tier = Literal["sme", "corporate"]
BillingMode = Literal["real", "chargeback", "showback"]
EnvType = Literal["prod", "stg", "uat", "dev", "poc"]
OwnerRole = Literal["owner", "admin", "developer", "viewer"]
Provider = Literal["hetzner", "huawei", "oci", "aws", "gcp", "azure", "contabo"]
BuildingBlock = Literal["rtz", "dmz", "mgt"]
Placement = Literal["single-region", "multi-region"]
PlanSlug = Literal["s", "m", "l", "xl", "flexi"]
Federation = Literal["", "azure-sso", "okta", "generic-oidc"]

Line = Annotated[str, msgspec.Meta(max_length=253, pattern=r"^[^\x00-\x1f\x7f]*" + END)]
"""One line of text: no control character, so no newline and no NUL."""
DisplayName = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=128,
        pattern=r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*" + END,
    ),
]
Reason = Annotated[
    str, msgspec.Meta(min_length=1, max_length=500, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$")
]
Email = Annotated[
    str,
    msgspec.Meta(
        max_length=254,
        pattern=r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]*[^@\s\x00-\x1f\x7f.]" + END,
    ),
]
"""An e-mail address. A name without a dot is a host's own, such as `admin@localhost`."""
DottedName = Annotated[
    str,
    msgspec.Meta(
        max_length=253,
        pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+" + END,
    ),
]
Slug = Annotated[str, msgspec.Meta(min_length=3, max_length=32, pattern=r"^[a-z][a-z0-9-]*" + END)]
PolicyName = Annotated[
    str, msgspec.Meta(min_length=1, max_length=63, pattern=r"^[a-z][a-z0-9-]*" + END)
]


class Owner(Part, frozen=True, kw_only=True):
    """A person and what they may do in the Organization."""

    email: Email
    role: OwnerRole


class SecretRef(Part, frozen=True, kw_only=True):
    """Where a secret is kept; never the secret."""

    name: Line
    key: Line = "client-secret"


class ClaimMapper(Part, frozen=True, kw_only=True):
    """Which claim of the identity provider becomes which of ours."""

    src: Line
    dest: Line


class FederationConfig(Part, frozen=True, kw_only=True):
    """Settings of the Organization's own identity provider."""

    issuer: Line = ""
    client_id: Line = ""
    client_secret_ref: SecretRef | None = None
    tenant_id: Line = ""
    authorization_url: Line = ""
    token_url: Line = ""
    jwks_url: Line = ""
    claim_mappers: Annotated[tuple[ClaimMapper, ...], msgspec.Meta(max_length=50)] = ()


class Identity(Part, frozen=True, kw_only=True):
    """Where the Organization's people sign in."""

    federation_provider: Federation = ""
    federation_config: FederationConfig | None = None


class PublicFront(Part, frozen=True, kw_only=True):
    """The Organization's public host."""

    parent_domain: DottedName
    subdomain: Line = ""
    """Empty: the slug."""
    backend_service: Line = ""
    backend_port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 80
    product: Line = ""


class Region(Part, frozen=True, kw_only=True):
    """One place where an Environment runs."""

    provider: Provider
    region: Annotated[str, msgspec.Meta(pattern=r"^[a-z]{2,4}[a-z0-9]?" + END)]
    building_block: BuildingBlock
    host_cluster: Line = ""
    """Empty: derived as `{prov}-{reg}-{block}-{env_type}`."""


Owners = Annotated[tuple[Owner, ...], msgspec.Meta(max_length=200)]
Regions = Annotated[tuple[Region, ...], msgspec.Meta(min_length=1, max_length=5)]


class PlannedDeletion(Command, frozen=True, kw_only=True):
    """What a deletion plan answered; all four parts come back unchanged."""

    request: dict[str, str]
    hash: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}" + END)]
    inputs: dict[str, str]
    """Name of each thing the plan depends on, with the version it saw."""
    expires: UtcTime
