"""Nothing that anybody writes ever runs, nothing comes from elsewhere, and nothing complains."""

import asyncio
import json
import re
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from playwright.async_api import Route, expect
from tests.browser.site import Site
from tests.browser.steps import ELSEWHERE, OWNERS, forgive, open_whole_form
from tests.support.browser import ROOT, Window

pytestmark = [pytest.mark.browser, pytest.mark.real, pytest.mark.asyncio(loop_scope="package")]

STATIC: Final = ROOT / "services" / "gateway" / "src" / "catalyst" / "gateway" / "static"
MARK: Final = "window.ran=1"
PAYLOADS: Final = (
    f"<img src=x onerror='{MARK}'>",
    f"<script>{MARK}</script>",
    f'"><svg onload="{MARK}">',
    f"javascript:{MARK}",
    "${" + MARK + "}{{constructor.constructor('" + MARK + "')()}}",
    f'</textarea></title><iframe srcdoc="<script>parent.{MARK}</script>">',
)
BANNED: Final = ("tenant", "operator", "client", "module", "template", "workspace", "instance")


async def _nothing_ran(window: Window) -> None:
    assert await window.page.evaluate("window.ran") is None
    strange = (
        "img:not([src='/icon.svg']), iframe, svg:not(.icon), object, embed, body script,"
        " [onerror], [onload]"
    )
    assert await window.page.locator(strange).count() == 0
    assert window.complaints == []


async def test_what_stands_in_a_document_is_text(desk: Window, site: Site, slug: str) -> None:
    document = desk.page.locator("#panel-row details.doc code")
    named = {f"{slug}-x{number}": payload for number, payload in enumerate(PAYLOADS)}
    await asyncio.gather(*(_create_with(site, name, payload) for name, payload in named.items()))
    for name, payload in named.items():
        await desk.until_row("organization", name, payload)
        await desk.row("organization", name).get_by_role("button").click()
        await expect(document).to_contain_text(f'"slug": "{name}"')
        shown = await document.inner_text()
        assert shown.count(payload.replace('"', '\\"')) >= 8
        await expect(desk.page.locator("#panel-row .step").first).to_be_visible()
        await desk.page.get_by_label("Filter by text").fill(payload)
        await _nothing_ran(desk)
        await desk.page.get_by_label("Filter by text").fill("")


async def _create_with(site: Site, slug: str, payload: str) -> None:
    """Create an Organization that holds a text in every field that takes any text."""
    front = {"parent_domain": "cloud.example", "product": payload}
    identity = {
        "federation_provider": "generic-oidc",
        "federation_config": {
            "issuer": "https://sso.example",
            "client_id": payload,
            "client_secret_ref": {"name": payload, "key": payload},
            "claim_mappers": [{"src": payload, "dest": payload}],
        },
    }
    await site.create(slug, display_name=payload, public_front=front, identity=identity)
    await site.send("suspend-organization", slug, {"reason": payload})


async def test_what_is_typed_anywhere_and_refused_is_text(desk: Window, slug: str) -> None:
    await desk.choose_command("Create Organization")
    for button in await desk.form.get_by_role("button", name="Add ").all():
        await button.click()
    for payload in PAYLOADS:
        for box in await desk.form.get_by_role("textbox").all():
            await box.fill(payload)
        for owner in (slug, payload):
            await desk.form.get_by_label("Organization").fill(owner)
            await desk.send()
            refused = desk.page.locator("#panel-send .wrong, .problems:not(:empty)")
            await expect(refused.first).to_be_visible()
        # What the browser says of a refused request is all that it may say.
        await forgive(desk)
        await _nothing_ran(desk)


async def test_what_is_forgiven_is_also_what_the_page_still_waits_for(desk: Window) -> None:
    answered = asyncio.Event()

    async def hold(route: Route) -> None:
        await answered.wait()
        await route.continue_()

    await desk.page.route("**/v1/queries/**", hold)
    await desk.page.evaluate("void fetch('/v1/queries/catalog/none', {method: 'POST'})")
    async with desk.page.expect_response("**/v1/queries/**"):
        answered.set()
        await forgive(desk)
    await desk.page.evaluate("fetch('/healthz').then(answer => answer.text())")
    assert desk.complaints == []


