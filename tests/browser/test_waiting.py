"""What waits for whoever looks, of all Organizations in one list; and what is wrong, said once."""

import re
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, Page, expect
from tests.browser.site import Site
from tests.browser.steps import (
    OWNERS,
    PATIENCE,
    choose,
    completed,
    fare,
    forgive,
    furnish,
    open_view,
)
from tests.browser.test_approving import OVER
from tests.browser.test_looks import _FAULTS, _faint
from tests.support import browser as support
from tests.support.browser import Window

from catalyst.contracts.roles import SECURITY_OFFICER

pytestmark = [pytest.mark.browser, pytest.mark.real, pytest.mark.asyncio(loop_scope="package")]


def _card(page: Page, title: str, slug: str) -> Locator:
    return page.get_by_role("article", name=f"{title} ({slug})", exact=True)


@pytest.mark.guarantee("G26.14", "G26.2", "G26.6")
@pytest.mark.parametrize(
    ("scheme", "width"), [("light", 1280), ("dark", 390)], ids=["light-wide", "dark-narrow"]
)
async def test_what_waits_in_any_organization_is_listed_live_and_decided_there(
    desk: Window, market: Site, chromium: Browser, slug: str, scheme: str, width: int
) -> None:
    # It stands before all others, too: a window shows the first rows.
    second = slug.replace("org", "and")
    for name in (slug, second):
        await furnish(market, name, desk, policy="careful")
    view: Any = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    async with support.window(chromium, market.address, **view) as officer:
        page = officer.page
        await officer.sign_in(market.token(f"sam@{slug}.example", [SECURITY_OFFICER]), at="")
        await page.get_by_role("button", name="Approvals").click()
        await expect(page.get_by_role("heading", name="Waiting for you")).to_be_visible()
        # They come while it is looked at.
        change = await market.install(slug, "bp-redis", "cache")
        other = await market.install(second, "bp-valkey", "queue")
        title, also = f"Install cache in {slug}-prod", f"Install queue in {second}-prod"
        one, two = _card(page, title, slug), _card(page, also, second)
        await expect(two).to_be_visible()
        await expect(page.locator("#waiting-count")).not_to_be_empty()
        facts = one.locator(".facts > div")
        await expect(facts.nth(0)).to_have_text("Asked for byadmin@localhost")
        told = [
            "Must approve1 approval of anyone but the author",
            "May notadmin@localhost: it is their own change",
            "Approvednobody yet",
        ]
        for at, text in enumerate(told, 2):
            await expect(facts.nth(at)).to_have_text(text)
        # Where nobody approved yet, all that is asked for is missing: that is not said twice.
        await expect(facts).to_have_count(2 + len(told))
        await expect(one.get_by_role("button", name="Approve")).to_have_count(0)
        await one.get_by_text("Look at its plan").press("Enter")
        await expect(one.locator(".plan-hash")).to_be_visible()
        await expect(facts.nth(0)).to_be_visible()
        await expect(one.get_by_text("Must approve").locator("visible=true")).to_have_count(1)
        assert await page.evaluate(OVER) <= 0
        assert await _faint(officer) == []
        assert await page.evaluate(_FAULTS) == []
        # Whoever asked for it sees it among what others have to decide, and nothing to press.
        await desk.page.goto(f"{market.address}/#/waiting")
        waits = desk.page.get_by_role("region", name="Waits for somebody else")
        own = waits.get_by_role("article", name=f"{title} ({slug})")
        await expect(own).to_contain_text("Yours: somebody else has to approve it.")
        await expect(own.get_by_text("Look at its plan")).to_have_count(0)
        await one.get_by_label("What you say to it").fill("Looked at it")
        await one.get_by_role("button", name="Approve", exact=True).click()
        await expect(page.locator(".inbox > .notice")).to_have_text(
            f"You approved: {title} ({slug})."
        )
        await expect(one).to_have_count(0)
        await expect(own).to_have_count(0)
        await two.get_by_text("Look at its plan").click()
        await two.get_by_role("button", name="Reject", exact=True).click()
        said = two.get_by_label("What you say to it")
        await expect(said).to_have_attribute("aria-invalid", "true")
        await said.fill("Not now")
        await two.get_by_role("button", name="Reject", exact=True).click()
        await expect(two).to_have_count(0)
        # What was decided stays to be looked at, by whoever audits.
        await page.goto(f"{market.address}/#/change/{slug}/{change}")
        await completed(officer)
        await expect(page.locator("[aria-label=About] dl")).to_contain_text(
            f"sam@{slug}.example: Looked at it"
        )
        await page.goto(f"{market.address}/#/change/{second}/{other}")
        await expect(page.locator(".change-status")).to_have_text("rejected")
        await page.get_by_role("button", name="Back to what waits for you").click()
        await expect(page.get_by_role("heading", name="Waiting for you")).to_be_visible()
        await forgive(officer)
        assert officer.complaints == []


@pytest.mark.guarantee("G26.2")
async def test_whose_approval_came_too_late_is_told_why(
    desk: Window, market: Site, chromium: Browser, slug: str
) -> None:
    await furnish(market, slug, desk, policy="careful")
    await market.install(slug, "bp-redis", "cache")
    async with support.window(chromium, market.address) as officer:
        page = officer.page
        role = market.token(f"sam@{slug}.example", [SECURITY_OFFICER])
        await officer.sign_in(role, at="#/waiting")
        card = _card(page, f"Install cache in {slug}-prod", slug)
        await card.get_by_text("Look at its plan").click()
        await expect(card.locator(".plan-hash")).to_be_visible()
        rule = {"promotion": {"required_approvers": 2}, "quota": {"applications": 9}}
        await market.send("update-policy", slug, rule, id="careful")
        await card.get_by_role("button", name="Approve", exact=True).click()
        await expect(page.locator(".inbox > .notice")).to_contain_text(
            "and it is not carried out: plan-stale: the EnvironmentPolicy careful asks for other"
        )
        await expect(card).to_have_count(0)
        assert officer.complaints == []


