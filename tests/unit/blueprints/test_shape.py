"""What the form of `blueprint.yaml` refuses, beside what its page lists of each field."""

from __future__ import annotations

from typing import Any

from tests.support.each import each

from catalyst.blueprints import shape, words

COMPILED = words.validator(shape.BLUEPRINT)
PLACED = {"tier": "rtz", "clusters": ["rtz-A"], "roles": {"rtz-A": "active"}}
COPIED = {"backend": "raft", "mode": "sync", "lagSloSeconds": 0}
SWITCHED = {"mechanism": "manual", "rtoSeconds": 60, "rpoSeconds": 86_400}
WHOLE = {"placement": PLACED, "replication": COPIED, "switchover": SWITCHED}
TWO = ["multi-region", "single-region"]
WORDS = "additionalProperties"


def told(field: str, value: Any) -> list[tuple[str, str]]:
    """Return what is refused of a document with a field, its names with dots between them."""
    document: dict[str, Any] = {
        "apiVersion": "catalyst.openova.io/v1",
        "kind": "Blueprint",
        "metadata": {"name": "bp-wiki"},
        "spec": {"version": "1.0.0", "card": {"title": "Wiki"}},
    }
    *way, last = field.split(".")
    holder = document
    for step in way:
        holder = holder.setdefault(step, {})
    holder[last] = value
    found = words.violations(COMPILED, shape.BLUEPRINT, document)
    return [(one.pointer, one.rule) for one in found]


def topology(**variants: Any) -> dict[str, Any]:
    """Return a topology with these parts for its variants, `-` written as `_`."""
    return {
        "supported": ["singleton", "active-active"],
        "defaults": dict.fromkeys(TWO, "singleton"),
        "perTopology": {name.replace("_", "-"): part for name, part in variants.items()},
    }


@each(
    [
        ("spec.depends", ["bp-a", {"blueprint": "bp-b", "alias": "a_B9", "when": "x"}]),
        ("spec.depends", [{"blueprint": "bp-b", "version": "*", "values": {"any": [1]}}]),
        ("spec.placementSchema.modes", ["singleton"]),
        ("spec.manifests.overlays", {f"o{number}": {"a": 1} for number in range(20)}),
        ("spec.topology", topology(active_active=WHOLE, active_passive=WHOLE, singleton=WHOLE)),
        ("spec.topology", topology(active_hot_standby=WHOLE)),
        ("spec.topology", topology(active_active={"placement": PLACED, "replication": COPIED})),
        ("spec.topology", topology(singleton={"placement": {}})),
        ("spec.sso", {"realm": "sovereign", "rolesFromGroup": {f"g{n}": "r" for n in range(100)}}),
        ("spec.rotation", [{"kind": "secret", "ttl": "90d"}]),
        ("spec.endpoints", [{"name": "web", "hostnameTemplate": "a", "ssoInitPath": "/x"}]),
        ("spec.multiInstance", {"enabled": True, "namingTemplate": "{app}", "maxPerOrg": 0}),
        ("spec.producesInstances", {"kind": "x", "instanceBlueprint": "bp-b"}),
        ("metadata.labels", {"a": "b"}),
        ("metadata.annotations", {"a": "b" * 20_000}),
        ("status", {"any": 1}),
    ]
)
def test_what_is_well_is_taken(field: str, value: Any) -> None:
    assert told(field, value) == []