async def test_what_an_address_holds_is_text(desk: Window, site: Site) -> None:
    for fragment in (f"<img src=x onerror={MARK}>", "a.b.c.d.=3Cscript=3E", "a.b.c.d.=ZZ", "%"):
        await desk.page.goto(f"{site.address}/#{fragment}")
        await desk.page.reload()
        await desk.until_state("live")
        await _nothing_ran(desk)


async def test_ids_with_markup_in_them_are_text(desk: Window, site: Site, slug: str) -> None:
    # The API takes no such id; a row with one can only come from a newer or broken server.
    key = f"{slug}.{slug}-x.environment._.=3Cimg=20src=3Dx=20onerror=3Dwindow=2Eran=3D1=3E"
    value = {
        "seq": 7,
        "event": "<b>e</b>",
        "time": "2026-01-01T00:00:00Z",
        "command": "<b>c</b>",
        "actor": "user:x#<b>a</b>",
        "cause": "<b>c</b>",
        "stale": {"since": "<b>now</b>", "code": "<b>code</b>", "count": 1},
        "doc": {"env_type": "<b>x</b>", "__proto__": {"polluted": 1}},
    }
    await _stream_of(desk, key, value)
    await desk.page.reload()
    line = desk.row("environment", "=3Cimg=20src=3Dx=20onerror=3Dwindow=2Eran=3D1=3E")
    await expect(desk.page.locator("#rows tbody tr")).to_have_count(2)
    await expect(line).to_contain_text("<img src=x onerror=window.ran=1>")
    await expect(line).to_contain_text("<b>code</b>")
    await line.get_by_role("button").click()
    await expect(desk.page.locator("#panel-row h3")).to_contain_text("<img")
    await expect(desk.page.locator("#panel-row .facts")).to_contain_text("<b>a</b>")
    await expect(desk.page.locator("#panel-row .chain-body")).to_contain_text("No outcome")
    assert await desk.page.evaluate("({}).polluted") is None
    desk.complaints = [text for text in desk.complaints if "404" not in text]
    await _nothing_ran(desk)


async def _stream_of(window: Window, key: str, value: dict[str, Any]) -> None:
    frames = [
        ("reset", {"reason": "<b>reason</b>", "epoch": "e"}),
        ("put", {"key": key, "value": value}),
        # A document of another shape than this page knows hides no other row.
        ("put", {"key": "x._.onboarding._.x", "value": {**value, "doc": {}}}),
        ("synced", {"as_of": 7, "head": 7, "lag_ms": 0, "epoch": "e", "log": "l"}),
    ]
    body = "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in frames)
    headers = {"content-type": "text/event-stream"}
    await window.page.route(
        "**/v1/stream", lambda route: route.fulfill(status=200, headers=headers, body=body)
    )