@pytest.mark.guarantee("G26.14")
async def test_who_has_no_say_is_shown_none_until_they_have(
    desk: Window, market: Site, chromium: Browser, slug: str
) -> None:
    await furnish(market, slug, desk, policy="careful")
    viewer = f"vi@{slug}.example"
    listed = [*OWNERS, {"email": viewer, "role": "viewer"}]
    await market.send("change-owners", slug, {"owners": listed})
    await market.install(slug, "bp-redis", "cache")
    async with support.window(chromium, market.address) as other:
        page = other.page
        await other.sign_in(market.token(viewer), at="#/waiting")
        await expect(page.locator("#view")).to_contain_text("Nothing waits for your approval")
        await expect(page.locator("#waiting-count")).to_be_hidden()
        card = _card(page, f"Install cache in {slug}-prod", slug)
        await expect(card).to_have_count(0)
        listed[-1] = {"email": viewer, "role": "developer"}
        await market.send("change-owners", slug, {"owners": listed})
        await expect(card).to_be_visible()
        await expect(page.locator("#waiting-count")).to_have_text("1")
        await card.get_by_role("link").click()
        await expect(page.get_by_role("button", name="Approve", exact=True)).to_be_enabled()
        assert other.complaints == []


@pytest.mark.guarantee("G26.3")
async def test_what_keeps_ending_is_said_once_its_cause_first_with_what_to_do(
    desk: Window, market: Site, slug: str
) -> None:
    page = desk.page
    await furnish(market, slug, desk)
    change = await market.install(slug, "bp-redis", "cache")
    await desk.row("change", change).filter(has_text="completed").wait_for(timeout=PATIENCE)
    await open_view(desk, slug, "Applications")
    card = page.locator(".run")
    await expect(card).to_contain_text("healthy")
    await fare(market, slug, "cache", "crash-loop")
    wrong = card.locator(".why")
    await expect(wrong.get_by_role("heading", name="What is wrong")).to_be_visible()
    cause = re.compile(
        "^the cause the container ends again and again .*read its log, correct the values"
    )
    for one in (card, None):
        if one is None:
            await card.get_by_role("button", name="cache", exact=True).click()
        shown = one or page.get_by_role("region", name="Status")
        await expect(shown.locator(".why li").first).to_have_text(cause)
        seen = await shown.inner_text()
        assert seen.count("the container ends again and again") == 1, seen
        assert seen.index("What is wrong") < seen.index("degraded")
        # All that was seen can be unfolded.
        await shown.get_by_text("How else it shows").click()
        await expect(shown.locator(".why details")).to_contain_text("Deployment cache")
    await page.get_by_text("What was seen").last.click()
    objects = page.locator(".marks details", has_text="What was seen").locator("li")
    await expect(objects.first).to_contain_text("CrashLoopBackOff")


@pytest.mark.guarantee("G26.3")
async def test_a_plan_that_waits_for_one_cause_in_several_ways_tells_it_once(
    desk: Window, market: Site, slug: str
) -> None:
    page = desk.page
    await furnish(market, slug, desk)
    await fare(market, slug, "files", "crash-loop")
    change = await market.install(slug, "bp-nextcloud", "files")
    await open_view(desk, slug, "Applications")
    wrong = page.locator(".run", has_text="bp-nextcloud").locator(".why")
    await expect(wrong).to_contain_text("ends again and again", timeout=PATIENCE)
    await choose(desk, slug, "Team suite")
    await page.get_by_label("Domain *", exact=True).fill("team.example.com")
    await page.get_by_role("button", name="Show the plan").click()
    blocked = page.locator(".plan .blocked")
    await expect(blocked.locator("> div > ul > li")).not_to_have_count(1)
    await expect(blocked.get_by_text("ends again and again")).to_have_count(1)
    same = blocked.get_by_text("The same is behind it as above.")
    others = await blocked.locator("> div > ul > li").count() - 1
    await expect(same.filter(visible=True)).to_have_count(others)
    await expect(blocked.get_by_role("button", name=change)).not_to_have_count(0)


SAID = """async ([change, revision]) => {
  const { marks } = await import('/js/marks.js');
  const seen = { status: 'healthy', message: '', evidence: [], source: 'cluster', as_of: null, stale_since: null };
  const since = new Date().toISOString();
  const node = document.createElement('dl');
  marks(node, { applied: seen, health: seen, gate: { open: true },
    change: { change, revision, action: 'configure', since, evidence: [] } });
  return node.textContent;
}"""  # noqa: E501 - JavaScript


@pytest.mark.parametrize(
    ("revision", "words"),
    [("ch-1", "while ch-1 runs"), ("ch-2", "what it made runs already"), ("", "")],
)
async def test_a_change_does_not_wait_for_what_it_made_itself(
    desk: Window, revision: str, words: str
) -> None:
    told = await desk.page.evaluate(SAID, ["ch-2", revision])
    assert words in told
    assert ("runs" in told) is bool(words)
    assert "while ch-2 runs" not in told
