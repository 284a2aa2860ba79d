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

Run = Annotated[int, msgspec.Meta(ge=1, description="a whole number from 1 on", examples=[1])]
"""Of an onboarding, which a restart runs once more."""

Line = Annotated[
    str,
    msgspec.Meta(
        max_length=253,
        pattern=r"^[^\x00-\x1f\x7f]*" + END,
        description="one line of at most 253 characters",
    ),
]
"""One line of text: no control character, so no newline and no NUL. A field adds its example."""
DisplayName = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=128,
        pattern=r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*" + END,
        description="one line of 1 to 128 characters, not spaces alone",
        examples=["Acme Trading"],
    ),
]
Reason = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=500,
        pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$",
        description="a text of 1 to 500 characters, without control characters",
        examples=["Agreed with the owners, see OPS-1204."],
    ),
]
Email = Annotated[
    str,
    msgspec.Meta(
        max_length=254,
        pattern=r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]*[^@\s\x00-\x1f\x7f.]" + END,
        description="an e-mail address of at most 254 characters, without spaces",
        examples=["ada@acme.example"],
    ),
]
"""An e-mail address. A name without a dot is a host's own, such as `admin@localhost`."""
DottedName = Annotated[
    str,
    msgspec.Meta(
        max_length=253,
        pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+" + END,
        description=(
            "a domain of at most 253 characters: two or more parts with dots between them, each of "
            "1 to 63 lower-case letters, digits or '-', neither beginning nor ending with '-'"
        ),
        examples=["cloud.example"],
    ),
]
Slug = Annotated[
    str,
    msgspec.Meta(
        min_length=3,
        max_length=32,
        pattern=r"^[a-z][a-z0-9-]*" + END,
        description="3 to 32 lower-case letters, digits or '-', beginning with a letter",
        examples=["acme"],
    ),
]
PolicyName = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=63,
        pattern=r"^[a-z][a-z0-9-]*" + END,
        description="1 to 63 lower-case letters, digits or '-', beginning with a letter",
        examples=["careful"],
    ),
]
RegionCode = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[a-z]{2,4}[a-z0-9]?" + END,
        description="2 to 4 lower-case letters, and one more letter or digit if need be",
        examples=["fsn"],
    ),
]
Duration = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[0-9]{1,6}[smhd]" + END,
        description="a number of 1 to 6 digits and one of the letters s, m, h and d",
        examples=["24h"],
    ),
]
"""A length of time in seconds, minutes, hours or days."""
Port = Annotated[
    int, msgspec.Meta(ge=1, le=65535, description="a port from 1 to 65535", examples=[80])
]
PlanHash = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[0-9a-f]{64}" + END,
        description="64 lower-case hexadecimal digits, as the plan answered them",
        examples=["2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"],
    ),
]


class Owner(Part, frozen=True, kw_only=True):
    """A person and what they may do in the Organization."""

    email: Email
    """The address that the person signs in with."""
    role: OwnerRole
    """What they may do."""


class SecretRef(Part, frozen=True, kw_only=True):
    """Where a secret is kept; never the secret."""

    name: Annotated[Line, msgspec.Meta(examples=["acme-sso"])]
    """Name of the secret."""
    key: Annotated[Line, msgspec.Meta(examples=["oidc-secret"])] = "client-secret"
    """The entry of the secret that holds the value."""


class ClaimMapper(Part, frozen=True, kw_only=True):
    """Which claim of the identity provider becomes which of ours."""

    src: Annotated[Line, msgspec.Meta(examples=["groups"])]
    """The identity provider's name of the claim."""
    dest: Annotated[Line, msgspec.Meta(examples=["roles"])]
    """Our name of it."""


class FederationConfig(Part, frozen=True, kw_only=True):
    """Settings of the Organization's own identity provider."""

    issuer: Annotated[Line, msgspec.Meta(examples=["https://sso.acme.example"])] = ""
    """Address that the identity provider's tokens name as their issuer."""
    client_id: Annotated[Line, msgspec.Meta(examples=["catalyst"])] = ""
    """The id under which the identity provider knows us."""
    client_secret_ref: SecretRef | None = None
    """Where the secret stands that we show to the identity provider."""
    tenant_id: Annotated[Line, msgspec.Meta(examples=["f8cdef31-a31e-4b4a-93e4-5f571e91255a"])] = ""
    """The directory at the identity provider; for `azure-sso`."""
    authorization_url: Annotated[
        Line, msgspec.Meta(examples=["https://sso.acme.example/authorize"])
    ] = ""
    """Where people are sent to sign in; empty: as the identity provider says."""
    token_url: Annotated[Line, msgspec.Meta(examples=["https://sso.acme.example/token"])] = ""
    """Where tokens are fetched; empty: as the identity provider says."""
    jwks_url: Annotated[Line, msgspec.Meta(examples=["https://sso.acme.example/keys"])] = ""
    """Where the keys of the tokens stand; empty: as the identity provider says."""
    claim_mappers: Annotated[
        tuple[ClaimMapper, ...],
        msgspec.Meta(max_length=50, description="a list of at most 50 entries"),
    ] = ()
    """Which claims become which of ours."""


class Identity(Part, frozen=True, kw_only=True):
    """Where the Organization's people sign in."""

    federation_provider: Federation = ""
    """The kind of identity provider; empty: people sign in with Catalyst itself."""
    federation_config: FederationConfig | None = None
    """How the identity provider is reached; null if there is none."""


class PublicFront(Part, frozen=True, kw_only=True):
    """The Organization's public host."""

    parent_domain: DottedName
    """The domain below which the public host stands."""
    subdomain: Annotated[Line, msgspec.Meta(examples=["shop"])] = ""
    """First part of the public host. Empty: the slug."""
    backend_service: Annotated[Line, msgspec.Meta(examples=["shop"])] = ""
    """The service that answers behind the public host."""
    backend_port: Port = 80
    """The port of that service."""
    product: Annotated[Line, msgspec.Meta(examples=["store"])] = ""
    """The product that the public host shows."""


class Region(Part, frozen=True, kw_only=True):
    """One place where an Environment runs."""

    provider: Provider
    """Who runs the machines."""
    region: RegionCode
    """The provider's short code of the place."""
    building_block: BuildingBlock
    """The kind of network zone."""
    host_cluster: Annotated[Line, msgspec.Meta(examples=["hz-fsn-rtz-prod"])] = ""
    """Name of the cluster. Empty: derived as `{prov}-{reg}-{block}-{env_type}`."""


Owners = Annotated[
    tuple[Owner, ...], msgspec.Meta(max_length=200, description="a list of at most 200 entries")
]
Regions = Annotated[
    tuple[Region, ...],
    msgspec.Meta(min_length=1, max_length=5, description="a list of 1 to 5 regions"),
]


class PlannedDeletion(Command, frozen=True, kw_only=True):
    """What a deletion plan answered; all four parts come back unchanged."""

    request: dict[str, str]
    """What was asked to be planned, unchanged from the plan."""
    hash: PlanHash
    """The fingerprint of the plan."""
    inputs: dict[str, str]
    """Name of each thing the plan depends on, with the version it saw."""
    expires: UtcTime
    """Until when the plan can be applied, unchanged from the plan."""
