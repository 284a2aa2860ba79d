"""The picture that a Blueprint brings: for those who may see it, and nothing of it ever runs."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Route, expect
from tests.browser.site import Site
from tests.browser.steps import OWNERS, forgive
from tests.support import browser as support
from tests.support.browser import Window
from tests.support.sources import document, write
from tests.support.waiting import until

from catalyst.cli.installation import Installation
from catalyst.cli.stack import Options, running

pytestmark = [
    pytest.mark.browser,
    pytest.mark.real,
    pytest.mark.asyncio(loop_scope="package"),
    pytest.mark.guarantee("G26.10"),
]

MARK: Final = "top.ran=1;parent.ran=1;window.ran=1"
HOSTILE: Final = f"""\
<?xml version="1.0"?>
<?xml-stylesheet href="https://elsewhere.example/style.css"?>
<!DOCTYPE svg [<!ENTITY out SYSTEM "file:///etc/passwd">]>
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"
     viewBox="0 0 32 32" onload="{MARK}">
<script>{MARK}; fetch('/v1/session', {{method: 'DELETE'}})</script>
<script href="/js/main.js"/>
<image href="https://elsewhere.example/seen.png" width="9" height="9"/>
<foreignObject width="9" height="9"><body xmlns="http://www.w3.org/1999/xhtml">
<iframe src="javascript:{MARK}"/><img src="https://elsewhere.example/x" onerror="{MARK}"/>
</body></foreignObject>
<a xlink:href="javascript:{MARK}"><rect width="32" height="32" fill="#c0392b"/></a>
<animate attributeName="href" values="javascript:{MARK}"/>
</svg>
"""
PLAIN: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M1 1h7v7z"/></svg>'
)


def _icon(name: str, icon: str) -> str:
    return document(name).replace("    title:", f"    icon: {icon}\n    title:")


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A stack that reads a directory of Blueprints whose author means no good."""
    support.executable()
    folder = tmp_path_factory.mktemp("sources")
    wanted = {
        "bp-hostile": ("icon.svg", {"icon.svg": HOSTILE}),
        "bp-plain": ("./icon.svg", {"icon.svg": PLAIN}),
        "bp-elsewhere": ("https://elsewhere.example/icon.svg", {}),
        "bp-page": ("icon.html", {"icon.html": f"<script>{MARK}</script>"}),
        "bp-large": ("icon.svg", {"icon.svg": PLAIN + " " * (64 * 1024)}),
        "bp-none": ("icon.svg", {}),
    }
    for name, (icon, files) in wanted.items():
        write(folder / "market", name, _icon(name, icon), **files)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BLUEPRINT_CONTROLLER_SOURCE_DIRECTORIES", str(folder))
        installation = Installation(tmp_path_factory.mktemp("stack"))
        async with (
            running(installation, Options(port=0), lambda _line: None) as stack,
            Site.reaching(installation, stack.context) as found,
        ):
            told = {"kind": "directory", "location": "market", "origin": "public"}
            where = {"aggregate": "source", "id": "market"}
            await found.command("blueprint.add-source.v1", "_", told, **where)
            yield found


async def _see(window: Window, site: Site, slug: str) -> None:
    """Open the catalogue once everything is in it; whatever is asked for meanwhile is noted."""
    window.watch()
    await window.sign_in(site.admin)
    await site.create(slug, owners=list(OWNERS))
    await window.until_row("organization", slug)
    for name in ("hostile", "plain", "elsewhere", "page", "large", "none"):
        await window.until_row("blueprint", f"public-bp-{name}", "published")
    await window.page.goto(f"{site.address}/#/catalogue/{slug}")


def _emblem(window: Window, title: str) -> Locator:
    card = window.page.locator(".product", has=window.page.get_by_role("button", name=title))
    return card.locator(".emblem")


async def _drawn(emblem: Locator) -> bool:
    """Whether the picture of an emblem is there and has a size."""
    found: bool = await emblem.locator("img").evaluate(
        "async image => { await image.decode(); return image.naturalWidth > 0; }"
    )
    return found


async def test_its_own_picture_stands_for_a_blueprint_else_one_of_ours(
    window: Window, site: Site, slug: str
) -> None:
    await _see(window, site, slug)
    assert await _drawn(_emblem(window, "Plain"))
    # A starter Blueprint brings one, too.
    await window.page.get_by_label("Search", exact=True).fill("wiki")
    assert await _drawn(_emblem(window, "Wiki").first)
    await window.page.get_by_label("Search", exact=True).fill("")
    for title, letters in (("Elsewhere", "EL"), ("Page", "PA"), ("Large", "LA"), ("None", "NO")):
        await expect(_emblem(window, title)).to_have_text(letters)
        await expect(_emblem(window, title).locator("img")).to_have_count(0)
    assert window.requested == {site.address}
    await forgive(window)  # That a picture is too large or not there, the browser says itself.


