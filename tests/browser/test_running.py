"""What is done with what runs, by clicking: approve, reuse, upgrade, uninstall, and wait."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect
from tests.browser.site import Site
from tests.browser.steps import (
    OWNERS,
    choose,
    completed,
    forgive,
    furnish,
    open_view,
    plan,
    planned,
    status,
)
from tests.support import browser as support
from tests.support.browser import ROOT, Window
from tests.support.waiting import until

from catalyst.cli.installation import Installation
from catalyst.cli.stack import Options, running

pytestmark = [pytest.mark.browser, pytest.mark.real, pytest.mark.asyncio(loop_scope="package")]


_STEPS = """
() => {
  window.seen = [];
  const look = () => {
    const done = document.querySelectorAll('.change-step.done').length;
    if (window.seen.at(-1) !== done) window.seen.push(done);
  };
  const all = {childList: true, subtree: true, attributes: true};
  new MutationObserver(look).observe(document.getElementById('view'), all);
  look();
}
"""


@pytest.mark.guarantee("G14.5", "G26.1", "G26.2", "G26.3", "G26.8")
async def test_a_gated_change_is_approved_or_rejected_by_somebody_else(
    desk: Window, market: Site, chromium: Browser, slug: str
) -> None:
    ann = f"ann@{slug}.example"
    await furnish(market, slug, desk, policy="careful")
    owners = [OWNERS[0], {"email": ann, "role": "admin"}]
    await market.send("change-owners", slug, {"owners": owners})
    change = await market.install(slug, "bp-redis", "cache")
    await market.install(slug, "bp-valkey", "queue")
    await desk.page.goto(f"{market.address}/#/change/{slug}/{change}")
    async with support.window(chromium, market.address) as other:
        page = other.page
        # Whoever comes in is shown what is on its way.
        await other.sign_in(market.token(ann), at="")
        await _both_wait_and_say_why(other, slug)
        await page.get_by_role("button", name=f"Install cache in {slug}-prod").click()
        await expect(status(other)).to_have_text("waiting")
        for shown in (desk, other):
            await shown.page.evaluate(_STEPS)
        await page.get_by_label("What you say to it").fill("Looked at it")
        await page.get_by_role("button", name="Approve", exact=True).click()
        # Whoever asked for it sees it go on, without doing anything.
        for shown in (desk, other):
            await completed(shown)
            await expect(shown.page.locator("[aria-label=About] dl")).to_contain_text(
                f"{ann}: Looked"
            )
            await expect(shown.page.locator(".acts")).to_be_hidden()
            # Step by step: more than none, and then all.
            seen = await shown.page.evaluate("window.seen")
            assert (seen[0], seen) == (0, sorted(set(seen)))
            assert len(seen) > 2
            assert seen[-1] == await shown.page.locator(".change-step").count()

        # And what runs.
        await page.goto(market.address)
        await expect(page.locator(".run", has_text="cache")).to_contain_text("healthy")
        await page.get_by_role("button", name=f"Install queue in {slug}-prod").click()
        said = page.get_by_label("What you say to it")
        await page.get_by_role("button", name="Reject", exact=True).click()
        await expect(said).to_have_attribute("aria-invalid", "true")
        await expect(said).to_be_focused()
        await said.fill("One of them is enough")
        await page.get_by_role("button", name="Reject", exact=True).click()
        await expect(status(other)).to_have_text("rejected")
        await expect(page.locator(".change-step.done")).to_have_count(0)
        await _prices_are_shown(desk, other, slug)
        await forgive(other)
        assert other.complaints == []


@pytest.mark.guarantee("G14.5", "G26.3")
async def test_who_has_approved_is_told_so_and_what_is_asked_for_stands_there(
    desk: Window, market: Site, chromium: Browser, slug: str
) -> None:
    ann = f"ann@{slug}.example"
    await furnish(market, slug, desk, policy="careful")
    twice = {"promotion": {"required_approvers": 2}, "quota": {"applications": 9}}
    await market.send("update-policy", slug, twice, id="careful")
    others = [{"email": email, "role": "admin"} for email in (ann, f"bob@{slug}.example")]
    await market.send("change-owners", slug, {"owners": [OWNERS[0], *others]})
    values = {"maxMemoryMiB": 128}
    change = await market.install(slug, "bp-redis", "cache", values=values)
    async with support.window(chromium, market.address) as other:
        page = other.page
        await other.sign_in(market.token(ann), at=f"#/change/{slug}/{change}")
        await expect(page.locator("[aria-label=About] dl")).to_contain_text(
            "Asked formaxMemoryMiB = 128"
        )
        acts = page.get_by_role("region", name="What you can do")
        await expect(acts).to_contain_text("What you approve stands under What it does")
        await page.get_by_role("button", name="Approve", exact=True).click()
        await expect(acts).to_contain_text("You approved it.")
        await expect(page.get_by_role("button", name="Approve", exact=True)).to_be_disabled()
        await expect(page.get_by_role("button", name="Reject", exact=True)).to_be_enabled()
        await expect(status(other)).to_have_text("waiting")
        assert other.complaints == []


async def _both_wait_and_say_why(window: Window, slug: str) -> None:
    """Both Applications: in the list of what is on its way, and on the page of one."""
    page = window.page
    flight = page.get_by_role("region", name="On its way").get_by_role("listitem")
    await expect(flight).to_have_count(2)
    await expect(flight.first).to_contain_text("It waits: 1 approval of anyone but the author")
    await page.locator(".run").get_by_role("button", name="queue", exact=True).click()
    state = page.get_by_role("region", name="Status")
    await expect(state).to_contain_text(f"Install queue in {slug}-prod is waiting.")
    why = state.locator(".why")
    await expect(why).to_contain_text(re.compile("approval of anyone but the author.*, for [0-9]+"))
    await expect(why).to_contain_text("anyone but the author: look at the plan and approve")
    await page.get_by_role("button", name="Back to Applications").click()


_VERSIONS = """
async () => {
  const { Prices } = await import('/js/prices.js');
  const [packages, addons, blueprints, usage] = [[], [], [], []];
  const latest = {book: 'main', version: '2026-02', start: '2026-02-01T00:00:00Z'};
  const changes = [
    {sku: 'a', change: 'added', before: '', after: '2.000 OMR'},
    {sku: 'b', change: 'removed', before: '3.000 OMR', after: ''},
    {sku: 'c', change: 'changed', before: '4.000 OMR', after: '5.000 OMR'},
  ];
  const versions = [
    {version: '2026-02', start: latest.start, changes},
    {version: '2026-01', start: '2026-01-01T00:00:00Z', changes: changes.slice(0, 1)},
    {version: '2025-12', start: '2025-12-01T00:00:00Z', changes: []},
  ];
  const doc = {latest: {...latest, packages, addons, blueprints, usage}, versions};
  const node = document.createElement('div');
  const rows = () => new Map([['_._.price-book._.default', {doc}]]);
  new Prices(node, 'acme', {rows, ready: () => true, session: {roles: []}}).stop();
  return [...node.querySelectorAll('[aria-label=Versions] > ul > li')].map(one => {
    const texts = [...one.querySelectorAll('summary, details li')].map(part => part.textContent);
    return texts.length ? texts : [one.textContent];
  });
}
"""


async def _prices_are_shown(keeper: Window, member: Window, slug: str) -> None:
    """Who keeps the books sees the whole book; a member of an Organization, what applies to it."""
    for window in (keeper, member):
        await open_view(window, slug, "Prices")
        regions = {
            name: window.page.get_by_role("region", name=name, exact=True)
            for name in ("Packages", "Add-ons", "Use", "Blueprints", "Versions")
        }
        await expect(regions["Packages"]).to_contain_text(re.compile("s5.000 OMR.* a month"))
        await expect(regions["Add-ons"]).to_contain_text("Daily backup")
        await expect(regions["Use"]).to_contain_text(re.compile("ai-tokens.* for 1,000 tokens"))
        await expect(regions["Blueprints"]).to_contain_text("bp-redis")
        await expect(regions["Blueprints"]).to_contain_text("No charge of its own")
        await expect(regions["Versions"]).to_have_count(1 if window is keeper else 0)
    assert await keeper.page.evaluate(_VERSIONS) == [
        [
            "2026-02, from 2026-02-01 on: 3 prices differ from before",
            "a is new: 2.000 OMR",
            "b is gone: it was 3.000 OMR",
            "c: 5.000 OMR, it was 4.000 OMR",
        ],
        [
            "2026-01, from 2026-01-01 on: 1 price differs from before",
            "a is new: 2.000 OMR",
        ],
        ["2025-12, from 2025-12-01 on"],
    ]


_QUEUED = """
async () => {
  const { Waiting, Why } = await import('/js/why.js');
  const rest = {who: 'w', what_to_do: 't'};
  const link = (kind, name, message, depth = 0) => (
    {kind, name, code: kind, message, depth, ...rest});
  const change = (name, application, ...blocked_by) => [`acme._.change._.${name}`, {doc: {
    change: name, status: 'waiting', finished: null, opened: name, blocked_by,
    request: {application, environment: 'acme-prod'}, lock: [],
  }}];
  const rows = new Map([
    change('ch-1', 'other', link('approval', 'owners', '1 approval of owners missing'),
      link('application', 'db', 'db is not there'), link('Pod', 'db-0', 'of the row below', 1)),
    ['acme._.application._.db', {doc: {bindings: [{environment: 'acme-prod', blocked_by: [
      {...link('change', 'ch-4', 'ch-4 waits for ch-1'), code: 'change-waiting'}]}]}}],
    change('ch-3', 'another', link('approval', 'no', 'not of this one')),
  ]);
  const going = link('change', 'ch-1', 'ch-1 deletes acme-prod');
  const went = [];
  const why = new Why((...to) => went.push(to.join(' ')));
  const waiting = new Waiting(rows, 'acme', false);
  why.show(waiting.whole([going], 'environment acme-prod'));
  for (const button of why.node.querySelectorAll('button')) button.click();
  // What an Application says goes to the cause already: nothing is added to it.
  const said = waiting.ofApplication({change: null, blocked_by: [link('change', 'ch', 'queued')]});
  return [went, [...why.node.querySelectorAll('li')].map(item => item.textContent), said.length];
}
"""


_SHELVED = """
async (seen) => {
  const { Waiting } = await import('/js/why.js');
  const waits = (name) => [{kind: 'blueprint', name, code: 'dependency-missing', message: name}];
  const row = (owner, kind, name, doc) => [`${owner ?? '_'}._.${kind}._.${name}`,
    {doc: {name, organization: owner, ...doc}}];
  const failing = (owner, name) => row(owner, 'source', name,
    {refused: [], blocked_by: [{kind: 'source', name, code: 'refused', message: 'git refused'}]});
  const blueprint = (owner, name, needed) => row(owner, 'blueprint', name,
    {versions: [{source: 'own'}], blocked_by: needed ? waits(needed) : []});
  const rows = new Map([
    blueprint('acme', 'bp-wiki', 'bp-db'), blueprint('rival', 'bp-db', 'bp-secret'),
    failing('rival', 'theirs'),
    ...(seen === 'own' ? [failing('acme', 'own')] : []),
    ...(seen === 'platform' ? [failing(null, 'shared')] : []),
    ...(seen === 'package' ? [row('acme', 'source', 'own', {refused: [
      {blueprint: 'bp-db', version: '2.0.0', folder: 'db', findings: [
        {severity: 'error', message: 'no card'}]}], blocked_by: []})] : []),
  ]);
  const hidden = {kind: 'source', name: 'platform', code: 'not-shown', message: 'hidden'};
  const sees = ['platform', 'runner'].includes(seen);
  const told = sees ? [...waits('bp-wiki'), hidden] : waits('bp-wiki');
  const found = new Waiting(rows, 'acme', sees).whole(told);
  return found.map(({ name, code, depth }) => [depth, name, code]);
}
"""


@pytest.mark.guarantee("G13.7", "G26.3")
async def test_a_chain_leads_through_other_changes_to_its_cause(desk: Window) -> None:
    way = [[0, "bp-wiki", "dependency-missing"], [1, "bp-db", "dependency-missing"]]
    ends = {
        "own": [2, "own", "refused"],
        "package": [2, "own", "package-refused"],
        "platform": [2, "shared", "refused"],
        "nothing": [2, "platform", "not-shown"],
    }
    for seen, end in ends.items():
        assert await desk.page.evaluate(_SHELVED, seen) == [*way, end]
    # To whoever sees what the platform keeps, nothing of it is hidden.
    assert await desk.page.evaluate(_SHELVED, "runner") == way
    went, links, said = await desk.page.evaluate(_QUEUED)
    assert (went, said) == (["change ch-1"], 1)
    assert links == [
        # What only waits for that keeps nothing, and is not followed.
        "the cause db is not therew: t",
        "ch-1 deletes acme-prodch-1w: t",
        "1 approval of owners missingw: t",
    ]


@pytest.mark.guarantee("G26.2")
async def test_what_runs_already_is_used_and_nothing_comes_with_it(
    desk: Window, market: Site, slug: str
) -> None:
    page = desk.page
    await furnish(market, slug, desk)
    change = await market.install(slug, "bp-postgres", "main-db")
    await page.goto(f"{market.address}/#/change/{slug}/{change}")
    await completed(desk)
    await choose(desk, slug, "n8n")
    await plan(desk)
    shown = page.locator(".plan")
    which = shown.get_by_label("Which postgres shall it use?")
    await which.select_option("new")
    await expect(shown.locator(".needs")).to_contain_text("comes with it")
    await which.select_option("main-db")
    await expect(shown.locator(".needs")).to_contain_text("runs already and stays as it is")
    await expect(which).to_have_value("main-db")
    await (await planned(desk)).press("Enter")
    await completed(desk)
    await page.get_by_role("button", name="See how n8n is").click()
    await expect(page.locator(".marks")).to_contain_text("healthy")
    await open_view(desk, slug, "Applications")
    await expect(page.locator(".run h3")).to_have_text(["main-db", "n8n"])


@pytest.mark.guarantee("G26.2", "G23.4")
async def test_what_runs_is_upgraded_and_then_uninstalled(
    desk: Window, market: Site, slug: str
) -> None:
    page = desk.page
    await furnish(market, slug, desk)
    change = await market.install(slug, "bp-valkey", "cache", version="1.0.2")
    await page.goto(f"{market.address}/#/change/{slug}/{change}")
    await completed(desk)
    yank = {"version": "1.0.2", "reason": "It forgets.", "security": True}
    where = {"aggregate": "blueprint", "id": "public-bp-valkey"}
    await market.command("blueprint.yank-version.v1", "_", yank, **where)

    async def told() -> bool:
        return bool((await market.ask("catalog/notices", slug, {}))["applications"])

    await until(told)
    await page.get_by_role("button", name="See how cache is").click()
    await expect(page.locator(".hero")).to_contain_text("bp-valkey 1.0.2")
    danger = "Version 1.0.2 was taken back, because whoever runs it is in danger: It forgets."
    state = page.get_by_role("region", name="Status")
    await expect(state.locator(".notice")).to_have_text(danger)
    await open_view(desk, slug, "Applications")
    await expect(page.locator(".run .notice")).to_have_text(danger)
    await expect(page.locator(".run")).to_contain_text("bp-valkey 1.0.2 · 1.0.3 is available")
    await page.get_by_role("button", name="cache", exact=True).click()
    await expect(page.locator("#view")).to_contain_text("Nothing blocks it.")
    await page.get_by_role("button", name="Plan the upgrade to 1.0.3").click()
    button = await planned(desk)
    await expect(page.locator(".plan h3")).to_have_text("Upgrade to 1.0.3")
    lasts = re.compile(r": usually up to \d+ s, and as long as the cluster takes$")
    await expect(page.locator(".plan-head p")).to_have_text(lasts)
    await expect(page.locator(".plan-steps")).to_contain_text("runs as long as the cluster takes")
    await button.click()
    await expect(page.get_by_role("heading", name="Upgrade cache")).to_be_visible()
    await completed(desk)
    await page.get_by_role("button", name="See how cache is").click()
    await expect(page.locator(".hero")).to_contain_text("bp-valkey 1.0.3")
    await expect(state.locator(".notice")).to_have_count(0)
    await expect(page.locator(".acts")).to_contain_text("no version to upgrade to")
    await page.get_by_role("button", name="Plan the uninstall").click()
    button = await planned(desk)
    await expect(page.locator(".plan h3")).to_have_text("Uninstall cache")
    await expect(page.locator(".plan")).to_contain_text("What stays")
    await expect(page.locator(".plan-steps")).to_contain_text("Take the files out of Git")
    await expect(button).to_have_class("danger")
    await button.click()
    await completed(desk)
    await open_view(desk, slug, "Applications")
    await expect(page.locator("#view")).to_contain_text("Nothing runs here yet")
    # Its page, kept open or in a bookmark, tells what became of it.
    await page.goto(f"{market.address}/#/application/{slug}/cache/{slug}-prod")
    state = page.get_by_role("region", name="Status")
    await expect(state).to_contain_text("It was removed on ")
    await state.get_by_role("button", name="The change ").click()
    await expect(page.get_by_role("heading", name="Uninstall cache")).to_be_visible()
    await page.get_by_role("button", name="Rows", exact=True).click()
    await desk.until_row("application", "cache", "runs nowhere")


@pytest.mark.guarantee("G26.3")
async def test_without_a_cluster_a_change_waits_and_says_why(
    chromium: Browser, tmp_path: Path, slug: str
) -> None:
    installation = Installation(tmp_path)
    async with (
        running(installation, Options(port=0), lambda _line: None) as stack,
        Site.reaching(installation, stack.context) as site,
        support.window(chromium, site.address) as window,
    ):
        page = window.page
        await site.apply_prices((ROOT / "examples" / "price-book.yaml").read_text("utf-8"))
        await window.sign_in(site.admin)
        await window.until_row("blueprint", "public-bp-redis", "published")
        await furnish(site, slug, window)
        await choose(window, slug, "Redis")
        await (await plan(window)).click()
        await expect(page.locator(".change-step.running")).to_contain_text("Wait until it runs")
        await expect(page.locator(".why")).to_contain_text("no cluster")
        await expect(page.locator(".why li").first).to_contain_text("the cause")
        # What is typed stands as code, without the signs that mark it.
        command = page.locator(".why code")
        await expect(command).to_have_text("--simulate-cluster")
        await expect(page.locator(".why")).not_to_contain_text("`")
        await open_view(window, slug, "Applications")
        run = page.locator(".run")
        await expect(run.locator(".marks")).to_contain_text("unknown")
        await expect(run.locator(".why")).to_contain_text("no cluster")
        await expect(page.locator(".rolled").first).to_have_text(f"{slug} unknown")
        await expect(page.locator(".flight .waits")).to_contain_text("no cluster")
        # Nor is it said to run where it is offered.
        await choose(window, slug, "Redis")
        coming = page.get_by_role("button", name=f"redis in {slug}-prod")
        await expect(coming).to_contain_text("): on its way")
        await page.get_by_role("button", name="Show the plan").click()
        told = page.get_by_text(f"redis is on its way to {slug}-prod already")
        await expect(told).to_be_visible()
        await forgive(window)
        assert window.complaints == []
