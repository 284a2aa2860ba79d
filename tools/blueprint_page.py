"""docs/blueprint-fields.md: every field of `blueprint.yaml`, from the schema that checks it.

What a field means stands here; a field that has no meaning here, or a meaning without a field, is
an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from catalyst.blueprints.shape import BLUEPRINT

_KEPT: Final = " Kept; nothing acts on it yet."
"""What is said of a field that is checked and stored, and no more."""


def page() -> str:
    """Return the whole page.

    Raises:
        ValueError: If a field has no meaning here, or a meaning has no field.
    """
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield "# Fields of a Blueprint"
    yield ""
    yield "Every field of `blueprint.yaml`, made from the schema that `catalyst blueprint lint` and"
    yield "a registration check it with, by `uv run python -m tools.pages`. A field that is not"
    yield "listed here is ignored, with a warning. How to begin:"
    yield "[a Blueprint of your own](own-blueprint.md); what expressions and manifests may hold:"
    yield "[the language of Blueprints](../blueprints/README.md)."
    yield ""
    yield "`name[]` is each item of a list, `name.<key>` each entry of a map."
    yield ""
    yield "| Field | Takes | Meaning |"
    yield "|---|---|---|"
    left = dict(MEANINGS)
    for path, schema, required in fields(BLUEPRINT):
        meaning = left.pop(path, "")
        if not meaning:
            raise ValueError(f"{path} has no meaning in {__name__}")
        needed = ", required" if required else ""
        yield f"| `{path}` | {_takes(schema)}{needed} | {meaning} |"
    if left:
        raise ValueError(f"there is no field {', '.join(left)}")
    yield ""


def fields(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any, bool]]:
    """Yield path, schema and whether it is required of every field below, in the schema's order."""
    required = set(schema.get("required", ()))
    for name, inner in schema.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        yield here, inner, name in required
        yield from _below(inner, here)


def _below(schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any, bool]]:
    for choice in schema.get("anyOf", ()):
        yield from _below(choice, path)
    if path == "spec.topology.perTopology":
        # All are of one form; the one in which all of it is required stands for them.
        yield from fields(schema["properties"]["active-passive"], f"{path}.<topology>")
        return
    yield from fields(schema, path)
    if isinstance(schema.get("items"), dict):
        yield from _below(schema["items"], f"{path}[]")


