"""The month of a small business: what was used, its invoice, where a line comes from, and again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from catalyst.chassis import clock
from catalyst.cli.demo.burst import Kill, fresh_id
from catalyst.cli.demo.rows import Doc, until
from catalyst.cli.demo.screen import Screen
from catalyst.cli.planshow import amount
from catalyst.client.http_transport import HttpClient

USES: Final = 60
EACH: Final = 500
"""GiB-hours in one report."""
CHARGED: Final = 908
"""What all of it costs, in thousandths of a rial: what goes beyond 7,300 hours, at 0.000040."""
_PATH: Final = "/v1/usage"
_BATCH: Final = "application/cloudevents-batch+json"


@dataclass(slots=True, kw_only=True)
class Month:
    """One run of this part of the chapter."""

    screen: Screen
    billing: HttpClient
    """The door, opened by a billing-admin."""
    owner: HttpClient
    """The door, opened by the Organization's owner."""
    organization: str
    place: str
    """The Application in its Environment, as a meter names it."""
    kill: Kill
    """Kills the worker that keeps the books."""
    commands: int = 0

    async def tell(self, ordered: int) -> int:
        """Use, close, explain and replay; return what use took from the credit.

        Args:
            ordered: What was paid when it was ordered, in the currency's smallest unit.
        """
        month = f"{clock.now():%Y-%m}"
        await self.used(month)
        invoice = await self.closed(month, ordered)
        lines = [line for line in invoice.get("lines", ()) if line["kind"] == "usage"]
        if lines:
            await self.explained(month, lines[0])
            await self.replayed(month, invoice)
        return sum(line["amount"]["minor"] for line in lines)

    async def used(self, month: str) -> None:
        """A meter reports what is used, twice, and the worker dies in between."""
        uses = [self._use(number) for number in range(USES)]
        await self._report(uses)
        self.screen.line(f"killed {await self.kill()}; the meter sends all of it again")
        await self._report(uses)
        doc = await until(
            self.billing, self.organization, "usage", month, lambda doc: doc["uses"] >= USES
        )
        self.screen.prove(
            "what a meter reports twice is counted once, although the worker is killed",
            held=doc.get("uses") == USES and doc.get("unmatched_count") == 0,
            detail=f"{doc.get('uses', 0)} uses, each sent twice",
        )

    async def closed(self, month: str, ordered: int) -> Doc:
        """A billing-admin closes the month: what was ordered and what was used, as one invoice."""
        sent = await self.billing.send(
            "billing.finalize-invoice.v1",
            {"month": month},
            organization=self.organization,
            id=self.organization,
        )
        self.commands += 1
        doc = await until(
            self.owner, self.organization, "invoices", month, lambda doc: doc["number"]
        )
        sums = {name: one["minor"] for name, one in _amounts(doc).items()}
        wanted = {"total": ordered + CHARGED, "prepaid": ordered, "credit": CHARGED, "open": 0}
        total = amount(_amounts(doc)["total"]) if sums else sent.code
        self.screen.prove(
            "the invoice has its number, and holds what was ordered and what was used",
            held=sent.status == "accepted" and sums == wanted and doc.get("status") == "paid",
            detail=f"{doc.get('number', 'no number')}, {len(doc.get('lines', ()))} lines, {total}",
        )
        return doc

    async def explained(self, month: str, line: Mapping[str, Any]) -> None:
        """A line opens to its formula, the price book, and every use behind it."""
        asked = {"invoice": month, "line": line["line"]}
        found = await self._asked("explain", asked)
        self.screen.prove(
            "a line of it opens to its formula and to every use behind it",
            held=found["line"] == line and found["count"] == len(found["events"]) == USES,
            detail=f"{line['formula']} = {amount(line['amount'])}, of {found['count']} uses",
        )

    async def replayed(self, month: str, invoice: Doc) -> None:
        """The log makes the invoice again."""
        found = await self._asked("replay", {"invoice": month})
        self.screen.prove(
            "the log makes the invoice again, byte for byte",
            held=found["same"] is True and found["digest"] == invoice["digest"],
            detail=f"{found['bytes']} bytes, {found['replayed'][:16]}",
        )

    def _use(self, number: int) -> dict[str, Any]:
        return {
            "specversion": "1.0",
            "id": f"{fresh_id('u')}-{number}",
            "source": "meter-of-volumes",
            "type": "usage.reported.v1",
            "subject": self.place,
            "time": f"{clock.now():%Y-%m-%dT%H:%M:%SZ}",
            "data": {"meter": "storage", "quantity": EACH},
        }

    async def _report(self, uses: list[dict[str, Any]]) -> None:
        await self.billing.calls.ask(
            "POST",
            _PATH,
            query={"organization": self.organization},
            body=msgspec.json.encode(uses),
            media_type=_BATCH,
        )

    async def _asked(self, question: str, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        answered = await self.owner.query(
            "billing", question, asked, organization=self.organization
        )
        found: Mapping[str, Any] = answered.result
        return found


def _amounts(invoice: Doc) -> Mapping[str, Any]:
    """Return the sums of an invoice in its one currency; none if it has several, or none."""
    amounts = invoice.get("amounts", ())
    return {name: amounts[0][name] for name in _SUMS} if len(amounts) == 1 else {}


_SUMS: Final = ("total", "prepaid", "credit", "open")
