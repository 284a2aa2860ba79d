"""From facts to what is seen of an Application: condensed, so that only a change is an event.

Of each object the newest fact counts, whatever comes twice, late or in another order, as `fold`
says; of one that is gone nothing is believed any more. An Application is as bad as its
worst object, in whichever of its Environment's clusters that is (`regions`). What was seen grows
stale: a timer that nothing armed anew says so, for each cluster of several.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from catalyst.contracts.application_v1 import ApplicationObserved, ApplicationSilent
from catalyst.contracts.decision import Arm, Arrived, Context, Decision, Emit, Fired, Recorded
from catalyst.contracts.message import Answer, Event, UtcTime
from catalyst.contracts.provisioning_values_v1 import HOW_BAD, SIMULATOR, Applied, Evidence, Health
from catalyst.contracts.subjects import Ref
from catalyst.provisioning.domain import regions
from catalyst.provisioning.domain.application import (
    Application,
    Binding,
    Observed,
    application_ref,
)
from catalyst.provisioning.domain.seen import KUSTOMIZATION, WORKLOADS, Fact, place_of

NAME: Final = "observation"
"""Of the source of facts."""
SILENT: Final = timedelta(minutes=15)
"""Without a fact for so long, what was seen of an Application is stale."""
BEAT: Final = timedelta(minutes=5)
"""Facts that change nothing put the silence off at most this often; observers repeat what they see
at least as often."""
TIMER: Final = "silent-"
"""The rest of the timer's name is the Environment; of one of several clusters with `@` and that."""
GONE_MAX: Final = 100
EVIDENCE_MAX: Final = 100
"""Objects that are kept; the worst stay."""

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)

_ABOVE: Final[dict[str, int]] = {
    KUSTOMIZATION: 2,
    **dict.fromkeys(WORKLOADS, 1),
}
"""What fares badly because of something below it; that is told first."""


def worst(found: Iterable[Health]) -> Health:
    """Return the worst of all; nothing at all is `unknown`."""
    return max(found, key=HOW_BAD.__getitem__, default="unknown")


def correlate(fact: Fact | None) -> Ref | None:
    """Return the Application that a fact is about."""
    return None if fact is None else application_ref(fact.organization, fact.application)


def react(state: Application, items: tuple[Arrived, ...], _context: Context) -> Decision:
    """Return what has changed, for each Environment; facts of one that it is not in are nothing.

    Facts that nobody believes put no silence off.
    """
    events: list[Emit] = []
    timers: list[Arm] = []
    by_place: dict[str, list[tuple[Fact, datetime]]] = {}
    for item in items:
        fact: Fact = item.value
        by_place.setdefault(fact.environment, []).append((fact, fact.time or item.time))
    for environment, told in sorted(by_place.items()):
        if environment not in state.bindings:
            continue
        binding = state.binding(environment)
        before = binding.observed
        found = believed(before, told)
        after = fold(binding, found)
        if after is None or after is before:
            continue
        changed = before is None or differs(before, after)
        if changed:
            events.append(Emit(_event(state, environment, after)))
        if changed or any(fact.beat for fact, _ in found):
            timers.append(Arm(timer=f"{TIMER}{environment}", after=SILENT))
        speak = {fact.evidence.cluster for fact, _ in found if changed or fact.beat}
        timers += (
            Arm(timer=f"{TIMER}{environment}@{cluster}", after=SILENT)
            for cluster in binding.clusters
            if cluster in speak
        )
    return Decision(events=tuple(events), timers=tuple(timers))


def believed(
    before: Observed | None, told: Iterable[tuple[Fact, datetime]]
) -> list[tuple[Fact, datetime]]:
    """Return the facts without the simulated ones, where a real cluster has ever been heard.

    It has been heard as well if it speaks for the first time among these facts, in whatever order.
    """
    found = list(told)
    real = before is not None and before.source != SIMULATOR
    if real or any(fact.source != SIMULATOR for fact, _ in found):
        return [(fact, time) for fact, time in found if fact.source != SIMULATOR]
    return found


def fold(binding: Binding, facts: Iterable[tuple[Fact, datetime]]) -> Observed | None:
    """Return what is seen, after some facts in any order; None if nothing ever was.

    If all of them are too late, or not believed, it is the very same as before.

    Of two objects with one name in a cluster the one made later counts (`creationTimestamp`), and
    with equal or unknown times the one with the higher resource version: so a cluster that was made
    anew is believed at once, and what comes late of a former object is nothing. Of one object the
    highest version counts; once told gone it stays gone, and all that had its name before it.
    What was simulated is forgotten when a real cluster is heard.
    """
    found = believed(binding.observed, facts)
    before = binding.observed
    if before is not None and found and before.source == SIMULATOR != found[0][0].source:
        before = None
    kept, found = regions.ours(binding, before.evidence if before is not None else (), found)
    known = {place_of(item): item for item in kept}
    last_ends, _ = regions.ours(binding, before.ended if before is not None else (), ())
    ended = {place_of(item): item for item in last_ends}
    gone = list(before.gone) if before is not None else []
    applied: Applied = before.applied if before is not None else "unknown"
    commit = before.commit if before is not None else ""
    source = before.source if before is not None else None
    newest: datetime | None = before.observed_at if before is not None else None
    heard = False
    for fact, time in sorted(found, key=lambda item: (*_rank(item[0].evidence), item[0].gone)):
        present, last = known.get(fact.key), ended.get(fact.key)
        if fact.evidence.uid in gone or (last is not None and _rank(fact.evidence) < _rank(last)):
            continue
        if present is not None and _is_former(fact, present):
            continue
        newest = time if newest is None else max(newest, time)
        source = fact.source
        if fact.gone:
            known.pop(fact.key, None)
            gone.append(fact.evidence.uid)
            ended.pop(fact.key, None)
            ended[fact.key] = _bare(fact.evidence)
        else:
            known[fact.key] = fact.evidence
        if fact.evidence.kind == KUSTOMIZATION:
            applied = "unknown" if fact.gone or fact.applied is None else fact.applied
            commit = "" if fact.gone else fact.commit
        heard = True
    if source is None or newest is None or not heard:
        return binding.observed
    seen = Observed(
        applied=applied,
        revision="",
        commit=commit,
        health="missing",
        reason="Gone",
        message="",
        evidence=tuple(known.values()),
        gone=tuple(gone[-GONE_MAX:]),
        ended=tuple(ended.values())[-GONE_MAX:],
        source=source,
        observed_at=newest,
    )
    return _condensed(binding, seen)


