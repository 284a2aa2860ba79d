"""What `catalyst up` says once everything runs: where it is, and lines to paste next."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from catalyst.cli.calling import called
from catalyst.cli.contexts import ENDPOINTS, Contexts
from catalyst.cli.installation import OPERATOR_EMAIL
from catalyst.contracts.roles import BILLING_ADMIN, SOVEREIGN_ADMIN

EXAMPLE: Final = Path("examples/omantel.yaml")
"""Of a checkout; elsewhere a command is suggested that needs no file."""
EXAMPLES_ENVIRONMENT: Final = "omantel-prod"
"""What the example makes to install in."""
CREATE: Final = "environment.create-organization.v1"
_ACME: Final[dict[str, Any]] = {
    "display_name": "Acme",
    "kind": "customer",
    "tier": "sme",
    "billing_mode": "real",
    "sovereign_ref": "cloud.example.org",
    "owners": [{"email": OPERATOR_EMAIL, "role": "owner"}],
}


def greeting(
    name: str,
    known: Contexts,
    folder: Path,
    *,
    before: Contexts | None = None,
    simulated: bool = False,
) -> Iterator[str]:
    """Yield the lines.

    Args:
        name: The connection to what runs.
        known: All connections, and which one is the current.
        folder: Where the reader is: decides whether the example's manifests can be named.
        before: The connections as they were before this one was registered.
        simulated: Whether what is said of a cluster is made up.
    """
    context = known.contexts[name]
    user = context.operator.user
    both = f"--role {SOVEREIGN_ADMIN} --role {BILLING_ADMIN}"
    other = "" if name == known.current else f" --context {name}"
    yield "Catalyst is running."
    yield ""
    yield f"  live page     {context.http}/"
    yield f"  API           {context.http}/openapi.json"
    yield f"  broker        {context.nats}"
    if user:
        yield f'  broker user   "{user}", whose password is in {Path(context.data) / ENDPOINTS}'
    if simulated:
        yield "  cluster       simulated: rows say what a cluster would say, and nothing runs"
    yield f"  data          {context.data}"
    yield f"  connection    {name}"
    if other:
        at = known.contexts[known.current].http
        yield ""
        yield f"The current connection stays {known.current}, which runs at {at}. To change that:"
        yield f"  {called()} context use {name}"
    yield from _moved(name, known, before or known)
    yield ""
    yield "Sign in on the live page with the token that this prints:"
    yield f"  {called()} token --email {OPERATOR_EMAIL} {both}{other}"
    yield ""
    yield "Try next, in another terminal:"
    for line in suggestions(folder):
        yield f"  {line}{other}"
    yield ""
    yield "Ctrl-C drains and ends."


def _moved(name: str, known: Contexts, before: Contexts) -> Iterator[str]:
    """Yield what a name, or no name at all, meant before and does not any more."""
    former, data = before.contexts.get(name), known.contexts[name].data
    if former is not None and former.data != data:
        yield ""
        yield f"Until now {name} was the stack in {former.data}, which is there no more."
    current = before.current
    if current not in {known.current, name} and current in known.contexts:
        yield ""
        yield f"Until now the current connection was {current}. To go back to it:"
        yield f"  {called()} context use {current}"


def suggestions(folder: Path) -> tuple[str, ...]:
    """Return commands worth trying first, each whole on its line."""
    first = f"{called()} apply -f {EXAMPLE.as_posix()}"
    if not (folder / EXAMPLE).is_file():
        body = shlex.quote(json.dumps(_ACME))
        first = f"{called()} send {CREATE} --org acme --data {body} --wait"
        return (first, f"{called()} get organizations --watch", f"{called()} doctor")
    # In the Environment that the example makes: the plan says what it costs, lacks and leads to.
    planned = f"{called()} plan install bp-wiki --as wiki --env {EXAMPLES_ENVIRONMENT}"
    return (first, f"{called()} catalog search wiki", planned, f"{called()} doctor")
