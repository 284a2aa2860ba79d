"""A chart takes for a setting what its member takes, and refuses what it can see to be wrong."""

import re
from collections.abc import Iterator
from typing import Any, Final, get_args

import jsonschema_rs
import msgspec
import pytest
from tests.deploy.charts import UMBRELLA, Helm, HelmRefused
from tests.deploy.members import deployables, schema_of, settings_of
from tests.support.each import each
from tests.support.told import RIGHT, wrong

MEMBERS: Final = deployables()
SHARED: Final = {
    "broker.url": "nats_url",
    "broker.replicas": "nats_replicas",
    "tokens.issuer": "issuer",
    "logLevel": "log_level",
    "otlpEndpoint": "otlp_endpoint",
}
"""Values that say a setting of every member: place → setting."""
OWN: Final = {
    "gateway": {
        "projector.url": "projector_url",
        "environmentController.url": "git_url",
        "publicUrl": "public_url",
        "trustedProxies": "trusted_proxies",
    },
    "provisioning": {"environmentController.url": "git_url", "clusterGitUrl": "cluster_git_url"},
    "blueprint-controller": {
        "environmentController.url": "git_url",
        "gitHosts": "git_hosts",
        "gitNetworks": "git_networks",
    },
    "simulator": {"pace": "pace"},
}
"""Those of one chart alone."""
UNSEEN: Final = re.compile(r"999|300\.1|10\.0\.0\.1/8|/99|/7")
"""What only the member sees: a number that is too large, a network that has a host in it, or more
than what is private."""


def reader(chart: str) -> str:
    """Return a member that reads what a chart says."""
    return "gateway" if chart == UMBRELLA else chart


def places(chart: str) -> Iterator[tuple[str, msgspec.structs.FieldInfo]]:
    """Yield where a chart's schema speaks of a setting."""
    fields = {field.name: field for field in msgspec.structs.fields(settings_of(reader(chart)))}
    for place, name in {**SHARED, **OWN.get(chart, {})}.items():
        yield (f"global.{place}" if chart == UMBRELLA else place), fields[name]


def schema(chart: str, place: str) -> dict[str, Any]:
    found = schema_of(chart)
    for step in place.split("."):
        found = found["properties"][step]
    return found


CASES: Final = [(chart, *found) for chart in (*MEMBERS, UMBRELLA) for found in places(chart)]


def entries(chart: str, place: str, text: str) -> list[Any]:
    """Return a text as values of the chart: one, or one for each entry of a list."""
    return text.split() if schema(chart, place)["type"] == "array" else [text]


def takes(chart: str, place: str, value: Any) -> bool:
    found = schema(chart, place)
    return jsonschema_rs.validator_for(found.get("items", found)).is_valid(value)


@pytest.mark.guarantee("G21.7")
@each(CASES, lambda one: getattr(one, "name", one))
def test_numbers_and_choices_have_the_same_bounds(
    chart: str, place: str, field: msgspec.structs.FieldInfo
) -> None:
    said = schema(chart, place)
    info = msgspec.inspect.type_info(field.type)
    inner = info.type if isinstance(info, msgspec.inspect.Metadata) else info
    if isinstance(inner, msgspec.inspect.LiteralType):
        # Empty is what stands under `global`, or the default.
        assert said["enum"] == ["", *get_args(field.type)]
    elif isinstance(inner, msgspec.inspect.IntType | msgspec.inspect.FloatType):
        assert (said["maximum"], said.get("exclusiveMinimum")) == (inner.le, inner.gt)
        # 0 is what stands under `global`, or the default.
        assert said.get("minimum", inner.ge) in {inner.ge, 0}
    else:
        assert "pattern" in said.get("items", said)


@pytest.mark.guarantee("G21.7")
@each(CASES, lambda one: getattr(one, "name", one))
def test_texts_have_the_same_form(chart: str, place: str, field: msgspec.structs.FieldInfo) -> None:
    said = schema(chart, place)
    if "enum" in said or said["type"] in {"integer", "number"}:
        return
    for text in RIGHT[field.name]:
        assert all(takes(chart, place, one) for one in entries(chart, place, text)), text
    refused = [text for text in wrong(reader(chart), field) if text and not UNSEEN.search(text)]
    assert refused
    for text in refused:
        assert not all(takes(chart, place, one) for one in entries(chart, place, text)), text


@pytest.mark.guarantee("G21.7")
@each(MEMBERS)
def test_helm_refuses_what_the_schema_does(chart: str, *, helm: Helm) -> None:
    values: dict[str, Any] = {}
    for place, field in places(chart):
        text = next(one for one in wrong(chart, field) if one and not UNSEEN.search(one))
        *outer, last = place.split(".")
        inside = values
        for step in outer:
            inside = inside.setdefault(step, {})
        inside[last] = [text] if schema(chart, place).get("type") == "array" else text
    with pytest.raises(HelmRefused) as refused:
        helm.render(chart, values=values)
    for place, _field in places(chart):
        assert f"at '/{place.replace('.', '/')}" in str(refused.value)
