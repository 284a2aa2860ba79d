"""Recorded streams, folded with today's code: what was written once must mean the same for ever.

tests/replay/histories/ holds events as they stood in a log, one a line; tests/replay/expected/ what
they fold to: the state of every aggregate and every row of the read model, with the numbers of the
folds. A different result is refused unless the number of that fold was raised, because older
snapshots and an older read model would otherwise go on beside it.

    uv run python -m tools.histories [--check]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from tools.files import ROOT, pretty, settle
from tools.flows import SERVICES

from catalyst.chassis.service import Aggregate
from catalyst.contracts import registry, subjects, upcast
from catalyst.contracts.message import Envelope, Event
from catalyst.contracts.runtime_v1 import Parked, Unparked
from catalyst.contracts.subjects import Ref
from catalyst.projector.decisions import Assembler
from catalyst.projector.fold import Fold
from catalyst.projector.ports import LogMessage
from catalyst.projector.views.table import FOLD, VIEWS

FOLDER: Final = ROOT / "tests" / "replay"
REMEDY: Final = "uv run python -m tools.histories"


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One event as it stood in the log."""

    seq: int
    subject: str
    time: datetime
    """When it was stored."""
    batch: str | None
    commit: bool
    data: msgspec.Raw
    """The whole message."""


def lines(file: Path) -> Iterator[Line]:
    """Return the events of a history in the order of the log."""
    for text in file.read_text("utf-8").splitlines():
        yield msgspec.json.decode(text, type=Line)


def aggregates() -> dict[tuple[str, str], Aggregate[Any]]:
    """Return every kind of aggregate by service and name."""
    return {
        (service.name, aggregate.name): aggregate
        for service in SERVICES.values()
        for aggregate in service.aggregates
    }


def states(history: list[Line]) -> dict[Ref, Any]:
    """Return what each aggregate's state is after the last event."""
    found: dict[Ref, Any] = {}
    kinds = aggregates()
    for line in history:
        addressed = subjects.parse(line.subject)
        ref = addressed.ref
        aggregate = kinds[ref.service, ref.aggregate]
        shape = registry.EVENTS[addressed.type].shape
        body = msgspec.json.decode(line.data, type=Envelope)
        event = upcast.convert(body.data, shape) if issubclass(shape, Event) else None
        if event is not None and not isinstance(event, Parked | Unparked):
            found[ref] = aggregate.evolve(found.get(ref, aggregate.initial), event)
    return found


def messages(history: list[Line]) -> list[LogMessage]:
    """Return the events as the projector reads them."""
    return [
        LogMessage(
            line.seq,
            line.subject,
            int(line.time.timestamp()) * 1_000_000_000 + line.time.microsecond * 1000,
            line.batch.encode() if line.batch else None,
            line.commit,
            bytes(line.data),
        )
        for line in history
    ]


def rows(history: list[Line]) -> dict[str, Any]:
    """Return the read model's rows by key, as they are stored."""
    fold = Fold(VIEWS)
    for whole in Assembler(0).take(messages(history)):
        fold.apply(whole.events)
    return {key: json.loads(row.raw) for key, row in fold.rows.items()}


def play(file: Path) -> dict[str, Any]:
    """Return what a history folds to, with the numbers of the folds."""
    history = list(lines(file))
    kinds = aggregates()
    return {
        "folds": {
            **{f"{service}.{name}": kind.fold for (service, name), kind in kinds.items()},
            "rows": FOLD,
        },
        "states": {
            ref.path: json.loads(msgspec.json.encode(state, order="deterministic"))
            for ref, state in sorted(states(history).items(), key=lambda item: item[0].path)
        },
        "rows": dict(sorted(rows(history).items())),
    }


def refusals(expected: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """Return the folds whose result changed although their number did not, a sentence each."""
    before, after = expected["folds"], found["folds"]
    changed = {
        ".".join(path.split(".")[1:3])
        for path in expected["states"].keys() | found["states"].keys()
        if expected["states"].get(path) != found["states"].get(path)
    }
    if expected["rows"] != found["rows"]:
        changed.add("rows")
    return [
        f"the fold of {name} gives another result; raise its number, which is {after.get(name)}"
        for name in sorted(changed)
        if after.get(name, 0) <= before.get(name, 0)
    ]


def main(arguments: list[str] | None = None) -> int:
    """Write or check; returns the exit code."""
    parser = argparse.ArgumentParser(prog="tools.histories", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail on drift")
    options = parser.parse_args(arguments)

    wanted: dict[Path, str] = {}
    refused: list[str] = []
    for file in sorted((FOLDER / "histories").glob("*.jsonl")):
        target = FOLDER / "expected" / f"{file.stem}.json"
        found = play(file)
        wanted[target] = pretty(found)
        if target.is_file():
            refused += refusals(json.loads(target.read_text("utf-8")), found)
    for sentence in sorted(set(refused)):
        print(sentence, file=sys.stderr)
    return 1 if refused else settle(wanted, check=options.check, remedy=REMEDY)


if __name__ == "__main__":
    sys.exit(main())
