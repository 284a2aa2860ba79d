"""Writes contracts/snapshots/ (released JSON Schemas) and contracts/examples/ (golden payloads).

New messages and new optional fields are written; every other change of a released message is
refused, with the reason. `--check` writes nothing and fails if something is missing or would be
refused. `--replace TYPE` is for a message that no release holds yet: it is written as new.

    uv run python -m tools.snapshots [--check] [--replace TYPE ...]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import msgspec
from tools import compatibility
from tools.examples import EXAMPLES, SHARED_EXAMPLES
from tools.files import ROOT, pretty, settle

from catalyst.contracts import registry, schema

SNAPSHOTS: Final = ROOT / "contracts" / "snapshots"
EXAMPLE_FILES: Final = ROOT / "contracts" / "examples"
REMEDY: Final = "uv run python -m tools.snapshots"


def read(folder: Path) -> dict[str, Any]:
    """Return every JSON file of a folder by its name without the ending."""
    return {path.stem: json.loads(path.read_text("utf-8")) for path in folder.glob("*.json")}


def refusals(
    released: Mapping[str, Any], current: Mapping[str, Any], replaced: Iterable[str] = ()
) -> list[str]:
    """Return why the current schemas may not take the place of the released ones; empty if so."""
    found = [f"{name}: the message is gone" for name in compatibility.missing(released, current)]
    for name in sorted((released.keys() & current.keys()) - set(replaced)):
        found += [
            f"{name}: {text}" for text in compatibility.differences(released[name], current[name])
        ]
    return found


def example(name: str) -> Any:
    """Return a golden payload as JSON values, checked against its own schema and by decoding.

    Raises:
        LookupError: If the message has none in `tools/examples.py`.
        jsonschema_rs.ValidationError: If it does not fit its schema.
        msgspec.ValidationError: If the message does not take it.
    """
    payload = EXAMPLES.get(name) or SHARED_EXAMPLES.get(name)
    if payload is None:
        raise LookupError(f"{name} has no example in tools/examples.py")
    values = json.loads(msgspec.json.encode(payload))
    validate(name, values)
    return values


def validate(name: str, values: Any) -> None:
    """Check a payload against the message's schema, and that the message takes it.

    Raises:
        jsonschema_rs.ValidationError: If it does not fit its schema.
        msgspec.ValidationError: If the message does not take it.
    """
    message = registry.BY_TYPE.get(name)
    document = schema.shared_schema(name) if message is None else schema.message_schema(message)
    jsonschema_rs.Draft202012Validator(document, validate_formats=True).validate(values)
    shape = schema.SHARED[name] if message is None else message.shape
    msgspec.json.decode(msgspec.json.encode(values), type=shape)


def wanted(replaced: Iterable[str] = ()) -> dict[Path, str]:
    """Return what the files should hold; an example that exists stays as it is."""
    current = schema.schemas()
    files = {SNAPSHOTS / f"{name}.json": pretty(document) for name, document in current.items()}
    for name in current:
        path = EXAMPLE_FILES / f"{name}.json"
        if name in set(replaced) or not path.is_file():
            files[path] = pretty(example(name))
    return files


def main(arguments: list[str] | None = None) -> int:
    """Write or check; returns the exit code."""
    parser = argparse.ArgumentParser(prog="tools.snapshots", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail on drift")
    parser.add_argument("--replace", nargs="+", default=[], metavar="TYPE")
    options = parser.parse_args(arguments)

    refused = refusals(read(SNAPSHOTS), schema.schemas(), options.replace)
    for reason in refused:
        print(reason, file=sys.stderr)
    if refused:
        print("a released message only gains optional fields; make a new version", file=sys.stderr)
        return 1
    return settle(wanted(options.replace), check=options.check, remedy=REMEDY)


if __name__ == "__main__":
    sys.exit(main())
