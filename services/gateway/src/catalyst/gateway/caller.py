"""Who calls: the token in a header or in the session's cookie, and what their roles allow.

Called by every route that is not public. A cookie proves who a browser belongs to, not who made it
send: writes with a cookie must come from our own page.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from catalyst.chassis import clock
from catalyst.chassis.access import RolesTable
from catalyst.chassis.errors import Retry
from catalyst.chassis.tokens import BadToken, Claims, Verifier, bearer, offered
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.roles import (
    READS_EVERYWHERE,
    SERVICE_READS,
    SOVEREIGN_ADMIN,
    denied,
    in_git,
    may_read,
    may_send,
    service_git,
    service_reads,
)
from catalyst.contracts.subjects import PLATFORM, Ref, escape
from catalyst.gateway.limits import Buckets, retry_after

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
COOKIE: Final = "catalyst"
SECURE_COOKIE: Final = "__Secure-catalyst"


class TooMany(Rejected):
    """A sender asks too often; says after how many seconds to ask again."""

    def __init__(self, message: str, wait_seconds: float) -> None:
        """Refuse with the code `rate-limited`."""
        super().__init__("rate-limited", message)
        self.retry_after = retry_after(wait_seconds)


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody whose token holds."""

    claims: Claims
    token: str
    cookie: bool
    """True if the token came in the session's cookie."""


