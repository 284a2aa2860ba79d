"""Real Chromium before the live page: windows that remember what went wrong, and a breakable wire.

Playwright drives it; the executable is the machine's own, or `tools/real/chromium` brings it.
"""

import asyncio
import json
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import pytest
from playwright.async_api import (
    Browser,
    BrowserContext,
    Locator,
    Page,
    ViewportSize,
    async_playwright,
    expect,
)
from tests.support.waiting import until

ROOT: Final = Path(__file__).parents[2]
FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
MILLISECONDS: Final = 15_000.0
"""Until something expected has to be seen."""
VIEWPORT: Final[ViewportSize] = {"width": 1280, "height": 720}
"""How large a window is of which nothing else is said."""
Scheme = Literal["light", "dark"]
_NAMES: Final = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The first draws the same pages without a browser's own surface, which is made of pages too and
takes as much of the processor again."""

expect.set_options(timeout=MILLISECONDS)

# Every word that the stream's state shows, in order, however short it stands; and how many answers
# the page waits for, or for the text of. The stream itself is none of them once it has begun.
_RECORD: Final = """
window.awaited = 0;
const counted = (owner, name) => {
  const original = owner[name];
  owner[name] = async function (...args) {
    window.awaited += 1;
    try {
      return await original.apply(this, args);
    } finally {
      window.awaited -= 1;
    }
  };
};
counted(window, "fetch");
counted(Response.prototype, "text");
window.statesSeen = [];
window.detailsSeen = [];
document.addEventListener("DOMContentLoaded", () => {
  const box = document.getElementById("stream");
  new MutationObserver(() => {
    const text = document.getElementById("stream-state").textContent;
    if (text && window.statesSeen.at(-1) !== text) window.statesSeen.push(text);
    window.detailsSeen.push(document.getElementById("stream-detail").textContent);
  }).observe(box, {childList: true, characterData: true, subtree: true});
});
"""


def executable() -> str:
    """Return Chromium's path; in CI it is installed where there is none.

    Outside CI the test that asks is skipped where there is none.
    """
    names = [os.environ.get("CATALYST_CHROMIUM", ""), *_NAMES]
    for found in filter(None, map(shutil.which, filter(None, names))):
        return found
    if not os.environ.get("CI"):
        pytest.skip("Chromium is not installed; tools/real/chromium installs it")
    script = ROOT / "tools" / "real" / "chromium"
    done = subprocess.run([script], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Run Chromium for the block, with a profile of its own."""
    path = executable()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            await browser.close()


class Window:
    """A window with the live page in it."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self.complaints: list[str] = []
        """Errors and warnings of the console, uncaught errors, and dialogs."""
        self.requested: set[str] = set()
        """Every origin that was asked for anything since `watch`."""
        page.set_default_timeout(MILLISECONDS)
        self.spent = False
        """Whether something was done to it that stays with its profile."""
        self._hears: dict[Any, Any] = {
            "console": self._console,
            "pageerror": lambda error: self.complaints.append(f"uncaught: {error}"),
            "dialog": self._dialog,
        }
        for event, heard in self._hears.items():
            page.on(event, heard)

    def _console(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            at = message.location.get("url", "").removeprefix(self.address)
            self.complaints.append(f"{message.type}: {message.text} {at}".rstrip())

    def watch(self) -> None:
        """Note each request from now on: to be told of all takes as long as to answer them."""
        self._hears["request"] = lambda request: self.requested.add(_origin(request.url))
        self.page.on("request", self._hears["request"])

    async def stop_clock(self) -> None:
        """Let time pass only as the test says, through the page's `clock`."""
        self.spent = True
        await self.page.clock.install()

    async def leave(self) -> None:
        """Take back whatever a test may do to a window, and forget whoever was in it."""
        for event, heard in self._hears.items():
            self.page.remove_listener(event, heard)
        context = self.page.context
        await context.set_offline(False)
        await context.unroute_all(behavior="ignoreErrors")
        await self.page.unroute_all(behavior="ignoreErrors")
        for page in context.pages:
            if page is not self.page:
                await page.close()
        # From a page of another place the next one would begin in a process of its own.
        await self.page.goto(f"{self.address}/icon.svg")
        await context.clear_cookies()
        told = await context.new_cdp_session(self.page)
        kept = {"origin": self.address, "storageTypes": "local_storage,cache_storage,indexeddb"}
        await told.send("Storage.clearDataForOrigin", kept)
        await told.detach()

    async def _dialog(self, dialog: Any) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        await dialog.dismiss()

    async def sign_in(self, token: str, at: str = "/#/rows") -> None:
        """Open the page somewhere and sign in; returns when the rows are live."""
        await self.page.goto(f"{self.address}{at}")
        await self.page.get_by_label("Token").fill(token)
        await self.page.get_by_role("button", name="Sign in").click()
        await self.until_state("live")

    async def until_state(self, name: str) -> None:
        """Return once the stream's state is `live`, `behind`, `reconnecting` or `reset`."""
        await self.page.locator(f'#stream[data-state="{name}"]').wait_for()

    async def states(self) -> list[str]:
        """Return every word that the state has shown, oldest first."""
        found: list[str] = await self.page.evaluate("window.statesSeen")
        return found

    async def details(self) -> list[str]:
        """Return everything that was said beside the state, oldest first."""
        found: list[str] = await self.page.evaluate("window.detailsSeen")
        return found

    async def until_row(self, kind: str, name: str, text: str = "") -> None:
        """Return once a row is shown, with a text in it."""
        await self.row(kind, name).filter(has_text=text).wait_for()

    async def until_answered(self) -> None:
        """Return once the page waits for no answer: what the browser says of any was said then."""

        async def none() -> bool:
            return bool(await self.page.evaluate("window.awaited === 0"))

        await until(none)

    async def until_sequence(self, seq: int) -> None:
        """Return once everything up to a sequence of the log is shown."""

        async def reached() -> bool:
            text = await self.page.locator("#stream-detail").inner_text()
            found = re.search(r"sequence ([0-9]+)", text)
            return found is not None and int(found[1]) >= seq

        await until(reached)

    def row(self, kind: str, name: str) -> Locator:
        """The line of a row of an Organization, an Environment, …"""
        end = f".{kind}._.{name}"
        return self.page.locator(f'#rows tbody tr[data-key$="{end}"]')

    async def rows(self) -> list[list[str]]:
        """Return what each line shows, its age left out."""
        found: list[list[str]] = await self.page.locator("#rows tbody tr").evaluate_all(
            "lines => lines.map(line => [line.dataset.key,"
            " ...[...line.cells].slice(0, 4).map(cell => cell.innerText)])"
        )
        return found

    @property
    def form(self) -> Locator:
        """The form of the command that is chosen."""
        return self.page.locator("form.command-form")

    async def choose_command(self, name: str) -> None:
        """Open the form of a command."""
        await self.page.get_by_role("tab", name="Send a command").click()
        await self.page.locator("#command").select_option(label=name)
        await self.form.wait_for()

    async def send(self) -> None:
        """Press the form's button."""
        await self.page.get_by_role("button", name="Send", exact=True).click()


