"""From facts to what is seen of an Application: condensed, so that only a change is an event.

Of each object the newest fact counts, by its resource version, whatever comes twice, late or in
another order; of one that is gone nothing is believed any more. An Application is as bad as its
worst object. What was seen grows stale: a timer that nothing armed anew says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final, get_args

from catalyst.contracts.application_v1 import ApplicationObserved, ApplicationSilent
from catalyst.contracts.decision import Arm, Arrived, Context, Decision, Emit, Fired, Recorded
from catalyst.contracts.message import Answer, UtcTime
from catalyst.contracts.provisioning_values_v1 import Applied, Evidence, Health
from catalyst.contracts.subjects import Ref
from catalyst.provisioning.domain.application import (
    Application,
    Binding,
    Observed,
    application_ref,
)
from catalyst.provisioning.domain.seen import KUSTOMIZATION, Fact, place_of

SILENT: Final = timedelta(minutes=15)
"""Without a fact for so long, what was seen of an Application is stale."""
BEAT: Final = timedelta(minutes=5)
"""Facts that change nothing put the silence off at most this often; observers repeat what they see
at least as often."""
TIMER: Final = "silent-"
"""The rest of the timer's name is the Environment."""
GONE_MAX: Final = 100
EVIDENCE_MAX: Final = 100
"""Objects that are kept; the worst stay."""

_ABOVE: Final[dict[str, int]] = {
    KUSTOMIZATION: 2,
    **dict.fromkeys(("DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"), 1),
}
"""What fares badly because of something below it; that is told first."""
_ORDER: Final[dict[Health, int]] = {word: at for at, word in enumerate(get_args(Health))}


def worst(found: Iterable[Health]) -> Health:
    """Return the worst of all; nothing at all is `unknown`."""
    return max(found, key=_ORDER.__getitem__, default="unknown")


def correlate(fact: Fact | None) -> Ref | None:
    """Return the Application that a fact is about."""
    return None if fact is None else application_ref(fact.organization, fact.application)


def react(state: Application, items: tuple[Arrived, ...], _context: Context) -> Decision:
    """Return what has changed, for each Environment; facts of one that it is not in are nothing."""
    events: list[Emit] = []
    timers: list[Arm] = []
    by_place: dict[str, list[tuple[Fact, datetime]]] = {}
    for item in items:
        fact: Fact = item.value
        by_place.setdefault(fact.environment, []).append((fact, fact.time or item.time))
    for environment, found in sorted(by_place.items()):
        if environment not in state.bindings:
            continue
        binding = state.binding(environment)
        before = binding.observed
        after = fold(binding, found)
        changed = after is not None and (before is None or differs(before, after))
        if changed and after is not None:
            events.append(Emit(_event(state, environment, after)))
        if changed or any(fact.beat for fact, _ in found):
            timers.append(Arm(timer=f"{TIMER}{environment}", after=SILENT))
    return Decision(events=tuple(events), timers=tuple(timers))


def fold(binding: Binding, facts: Iterable[tuple[Fact, datetime]]) -> Observed | None:
    """Return what is seen, after some facts in any order; None if nothing ever was."""
    before = binding.observed
    known = {place_of(item): item for item in before.evidence} if before is not None else {}
    gone = list(before.gone) if before is not None else []
    applied: Applied = before.applied if before is not None else "unknown"
    commit = before.commit if before is not None else ""
    source = before.source if before is not None else None
    newest: datetime | None = before.observed_at if before is not None else None
    # While a real cluster is heard, nobody plays one.
    real = before is not None and before.source != "simulator" and before.silent_since is None
    for fact, time in sorted(facts, key=lambda item: (item[0].evidence.version, item[0].gone)):
        present = known.get(fact.key)
        if fact.evidence.uid in gone or (real and fact.source == "simulator"):
            continue
        if present is not None and present.version > fact.evidence.version:
            continue
        newest = time if newest is None else max(newest, time)
        source = fact.source
        if fact.gone:
            known.pop(fact.key, None)
            gone.append(fact.evidence.uid)
        else:
            known[fact.key] = fact.evidence
        if fact.evidence.kind == KUSTOMIZATION:
            applied = "unknown" if fact.gone or fact.applied is None else fact.applied
            commit = "" if fact.gone else fact.commit
    if source is None or newest is None:
        return None
    evidence = _kept(sorted(known.values(), key=_worst_first))
    first = evidence[0] if evidence else None
    return Observed(
        applied=applied,
        revision=_revision(binding, commit),
        commit=commit,
        health=first.status if first is not None else "missing",
        reason=first.reason if first is not None else "Gone",
        message=_message(first),
        evidence=tuple(evidence),
        gone=tuple(gone[-GONE_MAX:]),
        source=source,
        observed_at=newest,
    )


def _kept(found: list[Evidence]) -> list[Evidence]:
    """Return the worst, and always what says which commit is applied: its version counts."""
    if len(found) <= EVIDENCE_MAX:
        return found
    pinned = sum(item.kind == KUSTOMIZATION for item in found)
    room = max(EVIDENCE_MAX - pinned, 0)
    kept: list[Evidence] = []
    for item in found:
        if item.kind == KUSTOMIZATION:
            kept.append(item)
        elif room:
            kept.append(item)
            room -= 1
    return kept


def _worst_first(item: Evidence) -> tuple[int, int, str, str, str]:
    return (-_ORDER[item.status], _ABOVE.get(item.kind, 0), *place_of(item))


def _message(first: Evidence | None) -> str:
    if first is None:
        return "nothing of it is left"
    if first.status == "healthy":
        return ""
    return f"{first.kind} {first.name}: {first.message or first.reason}"


def _revision(binding: Binding, commit: str) -> str:
    """Return the change whose commit was applied; empty if it is none that is known."""
    if not commit:
        return ""
    if binding.committed is not None and binding.committed.commit == commit:
        return binding.committed.change
    before = binding.observed
    return before.revision if before is not None and before.commit == commit else ""


def differs(before: Observed, after: Observed) -> bool:
    """Return whether it is worth an event: not for what only grew older, or is worded anew."""
    return before.silent_since is not None or _told(before) != _told(after)


def _told(seen: Observed) -> Any:
    evidence = [
        (*place_of(item), item.status, item.reason, item.uid, item.change) for item in seen.evidence
    ]
    marks = (seen.applied, seen.revision, seen.commit, seen.health, seen.reason, seen.source)
    return (*marks, evidence, seen.gone)


def _event(state: Application, environment: str, seen: Observed) -> ApplicationObserved:
    working = (item.change for item in state.queue if item.taken)
    return ApplicationObserved(
        environment=environment,
        change=next(working, ""),
        applied=seen.applied,
        revision=seen.revision,
        commit=seen.commit,
        health=seen.health,
        reason=seen.reason,
        message=seen.message,
        evidence=seen.evidence,
        gone=seen.gone,
        source=seen.source,
        observed_at=seen.observed_at,
    )


# ---- silence


def nobody(_recorded: Recorded) -> Ref | None:
    """Return that no event is heard: this process lives of its timers."""
    return None


def fall_silent(state: Application, given: Recorded | Fired | Answer, context: Context) -> Decision:
    """Say that nothing was heard for too long, once until something is heard again."""
    if not isinstance(given, Fired) or not given.timer.startswith(TIMER):
        return Decision()
    environment = given.timer.removeprefix(TIMER)
    seen = state.binding(environment).observed
    if seen is None or seen.silent_since is not None:
        return Decision()
    since: UtcTime = context.now - SILENT
    return Decision(events=(Emit(ApplicationSilent(environment=environment, since=since)),))
