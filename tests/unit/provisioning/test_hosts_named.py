"""Which objects of an Application name public hosts."""

from typing import Any

import pytest
from tests.support.each import each

from catalyst.provisioning.domain import hosts

pytestmark = pytest.mark.guarantee("G14.26")
DNS = "external-dns.alpha.kubernetes.io/hostname"


def test_the_objects_of_an_application_name_its_hosts() -> None:
    objects: list[dict[str, Any]] = [
        {"kind": "Ingress", "spec": {"rules": [{"host": "B.example.com"}, {"http": {}}]}},
        {"kind": "Ingress", "spec": {"tls": [{"hosts": ["a.example.com"]}, {"secretName": "x"}]}},
        {"kind": "Ingress", "spec": {"defaultBackend": {}}},
        {"kind": "HTTPRoute", "spec": {"hostnames": ["c.example.com"]}},
        {"kind": "GRPCRoute", "spec": {"hostnames": ["d.example.com"]}},
        {"kind": "TLSRoute", "spec": {"hostnames": ["e.example.com"]}},
        {"kind": "HTTPRoute", "spec": {"rules": []}},
        {"kind": "Gateway", "spec": {"listeners": [{"hostname": "*.f.example.com"}, {"port": 1}]}},
        {"kind": "Service", "spec": {"hostnames": ["no.example.com"]}},
        {"kind": "ConfigMap"},
        {"kind": "ConfigMap", "metadata": {"annotations": None}, "spec": None},
        {"kind": "Service", "metadata": {"annotations": {DNS: "g.example.com, h.example.com"}}},
        {
            "kind": "IngressRoute",
            "spec": {
                "routes": [
                    {"match": "Host(`i.example.com`, `j.example.com`) && PathPrefix(`/api`)"},
                    {"match": 'HostHeader("k.example.com") || HostRegexp(`no.example.com`)'},
                    {"kind": "Rule"},
                ]
            },
        },
    ]
    expected = tuple(f"{one}.example.com" for one in ("*.f", *"abcdeghijk"))
    assert hosts.named(objects) == ("*", *expected)


@each(
    [
        ("Ingress", {"rules": [{"host": "a"}]}, ("a",)),
        ("Ingress", {"rules": [{"host": ""}]}, ("*",)),
        ("Ingress", {"defaultBackend": {"service": {"name": "a"}}}, ("*",)),
        ("IngressRoute", {"routes": [{"match": "Host(`a`)"}, {"match": "Path(`/`)"}]}, ("*", "a")),
    ]
)
def test_a_rule_without_a_host_has_all_that_nobody_has(
    kind: str, spec: dict[str, Any], expected: tuple[str, ...]
) -> None:
    assert hosts.named([{"kind": kind, "spec": spec}]) == expected
