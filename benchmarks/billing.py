"""Use counted by one worker, and an invoice over much of it: finalized, and made again."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec

from benchmarks.embedded import prepared
from benchmarks.figure import Figure
from catalyst.billing import handlers
from catalyst.billing.domain import (
    account,
    book_text,
    invoice,
    invoicing,
    price_book,
    prices,
    subscription,
)
from catalyst.chassis import ids, timer
from catalyst.chassis.asking import Asked
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.chassis.keyring import KeyRing
from catalyst.chassis.runtime import Runtime
from catalyst.chassis.telemetry import Telemetry
from catalyst.chassis.worker import Worker
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts import codec
from catalyst.contracts.decision import Arm
from catalyst.contracts.message import Envelope, Event
from catalyst.contracts.money_v1 import Money
from catalyst.contracts.prices_v1 import QuoteLine
from catalyst.contracts.registry import named
from catalyst.contracts.subjects import Ref
from catalyst.contracts.topology import EV, USE
from catalyst.contracts.usage_v1 import USE_TYPE

RATE: Final = 5_000.0
SECONDS: Final = 10.0
SYNC: Final = "always"
"""As `catalyst up` runs its broker."""
WAIT_SECONDS: Final = 300.0
BLOG: Final = "blog.acme-prod"
BOOK: Final = """\
book: main
version: "bench"
from: 2026-01-01
currencies: [OMR]
packages:
  s: {name: Small, month: {OMR: "5.000"}}
blueprints:
  wordpress: {name: WordPress, month: {OMR: "1.500"}}
usage:
  tokens:
    name: Tokens
    unit: token
    aggregation: sum
    formula: graduated
    steps:
      - {up_to: 1000, price: {OMR: "0"}}
      - {price: {OMR: "0.000040"}}
