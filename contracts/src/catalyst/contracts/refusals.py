"""With which codes each command may be refused: those of its rule, and those of every door.

The rules give them and this says so, for whoever writes a program or reads a page; a test reads the
rules' sources and holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from catalyst.contracts.registry import COMMANDS, SERVICES
from catalyst.contracts.rejection import CODES, Code

_ORGANIZATION: Final = frozenset({"organization-not-found", "organization-deleted"})
_ACTIVE: Final = _ORGANIZATION | {"organization-suspended"}
_CHANGEABLE: Final = _ACTIVE | {"organization-failed"}
_POLICY: Final = frozenset({
    "forbidden", "policy-out-of-range", "policy-rule-invalid", "policy-spelling-conflict",
    "policy-not-delegated",
})  # fmt: skip
_CURATED: Final = _ACTIVE | {"forbidden", "blueprint-not-found"}
_CHANGE: Final = frozenset({"change-not-found", "change-over"})
_ACCOUNT: Final = frozenset({"account-not-found", "account-closed", "subject-mismatch"})
_HOLD: Final = frozenset({"hold-not-found", "hold-captured", "hold-released"})
_PARKED: Final = frozenset({"retry-failed", "not-parked"})

_OWN: Final[Mapping[str, frozenset[str]]] = {
    "environment.create-organization.v1": _CHANGEABLE | {
        "subject-mismatch", "slug-invalid", "slug-reserved", "slug-environment-type",
        "organization-exists", "slug-taken", "billing-mode-kind", "parent-not-found",
        "parent-self", "federation-incomplete", "federation-invalid", "host-invalid",
        "host-reserved", "host-taken", "owner-required", "owner-duplicate",
        "owner-email-invalid", "delegation-forbidden",
    },
    "environment.update-organization.v1": _ORGANIZATION | {
        "terms-forbidden", "billing-mode-kind", "federation-incomplete", "federation-invalid",
        "host-invalid", "host-reserved", "host-taken", "delegation-forbidden",
    },
    "environment.suspend-organization.v1": _ORGANIZATION,
    "environment.resume-organization.v1": _ORGANIZATION | {"organization-not-suspended"},
    "environment.change-owners.v1": _ORGANIZATION | {
        "owner-required", "owner-duplicate", "owner-email-invalid",
    },
    "environment.apply-organization-deletion.v1": _ORGANIZATION | {
        "too-large", "onboarding-in-progress", "children-present", "applications-present",
        "plan-stale", "plan-expired", "expiry-far",
    },
    "environment.complete-onboarding.v1": _ORGANIZATION | {"forbidden", "step-unexpected"},
    "environment.fail-onboarding.v1": _ORGANIZATION | {"forbidden"},
    "environment.admit-child.v1": _CHANGEABLE | {"forbidden", "not-a-child"},
    "environment.release-child.v1": frozenset({"forbidden"}),
    "environment.create-environment.v1": _CHANGEABLE | {
        "environment-name-mismatch", "environment-label-invalid", "environment-name-taken",
        "environment-exists", "placement-cardinality", "region-unknown", "region-duplicate",
        "host-cluster-invalid", "policy-not-found", "policy-not-applicable",
    },
    "environment.update-environment.v1": _CHANGEABLE | {
        "environment-not-found", "placement-cardinality", "region-unknown", "region-duplicate",
        "host-cluster-invalid",
    },
    "environment.attach-policy.v1": _CHANGEABLE | {
        "forbidden", "environment-not-found", "policy-not-found", "policy-not-applicable",
        "policy-not-delegated",
    },
    "environment.apply-environment-deletion.v1": frozenset({
        "organization-suspended", "environment-not-found", "applications-present", "plan-stale",
        "plan-expired", "expiry-far",
    }),
    "environment.admit-application.v1": _CHANGEABLE | {
        "forbidden", "environment-not-found", "application-name-invalid",
        "application-reserved", "quota-exceeded", "change-over",
    },
    "environment.release-application.v1": frozenset({
        "forbidden", "environment-not-found", "application-not-admitted", "application-wanted",
    }),
    "environment.define-policy.v1": _CHANGEABLE | _POLICY | {
        "policy-name-invalid", "policy-exists",
    },
    "environment.update-policy.v1": _CHANGEABLE | _POLICY | {"policy-not-found"},
    "environment.record-commit.v1": frozenset({
        "forbidden", "organization-not-found", "environment-not-found", "policy-not-found",
    }),
    "environment.restart-onboarding.v1": _ACTIVE | {
        "onboarding-not-found", "onboarding-not-failed",
    },
    "environment.report-step.v1": frozenset({
        "forbidden", "step-unexpected", "onboarding-not-found",
    }),
    "blueprint.add-source.v1": _ACTIVE | {
        "forbidden", "source-name-invalid", "source-exists", "source-location-forbidden",
        "source-location-invalid", "source-origin-invalid", "source-interval-invalid",
        "source-built-in",
    },
    "blueprint.remove-source.v1": frozenset({"forbidden", "source-not-found", "source-built-in"}),
    "blueprint.sync-source.v1": _ACTIVE | {"forbidden", "source-not-found", "sync-in-progress"},
    "blueprint.seed-source.v1": frozenset({"forbidden"}),
    "blueprint.report-sync.v1": frozenset({
        "forbidden", "source-not-found", "source-interval-invalid", "sync-unexpected",
    }),
    "blueprint.deprecate-blueprint.v1": frozenset({
        "forbidden", "blueprint-not-found", "blueprint-withdrawn",
    }),
    "blueprint.withdraw-blueprint.v1": frozenset({"forbidden", "blueprint-not-found"}),
    "blueprint.yank-version.v1": frozenset({
        "forbidden", "blueprint-not-found", "blueprint-version-not-found",
    }),
    "blueprint.register-version.v1": frozenset({
        "forbidden", "version-immutable", "versions-too-many", "content-missing",
        "content-invalid", "spec-too-large", "dependency-cycle", "blueprint-withdrawn",
    }),
    "blueprint.check-dependencies.v1": frozenset({"forbidden"}),
    "blueprint.wake-dependents.v1": frozenset({"invalid-data", "forbidden"}),
    "catalog.feature-blueprint.v1": _CURATED,
    "catalog.unfeature-blueprint.v1": _CURATED,
    "catalog.hide-blueprint.v1": _CURATED,
    "catalog.show-blueprint.v1": _CURATED,
    "catalog.pin-version.v1": _CURATED | {"blueprint-version-not-found"},
    "catalog.unpin-version.v1": _CURATED,
    "catalog.set-category.v1": _CURATED,
    "catalog.clear-category.v1": _CURATED,
    "provisioning.apply-plan.v1": frozenset({
        "too-large", "invalid-data", "invalid-id", "forbidden", "unavailable",
        "organization-not-found", "organization-deleted", "organization-suspended",
        "organization-failed", "onboarding-in-progress", "children-present", "host-taken",
        "environment-going", "environment-not-found", "applications-present", "quota-exceeded",
        "plan-stale", "plan-expired", "account-not-found", "account-closed", "expiry-far",
        "credit-insufficient", "spend-limit-reached", "prices-unavailable", "sku-unknown",
        "addon-not-offered", "addon-not-ordered", "package-not-ordered", "item-duplicate",
        "currency-not-priced", "currency-mixed", "application-exists", "application-not-found",
        "application-needed", "dependency-unsettled", "values-invalid", "value-immutable",
        "version-refused", "revision-not-found", "nothing-to-change", "approvals-impossible",
        "change-exists", "request-incomplete", "dependency-cycle", "blueprint-not-found",
        "not-solvable", "blueprint-cannot-run-there",
    }),
    "provisioning.approve-change.v1": _CHANGE | {
        "person-required", "plan-stale", "approval-own", "approval-not-needed",
    },
    "provisioning.reject-change.v1": _CHANGE | {
        "person-required", "plan-stale", "change-under-way", "approval-not-needed",
    },
    "provisioning.cancel-change.v1": _CHANGE | {"forbidden", "change-past-return"},
    "provisioning.report-step.v1": frozenset({"forbidden", "step-unexpected", "change-not-found"}),
    "billing.grant-credit.v1": _ACCOUNT | {
        "person-required", "amount-invalid", "expiry-past", "expiry-far", "grant-exists",
        "currency-not-priced",
    },
    "billing.record-payment.v1": _ACCOUNT | {
        "person-required", "amount-invalid", "grant-exists", "currency-not-priced",
    },
    "billing.set-credit-limit.v1": _ACCOUNT | {
        "person-required", "amount-invalid", "currency-not-priced",
    },
    "billing.set-spend-limit.v1": _ACCOUNT | {
        "amount-invalid", "currency-not-priced", "currency-mixed",
    },
    "billing.finalize-invoice.v1": _ACCOUNT | {
        "person-required", "prices-unavailable", "sku-unknown", "currency-not-priced",
        "invoice-not-due", "invoice-empty",
    },
    "billing.void-invoice.v1": _ACCOUNT | {
        "person-required", "invoice-not-found", "invoice-not-final", "invoice-paid",
    },
    "billing.issue-credit-note.v1": _ACCOUNT | {
        "person-required", "amount-invalid", "item-duplicate", "currency-mixed",
        "invoice-not-found", "invoice-line-not-found", "invoice-not-final", "invoice-void",
        "credit-exceeds-line", "credit-note-exists",
    },
    "billing.hold-credit.v1": _ACCOUNT | {
        "credit-insufficient", "spend-limit-reached", "hold-exists", "hold-ended",
        "holds-too-many", "quote-mismatch", "prices-unavailable", "sku-unknown",
        "addon-not-offered", "item-duplicate", "currency-not-priced", "currency-mixed",
    },
    "billing.capture-hold.v1": _HOLD | {"currency-mixed", "change-over"},
    "billing.release-hold.v1": _HOLD,
    "billing.credit-voucher.v1": _ACCOUNT | {"amount-invalid", "grant-exists", "reservation-gone"},
    "billing.apply-price-book.v1": frozenset({
        "person-required", "price-book-invalid", "price-book-version-exists", "price-book-past",
        "price-book-ahead", "price-book-often", "price-book-not-found",
    }),
    "billing.issue-voucher.v1": frozenset({
        "subject-mismatch", "person-required", "amount-invalid", "currency-not-priced",
        "voucher-exists", "voucher-code-weak", "voucher-dates",
    }),
    "billing.revoke-voucher.v1": frozenset({"person-required", "voucher-not-found"}),
    "billing.reserve-voucher.v1": frozenset({"voucher-not-found", "voucher-redeemed"}),
    "billing.confirm-voucher.v1": frozenset({"reservation-gone"}),
    "billing.redeem-voucher.v1": frozenset({
        "person-required", "rate-limited", "account-not-found", "account-closed",
        "redemption-exists",
    }),
    "billing.end-subscription.v1": frozenset({"subscription-not-found"}),
    "billing.number-invoice.v1": frozenset({"invoice-number-taken"}),
    "billing.number-credit-note.v1": frozenset({"invoice-number-taken"}),
    **{f"{name}.drop.v1": _PARKED for name in SERVICES},
    **{f"{name}.retry.v1": _PARKED | {"not-oldest"} for name in SERVICES},
}  # fmt: skip
"""By the wire name of a command; one that is not here is refused by no rule."""

_ANY: Final = frozenset({
    "too-large", "not-utf8", "malformed-json", "too-deep", "duplicate-key", "not-finite",
    "invalid-envelope", "invalid-data", "invalid-id", "unknown-type", "subject-mismatch",
    "command-id-reused", "command-too-old", "command-from-future", "reply-not-allowed",
    "unauthenticated", "forbidden", "dropped",
})  # fmt: skip


def _told(codes: frozenset[str]) -> tuple[Code, ...]:
    return tuple(code for name, code in CODES.items() if name in codes)


OF_ANY: Final = _told(_ANY)
"""What any command may be refused with, whatever its rule says.

Who sends it over HTTP may be answered with more before it is stored, such as `rate-limited`.
"""


def of_rule(type_: str) -> tuple[Code, ...]:
    """Return what a command's own rule may refuse it with, in the order of all codes.

    As the code of the answer, or as the rule of one of its errors. For an event: nothing.
    """
    return _OF_RULE.get(type_, ())


def in_words(type_: str) -> str:
    """Return the same as a sentence in Markdown; empty where its rule refuses nothing."""
    names = ", ".join(f"`{code.name}`" for code in of_rule(type_))
    return f"Its rule may refuse it with {names}." if names else ""


def rows(codes: Iterable[Code]) -> list[dict[str, Any]]:
    """Return codes for programs, each with its HTTP status and its meaning."""
    return [{"code": code.name, "status": code.status, "meaning": code.meaning} for code in codes]


_OF_RULE: Final = {type_: _told(_OWN.get(type_, frozenset())) for type_ in COMMANDS}
