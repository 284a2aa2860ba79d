"""The manifests in an Organization's Git home: from state to YAML, the same bytes each time; pure.

The objects are the documented ones, in the spelling that `catalyst apply` reads. One document a
file: `organization.yaml`, `environments/<name>.yaml`, `policies/<name>.yaml`. What is empty is
left out; but what an update can take away again stands there as null, because `apply` leaves alone
what a manifest does not name. So an older commit, applied, brings its whole state back. No status,
no commit ids, no times: a manifest says what is wanted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import yaml
from typing_extensions import override

from catalyst.contracts import environment_v1 as env1
from catalyst.environment_controller.domain.environment import Environment
from catalyst.environment_controller.domain.organization import Organization
from catalyst.environment_controller.domain.policy import Policy

ORGANIZATION: Final = "organization.yaml"
ENVIRONMENTS: Final = "environments"
POLICIES: Final = "policies"
EVERYTHING: Final = (ORGANIZATION, ENVIRONMENTS, POLICIES)
"""All places where manifests stand; anything else in the repository is not ours."""

SUSPENDED: Final = "catalyst.openova.io/suspended"
"""Annotation of a suspended Organization; its value is the reason."""

OWNED_BY: Final = "openova.io/organization"
"""Label that says whose an EnvironmentPolicy is; the object has no field for it."""

_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?")
"""What JSON takes for a number, a little wider; YAML 1.1 leaves some of it as text."""

_LINE_WIDTH: Final = 100
_MINUTES_PER_HOUR: Final = 60


def environment_path(name: str) -> str:
    """Return where the manifest of an Environment stands."""
    return f"{ENVIRONMENTS}/{name}.yaml"


def policy_path(name: str) -> str:
    """Return where the manifest of an EnvironmentPolicy stands."""
    return f"{POLICIES}/{name}.yaml"


def organization_manifest(state: Organization) -> bytes | None:
    """Return the manifest of an Organization; None if there is no such Organization (any more)."""
    if not state.exists:
        return None
    annotations = {SUSPENDED: state.suspended_reason} if state.suspended else {}
    spec = {
        "slug": state.slug,
        "displayName": state.display_name,
        "kind": state.kind,
        "tier": state.tier,
        "billingMode": state.billing_mode,
        "sovereignRef": state.sovereign_ref,
        "parentOrg": state.parent_org,
        "defaultEnvironmentType": state.default_environment_type,
        "owners": [_camel(owner) for owner in state.owners],
        "identity": _camel(state.identity),
        "tenantPublic": _camel(state.public_front),
        "planSlug": state.plan_slug,
        "policyDelegated": state.policy_delegated,
    }
    metadata = {"name": state.slug, "annotations": annotations}
    clearable = ("identity", "tenantPublic", "planSlug")
    return _document("orgs.openova.io/v1", "Organization", metadata, spec, clearable)


def environment_manifest(state: Environment) -> bytes | None:
    """Return the manifest of an Environment; None if there is no such Environment (any more)."""
    if not state.exists:
        return None
    spec = {
        "organizationRef": state.organization,
        "envType": state.env_type,
        "label": state.label,
        "placement": state.placement,
        "regions": [_camel(region) for region in state.regions],
        "policyRef": state.policy,
    }
    metadata = {"name": state.name}
    return _document("catalyst.openova.io/v1", "Environment", metadata, spec, ("policyRef",))


def policy_manifest(state: Policy, organization: str) -> bytes | None:
    """Return the manifest of an Organization's policy; None if there is no such one (any more).

    The object's own fields are used as far as they reach; rules of the older spelling say the rest:
    approvals by a team, the Environment to soak in, soaks of less than whole hours, windows.
    """
    if not state.exists:
        return None
    spec = {
        "promotion": _promotion(state),
        "compliance": {
            "weights": {name: _camel(state.weights[name]) for name in sorted(state.weights)},
            "modes": {name: state.modes[name] for name in sorted(state.modes)},
        },
        "rules": [*_approvals(state), *_score(state), *_soak(state), *map(_window, state.windows)],
        "appliesTo": {"environments": list(state.environments)},
        "quota": {"applications": state.applications_max},
    }
    metadata = {"name": state.name, "labels": {OWNED_BY: organization}}
    return _document("catalyst.openova.io/v1", "EnvironmentPolicy", metadata, spec)


def _promotion(state: Policy) -> dict[str, Any]:
    anyone = [approval.quorum for approval in state.approvals if not approval.team]
    return {
        "requiredApprovers": max(anyone, default=0) or None,
        "soakHours": None if _soak(state) else state.soak_minutes // _MINUTES_PER_HOUR or None,
        "requiredComplianceScore": None if state.severity else state.required_score,
    }


def _approvals(state: Policy) -> list[dict[str, Any]]:
    return [
        {"type": "pr-required", "approvers": [approval.team], "minApprovals": approval.quorum}
        for approval in state.approvals
        if approval.team
    ]


def _score(state: Policy) -> list[dict[str, Any]]:
    if not state.severity or state.required_score is None:
        return []
    rule = {"type": "re-score-gate", "minScore": state.required_score, "severity": state.severity}
    return [rule]


def _soak(state: Policy) -> list[dict[str, Any]]:
    if not state.source_environment and state.soak_minutes % _MINUTES_PER_HOUR == 0:
        return []
    rule = {
        "type": "soak",
        "sourceEnvironment": state.source_environment,
        "duration": f"{state.soak_minutes}m",
    }
    return [rule]


def _window(window: env1.Window) -> dict[str, Any]:
    return {
        "type": "change-window",
        "effect": window.effect,
        "cron": window.cron,
        "rrule": window.rrule,
        "timezone": window.timezone,
        "duration": f"{window.duration_minutes}m",
    }


def _document(
    api_version: str,
    kind: str,
    metadata: Mapping[str, Any],
    spec: Mapping[str, Any],
    clearable: tuple[str, ...] = (),
) -> bytes:
    """Return one document; the fields in `clearable` are null where they hold nothing."""
    held = _pruned(spec)
    document = {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": _pruned(metadata),
        "spec": {name: held.get(name) for name in spec if name in held or name in clearable},
    }
    return written(document, Quick if _is_simple(document) else Plain)


def written(document: Mapping[str, Any], dumper: type[Plain | Quick]) -> bytes:
    """Return a document in block style, its members in their order."""
    text: str = yaml.dump(
        document,
        Dumper=dumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=False,
        width=_LINE_WIDTH,
    )
    return text.encode("utf-8")


class Plain(yaml.SafeDumper):
    """Writes equal parts out each time, and no text that reads as a number."""

    @override
    def ignore_aliases(self, data: Any) -> bool:
        return True


class Quick(yaml.CSafeDumper):
    """The same bytes in a fifth of the time, as long as all text is of printable ASCII.

    Of other text libyaml escapes more than it has to, and breaks its lines elsewhere.
    """

    @override
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: Plain | Quick, data: str) -> yaml.ScalarNode:
    """Return a text's node, quoted where any reader might take it for a number."""
    style = "'" if _NUMBER.fullmatch(data) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", data, style=style)


Plain.add_representer(str, _represent_text)
Quick.add_representer(str, _represent_text)


def _is_simple(value: Any) -> bool:
    if isinstance(value, str):
        return value.isascii() and value.isprintable()
    if isinstance(value, Mapping):
        return all(_is_simple(name) and _is_simple(inner) for name, inner in value.items())
    return not isinstance(value, list) or all(map(_is_simple, value))


def _camel(value: Any) -> Any:
    """Return a part of a message with the names of its fields in camelCase; None stays None."""
    if isinstance(value, msgspec.Struct):
        fields = msgspec.structs.fields(value)
        return {_camel_name(item.name): _camel(getattr(value, item.name)) for item in fields}
    if isinstance(value, tuple):
        return [_camel(item) for item in value]
    return value


def _camel_name(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _pruned(value: Any) -> Any:
    """Return the value without members that hold nothing."""
    if isinstance(value, Mapping):
        inner = {key: _pruned(item) for key, item in value.items()}
        return {key: item for key, item in inner.items() if item not in (None, "", [], {})}
    if isinstance(value, list):
        return [_pruned(item) for item in value]
    return value
