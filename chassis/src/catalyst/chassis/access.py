"""Who has which role where: a fold of the Organizations' owners, one table per process.

Platform roles come from a token; roles in an Organization come from its owners list alone, matched
by verified e-mail, so that a change takes effect at once. Caught up before the first message.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from catalyst.chassis import events
from catalyst.chassis.following import Following
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Unavailable
from catalyst.chassis.jetstream.puller import Pulled
from catalyst.chassis.tokens import Claims
from catalyst.contracts import environment_v1
from catalyst.contracts.roles import OWNER_ROLES, matched
from catalyst.contracts.subjects import escape
from catalyst.contracts.topology import EV

OWNERS: Final = "evt.*.environment.organization.>"
"""Where the events stand that name owners."""
_ANY_TIME: Final = datetime.fromtimestamp(0, UTC)
"""Owners do not depend on when they were named."""


class RolesTable:
    """Roles by Organization and e-mail, kept current by `run`."""

    def __init__(self, js: JetStream) -> None:
        """Read the log through `js`; empty until `run` has caught up."""
        self._js = js
        self._owners: dict[str, dict[str, frozenset[str]]] = {}
        self._seen: dict[str, int] = {}
        self._following = Following("roles", [OWNERS], self._take)
        self.ready = self._following.ready

    def roles(self, claims: Claims, organization: str | None) -> frozenset[str]:
        """Return every role that holds in an Organization (None: the platform alone)."""
        if organization is None:
            return claims.roles
        return claims.roles | self.own_roles(claims.verified_email, organization)

    def own_roles(self, email: str, organization: str) -> frozenset[str]:
        """Return the roles that an Organization's owners list gives to an e-mail address."""
        return self._owners.get(organization, {}).get(matched(email), frozenset())

    def organizations(self, email: str) -> Mapping[str, frozenset[str]]:
        """Return the Organizations in which an e-mail address has a role, with the roles."""
        wanted = matched(email)
        return {org: owners[wanted] for org, owners in self._owners.items() if wanted in owners}

    def exists(self, organization: str) -> bool:
        """Return whether there is such an Organization, as far as was read."""
        return organization in self._owners

    async def roles_of(self, organization: str | None, claims: Claims) -> frozenset[str]:
        """Return the roles after bringing the table to the leader's last word on the Organization.

        Slower than `roles`: for the moment before somebody is refused.

        Raises:
            BrokerError: As the broker port says.
        """
        if organization is not None:
            await self._refresh(organization)
        return self.roles(claims, organization)

    async def reach(self, seq: int) -> None:
        """Wait until every event on an Organization up to a sequence is folded by `run`."""
        await self._following.reach(seq)

    async def _refresh(self, organization: str) -> None:
        subject = f"evt.{escape(organization)}.environment.organization.>"
        newest = await self._js.last(EV, subject, leader=True)
        if newest is None or newest.seq <= self._seen.get(organization, 0):
            return
        start = self._seen.get(organization, 0) + 1
        read = await self._js.replay(EV, subject, start=start)
        if not read or read[-1].seq < newest.seq:
            raise Unavailable(503, 0, "the replica that answered is behind its leader")
        for stored in read:
            self._fold(stored.subject, stored.data, stored.seq)

    async def run(self) -> None:
        """Follow the log for ever; after any doubt go on from the last event folded."""
        await self._following.run(self._js)

    def _take(self, item: Pulled) -> None:
        self._fold(item.subject, item.data, item.seq)

    def _fold(self, subject: str, data: bytes, seq: int) -> None:
        try:
            recorded = events.recorded(subject, data, seq=seq, time=_ANY_TIME)
        except events.Unreadable:
            # Not an event that names owners in any version that this process knows. The worker
            # and the projector report it; a table of roles stays as it was.
            return
        organization = recorded.ref.organization
        if organization is None or seq <= self._seen.get(organization, 0):
            return
        self._seen[organization] = seq
        event = recorded.event
        if isinstance(event, environment_v1.OrganizationCreated | environment_v1.OwnersChanged):
            self._owners[organization] = _by_email(event.owners)
        elif isinstance(event, environment_v1.OrganizationDeleted):
            self._owners.pop(organization, None)


def _by_email(owners: tuple[environment_v1.Owner, ...]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for owner in owners:
        email = matched(owner.email)
        found[email] = found.get(email, frozenset()) | {OWNER_ROLES[owner.role]}
    return found
