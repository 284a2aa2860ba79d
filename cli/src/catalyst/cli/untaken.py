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


def waiting(blueprints: Iterable[dict[str, Any]]) -> dict[tuple[str | None, str], list[str]]:
    """Return which versions of a source are registered and wait, and for what.

    By whose source it is, and its name.
    """
    known: dict[tuple[str | None, str], list[str]] = {}
    for doc, one in _pending(blueprints):
        waits = f"{doc['name']} {one['version']} waits for {_missing(one)}"
        known.setdefault((doc["organization"], one["source"]), []).append(waits)
    return known


def told_waiting(blueprints: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield in words what waits, so that nobody can install it."""
    for (_, source), found in waiting(blueprints).items():
        yield from (f"{source}: {one}" for one in found[:SHOWN])
        if len(found) > SHOWN:
            yield f"{source}: {len(found)} of its versions wait, and {SHOWN} are told"
    first = next(_pending(blueprints), None)
    if first is not None:
        doc, _ = first
        name = f"{doc['origin']}-{doc['name']}"
        name += f" --org {doc['organization']}" if doc["organization"] else ""
        yield f"nobody can install what waits; `catalyst get blueprints {name}` says more of one"


def _pending(
    blueprints: Iterable[dict[str, Any]],
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield the versions of sources that wait, each with its Blueprint."""
    for doc in blueprints:
        yield from (
            (doc, one) for one in doc["versions"] if one["status"] == "pending" and one["source"]
        )


def _missing(version: dict[str, Any]) -> str:
    if version["cycle"]:
        return f"itself: {' → '.join(version['cycle'])}"
    return (
        ", ".join(f"{one['blueprint']} {one['version']}" for one in version["missing"]) or "others"
    )