def _takes(schema: Mapping[str, Any]) -> str:
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{word}`" if word else "empty" for word in schema["enum"])
    if "anyOf" in schema:
        return "a name, or a map"
    kind = schema["type"]
    if kind == "array":
        return f"list of: {_takes(schema['items'])}"
    if kind == "integer":
        return f"{schema['minimum']} to {schema['maximum']}"
    if kind == "object":
        return "map"
    if kind == "boolean":
        return "`true`, `false`"
    limit = f" of at most {schema['maxLength']}" if "maxLength" in schema else ""
    pattern = schema.get("pattern", "").replace("|", "\\|")
    return f"text{limit}" + (f" like `{pattern}`" if pattern else "")


MEANINGS: Final[dict[str, str]] = {
    "apiVersion": "Both mean the same.",
    "kind": "What the document is.",
    "metadata": "Who it is.",
    "metadata.name": "Its name; `hello` and `bp-hello` mean the same, which is called `bp-hello`.",
    "metadata.labels": "Labels of the author." + _KEPT,
    "metadata.annotations": "Notes of the author." + _KEPT,
    "spec": "What it is; at most 64 KiB.",
    "spec.version": "`major.minor.patch`; what is registered under a version never changes.",
    "spec.card": "What the catalogue shows.",
    "spec.card.title": "Its name for people.",
    "spec.card.summary": "One line.",
    "spec.card.description": "More; a search finds its words.",
    "spec.card.tagline": "What a search takes where `summary` is missing.",
    "spec.card.icon": "File of the package: the picture that the catalogue shows it with.",
    "spec.card.category": (
        "Where it stands in the catalogue; without one, under `other`. What consists of other "
        "Blueprints says `bundle`: a search finds by its tags first what is such a thing itself."
    ),
    "spec.card.family": "What it belongs to." + _KEPT,
    "spec.card.tags": "Words that a search finds.",
    "spec.card.documentation": "Address of its documentation.",
    "spec.card.docs": "The same, where `documentation` is missing.",
    "spec.card.license": "Of what it installs.",
    "spec.card.screenshots": "Files of the package." + _KEPT,
    "spec.visibility": "`listed` is found; `unlisted` by its name alone; `private` by its owner.",
    "spec.owner": "Who looks after it.",
    "spec.owner.team": "The team.",
    "spec.owner.contact": "How it is reached.",
    "spec.configSchema": (
        "What a person may configure, as JSON Schema; without it, nothing. What is in its "
        "`required` a person has to give, whatever its default."
    ),
    "spec.consoleUI": "An entry in a console." + _KEPT,
    "spec.consoleUI.sidebarEntry": "Whether there is one.",
    "spec.consoleUI.sidebarLabel": "Its text.",
    "spec.consoleUI.sidebarRoute": "Where it leads.",
    "spec.consoleUI.sidebarOrder": "Its place.",
    "spec.consoleUI.sidebarIcon": "Its icon.",
    "spec.placementSchema": "How it may be spread over regions; without it, in one region.",
    "spec.placementSchema.modes": (
        "The ways that are possible. `singleton` is `single-region`. A plan warns where what is"
        " made for one region comes to several."
    ),
    "spec.placementSchema.default": "The one that its author means; else the first." + _KEPT,
    "spec.placementSchema.defaultOnMultiRegion": "The one in an Environment of several regions."
    + _KEPT,
    "spec.placementSchema.minRegions": "The fewest regions. A plan warns where there are fewer.",
    "spec.placementSchema.maxRegions": "The most regions. A plan warns where there are more.",
    "spec.placementSchema.vcluster": "Security zone." + _KEPT,
    "spec.defaultPlacement": "Where it runs unless something else is said." + _KEPT,
    "spec.defaultPlacement.vcluster": "Security zone.",
    "spec.defaultPlacement.regions": "Regions.",
    "spec.defaultPlacement.clusters": "Clusters.",
    "spec.allowedPlacements": "Security zones in which it may run. A plan warns where it is not.",
    "spec.depends": "Blueprints that it needs: an install brings them, or takes those that run.",
    "spec.depends[].blueprint": "Which one.",
    "spec.depends[].version": "A range such as `^16.2`; without it, any.",
    "spec.depends[].alias": "Its name in expressions: `application.dependencies.<alias>.host`.",
    "spec.depends[].when": "An expression: needed only if it is true.",
    "spec.depends[].values": "Its configuration, expressions included.",
    "spec.manifests": "What is made of it in a cluster.",
    "spec.manifests.chart": "A Helm chart; it cannot be rendered here.",
    "spec.manifests.source": "Where the objects stand.",
    "spec.manifests.source.kind": "`Kustomize` alone is rendered.",
    "spec.manifests.source.ref": "The folder of the package that holds `kustomization.yaml`.",
    "spec.manifests.overlays": "Values under a name, such as `small`; checked." + _KEPT,
    "spec.manifests.values": "Values over the defaults of `configSchema`.",
    "spec.manifests.helmRelease": "For charts." + _KEPT,
    "spec.manifests.helmRelease.disableWait": "Whether a release is not waited for.",
    "spec.upgrades": "From which versions this one may be reached.",
    "spec.upgrades.from": "Ranges; without it, every older version.",
    "spec.upgrades.blocks": "Ranges from which it may not.",
    "spec.rotation": "Secrets that are to be made anew." + _KEPT,
    "spec.rotation[].kind": "What kind.",
    "spec.rotation[].name": "Which one.",
    "spec.rotation[].ttl": "After how long.",
    "spec.observability": "Where to look." + _KEPT,
    "spec.observability.metrics": "Metrics.",
    "spec.observability.logs": "Logs.",
    "spec.observability.traces": "Traces.",
    "spec.outputs": "What those that depend on it may read, expressions included.",
    "spec.topology": "How it is spread, in detail; checked for contradictions." + _KEPT,
    "spec.topology.supported": "What it can do.",
    "spec.topology.defaults": "What is taken, out of `supported`.",
    "spec.topology.defaults.multi-region": "In several regions.",
    "spec.topology.defaults.single-region": "In one.",
    "spec.topology.perTopology": "By each of `supported`: how.",
    "spec.topology.perTopology.<topology>.placement": "Where.",
    "spec.topology.perTopology.<topology>.placement.tier": "Security zone.",
    "spec.topology.perTopology.<topology>.placement.clusters": "Clusters.",
    "spec.topology.perTopology.<topology>.placement.roles": "What each of them is.",
    "spec.topology.perTopology.<topology>.replication": "How data is copied; not for `singleton`.",
    "spec.topology.perTopology.<topology>.replication.backend": "By what.",
    "spec.topology.perTopology.<topology>.replication.mode": "Whether a write waits for it.",
    "spec.topology.perTopology.<topology>.replication.lagSloSeconds": "Seconds that it may lag.",
    "spec.topology.perTopology.<topology>.switchover": "How another place takes over.",
    "spec.topology.perTopology.<topology>.switchover.mechanism": "By what.",
    "spec.topology.perTopology.<topology>.switchover.rtoSeconds": "Seconds without service.",
    "spec.topology.perTopology.<topology>.switchover.rpoSeconds": "Seconds that are lost.",
    "spec.endpoints": "Where people reach it." + _KEPT,
    "spec.endpoints[].name": "Which one.",
    "spec.endpoints[].hostnameTemplate": "Its host, such as"
    " `{app}.{environment}.{domain}`; also of `{env_type}`, `{organization}` and `{region}`.",
    "spec.endpoints[].port": "Its port.",
    "spec.endpoints[].protocol": "What it speaks.",
    "spec.endpoints[].tls": "Whether with TLS.",
    "spec.endpoints[].visibility": "From where it is reached.",
    "spec.endpoints[].launchDefault": "Whether this is the one to open.",
    "spec.endpoints[].ssoEnabled": "Whether people come in by single sign-on.",
    "spec.endpoints[].ssoInitPath": "Where that begins.",
    "spec.sso": "How people sign in." + _KEPT,
    "spec.sso.realm": "At whom.",
    "spec.sso.protocolMapper": "By which protocol.",
    "spec.sso.groupsClaim": "Claim that holds the groups.",
    "spec.sso.rolesFromGroup": "Role by group.",
    "spec.sso.silentLogin": "Whether nobody is asked who has signed in already.",
    "spec.sso.adminGroup": "Group of those who may do everything.",
    "spec.sso.bootstrap": "How it is set up.",
    "spec.sso.bootstrap.enabled": "Whether it is.",
    "spec.sso.bootstrap.providerSlug": "Name of the provider within it.",
    "spec.sso.bootstrap.enforceAdminGroup": "Whether only that group may do everything.",
    "spec.hasUserUIEndpoint": "Whether people open it in a browser." + _KEPT,
    "spec.multiInstance": "Whether an Organization may have several copies; in two Environments an"
    " Application is two. Without it, any number.",
    "spec.multiInstance.enabled": "Whether it may. A plan warns where a second one would come.",
    "spec.multiInstance.maxPerOrg": "How many at most; 0 or nothing: any number. A plan warns where"
    " there would be more.",
    "spec.multiInstance.namingTemplate": "How they are called, of `{app}`,"
    " `{environment}`, `{env_type}`, `{organization}` and `{n}`." + _KEPT,
    "spec.multiInstance.isolationLevel": "What keeps them apart." + _KEPT,
    "spec.producesInstances": "That it makes Applications of another Blueprint." + _KEPT,
    "spec.producesInstances.kind": "What kind of object asks for one.",
    "spec.producesInstances.instanceBlueprint": "Of which Blueprint.",
    "status": "Ignored: it says what is, not what is wanted.",
}
"""By path, in the words of somebody who writes one."""