async def test_no_picture_is_asked_for_once_somebody_signs_out(
    window: Window, site: Site, slug: str
) -> None:
    page = window.page
    window.spent = True  # It is listened to.
    held: list[Route] = []
    ended: list[str] = []

    async def hold(route: Route) -> None:
        held.append(route)

    for event in ("requestfailed", "requestfinished"):
        page.on(event, lambda request: ended.append(request.url))
    await page.route("**/v1/icons/**", hold)
    await _see(window, site, slug)
    await expect(_emblem(window, "Plain").locator("img")).to_have_count(1)
    await until(lambda: len(held) > 1)
    # Those on their way are drawn over.
    await page.get_by_label("Search", exact=True).fill("hostile")
    await expect(_emblem(window, "Plain")).to_have_count(0)
    await page.get_by_role("button", name="Sign out").click()
    await page.get_by_label("Token").wait_for()
    # Whatever is let through now goes without a session, and is refused.
    for route in held:
        await route.continue_()
    asked = {route.request.url for route in held}
    await until(lambda: asked <= set(ended))
    assert window.complaints == []


async def test_nothing_in_a_picture_runs_or_is_loaded(
    window: Window, site: Site, slug: str
) -> None:
    await _see(window, site, slug)
    assert await _drawn(_emblem(window, "Hostile"))
    await window.page.goto(f"{site.address}/#/blueprint/{slug}/bp-hostile")
    hero = window.page.locator(".hero .emblem")
    assert await _drawn(hero)
    box = await hero.bounding_box()
    assert box is not None
    assert box["width"] == box["height"] <= 64
    assert await window.page.evaluate("window.ran") is None
    assert window.requested == {site.address}
    assert (await window.page.evaluate("fetch('/v1/session').then(({status}) => status)")) == 200
    await forgive(window)


async def test_whoever_is_led_to_a_picture_gets_a_file_and_no_page(
    chromium: Browser, site: Site, slug: str
) -> None:
    await site.create(slug, owners=list(OWNERS))
    async with support.window(chromium, site.address) as window:
        window.watch()
        await window.sign_in(site.admin)
        await window.until_row("blueprint", "public-bp-hostile", "published")
        await window.page.evaluate("window.mine = 1")
        async with window.page.expect_download() as download:
            await window.page.evaluate(
                f"location.assign('/v1/icons/bp-hostile?organization={slug}')"
            )
        path = await (await download.value).path()
        assert await asyncio.to_thread(Path(path).read_text, "utf-8") == HOSTILE
        assert await window.page.evaluate("[window.mine, window.ran ?? null]") == [1, None]
        assert window.requested == {site.address}


async def _get(site: Site, slug: str, name: str, token: str = "", **headers: str) -> Any:
    """Ask for an icon as any program does."""
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return await site.get(f"/v1/icons/{name}", params={"organization": slug}, headers=headers)


async def test_a_picture_is_had_by_those_who_may_see_the_blueprint(site: Site, slug: str) -> None:
    await site.create(slug, owners=list(OWNERS))
    answer = await _get(site, slug, "bp-hostile", site.admin)
    assert (answer.status_code, answer.text) == (200, HOSTILE)
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"] == "attachment"
    policy = answer.headers["content-security-policy"].split("; ")
    assert policy == ["default-src 'none'", "style-src 'unsafe-inline'", "sandbox"]
    assert answer.headers["cache-control"] == "private, no-cache"
    tag = answer.headers["etag"]
    assert tag == f'"sha256:{hashlib.sha256(HOSTILE.encode()).hexdigest()}"'
    known = {"If-None-Match": tag}
    again = await _get(site, slug, "bp-hostile", site.admin, **known)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    # Knowing what it is does not replace the right to see it.
    stranger = site.token("nobody@nowhere.example")
    assert (await _get(site, slug, "bp-hostile", stranger, **known)).status_code == 403
    assert (await _get(site, slug, "bp-hostile", **known)).status_code == 401
    where = {"aggregate": "curation", "id": "public-bp-hostile"}
    reason = {"reason": "Not in our house"}
    await site.command("catalog.hide-blueprint.v1", slug, reason, **where)
    hidden = await _get(site, slug, "bp-hostile", site.admin, **known)
    assert (hidden.status_code, hidden.json()["code"]) == (404, "blueprint-not-found")
    for name, said in (
        ("bp-elsewhere", "names no file"),
        ("bp-none", "names no file"),
        ("bp-page", "an icon ends with one of svg"),
        ("bp-large", "more than 64 KiB"),
    ):
        refused = await _get(site, slug, name, site.admin)
        assert (refused.status_code, refused.json()["code"]) == (404, "not-found")
        assert said in refused.json()["detail"]
