"""The catalogue on the real broker: what is registered is found, by those who may find it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.integration.provisioning.town import write
from tests.support.catalogue import environment
from tests.support.rig import working

from catalyst.blueprints import document
from catalyst.blueprints.package import digest, to_tar
from catalyst.blueprints.starter import loading
from catalyst.catalog_svc.adapters.content import StoredContents
from catalyst.catalog_svc.adapters.engine import Tantivy
from catalyst.catalog_svc.handlers import service
from catalyst.chassis.asking import Asked
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.objects import Objects
from catalyst.chassis.keyring import KeyRing
from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts import catalog_v1 as cat1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import roles
from catalyst.contracts.message import Event
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Ref

pytestmark = pytest.mark.real

ANN, BEN = "ann@example.org", "ben@example.org"


@dataclass(frozen=True)
class Shop:
    """A catalogue that runs, with the facts that it is made of."""

    js: JetStream
    keys: KeyRing

    async def tell(self, ref: Ref, *events: Event) -> None:
        """Let something have happened."""
        for event in events:
            await write(self.js, ref, event)

    async def organization(self, slug: str, owner: str) -> None:
        """Let there be an Organization with an owner and an Environment."""
        created = env1.OrganizationCreated(
            slug=slug,
            display_name=slug.title(),
            kind="customer",
            tier="sme",
            billing_mode="real",
            sovereign_ref="cloud.example",
            owners=(env1.Owner(email=owner, role="owner"),),
        )
        await self.tell(Ref(slug, "environment", "organization", slug), created)
        place = f"{slug}-prod"
        await self.tell(Ref(slug, "environment", "environment", place), environment(place))

    async def register(self, folder: str, organization: str | None = None, name: str = "") -> None:
        """Register and publish a package that comes with Catalyst."""
        package = loading.load(folder)
        blueprint = document.read(package).blueprint
        assert blueprint is not None
        await Objects(self.js).put(to_tar(package))
        origin: bp1.Origin = "public" if organization is None else "private"
        called = name or blueprint.name
        ref = Ref(organization, "blueprint", "blueprint", f"{origin}-{called}")
        registered = bp1.VersionRegistered(
            name=called,
            origin=origin,
            version=blueprint.version,
            digest=digest(package),
            size=len(to_tar(package)),
            spec=blueprint.spec,
            source="starter",
        )
        published = bp1.VersionPublished(name=called, origin=origin, version=blueprint.version)
        await self.tell(ref, registered, published)

    async def ask(self, name: str, organization: str, by: str, /, **request: Any) -> Any:
        """Ask as a person."""
        asked = Asked(self.js, lambda: self.keys.people().person(by))
        return await asked.ask("catalog", name, 1, organization, request)

    async def ask_as(self, organization: str | None, *platform_roles: str) -> list[str]:
        """Return what a person of the platform finds."""
        token = self.keys.people().person("root@example.org", platform_roles)
        asked = Asked(self.js, lambda: token)
        answer = await asked.ask("catalog", "search", 1, organization, {})
        return [item["name"] for item in answer["items"]]

    async def found(self, text: str, organization: str, by: str) -> list[str]:
        """Return the names that a search finds."""
        answer = await self.ask("search", organization, by, text=text)
        return [item["name"] for item in answer["items"]]


@asynccontextmanager
async def opened(js: JetStream, keys: KeyRing) -> AsyncIterator[Shop]:
    """Run the catalogue for the block."""
    catalog = service(Tantivy, StoredContents(Objects(js)))
    async with working(js, catalog, keys=keys):
        yield Shop(js, keys)


async def test_what_comes_with_catalyst_is_found_shown_compared_and_asked_for(
    js: JetStream, tmp_path: Path
) -> None:
    keys = KeyRing.open(tmp_path / "keys")
    async with opened(js, keys) as shop:
        await shop.organization("acme", ANN)
        for folder in loading.names():
            await shop.register(folder)
        # Everything that stands in the log when the question comes is in the answer.
        assert (await shop.found("postgresql", "acme", ANN))[0] == "bp-postgres"
        assert (await shop.found("wordpess", "acme", ANN))[0] == "bp-wordpress"
        shown = await shop.ask("show", "acme", ANN, blueprint="wordpress")
        assert shown["card"]["price"] is None
        assert shown["readme"] is not None
        found = await shop.ask("versions", "acme", ANN, blueprint="wordpress", installed="1.0.1")
        lines = [(line["version"], line["upgradable"]) for line in found["versions"]]
        assert lines == [("1.1.1", True), ("1.0.1", False)]
        differs = await shop.ask(
            "diff", "acme", ANN, blueprint="wordpress", old="1.0.1", new="1.1.1"
        )
        assert "blueprint.yaml" in [one["name"] for one in differs["files"]]
        form = await shop.ask("form", "acme", ANN, blueprint="wordpress", environment="acme-prod")
        assert form["fields"][0]["field"]["path"] == ["domain"]


@pytest.mark.guarantee("G23.1", "G23.3")
async def test_each_finds_its_own_and_a_new_process_answers_the_same(
    js: JetStream, tmp_path: Path
) -> None:
    keys = KeyRing.open(tmp_path / "keys")
    async with opened(js, keys) as shop:
        await shop.organization("acme", ANN)
        await shop.organization("beta", BEN)
        await shop.register("bp-wiki")
        await shop.register("bp-mailpit", "beta", "bp-secret")
        hidden = cat1.BlueprintHidden(reason="not here")
        await shop.tell(Ref("beta", "catalog", "curation", "public-bp-wiki"), hidden)
        assert await shop.found("", "acme", ANN) == ["bp-wiki"]
        assert await shop.found("", "beta", BEN) == ["bp-secret"]
        with pytest.raises(Rejected) as refused:
            await shop.ask("show", "acme", ANN, blueprint="bp-secret")
        assert refused.value.code == "blueprint-not-found"
        with pytest.raises(Rejected) as forbidden:
            await shop.found("", "beta", ANN)
        assert forbidden.value.code == "forbidden"
        assert await shop.ask_as(None, roles.SOVEREIGN_ADMIN) == ["bp-wiki"]
        for where, role in ((None, ()), ("beta", (roles.SOVEREIGN_ADMIN,))):
            with pytest.raises(Rejected) as no:
                await shop.ask_as(where, *role)
            assert no.value.code == "forbidden"
        # Who sees every Organization hears that there is none; everybody else, what strangers hear.
        for admin, code in (
            (roles.SOVEREIGN_ADMIN, "organization-not-found"),
            (roles.SECURITY_OFFICER, "forbidden"),
            (roles.BILLING_ADMIN, "forbidden"),
        ):
            with pytest.raises(Rejected) as no:
                await shop.ask_as("nowhere", admin)
            assert no.value.code == code
        with pytest.raises(Rejected) as no:
            await shop.found("", "nowhere", ANN)
        assert (no.value.code, no.value.message) == ("forbidden", forbidden.value.message)
        answered = await shop.ask("search", "beta", BEN)
    async with opened(js, keys) as again:
        assert await again.ask("search", "beta", BEN) == answered
        assert await again.found("", "acme", ANN) == ["bp-wiki"]
