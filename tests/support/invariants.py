"""What must hold of the log after any fault: checked on the log itself."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

import msgspec
from tests.support.waiting import until

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Stored
from catalyst.contracts.message import Envelope, Outcome, derived_id
from catalyst.projector.adapters.log import StreamLog
from catalyst.projector.holes import Hole, Holes, look
from catalyst.projector.ports import Doubt

_DERIVED: Final = re.compile("_[a-z2-7]{26}")
"""What `derived_id` makes."""


async def whole_log(js: JetStream) -> list[Stored]:
    """Return every message that `EV` still holds, by sequence."""
    found: list[Stored] = []
    start = 1
    while True:
        page = await js.replay("EV", ">", start=start, limit=5000)
        found.extend(page)
        if len(page) < 5000:
            return found
        start = page[-1].seq + 1


async def check_log(js: JetStream) -> list[Outcome]:
    """Assert the invariants of the log; return its outcomes."""
    log = await whole_log(js)
    outcomes: dict[str, tuple[Stored, Outcome]] = {}
    for stored in log:
        if stored.subject.startswith("done."):
            assert stored.subject not in outcomes, f"two outcomes on {stored.subject}"
            outcomes[stored.subject] = (stored, msgspec.json.decode(stored.data, type=Outcome))
    await _check_whole(js)
    _check_batches(log)
    _check_counts(log, outcomes)
    return [outcome for _, outcome in outcomes.values()]


async def _check_whole(js: JetStream) -> None:
    """Assert that nobody is told of a loss where there was none."""
    source = StreamLog(js, "invariants")

    async def first() -> Hole | None:
        holes = Holes()
        async with source.open_whole() as reader:
            await look(reader, holes, (await source.state()).last_seq)
        return holes.first

    found: list[Hole | None] = []

    async def looked() -> bool:
        with suppress(Doubt):  # Something may have been missed: it begins again.
            found.append(await first())
        return bool(found)

    await until(looked)
    assert found == [None]


def _check_batches(log: list[Stored]) -> None:
    batches: dict[str, list[Stored]] = defaultdict(list)
    for stored in log:
        name = stored.headers.get("Nats-Batch-Id")
        if name is not None and not stored.subject.startswith("due."):
            batches[name].append(stored)
    for name, members in batches.items():
        numbers = [int(item.headers["Nats-Batch-Sequence"]) for item in members]
        sequences = [item.seq for item in members]
        for number, seq in zip(numbers, sequences, strict=True):
            assert seq - number == sequences[0] - numbers[0], f"batch {name} is torn"
        if any(item.subject.startswith("evt.") for item in members):
            assert members[-1].headers.get("Nats-Batch-Commit") == "1", f"batch {name} is open"


def _check_counts(log: list[Stored], outcomes: dict[str, tuple[Stored, Outcome]]) -> None:
    by_id: Counter[tuple[str, str]] = Counter()
    for stored in log:
        if stored.subject.startswith("evt."):
            envelope = msgspec.json.decode(stored.data, type=Envelope)
            by_id[stored.subject.split(".")[1], envelope.id] += 1
    assert all(number == 1 for number in by_id.values()), "an event stands twice in the log"
    recorded: set[tuple[str, str]] = set()
    for subject, (stored, outcome) in outcomes.items():
        expected = outcome.counts.get("evt", 0)
        own = set(_derived(subject, outcome, expected))
        found = len(own & by_id.keys())
        assert found == expected, f"{subject}: {found} events, {expected} are recorded"
        recorded |= own
        assert stored.seq + outcome.after <= log[-1].seq
    # Beyond what is recorded there is nothing that was decided; some tests write events themselves.
    beyond = {item for item in by_id.keys() - recorded if _DERIVED.fullmatch(item[1])}
    for subject, (_, outcome) in outcomes.items() if beyond else ():
        more = beyond.intersection(_derived(subject, outcome, 200))
        assert not more, f"{subject}: {len(more)} events more than are recorded"


def _derived(subject: str, outcome: Outcome, number: int) -> Iterator[tuple[str, str]]:
    """Yield Organization and id of so many events that follow from the outcome."""
    organization = subject.split(".")[1]
    return ((organization, derived_id(outcome.id, position)) for position in range(number))
