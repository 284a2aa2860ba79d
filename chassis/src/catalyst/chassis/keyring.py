"""The keys that an installation signs with: one for people's tokens, one for each service.

Called by `catalyst up`, by the first start of the compose stack, and by the tests.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import Key, OKPKey, import_key

from catalyst.chassis import ids
from catalyst.chassis.errors import Expected
from catalyst.chassis.jwks import SERVICE_MEMBER, StaticKeys
from catalyst.chassis.tokens import OWN_ISSUER, Issuer, Signer, Verifier
from catalyst.contracts import registry

SERVICES: Final = (*registry.SERVICES, "projector", "gateway")
"""Members that have a key of their own."""
NO_KEY: Final = "it holds no private key"
_PRIVATE_MODE: Final = 0o600
_PUBLIC_MODE: Final = 0o644


def _write(path: Path, content: bytes, mode: int) -> None:
    """Write a file that appears whole or not at all, with its mode from the first byte."""
    draft = path.with_name(f".{ids.member_id(path.name)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Keep other processes that open the same ring out until the block is left."""
    with (directory / ".lock").open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _generated(kid: str, service: str | None) -> bytes:
    key = OKPKey.generate_key("Ed25519", auto_kid=True)
    named = {} if service is None else {SERVICE_MEMBER: service}
    thumbprint = str(key.kid)[:12]
    jwk = key.as_dict(private=True, alg="EdDSA", use="sig", **named)
    return msgspec.json.encode({**jwk, "kid": f"{kid}-{thumbprint}"})


def load(path: Path) -> Key:
    """Return the private key in a file of the ring.

    Raises:
        Expected: If the file is missing, readable by others, or no private key.
    """
    try:
        status = path.stat()
        # A mounted Secret belongs to root, and its reader is in the group.
        closed = 0o077 if status.st_uid == os.geteuid() else 0o037
        if status.st_mode & closed:
            raise Expected(f"the key file {path} can be read by others", hint=f"chmod 600 {path}")
        key = import_key(msgspec.json.decode(path.read_bytes(), type=dict[str, str | list[str]]))
    except (OSError, msgspec.MsgspecError, JoseError, ValueError) as error:
        # What a library says of a key may quote it.
        why = error.strerror if isinstance(error, OSError) else NO_KEY
        raise _unusable(path, why) from error
    if not key.is_private:
        raise _unusable(path, NO_KEY)
    return key


def _unusable(path: Path, why: str | None) -> Expected:
    hint = "make it readable for this user, or restore it from a copy"
    return Expected(f"the key file {path} cannot be used: {why}", hint=hint)


class KeyRing:
    """A directory of keys: `issuer.jwk`, `service-<name>.jwk`, and the public `jwks.json`."""

    def __init__(self, directory: Path, services: Sequence[str], issuer: str) -> None:
        self._directory = directory
        self._services = tuple(services)
        self._issuer = issuer

    @classmethod
    def open(
        cls, directory: Path, *, services: Sequence[str] = SERVICES, issuer: str = OWN_ISSUER
    ) -> KeyRing:
        """Return the ring in `directory`; keys that are missing are made, others stay.

        Several processes may open a new ring at once. Key files have mode 0600, the directory 0700
        if it is made here.

        Raises:
            Expected: If the directory cannot be written, or a key in it cannot be used.
        """
        ring = cls(directory, services, issuer)
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            with _alone(directory):
                ring._complete()
        except OSError as error:
            why = f"the keys in {directory} cannot be written: {error.strerror}"
            mend = "make room" if error.errno == errno.ENOSPC else "make the directory writable"
            raise Expected(why, hint=f"{mend}, or choose another directory") from error
        return ring

    @property
    def issuer_path(self) -> Path:
        """The file of the key that signs people's tokens."""
        return self._directory / "issuer.jwk"

    @property
    def jwks_path(self) -> Path:
        """The file of the public keys, for every process that verifies."""
        return self._directory / "jwks.json"

    def service_path(self, name: str) -> Path:
        """Return the file of a service's key; hand it to that service alone."""
        return self._directory / f"service-{name}.jwk"

    def people(self) -> Signer:
        """Return the signer of people's tokens."""
        return Signer(load(self.issuer_path), issuer=self._issuer)

    def service(self, name: str) -> Signer:
        """Return the signer of a service's own tokens."""
        return Signer(load(self.service_path(name)), issuer=self._issuer)

    def jwks(self) -> dict[str, object]:
        """Return the public keys of every key file in the directory, as a JWK set."""
        paths = [self.issuer_path, *sorted(self._directory.glob("service-*.jwk"))]
        return {"keys": [load(path).as_dict(private=False) for path in paths]}

    def verifier(self) -> Verifier:
        """Return a verifier that trusts this ring alone, as it is now."""
        return Verifier({self._issuer: Issuer(StaticKeys(self.jwks()), services=True)})

    def _complete(self) -> None:
        if not self.issuer_path.exists():
            _write(self.issuer_path, _generated("issuer", None), _PRIVATE_MODE)
        for name in self._services:
            path = self.service_path(name)
            if not path.exists():
                _write(path, _generated(name, name), _PRIVATE_MODE)
        content = msgspec.json.format(msgspec.json.encode(self.jwks()), indent=2)
        if not self.jwks_path.exists() or self.jwks_path.read_bytes() != content:
            _write(self.jwks_path, content, _PUBLIC_MODE)
