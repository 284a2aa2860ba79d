"""What sources hold and Catalyst does not take, in words, to stand below a list of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from catalyst.client.rows import Row
from catalyst.contracts.rejection import CODES

SHOWN: Final = 5
"""Of each source, so many packages that are bad, and so many that are refused."""


def told(rows: Sequence[Row]) -> Iterator[str]:
    """Yield a line for each package or version that is not taken, and where the rest is."""
    found = False
    for row in rows:
        doc = row.doc if isinstance(row.doc, dict) else {}
        for one in [*map(_bad, doc.get("refused", ()))][:SHOWN]:
            found = True
            yield f"{doc['name']}: {one}"
        for one in [*map(_refused, doc.get("unregistered", ()))][:SHOWN]:
            found = True
            yield f"{doc['name']}: {one}"
    if found:
        yield "`catalyst source list -o yaml` shows all, under `refused` and `unregistered`"


def _bad(package: dict[str, Any]) -> str:
    """Return what is wrong first; what only its author should look at is left out."""
    what = package["blueprint"] or package["folder"] or "the package"
    wrong = [one for one in package["findings"] if one["severity"] == "error"]
    if not wrong:
        return f"{what} is bad"
    first = wrong[0]
    where = ":".join(str(part) for part in (first["file"], first["line"]) if part)
    todo = f"; {first['fix']}" if first["fix"] else ""
    more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
    return f"{what} is bad: {where}{': ' if where else ''}{first['message']}{todo}{more}"


def _refused(version: dict[str, Any]) -> str:
    code = version["code"]
    why = CODES[code].meaning.removesuffix(".") if code in CODES else code
    todo = "; raise its `spec.version`" if code == "version-immutable" else ""
    return f"{version['blueprint']} {version['version']} is refused: {why} ({code}){todo}"


def waiting(blueprints: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yield which versions of sources are registered and wait, so that nobody can install them."""
    first = ""
    known: dict[tuple[str, str], list[str]] = {}
    for doc in blueprints:
        for one in doc["versions"]:
            if one["status"] != "pending" or not one["source"]:
                continue
            owner = doc["organization"] or ""
            first = first or f"{doc['origin']}-{doc['name']}" + (f" --org {owner}" if owner else "")
            waits = f"{doc['name']} {one['version']} waits for {_missing(one)}"
            known.setdefault((owner, one["source"]), []).append(waits)
    for (_, source), found in known.items():
        yield from (f"{source}: {one}" for one in found[:SHOWN])
        if len(found) > SHOWN:
            yield f"{source}: {len(found)} of its versions wait, and {SHOWN} are told"
    if first:
        yield f"nobody can install what waits; `catalyst get blueprints {first}` says more of one"


def _missing(version: dict[str, Any]) -> str:
    if version["cycle"]:
        return f"itself: {' → '.join(version['cycle'])}"
    return (
        ", ".join(f"{one['blueprint']} {one['version']}" for one in version["missing"]) or "others"
    )
