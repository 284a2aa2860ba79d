"""The public hosts that objects answer under, as they name them.

Ingresses name them in their rules and for their certificates, the routes and listeners of a Gateway
in theirs, Traefik's routes in rules of their own. Any object may ask for a name in the DNS by an
annotation. What was rendered may have any shape: what no cluster would take names no host.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

EVERY: Final = "*"
"""What stands for all hosts that nobody has."""
_NOTES: Final = (
    "external-dns.alpha.kubernetes.io/hostname",
    "external-dns.alpha.kubernetes.io/internal-hostname",
    "nginx.ingress.kubernetes.io/server-alias",
)
"""Annotations that name hosts, with commas between them."""
_ROUTES: Final = frozenset({"GRPCRoute", "HTTPRoute", "TLSRoute"})
_TEXT: Final = r"(?:`[^`]*`|\"(?:[^\"\\]|\\.)*\")"
_PART: Final = re.compile(
    rf"\bHost(?:Header|SNI)?\(\s*(?P<hosts>{_TEXT}(?:\s*,\s*{_TEXT})*)\s*\)|{_TEXT}"
)
"""What names hosts in a rule of Traefik's, or any other text in it."""
_OPEN: Final = re.compile(r"\|\||!|HostRegexp|\$\{\{")
"""What makes a rule hold, or perhaps hold, for others than the hosts that it names."""


def named(objects: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    """Return the hosts under which objects are reached from outside, sorted.

    An Ingress or a route of Traefik's that names no host answers under all that nobody else has:
    that is a host of its own, `*`. A route of a Gateway has those of its listener then.
    """
    found = {host.strip().lower().rstrip(".") for one in objects for host in _each(one)}
    return tuple(sorted(found - {""}))


def _each(one: dict[str, Any]) -> Iterator[str]:
    notes = _map(_map(one.get("metadata")).get("annotations"))
    for name in _NOTES:
        yield from _text(notes.get(name)).split(",")
    spec = _map(one.get("spec"))
    match one.get("kind"):
        case "Ingress":
            yield from (_text(rule.get("host")) or EVERY for rule in _maps(spec.get("rules")))
            yield from (host for tls in _maps(spec.get("tls")) for host in _texts(tls.get("hosts")))
            yield from [EVERY] if spec.get("defaultBackend") else []
        case "Gateway":
            yield from (_text(one.get("hostname")) for one in _maps(spec.get("listeners")))
        case kind if kind in _ROUTES:
            yield from _texts(spec.get("hostnames"))
        case "IngressRoute" | "IngressRouteTCP":
            for route in _maps(spec.get("routes")):
                rule = _text(route.get("match"))
                yield from in_rule(rule)
                yield from [] if is_whole(rule) else [EVERY]
        case _:
            return


def in_rule(rule: str) -> tuple[str, ...]:
    """Return the hosts that a rule of Traefik's names."""
    calls = (found["hosts"] for found in _PART.finditer(rule) if found["hosts"])
    return tuple(text[1:-1] for call in calls for text in re.findall(_TEXT, call))


def is_whole(rule: str) -> bool:
    """Return whether a rule of Traefik's holds for hosts that it names, and surely for no other."""
    found = in_rule(rule)
    return bool(found) and EVERY not in found and not _OPEN.search(re.sub(_TEXT, "", rule))


def _map(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _maps(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
