"""Planning and installing in a running stack, and how much memory that stack takes."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from benchmarks.embedded import Up, organization, up
from benchmarks.figure import Figure, percentile
from catalyst.cli.processes import MODULES
from catalyst.client.http_transport import HttpClient, over_http

PLAN_MS: Final = 150.0
COMMIT_MS: Final = 500.0
MEMORY_MB: Final = 400.0
SLUG: Final = "acme"
PROD: Final = "acme-prod"
TREE: Final = "bp-grafana"
"""Needs four others, two of them by way of each other."""
TREE_SIZE: Final = 5
ALONE: Final = "bp-mailpit"
"""Needs nothing else."""
REGION: Final = {"provider": "hetzner", "region": "fsn", "building_block": "rtz"}
WAIT_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.02
_MEMBERS: Final = f"""\
import importlib, sys
for name in {sorted(MODULES.values())!r}:
    importlib.import_module(name + ".main")
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(int(status["VmHWM"].split()[0]) * 1024)
"""

Doc = Mapping[str, Any]


@dataclass(slots=True)
class Runs:
    """One entry for each run."""

    plans: list[float] = field(default_factory=list)
    """Milliseconds of a plan, p95."""
    questions: list[float] = field(default_factory=list)
    """Of a question on the same way that needs no plan."""
    commits: list[float] = field(default_factory=list)
    """Milliseconds from the command to the commit, p95."""
    clones: list[float] = field(default_factory=list)
    """Of `git clone` of the same repositories."""
    memory: list[float] = field(default_factory=list)
    """Megabytes of all processes of the stack."""
    busy: list[float] = field(default_factory=list)
    """Milliseconds that all processors worked for a plan."""
    bare: list[float] = field(default_factory=list)
    """Of a Python that has imported the members."""


async def measure(runs: int, plans: int, installs: int) -> list[Figure]:
    """Plan a tree `plans` times a run and install `installs` Applications; one stack for all."""
    found = Runs()
    async with up() as stack, site_of(stack) as site:
        await site.furnish()
        for run in range(runs):
            _, before = await taken(stack.pid)
            await site.plan_often(found, plans)
            _, after = await taken(stack.pid)
            found.busy.append(1000 * (after - before) / plans)
            await site.install_often(found, [f"app-{run}-{number}" for number in range(installs)])
            memory, _ = await taken(stack.pid)
            found.memory.append(memory)
            found.bare.append(await bare())
    return _figures(found, installs * runs)


def _figures(found: Runs, installed: int) -> list[Figure]:
    return [
        Figure(
            name=f"plan of a tree of {TREE_SIZE}, p95",
            unit="ms",
            runs=found.plans,
            yardstick="how everything of the Organization is: a question on the same way",
            beside=found.questions,
            target=f"≤ {PLAN_MS:.0f} ms",
            holds=percentile(found.plans, 0.5) <= PLAN_MS,
            note=f"{TREE}, asked over HTTP: lock, files of each, price, quota, gates, hash; the"
            f" processors worked {percentile(found.busy, 0.5):.0f} ms for each",
        ),
        Figure(
            name="apply → commit visible to `git clone`, p95",
            unit="ms",
            runs=found.commits,
            yardstick="`git clone` of the same repository",
            beside=found.clones,
            target=f"≤ {COMMIT_MS:.0f} ms",
            holds=percentile(found.commits, 0.5) <= COMMIT_MS,
            note="from sending the command over HTTP: decided, admitted, credit held, repository"
            " made, committed, and told to whoever asks Git's door",
        ),
        Figure(
            name="memory of `catalyst up`, all members and the broker",
            unit="MB",
            runs=found.memory,
            yardstick="a Python that imports the members and does nothing",
            beside=found.bare,
            target=f"< {MEMORY_MB:.0f} MB",
            holds=max(found.memory) < MEMORY_MB,
            note=f"resident, with {installed} Applications installed at the end",
        ),
    ]


@asynccontextmanager
async def site_of(stack: Up) -> AsyncIterator[Site]:
    """Act in a stack for the block."""
    async with (
        over_http(stack.http, token=stack.operator["token"]) as owner,
        over_http(stack.http, token=stack.billing) as billing,
        httpx.AsyncClient(base_url=stack.http, auth=("bench", stack.operator["token"])) as git,
    ):
        yield Site(stack, owner, billing, git)


class Site:
    """An Organization with an Environment and credit, and who acts there."""

    def __init__(
        self, stack: Up, owner: HttpClient, billing: HttpClient, git: httpx.AsyncClient
    ) -> None:
        """Act through the stack's HTTP door."""
        self._stack = stack
        self._owner = owner
        self._billing = billing
        self._git = git

    async def furnish(self) -> None:
        """Create it, wait for the starter catalogue, and give everything a price."""
        owners = [{"email": "admin@localhost", "role": "owner"}]
        await self.send("environment.create-organization.v1", organization(SLUG, owners=owners))
        place = {"env_type": "prod", "placement": "single-region", "regions": [REGION]}
        await self.send("environment.create-environment.v1", place, id_=PROD)
        names = await self._catalogue()
        prices = "".join(f'  {name}: {{name: {name}, month: {{OMR: "1"}}}}\n' for name in names)
        book = (
            'book: main\nversion: "bench"\nfrom: 2026-01-01\ncurrencies: [OMR]\n'
            'packages:\n  s: {name: Small, month: {OMR: "5"}}\n'
            f"blueprints:\n{prices}"
            "usage:\n  tokens:\n    name: Tokens\n    unit: token\n    aggregation: sum\n"
            '    formula: per-unit\n    price: {OMR: "0.000040"}\n'
        )
        paid = {"payment": "p-1", "amount": {"currency": "OMR", "minor": 10_000_000}}
        await self.pay("billing.apply-price-book.v1", {"document": book}, None, "default")
        await self.pay("billing.record-payment.v1", {**paid, "reference": "bench"}, SLUG, SLUG)
        found = await self.plan(TREE, "tree")
        if len(found["dependencies"]) != TREE_SIZE - 1 or found["blocked_by"]:
            raise RuntimeError(f"this is no plan of a tree: {found}")

    async def _catalogue(self) -> list[str]:
        """Return all Blueprints, once what the tree needs is among them."""
        async with asyncio.timeout(WAIT_SECONDS):
            while True:
                found = await self.ask("catalog", "search", {"limit": 100})
                names = [item["name"] for item in found["items"]]
                if {TREE, ALONE} <= set(names):
                    return names
                await asyncio.sleep(0.2)

    async def plan(self, blueprint: str, application: str) -> Doc:
        """Return the plan to install a Blueprint."""
        request = {
            "action": "install",
            "environment": PROD,
            "application": application,
            "blueprint": blueprint,
        }
        found: Doc = await self.ask("provisioning", "plan", request)
        return found

    async def plan_often(self, found: Runs, times: int) -> None:
        """Plan the tree, and ask a question that needs no plan, in turn."""
        plans, questions = [], []
        for _ in range(times):
            began = time.perf_counter()
            await self.plan(TREE, "tree")
            plans.append(1000 * (time.perf_counter() - began))
            began = time.perf_counter()
            await self.ask("provisioning", "health", {})
            questions.append(1000 * (time.perf_counter() - began))
        found.plans.append(percentile(plans, 0.95))
        found.questions.append(percentile(questions, 0.95))

    async def install_often(self, found: Runs, names: list[str]) -> None:
        """Install one Application after the other, and clone each."""
        commits, clones = [], []
        for name in names:
            commits.append(1000 * await self.installed(name))
            clones.append(1000 * await self._cloned(name))
        found.commits.append(percentile(commits, 0.95))
        found.clones.append(percentile(clones, 0.95))

    async def installed(self, name: str) -> float:
        """Return how many seconds pass until the commit of an installation can be fetched."""
        plan = await self.plan(ALONE, name)
        command = {part: plan[part] for part in ("request", "hash", "inputs", "expires")}
        began = time.perf_counter()
        async with asyncio.timeout(WAIT_SECONDS):
            await self._owner.submit(
                "provisioning.apply-plan.v1", command, organization=SLUG, id=f"ch-{name}"
            )
            while True:
                if await self._committed(name):
                    return time.perf_counter() - began
                await asyncio.sleep(POLL_SECONDS)

    async def _committed(self, name: str) -> bool:
        """Whether the branch has moved on from where all branches of the repository begin."""
        path = f"/git/{SLUG}/{name}.git/info/refs"
        answer = await self._git.get(path, params={"service": "git-upload-pack"})
        if answer.status_code != httpx.codes.OK:
            return False
        refs = {}
        for line in answer.text.splitlines():
            words = line.partition("\0")[0].split()
            if len(words) == 2 and words[1].startswith("refs/heads/"):
                refs[words[1].removeprefix("refs/heads/")] = words[0][-40:]
        return "main" in refs and refs["main"] != refs.get("develop")

    async def _cloned(self, name: str) -> float:
        """Return how many seconds a clone takes, which must hold what was installed."""
        place = urlsplit(self._stack.http)
        token = self._stack.operator["token"]
        with tempfile.TemporaryDirectory(prefix="catalyst-bench-") as folder:
            address = f"{place.scheme}://bench:{token}@{place.netloc}/git/{SLUG}/{name}.git"
            began = time.perf_counter()
            await _output("git", "clone", "--quiet", "--branch", "main", address, folder)
            took = time.perf_counter() - began
            if not (Path(folder) / "environments" / PROD).is_dir():
                raise RuntimeError(f"the clone of {name} does not hold what was installed")
        return took

    async def ask(self, service: str, name: str, request: Doc) -> Any:
        """Return the answer to a question of the Organization's owner."""
        return (await self._owner.query(service, name, request, organization=SLUG)).result

    async def send(
        self, type_: str, data: Doc, *, id_: str = SLUG, organization: str | None = SLUG
    ) -> None:
        """Send a command as the Organization's owner, who may do all that the platform's may."""
        _accepted(await self._owner.send(type_, data, organization=organization, id=id_))

    async def pay(self, type_: str, data: Doc, organization: str | None, id_: str) -> None:
        """Send a command as whoever sets prices and takes payments."""
        _accepted(await self._billing.send(type_, data, organization=organization, id=id_))