class Callers:
    """Finds out who calls, and what they may."""

    def __init__(
        self,
        verifier: Verifier | None,
        table: RolesTable,
        subjects: Buckets,
        refusals: Buckets,
        *,
        public_url: str = "",
    ) -> None:
        """Believe `verifier`; count requests by subject, and bad tokens by address."""
        self._verifier = verifier
        self.table = table
        self._subjects = subjects
        self._refusals = refusals
        self._public = public_url.rstrip("/")
        self.secure = public_url.startswith("https://")
        """Whether people come over HTTPS."""
        self.cookie_name = SECURE_COOKIE if self.secure else COOKIE

    async def require(self, request: Request) -> Caller:
        """Return who calls.

        Raises:
            Rejected: `unauthenticated` without a token, `not-our-page` for a write with a cookie
                from another page, `rate-limited`.
            BadToken: If the token does not hold.
            KeysUnavailable: If nobody can tell.
        """
        try:
            header = bearer(request.headers.get("authorization"))
        except BadToken:
            self._refused(request)
            raise
        token = header or request.cookies.get(self.cookie_name)
        if token is None:
            raise Rejected("unauthenticated", "a token is needed here and there is none")
        if header is None and request.method not in SAFE_METHODS and not self.from_us(request):
            raise Rejected("not-our-page", "a write with the session's cookie needs our own Origin")
        claims = await self.verified(request, token)
        return Caller(claims, token, cookie=header is None)

    async def verified(self, request: Request, token: str) -> Claims:
        """Return what a token says now, and count the request.

        A token that holds passes whatever others send from the same address: behind it may be a
        whole company. Only tokens that do not hold are counted by address.

        Raises:
            Rejected: `rate-limited`, or `unauthenticated` where no issuer is known.
            BadToken: If the token does not hold.
        """
        if self._verifier is None:
            raise Rejected("unauthenticated", "no issuer of tokens is known here")
        try:
            claims = await self._verifier.verify(token, at=clock.now())
        except BadToken:
            self._refused(request)
            raise
        wait = self._subjects.take(claims.actor)
        if wait:
            raise TooMany("too many requests of yours", wait)
        return claims

    async def holds(self, request: Request) -> bool:
        """Return whether a request carries a token that holds, in any way that a door takes one."""
        token = offered(request.headers.get("authorization", ""))
        token = token or request.cookies.get(self.cookie_name, "")
        if not token or self._verifier is None:
            return False
        try:
            await self._verifier.verify(token, at=clock.now())
        except (BadToken, Retry):
            # Bad, or nobody can tell: either way it is no reason to let the request through.
            return False
        return True

    def _refused(self, request: Request) -> None:
        """Count a bad token by its address; refuse the address once there are too many."""
        wait = self._refusals.take(request.scope.get("catalyst.address", "unknown"))
        if wait:
            raise TooMany("too many bad tokens from this address", wait)

    def from_us(self, request: Request) -> bool:
        """Return whether our own page sent a request, as browsers tell and pages cannot."""
        site = request.headers.get("sec-fetch-site")
        if site is not None and site != "same-origin":
            return False
        origin = request.headers.get("origin")
        if origin is None:
            return site == "same-origin"
        if self._public:
            return origin == self._public
        return urlsplit(origin).netloc == request.headers.get("host")

    async def authorize_command(
        self, claims: Claims, type_: str, organization: str | None
    ) -> frozenset[str]:
        """Return the roles of who may send a command; the worker judges by the same table.

        Raises:
            Rejected: `forbidden`.
        """
        if claims.service is not None:
            if not may_send(type_, (), claims.service):
                raise Rejected("forbidden", f"service {claims.service!r} does not send {type_}")
            return frozenset()
        found = self.table.roles(claims, organization)
        if not may_send(type_, found):
            found = await self.table.roles_of(organization, claims)
        if not may_send(type_, found):
            raise denied(type_)
        return found

    def may_see(self, claims: Claims, ref: Ref) -> bool:
        """Return whether someone may see what happens to an aggregate.

        What belongs to no Organization is a sovereign-admin's.
        """
        if claims.service is not None:
            return service_reads(claims.service, ref.aggregate)
        if ref.organization is None:
            return SOVEREIGN_ADMIN in claims.roles
        own = self.table.own_roles(claims.verified_email, ref.organization)
        return may_read(ref.aggregate, claims.roles, own)

    def clones(self, claims: Claims, organization: str, repository: str) -> bool:
        """Return whether someone may read every kind that a repository tells of."""
        if claims.service is not None:
            return service_git(claims.service, "clone")
        own = self.table.own_roles(claims.verified_email, organization)
        return all(may_read(kind, claims.roles, own) for kind in in_git(repository))

    def scope(self, claims: Claims, organization: str | None) -> str | None:
        """Return the token of whose subjects a list has to look at; None if there are none.

        `*` is everybody's: each of them is still judged alone. What somebody asks for narrows it,
        else what they have a role in, so that nobody makes us read what is not theirs.
        """
        if organization is not None:
            return PLATFORM if organization == PLATFORM else escape(organization)
        if claims.service is not None:
            return "*" if claims.service in SERVICE_READS else None
        if not READS_EVERYWHERE.keys().isdisjoint(claims.roles):
            return "*"
        own = self.table.organizations(claims.verified_email)
        if not own:
            return None
        return escape(next(iter(own))) if len(own) == 1 else "*"

    def require_business(self, claims: Claims, organization: str | None) -> None:
        """Let through who asks for all there is, or for an Organization of theirs.

        What no Organization owns (`_`) may be asked for; each thing in it is still judged alone.

        Raises:
            Rejected: `not-found`, whether the Organization exists or not.
        """
        if organization in {None, PLATFORM}:
            return
        if not self.belongs(claims, str(organization)):
            raise Rejected("not-found", "there is no such Organization, or it is not yours to see")

    def belongs(self, claims: Claims, organization: str) -> bool:
        """Return whether someone has any business in an Organization."""
        if claims.service is not None:
            return claims.service in SERVICE_READS
        if SOVEREIGN_ADMIN in claims.roles:
            return True
        own = self.table.own_roles(claims.verified_email, organization)
        return may_read("organization", claims.roles, own)


class Admitted:
    """Lets requests with a token that holds through to another application, and counts them.

    So that what another member answers is counted together with what this door answers.
    """

    def __init__(self, callers: Callers, app: ASGIApp) -> None:
        """Admit those whom `callers` knows to `app`, which judges the token once more."""
        self._callers = callers
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or raise what `Callers.require` does."""
        await self._callers.require(Request(scope))
        await self._app(scope, receive, send)
