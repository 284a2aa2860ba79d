"""The verbs of `catalyst`, and where each of them is: loaded once it is called."""

from __future__ import annotations

from typing import Final

VERBS: Final[dict[str, str]] = {
    "demo": "catalyst.cli.demo.verb:demo",
    "up": "catalyst.cli.up:up",
    "send": "catalyst.cli.send:send",
    "apply": "catalyst.cli.apply:apply",
    "approve": "catalyst.cli.change:approve",
    "reject": "catalyst.cli.change:reject",
    "cancel": "catalyst.cli.change:cancel",
    "get": "catalyst.cli.get:get",
    "outcome": "catalyst.cli.send:outcome",
    "query": "catalyst.cli.query:query",
    "trace": "catalyst.cli.trace:trace",
    "events": "catalyst.cli.events:events",
    "replay": "catalyst.cli.replay:replay",
    "simulate": "catalyst.cli.simulate:simulate",
    "doctor": "catalyst.cli.doctor:doctor",
    "token": "catalyst.cli.token:token",
}
"""Verbs that stand alone, in the order of `--help`, and where each is."""

GROUPS: Final[dict[str, tuple[str, dict[str, str]]]] = {
    "dlq": (
        "What was set aside because it could not be decided.",
        {
            "list": "catalyst.cli.dlq:list_",
            "show": "catalyst.cli.dlq:show_",
            "retry": "catalyst.cli.dlq:retry",
            "drop": "catalyst.cli.dlq:drop",
        },
    ),
    "approvals": (
        "What waits for your approval, in all Organizations that you see.",
        {"list": "catalyst.cli.approvals:list_"},
    ),
    "contracts": (
        "Every command and event there is.",
        {"list": "catalyst.cli.contract:list_", "show": "catalyst.cli.contract:show_"},
    ),
    "blueprint": (
        "For people who write Blueprints, or keep them.",
        {
            "lint": "catalyst.cli.blueprint:lint_",
            "deprecate": "catalyst.cli.retiring:deprecate",
            "withdraw": "catalyst.cli.retiring:withdraw",
            "yank": "catalyst.cli.retiring:yank",
        },
    ),
    "source": (
        "Where Blueprints come from.",
        {
            "add": "catalyst.cli.source:add",
            "list": "catalyst.cli.source:list_",
            "sync": "catalyst.cli.source:sync",
            "remove": "catalyst.cli.source:remove",
        },
    ),
    "catalog": (
        "What an Organization can install, and how it is shown.",
        {
            "search": "catalyst.cli.catalog:search",
            "show": "catalyst.cli.catalog:show_",
            "diff": "catalyst.cli.comparing:diff",
            "feature": "catalyst.cli.curating:feature",
            "unfeature": "catalyst.cli.curating:unfeature",
            "hide": "catalyst.cli.curating:hide",
            "unhide": "catalyst.cli.curating:unhide",
            "pin": "catalyst.cli.curating:pin",
            "unpin": "catalyst.cli.curating:unpin",
            "categorize": "catalyst.cli.curating:categorize",
            "uncategorize": "catalyst.cli.curating:uncategorize",
        },
    ),
    "plan": (
        (
            "What a change would do, before anything is done; what one that was applied does. "
            "A plan that cannot be applied as things are ends with exit code 3."
        ),
        {
            "install": "catalyst.cli.plan:install",
            "configure": "catalyst.cli.plan:configure",
            "upgrade": "catalyst.cli.plan:upgrade",
            "rollback": "catalyst.cli.plan:rollback",
            "uninstall": "catalyst.cli.plan:uninstall",
            "delete-environment": "catalyst.cli.plan:delete_environment",
            "delete-organization": "catalyst.cli.plan:delete_organization",
            "show": "catalyst.cli.review:show_",
        },
    ),
    "app": (
        "Applications, how they are, and what happened to them.",
        {
            "list": "catalyst.cli.application:list_",
            "show": "catalyst.cli.application:show_",
            "history": "catalyst.cli.application:history",
        },
    ),
    "voucher": (
        "Credit that is given away under a code.",
        {
            "issue": "catalyst.cli.voucher:issue",
            "preview": "catalyst.cli.voucher:preview",
            "redeem": "catalyst.cli.voucher:redeem",
            "revoke": "catalyst.cli.voucher:revoke",
        },
    ),
    "billing": (
        "What an Organization has, what things cost, and what was charged.",
        {
            "balance": "catalyst.cli.billing:balance",
            "ledger": "catalyst.cli.billing:ledger",
            "price-book apply": "catalyst.cli.billing:apply_book",
            "price-book show": "catalyst.cli.billing:show_book",
            "invoice list": "catalyst.cli.invoice:list_",
            "invoice show": "catalyst.cli.invoice:show_",
            "invoice explain": "catalyst.cli.invoice:explain",
            "invoice replay": "catalyst.cli.invoice:replay",
            "invoice finalize": "catalyst.cli.charging:finalize",
            "void": "catalyst.cli.charging:void",
            "credit-note": "catalyst.cli.charging:credit_note",
            "grant": "catalyst.cli.paying:grant",
            "payment": "catalyst.cli.paying:payment",
            "limit show": "catalyst.cli.limits:show_",
            "limit spend": "catalyst.cli.limits:spend",
            "limit lift": "catalyst.cli.limits:lift",
            "limit credit": "catalyst.cli.limits:credit",
        },
    ),
    "context": (
        "Named connections: where to go and who asks.",
        {
            "list": "catalyst.cli.context:list_",
            "show": "catalyst.cli.context:show_",
            "use": "catalyst.cli.context:use",
            "add": "catalyst.cli.context:add",
            "remove": "catalyst.cli.context:remove",
        },
    ),
}
"""Verbs that come in groups, with what each group is about; a blank parts a group within it."""

WITHIN: Final[dict[tuple[str, str], str]] = {
    ("billing", "price-book"): "What things cost, from which day on.",
    ("billing", "invoice"): "What was charged for a month, and why.",
    ("billing", "limit"): "What a month may cost, and how far orders may go beyond the credit.",
}
"""What the groups within groups are about."""
