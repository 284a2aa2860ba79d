"""Which objects of an Application name public hosts."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.each import each
from tests.support.examples import at_least

from catalyst.blueprints import hosts

pytestmark = pytest.mark.guarantee("G14.26")
ALIAS = "nginx.ingress.kubernetes.io/server-alias"
DNS = "external-dns.alpha.kubernetes.io/hostname"
INSIDE = "external-dns.alpha.kubernetes.io/internal-hostname"


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
        {"kind": "Service", "metadata": {"annotations": {DNS: "g.example.com., h.example.com"}}},
        {"kind": "Ingress", "metadata": {"annotations": {ALIAS: "l.example.com"}}},
        {"kind": "Service", "metadata": {"annotations": {INSIDE: "m.example.com"}}},
        {"kind": "IngressRouteTCP", "spec": {"routes": [{"match": "HostSNI(`n.example.com`)"}]}},
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
    expected = tuple(f"{one}.example.com" for one in ("*.f", *"abcdeghijklmn"))
    assert hosts.named(objects) == ("*", *expected)


@each(
    [
        ("Ingress", {"rules": [{"host": "a"}]}, ("a",)),
        ("Ingress", {"rules": [{"host": ""}]}, ("*",)),
        ("Ingress", {"defaultBackend": {"service": {"name": "a"}}}, ("*",)),
        ("IngressRoute", {"routes": [{"match": "Host(`a`)"}, {"match": "Path(`/`)"}]}, ("*", "a")),
        ("IngressRouteTCP", {"routes": [{"match": "HostSNI(`*`)"}]}, ("*",)),
    ]
)
def test_a_rule_without_a_host_has_all_that_nobody_has(
    kind: str, spec: dict[str, Any], expected: tuple[str, ...]
) -> None:
    assert hosts.named([{"kind": kind, "spec": spec}]) == expected


@each(
    [
        ("Host(`a`)", ("a",), True),
        ('HostHeader("a") && Path(`/`)', ("a",), True),
        ("Host(`a`, `b`)", ("a", "b"), True),
        ("Host(`a`) && (Path(`/`) || Path(`/b`))", ("a",), False),
        ("Host(`a`) || Path(`/`)", ("a",), False),
        ("!Host(`a`)", ("a",), False),
        ("HostRegexp(`.+`)", (), False),
        ("Host(`a`) || HostRegexp(`.+`)", ("a",), False),
        ("Path(`/`)", (), False),
        ('PathRegexp(`^/(?:Host("x"))?`)', (), False),
        ("Host(`a`) && PathRegexp(`(x||y)!`)", ("a",), True),
        ("Host(`a`)${{ config.rule }}", ("a",), False),
        ("Host(`${{ config.domain }}`)", ("${{ config.domain }}",), True),
        ("HostSNI(`a`)", ("a",), True),
        ("HostSNI(`*`)", ("*",), False),
        ("Host()", (), False),
        ("", (), False),
    ]
)
def test_a_rule_of_traefiks_holds_for_the_hosts_that_it_names_or_for_more(
    rule: str, named: tuple[str, ...], whole: object
) -> None:
    assert (hosts.in_rule(rule), hosts.is_whole(rule)) == (named, whole)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["a.example", "", "Host(`b`)"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            [
                "metadata", "annotations", DNS, "spec", "rules", "host", "tls", "hosts", "routes",
                "match", "hostnames", "listeners", "hostname", "defaultBackend",
            ]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip
KINDS = ["Ingress", "Gateway", "HTTPRoute", "IngressRoute", "Service"]


@given(
    kind=st.sampled_from(KINDS),
    fields=st.fixed_dictionaries({}, optional={"spec": ANYTHING, "metadata": ANYTHING}),
)
@at_least(300)
def test_whatever_was_rendered_names_whole_hosts_or_none(kind: str, fields: dict[str, Any]) -> None:
    assert set(hosts.named([{"kind": kind, **fields}])) <= {"a.example", "b", "*", "host(`b`)"}


LISTS = ["hostnames", "listeners", "routes", "rules", "tls"]
NOTHING: list[Any] = [
    *(None, {}, dict.fromkeys(LISTS), {name: [] for name in LISTS}),
    # What no cluster would take.
    *({name: [5] for name in LISTS}, {"listeners": [{"hostname": 5}], "tls": [{"hosts": [5]}]}),
]


@each(NOTHING)
def test_what_names_nothing_has_no_host(spec: dict[str, Any] | None) -> None:
    kinds = ("Ingress", "Gateway", "GRPCRoute", "HTTPRoute", "TLSRoute", "IngressRoute")
    assert hosts.named([{"kind": kind, "spec": spec} for kind in kinds]) == ()
