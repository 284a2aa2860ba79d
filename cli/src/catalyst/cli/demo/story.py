"""The story of the demonstration, step by step; each step shows what it proves."""

from __future__ import annotations

import asyncio
import io
import statistics
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from dulwich import porcelain
from dulwich.repo import Repo

from catalyst.cli.contexts import Context
from catalyst.cli.demo.browsers import Browser
from catalyst.cli.demo.burst import BURST, Burst, Kill, fresh_id
from catalyst.cli.demo.plain import Answered, PlainSender
from catalyst.cli.demo.screen import Screen
from catalyst.cli.installation import OPERATOR_EMAIL
from catalyst.cli.replay import checked
from catalyst.cli.target import Target
from catalyst.client.http_transport import HttpClient
from catalyst.client.rows import Row

_COMPARISONS: Final = 100
_PAUSE_SECONDS: Final = 0.1


@dataclass(slots=True, kw_only=True)
class Story:
    """One run of the demonstration."""

    screen: Screen
    sender: PlainSender
    http: HttpClient
    context: Context
    first: Browser
    second: Browser
    browsers: asyncio.TaskGroup
    """Owns the tasks that read."""
    kill: Kill | None
    suffix: str = ""
    """Ends every name, so that a used installation can be shown again."""
    latencies: dict[str, list[float]] = field(default_factory=dict)
    commands: int = 0

    @property
    def organizations(self) -> tuple[str, str, str]:
        """The slugs of the three scenarios."""
        return (f"openova{self.suffix}", f"omantel{self.suffix}", f"acme{self.suffix}")

    async def tell(self) -> None:
        """Run every step, in order, while two readers look on."""
        first = self.browsers.create_task(self.first.run(), name="first reader")
        second = self.browsers.create_task(self.second.run(), name="second reader")
        await self.begin_organizations()
        await self.create_environments()
        await self.repeat()
        await self.bad_commands()
        await self.crash()
        second = await self.drop_and_resume(second)
        await self.compare()
        await self.fold_again()
        await self.clone()
        first.cancel()
        second.cancel()

    async def begin_organizations(self) -> None:
        """Three Organizations, from plain NATS to the live stream."""
        self.screen.step("Three Organizations, published with a plain NATS program")
        self.screen.line("in ms from publishing: stored, outcome heard, row at a live reader")
        openova, omantel, acme = self.organizations
        for slug, more in (
            (openova, {"kind": "internal", "tier": "corporate", "billing_mode": "showback"}),
            (omantel, {"kind": "customer", "tier": "sme", "billing_mode": "real"}),
            (acme, {"kind": "customer", "tier": "corporate", "billing_mode": "chargeback"}),
        ):
            data = {
                "display_name": slug.capitalize(),
                "sovereign_ref": "cloud.example.org",
                "owners": [{"email": OPERATOR_EMAIL, "role": "owner"}],
                **more,
            }
            await self._send(slug, "organization", slug, "create-organization", data)
        ready = await self.first.until(
            lambda seen: all(self._phase(seen, slug) == "ready" for slug in self.organizations)
        )
        phases = {slug: self._phase(self.first, slug) for slug in self.organizations}
        self.screen.prove(
            "each Organization was onboarded: Git home, manifests, ready",
            held=ready,
            detail=", ".join(f"{slug} {phase}" for slug, phase in phases.items()),
        )

    async def create_environments(self) -> None:
        """Environments of several types."""
        self.screen.step("Environments of several types")
        openova, omantel, acme = self.organizations
        for slug, label, kind, regions in (
            (acme, "", "dev", [_region("fsn")]),
            (acme, "", "prod", [_region("fsn"), _region("hel")]),
            (acme, "fraud-lab", "dev", [_region("nbg")]),
            (omantel, "", "prod", [_region("fsn", "dmz")]),
            (omantel, "", "stg", [_region("nbg")]),
            (openova, "", "uat", [_region("ash")]),
            (openova, "", "poc", [_region("hil")]),
        ):
            name = "-".join(part for part in (slug, label, kind) if part)
            placement = "single-region" if len(regions) == 1 else "multi-region"
            data = {"env_type": kind, "placement": placement, "regions": regions}
            if label:
                data["label"] = label
            await self._send(slug, "environment", name, "create-environment", data)

    async def repeat(self) -> None:
        """The same command again gets the recorded outcome."""
        self.screen.step("The same command again")
        acme = self.organizations[2]
        command_id, data = fresh_id("again"), {"display_name": "Acme Trading"}
        one = await self._send(acme, "organization", acme, "update-organization", data, command_id)
        before = await self.sender.head()
        other = await self.sender.ask(
            acme, "organization", acme, "update-organization", data, command_id
        )
        # What the command led to the first time, such as its commit, may come only now.
        anew = await self.sender.written(command_id, before, await self.sender.head())
        same = one.outcome["seq"] == other.outcome["seq"] and one.outcome == other.outcome
        self.screen.prove(
            "a repeated command gets the recorded outcome and writes nothing",
            held=same and not anew,
            detail=f"both say sequence {other.outcome['seq']}; "
            f"the repeat wrote {len(anew) or 'nothing'}",
        )

    async def bad_commands(self) -> None:
        """Rejections name the field and the rule."""
        self.screen.step("Commands that are wrong")
        acme = self.organizations[2]
        whole = {
            "display_name": "X",
            "kind": "customer",
            "tier": "sme",
            "billing_mode": "real",
            "sovereign_ref": "cloud.example.org",
            "owners": [{"email": OPERATOR_EMAIL, "role": "owner"}],
        }
        for what, organization, aggregate, name, verb, data, code in (
            ("an unknown field", acme, "organization", acme, "update-organization",
             {"colour": "red"}, "invalid-data"),
            ("a reserved slug", "flux", "organization", "flux", "create-organization",
             whole, "slug-reserved"),
            ("an invalid e-mail address",
             f"zeta{self.suffix}", "organization", f"zeta{self.suffix}",
             "create-organization", {**whole, "owners": [{"email": "nobody", "role": "owner"}]},
             "invalid-data"),
            ("a second region", acme, "environment", f"{acme}-stg", "create-environment",
             {"env_type": "stg", "placement": "single-region",
              "regions": [_region("fsn"), _region("hel")]}, "placement-cardinality"),
            ("a command that does not exist", acme, "organization", acme, "paint-organization",
             {}, "unknown-type"),
        ):  # fmt: skip
            answer = await self.sender.ask(
                organization, aggregate, name, verb, data, fresh_id("bad")
            )
            self.commands += 1
            found = answer.outcome
            place = "; ".join(
                f"{error['pointer'] or '/'}: {error['rule']}" for error in found.get("errors", [])
            )
            self.screen.prove(
                f"{what} is rejected, recorded, and told where",
                held=found["status"] == "rejected" and found["code"] == code,
                detail=f"{found['code']}  {place}",
            )

    async def crash(self) -> None:
        """A worker is killed with commands in flight."""
        self.screen.step(f"A worker killed with SIGKILL, {BURST} commands in flight")
        if self.kill is None:
            self.screen.leave_out(
                "nothing is lost or doubled when a worker is killed",
                "nothing says how to kill one here (--kill)",
            )
            return
        burst = Burst(self.sender, self.http, self.organizations)
        await burst.tell(self.screen, self.kill)
        self.commands += BURST

    async def drop_and_resume(self, second: asyncio.Task[None]) -> asyncio.Task[None]:
        """The second reader loses its connection, things change, it resumes."""
        self.screen.step("The live stream dropped and resumed")
        second.cancel()
        await asyncio.wait({second})
        resets, cursor = len(self.second.resets), self.second.cursor
        last = await self._send(
            self.organizations[0], "organization", self.organizations[0],
            "suspend-organization", {"reason": "shown while nobody looked"},
        )  # fmt: skip
        last = await self._send(
            self.organizations[0], "organization", self.organizations[0],
            "resume-organization", {},
        )  # fmt: skip
        self.screen.line(f"two changes while it was away; resuming at {cursor[:24]}…")
        again = self.browsers.create_task(self.second.run(), name="second reader again")
        seq = int(last.outcome["seq"])
        caught_up = await self.second.until(lambda seen: seen.mirror.as_of >= seq)
        self.screen.prove(
            "the resumed stream went on without a gap and without a new snapshot",
            held=caught_up and len(self.second.resets) == resets,
            detail=f"as of {self.second.mirror.as_of}, sequence {seq} included",
        )
        return again

    async def compare(self) -> None:
        """Both readers, and a fresh read, show the same."""
        self.screen.step("Two readers of the live stream compared")
        page = await self.http.list("all", limit=1)
        as_of = page.fresh.as_of
        both = [
            await browser.until(lambda seen: seen.mirror.as_of >= as_of)
            for browser in (self.first, self.second)
        ]
        rows: dict[str, Row] = {}
        for _ in range(_COMPARISONS):
            rows = {row.key: row async for page in self.http.pages("all") for row in page.rows}
            if self.first.mirror.rows == self.second.mirror.rows == rows:
                break
            await asyncio.sleep(_PAUSE_SECONDS)
        self.screen.prove(
            "two readers of the live stream and a fresh read show the same rows, to the last field",
            held=all(both) and self.first.mirror.rows == self.second.mirror.rows == rows,
            detail=f"{len(rows)} rows as of {self.first.mirror.as_of}",
        )
        self.screen.prove(
            "no row ever went back to an older state",
            held=self.first.backwards == self.second.backwards == 0,
            detail=f"{self.first.frames + self.second.frames} frames seen",
        )

    async def fold_again(self) -> None:
        """The whole log folded again is the read model."""
        self.screen.step("The log folded again")
        found = await checked(
            Target(
                http=self.context.http,
                nats=self.context.nats,
                user=self.context.operator.user or None,
                password=self.context.operator.password or None,
            )
        )
        self.screen.prove(
            "a fresh fold of the log equals the read model, byte for byte",
            held=found.equal,
            detail=f"{found.events} events, {found.rows} rows, {found.folded_hash[:16]}",
        )

    async def clone(self) -> None:
        """The Organization's Git home is a repository like any other."""
        self.screen.step("The Organization's Git home")
        acme = self.organizations[2]
        url = f"{self.context.http}/git/{acme}/home.git"
        wanted = {"organization.yaml", f"environments/{acme}-prod.yaml"}
        files: set[str] = set()
        author = ""
        for _ in range(_COMPARISONS):
            files, author = await asyncio.to_thread(self._clone, url)
            if wanted <= files:
                break
            await asyncio.sleep(_PAUSE_SECONDS)
        self.screen.line(f"git clone …{urlsplit(url).path}")
        self.screen.prove(
            "the Git home can be cloned and holds the manifests",
            held=wanted <= files,
            detail=f"{len(files)} files, last commit by {author}",
        )

    def _clone(self, url: str) -> tuple[set[str], str]:
        token = self.context.operator.token
        with tempfile.TemporaryDirectory() as folder:
            repo: Repo = porcelain.clone(
                url, folder, username="catalyst", password=token, errstream=io.BytesIO()
            )
            with repo:
                head = repo[repo.head()]
                author = getattr(head, "author", b"").decode("utf-8", "replace")
                root = Path(folder)
                files = {
                    path.relative_to(root).as_posix()
                    for path in root.rglob("*.yaml")
                    if ".git" not in path.parts
                }
        return files, author

    async def _send(
        self,
        organization: str,
        aggregate: str,
        name: str,
        verb: str,
        data: Mapping[str, Any],
        command_id: str = "",
    ) -> Answered:
        """Send one command and show the latency of each step until its row is shown."""
        command_id = command_id or fresh_id("c")
        answer = await self.sender.ask(organization, aggregate, name, verb, data, command_id)
        self.commands += 1
        accepted = answer.outcome["status"] == "accepted"
        seq = int(answer.outcome.get("seq", 0))
        shown = await self.first.until(
            lambda seen: seen.shown_at(command_id) is not None or not accepted
        )
        at = self.first.shown_at(command_id)
        row_ms = (at - answer.sent) * 1000 if at is not None else 0.0
        for step, value in (
            ("command stored", answer.stored_ms),
            ("outcome heard", answer.outcome_ms),
            ("row at the reader", row_ms),
        ):
            self.latencies.setdefault(step, []).append(value)
        self.screen.prove_command(
            f"{verb} {name}",
            held=accepted and shown,
            detail=f"seq {seq}  stored {answer.stored_ms:.1f}  outcome {answer.outcome_ms:.1f}  "
            f"row {row_ms:.1f} ms" + ("" if accepted else f"  {answer.outcome.get('code')}"),
        )
        return answer

    def _phase(self, seen: Browser, slug: str) -> str:
        for row in seen.mirror.rows.values():
            if row.place.kind == "organization" and row.place.name == slug:
                return str(row.doc.get("phase", ""))
        return ""

    async def numbers(self) -> list[tuple[str, str]]:
        """Return the figures of this run, for a person; of log and rows, as they are now."""
        found = [("commands sent", str(self.commands))]
        for step, values in self.latencies.items():
            ordered = sorted(values)
            p50, worst = statistics.median(ordered), ordered[-1]
            found.append((f"{step}, of {len(values)}", f"p50 {p50:.1f} ms, worst {worst:.1f} ms"))
        pages = [page async for page in self.http.pages("all")]
        found.append(("log, last sequence", str(pages[-1].fresh.head)))
        found.append(("rows", str(sum(len(page.rows) for page in pages))))
        return found


def _region(code: str, block: str = "rtz") -> dict[str, str]:
    return {"provider": "hetzner", "region": code, "building_block": block}
