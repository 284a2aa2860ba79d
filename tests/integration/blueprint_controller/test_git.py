"""Git repositories as sources: over our own door, pinned to a commit, for their owner alone."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest
from dulwich.objects import Blob, Tree
from dulwich.refs import HEADREF
from dulwich.refs import Ref as Branch
from dulwich.repo import Repo
from tests.support.commits import committed
from tests.support.serving import serving
from tests.support.sources import Registry, document, registering, until

from catalyst.blueprint_controller.adapters import sources
from catalyst.blueprint_controller.domain.places import source_ref
from catalyst.chassis.events import encode as raw
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.codec import encode
from catalyst.contracts.message import Envelope
from catalyst.contracts.subjects import Ref
from catalyst.environment_controller.adapters.git_http import Caller, by_token, git_app
from catalyst.environment_controller.adapters.git_root import GitRoot

pytestmark = pytest.mark.real

TOKEN = "a-token-of-the-service"
HOME = "/git/{}/home.git"
MAIN = Branch(b"refs/heads/main")


async def identify(token: str, _organization: str) -> Caller | None:
    """The service reads what it asks for; nobody else reads anything."""
    return Caller(service="blueprint") if token == TOKEN else None


@asynccontextmanager
async def door(root: GitRoot) -> AsyncIterator[str]:
    """Serve the homes as the environment-controller does."""
    async with serving(git_app(root, by_token(identify))) as address:
        yield address


def commit(root: GitRoot, organization: str, files: dict[str, str]) -> str:
    """Put files into an Organization's repository, each in a folder of its own."""
    path = root.repository(organization)
    if not path.exists():
        path.mkdir(parents=True)
        Repo.init_bare(str(path)).close()
    with Repo(str(path)) as repo:
        top = Tree()
        for folder, text in files.items():
            blob = Blob.from_string(text.encode())
            inner = Tree()
            inner.add(b"blueprint.yaml", 0o100644, blob.id)
            repo.object_store.add_object(blob)
            repo.object_store.add_object(inner)
            top.add(folder.encode(), 0o040000, inner.id)
        repo.object_store.add_object(top)
        made = committed(top)
        if MAIN in repo.refs:
            made.parents = [repo.refs[MAIN]]
        repo.object_store.add_object(made)
        repo.refs[MAIN] = made.id
        repo.refs.set_symbolic_ref(HEADREF, MAIN)
        return made.id.decode()


async def organization(js: JetStream, slug: str) -> None:
    """Let an Organization exist, with `ada` as its owner."""
    ref = Ref(slug, "environment", "organization", slug)
    created = env1.OrganizationCreated(
        slug=slug,
        display_name=slug,
        kind="customer",
        tier="sme",
        billing_mode="real",
        sovereign_ref="cloud.example",
        owners=(env1.Owner(email=f"ada@{slug}.example", role="owner"),),
    )
    body = Envelope(
        specversion="1.0",
        id=f"e-{slug}",
        source="test",
        type="environment.organization-created.v1",
        organization=slug,
        actor="service:environment",
        data=raw(created),
    )
    await js.publish(Outgoing(ref.event("organization-created", 1), encode(body)))


async def add(registry: Registry, slug: str, location: str) -> str:
    """Add a source as the owner of an Organization; return why not, if so."""
    data = {"kind": "git", "location": location, "origin": "private"}
    told = await registry.send(
        "blueprint.add-source.v1", source_ref(slug, "shared"), data, email=f"ada@{slug}.example"
    )
    return told.code


@pytest.mark.guarantee("G22.5")
async def test_an_organization_reads_its_own_repository(js: JetStream, tmp_path: Path) -> None:
    root = GitRoot(tmp_path / "git")
    first = commit(root, "acme", {"bp-wiki": document("bp-wiki")})
    async with (
        door(root) as url,
        registering(js, tmp_path, git_url=url, token=TOKEN) as registry,
    ):
        await organization(js, "acme")
        await organization(js, "rival")
        assert await add(registry, "acme", HOME.format("acme")) == ""
        source = await registry.read("shared", 1, "acme")
        assert (source.failures, source.revision) == (0, first)
        await until(
            lambda: registry.blueprint("bp-wiki", "private", "acme"),
            lambda state: state.versions and state.versions["1.0.0"].published,
        )
        # Nobody names another Organization's repository, whether it is there or not.
        for other in ("acme", "nobody"):
            assert await add(registry, "rival", HOME.format(other)) == "source-location-forbidden"
        assert (await registry.blueprint("bp-wiki", "private", "rival")).versions == {}

        # What is added is fetched, and what has gone is told.
        second = commit(root, "acme", {"bp-wiki": document("bp-wiki", "1.1.0")})
        told = await registry.send(
            "blueprint.sync-source.v1", source_ref("acme", "shared"), {}, email="ada@acme.example"
        )
        assert told.status == "accepted"
        source = await registry.read("shared", 2, "acme")
        assert source.revision == second
        assert set(source.held) == {"bp-wiki@1.1.0"}
        wiki = await until(
            lambda: registry.blueprint("bp-wiki", "private", "acme"),
            lambda state: len(state.versions) == 2,
        )
        assert set(wiki.versions) == {"1.0.0", "1.1.0"}
    root.close()


