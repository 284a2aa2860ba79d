"""A catalogue in memory, and the facts that it is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from catalyst.blueprints.package import Package
from catalyst.catalog_svc.domain.catalogue import Catalogue
from catalyst.contracts import application_v1 as app1
from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.decision import Recorded
from catalyst.contracts.message import Event
from catalyst.contracts.provisioning_values_v1 import Desired
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Ref

NOON = datetime(2026, 4, 2, 12, 0, tzinfo=UTC)
PROD = "acme-prod"


def digest(name: str, version: str, origin: str = "public") -> str:
    """Return a fingerprint that tells versions apart."""
    return f"sha256:{(name + version + origin).encode().hex():0<64}"[:71]


def spec(version: str, *needs: str, **more: Any) -> dict[str, Any]:
    """Return the `spec` of a document; a need is `name range`, or `alias=name range`."""
    depends = []
    for need in needs:
        alias, _, rest = need.rpartition("=") if "=bp-" in need else ("", "", need)
        name, _, wanted = rest.partition(" ")
        one = {"blueprint": name, "version": wanted or "*"}
        one["alias"] = alias or name.removeprefix("bp-").replace("-", "_")
        depends.append(one)
    return {
        "version": version,
        "card": {"title": f"Version {version}"},
        **({"depends": depends} if depends else {}),
        **more,
    }


class Contents:
    """What is in versions; of any other nothing can be read."""

    def __init__(self, **packages: Package) -> None:
        """Hold packages by their digest."""
        self.packages: dict[str, Package] = packages
        self.read: list[str] = []

    async def get(self, digest: str) -> Package:
        """Return a package."""
        self.read.append(digest)
        if digest not in self.packages:
            raise Rejected("unavailable", f"the content {digest} cannot be read now")
        return self.packages[digest]


class Shop:
    """Facts, folded as they come."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.catalogue = Catalogue()
        self.seq = 0

    def tell(self, ref: Ref, *events: Event) -> None:
        """Fold events of one aggregate."""
        for event in events:
            self.seq += 1
            self.catalogue.apply(
                Recorded(
                    event=event,
                    type="",
                    id=str(self.seq),
                    ref=ref,
                    seq=self.seq,
                    time=NOON,
                    actor="",
                    correlationid="",
                    causationid="",
                )
            )

    def organization(self, slug: str = "acme", *environments: str) -> None:
        """Let there be an Organization with Environments."""
        self.tell(
            Ref(slug, "environment", "organization", slug),
            env1.OrganizationCreated(
                slug=slug,
                display_name=slug.title(),
                kind="customer",
                tier="sme",
                billing_mode="real",
                sovereign_ref="cloud.example",
                owners=(),
            ),
        )
        for name in environments or (f"{slug}-prod",):
            ref = Ref(slug, "environment", "environment", name)
            self.tell(ref, environment(name))

    def blueprint(
        self,
        name: str,
        version: str,
        *needs: str,
        origin: bp1.Origin = "public",
        organization: str | None = None,
        published: bool = True,
        **more: Any,
    ) -> Ref:
        """Register a version and publish it."""
        ref = Ref(organization, "blueprint", "blueprint", f"{origin}-{name}")
        registered = bp1.VersionRegistered(
            name=name,
            origin=origin,
            version=version,
            digest=digest(name, version, origin),
            size=1,
            spec=spec(version, *needs, **more),
            source="main",
        )
        self.tell(ref, registered)
        if published:
            self.tell(ref, bp1.VersionPublished(name=name, origin=origin, version=version))
        return ref

    def curated(self, id_: str, *events: Event, organization: str | None = None) -> None:
        """Fold curation."""
        self.tell(Ref(organization, "catalog", "curation", id_), *events)

    def runs(
        self,
        application: str,
        name: str,
        version: str,
        *,
        organization: str = "acme",
        environment: str = PROD,
        origin: bp1.Origin = "public",
        values: dict[str, Any] | None = None,
        uses: Mapping[str, str] | None = None,
        own: Mapping[str, bool] | None = None,
        **dependencies: str,
    ) -> None:
        """Let an Application run."""
        desired = Desired(
            change=f"ch-{self.seq}",
            blueprint=name,
            origin=origin,
            version=version,
            digest=digest(name, version, origin),
            values=values or {},
            dependencies={**(uses or {}), **dependencies},
            own=dict(own or {}),
        )
        event = app1.DesiredSet(environment=environment, change=desired.change, desired=desired)
        self.tell(Ref(organization, "provisioning", "application", application), event)


def environment(name: str) -> env1.EnvironmentCreated:
    """Return that an Environment was created."""
    region = env1.Region(
        provider="hetzner", region="fsn", building_block="rtz", host_cluster="hz-fsn-rtz-prod"
    )
    return env1.EnvironmentCreated(
        environment=name,
        organization=name.rpartition("-")[0],
        env_type="prod",
        regions=(region,),
        placement="single-region",
        branch="main",
        policy=None,
    )


def names(entries: Sequence[Any]) -> list[str]:
    """Return the names of things."""
    return [one.name for one in entries]
