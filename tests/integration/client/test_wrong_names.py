"""A wrong name, Organization or id ends no verb with 0, whatever form it was asked for."""

import json
from collections.abc import Callable, Iterator
from typing import Final

import pytest
from tests.integration.client.command import Ran
from tests.integration.client.stack import Stack
from tests.support.each import each

from catalyst.cli.verbs import GROUPS, VERBS
from catalyst.contracts.roles import BILLING_ADMIN, SOVEREIGN_ADMIN

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G27.2")]

OWNER: Final = "ann@example.org"
LETTER: Final = "dlq.{org}.environment.organization.{org}.c1"
WRONG: Final = {
    "get organizations nobody": 4,
    "get environments nowhere --org {org}": 4,
    "get all nothing-like-this": 4,
    "get nothing": 2,
    "get environments --org nobody": 4,
    "get organizations --org nobody": 4,
    "get all --org nobody": 4,
    "get changes --env nowhere": 4,
    "get changes --env nowhere --org {org}": 4,
    "source list --org nobody": 4,
    "source sync nothing": 4,
    "source sync nothing --org {org}": 4,
    "source remove nothing": 4,
    "dlq list --org nobody": 4,
    f"dlq show {LETTER}": 4,
    f"dlq retry {LETTER}": 3,
    f"dlq drop {LETTER} --reason Why": 3,
    "dlq show nonsense": 4,
    "dlq retry nonsense": 2,
    "events --org nobody": 4,
    "events --command nothing": 4,
    "events --command nothing --org {org}": 4,
    "events --type nothing": 4,
    "outcome nothing": 4,
    "outcome nothing --org {org}": 4,
    "outcome nothing --org nobody": 4,
    "trace nothing": 4,
    "trace nothing --org nobody": 4,
    "query nobody nothing --org {org}": 4,
    "query environment nothing --org {org}": 4,
    "query environment plan-organization-deletion --org nobody": 4,
    'query environment plan-environment-deletion --data {{"environment":"nowhere"}} --org {org}': 4,
    "send nothing --org {org}": 4,
    "send environment.resume-organization.v1 --org nobody": 4,
    "approve nothing --org {org}": 4,
    "approve nothing": 4,
    "reject nothing --reason Why": 4,
    "cancel nothing --reason Why": 4,
    "cancel nothing --reason Why --org {org}": 4,
    "approvals list --org nobody": 4,
    "apply aaaaaaaaaaaa": 4,
    "app list --org nobody": 4,
    "app list --org {org} --env nowhere": 4,
    "app show nothing --org {org}": 4,
    "app history nothing --org {org}": 4,
    "blueprint deprecate bp-nothing --reason Why": 4,
    "blueprint deprecate bp-nothing --reason Why --org {org}": 4,
    "blueprint withdraw bp-nothing --reason Why": 4,
    "blueprint withdraw bp-nothing --reason Why --org nobody": 4,
    "blueprint yank bp-nothing 1.0.0 --reason Why": 4,
    "blueprint yank public-bp-nothing 1.0.0 --reason Why": 4,
    "catalog search wiki --org nobody": 4,
    "catalog show bp-nothing --org {org}": 4,
    "catalog show bp-nothing --form --env nowhere --org {org}": 4,
    "catalog diff bp-nothing 1.0.0 2.0.0 --org {org}": 4,
    "catalog diff bp-nothing 1.0.0 2.0.0 --org nobody": 4,
    "catalog feature bp-nothing --org _": 4,
    "catalog unfeature bp-nothing --org nobody": 4,
    "catalog hide bp-nothing --reason Why --org {org}": 4,
    "catalog hide public-bp-nothing --reason Why --org {org}": 4,
    "catalog unhide bp-nothing --org {org}": 4,
    "catalog pin bp-nothing 1.0.0 --reason Why --org {org}": 4,
    "catalog unpin bp-nothing --org nobody": 4,
    "catalog categorize bp-nothing data --org _": 4,
    "catalog uncategorize bp-nothing --org {org}": 4,
    "plan install bp-nothing --as abc --env nowhere --org {org}": 4,
    "plan configure nothing --env nowhere": 4,
    "plan upgrade nothing --env nowhere": 4,
    "plan rollback nothing --env nowhere": 4,
    "plan uninstall nothing --env nowhere --org {org}": 4,
    "plan show nothing": 4,
    "plan show nothing --org {org}": 4,
    "plan show nothing --org nobody": 4,
    "plan delete-environment nowhere": 4,
    "plan delete-environment nowhere --org {org}": 4,
    "plan delete-organization nobody": 4,
    "voucher preview NO-SUCH-CODE-7QKD --org {org}": 4,
    "voucher preview NO-SUCH-CODE-7QKD --org nobody": 4,
    "voucher redeem NO-SUCH-CODE-7QKD --org nobody": 4,
    "voucher redeem NO-SUCH-CODE-7QKD --org {org}": 4,
    "voucher revoke NO-SUCH-CODE-7QKD --reason Why": 4,
    "billing balance --org nobody": 4,
    "billing ledger --org nobody": 4,
    "billing invoice list --org nobody": 4,
    "billing invoice show 2020-01 --org {org}": 4,
    "billing invoice explain 2020-01/1 --org {org}": 4,
    "billing invoice replay 2020-01 --org {org}": 4,
    "billing invoice replay nothing --org {org}": 4,
    "billing invoice finalize 2020-01 --org nobody": 4,
    "billing grant 1.000 OMR --as n --reason Why --org nobody": 4,
    "billing payment 1.000 OMR --as n --reference Why --org nobody": 4,
    "billing limit show --org nobody": 4,
    "billing limit spend 1.000 OMR --org nobody": 4,
    "billing limit lift --org nobody": 4,
    "billing limit credit 1.000 OMR --org nobody": 4,
    "billing void 2020-01 --reason Why --org {org}": 4,
    "billing credit-note 2020-01 1=0.500 --as n --reason Why --org {org}": 4,
    "simulate blog crash-loop --env nowhere": 4,
    "simulate blog crash-loop --env nowhere --org {org}": 4,
    "context use nothing": 4,
    "context show nothing": 4,
    "context remove nothing": 4,
    "contracts show nothing": 4,
    "get organizations --context nothing": 4,
}
"""What is typed, and the exit code; `{org}` is an Organization that there is."""
NAMELESS: Final = frozenset(
    {
        *("demo", "up", "replay", "doctor", "token", "contracts list", "context list"),
        *("context add", "source add", "voucher issue", "blueprint lint"),
        *("billing price-book apply", "billing price-book show"),
    }
)
"""Verbs that name nothing which has to be there, beside files."""


