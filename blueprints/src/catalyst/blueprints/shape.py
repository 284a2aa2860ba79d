"""The form of `blueprint.yaml`, as JSON Schema. Rules between fields stand in `lint.py`."""

from __future__ import annotations

from typing import Any, Final

API_VERSIONS: Final = ("catalyst.openova.io/v1", "catalyst.openova.io/v1alpha1")
NAME: Final = "^(bp-)?[a-z][a-z0-9-]{0,61}[a-z0-9]$"
TOPOLOGIES: Final = ("active-active", "active-hot-standby", "active-passive", "singleton")
MODES: Final = (
    "singleton", "active-active", "active-hot-standby", "active-passive", "single-region",
    "active-hotstandby", "primary-only", "secondary-only", "every-region",
)  # fmt: skip

_TEXT: Final = {"type": "string", "maxLength": 20_000}
_LINE: Final = {"type": "string", "maxLength": 500}
_FULL_LINE: Final = {"type": "string", "minLength": 1, "maxLength": 500}
_FLAG: Final = {"type": "boolean"}
_FREE: Final = {"type": "object", "maxProperties": 200}
_SECONDS: Final = {"type": "integer", "minimum": 0, "maximum": 86_400}
_REGIONS: Final = {"type": "integer", "minimum": 1, "maximum": 5}
_MODE: Final = {"enum": list(MODES)}
_RANGES: Final = {"type": "array", "items": _LINE, "maxItems": 50}


