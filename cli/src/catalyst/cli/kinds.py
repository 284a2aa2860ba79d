"""Kinds of rows: how people name them, and what a table shows of each."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from catalyst.blueprints import versions
from catalyst.chassis import clock
from catalyst.cli.exits import ExitCode, Failure
from catalyst.cli.gateshow import ANYONE
from catalyst.cli.keeping import blocked, whole
from catalyst.cli.near import alike, meant
from catalyst.client.rows import Row, name_of
from catalyst.contracts.money_v1 import MICRO_DIGITS, decimal, exponent
from catalyst.contracts.provisioning_values_v1 import SIMULATOR, as_seen
from catalyst.contracts.voucher_v1 import Standing, standing

ALL: Final = "all"
_ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "organizations": ("organization", "org", "orgs"),
    "environments": ("environment", "env", "envs"),
    "policies": ("policy", "environmentpolicy", "environmentpolicies", "envpol", "envpols"),
    "onboardings": ("onboarding",),
    "accounts": ("account",),
    "subscriptions": ("subscription",),
    "usage": ("usage",),
    "invoices": ("invoice",),
    "credit-notes": ("credit-note",),
    "price-books": ("price-book", "pricebook", "pricebooks"),
    "vouchers": ("voucher",),
    "redemptions": ("redemption",),
    "sources": ("source",),
    "blueprints": ("blueprint", "bp", "bps"),
    "curations": ("curation",),
    "applications": ("application", "app", "apps"),
    "changes": ("change",),
    ALL: (),
}
NAMES: Final = tuple(_ALIASES)
"""Names that the read model knows."""

Column = tuple[str, Callable[[Row, Mapping[str, Any]], object]]


def plural(text: str) -> str:
    """Return the read model's name for a kind, however it was written; several with commas.

    Raises:
        Failure: If there is no such kind.
    """
    return ",".join(_one(part.strip()) for part in text.split(","))


def complete(incomplete: str) -> list[str]:
    """Return the kinds that begin like this, for the shell."""
    return [name for name in NAMES if name.startswith(incomplete)]


def columns(kinds: str) -> tuple[Column, ...]:
    """Return the columns that a table of these kinds has."""
    return (*_COLUMNS.get(kinds, _ANY), *_TAIL)


def singular(kinds: str) -> str:
    """Return the word for one row of a kind."""
    aliases = _ALIASES.get(kinds, ())
    return aliases[0] if aliases else "row"


def _one(text: str) -> str:
    lower = text.lower()
    for name, others in _ALIASES.items():
        if lower == name or lower in others:
            return name
    near = alike(lower, (*NAMES, *itertools.chain.from_iterable(_ALIASES.values())))
    # The next ones are other words for the same kind, or less like it.
    hint = f"{meant(near[:1])}kinds are {', '.join(NAMES)}"
    raise Failure(ExitCode.USAGE, f"there is no kind {text!r}", hint=hint)


def _doc(field: str) -> Callable[[Row, Mapping[str, Any]], object]:
    return lambda _row, doc: doc.get(field)


def _phase(_row: Row, doc: Mapping[str, Any]) -> object:
    return "suspended" if doc.get("suspended") else doc.get("phase")


def _regions(_row: Row, doc: Mapping[str, Any]) -> object:
    regions = doc.get("regions") or ()
    return [f"{item['provider']}/{item['region']}" for item in regions]


def _approvers(_row: Row, doc: Mapping[str, Any]) -> object:
    approvals = doc.get("approvals") or ()
    return [f"{item['quorum']} of {item.get('team') or ANYONE}" for item in approvals]


def _soak(_row: Row, doc: Mapping[str, Any]) -> object:
    minutes = doc.get("soak_minutes") or 0
    return f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}m"


def _source(_row: Row, doc: Mapping[str, Any]) -> object:
    """Return how a source is; one of which nothing that was read can be taken is not ready."""
    nothing = doc.get("status") == "ready" and doc.get("bad") and not doc.get("versions")
    return "all of it broken" if nothing else doc.get("status")


def _refused(_row: Row, doc: Mapping[str, Any]) -> object:
    """Return how many versions are whole, and stand with other content or close a circle."""
    return len(doc.get("unregistered") or ())


def _steps(_row: Row, doc: Mapping[str, Any]) -> object:
    return [
        as_seen(f"{item['step']}={item['status']}", item.get("source"))
        for item in doc.get("steps") or ()
        if item["status"] != "pending"
    ]


def _asked(field: str) -> Callable[[Row, Mapping[str, Any]], object]:
    """Return what reads a field of what was asked for."""
    return lambda _row, doc: (doc.get("request") or {}).get(field)


def mark(found: Mapping[str, Any]) -> str:
    """Return a mark of an Application as one cell."""
    stale = " (stale)" if found["stale_since"] else ""
    reason = f" {found['reason']}" if found["reason"] else ""
    return as_seen(f"{found['status']}{reason}{stale}", found["source"])


def wanted(place: Mapping[str, Any]) -> str:
    """Return the Blueprint and version that is to run in an Environment; empty: nothing."""
    desired = place["desired"] or {}
    return f"{desired.get('blueprint', '')} {desired.get('version', '')}".strip()


def _places(
    read: Callable[[Mapping[str, Any]], str],
) -> Callable[[Row, Mapping[str, Any]], object]:
    """Return what reads each place of an Application, in the order of its Environments."""
    return lambda _row, doc: [read(place) for place in doc.get("bindings") or ()]


def source_of(doc: Mapping[str, Any]) -> str | None:
    """Return who saw what a change waited for: the simulator, if it did so anywhere."""
    found = {item.get("source") for item in doc["steps"]} - {None}
    return SIMULATOR if SIMULATOR in found else next(iter(found), None)


def money(currency: str, minor: int) -> str:
    """Return an amount as a person reads it, such as `5.000 OMR`."""
    return f"{decimal(minor, exponent(currency))} {currency}"


def micro(currency: str, units: int) -> str:
    """Return a price below the smallest unit as a person reads it, such as `0.000125 OMR`."""
    return f"{decimal(units, MICRO_DIGITS)} {currency}"


def _balance(name: str) -> Callable[[Row, Mapping[str, Any]], object]:
    return lambda _row, doc: [money(one["currency"], one[name]) for one in doc.get("balances", ())]


def _totals(_row: Row, doc: Mapping[str, Any]) -> object:
    totals = (one["total"] for one in doc.get("amounts", ()))
    return [money(one["currency"], one["minor"]) for one in totals]


def _amount(_row: Row, doc: Mapping[str, Any]) -> object:
    amount = doc.get("amount")
    return None if amount is None else money(amount["currency"], amount["minor"])


def _monthly(_row: Row, doc: Mapping[str, Any]) -> object:
    sums: dict[str, int] = {}
    for line in doc.get("lines", ()):
        amount = line["amount"]
        sums[amount["currency"]] = sums.get(amount["currency"], 0) + amount["minor"]
    return [money(currency, minor) for currency, minor in sorted(sums.items())]


def _versions(_row: Row, doc: Mapping[str, Any]) -> object:
    return [item["version"] for item in doc.get("versions") or ()]


def _registered(_row: Row, doc: Mapping[str, Any]) -> object:
    """Return the versions of a Blueprint, the newest first."""
    found = [item["version"] for item in doc.get("versions") or ()]
    return sorted(found, key=versions.parse, reverse=True)


def _redeemed(_row: Row, doc: Mapping[str, Any]) -> object:
    return f"{doc.get('redeemed', 0)} of {doc.get('cap', 0)}"


def _standing(_row: Row, doc: Mapping[str, Any]) -> object:
    return standing_of(doc)


def standing_of(doc: Mapping[str, Any]) -> Standing:
    """Return how a voucher stands now."""
    starts, ends = (
        datetime.fromisoformat(text) if (text := doc.get(name)) else None
        for name in ("starts", "ends")
    )
    redeemed, cap = doc.get("redeemed", 0), doc.get("cap", 1)
    return standing(
        str(doc.get("status")),
        redeemed=redeemed,
        cap=cap,
        starts=starts,
        ends=ends,
        now=clock.now(),
    )


def noticed(place: Mapping[str, Any]) -> Iterator[str]:
    """Yield what was said against what runs, each with its reason, and which version is newer."""
    for one in place["notices"]:
        danger = " because whoever runs it is in danger" if one["security"] else ""
        instead = f"; take {one['replacement']} instead" if one["replacement"] else ""
        yield f"{one['mark']}{danger}: {one['reason']}{instead}"
    if place.get("newest"):
        yield f"{place['newest']} is available"


def _kind(row: Row, _doc: Mapping[str, Any]) -> object:
    return row.key.split(".")[2] if row.key.count(".") == 4 else None


GIVEN: Final[dict[str, str]] = {"blueprints": "name", "price-books": "book", "vouchers": "prefix"}
"""Kinds that are kept under names that nobody gave, with the field of the name that was given."""


def called(row: Row) -> str:
    """Return what a person calls a row."""
    field = GIVEN.get(f"{row.key.split('.')[2]}s")
    doc = row.doc if isinstance(row.doc, dict) else {}
    return str(doc.get(field) or name_of(row.key))


def _name(row: Row, _doc: Mapping[str, Any]) -> object:
    return called(row)


def _organization(row: Row, _doc: Mapping[str, Any]) -> object:
    return row.key.partition(".")[0]


def _stale(row: Row, _doc: Mapping[str, Any]) -> object:
    return row.stale.get("code") if isinstance(row.stale, dict) else None


def _seq(row: Row, _doc: Mapping[str, Any]) -> object:
    return row.seq


_COLUMNS: Final[Mapping[str, tuple[Column, ...]]] = {
    "organizations": (
        ("NAME", _name),
        ("DISPLAY NAME", _doc("display_name")),
        ("KIND", _doc("kind")),
        ("TIER", _doc("tier")),
        ("BILLING", _doc("billing_mode")),
        ("PHASE", _phase),
        ("ENVIRONMENTS", _doc("environments")),
        ("HEALTH", whole),
        ("BLOCKED BY", blocked),
    ),
    "environments": (
        ("NAME", _name),
        ("ORG", _doc("organization")),
        ("TYPE", _doc("env_type")),
        ("PLACEMENT", _doc("placement")),
        ("REGIONS", _regions),
        ("POLICY", _doc("policy")),
        ("HEALTH", whole),
        ("BLOCKED BY", blocked),
    ),
    "policies": (
        ("NAME", _name),
        ("ORG", _organization),
        ("APPROVERS", _approvers),
        ("SOAK", _soak),
        ("APPLICATIONS MAX", _doc("applications_max")),
    ),
    "onboardings": (
        ("ORG", _doc("organization")),
        ("STATUS", _doc("status")),
        ("STEPS", _steps),
        ("BLOCKED BY", blocked),
    ),
    "curations": (
        ("NAME", _name),
        ("ORG", _organization),
        ("FEATURED", _doc("featured")),
        ("HIDDEN", _doc("hidden")),
        ("PINNED", _doc("pinned")),
        ("CATEGORY", _doc("category")),
    ),
    "applications": (
        ("NAME", _name),
        ("ORG", _organization),
        ("BLUEPRINT", _places(lambda place: wanted(place) or "none")),
        ("ENVIRONMENT", _places(lambda place: str(place["environment"]))),
        ("HEALTH", _places(lambda place: mark(place["health"]))),
        ("BLOCKED BY", blocked),
    ),
    "changes": (
        ("NAME", _name),
        ("ORG", _organization),
        ("ACTION", _asked("action")),
        ("APPLICATION", _asked("application")),
        ("ENVIRONMENT", _doc("environment")),
        ("STATUS", lambda _row, doc: as_seen(doc["status"], source_of(doc)) if doc else None),
        ("STEPS", _steps),
        ("BLOCKED BY", blocked),
    ),
    "sources": (
        ("NAME", _name),
        ("ORG", _organization),
        ("ORIGIN", _doc("origin")),
        ("STATUS", _source),
        ("VERSIONS", _doc("versions")),
        ("BAD", _doc("bad")),
        ("REFUSED", _refused),
        ("BLOCKED BY", blocked),
    ),
    "blueprints": (
        ("NAME", _name),
        ("ORG", _organization),
        ("ORIGIN", _doc("origin")),
        ("STATUS", _doc("status")),
        ("NEWEST", _doc("newest")),
        ("VERSIONS", _registered),
        ("BLOCKED BY", blocked),
    ),
    "accounts": (
        ("ORG", _organization),
        ("STATUS", _doc("status")),
        ("AVAILABLE", _balance("available")),
        ("HELD", _balance("held")),
        ("OWED", _balance("owed")),
    ),
    "subscriptions": (
        ("APPLICATION", _doc("application")),
        ("ENVIRONMENT", _doc("environment")),
        ("STATUS", _doc("status")),
        ("MONTH", _monthly),
        ("SINCE", _doc("since")),
    ),
    "invoices": (
        ("NUMBER", _doc("number")),
        ("ORG", _organization),
        ("MONTH", _doc("month")),
        ("STATUS", _doc("status")),
        ("TOTAL", _totals),
    ),
    "credit-notes": (
        ("NUMBER", _doc("number")),
        ("NAME", _name),
        ("ORG", _organization),
        ("INVOICE", _doc("invoice_number")),
        ("STATUS", _doc("status")),
    ),
    "usage": (
        ("ORG", _organization),
        ("MONTH", _doc("month")),
        ("USES", _doc("uses")),
        ("UNMATCHED", _doc("unmatched_count")),
    ),
    "price-books": (("NAME", _name), ("VERSIONS", _versions)),
    "vouchers": (
        ("PREFIX", _doc("prefix")),
        ("STATUS", _standing),
        ("AMOUNT", _amount),
        ("REDEEMED", _redeemed),
        ("STARTS", _doc("starts")),
        ("ENDS", _doc("ends")),
    ),
    "redemptions": (
        ("NAME", _name),
        ("ORG", _organization),
        ("STATUS", _doc("status")),
        ("AMOUNT", _amount),
        ("CODE", _doc("code")),
    ),
}
_ANY: Final[tuple[Column, ...]] = (("KIND", _kind), ("NAME", _name), ("ORG", _organization))
_TAIL: Final[tuple[Column, ...]] = (("STALE", _stale), ("SEQ", _seq))