def verbs() -> Iterator[str]:
    """Yield every verb as it is typed."""
    yield from VERBS
    for group, (_, places) in GROUPS.items():
        yield from (f"{group} {name}" for name in places)


def test_every_verb_that_names_something_is_tried() -> None:
    tried = {name for name in verbs() if any(line.startswith(f"{name} ") for line in WRONG)}
    assert tried == {*verbs()} - NAMELESS


@pytest.fixture(autouse=True)
def _whoever_may(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask as who owns what there is, and may do everything besides."""
    token = stack.token(OWNER, SOVEREIGN_ADMIN, BILLING_ADMIN)
    monkeypatch.setenv("CATALYST_TOKEN", token)


@each(list(WRONG))
def test_what_is_not_there_ends_no_verb_with_0(
    line: str, *, catalyst: Callable[..., Ran], organization: str
) -> None:
    ran = catalyst(*(word.format(org=organization) for word in line.split()))
    # What was sent has an outcome, which `send` shows.
    assert (ran.code, ran.out if not line.startswith("send ") else "") == (WRONG[line], ""), ran
    assert ran.err.startswith("Error: ") or "\nError: " in ran.err


@each([line for line in WRONG if not line.startswith("context")])
def test_a_program_is_told_the_same_as_an_object(
    line: str, *, catalyst: Callable[..., Ran], organization: str
) -> None:
    ran = catalyst(*(word.format(org=organization) for word in line.split()), "-o", "json")
    told = json.loads(ran.err[ran.err.index("{") :])["error"]
    assert (ran.code, told["exit"]) == (WRONG[line], WRONG[line])
    assert told["message"]
