"""What brings the first of a kind where nothing is there to show. Pure."""

from __future__ import annotations

import shlex
from typing import Final

from catalyst.contracts.roles import COMMAND_ROLES

FIRST: Final = "`catalyst apply -f FILE` makes one; examples/omantel.yaml is such a file"
UNSEEN: Final = "there is nothing here that you may see"
_INSTALLED: Final = (
    "`catalyst plan install BLUEPRINT --as NAME --env ENVIRONMENT` begins the first; "
    "`catalyst catalog search` shows what there is"
)
_REDEEMED: Final = "`catalyst voucher redeem CODE --org ORGANIZATION` brings the first"


def _needs(command: str) -> str:
    """Return who can do it, for whoever is shown that there is none and can bring none."""
    return f"; it needs the role {' or '.join(sorted(COMMAND_ROLES[command]))}"


_FIRST: Final = {
    "organizations": FIRST,
    "environments": FIRST,
    "policies": "`catalyst apply -f FILE` makes one; examples/acme.yaml is such a file",
    "onboardings": "an Organization begins its own; `catalyst apply -f FILE` makes one",
    "accounts": "an Organization has one from its beginning; `catalyst apply -f FILE` makes one",
    "subscriptions": _INSTALLED,
    "usage": "uses are what meters report; services/billing/README.md says how",
    "invoices": "`catalyst billing invoice show MONTH --org ORGANIZATION` shows the running month",
    "credit-notes": "`catalyst billing credit-note` gives back some of an invoice",
    "price-books": "`catalyst billing price-book apply FILE` brings one; "
    "examples/price-book.yaml is such a file" + _needs("billing.apply-price-book.v1"),
    "vouchers": "`catalyst voucher issue 20.000 OMR` makes one",
    "redemptions": _REDEEMED,
    "sources": "`catalyst source add NAME LOCATION` adds one" + _needs("blueprint.add-source.v1"),
    "blueprints": "they come from sources; `catalyst source list` shows those there are",
    "curations": "`catalyst catalog feature NAME` makes one",
    "applications": _INSTALLED,
    "changes": _INSTALLED,
    "all": "`catalyst apply -f FILE` makes an Organization; examples/omantel.yaml is such a file",
}


def first(kinds: str, org: str | None = None) -> str:
    """Return what to do where there are no rows of these kinds; the first of several decides."""
    told = _FIRST[kinds.partition(",")[0]]
    return told.replace("ORGANIZATION", shlex.quote(org)) if org else told