async def test_a_sovereign_admin_does_not_add_to_an_organization(
    js: JetStream, tmp_path: Path
) -> None:
    async with registering(js, tmp_path, git_url="http://127.0.0.1:1") as registry:
        await organization(js, "acme")
        data = {"kind": "git", "location": HOME.format("acme"), "origin": "private"}
        told = await registry.send("blueprint.add-source.v1", source_ref("acme", "shared"), data)
        assert told.code == "forbidden"


@pytest.mark.guarantee("G22.6")
@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:4222/x.git",
        "http://localhost/x.git",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/x.git",
        "http://[::ffff:10.0.0.1]/x.git",
        "http://2130706433/x.git",
    ],
)
async def test_this_machine_is_not_read_even_where_its_name_is_allowed(
    js: JetStream, tmp_path: Path, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = ("127.0.0.1", "localhost", "169.254.169.254", "::1", "::ffff:10.0.0.1", "2130706433")

    # Where it stands is not found when it is added, and is when it is read.
    def unknown(host: str, _port: int | None) -> list[str]:
        raise socket.gaierror(socket.EAI_AGAIN, host)

    said = f"{urlsplit(location).netloc} is not on the public network"
    async with registering(js, tmp_path, git_hosts=hosts) as registry:
        await organization(js, "acme")
        data = {"kind": "git", "location": location, "origin": "private"}
        told = await registry.send(
            "blueprint.add-source.v1", source_ref("acme", "own"), data, email="ada@acme.example"
        )
        assert (told.code, told.message) == ("source-location-forbidden", said)
        with monkeypatch.context() as patch:
            patch.setattr(sources, "looked_up", unknown)
            assert await add(registry, "acme", location) == ""
        source = await registry.read("shared", 1, "acme")
        assert (source.failures, source.held) == (1, {})
        # Whoever asks there might find nobody, too: why it failed is what counts.
        (failed,) = await js.replay("EV", source_ref("acme", "shared").event("sync-failed", 1))
        assert msgspec.json.decode(failed.data)["data"]["message"] == said


@pytest.mark.guarantee("G22.6")
@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("https://git.example/x.git", "source-location-forbidden"),
        ("file:///etc", "source-location-invalid"),
        ("/etc/passwd", "source-location-invalid"),
        ("ssh://git.example/x.git", "source-location-invalid"),
        ("https://user:secret@git.example/x.git", "source-location-invalid"),
        ("/git/acme/../rival/home.git", "source-location-invalid"),
    ],
)
async def test_other_places_are_refused(
    js: JetStream, tmp_path: Path, location: str, code: str
) -> None:
    async with registering(js, tmp_path, git_url="http://127.0.0.1:1") as registry:
        await organization(js, "acme")
        assert await add(registry, "acme", location) == code


@pytest.mark.guarantee("G22.6")
async def test_no_directory_is_an_organization_s(js: JetStream, tmp_path: Path) -> None:
    async with registering(js, tmp_path) as registry:
        await organization(js, "acme")
        data = {"kind": "directory", "location": "main", "origin": "private"}
        told = await registry.send(
            "blueprint.add-source.v1", source_ref("acme", "own"), data, email="ada@acme.example"
        )
        assert told.code == "source-location-forbidden"
        for outside in ("/etc", "../keys", f"{tmp_path}/sources/../keys"):
            refused = await registry.add("own", outside)
            assert refused.code == "source-location-forbidden"
            named = f"{tmp_path}/sources, which BLUEPRINT_CONTROLLER_SOURCE_DIRECTORIES names"
            assert refused.message == f"the directory is not below {named}"
            # Whoever may not add one is not told where directories are.
            other = {"kind": "directory", "location": outside, "origin": "public"}
            told = await registry.send(
                "blueprint.add-source.v1", source_ref(None, "own"), other, email="ada@acme.example"
            )
            assert (told.code, str(tmp_path) in told.message) == ("forbidden", False)
        (tmp_path / "sources" / "link").symlink_to(tmp_path / "keys")
        await registry.add("linked", "link")
        source = await registry.read("linked", 1)
        assert (source.failures, source.held) == (1, {})
