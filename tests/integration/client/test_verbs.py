"""Every verb of the market, in one story on one stack; and what each says to a wrong use."""

import re
import shlex
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from tests.integration.client.shop import KEEPING, SOURCES, WAIT_SECONDS, Shop, open_supplied
from tools.files import ROOT

from catalyst.blueprints import starter
from catalyst.cli.verbs import GROUPS

pytestmark = [pytest.mark.real, pytest.mark.story]
ORG: Final = "omantel"
ENV: Final = "omantel-prod"
CODE: Final = "SPRING-FAIR-7QKD-M2XW"
PRICES: Final = ROOT / "examples" / "price-book.yaml"
WORDPRESS: Final = Path(starter.__file__).parent / "data" / "bp-wordpress@1.0.1"
MARKET: Final = ("app", "billing", "blueprint", "catalog", "plan", "source", "voucher")
"""Groups of which every verb has its place in the story."""
MANIFESTS: Final = f"""\
apiVersion: orgs.openova.io/v1
kind: Organization
metadata: {{name: {ORG}}}
spec:
  slug: {ORG}
  displayName: Omantel
  kind: customer
  tier: sme
  billingMode: real
  sovereignRef: cloud.example.org
  owners:
    - {{email: admin@localhost, role: owner}}
---
apiVersion: catalyst.openova.io/v1
kind: Environment
metadata: {{name: {ENV}}}
spec:
  organizationRef: {ORG}
  envType: prod
  placement: single-region
  regions:
    - {{provider: hetzner, region: fsn, buildingBlock: rtz}}
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A stack with an Organization that has prices, and a voucher that it has redeemed."""
    folder = tmp_path_factory.mktemp("shop")
    with open_supplied(folder, MANIFESTS, organization=ORG, prices=PRICES, code=CODE) as found:
        yield found


def pasted(text: str, verb: str) -> list[str]:
    """Return the words of the command that a hint offers, without the program's name."""
    found = re.search(rf"`(?:uv run )?catalyst ({verb}[^`]*)`", text)
    assert found is not None, text
    return found[1].split()


def planned(shop: Shop, *arguments: str) -> list[str]:
    """Plan as the Organization's owner; return the command that its hint offers."""
    ran = shop.well("plan", *arguments, by=shop.owner)
    return pasted(ran.err, "apply")


def carried_out(shop: Shop, *arguments: str) -> str:
    """Plan, paste what the hint offers, and return what was shown of it."""
    ran = shop.well(*planned(shop, *arguments), by=shop.owner)
    assert "completed, 100 %" in ran.out
    return ran.out