@each(
    [
        ("spec.depends", [{"blueprint": "bp-b", "alias": 5}], "/0/alias", "type"),
        ("spec.depends", [{"blueprint": "bp-b", "when": ""}], "/0/when", "minLength"),
        ("spec.depends", [{"blueprint": "bp-b", "when": 5}], "/0/when", "type"),
        ("spec.depends", [{"alias": "b"}], "/0/blueprint", "required"),
        ("spec.depends", [{"blueprint": "bp-b", "values": [1]}], "/0/values", "type"),
        ("spec.card.title", "", "", "minLength"),
        ("spec.card.title", 5, "", "type"),
        ("spec.card.tags", [""], "/0", "minLength"),
        ("spec.placementSchema.modes", [], "", "minItems"),
        ("spec.placementSchema.modes", ["singleton"] * 2, "", "uniqueItems"),
        ("spec.allowedPlacements", ["rtz", "rtz"], "", "uniqueItems"),
        ("spec.manifests.overlays", {"a": 1}, "/a", "type"),
        ("spec.manifests.overlays", {f"o{n}": {} for n in range(21)}, "", "maxProperties"),
        ("spec.manifests.values", {f"v{n}": 1 for n in range(201)}, "", "maxProperties"),
        ("spec.manifests.source", {"ref": "x"}, "/kind", "required"),
        ("spec.manifests.source", {"kind": "Kustomize", "ref": ""}, "/ref", "minLength"),
        ("spec.upgrades", {"form": []}, "/form", WORDS),
        ("spec.upgrades.from", ["*"] * 51, "", "maxItems"),
        ("spec.rotation", [{"kind": "x", "ttl": 5}], "/0/ttl", "type"),
        ("spec.rotation", [{"kind": ""}], "/0/kind", "minLength"),
        ("spec.topology", {**topology(), "supported": []}, "/supported", "minItems"),
        ("spec.topology", {**topology(), "supported": ["singleton"] * 2}, "/supported",
         "uniqueItems"),
        ("spec.topology", {**topology(), "supported": ["every-region"]}, "/supported/0", "enum"),
        ("spec.topology.defaults", {TWO[0]: "singleton"}, "/single-region", "required"),
        ("spec.topology", {**topology(), "defaults": dict.fromkeys([*TWO, "x"], "singleton")},
         "/defaults/x", WORDS),
        ("spec.topology", topology(every_region=WHOLE), "/perTopology/every-region", WORDS),
        ("spec.topology", topology(active_active={"placement": PLACED}),
         "/perTopology/active-active/replication", "required"),
        ("spec.topology", topology(active_active={"replication": COPIED}),
         "/perTopology/active-active/placement", "required"),
        ("spec.topology", topology(singleton={"replication": COPIED}),
         "/perTopology/singleton/placement", "required"),
        ("spec.topology", topology(singleton={"placement": {"clusters": ["rtz-A"] * 2}}),
         "/perTopology/singleton/placement/clusters", "uniqueItems"),
        ("spec.topology", topology(singleton={"placement": {"roles": {"a": "boss"}}}),
         "/perTopology/singleton/placement/roles/a", "enum"),
        ("spec.sso", {"realm": "sovereign", "rolesFromGroup": {"g": 5}}, "/rolesFromGroup/g",
         "type"),
        ("spec.sso", {"realm": "sovereign", "rolesFromGroup": {f"g{n}": "r" for n in range(101)}},
         "/rolesFromGroup", "maxProperties"),
        ("spec.endpoints", [{"name": "web", "hostnameTemplate": ""}], "/0/hostnameTemplate",
         "minLength"),
        ("spec.endpoints", [{"name": "web", "hostnameTemplate": 5}], "/0/hostnameTemplate",
         "type"),
        ("spec.endpoints", [{"name": 5, "hostnameTemplate": "a"}], "/0/name", "type"),
        ("spec.endpoints", [{"name": "web", "hostnameTemplate": "a", "ssoInitPath": 5}],
         "/0/ssoInitPath", "type"),
        ("spec.multiInstance", {"enabled": True, "namingTemplate": 5}, "/namingTemplate", "type"),
        ("spec.producesInstances", {"kind": "x", "instanceBlueprint": 5}, "/instanceBlueprint",
         "type"),
        ("metadata.name", 5, "", "type"),
        ("metadata.labels", {"a": 5}, "/a", "type"),
        ("metadata.annotations", {"a": "b" * 20_001}, "/a", "maxLength"),
        ("status", [], "", "type"),
    ]
)  # fmt: skip
def test_what_is_not_is_told_at_its_place(field: str, value: Any, pointer: str, rule: str) -> None:
    at = f"/{field.replace('.', '/')}{pointer}"
    assert (at, rule) in told(field, value)
    assert all(one.startswith("/spec/topology/") or one == at for one, _ in told(field, value))


@each(["active-hot-standby", "active-passive"])
def test_what_stands_by_says_all_three(name: str) -> None:
    for part in WHOLE:
        less = {one: value for one, value in WHOLE.items() if one != part}
        value = topology() | {"perTopology": {name: less}}
        at = f"/spec/topology/perTopology/{name}/{part}"
        assert told("spec.topology", value) == [(at, "required")]
