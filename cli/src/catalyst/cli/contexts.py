"""Named connections, kept in one private file: which address, and who asks.

Read by every verb; `catalyst up` puts its own in: as `local` where that name is free, else under
the name of its directory. A connection keeps its name.
"""

from __future__ import annotations

import itertools
import os
import re
import secrets
import shlex
from collections.abc import Collection, Container, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from catalyst.cli.exits import ExitCode, Failure
from catalyst.cli.near import alike, meant
from catalyst.client.errors import shown_address

LOCAL: Final = "local"
"""The name under which `catalyst up` registers the first directory that it runs on."""
DATA: Final = Path(".catalyst")
"""Where `catalyst up` keeps everything unless it is told another directory."""
ENDPOINTS: Final = "endpoints.json"
"""In the data directory: what a script needs to talk to what runs there."""
SIMULATED: Final = "simulated"
"""In the data directory, once a simulated cluster spoke of what is kept there."""
LEFT_OUT: Final = "left out"
"""What stands in that file while a stack is there, or was last, that did not start it."""
VARIABLES: Final = "variables.json"
"""In the data directory: what was told by those of the next line when it was started last."""
TOLD: Final = (
    "BLUEPRINT_CONTROLLER_SOURCE_DIRECTORIES",
    "BLUEPRINT_CONTROLLER_GIT_HOSTS",
    "BLUEPRINT_CONTROLLER_GIT_NETWORKS",
)
"""Variables without which sources that were read are read no more."""
PRIVATE_MODE: Final = 0o600
LACKS_CLUSTER: Final = (
    "the simulated cluster that spoke of what is kept here does not run: changes wait for what it "
    "would say, and what it said grows old"
)