@pytest.mark.guarantee("G27.1")
def test_a_person_goes_from_the_catalogue_to_an_invoice_by_pasting_what_is_offered(
    shop: Shop,
) -> None:
    month = f"{datetime.now(UTC):%Y-%m}"
    assert "starter" in shop.well("source", "list").out
    shop.well("source", "add", "shared", f"/git/{ORG}/shared-blueprints.git", "--org", ORG)
    # It is read as soon as it is added.
    shop.once_free("sync-in-progress", "source", "sync", "shared", "--org", ORG)
    shop.well("source", "remove", "shared", "--org", ORG)
    shop.well("blueprint", "lint", str(WORDPRESS))
    # The starter catalogue is registered behind everything that a start waits for.
    found = shop.once_said("bp-wordpress", "catalog", "search", "wordpress", "--org", ORG)
    looked = shop.once_said("1.500 OMR", *pasted(found.err, "catalog show"))
    assert "memoryMiB" in shop.well("catalog", "show", "bp-wordpress", "--form", "--org", ORG).out
    why = shop.well("catalog", "show", "bp-wordpress", "--why-not", "9.0.0", "--org", ORG)
    assert "9.0.0" in why.out

    # Without --org: an Environment says whose it is.
    titled = ("install", "bp-wordpress", "--as", "blog", "--env", ENV, "--set", "siteTitle=Hi")
    assert re.search(r"SITE_TITLE\n.*value: Hi\n", shop.well("plan", *titled, "--diff").out)
    large = shop.well("plan", *titled, "--package", "m", "--addon", "addon.backup").out
    assert "with package m and add-ons addon.backup" in large
    assert re.search(r"12\.500 OMR +blog Medium", large)
    assert re.search(r"0\.750 OMR +blog Daily backup", large)
    own = {"NAME": "blog", "ENVIRONMENT": ENV}
    plan = [own.get(word, word) for word in pasted(looked.err, "plan install")]
    shown = shop.well(*plan, "--version", "1.0.1", by=shop.owner)
    assert "37.000 OMR afterwards" in shown.out
    watched = shop.well(*pasted(shown.err, "apply"), by=shop.owner)
    assert "capture    done" in watched.out
    assert "observe    done (simulated)" in watched.out
    (change,) = re.findall(r"change (\S+) completed, 100 % \(simulated\)", watched.out)
    again = shop.well("plan", "show", change, "--org", ORG, by=shop.owner)
    assert again.out.splitlines()[-1] == shown.out.splitlines()[-1]
    traced = shop.well("trace", change, "--org", ORG).out
    assert re.search(r"change-step-progressed\.v1 .* \(simulated\)$", traced, re.MULTILINE)
    assert "healthy (simulated)" in shop.well("app", "list", "--env", ENV).out
    found = shop.well(*pasted(watched.err, "app show"), "--env", ENV)
    assert re.search(r"(?s)none, .*domain=HOST.*health +healthy \(simulated\), seen", found.out)
    assert change in shop.well(*pasted(found.err, "app history")).out
    assert "do you mean blog?" in shop.run("plan", "upgrade", "blgo", "--env", ENV).err
    carried_out(shop, "upgrade", "blog", "--env", ENV, "--version", "1.1.1")
    more = planned(shop, "configure", "blog", "--env", ENV, "--set", "memoryMiB=768")
    other = planned(shop, "configure", "blog", "--env", ENV, "--set", "siteTitle=Hi")
    assert "completed" in shop.well(*more, by=shop.owner).out
    stale = shop.run(*other, by=shop.owner)
    assert stale.code == 3
    assert "plan-stale" in stale.err
    assert pasted(stale.err, "plan")[:5] == ["plan", "configure", "blog", "--env", ENV]
    history = shop.well("app", "history", "blog", "--json").json
    assert [one["request"]["action"] for one in history] == ["install", "upgrade", "configure"]
    back = ("rollback", "blog", "--env", ENV, "--to", history[1]["change"])
    carried_out(shop, *back)
    balance = shop.well("billing", "balance", "--org", ORG)
    assert "37.000 OMR" in balance.out
    moved = shop.well(*pasted(balance.err, "billing ledger"))
    kinds = {item["kind"] for item in shop.well("billing", "ledger", "--json").json}
    assert {"credit-granted", "credit-held", "hold-captured"} <= kinds
    assert "main" in shop.well("billing", "price-book", "show").out
    # As it was called, and not under the name that it is kept.
    assert shop.well("get", "price-books").out.splitlines()[1].startswith("main ")
    assert "book: main" in shop.well("get", "price-books", "main").out
    running = shop.well(*pasted(moved.err, "billing invoice show"))
    assert "3.000 OMR" in running.out
    for some, told in (("2020-01", "nothing to invoice in"), (month, "is closed with the invoice")):
        close = ("billing", "invoice", "finalize", some, "--org", ORG)
        assert told in shop.well(*close, by=shop.bookkeeper).out
    opened = shop.well(*pasted(running.err, "billing invoice explain"))
    assert "price book main 2026-01" in opened.out
    assert "the same bytes" in shop.well(*pasted(opened.err, "billing invoice replay")).out
    assert month in shop.well("billing", "invoice", "list").out
    given = ("credit-note", month, "1=0.500", "--as", "outage-1", "--reason", "Two days down.")
    shop.well("billing", *given, "--org", ORG, by=shop.bookkeeper)
    shop.once_said("outage-1 gave back 0.500 OMR of line 1", "billing", "invoice", "show", month)
    void = shop.run("billing", "void", month, "--reason", "Why?", by=shop.bookkeeper)
    assert (void.code, "invoice" in void.err) == (3, True)
    carried_out(shop, "uninstall", "blog", "--env", ENV)
    assert "plan rollback" not in shop.well("app", "history", "blog").err
    assert "hash" in shop.well("plan", "delete-environment", ENV, "--org", ORG).out
    assert "hash" in shop.well("plan", "delete-organization", ORG).out
    shop.well("voucher", "issue", "1.000", "OMR", "--code", "AUTUMN-FAIR-7QKD-M2XW")
    assert "1.000 OMR" in shop.well("voucher", "preview", "AUTUMN-FAIR-7QKD-M2XW").out
    assert "cap: 1" in shop.well("get", "vouchers", "AUTU…").out
    shop.well("voucher", "revoke", "AUTUMN-FAIR-7QKD-M2XW", "--reason", "The fair is over.")

    verbs = {(group, *verb.split()) for group in MARKET for verb in GROUPS[group][1]}
    # Only an invoice that nobody has paid for is voided; this one was paid when it was ordered.
    assert verbs - shop.used == {("billing", "void"), *KEEPING}


