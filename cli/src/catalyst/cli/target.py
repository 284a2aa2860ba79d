"""Where a verb goes and who asks, from options, environment and the current context."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import msgspec
import typer

from catalyst.cli import contexts
from catalyst.cli.exits import ExitCode, Failure, Stopped
from catalyst.cli.output import Format, note
from catalyst.client.connect import HTTP_SCHEMES, NATS_SCHEMES
from catalyst.client.errors import ClientError, Unreachable
from catalyst.client.http_transport import HttpClient, over_http
from catalyst.client.reads import Filter
from catalyst.client.rows import Row, name_of
from catalyst.contracts.subjects import RowKey

T = TypeVar("T")

CONTEXT: Final = "CATALYST_CONTEXT"
URL: Final = "CATALYST_URL"
TOKEN: Final = "CATALYST_TOKEN"  # noqa: S105 - a name
COMPLETING_SECONDS: Final = 1.0
"""For names that the shell asks for: a person waits, who can type them as well."""
_PAGE: Final = 500
_SEARCHED: Final = 100
"""The most that one search answers."""
_OPEN: Final = "status!=completed,status!=failed,status!=cancelled,status!=rejected"

OutputOption = Annotated[
    Format, typer.Option("--output", "-o", help="How results are written.", show_default=True)
]


def complete_organization(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the Organizations that begin like this, for the shell."""
    return begun("organizations", ctx, incomplete, {})