_LEFT: Final[WeakKeyDictionary[Browser, dict[str, list[Page]]]] = WeakKeyDictionary()
"""Windows in which nobody is, of each browser, by how they were opened."""


@asynccontextmanager
async def window(
    browser: Browser,
    address: str,
    *,
    viewport: ViewportSize = VIEWPORT,
    color_scheme: Scheme = "light",
    once: bool = False,
    **options: Any,
) -> AsyncIterator[Window]:
    """A window with a profile of its own, as another person or machine has it.

    Its person wants no motion: to draw each step of one takes time and shows nothing. A window that
    was left is used again, with nothing in it but the page's scripts and styles: to open one and
    load them took more of the processor than most of what is tested in it.

    Args:
        browser: Where.
        address: Of the stack that is looked at.
        viewport: How large it is.
        color_scheme: Which colours its person likes.
        once: Whether it is not to be used again, because nothing stays at that address.
        options: What else Playwright's `new_context` takes.
    """
    left = _LEFT.setdefault(browser, {}).setdefault(json.dumps(options, sort_keys=True), [])
    page = (
        left.pop()
        if left
        else await _opened(await browser.new_context(reduced_motion="reduce", **options))
    )
    found = Window(page, address)
    found.spent = once
    try:
        await page.emulate_media(color_scheme=color_scheme)
        await page.set_viewport_size(viewport)
        yield found
        if not found.spent:
            await found.leave()
            left.append(page)
    finally:
        if page not in left:
            await page.context.close()


async def another(context: BrowserContext, address: str) -> Window:
    """Return one more window of the same profile: it shares the session's cookie."""
    return Window(await _opened(context), address)


async def _opened(context: BrowserContext) -> Page:
    page = await context.new_page()
    await page.add_init_script(_RECORD)
    return page


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


class Wire:
    """A TCP connection to the stack that can be cut, or hold its breath."""

    def __init__(self, address: str) -> None:
        """Lead to the stack at `address`."""
        parts = urlsplit(address)
        self._host, self._port = parts.hostname or "", parts.port or 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._whole = True
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.address = ""
        """Where the near end is."""

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._whole:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection(self._host, self._port)
        self._writers |= {writer, far_writer}
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._pass(reader, far_writer))
                tasks.create_task(self._pass(far_reader, writer))
        finally:
            self._writers -= {writer, far_writer}

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A connection that is cut under us ends like one that was closed.
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
        writer.close()

    def cut(self) -> None:
        """Break every connection, and refuse new ones."""
        self._whole = False
        for writer in self._writers:
            writer.transport.abort()

    def mend(self) -> None:
        """Let connections through again."""
        self._whole = True

    def hold(self) -> None:
        """Keep connections open and let nothing through."""
        self._flowing.clear()

    def release(self) -> None:
        """Let through what was held, and what comes."""
        self._flowing.set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Wire"]:
        """Listen for the block."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()[:2]
        self.address = f"http://{host}:{port}"
        try:
            yield self
        finally:
            server.close()
            self.release()
            self.cut()
            await server.wait_closed()