@pytest.mark.guarantee("G27.1")
def test_whoever_watches_an_organization_go_sees_its_end(shop: Shop, tmp_path: Path) -> None:
    manifests = tmp_path / "leaving.yaml"
    manifests.write_text(MANIFESTS.replace(ORG, "leaving"))
    shop.well("apply", "-f", str(manifests))
    below = MANIFESTS.partition("---")[0].replace(ORG, "below")
    manifests.write_text(below.replace("  kind:", "  parentOrg: leaving\n  kind:"))
    shop.well("apply", "-f", str(manifests))
    first = shop.once_free("cannot be applied", "plan", "delete-organization", "below")
    plan = shop.run("plan", "delete-organization", "leaving")
    assert "children-present: other Organizations stand below it: below" in plan.out
    shop.well(*pasted(first.err, "apply"))
    free = shop.once_free("cannot be applied", "plan", "delete-organization", "leaving")
    leaving = pasted(free.err, "apply")
    for _ in ("applied", "watched once more"):
        assert "completed: the Organization leaving is deleted" in shop.well(*leaving).out


BLOG: Final = ("--env", ENV, "--org", ORG)
NOBODY: Final = ("--org", "nobody")


@pytest.mark.guarantee("G27.2")
@pytest.mark.parametrize(
    ("code", "says", "arguments"),
    [
        (4, "Organization 'nobody'", ("app", "list", *NOBODY)),
        (4, "do you mean omantel-prod?", ("app", "list", "--env", "omantel-prd", "--org", ORG)),
        (4, "Application 'shop'", ("app", "show", "shop", "--org", ORG)),
        (4, "do you mean blog?", ("app", "history", "blgo", "--org", ORG)),
        (4, "Organization 'nobody'", ("billing", "balance", *NOBODY)),
        (4, "Organization 'nobody'", ("billing", "ledger", *NOBODY)),
        (4, "Organization 'nobody'", ("billing", "invoice", "list", *NOBODY)),
        (4, "'2020-01'", ("billing", "invoice", "show", "2020-01", "--org", ORG)),
        (2, "LINE", ("billing", "invoice", "explain", "2020-01", "--org", ORG)),
        (4, "'2020-01'", ("billing", "invoice", "explain", "2020-01/1", "--org", ORG)),
        (4, "'2020-01'", ("billing", "invoice", "replay", "2020-01", "--org", ORG)),
        (7, "roles", ("billing", "invoice", "finalize", "2020-01", "--org", ORG)),
        (7, "roles", ("billing", "void", "2020-01", "--reason", "Why?", "--org", ORG)),
        (
            2,
            "LINE=AMOUNT",
            ("billing", "credit-note", "2020-01", "1", "--as", "n", "--reason", "Why?", *NOBODY),
        ),
        (7, "roles", ("billing", "price-book", "apply", str(PRICES))),
        (2, "'nowhere.yaml'", ("billing", "price-book", "apply", "nowhere.yaml")),
        (2, "AMOUNT", ("voucher", "issue", "1.0001", "OMR")),
        (2, "the amount comes first: 1.000 OMR", ("voucher", "issue", "OMR", "1.000")),
        (2, "--ends", ("voucher", "issue", "1.000", "OMR", "--ends", "tomorrow")),
        (4, "voucher", ("voucher", "preview", "NO-SUCH-CODE-7QKD", "--org", ORG)),
        (
            3,
            "voucher-redeemed: The Organization has redeemed",
            ("voucher", "redeem", CODE, "--org", ORG),
        ),
        (
            4,
            "voucher-not-found: There is no",
            ("voucher", "redeem", "NO-SUCH-CODE-7QKD", "--org", ORG),
        ),
        (4, "voucher", ("voucher", "revoke", "NO-SUCH-CODE-7QKD", "--reason", "Why not?")),
        (4, "there is no Organization 'nobody'", ("catalog", "search", "wiki", *NOBODY)),
        (4, "do you mean bp-wordpress?", ("catalog", "show", "wordpres", "--org", ORG)),
        (4, "'no-prod'", ("plan", "install", "bp-wiki", "--as", "web", "--env", "no-prod")),
        (4, "omantel-prod?", ("plan", "install", "bp-wiki", "--as", "wb", "--env", "omantel-prd")),
        (4, "'bp-none'", ("plan", "install", "bp-none", "--as", "web", *BLOG)),
        (
            3,
            "siteTitel",
            ("plan", "install", "bp-wordpress", "--as", "web", "--set", "siteTitel=Hi", *BLOG),
        ),
        (
            3,
            "s, m, l, xl",
            ("plan", "install", "bp-redis", "--as", "web", "--package", "flexi", *BLOG),
        ),
        (3, "l, xl\n", ("plan", "install", "bp-redis", "--as", "ab", "--package", "xs", *BLOG)),
        (
            3,
            "addon.backup, addon.support",
            ("plan", "install", "bp-redis", "--as", "web", "--addon", "addon.nothing", *BLOG),
        ),
        (4, "shop", ("plan", "configure", "shop", "--set", "a=1", *BLOG)),
        (4, "shop", ("plan", "upgrade", "shop", *BLOG)),
        (4, "shop", ("plan", "rollback", "shop", *BLOG)),
        (4, "shop", ("plan", "uninstall", "shop", *BLOG)),
        (4, "'omantel-dev'", ("plan", "delete-environment", "omantel-dev", "--org", ORG)),
        (4, "nobody", ("plan", "delete-organization", "nobody")),
        (4, "catalyst plan", ("apply", "aaaaaaaaaaaa")),
        (2, "'nowhere'", ("blueprint", "lint", "nowhere")),
        (
            3,
            "forbidden: an Organization's source is a Git",
            ("source", "add", "mine", "/nowhere", "--org", ORG),
        ),
        (4, "source", ("source", "sync", "mine", "--org", ORG)),
        (4, "source", ("source", "remove", "mine", "--org", ORG)),
    ],
    ids=lambda value: " ".join(value[:3]) if isinstance(value, tuple) else "",
)
def test_a_wrong_use_is_told_by_what_is_wrong(
    code: int, says: str, arguments: tuple[str, ...], shop: Shop
) -> None:
    _, before = shop.changed()
    ran = shop.run(*arguments, by=shop.owner if code == 7 else "")
    assert (ran.code, ran.out) == (code, "")
    assert says in ran.err
    # Tries of a voucher's code are counted, so that nobody guesses one.
    tried = [f"billing.redemption-{kind}.v1" for kind in ("started", "attempted")]
    assert shop.changed(before)[0] == (tried if arguments[:2] == ("voucher", "redeem") else [])


