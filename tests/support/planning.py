"""A planner over states in memory, the Blueprints that come with Catalyst, and scripted others."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from tests.support import build, plans
from tests.support.changing import Town
from typing_extensions import override

from catalyst.blueprints import document, package
from catalyst.blueprints.starter import loading
from catalyst.chassis.service import Reader
from catalyst.contracts import blueprint_v1 as blue1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.blocked import Link
from catalyst.contracts.decision import Actor, ClaimState, Recorded
from catalyst.contracts.money_v1 import Money
from catalyst.contracts.provisioning_values_v1 import PlanRequest
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Claim, Ref
from catalyst.provisioning.domain import foreign
from catalyst.provisioning.domain.change import change_ref
from catalyst.provisioning.domain.place import Content
from catalyst.provisioning.domain.plan import Plan
from catalyst.provisioning.queries import Planner
from catalyst.provisioning.remaking import Remade

NAMES = ("bp-redis", "bp-wiki", "bp-wiki@2.0.1", "bp-postgres", "bp-postgres@16.9.1", "bp-litellm")
READ = {name: document.read(loading.load(name)).blueprint for name in NAMES}
PACKAGES = {
    (found.name, found.version): loading.load(name) for name, found in READ.items() if found
}
CONTENTS = {package.digest(one): package.to_tar(one) for one in PACKAGES.values()}
DIGESTS = dict(zip(PACKAGES, CONTENTS, strict=True))


def digest(blueprint: str, version: str) -> str:
    """Return the fingerprint of a version that comes with Catalyst."""
    return DIGESTS[blueprint, version]


READY: OrderedDict[str, Content] = OrderedDict()
"""What planners have read; the same for all of them, because a fingerprint names it."""

GIT_URL = "https://git.example"


class Shelf:
    """The content of Blueprints."""

    async def get(self, digest: str) -> bytes:
        """Return an archive."""
        return CONTENTS[digest]


class Others:
    """Catalogue and billing, as a test wants them to answer."""

    def __init__(self) -> None:
        self.locks: dict[str, list[dict[str, Any]]] = {}
        """The lock for each Application that is asked about."""
        self.waits: list[Link] = []
        """What there is no lock without, if the catalogue only waits for it."""
        self.monthly = 5000
        self.before = 0
        """What it cost a month until now."""
        self.free: set[str] = set()
        """Applications that cost nothing."""
        self.credit = 100_000
        """In every currency alike."""
        self.currencies = ("OMR", "USD")
        """In which there are prices."""
        self.mixed = ""
        """Why not in this one; empty: it can be."""
        self.elsewhere: list[Money] = []
        """What there is in others than the one asked for."""
        self.limited = ""
        self.goes = [goes(f"environment:{plans.PROD}")]
        """What the plan of a deletion lists."""
        self.stopped: list[dict[str, Any]] = []
        """What stands in the way of it."""
        self.money: dict[str, Any] = {"credit": [], "holds": [], "unpaid": [], "running": []}
        """What is open."""
        self.asked: list[tuple[str, str, Mapping[str, Any]]] = []

    async def ask(
        self,
        service: str,
        name: str,
        version: int,
        organization: str | None,
        request: Mapping[str, Any],
    ) -> Any:
        """Answer a query."""
        self.asked.append((service, name, request))
        assert (organization, version) == ("acme", 1)
        if (service, name) == ("catalog", "solve"):
            lock = self.locks.get(request["application"])
            if self.waits:
                raise Rejected("not-solvable", "nothing fits yet")
            if lock is None:
                raise Rejected("version-refused", "nothing fits")
            return {"lock": lock}
        if (service, name) == ("catalog", "why-not"):
            return {"possible": False, "reasons": [], "chain": msgspec.to_builtins(self.waits)}
        if name in {"plan-environment-deletion", "plan-organization-deletion"}:
            log = {"kind": "log", "name": "acme", "detail": "every event stays in the log"}
            return {"goes": self.goes, "stays": [log], "blocked_by": self.stopped}
        if (service, name) == ("billing", "open-money"):
            return self.money
        assert (service, name) == ("billing", "quote")
        return self._quote(request)

    def _quote(self, request: Mapping[str, Any]) -> Any:
        names = [item["application"] for item in request["items"]]
        currency = request["currency"]
        if currency not in self.currencies:
            message = f"the price book has no {currency}, only {', '.join(self.currencies)}"
            raise Rejected("currency-not-priced", message, pointer="/currency")
        if self.mixed:
            raise Rejected("currency-mixed", self.mixed)
        found: dict[str, Any] = msgspec.to_builtins(plans.quote(*names, currency=currency))
        for line in found["lines"]:
            line["amount"]["minor"] = 0 if line["application"] in self.free else self.monthly
        total = sum(line["amount"]["minor"] for line in found["lines"])
        found["items"] = list(request["items"])
        found["total"]["minor"] = found["due"]["minor"] = total
        left = self.credit - total
        after = {"currency": currency, "minor": left}
        found["monthly_before"] = {"currency": currency, "minor": self.before}
        more = {"limited": self.limited, "elsewhere": msgspec.to_builtins(self.elsewhere)}
        return {**found, "credit_after": after, "covered": left >= 0, **more}


def goes(name: str) -> dict[str, str]:
    """Return one thing that the plan of a deletion lists, from `<kind>:<name>`."""
    kind, _, own = name.partition(":")
    return {"kind": kind, "name": own, "detail": "goes as well"}


def entry(
    application: str, blueprint: str, version: str, role: str = "target", **dependencies: str
) -> dict[str, Any]:
    """Return one Application of a lock, as the catalogue answers it."""
    return {
        "application": application,
        "blueprint": blueprint,
        "origin": "public",
        "version": version,
        "digest": digest(blueprint, version),
        "role": role,
        "dependencies": dependencies,
    }


def known(place: Town) -> None:
    """Let every Blueprint be registered and published."""
    for name, version in PACKAGES:
        place.given(
            foreign.blueprint_ref("acme", "public", name),
            blue1.VersionRegistered(
                name=name,
                origin="public",
                version=version,
                digest=digest(name, version),
                size=1,
                spec={},
                source="starter",
            ),
        )


async def plan(
    place: Town,
    others: Others,
    request: PlanRequest,
    by: Actor = plans.DEVELOPER,
    *,
    git_url: str = GIT_URL,
) -> Plan:
    """Return the plan of a request."""

    planner = planner_of(others, git_url)
    for ref, event in place.log:
        planner.names.apply(build.recorded(event, ref))
    answer = await planner.plan(msgspec.to_builtins(request), "acme", by, Now(place))
    found: Plan = msgspec.convert(answer, Plan)
    # The town's clock is not that of whoever plans.
    return msgspec.structs.replace(found, expires=place.expiry())


def planner_of(others: Others, git_url: str = GIT_URL) -> Planner:
    """Return a planner that asks the others."""
    planner = Planner(Shelf(), others, "OMR", git_url)
    planner._gathering._cache = READY
    return planner


class Now(Reader):
    """A town as queries see it, as it is."""

    def __init__(self, now: Town) -> None:
        self._now = now

    @override
    async def __call__(self, ref: Ref, *, up_to: int | None = None) -> Any:
        assert up_to is None
        return self._now.state(ref)

    @override
    async def many(self, refs: Sequence[Ref]) -> Mapping[Ref, Any]:
        return {ref: self._now.state(ref) for ref in refs}

    @override
    async def history(self, ref: Ref) -> Sequence[Recorded]:
        raise AssertionError("what happened is not looked at")

    @override
    async def claims(self, claims: Sequence[Claim]) -> Mapping[Claim, ClaimState]:
        return {name: self._now.claim(name) for name in claims}


class Seen(Now):
    """A town as it is, and as it was when its newest change was opened."""

    def __init__(self, now: Town, then: Town, opened: Recorded) -> None:
        super().__init__(now)
        self._then = then
        self._opened = opened

    @override
    async def __call__(self, ref: Ref, *, up_to: int | None = None) -> Any:
        assert up_to in {None, self._opened.seq}
        return (self._now if up_to is None else self._then).state(ref)

    @override
    async def history(self, ref: Ref) -> Sequence[Recorded]:
        assert ref == self._opened.ref
        return [self._opened]


async def remade(
    place: Town,
    then: Town,
    others: Others,
    by: Actor = plans.ADMIN,
    *,
    name: str = "ch-1",
    git_url: str = GIT_URL,
) -> Remade:
    """Return the plan of a change, made again; `then` is the town before the change was opened."""
    planner = planner_of(others, git_url)
    for ref, event in place.log:
        planner.names.apply(build.recorded(event, ref))
    asked = {"change": name}
    found = await planner.remaking.planned(asked, "acme", by, seen(place, then, name))
    return msgspec.convert(found, Remade)


def seen(place: Town, then: Town, name: str) -> Seen:
    """Return a town as queries about a change see it; `then` is before the change was opened."""
    ref = change_ref("acme", name)
    content = place.change(name).opened
    assert content is not None
    opened = Recorded(
        event=content,
        type="provisioning.change-opened.v1",
        id="e-1",
        ref=ref,
        seq=7,
        time=then.now,
        actor=content.author,
        correlationid="c-1",
        causationid="c-1",
    )
    return Seen(place, then, opened)


def install(name: str = "wiki", **changes: Any) -> PlanRequest:
    """Return a request to install an Application in `acme-prod`."""
    return PlanRequest(
        **{
            "action": "install",
            "environment": plans.PROD,
            "application": name,
            "blueprint": f"bp-{name}",
            **changes,
        }
    )


def configure(**changes: object) -> PlanRequest:
    """Return a request to configure the wiki."""
    request = {"action": "configure", "environment": plans.PROD, "application": "wiki", **changes}
    return PlanRequest(**request)  # type: ignore[arg-type]


async def running(place: Town, others: Others) -> Plan:
    """Let the wiki run with its database."""
    place.given(
        foreign.environment_ref("acme", plans.PROD),
        env1.PolicyAttached(environment=plans.PROD, policy=None),
    )
    found = await plan(place, others, install())
    plans.apply(place, "ch-0", found)
    plans.run(place, "ch-0")
    assert place.change("ch-0").status == "completed"
    return found


def wiki(others: Others, version: str = "2.0.1", postgres: str = "16.9.1") -> None:
    """Let the catalogue answer a wiki with a database of its own."""
    others.locks["wiki"] = [
        entry("wiki-postgres", "bp-postgres", postgres, "new"),
        entry("wiki", "bp-wiki", version, "target", postgres="wiki-postgres"),
    ]
