"""What a body says it is, before anything of it is read."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request

from catalyst.contracts.rejection import Rejected

_UTF8: Final = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})


def kind(request: Request, what: str, *kinds: str) -> str:
    """Return which of these kinds the body says it is.

    Args:
        request: The request.
        what: What the body holds, for whoever is refused.
        kinds: Media types that are taken.

    Raises:
        Rejected: `unsupported-media-type`, if it is none of them or in another charset than UTF-8.
    """
    said, *parameters = request.headers.get("content-type", "").split(";")
    found = said.strip().lower()
    if found not in kinds:
        taken = " or ".join(kinds)
        raise Rejected("unsupported-media-type", f"{what} is sent as {taken}")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        charset = value.strip().strip('"').lower()
        if name.strip().lower() == "charset" and charset not in _UTF8:
            message = f"the header Content-Type says charset {charset!r}: {what} is sent in UTF-8"
            raise Rejected("unsupported-media-type", message)
    return found
