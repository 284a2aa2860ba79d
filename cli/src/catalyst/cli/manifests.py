"""Manifests of Organizations, Environments and EnvironmentPolicies, as people keep them in files.

The documented objects, in camelCase. A misspelt field is refused instead of being kept in silence.
`status` is ignored: it says what is, not what is wanted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from catalyst.cli.documents import Document, Path
from catalyst.cli.near import alike, meant
from catalyst.contracts import environment_v1 as env

ORGANIZATION_LABELS: Final = ("openova.io/organization", "catalyst.openova.io/organization")
"""Labels that say whose an EnvironmentPolicy is: the object itself has no field for it."""
SUSPENDED: Final = "catalyst.openova.io/suspended"
"""Annotation that asks for a suspended Organization; its value is the reason, null resumes."""


class Part(BaseModel):
    """Base of every object in a manifest: camelCase, strict, no unknown fields."""

    model_config = ConfigDict(
        extra="forbid", strict=True, alias_generator=to_camel, validate_by_name=False
    )

    def given(self) -> dict[str, Any]:
        """Return what was written, and only that, with the names of the messages."""
        return self.model_dump(by_alias=False, exclude_unset=True)


def spelled(found: Any, steps: Sequence[str]) -> Path:
    """Return steps that lead into an object of a manifest as a manifest has them."""
    if not steps:
        return ()
    step, *rest = steps
    if isinstance(found, Part) and step in type(found).model_fields:
        alias = type(found).model_fields[step].alias
        return (alias or step, *spelled(getattr(found, step), rest))
    if isinstance(found, list) and step.isdecimal():
        within = found[int(step)] if int(step) < len(found) else None
        return (int(step), *spelled(within, rest))
    if isinstance(found, dict):
        return (step, *spelled(found.get(step), rest))
    return (step, *spelled(None, rest))


class Metadata(BaseModel):
    """Who it is; what a cluster adds here is ignored."""

    model_config = ConfigDict(extra="ignore", strict=True)

    name: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str | None] = {}


class Owner(Part):
    """A person and what they may do."""

    email: str
    role: env.OwnerRole


class SecretRef(Part):
    """Where a secret is kept."""

    name: str
    key: str = "client-secret"


class ClaimMapper(Part):
    """Which claim becomes which."""

    src: str
    dest: str


class FederationConfig(Part):
    """Settings of the identity provider."""

    issuer: str = ""
    client_id: str = ""
    client_secret_ref: SecretRef | None = None
    tenant_id: str = ""
    authorization_url: str = ""
    token_url: str = ""
    jwks_url: str = ""
    claim_mappers: list[ClaimMapper] = []


class Identity(Part):
    """Where the Organization's people sign in."""

    federation_provider: env.Federation = ""
    federation_config: FederationConfig | None = None


class PublicFront(Part):
    """The public host."""

    parent_domain: str
    subdomain: str = ""
    backend_service: str = ""
    backend_port: int = 80
    product: str = ""


class OrganizationSpec(Part):
    """What an Organization should be."""

    slug: str
    display_name: str
    kind: env.Kind
    tier: env.Tier
    billing_mode: env.BillingMode
    sovereign_ref: str
    parent_org: str | None = None
    default_environment_type: env.EnvType = "prod"
    owners: Annotated[list[Owner], Field(min_length=1)]
    identity: Identity | None = None
    public_front: PublicFront | None = Field(default=None, alias="tenantPublic")
    plan_slug: env.PlanSlug | None = None
    policy_delegated: bool = False


class Region(Part):
    """One place where an Environment runs."""

    provider: env.Provider
    region: str
    building_block: env.BuildingBlock
    host_cluster: str = ""


class EnvironmentSpec(Part):
    """What an Environment should be."""

    organization_ref: str
    env_type: env.EnvType
    label: str = ""
    placement: env.Placement
    regions: Annotated[list[Region], Field(min_length=1, max_length=5)]
    policy_ref: str | None = None


class Promotion(Part):
    """The gate of the documented object."""

    required_approvers: int = 0
    soak_hours: int = 0
    required_compliance_score: int | None = None


class Weight(Part):
    """How much a compliance policy counts."""

    weight: int
    scope: Literal["stateful", "stateless", "all"] = "all"


class Compliance(Part):
    """Weights and modes by compliance policy."""

    weights: dict[str, Weight] = {}
    modes: dict[str, Literal["permissive", "enforcing"]] = {}


class PrRequired(Part):
    """Approvals by named teams."""

    type: Literal["pr-required"]
    approvers: list[str] = []
    min_approvals: int = 1


class ReScoreGate(Part):
    """A score to reach."""

    type: Literal["re-score-gate"]
    min_score: int
    severity: Literal["low", "medium", "high", "critical"] = "medium"


class Soak(Part):
    """Time in a source Environment."""

    type: Literal["soak"]
    source_environment: str = ""
    duration: str


class ChangeWindow(Part):
    """When changes may happen."""

    type: Literal["change-window"]
    effect: Literal["allow", "deny"] = "allow"
    cron: str = ""
    rrule: str = ""
    timezone: str = "UTC"
    duration: str


Rule = Annotated[PrRequired | ReScoreGate | Soak | ChangeWindow, Field(discriminator="type")]


class AppliesTo(Part):
    """Which Environments may be put under the policy."""

    environments: list[str] = []


class Quota(Part):
    """How much may stand in each Environment under the policy."""

    applications: int | None = None


