"""What an embedded installation keeps in its data directory: keys, passwords, homes, endpoints.

`<data>/nats` broker · `<data>/keys` signing keys · `<data>/git` Git homes · `<data>/broker.json`
passwords · `<data>/endpoints.json` what a script needs. Everything secret has mode 0600.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import msgspec

from catalyst.chassis.errors import Expected
from catalyst.chassis.keyring import KeyRing
from catalyst.chassis.tokens import OWN_ISSUER
from catalyst.cli.contexts import (
    ENDPOINTS,
    LEFT_OUT,
    SIMULATED,
    TOLD,
    VARIABLES,
    Context,
    Credentials,
    was_simulated,
)
from catalyst.cli.exits import ExitCode, Failure
from catalyst.contracts import permissions, roles
from catalyst.contracts.permissions import BrokerUser
from catalyst.contracts.registry import SERVICES

OPERATOR_EMAIL: Final = "admin@localhost"
"""The local operator."""
TOKEN_DAYS: Final = 30
MEMBERS: Final = (*SERVICES, "projector", "gateway")
"""Users of the broker that are members; each works with its own password and permissions."""

HTTP_PORT: Final = "http.port"
"""In the data directory: the port of the one HTTP origin."""
_MAX_PORT: Final = 65535


def broker_directory(data: Path) -> Path:
    """Return where the broker of a data directory keeps its streams."""
    return data / "nats"


def http_port(data: Path) -> int:
    """Return the port that the one HTTP origin of a directory had the last time; 0: there is none.

    Nothing is made, if there is no such directory.
    """
    return _port(data / HTTP_PORT)


def fixed(user: str, *, ours: bool) -> frozenset[str]:
    """Return the names of the settings that `Installation.settings` gives a member."""
    names = {"nats_url", "jwks", "issuer", "key_file", "require_tokens"}
    if ours:
        names |= {"nats_user", "nats_password", "nats_password_file", "nats_replicas"}
    if user == "environment":
        names.add("git_root")
    return frozenset(names)


class Installation:
    """One data directory and what is kept in it."""

    def __init__(self, data: Path) -> None:
        """Open the directory, and make what is missing.

        Raises:
            Failure: If the directory cannot be used.
        """
        self.data = data
        try:
            data.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            # Devices and sockets as well: whatever can be looked at and is no directory.
            there = data.exists() and not data.is_dir()
            why = "it is a file" if there else error.strerror
            raise Failure(
                ExitCode.USAGE if there else ExitCode.UNEXPECTED,
                f"the directory {data} cannot be used: {why}",
                hint="choose another one with --data",
            ) from error
        self.keys = KeyRing.open(data / "keys")
        self.passwords = self._passwords()

    @property
    def broker_directory(self) -> Path:
        """Where the broker keeps its streams."""
        return broker_directory(self.data)

    @property
    def git_root(self) -> Path:
        """Where the Git homes are."""
        return self.data / "git"

    def broker_port(self) -> int:
        """Return the port that the broker had the last time; 0 if there was none."""
        return _port(self.data / "broker.port")

    def remember_broker_port(self, port: int) -> None:
        """Keep the broker's port for the next start."""
        _write_private(self.data / "broker.port", str(port).encode())

    def http_port(self) -> int:
        """Return the port that the one HTTP origin had the last time; 0 if there was none."""
        return http_port(self.data)

    def remember_http_port(self, port: int) -> None:
        """Keep the port of the one HTTP origin for the next start."""
        _write_private(self.data / HTTP_PORT, str(port).encode())

    def remember_variables(self, environ: Mapping[str, str]) -> None:
        """Keep what is told of sources, for the command that starts this again."""
        told = {name: environ[name] for name in TOLD if environ.get(name)}
        _write_private(self.data / VARIABLES, msgspec.json.encode(told))

    def remember_simulated(self) -> None:
        """Keep that a simulated cluster spoke of what is here: without it, changes stand still."""
        _write_private(self.data / SIMULATED, b"")

    def leave_simulated_out(self) -> None:
        """Keep that the cluster is not simulated now, if it ever was: who waits for it is told."""
        if was_simulated(self.data):
            _write_private(self.data / SIMULATED, LEFT_OUT.encode())

    def forget_simulated(self) -> None:
        """Keep no more that a simulated cluster spoke of what is here: a real one does now.

        Raises:
            Expected: If that cannot be written.
        """
        path = self.data / SIMULATED
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise Expected(
                f"{path} cannot be removed: {error.strerror}", hint="make the directory writable"
            ) from error

    def users(self) -> list[BrokerUser]:
        """Return the broker's users with their generated permissions."""
        return [
            BrokerUser(name=name, password=self.passwords[name], permissions=allowed)
            for name, allowed in permissions.MEMBERS.items()
        ]

    def accounts(self) -> dict[str, Any]:
        """Return the `accounts` block of the broker's configuration."""
        return permissions.accounts(self.users())

    def settings(self, user: str, nats_url: str, *, ours: bool) -> dict[str, Any]:
        """Return the settings that this installation fixes for one of its members.

        Everything else a member may be told by variables of the environment.

        Args:
            user: The member's name at the broker.
            nats_url: Where the broker is.
            ours: Whether the broker's permissions are the ones generated here; else tokens are
                required.
        """
        found: dict[str, Any] = {
            "nats_url": nats_url,
            "jwks": str(self.keys.jwks_path),
            "issuer": OWN_ISSUER,
            "key_file": "",
            "require_tokens": not ours,
        }
        if ours:
            found |= {
                "nats_user": user,
                "nats_password": self.passwords[user],
                "nats_password_file": "",
                "nats_replicas": 1,
            }
        if user in SERVICES:
            found["key_file"] = str(self.keys.service_path(user))
        if user == "environment":
            found["git_root"] = str(self.git_root)
        return found

    def token(self) -> str:
        """Return a token of the local operator: sovereign-admin, and billing-admin as well."""
        both = [roles.SOVEREIGN_ADMIN, roles.BILLING_ADMIN]
        return self.keys.people().person(OPERATOR_EMAIL, both, timedelta(days=TOKEN_DAYS))

    def write_endpoints(
        self, http: str, nats: str, members: Mapping[str, str], *, ours: bool
    ) -> Context:
        """Write down how to reach what runs here, with the local operator's credentials.

        Args:
            http: The one origin, which is the gateway's.
            nats: The broker.
            members: Where the others say how they are and what they measure.
            ours: Whether the broker's permissions are the ones generated here.
        """
        credentials = Credentials(
            user=permissions.OPERATOR if ours else "",
            password=self.passwords[permissions.OPERATOR] if ours else "",
            token=self.token(),
        )
        addresses = {**members, "gateway": http}
        context = Context(http=http, nats=nats, operator=credentials, members=addresses)
        _write_private(self.data / ENDPOINTS, msgspec.json.encode(context))
        return context

    def _passwords(self) -> Mapping[str, str]:
        path = self.data / "broker.json"
        known: dict[str, str] = {}
        if path.exists():
            try:
                known = msgspec.json.decode(path.read_bytes(), type=dict[str, str])
            except (OSError, msgspec.MsgspecError) as error:
                raise Expected(
                    f"the passwords in {path} cannot be read: {error}",
                    hint="remove the file; new passwords are made at the next start",
                ) from error
        missing = [name for name in permissions.MEMBERS if name not in known]
        if missing:
            known |= {name: secrets.token_urlsafe(24) for name in missing}
            _write_private(path, msgspec.json.encode(known))
        return known


def _port(path: Path) -> int:
    try:
        port = int(path.read_text("utf-8"))
    except (OSError, ValueError):
        return 0
    return port if 0 < port <= _MAX_PORT else 0


def _write_private(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        draft.replace(path)
    except OSError as error:
        raise Expected(
            f"{path} cannot be written: {error.strerror}",
            hint="make the directory writable and make room, or choose another with --data",
        ) from error
