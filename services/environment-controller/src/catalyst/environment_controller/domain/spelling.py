"""Both documented spellings of an EnvironmentPolicy, brought into one.

The object's spelling has `promotion` (approvers, hours of soak, a score) and `compliance`; the
older one has a list of `rules`. What both can say must agree, otherwise it is a conflict:

- approvals by anyone: `promotion.required_approvers` and a `pr-required` rule without teams. Rules
  that name teams come on top; each team named must give the number by itself.
- soak: `promotion.soak_hours` and the `soak` rule.
- score: `promotion.required_compliance_score` and the `re-score-gate` rule.

A zero in `promotion` says nothing, as the documents have it as the default. Change windows exist in
the rules alone, compliance and quota in the object alone.
"""

from __future__ import annotations

import re
from typing import Final

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import environment_v2 as env2
from catalyst.contracts.codec import pointer_token
from catalyst.environment_controller.domain import naming, windows
from catalyst.environment_controller.domain.findings import Findings

APPROVERS_MAX: Final = 10
SOAK_MAX_HOURS: Final = 720
SCORE_MAX: Final = 100
APPLICATIONS_MAX: Final = 10_000
WEIGHT_MAX: Final = 100

_COMPLIANCE_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
"""Name of a Kubernetes object: a DNS subdomain."""
_RULES: Final = "/data/rules"
_PROMOTION: Final = "/data/promotion"


def normalize(
    policy: str, organization: str, command: env1.DefinePolicy, found: Findings
) -> env2.PolicyDefined:
    """Return the policy in one spelling, and note every rule that the command breaks."""
    promotion = command.promotion or env1.Promotion()
    _check_range(
        found, f"{_PROMOTION}/required_approvers", promotion.required_approvers, 0, APPROVERS_MAX
    )
    _check_range(found, f"{_PROMOTION}/soak_hours", promotion.soak_hours, 0, SOAK_MAX_HOURS)
    soak, source = _soak(promotion, command.rules, organization, found)
    score, severity = _score(promotion, command.rules, found)
    compliance = command.compliance or env1.Compliance()
    _check_compliance(compliance, found)
    environments = _environments(command.applies_to, organization, found)
    limit = command.quota.applications if command.quota is not None else None
    if limit is not None:
        _check_range(found, "/data/quota/applications", limit, 0, APPLICATIONS_MAX)
    return env2.PolicyDefined(
        policy=policy,
        approvals=_approvals(promotion, command.rules, found),
        soak_minutes=soak,
        source_environment=source,
        required_score=score,
        severity=severity,
        windows=windows.windows(command.rules, found, _RULES),
        weights=compliance.weights,
        modes=compliance.modes,
        environments=environments,
        applications_max=limit,
    )


def _check_range(found: Findings, pointer: str, value: int, low: int, high: int) -> bool:
    if low <= value <= high:
        return True
    found.add("policy-out-of-range", pointer, f"{value} is not between {low} and {high}")
    return False


def _conflict(found: Findings, pointer: str, one: object, other: object) -> None:
    found.add(
        "policy-spelling-conflict",
        pointer,
        f"the rule says {one}, but 'promotion' or an earlier rule says {other}",
    )


# ---- approvals


def _approvals(
    promotion: env1.Promotion, rules: tuple[env1.Rule, ...], found: Findings
) -> tuple[env1.Approval, ...]:
    """Return the quorum by team; of two rules for one team the larger number holds."""
    quorum: dict[str, int] = {}
    if promotion.required_approvers:
        quorum[""] = promotion.required_approvers
    for index, rule in enumerate(rules):
        if not isinstance(rule, env1.PrRequired):
            continue
        pointer = f"{_RULES}/{index}"
        number = rule.min_approvals
        if not _check_range(found, f"{pointer}/min_approvals", number, 1, APPROVERS_MAX):
            continue
        if not rule.approvers and quorum.setdefault("", number) != number:
            _conflict(found, f"{pointer}/min_approvals", number, quorum[""])
        for place, team in enumerate(rule.approvers):
            if not team.strip():
                found.add(
                    "policy-rule-invalid", f"{pointer}/approvers/{place}", "the team is empty"
                )
            else:
                quorum[team] = max(number, quorum.get(team, 0))
    return tuple(env1.Approval(team=team, quorum=quorum[team]) for team in sorted(quorum))


