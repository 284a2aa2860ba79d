"""What others wrote into Blueprints, plans, changes and accounts is text, wherever it is shown."""

import json
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote, urlsplit

import pytest
from httpx import HTTPStatusError
from playwright.async_api import Route, expect
from tests.browser.site import Site
from tests.browser.steps import forgive, furnish
from tests.support.browser import Window

pytestmark = [pytest.mark.browser, pytest.mark.real, pytest.mark.asyncio(loop_scope="package")]

PAYLOADS: Final = (
    "\"><img src=x onerror='window.ran=1'><svg onload='window.ran=1'><script>window.ran=1</script>",
    "javascript:window.ran=1",
)
MONEY: Final = {"currency": "OMR", "minor": 5}
KEPT: Final = frozenset(
    {"widget", "type", "environment", "name", "path", "waits_for", "change", "role"}
)
"""What has to stay for the page to show the rest; each of them is a text of its own elsewhere."""

_UNESCAPED: Final = "!'()*~"
"""What a browser leaves as it is in a part of an address, besides letters, digits and `-_.`."""
MICRO: Final = {"currency": "OMR", "micro": 1}
LINE: Final = {
    **dict.fromkeys(("period", "subscription", "name", "formula", "book", "version", "hold"), "x"),
    "line": 1,
    "amount": MONEY,
}
USED: Final = {"seq": 1, "type": "t", "use": {"quantity": 1, "meter": "m", "value": "v", "id": "i"}}
PLAN: Final[dict[str, Any]] = {
    "dependents": ["x"],
    "goes": ["x"],
    "stays": ["x"],
    "idle": [{"application": "x", "environment": "x", "charged": True, "needed_by": ["x"]}],
    "lock": [{"application": "a", "blueprint": "b"}],
    "dependencies": [
        {
            **dict.fromkeys(("application", "blueprint", "version", "before", "role"), "x"),
            "needed_by": ["n"],
        }
    ],
    "risks": [{"kind": "k", "message": "m"}],
    "files": [
        {**dict.fromkeys(("repository", "branch", "path", "change", "diff"), "x"), "cut": True}
    ],
    "price": {
        "quote": {"lines": [LINE | {"application": "a"}], "total": MONEY, "due": MONEY},
        "covered": True,
    },
    "gates": {
        "approvals": [{"team": "t", "quorum": 1}],
        "impossible": ["i"],
        "officers": ["o"],
        "opening": {"open": False, "next": "t", "problem": "p"},
    },
    "quota": {},
    "blocked_by": [],
    "hash": "h",
}
MADE: Final[dict[str, Any]] = {
    "provisioning/planned": {"change": "c", "hash": "h", "plan": PLAN, "missing": []},
    "billing/invoice": {"status": "s", "number": "n", "amounts": [], "lines": [LINE], "next": 1},
    "billing/explain": {
        "line": LINE,
        "price_book_seq": 1,
        "charge": {
            "aggregation": "sum",
            "unit": "u",
            "included": 1,
            "size": 2,
            "minimum": MONEY,
            "parts": [{"quantity": 1, "price": MICRO, "amount": MICRO, "flat": MONEY}],
        },
        "events": [USED, {"seq": 1, "type": "a.b.v1", "month": "m"}],
        "count": 4,
        "next": 2,
        "corrections": [{"credit_note": "c", "amount": MONEY}, {"reason": "r"}],
    },
}
"""Answers to what nothing was charged for yet, with one more page."""