def _accepted(outcome: Any) -> None:
    if outcome.status != "accepted":
        raise RuntimeError(f"a command was rejected: {outcome}")


async def taken(pid: int) -> tuple[float, float]:
    """Return the megabytes that a process and all below it hold, and the seconds they worked."""
    listed = await _output("ps", "-A", "-o", "pid=,ppid=,rss=,time=")
    below: dict[int, list[int]] = {}
    taken: dict[int, tuple[int, float]] = {}
    for line in listed.splitlines():
        child, parent, kibibytes, worked = line.split()
        below.setdefault(int(parent), []).append(int(child))
        taken[int(child)] = int(kibibytes), _seconds(worked)
    left, size, seconds = [pid], 0, 0.0
    while left:
        one = left.pop()
        size += taken[one][0]
        seconds += taken[one][1]
        left += below.get(one, [])
    return size * 1024 / 1e6, seconds


def _seconds(written: str) -> float:
    """Return the seconds of `[days-][hours:]minutes:seconds`."""
    days, _, rest = written.rpartition("-")
    seconds = 86_400.0 * int(days or 0)
    for place, part in enumerate(reversed(rest.split(":"))):
        seconds += float(part) * 60**place
    return seconds


async def bare() -> float:
    """Return the megabytes of a Python that imports the members and does nothing."""
    return int(await _output(sys.executable, "-c", _MEMBERS)) / 1e6


async def _output(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    told, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}")
    return told.decode()
