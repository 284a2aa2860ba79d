"""Who approves a change by clicking has its plan before them: files, risks, price, gates."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from playwright.async_api import Browser, expect
from tests.browser.site import Site
from tests.browser.steps import OWNERS, choose, completed, forgive, furnish, plan, status
from tests.browser.test_looks import _FAULTS, _faint
from tests.support import browser as support
from tests.support.browser import Window
from tests.unit.cli.test_following import STANDING

pytestmark = [
    pytest.mark.browser,
    pytest.mark.real,
    pytest.mark.asyncio(loop_scope="package"),
    pytest.mark.guarantee("G14.21", "G26.2"),
]
VALUES: Final = {"maxMemoryMiB": 128}
OVER: Final = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def _in_days(days: int) -> str:
    """Return a rule for the beginning of the day of the week that it is after so many days."""
    day = datetime.now(UTC) + timedelta(days=days)
    return f"FREQ=WEEKLY;BYDAY={f'{day:%a}'[:2].upper()}"


async def asked(market: Site, desk: Window, slug: str) -> str:
    """Let an Application that runs wait for an approval of other values; return the change."""
    await furnish(market, slug, desk)
    first = await market.install(slug, "bp-redis", "cache")
    await desk.page.goto(f"{market.address}/#/change/{slug}/{first}")
    await completed(desk)
    shut = {"type": "change-window", "effect": "deny", "rrule": _in_days(3), "duration": "1h"}
    rule = {"promotion": {"required_approvers": 1}, "rules": [shut]}
    await market.send("define-policy", slug, rule, id="careful")
    await market.send("attach-policy", slug, {"policy": "careful"}, id=f"{slug}-prod")
    about = {"action": "configure", "application": "cache", "values": VALUES, "plan": "s"}
    return await market.apply(slug, f"ch-{slug}-more", **about)


@pytest.mark.parametrize(
    ("scheme", "width"), [("light", 1280), ("dark", 390)], ids=["light-wide", "dark-narrow"]
)
async def test_the_plan_stands_before_the_button_with_files_risks_price_and_gates(
    desk: Window, market: Site, chromium: Browser, slug: str, scheme: str, width: int
) -> None:
    change = await asked(market, desk, slug)
    view: Any = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    async with support.window(chromium, market.address, **view) as other:
        page = other.page
        await other.sign_in(market.token("ann@example.com"), at=f"#/change/{slug}/{change}")
        does = page.get_by_role("region", name="What it does")
        await expect(does.locator(".bad")).to_contain_text("cache may restart while it changes")
        files = does.locator(".file")
        await expect(files.filter(has_text="values.yaml")).to_contain_text("changed")
        for one in await files.locator("> summary").all():
            await one.click()
        await expect(does.locator(".diff .added", has_text="maxMemoryMiB: 128")).to_be_visible()
        await expect(does.locator(".price")).to_contain_text("A month for these after5.750 OMR")
        await expect(does).to_contain_text("1 approval of anyone but the author")
        await expect(does).to_contain_text("Changes may happen until")
        doc = await market.ask("provisioning/planned", slug, {"change": change})
        # It is called what the command line calls it.
        hashed = does.get_by_text("Hash")
        await expect(hashed).to_have_text(f"Hash {doc['hash']}")
        about = page.get_by_role("region", name="About")
        await expect(about.locator("dt", has_text="Hash")).to_be_visible()
        approve = page.get_by_role("button", name="Approve", exact=True)
        await expect(approve).to_be_enabled()
        plan_box, button_box = await does.bounding_box(), await approve.bounding_box()
        assert plan_box is not None
        assert button_box is not None
        if width < 640:
            assert plan_box["y"] < button_box["y"]
        assert await page.evaluate(OVER) <= 0
        assert await _faint(other) == []
        assert await page.evaluate(_FAULTS) == []
        await approve.click()
        await completed(other)
        # What was approved can be looked at later.
        await page.reload()
        await does.get_by_role("button", name="Show its plan").click()
        await expect(does.locator(".plan-hash")).to_have_text(doc["hash"])
        assert other.complaints == []


@pytest.mark.guarantee("G26.4")
async def test_nobody_approves_before_the_plan_is_there_or_it_is_said_why_it_is_not(
    desk: Window, market: Site, chromium: Browser, slug: str
) -> None:
    change = await asked(market, desk, slug)
    lost = {
        "change": change,
        "hash": "h",
        "plan": None,
        "missing": ["its files come out otherwise"],
    }
    answers: list[dict[str, Any]] = [
        {"status": 503, "json": {"code": "unavailable", "detail": "nobody is at work"}},
        {"json": {"as_of": 1, "result": lost}},
    ]
    async with support.window(chromium, market.address) as other:
        page = other.page

        async def answer(route: Any) -> None:
            await route.fulfill(**answers.pop(0))

        await page.route("**/v1/queries/provisioning/planned*", answer)
        await other.sign_in(market.token("ann@example.com"), at=f"#/change/{slug}/{change}")
        does = page.get_by_role("region", name="What it does")
        await expect(does).to_contain_text("Its plan cannot be shown now: nobody is at work")
        approve = page.get_by_role("button", name="Approve", exact=True)
        await expect(approve).to_be_disabled()
        acts = page.get_by_role("region", name="What you can do")
        await expect(acts).to_contain_text("Its plan could not be shown. Try that again first.")
        await expect(page.get_by_role("button", name="Reject", exact=True)).to_be_enabled()
        await does.get_by_role("button", name="Try again").click()
        await expect(does).to_contain_text("Its plan cannot be made again as it was")
        await expect(does.locator("li")).to_have_text("its files come out otherwise")
        await expect(approve).to_be_enabled()
        await forgive(other)
        assert other.complaints == []


async def test_what_it_waits_for_is_what_is_missing_still(
    desk: Window, market: Site, chromium: Browser, slug: str
) -> None:
    owners = [*OWNERS, {"email": f"third@{slug}.example", "role": "admin"}]
    await furnish(market, slug, desk)
    await market.send("change-owners", slug, {"owners": owners})
    rule = {"promotion": {"required_approvers": 2}}
    await market.send("define-policy", slug, rule, id="careful")
    await market.send("attach-policy", slug, {"policy": "careful"}, id=f"{slug}-prod")
    change = await market.install(slug, "bp-redis", "cache")
    async with support.window(chromium, market.address) as other:
        page = other.page
        await other.sign_in(market.token("ann@example.com"), at=f"#/change/{slug}/{change}")
        does = page.get_by_role("region", name="What it does")
        about = page.get_by_role("region", name="About")
        missing = about.locator(".facts div", has_text="Missing").locator("dd")
        approved = does.locator(".facts div", has_text="Approved").locator("dd")
        one, two = (f"{count} of anyone but the author" for count in ("1 approval", "2 approvals"))
        await expect(does).to_contain_text(two)
        await expect(missing).to_have_text(two)
        await page.get_by_role("button", name="Approve", exact=True).click()
        await expect(missing).to_have_text(one)
        await expect(does.locator("dd", has_text=one)).to_have_count(1)
        # What is asked for stays; what of it is there, and by whom, is a line of its own.
        await expect(does.locator("dd", has_text=two)).to_have_count(1)
        await expect(approved).to_have_text("by ann@example.com")
        async with support.window(chromium, market.address) as third:
            await third.sign_in(market.token(owners[-1]["email"]), at=f"#/change/{slug}/{change}")
            await third.page.get_by_role("button", name="Approve", exact=True).click()
            await completed(third)
            assert third.complaints == []
        # What had to be given is told of what is over.
        await expect(does).to_contain_text("What it waited for")
        await expect(does).to_contain_text(two)
        assert other.complaints == []


async def test_who_may_give_one_of_too_few_is_not_told_that_only_others_can(
    desk: Window, market: Site, chromium: Browser, slug: str
) -> None:
    await furnish(market, slug, desk)
    rule = {"promotion": {"required_approvers": 2}}
    await market.send("define-policy", slug, rule, id="careful")
    await market.send("attach-policy", slug, {"policy": "careful"}, id=f"{slug}-prod")
    change = await market.install(slug, "bp-redis", "cache")
    async with support.window(chromium, market.address) as other:
        page = other.page
        await other.sign_in(market.token("ann@example.com"), at="#/waiting")
        rule_in_words = "Others who may, and security-officers: without those too few can give it"
        card = page.get_by_role("region", name="For you to decide").locator(".ask")
        await expect(card.filter(has_text=slug)).to_contain_text(rule_in_words)
        await page.goto(f"{market.address}/#/change/{slug}/{change}")
        does = page.get_by_role("region", name="What it does")
        await expect(does).to_contain_text(rule_in_words)
        await page.get_by_role("button", name="Approve", exact=True).click()
        left = page.locator(".facts div", has_text="Missing").locator("dd").first
        await expect(left).to_have_text("1 approval of anyone but the author")
        assert other.complaints == []


async def test_who_may_not_approve_is_shown_no_plan(
    desk: Window, market: Site, chromium: Browser, slug: str
) -> None:
    await furnish(market, slug, desk, policy="careful")
    viewer = f"vi@{slug}.example"
    owners = [*OWNERS, {"email": viewer, "role": "viewer"}]
    await market.send("change-owners", slug, {"owners": owners})
    change = await market.install(slug, "bp-redis", "cache")
    async with support.window(chromium, market.address) as other:
        await other.sign_in(market.token(viewer), at=f"#/change/{slug}/{change}")
        await expect(status(other)).to_have_text("waiting")
        await expect(other.page.get_by_role("region", name="What it does")).to_be_hidden()
        # Nothing is offered that would be refused: neither here nor where a change begins.
        for name in ("What you can do", "Approve", "Reject", "Cancel this change"):
            await expect(other.page.get_by_text(name, exact=True)).to_be_hidden()
        await other.page.goto(f"{market.address}/#/blueprint/{slug}/bp-redis")
        form = other.page.locator(".order-form")
        await expect(form).to_contain_text(f"administers or develops in {slug} plans it")
        await expect(form.get_by_role("button")).to_have_count(0)
        # Who becomes a developer is offered it at once.
        owners[-1] = {"email": viewer, "role": "developer"}
        await market.send("change-owners", slug, {"owners": owners})
        await expect(form.get_by_role("button", name="Show the plan")).to_be_visible()
        assert other.complaints == []


@pytest.mark.guarantee("G14.2", "G26.4")
async def test_a_plan_that_is_stale_says_in_words_what_moved(
    desk: Window, market: Site, slug: str
) -> None:
    page = desk.page
    await furnish(market, slug, desk)
    await choose(desk, slug, "Redis")
    button = await plan(desk)
    regions = [{"provider": "hetzner", "region": "hel", "building_block": "rtz"}]
    moved = {"placement": "single-region", "regions": regions}
    await market.send("update-environment", slug, moved, id=f"{slug}-prod")
    await button.click()
    told = page.locator(".plan .problems")
    words = f"the Environment {slug}-prod has other regions, another branch or another policy"
    await expect(told).to_contain_text(words)
    await expect(told).not_to_contain_text(re.compile("#[0-9a-f]{16}"))
    await forgive(desk)


@pytest.mark.guarantee("G27.7")
async def test_a_change_that_gave_up_says_how_things_stand(
    desk: Window, market: Site, slug: str
) -> None:
    change = await asked(market, desk, slug)
    await desk.page.goto(f"{market.address}/#/change/{slug}/{change}")
    await expect(status(desk)).to_have_text("waiting")
    await expect(desk.page.locator(".page")).not_to_contain_text("was done")
    cancel = "provisioning.cancel-change.v1"
    await market.command(cancel, slug, {"reason": "Not now"}, id=change)
    await expect(status(desk)).to_have_text("cancelled")
    await expect(desk.page.locator(".page")).to_contain_text("Nothing of it was done.")
    about = desk.page.get_by_role("region", name="About")
    stopped = about.locator("dl > div", has_text="Cancelled by")
    await expect(stopped).to_contain_text("admin@localhost")
    await expect(desk.page.get_by_role("button", name="Plan the same again")).to_be_visible()


_STANDING: Final = """async (docs) => {
  const { stands, kept } = await import('/js/change.js');
  return docs.map((doc) => [stands(doc), kept(doc)]);
}"""


@pytest.mark.guarantee("G27.7")
async def test_the_page_says_of_what_is_taken_back_what_the_command_line_says(
    desk: Window, market: Site
) -> None:
    await desk.page.goto(market.address)
    shown = await desk.page.evaluate(_STANDING, [doc for doc, _, _ in STANDING])
    assert shown == [
        [f"All that it had done is taken back: {now}.", left] for _, now, left in STANDING
    ]