async def test_the_page_is_bound_by_a_strict_policy(window: Window, site: Site) -> None:
    found = await window.page.goto(site.address)
    assert found is not None
    policy = dict(
        part.strip().split(" ", 1) for part in found.headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["style-src"] == "'self'"
    assert policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"
    # It holds, too: markup and code made from text are refused by the browser itself.
    refused = await window.page.evaluate(
        "() => { try { document.body.innerHTML = '<b>x</b>'; return 'taken'; }"
        " catch (error) { return error.name; } }"
    )
    assert refused == "TypeError"
    window.complaints = [text for text in window.complaints if "TrustedHTML" not in text]


async def test_nothing_is_loaded_from_elsewhere_and_nothing_complains(
    window: Window, site: Site, slug: str
) -> None:
    await site.create(slug)
    window.watch()
    await window.sign_in(site.admin)
    await window.until_row("onboarding", slug, "completed")
    await window.row("organization", slug).get_by_role("button").click()
    await expect(window.page.locator("#panel-row .step").first).to_be_visible()
    await window.choose_command("Create Organization")
    assert window.requested == {site.address}
    assert window.complaints == []


async def test_each_file_is_known_by_its_content_and_kept_only_under_that_of_all(
    site: Site,
) -> None:
    page = (await site.get("/")).text
    (kept,) = set(re.findall(r'"/(made-of-[0-9a-f]{16})/', page))
    other = f"made-of-{'0' * 16}"
    for path in sorted(STATIC.rglob("*")):
        # What is answered where nothing is has no place of its own.
        if path.is_dir() or path.name == "missing.html":
            continue
        address = f"/{path.relative_to(STATIC).as_posix()}"
        first = await site.get(address)
        assert first.status_code == 200, address
        assert first.content == (page.encode() if path.name == "index.html" else path.read_bytes())
        assert first.headers["cache-control"] == "no-cache"
        again = await site.get(address, headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code == 304
        assert again.content == b""
        # What a page of another release asks for is what there is, and never kept.
        for folder, control in (
            (kept, "public, max-age=31536000, immutable"),
            (other, "no-cache"),
        ):
            found = await site.get(f"/{folder}{address}")
            assert found.content == first.content
            assert found.headers["cache-control"] == control
    index = await site.get("/")
    assert index.headers["content-type"] == "text/html; charset=utf-8"
    assert index.headers["cache-control"] == "no-cache"
    # Every style and script is asked for where it may be kept.
    plain = page.replace(f"/{kept}/", "/")
    assert plain == (STATIC / "index.html").read_text("utf-8")
    assert page.count(f'"/{kept}/') == len(re.findall(r'"/[^"]+\.(?:css|js)"', plain)) > 10
    for missing in (
        "/nothing",
        "/missing.html",
        "/js",
        "/js/",
        "/../app.py",
        "/%2e%2e/app.py",
        "/js/../../app.py",
        f"/{kept}",
        f"/{kept}/",
        f"/{kept}/missing.html",
        f"/{kept}/{kept}/base.css",
    ):
        assert (await site.get(missing)).status_code == 404, missing


async def test_the_words_are_ours(desk: Window, site: Site, slug: str) -> None:
    await site.create(slug, display_name="Words", owners=list(OWNERS))
    await desk.until_row("onboarding", slug, "completed")
    said = [await _words(desk)]
    await desk.row("organization", slug).get_by_role("button").click()
    await expect(desk.page.locator("#panel-row .step").first).to_be_visible()
    # A document's keys are the wire's own.
    await desk.page.locator("#panel-row summary").click()
    said.append(await _words(desk))
    await desk.page.get_by_role("tab", name="Send a command").click()
    options = await desk.page.locator("#command option").evaluate_all(
        "options => options.map(option => option.value).filter(Boolean)"
    )
    assert len(options) > 10
    for option in set(options) - ELSEWHERE:
        await open_whole_form(desk, option)
        said.append(await _words(desk))
    for place, seen in {
        f"catalogue/{slug}": ".product",
        f"blueprint/{slug}/bp-wiki": ".config",
        f"applications/{slug}": ".begin",
        f"change/{slug}/none": ".hero",
        f"balance/{slug}": ".bills li",
        f"invoice/{slug}/{datetime.now(UTC):%Y-%m}": ".unread, .bill .empty",
    }.items():
        await desk.page.goto(f"{site.address}/#/{place}")
        await desk.page.locator(seen).first.wait_for()
        said.append(await _words(desk))
    # A default that the contract prescribes, as it stands on the wire.
    text = " ".join(said).replace("otherwise client-secret", "")
    found = re.findall(rf"\b(?:{'|'.join(BANNED)})s?\b", text, re.IGNORECASE)
    assert found == []


async def _words(window: Window) -> str:
    found: str = await window.page.evaluate(
        "[document.body.innerText, ...[...document.querySelectorAll('[placeholder],[title],"
        "[aria-label]')].map(node => ['placeholder', 'title', 'aria-label']"
        ".map(name => node.getAttribute(name) ?? '').join(' '))].join(' ')"
    )
    return found