def _poisoned(value: Any, text: str, key: str = "") -> Any:
    """Return a document with a text in place of every text, those that lead somewhere aside."""
    if isinstance(value, dict):
        return {name: _poisoned(inner, text, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_poisoned(inner, text, key) for inner in value]
    return text if isinstance(value, str) and key not in KEPT else value


def _row(document: dict[str, Any]) -> dict[str, Any]:
    about = {"event": "e", "command": "c", "actor": "user:x#a", "cause": "c", "stale": None}
    return {"seq": 7, "time": "2026-01-01T00:00:00Z", **about, "doc": document}


def _rows(slug: str, text: str) -> dict[str, dict[str, Any]]:
    link = {"kind": "k", "name": "n", "code": "c", "message": "m", "since": None}
    link = {**link, "who": "w", "what_to_do": "d"}
    seen = {"kind": "Pod", "name": "p", "status": "s", "reason": "r", "message": "m"}
    mark = {"status": "s", "reason": "r", "message": "m", "revision": "r", "evidence": [seen]}
    mark = {**mark, "source": "s", "as_of": "t", "stale_since": "t"}
    binding = {
        "environment": f"{slug}-prod",
        "desired": {"blueprint": "b", "version": "v", "change": "c"},
        "applied": mark,
        "health": mark,
        "change": {"change": "c", "action": "a", "since": "t"},
        "gate": {"open": False, "change": "c", "waits_for": ["x"], "since": "t"},
        "blocked_by": [link],
    }
    step = {"step": "s", "status": "running", "attempt": 2, "applications": ["a"]}
    approval = {"by": "b", "email": "e", "comment": "c"}
    change = {
        "change": "ch-1",
        "organization": "o",
        "hash": "h",
        "author": "a",
        "author_email": "",
        "request": {"action": "a", "application": "x", "environment": f"{slug}-prod"},
        "status": "s",
        "percent": 3,
        "reason": "r",
        "waits_for": ["approvals"],
        "steps": [{**step, "reason": "r", "detail": "d"}],
        "approvals": [{"team": "t", "quorum": 1}],
        "missing": [{"team": "t", "quorum": 1}],
        "officers": ["t"],
        "approved": [approval],
        "lock": [{"application": "a", "blueprint": "b"}],
        "undone": ["u"],
        "left": ["l"],
        "blocked_by": [link],
        "opened": "t",
        "finished": None,
        "quote": {"total": MONEY, "due": MONEY},
    }
    balance = {"currency": "OMR", "credit": 1, "held": 1, "owed": 1, "credit_limit": 1}
    grant = {"source": "s", "amount": MONEY, "left": 1, "expires": "t", "reason": "r"}
    posting = {"account": "a", "amount": MONEY}
    account = {
        "status": "s",
        "balances": [{**balance, "available": 1}],
        "grants": [grant],
        "holds": [{"hold": "h", "amount": MONEY, "expires": "t"}],
        "spend_limits": [MONEY],
        "ledger": [{"time": "t", "kind": "k", "entry": "e", "postings": [posting]}],
    }
    sums = dict.fromkeys(("total", "prepaid", "credit", "open"), MONEY)
    note = {"note": "n", "lines": [{"line": 1, "amount": MONEY}], "since": "t"}
    line = {"line": 1, "name": "n", "subscription": "s", "period": "p", "before": MONEY}
    credited = {
        **dict.fromkeys(("number", "status", "reason", "note", "invoice", "invoice_number"), "x"),
        **dict.fromkeys(("total", "lowered", "credit"), MONEY),
        "drafted": "t",
        "finalized": "t",
        "lines": [{**line, "invoiced": MONEY, "amount": MONEY}],
    }
    invoice = {"status": "void", "number": "n", "amounts": [sums], "reason": "r", "voided": "t"}
    used = {"subscription": "s", "meter": "m", "quantity": 1, "uses": 1}
    lost = {"use": {"meter": "m", "subscription": "s", "quantity": 1}, "reason": "r", "since": "t"}
    usage = {
        "meters": [{**used, "amount": {"currency": "OMR", "micro": 5}}],
        "unmatched": [lost],
        "alerts": [{"percent": 80, "spent": MONEY, "limit": MONEY}],
    }
    month = f"{datetime.now(UTC):%Y-%m}"
    found = {
        f"{slug}._.organization._.{slug}": {},
        f"{slug}.{slug}-prod.environment._.{slug}-prod": {},
        f"{slug}._.application._.wiki": {"bindings": [binding]},
        f"{slug}._.change._.ch-1": change,
        f"{slug}._.account._.{slug}": account,
        f"{slug}._.invoice._.{month}": {**invoice, "credited": [note]},
        f"{slug}._.credit-note._.cn-1": credited,
        f"{slug}._.usage._.{month}": usage,
    }
    return {key: _row(_poisoned(document, text)) for key, document in found.items()}


def _made(question: str, asked: dict[str, Any]) -> dict[str, Any] | None:
    """Return a page of an answer that is made here."""
    page = MADE.get(question)
    if page is None or not asked.get("start"):
        return page
    return {**page, "lines": [{**LINE, "line": 2}], "next": None}


async def _serve(window: Window, site: Site, slug: str, text: str) -> None:
    """Let every answer that the views rest on hold the text."""
    begin = {"reason": "start", "epoch": "e"}
    end = {"as_of": 7, "head": 7, "lag_ms": 0, "epoch": "e", "log": "l"}
    puts = [("put", {"key": key, "value": row}) for key, row in _rows(slug, text).items()]
    frames = [("reset", begin), *puts, ("synced", end)]
    body = "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in frames)

    async def stream(route: Route) -> None:
        headers = {"content-type": "text/event-stream"}
        await route.fulfill(status=200, headers=headers, body=body)

    async def answer(route: Route) -> None:
        question = urlsplit(route.request.url).path.removeprefix("/v1/queries/")
        try:
            asked = route.request.post_data_json or {}
            real = _made(question, asked) or await site.ask(question, slug, asked)
        except HTTPStatusError as refused:
            await route.fulfill(status=422, json=_poisoned(refused.response.json(), text))
        else:
            await route.fulfill(json={"as_of": 7, "result": _poisoned(real, text)})

    await window.page.unroute_all()
    await window.page.route("**/v1/stream", stream)
    await window.page.route("**/v1/queries/**", answer)


@pytest.mark.guarantee("G26.5")
async def test_what_stands_in_a_view_is_text(desk: Window, market: Site, slug: str) -> None:
    await furnish(market, slug, desk, credit=0)
    view = desk.page.locator("#view")
    for payload in PAYLOADS:
        await _serve(desk, market, slug, payload)
        await desk.page.reload()
        for place in (
            f"catalogue/{slug}",
            f"blueprint/{slug}/bp-redis",
            f"blueprint/{slug}/bp-none",
            f"applications/{slug}",
            f"application/{slug}/wiki/{slug}-prod",
            f"change/{slug}/ch-1",
            f"balance/{slug}",
            f"prices/{slug}",
            f"note/{slug}/cn-1",
            f"invoice/{slug}/{datetime.now(UTC):%Y-%m}",
        ):
            await desk.page.goto(f"{market.address}/#/{place}")
            await expect(view).to_contain_text(payload)
            if place.endswith("bp-redis"):
                await desk.page.get_by_role("button", name="Show the plan").click()
                await expect(desk.page.locator(".plan-steps")).to_contain_text(payload)
            if place.startswith("change"):
                await view.get_by_role("button", name="Show its plan").click()
                await expect(view.locator(".change-plan .plan-hash")).to_have_text(payload)
                await expect(view.locator(".change-plan .file")).to_contain_text(payload)
                named = quote(payload, safe=_UNESCAPED)
                away = view.get_by_role("link", name=f"take {payload} away")
                # It leads to a place in the page, whatever the Application is called.
                await expect(away).to_have_attribute("href", f"#/application/{slug}/{named}/x")
            if place.startswith("invoice"):
                await view.locator(".bill-line summary").click()
                events = view.locator(".events li")
                await expect(events.first).to_contain_text(payload)
                await view.get_by_role("button", name="Show more", exact=True).click()
                await expect(events).to_have_count(4)
                await view.get_by_role("button", name="Show more lines").click()
                await expect(view.locator(".bill-line")).to_have_count(2)
                await expect(view.get_by_role("button", name="Show more")).to_have_count(0)
            await _nothing_ran(desk)
        await desk.page.goto(f"{market.address}/#/change/{slug}/{quote(payload, safe='')}")
        await expect(view.locator("h2")).to_have_text(payload)
        await _nothing_ran(desk)


_INBOX: Final = """
async text => {
  const { Inbox } = await import('/js/inbox.js');
  const doc = {
    ...Object.fromEntries(['change', 'organization', 'environment', 'hash', 'author', 'opened',
      'author_email'].map(name => [name, text])),
    status: 'waiting', waits_for: ['approvals'], quote: null, lock: [], officers: [''],
    request: {action: text, application: text, environment: text},
    approvals: [{team: '', quorum: 1}], missing: [{team: text, quorum: 1}],
    approved: [{by: text, email: text, comment: text, teams: [text]}],
  };
  const rows = new Map([['acme._.change._.ch-1', {doc}]]);
  const session = {actor: 'me', roles: ['security-officer'], organizations: {}};
  const node = document.getElementById('view');
  new Inbox(node, {rows: () => rows, ready: () => true, session}).stop();
  const href = node.querySelector('a').getAttribute('href');
  node.querySelector('a').replaceWith(...node.querySelector('a').childNodes);
  return href;
}
"""


@pytest.mark.guarantee("G26.5")
async def test_what_waits_is_text(desk: Window, site: Site) -> None:
    await desk.page.goto(f"{site.address}/#/waiting")
    await expect(desk.page.get_by_role("heading", name="Waiting for you")).to_be_visible()
    for payload in PAYLOADS:
        href = await desk.page.evaluate(_INBOX, payload)
        assert href == f"#/change/acme/{quote(payload, safe=_UNESCAPED)}"
        card = desk.page.locator("#view .ask")
        assert (await card.text_content() or "").count(payload) >= 8
        await _nothing_ran(desk)


async def _nothing_ran(window: Window) -> None:
    assert await window.page.evaluate("window.ran") is None
    strange = (
        "img:not([src^='/v1/icons/']), iframe, svg:not(.icon), object, embed, script,"
        " a:not([href^='#/application/']), [onerror], [onload]"
    )
    assert await window.page.locator(f"#view :is({strange})").count() == 0
    await forgive(window)
    assert window.complaints == []