class Credentials(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who asks."""

    user: str = ""
    """At the broker."""
    password: str = ""
    token: str = ""
    """Bearer token, for HTTP and in commands."""


class Context(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One connection, in the shape of `endpoints.json`."""

    http: str = ""
    nats: str = ""
    operator: Credentials = Credentials()
    data: str = ""
    """Directory of what runs on this machine; empty for elsewhere."""
    members: dict[str, str] = {}
    """Where each member answers `/healthz`, `/readyz` and `/metrics`; only on this machine."""


class Contexts(msgspec.Struct, frozen=True, kw_only=True):
    """All connections, and which one is used unless another is named."""

    current: str = ""
    contexts: dict[str, Context] = {}


def start(data: str) -> str:
    """Return the command that starts what runs on a directory of this machine, as it ran before.

    On the same broker: on another one there would be nothing of it.
    """
    if broker := _foreign_broker(data):
        return f"{_up(data)} --nats {shlex.quote(shown_address(broker))}"
    return simulating(data) if data and was_simulated(Path(data)) else _up(data)


def adding(data: str) -> str:
    """Return the command that registers what runs on a directory of this machine."""
    return f"catalyst context add --data {shlex.quote(data)}"


def simulating(data: str) -> str:
    """Return the command that starts it with a simulated cluster, on a broker of its own."""
    return f"{_up(data)} --simulate-cluster"


def _up(data: str) -> str:
    told = "".join(f"{name}={shlex.quote(value)} " for name, value in _variables(data).items())
    at = "" if not data or Path(data) == DATA.resolve() else f" --data {shlex.quote(data)}"
    return f"{told}catalyst up{at}"


def _variables(data: str) -> dict[str, str]:
    """Return what was told by variables when a directory was started last."""
    if not data:
        return {}
    try:
        return msgspec.json.decode((Path(data) / VARIABLES).read_bytes(), type=dict[str, str])
    except (OSError, msgspec.MsgspecError):
        # Nothing was told, or it is of no use: what is started says what it lacks.
        return {}


def less_told(data: Path, environ: Mapping[str, str]) -> str:
    """Return which variables had told of sources at the last start and do not now; empty: none."""
    place = str(data.resolve())
    gone = [name for name in _variables(place) if not environ.get(name)]
    if not gone:
        return ""
    return (
        f"the last start here had {' and '.join(gone)}, and this one has not: what was read of "
        f"sources by that is read no more; `{start(place)}` starts it as before"
    )


def _foreign_broker(data: str) -> str:
    """Return the broker of somebody else that what runs on a directory used last; empty: none."""
    try:
        found = of_directory(Path(data)) if data else Context()
    except Failure:
        # Nothing ran there to its start, or it cannot be read: starting it says so.
        return ""
    return "" if found.operator.user else found.nats


def was_simulated(data: Path) -> bool:
    """Return whether a simulated cluster ever spoke of what a directory holds."""
    try:
        (data / SIMULATED).stat()
    except OSError:
        # Whoever may not look into a directory cannot start anything on it, and is told so there.
        return False
    return True


def lacks_its_cluster(data: str) -> bool:
    """Return whether nobody simulates the cluster that spoke of what a directory holds.

    Args:
        data: A directory of this machine; empty: none is known.
    """
    try:
        return bool(data) and (Path(data) / SIMULATED).read_text("utf-8") == LEFT_OUT
    except (OSError, ValueError):
        # Nothing was simulated there, or whoever may not look into it cannot start it either.
        return False


def cluster_again(data: str) -> str:
    """Return what to do where nobody simulates a cluster any more that was."""
    return (
        f"`{simulating(data)}` starts it as well; where a real one speaks now, "
        "--no-simulate-cluster says so for good"
    )


def default_path(environ: Mapping[str, str] | None = None) -> Path:
    """Return where the file is: `$XDG_CONFIG_HOME` or `~/.config`, then `catalyst/`."""
    found = os.environ if environ is None else environ
    base = found.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "catalyst" / "contexts.json"


def load(path: Path) -> Contexts:
    """Return what the file holds; nothing if there is none yet.

    Raises:
        Failure: If it cannot be read.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Contexts)
    except FileNotFoundError:
        return Contexts()
    except (OSError, msgspec.MsgspecError) as error:
        raise Failure(
            ExitCode.UNEXPECTED,
            f"the connections in {path} cannot be read: {_reason(error)}",
            hint="mend or remove the file; `catalyst context add` writes a new one",
        ) from error


def save(path: Path, contexts: Contexts) -> None:
    """Write the file, whole or not at all, readable by its owner alone.

    Raises:
        Failure: If it cannot be written.
    """
    raw = msgspec.json.format(msgspec.json.encode(contexts), indent=2)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_MODE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(raw)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise Failure(
            ExitCode.UNEXPECTED,
            f"the connections in {path} cannot be written: {error.strerror}",
            hint="make the directory writable and make room, or name another in XDG_CONFIG_HOME",
        ) from error


def check_place(path: Path) -> Contexts:
    """Return what the file holds, and see that it can be written.

    Raises:
        Failure: If it cannot be read or written.
    """
    known = load(path)
    save(path, known)
    return known


def register(path: Path, name: str, context: Context) -> None:
    """Add or replace a connection; the first one, and `local`, become the current one."""
    known = load(path)
    current = name if name == LOCAL or not known.current else known.current
    save(path, Contexts(current=current, contexts={**known.contexts, name: context}))


def register_local(
    data: Path, path: Path | None = None, *, answering: Collection[str] = ()
) -> tuple[str, Contexts]:
    """Register what runs on `data`, from its `endpoints.json`; return its name, and all there are.

    A directory keeps the name that it has, as long as it is there. A new one is called `local`
    where nothing is, and is named after itself where something is. It becomes the current
    connection, unless the current one answers.

    Args:
        data: The directory.
        path: The file of the connections, if not the usual one.
        answering: Names of the stacks on other directories of this machine that answer now.

    Raises:
        Failure: If a file cannot be read or written.
    """
    found = of_directory(data)
    file = path or default_path()
    known = load(file)
    named = (key for key, one in known.contexts.items() if one.data == found.data)
    taken = {
        key
        for key, one in known.contexts.items()
        if key in answering or not one.data or Path(one.data).is_dir()
    }
    name = next(named, "") or _named(found.data, taken)
    current = known.current if known.current in answering else name
    placed = Contexts(current=current, contexts={**known.contexts, name: found})
    save(file, placed)
    return name, placed


def of_directory(data: Path) -> Context:
    """Return how to reach what runs on `data`.

    Raises:
        Failure: If its `endpoints.json` is missing or cannot be read.
    """
    source = data / ENDPOINTS
    try:
        found = msgspec.json.decode(source.read_bytes(), type=Context)
    except (OSError, msgspec.MsgspecError) as error:
        raise Failure(ExitCode.UNEXPECTED, f"{source} cannot be read: {_reason(error)}") from error
    return msgspec.structs.replace(found, data=str(data.resolve()))


def _reason(error: Exception) -> str:
    """Return why a file cannot be used, without its name and numbers."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _named(data: str, taken: Container[str]) -> str:
    """Return `local`, or a name like the directory's, or like the one around it if it is hidden."""
    path = Path(data)
    stem = path.parent.name if path.name.startswith(".") else path.name
    stem = re.sub(r"[^\w.-]+", "-", stem).strip("-.") or LOCAL
    names = itertools.chain([LOCAL, stem], (f"{stem}-{number}" for number in itertools.count(2)))
    return next(name for name in names if name not in taken)


def remove(path: Path, name: str) -> Context:
    """Forget a connection; return what it was.

    Raises:
        Failure: If there is none of that name.
    """
    known = load(path)
    found = pick(known, name)
    left = {key: value for key, value in known.contexts.items() if key != name}
    current = "" if known.current == name else known.current
    save(path, Contexts(current=current, contexts=left))
    return found


def use(path: Path, name: str) -> None:
    """Make a connection the current one.

    Raises:
        Failure: If there is none of that name.
    """
    known = load(path)
    pick(known, name)
    save(path, Contexts(current=name, contexts=known.contexts))


def pick(known: Contexts, name: str) -> Context:
    """Return the connection of that name.

    Raises:
        Failure: If there is none.
    """
    found = known.contexts.get(name)
    if found is None:
        names = ", ".join(sorted(known.contexts)) or "none"
        hint = f"{meant(alike(name, known.contexts))}known: {names}"
        raise Failure(ExitCode.NOT_FOUND, f"there is no connection {name!r}", hint=hint)
    return found


def complete(incomplete: str) -> list[str]:
    """Return the names of connections that begin like this, for the shell."""
    try:
        known = load(default_path())
    except Failure:
        # Whoever uses one is told.
        return []
    return [name for name in sorted(known.contexts) if name.startswith(incomplete)]


def check_address(url: str, schemes: frozenset[str]) -> str:
    """Return an address that begins as it should.

    Raises:
        Failure: If it does not.
    """
    try:
        parts = urlsplit(url)
        whole = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if not whole:
        wanted = " or ".join(f"{scheme}://…" for scheme in sorted(schemes))
        raise Failure(ExitCode.USAGE, f"{shown_address(url)!r} is not an address like {wanted}")
    return url.rstrip("/")