class PolicySpec(Part):
    """What an EnvironmentPolicy should be, in either spelling."""

    organization_ref: str = ""
    promotion: Promotion | None = None
    compliance: Compliance | None = None
    rules: Annotated[list[Rule], Field(max_length=50)] = []
    applies_to: AppliesTo | None = None
    quota: Quota | None = None


class _Manifest(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    api_version: str = Field(alias="apiVersion")
    kind: str
    metadata: Metadata = Metadata()
    status: Any = None


class Organization(_Manifest):
    """A document of kind Organization."""

    api_version: Literal["orgs.openova.io/v1"] = Field(alias="apiVersion")
    kind: Literal["Organization"]
    spec: OrganizationSpec


class Environment(_Manifest):
    """A document of kind Environment."""

    api_version: Literal["catalyst.openova.io/v1"] = Field(alias="apiVersion")
    kind: Literal["Environment"]
    spec: EnvironmentSpec


class EnvironmentPolicy(_Manifest):
    """A document of kind EnvironmentPolicy."""

    api_version: Literal["catalyst.openova.io/v1"] = Field(alias="apiVersion")
    kind: Literal["EnvironmentPolicy"]
    metadata: Metadata
    spec: PolicySpec


_RULES: Final = frozenset({"pr-required", "re-score-gate", "soak", "change-window"})

Manifest = Organization | Environment | EnvironmentPolicy

_KINDS: Final[Mapping[str, type[Organization | Environment | EnvironmentPolicy]]] = {
    "Organization": Organization,
    "Environment": Environment,
    "EnvironmentPolicy": EnvironmentPolicy,
}
_PRICE_BOOK: Final = frozenset({"book", "version", "from"})
"""What a price book has, which is none of these and stands beside them in `examples/`."""


class Bad(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong with a document."""

    path: Path
    """Where; empty: all of it."""
    rule: str
    message: str


class Unfit(Exception):
    """A document is no manifest."""

    def __init__(self, *found: Bad) -> None:
        """Keep everything that is wrong with its shape."""
        super().__init__(*(one.message for one in found))
        self.found = found


def read(document: Document) -> Manifest:
    """Return the manifest that a document holds.

    Raises:
        Unfit: With every field that is wrong.
    """
    value = document.value
    kind = value.get("kind") if isinstance(value, dict) else None
    shape = _KINDS.get(kind) if isinstance(kind, str) else None
    if shape is None:
        known = ", ".join(_KINDS)
        near = meant(alike(kind, _KINDS)) if isinstance(kind, str) else ""
        text = f"kind {kind!r} is none of {known}" if kind else f"no kind; one of {known}"
        text += f"; {near.strip()}" if near else ""
        path: Path = ("kind",) if kind else ()
        if isinstance(value, dict) and value.keys() >= _PRICE_BOOK:
            text = "this is a price book; `catalyst billing price-book apply FILE` takes it"
        raise Unfit(Bad(path=path, rule="kind", message=text))
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        raise Unfit(*_found(error)) from error


def _found(error: ValidationError) -> Iterator[Bad]:
    for item in error.errors(include_url=False, include_input=False):
        text = _text(item["type"], item.get("ctx", {}))
        yield Bad(path=_path(item["loc"], item["type"]), rule=item["type"], message=text)


def _path(location: tuple[int | str, ...], kind: str) -> Path:
    """Return where in the document it is; the name of a rule's type is no part of that."""
    path = tuple(
        step
        for index, step in enumerate(location)
        if not (step in _RULES and index and isinstance(location[index - 1], int))
    )
    return (*path, "type") if kind.startswith("union_tag") else path


_WORDS: Final = {
    "bool_type": "must be true or false",
    "dict_type": "must be a mapping",
    "extra_forbidden": "there is no such field",
    "int_type": "must be a whole number",
    "list_type": "must be a list",
    "literal_error": "must be {expected}",
    "missing": "is missing",
    "model_attributes_type": "must be a mapping of fields",
    "model_type": "must be a mapping of fields",
    "string_type": "must be text",
    "too_long": "must have at most {max_length} entries",
    "too_short": "must have at least {min_length} entries",
    "union_tag_invalid": f"is none of {', '.join(sorted(_RULES))}",
    "union_tag_not_found": "is missing",
    "value_error": "{error}",
}
"""What pydantic's kinds of errors mean here."""


def _text(kind: str, context: Mapping[str, Any]) -> str:
    if kind == "too_short" and context["min_length"] == 1:
        return "must have an entry"
    return _WORDS.get(kind, "is not of the right type").format(**context)


def label_of(manifest: Environment) -> str:
    """Return the label in an Environment's name; empty for `{org}-{env_type}`.

    Raises:
        ValueError: If name and parts do not fit together; the text says how they would.
    """
    spec = manifest.spec
    name = manifest.metadata.name
    if not name:
        return spec.label
    head, tail = f"{spec.organization_ref}-", f"-{spec.env_type}"
    if name == head + spec.env_type:
        label = ""
    elif name.startswith(head) and name.endswith(tail) and len(name) > len(head) + len(tail):
        label = name[len(head) : -len(tail)]
    else:
        raise ValueError(
            f"an Environment like this is called {head}{spec.env_type}, or {head}<label>{tail}"
        )
    if "label" in spec.model_fields_set and spec.label != label:
        raise ValueError(f"the name holds the label {label!r}, the field says {spec.label!r}")
    return label
