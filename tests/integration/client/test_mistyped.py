"""What was mistyped is told as not there; what is not allowed, with where it can be allowed."""

from collections.abc import Callable

import pytest
from tests.integration.client.command import Ran
from tests.integration.client.stack import Stack
from tests.support.each import each

from catalyst.contracts.roles import BILLING_ADMIN

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G27.2")]
CODE = "NO-SUCH-CODE-7QKD"


@each(
    [
        f"voucher redeem {CODE}",
        f"voucher preview {CODE}",
        "app list",
        "app show blog",
        "app history blog",
        "billing balance",
        "billing ledger",
        "dlq list",
        "events",
        "events -o json",
        "get environments",
        "get all",
        "source list",
        "billing invoice list",
        "billing invoice show 2026-01",
        "billing invoice explain 2026-01/1",
        "billing invoice replay 2026-01",
        "billing invoice finalize 2026-01",
        "billing void 2026-01 --reason Why",
        "billing credit-note 2026-01 1=0.500 --as n --reason Why",
        "catalog search wiki",
        "catalog show bp-wiki",
        "query catalog search",
        "source sync own",
        "source remove own",
    ]
)
def test_an_organization_that_is_not_there_is_said_with_the_one_that_is_meant(
    verb: str, *, catalyst: Callable[..., Ran], organization: str
) -> None:
    ran = catalyst(*verb.split(), "--org", f"{organization}y")
    assert f"there is no Organization '{organization}y'" in ran.err
    assert f"do you mean {organization}" in ran.err
    assert (ran.code, ran.out) == (4, "")


@each(
    [
        "app list",
        "dlq list",
        "events",
        "events --follow",
        "get environments",
        "source list",
        "billing invoice list",
    ]
)
def test_who_is_no_member_is_told_of_which_organization_as_if_there_were_none(
    verb: str, *, catalyst: Callable[..., Ran], organization: str, stack: Stack
) -> None:
    asker = ("--token", stack.keys.people().person("stranger@example.org"))
    for slug in (organization, "nowhere"):
        ran = catalyst(*verb.split(), "--org", slug, *asker)
        assert ran.err.startswith(f"Error: there is no Organization '{slug}', or it is not yours")
        assert "catalyst get organizations` lists yours" in ran.err
        assert (ran.code, ran.out) == (4, "")


def test_a_month_that_there_is_not_is_said(catalyst: Callable[..., Ran], organization: str) -> None:
    for verb in (("show", "2026-13"), ("finalize", "2026-00")):
        ran = catalyst("billing", "invoice", *verb, "--org", organization)
        assert f"MONTH: there is no month {verb[1][-2:]}" in ran.err
        assert ran.code == 2


@each(
    [
        ("explain", "2026-13/1", 2, "LINE: there is no month 13"),
        ("replay", "2026-13", 2, "ID: there is no month 13"),
        ("explain", "2026-1/1", 4, "an invoice is named by its month, such as 2026-11"),
        ("replay", "2026-1", 4, "an invoice is named by its month, such as 2026-11"),
    ]
)
def test_what_is_no_month_is_not_called_a_missing_credit_note_alone(
    verb: str,
    named: str,
    code: int,
    says: str,
    *,
    catalyst: Callable[..., Ran],
    organization: str,
    stack: Stack,
) -> None:
    token = stack.token("books@example.org", BILLING_ADMIN)
    ran = catalyst("billing", "invoice", verb, named, "--org", organization, "--token", token)
    assert says in ran.err
    assert (ran.code, ran.out) == (code, "")


@each(
    [
        ("foo", "there is no event 'foo'"),
        ("environment.create-organization.v1", "is a command, and no event"),
    ]
)
def test_a_type_that_no_event_has_is_said(
    type_: str, says: str, *, catalyst: Callable[..., Ran]
) -> None:
    for more in ((), ("--follow",)):
        ran = catalyst("events", "--type", type_, *more)
        assert (ran.code, says in ran.err) == (4, True), ran


@pytest.mark.guarantee("G27.8")
def test_what_ones_roles_do_not_allow_is_said_in_words_with_the_roles_that_do(
    catalyst: Callable[..., Ran], organization: str, stack: Stack
) -> None:
    said = (
        "your roles do not allow you to take back an invoice of which nothing is paid: "
        "it takes the role billing-admin"
    )
    void = ("billing", "void", "2026-01", "--reason", "Why", "--org", organization)
    for door in (stack.http, stack.nats.replace("://", f"://{stack.user}:{stack.password}@")):
        ran = catalyst(*void, "--url", door, "--token", stack.token())
        assert (ran.code, said in ran.err) == (7, True), ran
    replay = catalyst("billing", "invoice", "replay", "2026-01", "--org", organization)
    said = (
        "your roles do not allow you to make an invoice again from the log: "
        "it takes one of the roles org-admin, billing-admin"
    )
    assert (replay.code, said in replay.err) == (7, True), replay


def test_a_name_that_a_source_cannot_have_is_told_before_where_it_may_be(
    catalyst: Callable[..., Ran],
) -> None:
    ran = catalyst("source", "add", "X Y", ".")
    assert "source-name-invalid: the source's name 'X Y' must be 2 to 63 lower-case" in ran.err
    assert (ran.code, ran.out) == (3, "")


@each(
    [
        (".", "", "_SOURCE_DIRECTORIES names, and no other; for another, set it where"),
        ("https://git.example/x.git", "", "_GIT_HOSTS names the hosts that are allowed; set it"),
        (".", "mine", "on our own Git, `/git/mine/NAME.git` can be read"),
        ("/git/theirs/x.git", "mine", "on our own Git, `/git/mine/NAME.git` can be read"),
        ("/git/theirs/x.git", "", "on our own Git, an Organization's with `--org` can be read"),
    ]
)
def test_a_location_that_may_not_be_read_says_what_would_allow_it(
    location: str, owner: str, hint: str, *, catalyst: Callable[..., Ran], organization: str
) -> None:
    mine = ("--org", organization) if owner else ()
    ran = catalyst("source", "add", "own", location, *mine)
    assert ran.code == 3
    (told,) = (line for line in ran.err.splitlines() if line.startswith("Hint: "))
    assert hint.replace("mine", organization) in told
    both = {"SOURCE_DIRECTORIES", "GIT_HOSTS"}
    assert len([name for name in both if name in told]) == ("set it" in hint)