def _map(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _list(items: Any, **limits: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, "maxItems": 100, **limits}


_PLACED: Final = _map(
    vcluster={"enum": ["host", "mgmt", "dmz", "rtz"]},
    regions=_list(_LINE),
    clusters=_list(_LINE),
)
_REPLICATION: Final = _map(
    ("backend",),
    backend={
        "enum": [
            "cnpg-pair", "raft", "mirrormaker2", "s3-bucket-replication", "ccr", "sentinel",
            "velero", "filer-remote-storage", "openbao-perf-replication", "flux-git", "none",
        ]
    },
    mode={"enum": ["sync", "async", "none"]},
    lagSloSeconds=_SECONDS,
)  # fmt: skip
_SWITCHOVER: Final = _map(
    ("mechanism",),
    mechanism={
        "enum": [
            "bp-continuum", "manual", "bp-velero-restore", "lua-record", "mm2-symmetric",
            "ccr-promote", "raft-transition", "sentinel-failover", "none",
        ]
    },
    rtoSeconds=_SECONDS,
    rpoSeconds=_SECONDS,
)  # fmt: skip
_TOPOLOGY_PLACEMENT: Final = _map(
    tier={"enum": ["mgmt", "dmz", "rtz", ""]},
    clusters=_list({"type": "string", "pattern": "^(mgmt|dmz|rtz)-[A-Z0-9]+$"}, uniqueItems=True),
    roles={
        "type": "object",
        "additionalProperties": {"enum": ["active", "passive", "singleton"]},
    },
)


def _topology(*required: str) -> dict[str, Any]:
    return _map(
        required,
        placement=_TOPOLOGY_PLACEMENT,
        replication=_REPLICATION,
        switchover=_SWITCHOVER,
    )


_DEPENDENCY: Final = {
    "anyOf": [
        {"type": "string", "pattern": NAME},
        _map(
            ("blueprint",),
            blueprint={"type": "string", "pattern": NAME},
            version=_LINE,
            alias={"type": "string", "pattern": "^[a-z][a-zA-Z0-9_]{0,62}$"},
            when={"type": "string", "minLength": 1, "maxLength": 2000},
            values=_FREE,
        ),
    ]
}
_SPEC: Final = _map(
    ("version", "card"),
    version={"type": "string", "maxLength": 100},
    card=_map(
        ("title",),
        title={"type": "string", "minLength": 1, "maxLength": 100},
        summary=_LINE,
        description=_TEXT,
        tagline=_LINE,
        icon=_LINE,
        category=_LINE,
        family=_LINE,
        tags=_list(_FULL_LINE),
        documentation=_LINE,
        docs=_LINE,
        license=_LINE,
        screenshots=_list(_LINE),
    ),
    visibility={"enum": ["listed", "unlisted", "private"]},
    owner=_map(team=_LINE, contact=_LINE),
    configSchema=_FREE,
    consoleUI=_map(
        sidebarEntry=_FLAG,
        sidebarLabel=_LINE,
        sidebarRoute=_LINE,
        sidebarOrder={"type": "integer", "minimum": 0, "maximum": 100},
        sidebarIcon=_LINE,
    ),
    placementSchema=_map(
        modes=_list(_MODE, minItems=1, uniqueItems=True),
        default=_MODE,
        defaultOnMultiRegion=_MODE,
        minRegions=_REGIONS,
        maxRegions=_REGIONS,
        vcluster={"enum": ["dmz", "mgmt", "rtz"]},
    ),
    defaultPlacement=_PLACED,
    allowedPlacements=_list({"enum": ["host", "mgmt", "dmz", "rtz"]}, uniqueItems=True),
    depends=_list(_DEPENDENCY, maxItems=50),
    manifests=_map(
        chart=_LINE,
        source=_map(("kind",), kind={"enum": ["HelmChart", "Kustomize", "OAM"]}, ref=_FULL_LINE),
        overlays={"type": "object", "additionalProperties": _FREE, "maxProperties": 20},
        values=_FREE,
        helmRelease=_map(disableWait=_FLAG),
    ),
    upgrades={
        "type": "object",
        "properties": {"from": _RANGES, "blocks": _RANGES},
        "additionalProperties": False,
    },
    rotation=_list(
        _map(
            ("kind",),
            kind=_FULL_LINE,
            name=_LINE,
            ttl={"type": "string", "pattern": "^[0-9]+(s|m|h|d)$"},
        )
    ),
    observability=_map(metrics=_LINE, logs=_LINE, traces=_LINE),
    outputs=_FREE,
    topology=_map(
        ("supported", "defaults"),
        supported=_list({"enum": list(TOPOLOGIES)}, minItems=1, uniqueItems=True),
        defaults={
            "type": "object",
            "properties": {
                "multi-region": {"enum": list(TOPOLOGIES)},
                "single-region": {"enum": list(TOPOLOGIES)},
            },
            "required": ["multi-region", "single-region"],
            "additionalProperties": False,
        },
        perTopology={
            "type": "object",
            "properties": {
                "active-active": _topology("replication", "placement"),
                "active-hot-standby": _topology("replication", "switchover", "placement"),
                "active-passive": _topology("replication", "switchover", "placement"),
                "singleton": _topology("placement"),
            },
            "additionalProperties": False,
        },
    ),
    endpoints=_list(
        _map(
            ("name", "hostnameTemplate"),
            name={"type": "string", "pattern": "^[a-z][a-z0-9-]{0,30}[a-z0-9]$"},
            hostnameTemplate={"type": "string", "minLength": 1, "maxLength": 253},
            port={"type": "integer", "minimum": 1, "maximum": 65_535},
            protocol={"enum": ["https", "http", "grpc", "tcp", "udp"]},
            tls=_FLAG,
            visibility={"enum": ["public", "private", "internal"]},
            launchDefault=_FLAG,
            ssoEnabled=_FLAG,
            ssoInitPath={"type": "string", "maxLength": 512},
        )
    ),
    sso=_map(
        ("realm",),
        realm={"enum": ["sovereign", "{{.OrgSlug}}"]},
        protocolMapper={"enum": ["oidc", "saml"]},
        groupsClaim=_LINE,
        rolesFromGroup={"type": "object", "additionalProperties": _LINE, "maxProperties": 100},
        silentLogin=_FLAG,
        adminGroup=_LINE,
        bootstrap=_map(enabled=_FLAG, providerSlug=_LINE, enforceAdminGroup=_FLAG),
    ),
    hasUserUIEndpoint=_FLAG,
    multiInstance=_map(
        ("enabled",),
        enabled=_FLAG,
        maxPerOrg={"type": "integer", "minimum": 0, "maximum": 1000},
        namingTemplate={"type": "string", "maxLength": 256},
        isolationLevel={"enum": ["namespace", "vcluster"]},
    ),
    producesInstances=_map(
        ("kind", "instanceBlueprint"),
        kind=_FULL_LINE,
        instanceBlueprint={"type": "string", "pattern": NAME},
    ),
)
BLUEPRINT: Final[dict[str, Any]] = _map(
    ("apiVersion", "kind", "metadata", "spec"),
    apiVersion={"enum": list(API_VERSIONS)},
    kind={"const": "Blueprint"},
    metadata=_map(
        ("name",),
        name={"type": "string", "pattern": NAME},
        labels={"type": "object", "additionalProperties": _LINE},
        annotations={"type": "object", "additionalProperties": _TEXT},
    ),
    spec=_SPEC,
    status={"type": "object"},
)
