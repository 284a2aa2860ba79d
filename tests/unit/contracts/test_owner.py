"""Whether an aggregate's Organization is there: what may be done below it, and what may not."""

from typing import Any

import pytest
from tests.support import build
from tests.support.each import each

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.decision import Context
from catalyst.contracts.message import Event
from catalyst.contracts.owner import Owner, evolve, gone, owner_ref, owners, require_owner
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Ref

OWN, SHARED = Ref("acme", "catalog", "curation", "x"), Ref(None, "catalog", "curation", "x")
CREATED = build.organization_created()
SUSPENDED = env1.OrganizationSuspended(slug="acme", reason="x")
RESUMED = env1.OrganizationResumed(slug="acme")
DELETED = env1.OrganizationDeleted(slug="acme")


def context(ref: Ref, *events: Event) -> Context:
    """Return a context in which this happened to the Organization."""
    state = Owner()
    for event in events:
        state = evolve(state, event)
    reads: dict[Any, Any] = dict.fromkeys(owners(ref), state)
    return Context(
        now=build.NOW, ref=ref, actor=build.SOVEREIGN_ADMIN, input_id="i", done_id="d", reads=reads
    )


def test_only_what_belongs_to_an_organization_reads_it() -> None:
    assert owners(OWN) == (owner_ref("acme"),)
    assert owners(SHARED) == ()
    require_owner(context(SHARED))
    assert not gone(context(SHARED))


@each([
    ((), "organization-not-found", "there is no Organization 'acme'"),
    ((CREATED,), "", ""),
    ((CREATED, SUSPENDED), "organization-suspended", "the Organization 'acme' is suspended"),
    ((CREATED, SUSPENDED, RESUMED), "", ""),
    ((CREATED, env1.OrganizationReady(slug="acme")), "", ""),
    ((CREATED, DELETED), "organization-deleted", "the Organization 'acme' is deleted"),
    ((CREATED, SUSPENDED, DELETED), "organization-deleted", "the Organization 'acme' is deleted"),
    ((CREATED, SUSPENDED, env1.OwnersChanged(slug="acme", owners=())), "organization-suspended",
     "the Organization 'acme' is suspended"),
])  # fmt: skip
def test_below_an_organization_nothing_happens_unless_it_is_there(
    events: tuple[Event, ...], code: str, message: str
) -> None:
    found = context(OWN, *events)
    assert gone(found) is (code == "organization-deleted")
    if not code:
        require_owner(found)
        return
    with pytest.raises(Rejected) as refused:
        require_owner(found)
    assert (refused.value.code, refused.value.message) == (code, message)
