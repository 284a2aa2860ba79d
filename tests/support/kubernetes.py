"""Whether Kubernetes would take an object, from its own schemas; unknown fields are refused."""

from __future__ import annotations

import functools
import json
from importlib.resources import files
from typing import Any, Final

import jsonschema_rs

VERSION: Final = "v1.34.0-local-strict"
"""The folder of the package `kubernetes-validate`; strict: no unknown field."""

_LABEL: Final = r"^(([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9])?$"
_NAME: Final = {"type": "string", "pattern": r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$"}
_TEXT: Final = {"type": "string", "minLength": 1}


def _map(required: list[str], **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


_METADATA: Final = _map(
    ["name", "namespace", "labels"],
    name=_NAME,
    namespace=_NAME,
    labels={"type": "object", "additionalProperties": {"type": "string", "pattern": _LABEL}},
    annotations={"type": "object", "additionalProperties": {"type": "string"}},
)
_STORE: Final = _map(["kind", "name"], kind={"const": "ClusterSecretStore"}, name=_NAME)


def _resource(version: str, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    return _map(
        ["apiVersion", "kind", "metadata", "spec"],
        apiVersion={"const": version},
        kind={"const": kind},
        metadata=_METADATA,
        spec=spec,
    )


# The parts of the External Secrets Operator that our Blueprints use, after its API reference.
_GENERATOR: Final = _map(
    ["generatorRef"],
    generatorRef=_map(
        ["apiVersion", "kind", "name"],
        apiVersion={"const": "generators.external-secrets.io/v1alpha1"},
        kind={"const": "Password"},
        name=_NAME,
    ),
)
_REWRITE: Final = _map(["regexp"], regexp=_map(["source", "target"], source=_TEXT, target=_TEXT))
_CUSTOM: Final[dict[tuple[str, str], dict[str, Any]]] = {
    ("generators.external-secrets.io/v1alpha1", "Password"): _map(
        ["length", "allowRepeat", "noUpper"],
        length={"type": "integer", "minimum": 24},
        digits={"type": "integer", "minimum": 0},
        symbols={"type": "integer", "minimum": 0},
        noUpper={"type": "boolean"},
        allowRepeat={"type": "boolean"},
    ),
    ("external-secrets.io/v1", "ExternalSecret"): _map(
        ["target"],
        refreshInterval=_TEXT,
        refreshPolicy={"enum": ["CreatedOnce", "Periodic", "OnChange"]},
        secretStoreRef=_STORE,
        target=_map(
            ["name", "creationPolicy"],
            name=_NAME,
            creationPolicy={"enum": ["Owner", "Orphan", "Merge", "None"]},
            template=_map(
                ["engineVersion", "data"],
                engineVersion={"const": "v2"},
                data={"type": "object", "additionalProperties": _TEXT, "minProperties": 1},
            ),
        ),
        data={
            "type": "array",
            "minItems": 1,
            "items": _map(
                ["secretKey", "remoteRef"],
                secretKey=_TEXT,
                remoteRef=_map(["key", "property"], key=_TEXT, property=_TEXT),
            ),
        },
        dataFrom={
            "type": "array",
            "minItems": 1,
            "items": _map(
                ["sourceRef"], sourceRef=_GENERATOR, rewrite={"type": "array", "items": _REWRITE}
            ),
        },
    ),
    ("external-secrets.io/v1alpha1", "PushSecret"): _map(
        ["secretStoreRefs", "selector", "data"],
        refreshInterval=_TEXT,
        deletionPolicy={"enum": ["Delete", "None"]},
        secretStoreRefs={"type": "array", "minItems": 1, "items": _STORE},
        selector=_map(["secret"], secret=_map(["name"], name=_NAME)),
        data={
            "type": "array",
            "minItems": 1,
            "items": _map(
                ["match"],
                match=_map(
                    ["secretKey", "remoteRef"],
                    secretKey=_TEXT,
                    remoteRef=_map(["remoteKey", "property"], remoteKey=_TEXT, property=_TEXT),
                ),
            ),
        },
    ),
}


def refusals(made: dict[str, Any]) -> list[str]:
    """Return everything that is wrong with an object.

    Raises:
        FileNotFoundError: If Kubernetes knows no such kind, and we have no schema of it either.
    """
    compiled = _compiled(made["apiVersion"], made["kind"])
    return [
        f"{made['kind']} /{'/'.join(map(str, error.instance_path))}: {error.message[:300]}"
        for error in compiled.iter_errors(made)
    ]


@functools.cache
def _compiled(version: str, kind: str) -> jsonschema_rs.Draft202012Validator:
    custom = _CUSTOM.get((version, kind))
    if custom is not None:
        return jsonschema_rs.Draft202012Validator(_resource(version, kind, custom))
    group, _, number = version.rpartition("/")
    suffix = f"{group.partition('.')[0]}-{number}" if group else number
    schema = _read(f"{kind.lower()}-{suffix}.json")
    return jsonschema_rs.Draft202012Validator(schema, registry=_definitions())


@functools.cache
def _definitions() -> jsonschema_rs.Registry:
    definitions = _read("_definitions.json")
    return jsonschema_rs.Registry([(definitions["$id"], definitions)])


def _read(name: str) -> Any:
    folder = files("kubernetes_validate") / "kubernetes-json-schema" / VERSION
    return json.loads((folder / name).read_text())
