"""What a person does in the views of an Organization, for tests that are about more than that."""

from typing import Any, Final

import msgspec
from playwright.async_api import Locator, expect
from tests.browser.site import Site
from tests.support.browser import Window

from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.contracts import permissions

OWNERS: Final = (
    {"email": "admin@localhost", "role": "owner"},
    {"email": "ann@example.com", "role": "admin"},
)
"""Who may change things in an Organization of a test: two, for one has to approve the other's."""
OWN_GATE: Final = (
    "Must approve1 approval of anyone but you",
    "May notYou: it is your own change",
    "Approvednobody yet",
    *("Now0", "Afterwards1", "At most9", "Used0", "Held0"),
)
"""What the plan of a first install says of its gate, where one other person has to approve."""
ELSEWHERE: Final = frozenset({"billing.issue-voucher.v1"})
"""Commands with a form in a view of their own, and none among all others."""
PATIENCE: Final = 60_000
"""Milliseconds for a change that a simulated cluster takes part in."""

# In the page itself: with a question for each button, all commands took longer than all else.
_WHOLE_FORM: Final = """
async type => {
  const select = document.getElementById('command');
  select.value = type;
  select.dispatchEvent(new Event('change', {bubbles: true}));
  while (document.querySelector('#panel-send p.quiet code')?.textContent !== type) {
    await new Promise(resolve => setTimeout(resolve, 5));
  }
  const form = document.querySelector('form.command-form');
  const done = new Set();
  for (;;) {
    const fresh = [...form.querySelectorAll('button')].find(
      ({innerText: text}) => text.startsWith('Add ') && !done.has(text));
    if (!fresh) return;
    done.add(fresh.innerText);
    fresh.click();
  }
}
"""


async def stall(site: Site, slug: str, window: Window) -> None:
    """Make an Organization whose row no longer moves; returns when the window shows that."""
    await site.create(slug)
    await window.until_row("onboarding", slug, "completed")
    await _unknown_event(site, slug)
    await window.until_row("organization", slug, "an event is unknown to this version")


async def _unknown_event(site: Site, slug: str) -> None:
    """Write an event that this version does not know, as a newer one's worker would."""
    user = "environment"
    subject = f"evt.{slug}.environment.organization.{slug}.organization-sang.v1"
    event = {
        "specversion": "1.0",
        "id": f"later-{slug}",
        "source": "tests",
        "type": "environment.organization-sang.v1",
        "time": "2026-01-01T00:00:00Z",
        "organization": slug,
        "actor": "service:environment",
        "correlationid": f"later-{slug}",
        "causationid": f"later-{slug}",
        "data": {},
    }
    async with connect(
        site.context.nats,
        name=user,
        user=user,
        password=site.installation.passwords[user],
        inbox_prefix=permissions.inbox("environment-controller"),
    ) as js:
        await js.publish(Outgoing(subject=subject, data=msgspec.json.encode(event)))


async def fare(site: Site, slug: str, application: str, mode: str) -> None:
    """Let an Application in `<slug>-prod` fare as a mode of the simulated cluster says."""
    user = permissions.OPERATOR
    password = site.installation.passwords[user]
    async with connect(site.context.nats, name=user, user=user, password=password) as js:
        subject = f"ws.{slug}-prod.simulator.{application}"
        await js.publish(Outgoing(subject=subject, data=msgspec.json.encode({"mode": mode})))


async def furnish(site: Site, slug: str, window: Window, credit: int = 50_000, **env: Any) -> None:
    """Make an Organization with an Environment and credit; returns when the window shows both."""
    await site.create(slug, owners=list(OWNERS))
    await window.until_row("onboarding", slug, "completed")
    if "policy" in env:
        rule = {"promotion": {"required_approvers": 1}, "quota": {"applications": 9}}
        await site.send("define-policy", slug, rule, id=env["policy"])
    await site.add_environment(slug, **env)
    if credit:
        given = {"currency": "OMR", "minor": credit}
        data = {"grant": "g-1", "amount": given, "reason": "To begin with"}
        await site.command("billing.grant-credit.v1", slug, data, aggregate="account", id=slug)
    await window.until_row("environment", f"{slug}-prod")


async def open_view(window: Window, slug: str, view: str) -> None:
    """Open the catalogue, the Applications or the balance of an Organization."""
    await window.page.get_by_label("Show the views of").select_option(slug)
    await window.page.get_by_role("button", name=view, exact=True).click()


async def choose(window: Window, slug: str, title: str) -> None:
    """Open the page of a Blueprint by way of the catalogue."""
    await open_view(window, slug, "Catalogue")
    await window.page.get_by_label("Search", exact=True).fill(title)
    await window.page.locator(".cards").get_by_role("button", name=title, exact=True).click()
    await expect(window.page.locator(".order .config")).to_be_visible()


async def plan(window: Window) -> Locator:
    """Ask for the plan; returns the button that carries it out."""
    await window.page.get_by_role("button", name="Show the plan").click()
    return await planned(window)


async def planned(window: Window, name: str = "Apply the plan") -> Locator:
    """Return the button that carries a plan out, once it is shown."""
    button = window.page.get_by_role("button", name=name)
    await button.wait_for()
    return button


def status(window: Window) -> Locator:
    """The status of the change that is shown."""
    return window.page.locator(".change-status")


async def completed(window: Window) -> None:
    """Return once the change that is shown is completed, as the simulated cluster says."""
    await expect(status(window)).to_have_text("completed (simulated)", timeout=PATIENCE)


async def open_whole_form(window: Window, command: str) -> None:
    """Choose a command, and add every part that may be added, once, and what that brings."""
    await window.page.evaluate(_WHOLE_FORM, command)


async def forgive(window: Window) -> None:
    """Take back what the browser itself says of a request that was refused or had no network.

    Also of one that is under way: it would be told when nobody forgives it any more.
    """
    await window.until_answered()
    window.complaints = [
        text for text in window.complaints if "Failed to load resource" not in text
    ]
