"""What starter Blueprints say to a database server, said to a real one."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support import starters
from tests.support.parts import part

KNOWN = "$2b$10$BUli0c.muyCW1ErNJc3jL.vFRFtFJWrT8/GcR4A.sUdCznaXiqFXa"
"""How Umami 2.19.0 stores the password `umami` of its first user, `admin`."""
SQL = """
CREATE TABLE "user" (username text, password text);
INSERT INTO "user" VALUES ('admin', '{}'), ('eve', '{}');
"""

pytestmark = pytest.mark.real


def program(name: str) -> str:
    return str(Path(part("CATALYST_POSTGRES", "postgres"), name))


def as_nobody(name: str, *options: str) -> None:
    """Run a program of the server, which refuses to run as root."""
    command = [program(name), *options]
    if os.geteuid() == 0:
        command = ["runuser", "-u", "nobody", "--", *command]
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture
def server() -> Iterator[Path]:
    """Run a server for the test; yields the folder of its socket."""
    with tempfile.TemporaryDirectory() as made:
        folder, data = Path(made), str(Path(made, "data"))
        if os.geteuid() == 0:
            shutil.chown(folder, "nobody")
        as_nobody("initdb", "--username=postgres", "--auth=trust", "-D", data)
        options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
        log = str(folder / "log")
        as_nobody("pg_ctl", "-D", data, "-w", "-o", options, "-l", log, "start")
        try:
            yield folder
        finally:
            as_nobody("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")


def asked(server: Path, text: str) -> str:
    found = subprocess.run(
        [program("psql"), "-h", str(server), "-U", "postgres", "-tA", "-c", text],
        check=True,
        capture_output=True,
        text=True,
    )
    return found.stdout.strip()


def replaced(server: Path, password: str) -> None:
    """Run what runs before Umami does."""
    made: list[dict[str, Any]] = starters.objects("bp-umami", {})
    (pod,) = (one["spec"]["template"]["spec"] for one in made if one["kind"] == "Deployment")
    (script,) = (one for one in pod["initContainers"] if one["name"] == "password")
    environment = {
        "PATH": f"{Path(program('psql')).parent}:{os.environ['PATH']}",
        "PGHOST": str(server),
        "PGUSER": "postgres",
        "DB_NAME": "postgres",
        "ADMIN_PASSWORD": password,
    }
    subprocess.run([*script["command"], *script["args"]], check=True, env=environment)


def opens(server: Path, user: str, password: str) -> bool:
    held = stored(server, user).replace("$2b$", "$2a$")
    return asked(server, f"SELECT crypt('{password}', '{held}')") == held


def stored(server: Path, user: str) -> str:
    """Return how the password of a user stands in the database."""
    return dict(line.split("|") for line in asked(server, 'TABLE "user"').splitlines())[user]


@pytest.mark.guarantee("G21.3")
def test_the_password_that_everybody_knows_is_gone_before_umami_answers(server: Path) -> None:
    asked(server, SQL.format(KNOWN, KNOWN))
    replaced(server, "made-at-the-install-'1'")
    assert opens(server, "admin", "made-at-the-install-''1''")
    assert not opens(server, "admin", "umami")
    assert opens(server, "eve", "umami")  # Nobody but the first user is touched.
    chosen = stored(server, "admin")
    replaced(server, "another")
    assert stored(server, "admin") == chosen


def test_a_password_in_a_form_that_is_not_known_stays(server: Path) -> None:
    asked(server, SQL.format("argon2:x", KNOWN))
    replaced(server, "made")
    assert stored(server, "admin") == "argon2:x"
