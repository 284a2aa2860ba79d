"""Where there is nothing to show, what to do next is said, and whether the name was right."""

import asyncio
import json
import signal
import sys
from collections.abc import Callable

import pytest
from tests.integration.client.command import Ran
from tests.integration.client.shop import WAIT_SECONDS
from tests.integration.client.stack import Stack
from tests.support.rig import acme
from tests.support.sequential import CREATE

pytestmark = pytest.mark.real

FIRST = "`catalyst apply -f FILE` makes one"
NOBODY = "there is no Organization 'nobody'"


def test_an_empty_list_says_what_brings_the_first(
    catalyst: Callable[..., Ran], stack: Stack, organization: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalyst.cli.output.as_called", str)
    ran = catalyst("get", "environments", "--org", organization)
    assert (ran.code, ran.out) == (0, "")
    assert FIRST in ran.err
    # Whoever asked for something of it knows that there are others.
    narrow = catalyst("get", "environments", "--org", organization, "--label", "a=b")
    assert FIRST not in narrow.err
    owner = ("--token", stack.keys.people().person("ann@example.org", []))
    ran = catalyst("billing", "invoice", "list", "--org", organization, *owner)
    assert ran.err.count("billing invoice show") == 1
    for wrong in (("get", "environments"), ("events",)):
        told = catalyst(*wrong, "--org", "nobody")
        assert (told.code, told.out) == (4, "")
        assert NOBODY in told.err
        assert FIRST not in told.err
    assert NOBODY not in catalyst("events", "--org", organization, "--type", "none.none.v1").err
    as_json = catalyst("get", "environments", "--org", organization, "-o", "json")
    assert as_json.err == ""


def test_whoever_is_shown_none_is_not_told_that_there_is_no_first(
    catalyst: Callable[..., Ran], stack: Stack, organization: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalyst.cli.output.as_called", str)
    books, officer = (
        ("--token", stack.token("sam@example.org", role))
        for role in ("billing-admin", "security-officer")
    )
    nobody = ("--token", stack.keys.people().person("nobody@example.org", []))
    for line in (
        ("get", "changes", *books),
        ("get", "changes", "--org", organization, *books),
        ("get", "organizations", *nobody),
        ("get", "all", *nobody),
    ):
        ran = catalyst(*line)
        assert (ran.code, ran.out) == (0, "")
        assert "there is nothing here that you may see\n" in ran.err
        assert "`catalyst" not in ran.err
    # What a role shows everywhere, it would show.
    ran = catalyst("get", "environments", "--org", organization, *officer)
    assert FIRST in ran.err
    ran = catalyst("get", "changes", "--org", organization, *officer)
    assert "nothing to show\n" in ran.err


def test_dead_letters_of_nobody_say_that_there_is_nobody(
    catalyst: Callable[..., Ran], organization: str
) -> None:
    ran = catalyst("dlq", "list", "--org", "nobody")
    assert (ran.code, ran.out) == (4, "")
    assert NOBODY in ran.err
    assert "nothing was set aside" not in ran.err
    assert catalyst("dlq", "list", "--org", "nobody", "-o", "json").code == 4
    for there in ((), ("--org", organization), ("--org", "_")):
        assert catalyst("dlq", "list", *there).err == "nothing was set aside\n"


@pytest.mark.guarantee("G27.6")
@pytest.mark.parametrize("form", ["table", "json"])
async def test_whoever_watches_what_is_not_there_yet_is_told_once_and_sees_it_come(
    catalyst: Callable[..., Ran], fresh: Callable[[], str], form: str
) -> None:
    slug = fresh()
    catalyst("context", "show")
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from catalyst.cli.entry import run; run()"),
        *("get", "organizations", slug, "--watch", "-o", form),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert child.stdout is not None
    assert child.stderr is not None
    async with asyncio.timeout(WAIT_SECONDS):
        said = ""
        while "every change follows" not in said:
            line = (await child.stderr.readline()).decode()
            assert line, said
            said += line
        data = json.dumps(acme(display_name="Come"))
        made = await asyncio.to_thread(catalyst, "send", CREATE, "--org", slug, "--data", data)
        assert made.code == 0
        shown = b""
        while b"Come" not in shown:
            shown = await child.stdout.readline()
            assert shown
        child.send_signal(signal.SIGINT)
        _, rest = await child.communicate()
    said += rest.decode()
    absent = f"there is no organization {slug!r} yet, or it is not yours to see: waiting for it"
    assert said.count(absent) == 1
