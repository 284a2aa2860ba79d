"""Links of chains, as documents hold them and as a person reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from catalyst.cli.ages import lasting
from catalyst.contracts.blocked import Link

Doc = Mapping[str, Any]


def links_in(doc: Doc) -> list[Link]:
    """Return the links of a document; what a newer version says besides is left out."""
    return links_of(doc.get("blocked_by") or ())


def links_of(found: Iterable[Doc]) -> list[Link]:
    """Return links from their documents, likewise."""
    known = Link.__struct_fields__
    return [
        msgspec.convert({name: item[name] for name in known if name in item}, Link)
        for item in found
    ]


def link_lines(link: Mapping[str, Any], depth: int = 0) -> list[str]:
    """Return what a link says as a line, and who does what about it as one more.

    The deeper, the nearer to the cause.
    """
    since = f", {lasting(link['since'])}" if link.get("since") else ""
    room = "  " * depth
    return [
        f"{room}{link['kind']} {link['name']}: {link['message']} ({link['code']}{since})",
        f"{room}  → {link['who']}: {link['what_to_do']}",
    ]


def link_line(link: Mapping[str, Any]) -> str:
    """Return the same as one line, where there is no room for two."""
    what, who = link_lines(link)
    return f"{what}; {who.partition('→')[2].strip()}"
