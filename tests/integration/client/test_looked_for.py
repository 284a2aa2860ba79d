"""Somebody who looks for what others have: it answers like what was never there, at every door.

On the whole stack, with an Organization that has an Environment, an Application, a Blueprint of its
own, a change, an outcome and a used voucher. Each try is made twice, with their names and with
names that nobody has, in one's own Organization and in theirs: both get the same answer.
"""

import asyncio
import itertools
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from tests.integration.client.shop import Shop, open_supplied
from tests.integration.gateway.test_git import git
from tests.support.clients import plain
from tests.support.waiting import until
from tools.files import ROOT

from catalyst.blueprints import starter

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G6.9")]
MALLORY: Final = "mal@prowler.example"
OWN: Final = "prowler"
OWN_ENV: Final = "prowler-dev"
MAILPIT: Final = Path(starter.__file__).parent / "data" / "bp-mailpit"
CODE: Final = "HOARDED-7QKD-M2XW"
REAL: Final = {
    "org": "hoard",
    "env": "hoard-prod",
    "app": "hidden",
    "blueprint": "bp-burrow",
    "source": "burrows",
    "command": "c-hoarded",
    "code": CODE,
}
"""What there is; `change` comes with the change."""
NOTHING: Final = {
    "org": "nowhere",
    "env": "nowhere-prod",
    "app": "missing",
    "blueprint": "bp-absent",
    "source": "absents",
    "command": "c-nothing",
    "code": "NOTHING-9XWB-L4ZP",
    "change": "ch-0000000000000000",
}
OF_THEIR_OWN: Final = frozenset(
    {"as_of", "correlationid", "cursor", "digest", "expires", "hash", "head", "id", "inputs"}
    | {"lag_ms", "made", "seq", "time", "continue"}
)
"""Members that are others with each answer."""


def manifests() -> str:
    found = []
    for slug, email, env in (("hoard", "admin@localhost", "prod"), (OWN, MALLORY, "dev")):
        found.append(f"""\
apiVersion: orgs.openova.io/v1
kind: Organization
metadata: {{name: {slug}}}
spec:
  slug: {slug}
  displayName: {slug.title()}
  kind: customer
  tier: sme
  billingMode: real
  sovereignRef: cloud.example.org
  owners:
    - {{email: {email}, role: owner}}
---
apiVersion: catalyst.openova.io/v1
kind: Environment
metadata: {{name: {slug}-{env}}}
spec:
  organizationRef: {slug}
  envType: {env}
  placement: single-region
  regions:
    - {{provider: hetzner, region: fsn, buildingBlock: rtz}}
""")
    return "---\n".join(found)


@dataclass
class Town:
    """The stack, what Mallory may do there, and the names of what others have."""

    url: str
    owner: str
    mallory: str
    real: dict[str, str]

    def as_(self, token: str) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {token}"}
        return plain(base_url=self.url, headers=headers, timeout=60.0)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("town")
    prices = ROOT / "examples" / "price-book.yaml"
    with open_supplied(folder, manifests(), organization="hoard", prices=prices, code=CODE) as shop:
        yield hoarded(shop, folder)


def hoarded(shop: Shop, folder: Path) -> Town:
    """Give the other Organization everything that could be looked for."""
    installation = shop.installation
    url = json.loads((installation.data / "endpoints.json").read_text("utf-8"))["http"]
    people = installation.keys.people()
    found = Town(url, people.person("admin@localhost"), people.person(MALLORY), dict(REAL))
    # What is asked about has to be there the first time, too.
    shop.once_said("bp-wiki", "catalog", "search", "wiki", "--org", "hoard")
    wanted = ("plan", "install", "bp-redis", "--as", "hidden", "--env", "hoard-prod")
    ran = shop.well(*wanted, by=shop.owner)
    hash_ = re.findall(r"\b[0-9a-f]{64}\b", ran.out)[-1]
    applied = shop.well("apply", hash_, by=shop.owner)
    found.real["change"] = re.findall(r"\bch-[0-9a-f]+\b", applied.out)[0]
    work = folder / "burrow"
    for file in MAILPIT.rglob("*"):
        if file.is_file():
            place = work / "burrow" / file.relative_to(MAILPIT)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place)
    for file in work.rglob("*.yaml"):
        file.write_text(file.read_text("utf-8").replace("bp-mailpit", "bp-burrow"), "utf-8")
    service = installation.keys.service("provisioning").service()
    for arguments in (
        ("init", "-q", "-b", "main"),
        ("add", "."),
        ("-c", "user.name=V", "-c", "user.email=v@hoard.example", "commit", "-qm", "Add"),
        ("push", url.replace("://", f"://x:{service}@") + "/git/hoard/burrows.git", "main"),
    ):
        done = git(*arguments, cwd=work)
        assert done.returncode == 0, done.stderr
    asyncio.run(ordered(found))
    return found


