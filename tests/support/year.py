"""A log of one Organization's money, kept as the runtime would, without a broker."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tests.support import billing, build
from tests.support import usage as used
from tests.support.scenario import Outcome, Scenario, given

from catalyst.billing.domain import (
    account,
    credit_note,
    explaining,
    invoice,
    invoicing,
    price_book,
    replaying,
    usage,
)
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.decision import Actor, Decision, Fired, Recorded
from catalyst.contracts.message import Command, Event
from catalyst.contracts.registry import named
from catalyst.contracts.subjects import Ref
from catalyst.contracts.usage_v1 import Use

BEGIN = datetime.fromisoformat("2026-01-05T10:00:00+00:00")


class Log:
    """What happened, and what stands because of it."""

    def __init__(self, month: str = "2026-01") -> None:
        self.scene: Scenario = given()
        self.events: list[Recorded] = []
        self.now = BEGIN
        text = used.TEXT.replace("2026-04-01", "2026-01-01")
        content = billing.book(text)
        self.write(price_book.DEFAULT, bill1.PriceBookApplied(content=content, digest="x"))
        self.write(billing.ACCOUNT, bill1.AccountOpened(organization="acme", month=month))

    # ---- what happens

    def write(self, ref: Ref, event: Event) -> None:
        """Let a fact stand in the log."""
        self.scene = Scenario(self.scene.world.with_fact(ref, event), len(self.events))
        self._record(ref, event)

    def _record(self, ref: Ref, event: Event) -> None:
        seq = len(self.events) + 1
        self.events.append(
            Recorded(
                event=event,
                type=named(type(event), ref.service).type,
                id=f"_e-{seq}",
                ref=ref,
                seq=seq,
                time=self.now,
                actor="service:billing",
                correlationid="c",
                causationid="c",
            )
        )

    def after(self, at: Ref, outcome: Outcome) -> Decision:
        """Go on behind a decision; what it sends and arms is left to the caller."""
        self.scene = outcome.and_then()
        for item in outcome.decision.events:
            self._record(item.ref or at, item.event)
        return outcome.decision

    def send(self, command: Command, at: Ref = billing.ACCOUNT) -> Decision:
        """Send a command."""
        return self._numbered(self.asks(command, at), at)

    def asks(self, command: Command, at: Ref = billing.ACCOUNT, by: Actor | None = None) -> Outcome:
        """Return what follows from a command of a billing-admin, or of somebody else."""
        name = f"c-{len(self.events)}"
        actor = by or billing.BILLING_ADMIN
        return self.scene.when(command, at, by=actor, now=self.now, input_id=name)

    def order(self, month: str = "2026-01", hold: str = "c-1", event: Event | None = None) -> None:
        """Let the blog be bought, or changed by `event`, in a month."""
        begun: Any = used.started(month, hold=hold)
        self.write(used.BLOG, event or begun[1])
        self.know(month, hold)

    def know(self, month: str = "2026-01", hold: str = "c-1") -> None:
        """Let the account know the blog."""
        fact: Any = used.captured(month, hold)
        self.write(*fact)

    def end(self, month: str = "2026-01") -> None:
        """Let the blog end in a month."""
        names = {"application": "blog", "environment": "acme-prod"}
        self.write(used.BLOG, bill1.SubscriptionEnded(**names, month=month, reason="removed"))
        gone = bill1.SubscriptionRemoved(subscription=used.BLOG.id, month=month)
        self.write(billing.ACCOUNT, gone)

    def use(self, *uses: Use) -> None:
        """Report uses, each to its own month."""
        for month in sorted({f"{one.time:%Y-%m}" for one in uses}):
            of = [one for one in uses if f"{one.time:%Y-%m}" == month]
            at = usage.ref_of("acme", month)
            self.after(at, used.reported(self.scene, *of, now=self.now, month=month))

    def close(self) -> Decision:
        """Let the account's month be closed as soon as it may, and its invoice be numbered."""
        owner: account.Account = self.scene.world.state(billing.ACCOUNT)
        self.now = max(self.now, invoicing.closes(owner.due_month))
        fired = Fired(timer=invoicing.TIMER, gen="g")
        decision = self._numbered(self.scene.hears(fired, billing.ACCOUNT, now=self.now))
        while self.owner().closing is not None:
            decision = self._numbered(self.scene.hears(fired, billing.ACCOUNT, now=self.now))
        return decision

    def finalize(self, month: str) -> Decision:
        """Have a month closed on request, and its invoice numbered."""
        return self.send(bill1.FinalizeInvoice(month=month))

    def _numbered(self, outcome: Outcome, at: Ref = billing.ACCOUNT) -> Decision:
        decision = self.after(at, outcome)
        for sent in decision.commands:
            numbered = self.scene.when(sent.command, sent.ref, by=billing.SERVICE, now=self.now)
            for item in self.after(sent.ref, numbered).events:
                heard = build.recorded(item.event, sent.ref)
                holder = invoice.correlate(heard) or credit_note.correlate(heard)
                assert holder is not None
                self.after(holder, self.scene.hears(heard, holder, now=self.now))
        return decision

    # ---- what stands

    def of(self, ref: Ref) -> list[Recorded]:
        """Return an aggregate's events."""
        return [one for one in self.events if one.ref == ref]

    @property
    def invoices(self) -> list[bill1.InvoiceContent]:
        """What all invoices say."""
        return [
            one.event.content for one in self.events if isinstance(one.event, bill1.InvoiceDrafted)
        ]

    def content(self, month: str) -> bill1.InvoiceContent:
        """Return all that the invoice of a month says."""
        found: bill1.InvoiceContent = self.scene.world.state(invoice.ref_of("acme", month)).content
        return found

    def owner(self) -> account.Account:
        """Return the account."""
        found: account.Account = self.scene.world.state(billing.ACCOUNT)
        return found

    def again(self, month: str) -> bytes:
        """Return an invoice's bytes, made once more."""
        ref = invoice.ref_of("acme", month)
        draft = explaining.drafted(self.of(ref), month)
        owned = self.of(billing.ACCOUNT)
        refs: Sequence[Ref] = replaying.refs_of(draft, owned)
        of: dict[Ref, list[Recorded]] = {ref: [] for ref in refs}
        for one in self.events:
            if one.ref in of:
                of[one.ref].append(one)
        return replaying.again(draft, owned, of)

    def note_again(self, name: str) -> bytes:
        """Return a credit note's bytes, made once more."""
        draft = explaining.noted(self.of(credit_note.ref_of("acme", name)), name)
        bill = self.of(invoice.ref_of("acme", draft.content.invoice))
        return explaining.note_again(draft, bill, self.of(billing.ACCOUNT))


def lines(content: bill1.InvoiceContent) -> list[tuple[str, str, int]]:
    """Return the lines of an invoice, as kind, SKU and minor units."""
    return [(one.kind, one.sku, one.amount.minor) for one in content.lines]
