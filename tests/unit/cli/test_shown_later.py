"""`catalyst apply -f` of what another one made a moment ago, which the read model has not shown."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from catalyst.cli import apply, desired
from catalyst.cli.documents import parse
from catalyst.client.errors import Problem
from catalyst.client.rows import Row
from catalyst.contracts.message import Outcome

MADE = 7
"""Where in the log the Organization was created."""
TEXT = """
apiVersion: orgs.openova.io/v1
kind: Organization
metadata: {name: acme}
spec:
  slug: acme
  displayName: New name
  kind: customer
  tier: corporate
  billingMode: real
  sovereignRef: cloud.example.org
  owners: [{email: ann@example.org, role: owner}]
"""
DOC = {
    "slug": "acme",
    "display_name": "Old name",
    "kind": "customer",
    "tier": "corporate",
    "billing_mode": "real",
    "sovereign_ref": "cloud.example.org",
    "owners": [{"email": "ann@example.org", "role": "owner"}],
    "status": "active",
}


class Door:
    """One whose read model shows the row to those alone who ask for its place in the log."""

    def __init__(self, *, shown: bool = True) -> None:
        self.shown = shown
        self.sent: list[str] = []

    async def get(self, *_: object, min_seq: int | None, **__: object) -> tuple[Row, object]:
        if not self.shown or min_seq is None or min_seq < MADE:
            raise Problem(404, "not-found")
        return Row(key="acme._.organization._.acme", seq=MADE, doc=DOC), None

    async def list(self, *_: object, **__: object) -> Any:
        return SimpleNamespace(fresh=SimpleNamespace(as_of=MADE))

    async def outcome(self, *_: object, **__: object) -> None:
        return None

    async def send(self, type_: str, *_: object, command_id: str, **__: object) -> Outcome:
        self.sent.append(type_)
        taken = len(self.sent) > 1 and self.shown
        return Outcome(
            id=command_id,
            type=type_,
            status="accepted" if taken else "rejected",
            code="" if taken else "organization-exists",
            digest="",
            time=datetime(2026, 11, 29, tzinfo=UTC),
            seq=MADE + len(self.sent),
            events=("e",) if taken else (),
        )


async def applied(door: Door) -> apply.Result:
    (item,) = desired.wanted(list(parse(TEXT, "a.yaml")), None)
    return await apply._Applying(door, 1.0).apply(item)  # type: ignore[arg-type]  # stands in


async def test_what_exists_already_is_looked_at_again_and_changed() -> None:
    door = Door()
    result = await applied(door)
    assert (result.result, result.code) == ("updated", "")
    assert door.sent[0] == "environment.create-organization.v1"
    assert door.sent[1:] == ["environment.update-organization.v1"]


async def test_what_exists_and_is_never_shown_is_refused_and_not_tried_for_ever() -> None:
    door = Door(shown=False)
    result = await applied(door)
    assert (result.result, result.code) == ("rejected", "organization-exists")
    assert len(door.sent) == 2
