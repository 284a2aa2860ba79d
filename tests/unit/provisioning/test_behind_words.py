"""What is said of what stands in a plan's way: what it is, who can do something, and what."""

from typing import Final

import pytest
from tests.support.build import NOW
from tests.support.each import each

from catalyst.contracts.blocked import Link
from catalyst.contracts.provisioning_values_v1 import Deletion
from catalyst.provisioning.domain import behind, listed

pytestmark = pytest.mark.guarantee("G13.7")

OWNER: Final = "an owner of the Organization"
KEEPER: Final = "whoever keeps the EnvironmentPolicy"
AUTHOR: Final = "whoever started the change"
WAIT: Final = "wait for it, or cancel it as long as that is possible; then plan again"
RULE, *HELD = behind.full("gate", "acme-prod", 5, ("wiki", "blog"))

SAID: Final[tuple[tuple[Link, tuple[str, ...]], ...]] = (
    (
        behind.failed("acme"),
        (
            *("onboarding", "acme", "organization-failed"),
            "the onboarding of acme has failed",
            OWNER,
            "look at why it failed, then restart the onboarding",
        ),
    ),
    (
        behind.deleted_by("acme-prod", "ch-1"),
        (
            *("change", "ch-1", "environment-going"),
            "ch-1 deletes acme-prod",
            AUTHOR,
            WAIT,
        ),
    ),
    (
        behind.too_little_credit("acme", "5.000 OMR", ()),
        (
            *("account", "acme", "credit-insufficient"),
            "the account of acme has less than 5.000 OMR that is free",
            f"{OWNER}, or a billing-admin",
            "redeem a voucher (`catalyst voucher redeem`), or let a payment be recorded",
        ),
    ),
    (
        behind.spend_limit("acme", "the month may cost 1 OMR"),
        (
            *("account", "acme", "spend-limit-reached"),
            "the month may cost 1 OMR",
            OWNER,
            "raise the spend limit (`catalyst billing limit spend`), or wait for the next month",
        ),
    ),
    (
        RULE,
        (
            *("policy", "gate", "quota-exceeded"),
            "gate lets 5 Applications stand in acme-prod",
            KEEPER,
            "uninstall something, or let the policy allow more",
        ),
    ),
    *(
        (
            link,
            (
                *("application", name, "room-held"),
                f"room is held for {name} until the change that brings it is over",
                AUTHOR,
                "wait for it; if it is taken back, the room is free again",
            ),
        )
        for link, name in zip(HELD, ("blog", "wiki"), strict=True)
    ),
    (
        behind.approvals("platform", ("gate", "strict")),
        (
            *("approval", "platform", "approvals-impossible"),
            "too few besides the author are in platform, as gate, strict asks",
            f"{KEEPER}, or {OWNER}",
            "give others a role that is in platform, or ask for another team",
        ),
    ),
    (
        behind.unsettled("ch-2", "store waits"),
        ("change", "ch-2", "dependency-unsettled", "store waits", AUTHOR, WAIT),
    ),
    (
        behind.needed("blog", "store"),
        (
            *("application", "blog", "application-needed"),
            "blog needs store",
            "whoever owns the Application",
            "uninstall blog first, or let it use another than store",
        ),
    ),
)


@each(SAID, str)
def test_each_says_what_it_is_who_can_do_something_and_what(
    link: Link, said: tuple[str, ...]
) -> None:
    found = (link.kind, link.name, link.code, link.message, link.who, link.what_to_do)
    assert found == said


def test_a_team_that_no_policy_is_named_for_is_asked_by_the_policy() -> None:
    assert behind.approvals("ops", ()).message == (
        "too few besides the author are in ops, as the policy asks"
    )


def test_what_goes_is_named_by_its_kind_and_its_name_whatever_stands_in_that() -> None:
    goes = ("host:wiki.example:8443", "policy:gate", "environment:acme-prod")
    kept = listed.inputs(goes[:1])
    assert kept == {"goes:host:wiki.example:8443": "listed"}
    assert listed.unplanned(kept, goes) == ("policy gate", "environment acme-prod")
    planned = Deletion(
        request={},
        inputs=dict.fromkeys(goes[:2], "1"),
        hash="0" * 64,
        expires=NOW,
        goes=goes,
    )
    assert listed.standing(planned) == ("host wiki.example:8443", "policy gate")
    answer = {"goes": [{"kind": "host", "name": "wiki.example:8443", "detail": "x"}]}
    assert listed.names(answer) == goes[:1]
