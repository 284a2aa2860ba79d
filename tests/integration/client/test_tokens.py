"""A token that does not hold any more: every verb says so, and what to do."""

import inspect
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from pathlib import Path

import pytest
from tests.integration.client.command import Ran
from tests.integration.client.stack import Stack
from tests.support.sequential import CREATE
from tools.files import ROOT

from catalyst.chassis.keyring import KeyRing
from catalyst.cli.verbs import GROUPS, VERBS

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G27.5")]

ORG = ("--org", "omantel")
ENV = ("--env", "omantel-prod", *ORG)
LETTER = "dlq.omantel.environment.organization.omantel.c1"
HASH = "3a3913cb58dacfd18e3a4048089b821362a4bf6454cedd35d799ed63e5dd1eac"
USES: dict[str, tuple[str, ...]] = {
    "send": (CREATE, *ORG, "--data", "{}"),
    "apply": ("-f", str(ROOT / "examples" / "omantel.yaml")),
    "approve": ("ch-1", *ORG),
    "reject": ("ch-1", *ORG, "--reason", "no"),
    "cancel": ("ch-1", *ORG, "--reason", "no"),
    "get": ("organizations", "--watch"),
    "outcome": ("c-1", *ORG),
    "query": ("catalog", "search", *ORG),
    "trace": ("c-1",),
    "events": ("--follow",),
    "replay": ("--rebuild",),
    "simulate": ("blog", "crash-loop", *ENV),
    "doctor": (),
    "approvals list": (),
    "dlq list": (),
    "dlq show": (LETTER,),
    "dlq retry": (LETTER,),
    "dlq drop": (LETTER, "--reason", "no"),
    "source add": ("shop", "https://git.example.org/shop.git"),
    "source list": (),
    "source sync": ("shop",),
    "source remove": ("shop",),
    "blueprint deprecate": ("bp-wiki", "--reason", "no"),
    "blueprint withdraw": ("bp-wiki", "--reason", "no"),
    "blueprint yank": ("bp-wiki", "1.0.0", "--reason", "no"),
    "catalog search": ("wiki", *ORG),
    "catalog show": ("bp-wiki", *ORG),
    "catalog diff": ("bp-wiki", "1.0.1", "2.0.1", *ORG),
    "catalog feature": ("bp-wiki", *ORG),
    "catalog unfeature": ("bp-wiki", *ORG),
    "catalog hide": ("bp-wiki", *ORG, "--reason", "no"),
    "catalog unhide": ("bp-wiki", *ORG),
    "catalog pin": ("bp-wiki", "1.0.0", *ORG, "--reason", "no"),
    "catalog unpin": ("bp-wiki", *ORG),
    "catalog categorize": ("bp-wiki", "data", *ORG),
    "catalog uncategorize": ("bp-wiki", *ORG),
    "plan install": ("bp-wordpress", "--as", "blog", *ENV),
    "plan configure": ("blog", *ENV, "--set", "siteTitle=Hi"),
    "plan upgrade": ("blog", *ENV),
    "plan rollback": ("blog", *ENV),
    "plan uninstall": ("blog", *ENV),
    "plan delete-environment": ("omantel-prod", *ORG),
    "plan delete-organization": ("omantel",),
    "plan show": ("ch-1", *ORG),
    "app list": ORG,
    "app show": ("blog", *ORG),
    "app history": ("blog", *ORG),
    "voucher issue": ("20.000", "OMR"),
    "voucher preview": ("WELCOME-TO-OMAN-2026", *ORG),
    "voucher redeem": ("WELCOME-TO-OMAN-2026", *ORG),
    "voucher revoke": ("WELC", "--reason", "no"),
    "billing balance": ORG,
    "billing ledger": ORG,
    "billing price-book apply": (str(ROOT / "examples" / "price-book.yaml"),),
    "billing price-book show": (),
    "billing invoice list": ORG,
    "billing invoice show": ("2026-11", *ORG),
    "billing invoice explain": ("2026-11/1", *ORG),
    "billing invoice replay": ("2026-11", *ORG),
    "billing invoice finalize": ("2026-11", *ORG),
    "billing grant": ("1.000", "OMR", *ORG, "--as", "one", "--reason", "no"),
    "billing payment": ("1.000", "OMR", *ORG, "--as", "one", "--reference", "no"),
    "billing limit show": ORG,
    "billing limit spend": ("1.000", "OMR", *ORG),
    "billing limit lift": ORG,
    "billing limit credit": ("1.000", "OMR", *ORG),
    "billing void": ("2026-11", *ORG, "--reason", "no"),
    "billing credit-note": ("2026-11", "1=1.000", *ORG, "--as", "one", "--reason", "no"),
}


def taking_a_token() -> set[str]:
    """Return every verb that somebody asks with a token."""
    every = {**VERBS}
    for group, (_, verbs) in GROUPS.items():
        every |= {f"{group} {verb}": place for verb, place in verbs.items()}
    found = set()
    for words, place in every.items():
        module, _, name = place.partition(":")
        if "token" in inspect.signature(getattr(import_module(module), name)).parameters:
            found.add(words)
    # It names a connection, and asks nobody.
    return found - {"context add"}


def test_no_verb_is_left_out() -> None:
    assert set(USES) == taking_a_token()


@pytest.fixture
def tokens(stack: Stack, tmp_path: Path) -> dict[str, str]:
    """Return tokens that do not hold, by why they do not."""
    role = ["sovereign-admin"]
    late = stack.keys.people().person("root@example.org", role, timedelta(hours=-1))
    # A key that was replaced is one that nobody knows.
    other = KeyRing.open(tmp_path / "other").people().person("root@example.org", role)
    return {"it has expired": late, "the key that signed it is not used here": other}


@pytest.mark.parametrize("words", USES)
def test_a_verb_says_that_the_token_does_not_hold_and_what_to_do(
    words: str, catalyst: Callable[..., Ran], tokens: dict[str, str]
) -> None:
    for why, token in tokens.items():
        ran = catalyst(*words.split(), *USES[words], "--token", token)
        assert ran.code == (8 if words == "doctor" else 7), ran
        assert why in (ran.out if words == "doctor" else ran.err), ran
        assert "catalyst token --email" in ran.err, ran
        assert ran.err.count(why) <= 1, ran


@pytest.mark.parametrize("door", ["http", "nats"])
def test_a_command_is_told_at_either_door(
    door: str, catalyst: Callable[..., Ran], stack: Stack, tokens: dict[str, str]
) -> None:
    if door == "nats":
        who = ("--nats", stack.nats, "--user", stack.user, "--password", stack.password)
        catalyst("context", "add", "broker", *who)
    for why, token in tokens.items():
        more = ("--context", "broker") if door == "nats" else ()
        ran = catalyst("send", CREATE, *ORG, "--data", "{}", "--token", token, *more)
        assert ran.code == 7, ran
        assert why in ran.err, ran
        assert "catalyst token --email" in ran.err, ran
