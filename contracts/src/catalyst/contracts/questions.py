"""What each question is for, in words: whoever may not ask it typed another word, or none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

PURPOSES: Final[Mapping[tuple[str, str], str]] = {
    ("billing", "explain"): "see where a line of an invoice comes from",
    ("billing", "invoice"): "see invoices",
    ("billing", "open-money"): "see what is open on the account",
    ("billing", "preview-voucher"): "see what a voucher is worth",
    ("billing", "prices"): "see what things cost",
    ("billing", "quote"): "see what things would cost",
    ("billing", "replay"): "make an invoice again from the log",
    ("billing", "voucher-code"): "issue vouchers",
    ("catalog", "diff"): "compare versions of Blueprints",
    ("catalog", "form"): "see what can be configured",
    ("catalog", "icon"): "see the catalogue",
    ("catalog", "notices"): "see what is told of Blueprints that run",
    ("catalog", "search"): "see the catalogue",
    ("catalog", "show"): "see the catalogue",
    ("catalog", "solve"): "see which versions fit together",
    ("catalog", "versions"): "see the versions of Blueprints",
    ("catalog", "why-not"): "see why a version cannot be installed",
    ("environment", "plan-environment-deletion"): "plan that an Environment is deleted",
    ("environment", "plan-organization-deletion"): "plan that an Organization is deleted",
    ("provisioning", "compared"): "compare the files of changes",
    ("provisioning", "health"): "see how Applications are",
    ("provisioning", "plan"): "plan changes",
    ("provisioning", "planned"): "see the plans of changes",
}
"""By service and question, as the end of: your roles do not allow you to …"""


def purpose(service: str, question: str) -> str:
    """Return what somebody wants who asks; of a question with no words, its name."""
    return PURPOSES.get((service, question), f"ask {service} {question}")