@pytest.mark.guarantee("G27.2")
def test_a_mistake_in_a_price_book_is_told_by_its_line_and_nothing_is_taken(
    shop: Shop, tmp_path: Path
) -> None:
    text = PRICES.read_text("utf-8").replace('"12.500"', '"12.50x"', 1)
    line = next(number for number, part in enumerate(text.splitlines(), 1) if "12.50x" in part)
    (tmp_path / "prices.yaml").write_text(text)
    before = shop.well("billing", "price-book", "show", "--json").out
    file = str(tmp_path / "prices.yaml")
    ran = shop.run("billing", "price-book", "apply", file, by=shop.bookkeeper)
    assert ran.code == 3
    assert f"line {line}, column " in ran.err
    assert f"nothing of {file} was taken" in ran.err
    assert shop.well("billing", "price-book", "show", "--json").out == before


PAGE: Final = ROOT / "docs" / "own-blueprint.md"
FILE: Final = re.compile(r"^```yaml id=(\S+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SHELL: Final = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.mark.guarantee("G27.4")
def test_a_blueprint_of_ones_own_is_installed_by_what_its_page_says(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = PAGE.read_text("utf-8")
    place = shop.installation.data.parent
    monkeypatch.chdir(place)
    (place / "examples").symlink_to(ROOT / "examples")
    files = dict(FILE.findall(page))
    price = files.pop("price")
    for name, text in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    document = place / "my-blueprints" / "bp-hello" / "blueprint.yaml"
    # Of the tests before, a book is in force.
    book = PRICES.read_text("utf-8").replace("blueprints:\n", f"blueprints:\n{price}", 1)
    book = book.replace('version: "2026-01"', 'version: "hello"', 1)
    (place / "prices.yaml").write_text(
        book.replace("from: 2026-01-01", f"from: {datetime.now(UTC):%F}", 1)
    )
    said = ""
    commands = [line for block in SHELL.findall(page) for line in block.splitlines()]
    assert [line for line in commands if not line.startswith("uv run catalyst ")] == [
        f'{SOURCES}="$PWD/my-blueprints" uv run catalyst up --simulate-cluster'
    ]
    for line in commands:
        words = shlex.split(line.partition("catalyst ")[2], comments=True)
        if words[0] == "up":
            # The fixture has started it like this.
            continue
        if words[0] == "billing":
            dear = shop.run("plan", "install", "bp-hello", "--as", "hello", "--env", ENV)
            assert (dear.code, "'bp-hello'" in dear.err) == (3, True)
            assert pasted(dear.err, "billing") == ["billing", "price-book", "apply", "FILE"]
        if words[:2] == ["apply", "HASH"]:
            words = pasted(said, "apply")
        if words[:2] == ["source", "sync"]:
            document.write_text(document.read_text().replace("1.0.0", "1.1.0"))
        if words[:2] == ["plan", "upgrade"]:
            shown(shop, "1.1.0", "catalog", "show", "bp-hello", "--org", ORG)
        if words[0] == "catalog":
            shown(shop, "bp-hello", *words)
        ran = shop.well(*words)
        said = ran.out + ran.err
    row = shop.well("app", "list", "--org", ORG).out
    assert re.search(
        rf"^hello +{ENV} +bp-hello 1\.1\.0 +current \(simulated\) +healthy \(simulated\)",
        row,
        re.MULTILINE,
    )
    # What is said against it later is said where it runs.
    yank = ("blueprint", "yank", "bp-hello", "1.1.0", "--security")
    assert f"hello         {ENV}" in shop.well(*yank, "--reason", "It says too much.").out
    said = "yanked because whoever runs it is in danger: It says too much."
    shown(shop, said, "app", "list", "--org", ORG)
    assert f"notice   {said}" in shop.well("app", "show", "hello", "--org", ORG).out
    assert said in shop.well("catalog", "show", "bp-hello", "--org", ORG).out
    # The folder holds it and nothing else: one of the checkout would bring its own.
    assert re.search(r"^own +_ +public +ready +1 +0", shop.well("source", "list").out, re.MULTILINE)
    leads_on(shop, document.parent)


def leads_on(shop: Shop, hello: Path) -> None:
    """A Blueprint that waits, and its source once it cannot be read, stand in a plan's way."""
    later = hello.with_name("bp-later")
    shutil.copytree(hello, later)
    document = later / "blueprint.yaml"
    text = document.read_text("utf-8").replace("bp-hello", "bp-later")
    needs = "spec:\n  depends: [{blueprint: bp-none, version: ^1}]\n"
    document.write_text(text.replace("spec:\n", needs, 1))
    shop.well("source", "sync", "own")
    wanted = ("install", "bp-later", "--as", "later", "--env", ENV)
    shown(shop, "blueprint bp-none: bp-later 1.1.0 needs bp-none ^1", "plan", *wanted)
    shop.blocked(*wanted)
    assert shop.run("plan", *wanted, "--json").code == 3
    # Whose source it is decides who reads which one it is.
    hello.parent.rename(hello.parent.with_name("moved"))
    shop.well("source", "sync", "own")
    hidden = "a source of the platform that bp-none may come from cannot be read"
    assert "own cannot be read" not in shown(shop, hidden, "plan", *wanted, by=shop.owner)
    assert "own cannot be read" in shop.blocked(*wanted).out
    row = ("get", "blueprints", "public-bp-later", "--org", "_")
    assert "source own: own cannot be read" in shown(shop, "source own", *row)
    # Whoever followed the page has a folder of that name there, without this Blueprint.
    assert not (ROOT / "my-blueprints" / "bp-later").exists()


def shown(shop: Shop, what: str, *arguments: str, by: str = "") -> str:
    """Return what a verb shows once that has something: what was added is read a moment later."""
    deadline = time.monotonic() + WAIT_SECONDS
    while what not in (ran := shop.run(*arguments, by=by)).out:
        assert time.monotonic() < deadline, ran
        time.sleep(0.1)
    return ran.out
