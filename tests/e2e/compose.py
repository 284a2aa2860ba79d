"""The compose stack on a real Docker engine, under a project name of its own."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
from tests.support.parts import missing, part

from catalyst.cli.brokerlock import runs

FILE: Final = Path(__file__).resolve().parents[2] / "deploy" / "compose" / "compose.yaml"
PREFIX: Final = "catalyst-e2e-"
"""Of a project's name; the process that runs the tests follows."""
BUILD_SECONDS: Final = 600
COMMAND_SECONDS: Final = 240


class Access(msgspec.Struct, frozen=True):
    """How to get in, as `run --rm access` prints it, with the ports that the engine chose."""

    http: str
    nats: str
    user: str
    password: str
    token: str


class Stack:
    """One project of docker compose; ports and names collide with no other's."""

    def __init__(self) -> None:
        self.environment = {
            **os.environ,
            "COMPOSE_PROJECT_NAME": f"{PREFIX}{os.getpid()}",
            # Free ones, whatever else runs on this machine.
            "CATALYST_GATEWAY_PORT": "0",
            "CATALYST_BROKER_PORT": "0",
            "CATALYST_TAG": "e2e",
            # With every member, also those that run on request alone.
            "COMPOSE_PROFILES": "simulate-cluster",
            "CATALYST_SIMULATOR_PACE": "0.3",
        }
        """For programs that call docker compose themselves."""

    def compose(self, *arguments: str, seconds: int = COMMAND_SECONDS) -> str:
        """Stdout of a `docker compose` command; a failure shows what it said."""
        command = ["docker", "compose", "--file", str(FILE), "--progress", "plain", *arguments]
        return self._run(command, seconds)

    def sweep(self) -> None:
        """Remove what runs left that were killed: the engine starts it again whenever it starts."""
        listed = self.compose("ls", "--all", "--quiet", "--filter", f"name={PREFIX}")
        for name in listed.split():
            owner = name.removeprefix(PREFIX)
            if owner.isdecimal() and not runs(int(owner)):
                down = ("down", "--volumes", "--remove-orphans", "--timeout", "1")
                self.compose("--project-name", name, *down)

    def up(self) -> None:
        """Start what does not run; returns when everything is ready."""
        self.compose("up", "--detach", "--wait", "--wait-timeout", "180")

    def build(self) -> None:
        """Build every image."""
        self.compose("build", seconds=BUILD_SECONDS)

    def access(self, email: str = "admin@localhost", role: str = "sovereign-admin") -> Access:
        """Addresses and credentials for a person."""
        asked = ("run", "--rm", "--no-TTY", "access", f"--email={email}", f"--role={role}")
        document = json.loads(self.compose(*asked))
        return Access(
            http=f"http://{self.compose('port', 'gateway', '8080').strip()}",
            nats=f"nats://{self.compose('port', 'nats', '4222').strip()}",
            **document["operator"],
        )

    def containers(self) -> dict[str, dict[str, Any]]:
        """What the engine says about each container, by service."""
        names = self.compose("ps", "--all", "--quiet").split()
        found = json.loads(self._run(["docker", "inspect", *names], COMMAND_SECONDS))
        return {item["Config"]["Labels"]["com.docker.compose.service"]: item for item in found}

    def logs(self) -> str:
        """What all containers have said."""
        return self.compose("logs", "--no-color")

    def _run(self, command: list[str], seconds: int) -> str:
        done = subprocess.run(
            command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@contextmanager
def running() -> Iterator[Stack]:
    """The stack, built and ready; it is gone afterwards, volumes included."""
    for variable, script in (
        ("CATALYST_BASE_IMAGE", "base-image"),
        ("CATALYST_NATS_IMAGE", "nats-image"),
    ):
        part(variable, script)
    if shutil.which("docker") is None:
        missing("there is no docker program; tools/real/docker-engine brings one")
    stack = Stack()
    stack.sweep()
    stack.build()
    try:
        try:
            stack.up()
        except AssertionError as failure:
            raise AssertionError(f"{failure}\n{stack.logs()}") from failure
        yield stack
    finally:
        stack.compose("down", "--volumes", "--remove-orphans", "--timeout", "20")
