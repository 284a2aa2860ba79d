"""What a member stands on: its connection, who it is, whom it believes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from catalyst.chassis import ids, keyring, tokens
from catalyst.chassis.asking import Asked
from catalyst.chassis.errors import Expected
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.port import Broker, BrokerError
from catalyst.chassis.jwks import RENEWAL
from catalyst.chassis.service import Asking
from catalyst.chassis.settings import BrokerSettings
from catalyst.chassis.telemetry import Telemetry
from catalyst.chassis.tokens import Signer, Verifier
from catalyst.client.errors import shown_address
from catalyst.contracts.topology import MIN_PAYLOAD_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """The same for every member."""

    js: JetStream
    """The connection that messages are fetched on."""
    broker: Broker
    """What every call goes through; `js` itself outside fault tests."""
    verifier: Verifier | None
    """None where no token can be proven, so that none is accepted."""
    token: Callable[[], str]
    """Returns a fresh token of this service."""
    member: str
    """Name of this process, unlike any other's."""
    require_tokens: bool = True
    """Refuse a command without a token: the broker's permissions are not ours."""
    telemetry: Telemetry
    replicas: int = 1

    @property
    def asking(self) -> Asking:
        """Asks other services their queries, as this one."""
        return Asked(self.js, self.token)

    @property
    def of_keys(self) -> Mapping[str, Callable[[], Awaitable[str | None]]]:
        """What readiness can say of the keys that tokens are checked with, by name."""
        if self.verifier is None:
            return {}
        return {"keys": self.verifier.check, RENEWAL: self.verifier.renewed}


@asynccontextmanager
async def standing(name: str, chosen: BrokerSettings) -> AsyncIterator[Runtime]:
    """Connect a member and hold its runtime for the block.

    Args:
        name: The member's name at the broker, and in traces.
        chosen: Its settings.

    Raises:
        Expected: If broker or keys cannot be had, in words for a person.
    """
    # Before the broker, which may have to be waited for.
    verifier, token = _verifier(chosen), _token(chosen)
    telemetry = Telemetry(name, chosen.otlp_endpoint)
    try:
        async with _connected(name, chosen) as js:
            yield Runtime(
                js=js,
                broker=js,
                verifier=verifier,
                token=token,
                member=ids.member_id(name),
                require_tokens=chosen.require_tokens,
                telemetry=telemetry,
                replicas=chosen.nats_replicas,
            )
    finally:
        telemetry.close()


@asynccontextmanager
async def _connected(name: str, chosen: BrokerSettings) -> AsyncIterator[JetStream]:
    async with AsyncExitStack() as stack:
        opened = connect(
            chosen.nats_url,
            name=name,
            user=chosen.nats_user or None,
            password=password_of(chosen),
        )
        try:
            js = await stack.enter_async_context(opened)
        except BrokerError as error:
            raise Expected(
                f"the broker at {shown_address(chosen.nats_url)} cannot be used: {error}",
                hint="check that nats-server runs there, and the user and password",
            ) from error
        if js.max_payload < MIN_PAYLOAD_BYTES:
            raise Expected(
                f"the broker at {shown_address(chosen.nats_url)} takes messages of at most "
                f"{js.max_payload} bytes, and {MIN_PAYLOAD_BYTES} are needed",
                hint=f"set its `max_payload` to {MIN_PAYLOAD_BYTES} or more; "
                "where nothing sets it, it is 1 MiB",
            )
        yield js


def password_of(chosen: BrokerSettings) -> str | None:
    """Return the password at the broker, from the file if one is named; None for none.

    Raises:
        Expected: If the file cannot be read.
    """
    if not chosen.nats_password_file:
        return chosen.nats_password or None
    try:
        return Path(chosen.nats_password_file).read_text("utf-8").strip()
    except OSError as error:
        raise Expected(f"the password file cannot be read: {error}") from error


def _verifier(chosen: BrokerSettings) -> Verifier | None:
    if not chosen.jwks:
        return None
    return tokens.trusted(chosen.jwks, own_issuer=chosen.issuer, others=chosen.other_issuers)


def _token(chosen: BrokerSettings) -> Callable[[], str]:
    if not chosen.key_file:
        return _no_token
    signer = Signer(keyring.load(Path(chosen.key_file)), issuer=chosen.issuer)
    return signer.service


def _no_token() -> str:
    """Return nothing: this member signs no token, so what it sends needs none."""
    return ""