async def ordered(town: Town) -> None:
    """Send what needs a command of the owner's."""
    async with town.as_(town.owner) as http:
        added = await http.post(
            "/v1/commands/blueprint.add-source.v1",
            params={"organization": "hoard", "id": "burrows"},
            json=filled(SOURCE, town.real),
            headers={"Prefer": "wait=10"},
        )
        assert added.json()["status"] == "accepted", added.text
        updated = await http.post(
            "/v1/commands/environment.update-organization.v1",
            params={"organization": "hoard"},
            json={"display_name": "Hoard"},
            headers={"Prefer": "wait=10", "Idempotency-Key": "c-hoarded"},
        )
        assert updated.json()["status"] == "accepted", updated.text


def alike(text: str, names: dict[str, str]) -> Any:
    """Return an answer without its own numbers, and with what was asked for by its kind."""
    for kind, name in names.items():
        for form in (name, name.removeprefix("bp-")):
            text = re.sub(rf"\b{re.escape(form)}\b", f"<{kind}>", text)
    try:
        return without(json.loads(text))
    except json.JSONDecodeError:
        return text


def without(found: Any) -> Any:
    if isinstance(found, dict):
        return {key: without(one) for key, one in found.items() if key not in OF_THEIR_OWN}
    return [without(one) for one in found] if isinstance(found, list) else found


def filled(pattern: Any, names: dict[str, str]) -> Any:
    """Return a try with names in it."""
    if isinstance(pattern, str):
        return pattern.format(**names)
    if isinstance(pattern, dict):
        return {key: filled(one, names) for key, one in pattern.items()}
    return [filled(one, names) for one in pattern] if isinstance(pattern, list) else pattern


ADDRESSES: Final = (
    "/v1/state/organizations/{org}",
    "/v1/state/environments/{env}",
    "/v1/state/environments?environment={env}",
    "/v1/state/applications/{app}",
    "/v1/state/applications?environment={env}",
    "/v1/state/changes/{change}",
    "/v1/state/blueprints/private-{blueprint}",
    "/v1/state/sources/{source}",
    "/v1/state/all?organization={org}",
    "/v1/state/all?field=organization%3D{org}",
    "/v1/events?organization={org}",
    "/v1/events?command={command}",
    "/v1/events?aggregate=application&id={app}",
    "/v1/dlq?organization={org}",
    "/v1/dlq/dlq.{org}.environment.organization.{org}.c1",
    "/v1/outcomes/{command}?organization={org}",
    "/v1/outcomes/{command}?organization=prowler",
    "/v1/trace/{command}",
    "/v1/trace/{change}?organization={org}",
    "/v1/icons/{blueprint}?organization=prowler",
    "/v1/icons/{blueprint}?organization={org}",
    "/v1/stream?organization={org}",
    "/git/{org}/home.git/info/refs?service=git-upload-pack",
    "/git/{org}/{app}.git/info/refs?service=git-receive-pack",
    "/git/{org}/{source}.git/info/refs?service=git-upload-pack",
)
PLACE: Final = {"environment": "{env}", "application": "{app}"}
HERE: Final = {"environment": OWN_ENV, "application": "mine"}
QUESTIONS: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("catalog/search", {"text": "{blueprint}"}),
    ("catalog/search", {"origin": ["private"]}),
    ("catalog/show", {"blueprint": "{blueprint}"}),
    ("catalog/versions", {"blueprint": "{blueprint}"}),
    ("catalog/versions", {"blueprint": "bp-wiki", **PLACE}),
    ("catalog/diff", {"blueprint": "{blueprint}", "old": "1.0.0", "new": "1.0.1"}),
    ("catalog/form", {"blueprint": "{blueprint}"}),
    ("catalog/form", {"blueprint": "bp-wiki", **PLACE}),
    ("catalog/notices", {"application": "{app}"}),
    ("catalog/solve", {**PLACE}),
    ("catalog/solve", {**HERE, "blueprint": "{blueprint}"}),
    ("catalog/solve", {**HERE, "blueprint": "bp-wiki", "dependencies": {"postgres": "{app}"}}),
    ("catalog/why-not", {"blueprint": "{blueprint}", "version": "1.0.1"}),
    ("catalog/why-not", {"blueprint": "bp-wiki", "version": "*", **PLACE}),
    ("provisioning/plan", {"action": "install", "blueprint": "bp-wiki", **PLACE}),
    ("provisioning/plan", {"action": "install", "blueprint": "{blueprint}", **HERE}),
    ("provisioning/plan", {"action": "uninstall", **PLACE}),
    ("provisioning/plan", {"action": "uninstall", **PLACE, "environment": OWN_ENV}),
    ("provisioning/plan", {"action": "delete-environment", "environment": "{env}"}),
    ("provisioning/health", {}),
    ("billing/open-money", {}),
    ("billing/preview-voucher", {"code": "{code}"}),
    ("billing/invoice", {"invoice": "2026-11"}),
    ("environment/plan-environment-deletion", {"environment": "{env}"}),
    ("environment/plan-organization-deletion", {}),
)
LIMIT: Final = {"limit": {"currency": "OMR", "minor": 5000}}
STOP: Final = {"reason": "x"}
SOURCE: Final = {"kind": "git", "location": "/git/{org}/{source}.git", "origin": "private"}
PLACEMENT: Final = {
    "env_type": "prod",
    "placement": "single-region",
    "regions": [{"provider": "hetzner", "region": "fsn", "building_block": "rtz"}],
}
COMMANDS: Final[tuple[tuple[str, str, dict[str, Any]], ...]] = (
    ("environment.update-organization.v1", "{org}", {"display_name": "Mine"}),
    ("environment.create-environment.v1", "{env}", PLACEMENT),
    ("environment.attach-policy.v1", "{env}", {"policy": None}),
    ("blueprint.add-source.v1", "loot", SOURCE),
    ("blueprint.sync-source.v1", "{source}", {}),
    ("blueprint.yank-version.v1", "private-{blueprint}", {"version": "1.0.1", "reason": "x"}),
    ("catalog.hide-blueprint.v1", "{blueprint}", STOP),
    ("provisioning.approve-change.v1", "{change}", {"hash": "0" * 64}),
    ("provisioning.reject-change.v1", "{change}", {"hash": "0" * 64, "reason": "x"}),
    ("provisioning.cancel-change.v1", "{change}", STOP),
    ("billing.set-spend-limit.v1", "{org}", LIMIT),
)