"""


async def measure(runs: int, uses: int, worth: int) -> list[Figure]:
    """Count `uses` and close their month, `runs` times; `worth` is how many the goal is about."""
    rates, plain, closed, replayed = [], [], [], []
    for _ in range(runs):
        async with prepared(SYNC) as (js, _):
            with tempfile.TemporaryDirectory(prefix="catalyst-bench-") as folder:
                keys = KeyRing.open(Path(folder))
                month = _month_that_is_over(datetime.now(UTC))
                stored = await _queue(js, uses, month)
                plain.append(uses / stored)
                await _write(js, month)
                async with _working(js, keys):
                    rates.append(uses / await _counted(js))
                    closed.append(await _closed(js, month))
                    replayed.append(await _replayed(js, keys, month))
    share = uses / worth
    return [
        Figure(
            name="uses counted by one worker, each once",
            unit="uses/s",
            runs=rates,
            yardstick="the same messages being stored, 64 at once",
            beside=plain,
            target=f"≥ {RATE:,.0f} uses/s",
            holds=sorted(rates)[len(rates) // 2] >= RATE,
            note=f"{uses:,} uses; `sync_interval: {SYNC}`, one replica",
        ),
        *(
            Figure(
                name=f"invoice over {uses:,} uses {what}",
                unit="s",
                runs=seconds,
                yardstick="all of them being counted",
                beside=[uses / rate for rate in rates],
                target=f"≤ {SECONDS:.0f} s for {worth:,}",
                holds=max(seconds) <= SECONDS * share,
            )
            for what, seconds in (("finalized", closed), ("made again from the log", replayed))
        ),
    ]


def _month_that_is_over(now: datetime) -> str:
    month = invoicing.previous(prices.month_of(now))
    return month if invoicing.closes(month) <= now else invoicing.previous(month)


async def _queue(js: JetStream, number: int, month: str) -> float:
    """Store the uses before anybody counts them; return how many seconds it took."""
    at = invoicing.closes(month) - invoicing.GRACE - timedelta(hours=1)
    waiting = iter(range(number))

    async def send() -> None:
        for index in waiting:
            tree = {
                "specversion": "1.0",
                "id": f"u-{index}",
                "source": "bench",
                "type": USE_TYPE,
                "subject": BLOG,
                "time": at,
                "data": {"meter": "tokens", "quantity": index % 100},
            }
            body = msgspec.json.encode(tree)
            await js.publish(Outgoing("use.acme.bench", body), timeout=10.0)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(64):
            tasks.create_task(send())
    return time.perf_counter() - began


async def _write(js: JetStream, month: str) -> None:
    """Let `acme` have an account, and a blog that has been paid for since the month before."""
    line = QuoteLine(
        sku="package.s",
        name="Small",
        formula="1 month x 5.000 OMR",
        amount=Money(currency="OMR", minor=5000),
        application="blog",
        environment="acme-prod",
    )
    started = bill1.SubscriptionStarted(
        application="blog",
        environment="acme-prod",
        book="main",
        version="bench",
        lines=(line,),
        month=invoicing.previous(month),
        hold="c-1",
        revision="1",
    )
    captured = bill1.HoldCaptured(
        hold="c-1",
        revision="1",
        amount=line.amount,
        month=invoicing.previous(month),
        subscriptions=(BLOG,),
        journal=bill1.Journal(),
    )
    content = book_text.book_of(BOOK)
    owner = account.ref_of("acme")
    facts: tuple[tuple[Ref, Event], ...] = (
        (price_book.DEFAULT, bill1.PriceBookApplied(content=content, digest="bench")),
        (owner, bill1.AccountOpened(organization="acme", month=month)),
        (owner, captured),
        (subscription.ref_of("acme", BLOG), started),
    )
    for number, (ref, event) in enumerate(facts):
        message = named(type(event), ref.service)
        envelope = Envelope(
            specversion="1.0",
            id=f"_bench-{number}",
            source="bench",
            type=message.type,
            time=datetime.now(UTC),
            organization=ref.organization,
            actor="service:billing",
            data=msgspec.Raw(codec.encode(event)),
        )
        await js.publish(Outgoing(ref.event(message.name, 1), codec.encode(envelope)))


async def _counted(js: JetStream) -> float:
    """Return how many seconds pass until no use is left."""
    began = time.perf_counter()
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            reader = await js.api(f"CONSUMER.INFO.{USE}.billing--usage", None)
            if not reader["num_pending"] and not reader["num_ack_pending"]:
                return time.perf_counter() - began
            await asyncio.sleep(0.02)


async def _closed(js: JetStream, month: str) -> float:
    """Return how many seconds pass from the account's timer to the invoice's number."""
    arm = Arm(timer=invoicing.TIMER, after=timedelta())
    owner = account.ref_of("acme")
    subject = invoice.ref_of("acme", month).event("invoice-finalized", 1)
    began = time.perf_counter()
    await js.publish(timer.arm(owner, arm, now=datetime.now(UTC), done_id="_bench"))
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            if await js.last(EV, subject) is not None:
                return time.perf_counter() - began
            await asyncio.sleep(0.005)


async def _replayed(js: JetStream, keys: KeyRing, month: str) -> float:
    """Return how many seconds the invoice takes to be made again, as whoever asks sees it."""
    asked = Asked(js, keys.service("provisioning").service, timeout=WAIT_SECONDS)
    began = time.perf_counter()
    found: Any = await asked.ask("billing", "replay", 1, "acme", {"invoice": month})
    if not found["same"]:
        raise RuntimeError("the log made another invoice")
    return time.perf_counter() - began


@asynccontextmanager
async def _working(js: JetStream, keys: KeyRing) -> AsyncIterator[Worker]:
    runtime = Runtime(
        js=js,
        broker=js,
        verifier=keys.verifier(),
        token=keys.service("billing").service,
        member=ids.member_id("bench"),
        require_tokens=False,
        telemetry=Telemetry("bench"),
    )
    worker = Worker(handlers.service(runtime.asking), runtime)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(worker.run())
        await worker.active.wait()
        try:
            yield worker
        finally:
            worker.stop()
            await running
