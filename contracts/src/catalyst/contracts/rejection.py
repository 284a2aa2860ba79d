"""How an owner says no: the codes, what each means, and the HTTP status of each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from catalyst.contracts.message import FieldError

ERRORS_MAX: Final = 50
"""Mistakes named by one refusal: a body has room for more of them than an answer has."""
TEXT_MAX: Final = 500
"""Characters kept of each: it may quote what was sent, which has no such limit."""


class Code(msgspec.Struct, frozen=True):
    """One reason for a rejection, as programs see it."""

    name: str
    status: int
    """The HTTP status that a door answers with."""
    meaning: str
    wait_seconds: int = 1
    """How long to wait before asking again makes sense, with 429 and 503."""


class Rejected(Exception):
    """A rule refuses a command; recorded as its outcome and never retried."""

    def __init__(
        self,
        code: str,
        message: str,
        errors: Iterable[FieldError] = (),
        *,
        pointer: str = "",
        wait_seconds: int | None = None,
    ) -> None:
        """Refuse with a registered code; `pointer` names the one field that is wrong, if any.

        Of many errors the first are kept, and the message says how many more there are.
        `wait_seconds` is after how long asking again makes sense, where that is known better than
        the code says.
        """
        found = tuple(errors)
        if not found and pointer:
            found = (FieldError(pointer=pointer, rule=code, message=message),)
        more = len(found) - ERRORS_MAX
        if more > 0:
            message = f"{message}; the first {ERRORS_MAX} are named here, {more} more are not"
        super().__init__(message)
        self.code = code
        self.message = message
        self.errors = tuple(_cut(error) for error in found[:ERRORS_MAX])
        self.wait_seconds = wait_seconds


def _cut(error: FieldError) -> FieldError:
    if len(error.message) <= TEXT_MAX and len(error.pointer) <= TEXT_MAX:
        return error
    return msgspec.structs.replace(
        error, pointer=error.pointer[:TEXT_MAX], message=error.message[:TEXT_MAX]
    )


def _code(name: str, status: int, meaning: str, wait_seconds: int = 1) -> tuple[str, Code]:
    return name, Code(name, status, meaning, wait_seconds)


PERSON_SECONDS: Final = 60
"""How long to wait for what a person has to do."""

CODES: Final[dict[str, Code]] = dict(
    (
        # what any door says of any message
        _code("too-large", 413, "The message, or what it would write, is above the size limit."),
        _code("not-utf8", 400, "The body is not UTF-8."),
        _code("malformed-json", 400, "The body is not JSON."),
        _code("too-deep", 400, "The body nests deeper than allowed."),
        _code("duplicate-key", 400, "An object names the same key twice."),
        _code("not-finite", 400, "A number is not finite."),
        _code("invalid-envelope", 400, "An attribute of the envelope is missing or wrong."),
        _code("invalid-data", 422, "A field of the data is missing, unknown or wrong."),
        _code("invalid-id", 422, "The command id is not allowed."),
        _code("unknown-type", 404, "No command has this type and version."),
        _code("subject-mismatch", 422, "Subject and body disagree."),
        _code("command-id-reused", 409, "The id belongs to another command."),
        _code("command-too-old", 422, "The command waited too long to be decided."),
        _code("command-from-future", 422, "The command claims a time ahead of the broker's."),
        _code("reply-not-allowed", 422, "The reply subject is outside the Organization's."),
        _code("unauthenticated", 401, "The token is missing, expired or not valid."),
        _code("forbidden", 403, "The actor's roles do not allow this."),
        _code("not-our-page", 403, "A write with the session's cookie comes from our own page."),
        _code("person-required", 403, "Only a person with a verified token may do this."),
        _code("retry-failed", 409, "Retrying a parked message failed again."),
        _code("not-parked", 409, "Nothing is parked here under that name."),
        _code("not-oldest", 409, "An older parked message has to be decided or dropped first."),
        _code("dropped", 409, "The parked message was dropped on request."),
        _code("not-implemented", 501, "The door does not offer this yet."),
        _code("rate-limited", 429, "Too many requests."),
        _code("timeout", 504, "The answer did not come in time."),
        _code("unavailable", 503, "A part that is needed does not answer."),
        _code("not-found", 404, "There is no such thing, or it is not yours to see."),
        _code("log-changed", 409, "The sequence belongs to another log."),
        _code("invalid-query", 400, "A query parameter is wrong."),
        _code("invalid-header", 400, "A header that may be there once is there more than once."),
        _code("list-expired", 410, "The list cannot be continued: begin it again."),
        _code("method-not-allowed", 405, "The address does not take this method."),
        _code("unsupported-media-type", 415, "The body is of a kind that is not taken here."),
        _code("rebuild-running", 409, "A rebuild of the read model is running already."),
        _code("internal", 500, "Something is broken on our side; it was logged."),
        # Organizations
        _code("slug-invalid", 422, "The slug breaks a naming rule."),
        _code("slug-reserved", 422, "The slug is a reserved word."),
        _code("slug-environment-type", 422, "A slug does not end in an environment type."),
        _code("organization-exists", 409, "The Organization exists already."),
        _code("slug-taken", 409, "The slug was used before; slugs are never used again."),
        _code("organization-not-found", 404, "There is no such Organization."),
        _code("organization-deleted", 409, "The Organization is deleted."),
        _code("organization-suspended", 409, "The Organization is suspended."),
        _code("organization-not-suspended", 409, "The Organization is not suspended."),
        _code("organization-failed", 409, "The Organization's onboarding failed."),
        _code("onboarding-in-progress", 409, "The Organization is still being onboarded."),
        _code("terms-forbidden", 403, "Only a sovereign-admin changes tier, plan and billing."),
        _code("billing-mode-kind", 422, "Billing mode `real` is for customers only."),
        _code("parent-not-found", 422, "The parent Organization does not exist."),
        _code("parent-self", 422, "An Organization is not its own parent."),
        _code("children-present", 409, "Other Organizations stand below this one."),
        _code("not-a-child", 409, "The other Organization does not stand below this one."),
        _code("federation-incomplete", 422, "The identity provider lacks a setting it needs."),
        _code("federation-invalid", 422, "A setting of the identity provider is not valid."),
        _code("host-invalid", 422, "The public host breaks a naming rule."),
        _code("host-reserved", 422, "The public host is a reserved word."),
        _code(
            "host-taken", 409, "Another Organization, or another Application, has this public host."
        ),
        _code("owner-required", 422, "At least one owner must remain."),
        _code("owner-duplicate", 422, "An e-mail address is listed twice."),
        _code("owner-email-invalid", 422, "The e-mail address is not valid."),
        _code("delegation-forbidden", 403, "Only a sovereign-admin delegates policies."),
        # Environments
        _code("environment-name-mismatch", 422, "The name does not follow from its parts."),
        _code("environment-label-invalid", 422, "The label breaks a naming rule."),
        _code("environment-name-taken", 409, "Another Environment has this name."),
        _code("environment-exists", 409, "The Environment exists already."),
        _code("environment-going", 409, "The Environment is being deleted."),
        _code("environment-not-found", 404, "There is no such Environment."),
        _code("placement-cardinality", 422, "The number of regions does not fit the placement."),
        _code("region-unknown", 422, "The provider has no such region."),
        _code("region-duplicate", 422, "A region is listed twice."),
        _code("host-cluster-invalid", 422, "The host cluster's name breaks the naming rule."),
        _code("applications-present", 409, "Applications stand in the Environment."),
        _code("application-name-invalid", 422, "The Application's name breaks a naming rule."),
        _code("application-reserved", 422, "The name belongs to an infrastructure repository."),
        _code("application-not-admitted", 409, "The Application is not in this Environment."),
        _code("application-wanted", 409, "Another change has brought the Application there."),
        _code("quota-exceeded", 409, "The Environment takes no more Applications."),
        # policies
        _code("policy-name-invalid", 422, "The policy's name breaks a naming rule."),
        _code("policy-exists", 409, "The EnvironmentPolicy exists already."),
        _code("policy-not-found", 422, "There is no such EnvironmentPolicy."),
        _code("policy-out-of-range", 422, "A number of the policy is out of its range."),
        _code("policy-rule-invalid", 422, "A rule of the policy is not valid."),
        _code("policy-spelling-conflict", 422, "Both spellings set the same thing differently."),
        _code("policy-not-applicable", 422, "The policy does not apply to this Environment."),
        _code("policy-not-delegated", 403, "The Organization's policies are not its own to edit."),
        # plans
        _code("plan-stale", 409, "What was planned is no longer what would happen."),
        _code("plan-expired", 409, "The plan is past its expiry."),
        # processes
        _code("step-unexpected", 409, "The report does not belong to the step in progress."),
        _code("onboarding-not-found", 404, "There is no onboarding of that Organization."),
        _code("onboarding-not-failed", 409, "Only an onboarding that failed can be restarted."),
        # money
        _code("account-not-found", 404, "The Organization has no account."),
        _code("account-closed", 409, "The account is closed, because its Organization is gone."),
        _code("amount-invalid", 422, "The amount is not one that is taken here."),
        _code("expiry-past", 422, "The credit would have expired already."),
        _code("expiry-far", 422, "The time is too far away."),
        _code("grant-exists", 409, "Another grant or payment has this name."),
        _code("credit-insufficient", 402, "There is not enough credit."),
        _code("spend-limit-reached", 409, "The month's spend limit does not allow this."),
        _code("hold-exists", 409, "Another hold has this name, or is open for the same thing."),
        _code("hold-ended", 409, "The hold has ended, and is not made again."),
        _code("hold-not-found", 404, "There is no such hold."),
        _code("hold-captured", 409, "What was held is taken already."),
        _code("hold-released", 409, "What was held is given back already."),
        _code("holds-too-many", 409, "Too many holds are open at once."),
        _code("quote-mismatch", 409, "The quote is not what the price book says now."),
        _code(
            "prices-unavailable",
            503,
            "No price book is in force, so nothing has a price.",
            PERSON_SECONDS,
        ),
        _code("sku-unknown", 422, "The price book has no price for this."),
        _code("addon-not-offered", 422, "The add-on is not offered with this package."),
        _code("addon-not-ordered", 422, "The Application has no such add-on."),
        _code("package-not-ordered", 422, "The Application has no package."),
        _code("item-duplicate", 422, "The same thing is listed twice."),
        _code("currency-not-priced", 422, "The price book has no price in this currency."),
        _code("currency-mixed", 422, "Different currencies do not add up."),
        _code("price-book-invalid", 422, "The price book has mistakes."),
        _code("price-book-version-exists", 409, "The version exists with other prices."),
        _code("price-book-past", 422, "The version would change prices of days that are over."),
        _code("price-book-ahead", 409, "Too many versions wait for their day."),
        _code("price-book-often", 409, "Too many versions came within a few months."),
        _code("price-book-not-found", 404, "There is no such price book."),
        _code("subscription-not-found", 404, "Nothing is paid for this."),
        _code("voucher-not-found", 404, "There is no voucher with this code."),
        _code("voucher-exists", 409, "The code was issued before."),
        _code("voucher-code-weak", 422, "The code can be guessed."),
        _code("voucher-dates", 422, "The voucher would be over before it begins."),
        _code("voucher-redeemed", 409, "The Organization has redeemed this voucher."),
        _code("reservation-gone", 409, "No redemption is kept for this account any more."),
        _code("redemption-exists", 409, "Another redemption has this name."),
        # usage and invoices
        _code("usage-invalid", 422, "This is no use that is taken here."),
        _code("usage-late", 422, "The use is too old to be counted."),
        _code("usage-ahead", 422, "The use would be in the future."),
        _code("other-content", 409, "Another use of this source and name counts."),
        _code("invoice-number-taken", 409, "The number belongs to another invoice."),
        _code("invoice-not-found", 404, "There is no such invoice."),
        _code("invoice-not-due", 409, "Not the next month, not begun, or an earlier hold is open."),
        _code("invoice-empty", 409, "The month cost nothing so far."),
        _code("invoice-line-not-found", 404, "The invoice has no such line."),
        _code("invoice-not-final", 409, "The invoice has no number yet."),
        _code("invoice-paid", 409, "Some of the invoice is paid: a credit note gives it back."),
        _code("invoice-void", 409, "The invoice is void: it charges nothing."),
        _code("credit-exceeds-line", 422, "More would be given back than is left of the line."),
        _code("credit-note-exists", 409, "Another credit note has this name."),
        _code("credit-note-not-found", 404, "There is no such credit note."),
        # Applications and changes
        _code("application-exists", 409, "The Application runs in this Environment already."),
        _code("application-not-found", 404, "The Application does not run in this Environment."),
        _code("application-needed", 409, "Other Applications need this one."),
        _code("dependency-unsettled", 409, "What is needed, or who needs it, may change yet."),
        _code("values-invalid", 422, "A value does not fit what the Blueprint takes."),
        _code("value-immutable", 422, "A value cannot change after the install."),
        _code("version-refused", 422, "The version cannot be installed, or follow what is."),
        _code("revision-not-found", 404, "There is no such revision to go back to."),
        _code("nothing-to-change", 409, "Everything is as it was asked for already."),
        _code("approvals-impossible", 409, "Nobody can give an approval that is asked for."),
        _code("change-exists", 409, "A change has this id already."),
        _code("change-not-found", 404, "There is no such change."),
        _code("change-over", 409, "The change is over."),
        _code("change-under-way", 409, "The change has begun already."),
        _code("change-past-return", 409, "The change is past the point where it can be stopped."),
        _code("approval-own", 403, "The author of a change does not approve it."),
        _code("approval-not-needed", 409, "The change asks for no approval from you."),
        _code("request-incomplete", 422, "What was asked for lacks something, or has too much."),
        # Blueprints
        _code("source-name-invalid", 422, "The source's name breaks a naming rule."),
        _code("source-exists", 409, "Another source has this name."),
        _code("source-not-found", 404, "There is no such source."),
        _code("source-location-forbidden", 422, "Blueprints are not read from there."),
        _code("source-location-invalid", 422, "The location is not one that can be read."),
        _code("source-origin-invalid", 422, "The origin does not fit whose source it is."),
        _code("source-interval-invalid", 422, "The interval is too short or too long."),
        _code("source-built-in", 409, "The source comes with Catalyst and cannot be changed."),
        _code("sync-in-progress", 409, "The source is being read already."),
        _code("sync-unexpected", 409, "The report does not belong to the reading in progress."),
        _code("version-immutable", 409, "The version exists with other content."),
        _code("versions-too-many", 409, "The Blueprint has too many versions."),
        _code("content-missing", 409, "The content of the version is not stored."),
        _code("content-invalid", 422, "The content is not a package of this version."),
        _code("spec-too-large", 422, "The document of the Blueprint is too large."),
        _code("dependency-cycle", 422, "Blueprints, or Applications, need each other in a circle."),
        _code("blueprint-not-found", 404, "There is no such Blueprint."),
        _code("blueprint-withdrawn", 409, "The Blueprint is withdrawn."),
        _code("blueprint-version-not-found", 404, "The Blueprint has no such version."),
        # the catalogue
        _code("not-solvable", 409, "No versions fit together for what was asked for."),
        _code("blueprint-cannot-run-there", 409, "The Application is a copy of another Blueprint."),
    )
)
"""Every code that an outcome or a problem may carry. A released code is never removed."""