def _condensed(binding: Binding, seen: Observed) -> Observed:
    """Return what is seen, with the marks that follow from its evidence."""
    found = list(seen.evidence)
    applied, commit = seen.applied, seen.commit
    if binding.clusters:
        applied, commit = regions.together(binding, found)
        found += regions.not_seen(binding, found)
    evidence = _kept(sorted(found, key=_worst_first))
    first = evidence[0] if evidence else None
    return msgspec.structs.replace(
        seen,
        applied=applied,
        revision=_revision(binding, commit),
        commit=commit,
        health=first.status if first is not None else "missing",
        reason=first.reason if first is not None else "Gone",
        message=_message(first),
        evidence=tuple(evidence),
    )


def _rank(item: Evidence) -> tuple[datetime, int, str]:
    return (item.created or _LONG_AGO, item.version, item.uid)


def _is_former(fact: Fact, present: Evidence) -> bool:
    """Return whether a fact says less than what is known under its name."""
    if fact.evidence.uid == present.uid:
        # Its end is its end, whatever version the watch had when it was told.
        return not fact.gone and fact.evidence.version < present.version
    return _rank(fact.evidence) < _rank(present)


def _bare(item: Evidence) -> Evidence:
    return msgspec.structs.replace(item, status="missing", reason="", message="", change="")


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


def _worst_first(item: Evidence) -> tuple[int, int, str, str, str, str]:
    return (-HOW_BAD[item.status], _ABOVE.get(item.kind, 0), *place_of(item))


def _message(first: Evidence | None) -> str:
    if first is None:
        return "nothing of it is left"
    if first.status == "healthy":
        return ""
    where = f" in {first.cluster}" if first.cluster not in {"", first.name} else ""
    return f"{first.kind} {first.name}{where}: {first.message or first.reason}"


def _revision(binding: Binding, commit: str) -> str:
    """Return the change whose commit was applied; empty if it is none that is known."""
    if not commit:
        return ""
    if binding.committed is not None and commit in binding.committed.commits:
        return binding.committed.change
    before = binding.observed
    return before.revision if before is not None and before.commit == commit else ""


def differs(before: Observed, after: Observed) -> bool:
    """Return whether it is worth an event: not for what only grew older, or is worded anew."""
    return before.silent_since is not None or _told(before) != _told(after)


def _told(seen: Observed) -> Any:
    evidence = [
        (
            *place_of(item),
            *(item.status, item.reason, item.uid, item.created, item.change),
            *(item.applied, item.commit),
        )
        for item in seen.evidence
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
        ended=seen.ended,
        source=seen.source,
        observed_at=seen.observed_at,
    )


def named(before: Application, after: Application) -> Iterator[Event]:
    """Tell what is seen anew where a commit that was applied already got its revision meanwhile.

    Whoever shows it knows only what was told.
    """
    for environment, binding in sorted(after.bindings.items()):
        seen = binding.observed
        if seen is not None and seen != before.binding(environment).observed:
            yield from _anew(after, environment, seen, seen.silent_since)


def _anew(
    state: Application, environment: str, seen: Observed, since: datetime | None
) -> Iterator[Event]:
    """Tell what is seen; what was silent as a whole is so still: this is no word of a cluster."""
    yield _event(state, environment, seen)
    if since is not None:
        yield ApplicationSilent(environment=environment, since=since)


# ---- silence


def nobody(_recorded: Recorded) -> Ref | None:
    """Return that no event is heard: this process lives of its timers."""
    return None


def fall_silent(state: Application, given: Recorded | Fired | Answer, context: Context) -> Decision:
    """Say that nothing was heard for too long, once until something is heard again."""
    if not isinstance(given, Fired) or not given.timer.startswith(TIMER):
        return Decision()
    environment, _, cluster = given.timer.removeprefix(TIMER).partition("@")
    binding = state.binding(environment)
    seen = binding.observed
    if seen is None:
        return Decision()
    if cluster:
        return _one_silent(state, environment, seen, cluster, context.now - SILENT)
    if seen.silent_since is not None:
        return Decision()
    since: UtcTime = context.now - SILENT
    return Decision(events=(Emit(ApplicationSilent(environment=environment, since=since)),))


def _one_silent(
    state: Application, environment: str, seen: Observed, cluster: str, since: datetime
) -> Decision:
    """Say that one of several clusters is silent: the others still speak for themselves."""
    binding = state.binding(environment)
    if cluster not in binding.clusters:
        return Decision()
    own, _ = regions.ours(binding, seen.evidence, ())
    quiet = tuple(regions.silenced(own, cluster, since))
    after = _condensed(binding, msgspec.structs.replace(seen, evidence=quiet))
    if _told(seen) == _told(after):
        return Decision()
    told = _anew(state, environment, after, seen.silent_since)
    return Decision(events=tuple(Emit(event) for event in told))
