"""Values for the charts: those that nobody would think of, as well as sensible ones."""

from typing import Any, Final

from tests.deploy.charts import UMBRELLA
from tests.deploy.members import deployables

EXISTING_BROKER: Final[dict[str, Any]] = {
    "broker": {"url": "tls://bus.example.com:4443", "user": "somebody", "replicas": 3},
    "secret": {
        "name": "of-theirs",
        "passwordKey": "pass word",
        "keyKey": "private.jwk",
        "jwksKey": "public.json",
    },
    "tokens": {"issuer": "https://catalyst.example.com"},
}
"""What it takes to install one member alone."""

ODD: Final[dict[str, Any]] = {
    **EXISTING_BROKER,
    # Numbers and words that YAML would read as something else.
    "image": {"repository": "a/b", "tag": "1.10", "digest": "", "pullPolicy": "Always"},
    "imagePullSecrets": [{"name": "pull"}],
    "settings": {"nats_replicas": 5, "issuer": "yes", "require_tokens": False},
    "podLabels": {"zone": "no", "number": "0123"},
    "podAnnotations": {"note": "a: b # c\n{{ d }}", "on": "true"},
    "service": {"type": "NodePort", "annotations": {"x/y": "~"}},
    "serviceAccount": {"create": False, "name": "", "annotations": {}},
    "user": None,
    "resources": {"limits": {"memory": None, "cpu": "1500m"}},
    "startupSeconds": 3,
    "terminationGracePeriodSeconds": 1,
    "podDisruptionBudget": {"enabled": True, "maxUnavailable": "50%"},
    "networkPolicy": {
        "enabled": True,
        "from": [{"namespaceSelector": {"matchLabels": {"name": "metrics"}}}],
        "brokerAt": [{"ipBlock": {"cidr": "10.0.0.0/8"}}],
        "egress": [{"ports": [{"port": 9999, "protocol": "TCP"}]}],
    },
    "otlpEndpoint": "https://collector.example.com/v1/traces",
    "tokens": {
        "issuer": "",
        "others": {"https://b.example.com": "http://b.example.com:81/keys?a=b", "a": "https://a/k"},
    },
    "logLevel": "debug",
    "priorityClassName": "high",
    "nodeSelector": {"disk": "1"},
    "tolerations": [{"operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "topologySpreadConstraints": [
        {"maxSkew": 2, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}
    ],
}

BARE: Final[dict[str, Any]] = {
    "replicas": 0,
    "podDisruptionBudget": {"enabled": False},
    "networkPolicy": {"enabled": False},
    "serviceAccount": {"create": False, "name": "theirs"},
    "image": {"digest": f"sha256:{'0123456789abcdef' * 4}"},
}

WRONG: Final[dict[str, Any]] = {
    "replica": 2,
    "replicas": "2",
    "broker": {"url": "http://bus"},
    "image": {"digest": "sha256:short", "tag": "not a tag"},
    "logLevel": "loud",
    "user": 0,
    "settings": {"NATS_URL": "x", "nats_url": ["x"]},
    "tokens": {"others": {"a b": "https://c", "a": "/a/path"}},
    "networkPolicy": {"enabled": "yes"},
    "podLabels": {"a": 1},
    "secret": {"passwordKey": ""},
}
"""No chart takes any of these."""
WRONG_PLACES: Final = {
    "": "'replica' not allowed",
    "/replicas": "want integer",
    "/broker/url": "'http://bus' does not match",
    "/image/digest": "'sha256:short' does not match",
    "/image/tag": "'not a tag' does not match",
    "/logLevel": "must be one of",
    "/user": "minimum",
    "/settings": "'NATS_URL' not allowed",
    "/settings/nats_url": "got array",
    "/tokens/others": "'a b' not allowed",
    "/tokens/others/a": "'/a/path' does not match",
    "/networkPolicy/enabled": "want boolean",
    "/podLabels/a": "want string",
    "/secret/passwordKey": "minLength",
}
"""Where each of them is, and what Helm says of it."""

OWN: Final[dict[str, dict[str, Any]]] = {
    "environment-controller": {
        "replicas": 3,
        "git": {
            "persistence": {
                "accessMode": "ReadWriteMany",
                "storageClass": "0",
                "size": "1.5Ti",
                "annotations": {"a": "b"},
            }
        },
    },
    "blueprint-controller": {
        "environmentController": {"url": "http://git.example.com:9090"},
        "gitHosts": ["git.example.org", "*.example.net"],
        "gitNetworks": ["10.20.0.0/16", "fd00::/8"],
    },
    "provisioning": {
        "environmentController": {"url": "http://git.example.com:9090"},
        "clusterGitUrl": "https://catalyst.example.com",
    },
    "simulator": {"pace": 0.5},
    "gateway": {
        "service": {"type": "LoadBalancer", "port": 443, "annotations": {}},
        "projector": {"url": "https://read.example.com"},
        "environmentController": {"url": "http://git.example.com:9090"},
        "ingress": {
            "enabled": True,
            "className": "nginx",
            "annotations": {"a/b": "off"},
            "host": "catalyst.example.com",
            "tlsSecret": "certificate",
        },
    },
}
"""Values that one chart alone has."""


def cases(chart: str) -> dict[str, dict[str, Any]]:
    """Values for a chart, each with a word for what they are."""
    if chart == UMBRELLA:
        members = deployables()
        return {
            "default": {},
            "odd": {name: {"enabled": True, **ODD, **OWN.get(name, {})} for name in members},
            "bare": dict.fromkeys(members, BARE),
            "global": {
                "global": {
                    "imageRegistry": "registry.example.com/c/",
                    "imageTag": "2.0",
                    "imagePullSecrets": [{"name": "pull"}],
                    "broker": {"url": "nats://bus:1234", "replicas": 3},
                    "tokens": {"issuer": "i", "others": {"k": "https://login.example.com/keys"}},
                    "logLevel": "error",
                    "otlpEndpoint": "http://collector:4318",
                }
            },
        }
    return {
        "default": {},
        "alone": EXISTING_BROKER,
        "odd": {**ODD, **OWN.get(chart, {})},
        "bare": BARE,
    }
