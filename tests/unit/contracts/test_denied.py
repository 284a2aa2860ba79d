"""Whoever may not send a command reads what they wanted, and which roles it takes."""

import pytest
from tests.support.each import each

from catalyst.contracts.registry import COMMANDS
from catalyst.contracts.roles import COMMAND_ROLES, ROLES, denied, refused

pytestmark = pytest.mark.guarantee("G27.8")


@each(COMMANDS)
def test_a_command_is_refused_in_words_with_every_role_that_may(type_: str) -> None:
    refusal = denied(type_)
    assert refusal.code == "forbidden"
    allowed = COMMAND_ROLES.get(type_, frozenset())
    if not allowed:
        assert refusal.message == f"{type_} is sent by services alone"
        return
    what, _, takes = refusal.message.partition(": it takes ")
    assert what.startswith("your roles do not allow you to ")
    assert type_ not in what
    assert {role for role in ROLES if role in takes} == allowed


def test_what_was_wanted_is_one_sentence() -> None:
    assert denied("provisioning.apply-plan.v1").message == (
        "your roles do not allow you to carry out a plan: "
        "it takes one of the roles sovereign-admin, org-admin, org-developer"
    )
    assert denied("billing.issue-voucher.v1").message == (
        "your roles do not allow you to issue a voucher: it takes the role sovereign-admin"
    )


def test_roles_stand_in_one_order_and_are_not_named_where_none_suffices() -> None:
    asked = "your roles do not allow you to plan changes"
    told = refused("plan changes", {"org-developer", "org-admin"}).message
    assert told == f"{asked}: it takes one of the roles org-admin, org-developer"
    assert refused("plan changes", ()).message == asked