# ---- soak and score


def _soak(
    promotion: env1.Promotion, rules: tuple[env1.Rule, ...], organization: str, found: Findings
) -> tuple[int, str]:
    """Return the minutes to soak, and in which Environment (empty: the one before)."""
    minutes, source, ruled = promotion.soak_hours * 60, "", False
    for index, rule in enumerate(rules):
        if not isinstance(rule, env1.Soak):
            continue
        pointer = f"{_RULES}/{index}"
        given = windows.whole_minutes(rule.duration, found, f"{pointer}/duration")
        if given is None:
            continue
        if given > SOAK_MAX_HOURS * 60:
            found.add(
                "policy-out-of-range",
                f"{pointer}/duration",
                f"{rule.duration} is more than {SOAK_MAX_HOURS} hours",
            )
        if (promotion.soak_hours or ruled) and given != minutes:
            _conflict(found, f"{pointer}/duration", f"{given} minutes", f"{minutes} minutes")
        if ruled and rule.source_environment != source:
            _conflict(
                found, f"{pointer}/source_environment", repr(rule.source_environment), repr(source)
            )
        _check_environment(
            rule.source_environment, organization, f"{pointer}/source_environment", found
        )
        minutes, source, ruled = given, rule.source_environment, True
    return minutes, source


def _score(
    promotion: env1.Promotion, rules: tuple[env1.Rule, ...], found: Findings
) -> tuple[int | None, str]:
    """Return the score to reach, if any, and the severity that a miss has."""
    score, severity = promotion.required_compliance_score, ""
    if score is not None:
        _check_range(found, f"{_PROMOTION}/required_compliance_score", score, 0, SCORE_MAX)
    for index, rule in enumerate(rules):
        if not isinstance(rule, env1.ReScoreGate):
            continue
        pointer = f"{_RULES}/{index}"
        _check_range(found, f"{pointer}/min_score", rule.min_score, 0, SCORE_MAX)
        if score is not None and rule.min_score != score:
            _conflict(found, f"{pointer}/min_score", rule.min_score, score)
        if severity and rule.severity != severity:
            _conflict(found, f"{pointer}/severity", repr(rule.severity), repr(severity))
        score, severity = rule.min_score, rule.severity
    return score, severity


# ---- compliance and reach


def _check_compliance(compliance: env1.Compliance, found: Findings) -> None:
    for part, names in (("weights", compliance.weights), ("modes", compliance.modes)):
        for name in names:
            if not _COMPLIANCE_NAME.fullmatch(name):
                found.add(
                    "policy-rule-invalid",
                    f"/data/compliance/{part}/{pointer_token(name)}",
                    f"{name!r} is not the name of a compliance policy",
                )
    for name, weight in compliance.weights.items():
        pointer = f"/data/compliance/weights/{pointer_token(name)}/weight"
        _check_range(found, pointer, weight.weight, 0, WEIGHT_MAX)


def _check_environment(name: str, organization: str, pointer: str, found: Findings) -> None:
    if name and naming.parse_environment(name, organization) is None:
        found.add(
            "policy-rule-invalid", pointer, f"{name!r} is not an Environment of {organization!r}"
        )


def _environments(
    applies_to: env1.AppliesTo | None, organization: str, found: Findings
) -> tuple[str, ...]:
    """Return the names that the policy may be put on, sorted and each once.

    They need not exist yet: a policy may be defined before its Environments.
    """
    names = applies_to.environments if applies_to is not None else ()
    for index, name in enumerate(names):
        pointer = f"/data/applies_to/environments/{index}"
        if name:
            _check_environment(name, organization, pointer, found)
        else:
            found.add("policy-rule-invalid", pointer, "the Environment's name is empty")
    return tuple(sorted(set(names)))