def complete_environment(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the Environments that begin like this, for the shell."""
    return begun("environments", ctx, incomplete, {"organization": _owner(ctx)})


def complete_application(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the Applications that begin like this, for the shell; with `--env` those there."""
    where: Filter = {"organization": _owner(ctx), "environment": ctx.params.get("env")}
    return begun("applications", ctx, incomplete, where)


def complete_change(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the changes whose ids begin like this, for the shell."""
    return begun("changes", ctx, incomplete, {"organization": _owner(ctx)})


def complete_open_change(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return those that are not over."""
    where: Filter = {"organization": _owner(ctx), "field": _OPEN}
    return begun("changes", ctx, incomplete, where)


def complete_blueprint(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the Blueprints that begin like this, for the shell: with `bp-`, anyone's."""
    owner: Filter = {"organization": _owner(ctx)}
    return begun("blueprints", ctx, incomplete, owner, lambda row: _name(row).partition("-")[2])


def complete_source(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the sources that begin like this, for the shell: without `--org` the platform's."""
    return begun("sources", ctx, incomplete, {"organization": _owner(ctx) or "_"})


def complete_voucher(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return what is shown of the codes that begin like this and that nobody revoked."""
    where: Filter = {"field": "status!=revoked"}
    return begun("vouchers", ctx, incomplete, where, lambda row: row.doc["prefix"].rstrip("…"))


def complete_offered(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return what an Organization can install that begins like this, for the shell."""
    word = incomplete.removeprefix("bp-")
    found: list[str] = []

    async def look(door: HttpClient) -> None:
        owner = _owner(ctx)
        if owner is None:
            # Whoever sees one alone, or names an Environment, need not name it.
            env = ctx.params.get("env")
            kinds = "environments" if env else "organizations"
            page = await door.list(kinds, environment=env, limit=2)
            owners = {RowKey.decode(row.key).organization or _name(row) for row in page.rows}
            owner = owners.pop() if len(owners) == 1 else None
        offset: int | None = None if owner is None else 0
        while offset is not None:
            asked = {"text": word, "limit": _SEARCHED, "offset": offset}
            answer = await door.query("catalog", "search", asked, organization=owner)
            found.extend(item["name"] for item in answer.result["items"])
            offset = answer.result["next"]

    at_once(ctx, look)
    # What is typed stays: who leaves `bp-` out is offered names without it.
    short = not "bp-".startswith(incomplete[:3])
    names = (name.removeprefix("bp-") if short else name for name in found)
    return sorted(name for name in names if name.startswith(incomplete))


def begun(
    kinds: str,
    ctx: typer.Context,
    incomplete: str,
    where: Filter,
    called: Callable[[Row], str] | None = None,
) -> list[str]:
    """Return what is called so, for the shell, as far as who asks sees it."""
    found: set[str] = set()

    async def look(door: HttpClient) -> None:
        async for page in door.pages(kinds, limit=_PAGE, **where):
            found.update((called or _name)(row) for row in page.rows)

    at_once(ctx, look)
    return sorted(name for name in found if name.startswith(incomplete))


def at_once(ctx: typer.Context, look: Callable[[HttpClient], Awaitable[None]]) -> None:
    """Look for names where the line leads to, in silence, and no longer than a person waits.

    What was found by then counts, and where nobody answers that is nothing.
    """
    given = ctx.params

    async def work() -> None:
        target = resolve(given.get("context"), given.get("url"), given.get("token"))
        async with (
            asyncio.timeout(COMPLETING_SECONDS),
            over_http(target.http, token=target.token) as door,
        ):
            await look(door)

    with suppress(Failure, ClientError, TimeoutError):
        run(work())


def _owner(ctx: typer.Context) -> str | None:
    return organization(ctx.params.get("org"))


def _name(row: Row) -> str:
    return name_of(row.key)


ContextOption = Annotated[
    str | None,
    typer.Option(
        "--context",
        help="Named connection to use.",
        envvar=CONTEXT,
        autocompletion=contexts.complete,
    ),
]
UrlOption = Annotated[
    str | None,
    typer.Option("--url", help="Address to use instead.", envvar=URL),
]
TokenOption = Annotated[
    str | None,
    typer.Option("--token", help="Token that says who asks.", envvar=TOKEN),
]
TimeoutOption = Annotated[float, typer.Option(help="Seconds to wait.", min=0.1)]
OrgOption = Annotated[
    str | None,
    typer.Option(
        "--org",
        autocompletion=complete_organization,
        help="Organization, by its slug; `_` for the platform.",
    ),
]

SeenOrgOption = Annotated[
    str | None,
    typer.Option(
        "--org",
        autocompletion=complete_organization,
        help="Organization, by its slug, or `_`, the platform; else all that you see.",
    ),
]
SeenEnvOption = Annotated[
    str | None,
    typer.Option("--env", help="Environment, by name.", autocompletion=complete_environment),
]
CommandOrgOption = Annotated[
    str | None,
    typer.Option(
        "--org",
        autocompletion=complete_organization,
        help="Organization, by its slug, or `_`, the platform; else the command's.",
    ),
]
ChangeOrgOption = Annotated[
    str | None,
    typer.Option(
        "--org",
        autocompletion=complete_organization,
        help="Organization, by its slug; else the change's.",
    ),
]
OwnerOption = Annotated[
    str | None,
    typer.Option(
        "--org",
        autocompletion=complete_organization,
        help="Organization, by its slug; else the only one that you see.",
    ),
]

NO_CONNECTION: Final = (
    "`catalyst up` starts everything on this machine, in another terminal; "
    "`catalyst context add --data DIR` leads to what runs on a directory already"
)


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What a verb talks to."""

    http: str = ""
    nats: str = ""
    token: str | None = None
    user: str | None = None
    password: str | None = None
    data: str = ""
    name: str = ""
    """Name of the context; empty if an address was given."""

    @property
    def embedded(self) -> bool:
        """Whether its broker is the one of the data directory: only there is a user made for us."""
        return bool(self.data and self.user)


def resolve(
    context: str | None,
    url: str | None,
    token: str | None,
    *,
    path: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Target:
    """Return where to go: an address that was given, else a named context, else the current one.

    Raises:
        Failure: If nothing says where, or what says it is wrong.
    """
    if token and not (token.isascii() and token.isprintable() and " " not in token):
        where = TOKEN if os.environ.get(TOKEN) == token else "--token"
        hint = "`catalyst token --email … --role …` makes one"
        raise Failure(ExitCode.USAGE, f"{where}: this is no token", hint=hint)
    if url:
        with _naming(URL, url):
            return _given(url, token)
    known = contexts.load(path or contexts.default_path(environ))
    name = context or known.current
    if not name:
        raise Failure(ExitCode.USAGE, "no connection is named", hint=NO_CONNECTION)
    with _naming(CONTEXT, context):
        found = contexts.pick(known, name)
    return Target(
        http=found.http,
        nats=found.nats,
        token=token or found.operator.token or None,
        user=found.operator.user or None,
        password=found.operator.password or None,
        data=found.data,
        name=name,
    )


@contextmanager
def _naming(variable: str, given: str | None) -> Iterator[None]:
    """Let a failure name the variable, if what was given comes from there."""
    try:
        yield
    except Failure as failure:
        if given is None or os.environ.get(variable) != given:
            raise
        said = f"{variable}: {failure.message}"
        raise Failure(failure.exit_code, said, hint=failure.hint) from failure


def _given(url: str, token: str | None) -> Target:
    address = contexts.check_address(url, HTTP_SCHEMES | NATS_SCHEMES)
    if address.partition(":")[0] in HTTP_SCHEMES:
        return Target(http=address, token=token)
    return Target(nats=address, token=token)


def moved(target: Target) -> Target | None:
    """Return where a stack of this machine is now, if it was started again at another address."""
    if not target.name or not target.data:
        return None
    found = contexts.load(contexts.default_path()).contexts.get(target.name)
    if found is None or found.data != target.data or found.http in {"", target.http}:
        return None
    return msgspec.structs.replace(target, http=found.http, nats=found.nats)


@asynccontextmanager
async def reads(target: Target) -> AsyncIterator[HttpClient]:
    """Open what reads and watches.

    Raises:
        Failure: If the target has no HTTP address.
    """
    if not target.http:
        raise Failure(ExitCode.USAGE, "this needs an http(s) address; the broker has no read model")
    async with door_of(target) as door:
        yield door


@contextmanager
def starting(target: Target) -> Iterator[None]:
    """Let a failure to reach a stack of this machine name the command that starts this one.

    Raises:
        Stopped: Instead of the failure.
    """
    try:
        yield
    except Unreachable as error:
        if not target.data or not Path(target.data).is_dir():
            raise
        raise Stopped(str(error), contexts.start(target.data)) from error


@asynccontextmanager
async def door_of(target: Target) -> AsyncIterator[HttpClient]:
    """Open the HTTP door; what goes unanswered is asked again where its stack is by then."""
    now = target

    def elsewhere() -> str | None:
        nonlocal now
        found = moved(now)
        if found is None:
            return None
        now = found
        note(f"{found.name} is at {found.http} now; it is asked there")
        return found.http

    with starting(target):
        async with over_http(target.http, token=target.token, elsewhere=elsewhere) as door:
            yield door


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a verb's work to its end."""
    return asyncio.run(work)


def organization(text: str | None) -> str | None:
    """Return the Organization that `--org` names; None for the platform or none given."""
    return None if text in (None, "", "_") else text