async def same(http: httpx.AsyncClient, town: Town, method: str, path: str, **more: Any) -> int:
    """Make a try with both kinds of names; return the status that both were answered with."""
    answers = []
    for names in (town.real, NOTHING):
        asked = {key: filled(one, names) for key, one in more.items()}
        found = await http.request(method, filled(path, names), **asked)
        answers.append((found.status_code, alike(found.text, names)))
    assert answers[0] == answers[1], f"{method} {path} {more}"
    assert answers[0][0] < 500
    return int(answers[0][0])


async def test_all_of_it_is_there_for_its_owner(town: Town) -> None:
    """So that the others do not look for what nobody would find."""
    async with town.as_(town.owner) as http:
        for address in ADDRESSES:
            if "dlq" in address or "prowler" in address or "stream" in address:
                continue

            async def shown(address: str = address) -> bool:
                found = await http.get(filled(address, town.real))
                return found.status_code in {200, 403} and "[]" not in found.text[:12]

            await until(shown, 60)


async def test_whatever_is_read_is_answered_as_if_it_were_not_there(town: Town) -> None:
    async with town.as_(town.mallory) as http:
        for address in ADDRESSES:
            await same(http, town, "GET", address)


async def test_whatever_is_asked_is_answered_as_if_it_were_not_there(town: Town) -> None:
    async with town.as_(town.mallory) as http:
        for (name, about), owner in itertools.product(QUESTIONS, (OWN, "{org}", "_")):
            place = f"/v1/queries/{name}?organization={owner}"
            status = await same(http, town, "POST", place, json=about)
            assert status != 200 or owner == OWN, (name, owner)


async def test_whatever_is_ordered_is_answered_as_if_it_were_not_there(town: Town) -> None:
    async with town.as_(town.mallory) as http:
        for (type_, id_, about), owner in itertools.product(COMMANDS, (OWN, "{org}", "_")):
            place = f"/v1/commands/{type_}?organization={owner}&id={id_}"
            wait = {"Prefer": "wait=10"}
            status = await same(http, town, "POST", place, json=about, headers=wait)
            assert status == (200 if owner == OWN else 403), (type_, owner)
            # Nothing that was ordered has happened, so that every try finds what the first one did.
        kept = await http.get(f"/v1/state/environments?organization={OWN}")
        assert [one["value"]["doc"]["name"] for one in kept.json()["items"]] == [OWN_ENV]


async def test_whatever_use_is_reported_is_answered_as_if_it_were_not_there(town: Town) -> None:
    use = {
        "specversion": "1.0",
        "id": "u-1",
        "source": "meter",
        "type": "usage.reported.v1",
        "time": datetime.now(UTC).isoformat(),
        "subject": "{app}.{env}",
        "data": {"meter": "storage", "quantity": 5},
    }
    one, many = "application/cloudevents+json", "application/cloudevents-batch+json"
    theirs = {**use, "organization": "{org}"}
    statuses = []
    async with town.as_(town.mallory) as http:
        for owner, kind, sent in (
            ("{org}", one, use),
            ("{org}", many, [use]),
            (OWN, one, theirs),
            (OWN, many, [use, theirs]),
            (OWN, many, [use]),
        ):
            header = {"Content-Type": kind}
            path = f"/v1/usage?organization={owner}"
            statuses.append(await same(http, town, "POST", path, json=sent, headers=header))
    assert statuses == [403, 403, 422, 422, 202]
