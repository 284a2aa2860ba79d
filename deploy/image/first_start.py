"""What an installation needs before its first member starts, made once and kept.

In every image as `first-start`. The compose stack runs it before all else; for a cluster, run it
once and make Secrets of the folders that it fills (deploy/helm/README.md).

    first-start prepare     keys, passwords, the broker's configuration; what is there stays
    first-start access      prints the addresses and a fresh token, for programs and for people

Everything lies below one folder:

    installation/   the key ring and all passwords; whoever reads it can be anybody
    members/<name>/ what that member may know: its password, its key, the public keys; the
                    simulator its password alone
    broker/         nats.conf
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from catalyst.chassis.errors import Expected
from catalyst.chassis.keyring import KeyRing
from catalyst.contracts.permissions import (
    MEMBERS,
    OPERATOR,
    SIMULATOR,
    BrokerUser,
    accounts,
    render,
)
from catalyst.contracts.registry import TABLES

SIGNERS: Final[Mapping[str, str]] = {
    **{table.member: table.service for table in TABLES},
    "projector": "projector",
    "gateway": "gateway",
}
"""The user at the broker, and the name of the signing key, of each member that has one."""
BROKER_USERS: Final[Mapping[str, str]] = {**SIGNERS, "simulator": SIMULATOR}
"""The user at the broker of each member. The simulator says what it sees and signs nothing; it has
its user from the first start, so that it can be added later without another broker."""
PERSON: Final = "admin@localhost"
OPERATORS_ROLES: Final = ("sovereign-admin", "billing-admin")
"""Of whoever runs the stack, as where `catalyst up` does."""
_ROLES: Final = f"a platform role; given again for more; {' and '.join(OPERATORS_ROLES)} if none"
FOLDER: Final = Path("/var/lib/catalyst")
BROKER_DATA: Final = "/var/lib/catalyst/broker-data"
"""Where the broker's container keeps the streams."""
TOKEN_HOURS: Final = 12
_PRIVATE: Final = 0o600


def write(path: Path, content: str) -> None:
    """Write a file for its owner alone; it appears whole or not at all."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def passwords(folder: Path) -> dict[str, str]:
    """Return the password of each user of the broker; those that are missing are made."""
    path = folder / "passwords.json"
    known: dict[str, str] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    missing = {*BROKER_USERS.values(), OPERATOR} - known.keys()
    if missing:
        known |= {name: secrets.token_urlsafe(32) for name in sorted(missing)}
        write(path, json.dumps(known, indent=2) + "\n")
    return known


def broker_configuration(known: Mapping[str, str]) -> dict[str, Any]:
    """Return the broker's configuration; the same limits as the embedded broker has."""
    users = [
        BrokerUser(name=name, password=known[name], permissions=MEMBERS[name])
        for name in (*BROKER_USERS.values(), OPERATOR)
    ]
    return {
        "server_name": "catalyst",
        "host": "0.0.0.0",  # noqa: S104 - inside the container; compose publishes it on loopback
        "port": 4222,
        # For the health check inside the container.
        "http": "127.0.0.1:8222",
        "max_payload": 1024 * 1024,
        "jetstream": {
            "store_dir": BROKER_DATA,
            "max_file_store": 1 << 40,
            "sync_interval": "always",
            "limits": {
                "default_max_consumers": 5000,
                "batch": {"max_inflight_per_stream": 1000},
            },
        },
        # nats-py's ordered consumers and key watches read only the first form of ack subjects.
        "feature_flags": {"js_ack_fc_v2": False},
        "accounts": accounts(users),
    }


def prepare(folder: Path) -> None:
    """Make what is missing, for every member and the broker."""
    installation, broker, members = (
        folder / name for name in ("installation", "broker", "members")
    )
    folder.mkdir(parents=True, exist_ok=True)
    for place in (installation, broker, members):
        place.mkdir(exist_ok=True, mode=0o700)
    known = passwords(installation)
    ring = KeyRing.open(installation / "keys", services=tuple(SIGNERS.values()))
    for member, user in BROKER_USERS.items():
        place = members / member
        place.mkdir(exist_ok=True, mode=0o700)
        write(place / "broker-password", known[user])
        if member in SIGNERS:
            write(place / "signing-key.jwk", ring.service_path(user).read_text("utf-8"))
            write(place / ring.jwks_path.name, ring.jwks_path.read_text("utf-8"))
    write(broker / "nats.conf", render(broker_configuration(known)) + "\n")


def access(folder: Path, *, http: str, nats: str, email: str, roles: Sequence[str]) -> str:
    """Return the addresses and credentials of whoever runs this, as the CLI reads them."""
    installation = folder / "installation"
    known = passwords(installation)
    ring = KeyRing.open(installation / "keys", services=tuple(SIGNERS.values()))
    token = ring.people().person(email, roles, timedelta(hours=TOKEN_HOURS))
    operator = {"user": OPERATOR, "password": known[OPERATOR], "token": token}
    return json.dumps({"http": http, "nats": nats, "operator": operator}, indent=2)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="first-start", description="Keys, passwords, access.")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where everything is kept")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("prepare", help="make what is missing; what is there stays")
    shown = commands.add_parser("access", help="print addresses and a fresh token as JSON")
    shown.add_argument("--http", default="http://127.0.0.1:8080", help="where the gateway answers")
    shown.add_argument("--nats", default="nats://127.0.0.1:4222", help="where the broker answers")
    shown.add_argument("--email", default=PERSON, help="whose token it is")
    shown.add_argument("--role", action="append", help=_ROLES)
    options = parser.parse_args(arguments)
    try:
        if options.command == "prepare":
            prepare(options.folder)
            print(f"first-start: ready in {options.folder}")
        else:
            roles = options.role or OPERATORS_ROLES
            print(
                access(
                    options.folder,
                    http=options.http,
                    nats=options.nats,
                    email=options.email,
                    roles=roles,
                )
            )
    except (Expected, OSError, ValueError) as error:
        print(f"first-start: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
