"""What Applications and changes say of each other: what keeps one, down to the cause.

Each row's own links come first; below them stands what the rows say to which they lead. A chain
goes through changes that stand together in the queue of an Application, and through the places of
Applications in the Environments that it is about: of those that one of its changes works on, and of
those that Flux waits for before it applies another one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final

import msgspec

from catalyst.contracts import blocked
from catalyst.contracts.blocked import Link
from catalyst.contracts.blocked_application import NEVER_SEEN, NO_CLUSTER
from catalyst.contracts.blocked_chain import BEHIND, FOLLOWED_MAX, causes, needed, tree
from catalyst.contracts.subjects import RowKey
from catalyst.projector.views import health
from catalyst.projector.views.application_document import (
    ApplicationDocument,
    BindingDocument,
    Ground,
    application_key,
    own_links,
    unseen,
)
from catalyst.projector.views.change_document import (
    ChangeDocument,
    change_key,
    concerned,
    in_progress,
)
from catalyst.projector.views.deletion import environment_key
from catalyst.projector.views.environment import EnvironmentDocument
from catalyst.projector.views.tally import Part, Tally
from catalyst.projector.views.view import Look, Related

replace = msgspec.structs.replace
_LEAD: Final = "leads"
"""Code of a link that leads to the change that works on something, and is shown to nobody."""
_UNSEEN: Final = frozenset({NO_CLUSTER, NEVER_SEEN})


def _links_of(
    organization: str,
    environments: Collection[str],
    change: str,
    look: Look,
    links: Sequence[Link] = (),
) -> Callable[[str, str], Sequence[Link]]:
    """Return what tells the own links of a row that a chain leads to, which begins with `links`."""
    followed = {change} - {""}
    wanted = needed(links)

    def links_of(kind: str, name: str) -> Sequence[Link]:
        if kind == "change":
            followed.add(name)
            doc: ChangeDocument | None = look(change_key(organization, name))
            return () if doc is None else blocked.own(doc.blocked_by)
        if kind != "application":
            return ()
        found: ApplicationDocument | None = look(application_key(organization, name))
        if found is None:
            return ()
        if name not in wanted and followed.isdisjoint(item.change for item in found.queue):
            return ()
        here = (one for one in found.bindings if one.environment in environments)
        below = [link for one in here for link in blocked.own(one.blocked_by)]
        wanted.update(needed(below))
        return below

    return links_of


# ---- changes


def _change(doc: ChangeDocument, look: Look, _tally: Tally) -> ChangeDocument:
    chain = own = blocked.own(doc.blocked_by)
    if own:
        links_of = _links_of(doc.organization, concerned(doc), doc.change, look)
        chain = tree(own, links_of, start=("change", doc.change))
    step = in_progress(doc)
    cause = (causes(chain) or chain[-1:])[0].message if chain and step is not None else ""
    steps = tuple(
        one if one.cause == (now := cause if one is step else "") else replace(one, cause=now)
        for one in doc.steps
    )
    return replace(doc, blocked_by=chain, steps=steps)


def _bare_change(doc: ChangeDocument) -> ChangeDocument:
    steps = tuple(replace(one, cause="") for one in doc.steps)
    return replace(doc, blocked_by=blocked.own(doc.blocked_by), steps=steps)


def _change_touches(
    before: ChangeDocument | None, after: ChangeDocument | None, look: Look
) -> Iterable[RowKey]:
    """Yield the Applications whose queue it stands in, and the changes that stand there with it."""
    doc = after or before
    if doc is None or (before is not None and after is not None and before == after):
        return
    names = {item.application for item in doc.lock} | {doc.request.application or ""}
    # Who looks at it is led to what it says itself, and through the first of a queue on from there.
    same = on = False
    if before is not None and after is not None:
        same, on = _own(before) == _own(after), before.blocked_by != after.blocked_by
    others: set[str] = set()
    for name in sorted(names - {""}):
        place = application_key(doc.organization, name)
        found: ApplicationDocument | None = look(place)
        queued = [] if found is None else [item.change for item in found.queue]
        if doc.change in queued:
            if not same or (on and queued[0] == doc.change):
                others.update(queued)
            yield place
    yield from (change_key(doc.organization, other) for other in sorted(others - {doc.change}))


def _own(doc: ChangeDocument) -> tuple[Link, ...]:
    """Return all that another change says of a change."""
    return blocked.own(doc.blocked_by)


CHANGE = Related(make=_change, bare=_bare_change, touches=_change_touches)


# ---- Applications


def _application(doc: ApplicationDocument, look: Look, _tally: Tally) -> ApplicationDocument:
    return replace(doc, bindings=tuple(_place(doc, one, look) for one in doc.bindings))


def _place(doc: ApplicationDocument, one: BindingDocument, look: Look) -> BindingDocument:
    one = _beside(doc, one, _cluster(doc, one, look))
    changes = [
        None if name is None else look(change_key(doc.organization, name))
        for name in (one.change.change if one.change else None, one.gate.change or None)
    ]
    working, waiting = changes
    flight, gate = one.change, one.gate
    if flight is not None:
        grounds = () if working is None else _steps(working)
        flight = replace(flight, revision=one.applied.revision, evidence=grounds)
    if not gate.open:
        grounds = () if waiting is None else _gates(waiting)
        gate = replace(gate, revision=one.applied.revision, evidence=grounds)
    return replace(one, change=flight, gate=gate, blocked_by=_chain(doc, one, look))


def _cluster(doc: ApplicationDocument, one: BindingDocument, look: Look) -> str:
    """Return who has ever told anything of the Environment that has admitted it."""
    place: EnvironmentDocument | None = look(environment_key(doc.organization, one.environment))
    if place is None or place.cluster is None or not place.admits(doc.name):
        return ""
    return place.cluster.source


def _beside(doc: ApplicationDocument, one: BindingDocument, cluster: str) -> BindingDocument:
    """Return a place with what follows from who tells of its Environment, if that is another."""
    own = blocked.own(one.blocked_by)
    if one.cluster == cluster:
        return replace(one, blocked_by=own)
    one = replace(one, cluster=cluster)
    if one.health.as_of is not None:
        return replace(one, blocked_by=own)
    applied, well = (
        replace(unseen(cluster), since=mark.since) if mark.reason in _UNSEEN else mark
        for mark in (one.applied, one.health)
    )
    one = replace(one, applied=applied, health=well)
    since = {_same(link): link.since for link in own}
    made = (replace(link, since=since.get(_same(link))) for link in own_links(doc, one))
    return replace(one, blocked_by=tuple(made))


def _same(link: Link) -> tuple[str, str, str]:
    return (link.kind, link.name, NO_CLUSTER if link.code in _UNSEEN else link.code)


def _chain(doc: ApplicationDocument, one: BindingDocument, look: Look) -> tuple[Link, ...]:
    """Return why it is not as it is to be, with what the change waits for that works on it."""
    own = one.blocked_by
    if not own and one.change is None:
        return ()
    links_of = _links_of(doc.organization, {one.environment}, "", look, own)
    name = one.change.change if one.change is not None else ""
    added = name and not any((link.kind, link.name) == ("change", name) for link in own)
    led = [link for link in own if link.code != BEHIND]
    if added:
        led.append(Link(kind="change", name=name, code=_LEAD, message="", who="", what_to_do=""))
    led += (link for link in own if link.code == BEHIND)
    found = tree(led, links_of, start=("application", doc.name))
    return tuple(link for link in found if link.code != _LEAD)


def _steps(doc: ChangeDocument) -> tuple[Ground, ...]:
    return tuple(
        Ground(
            kind="step",
            name=one.step,
            status=one.status,
            message=one.reason or one.cause or one.detail,
            since=one.began,
        )
        for one in reversed(doc.steps)
        if one.status != "pending"
    )


def _gates(doc: ChangeDocument) -> tuple[Ground, ...]:
    found: list[Ground] = []
    if "queue" in doc.waits_for:
        found += (Ground(kind="change", name=name, status="ahead") for name in doc.behind)
    if "approvals" in doc.waits_for:
        for item in doc.missing:
            word = "approval" if item.quorum == 1 else "approvals"
            found.append(
                Ground(
                    kind="approval",
                    name=item.team or "anyone but the author",
                    status="missing",
                    message=f"{item.quorum} {word} missing",
                    since=doc.opened,
                )
            )
    if "window" in doc.waits_for:
        until = "" if doc.opens is None else f"until {doc.opens:%Y-%m-%d %H:%M} UTC"
        found.append(Ground(kind="window", name=doc.environment, status="closed", message=until))
    found += (
        Ground(
            kind="approval",
            name=one.email or one.by,
            status="given",
            message=one.comment,
            since=one.time,
        )
        for one in doc.approved
    )
    return tuple(found)


def _bare_application(doc: ApplicationDocument) -> ApplicationDocument:
    return replace(doc, bindings=tuple(_bare_place(doc, one) for one in doc.bindings))


def _bare_place(doc: ApplicationDocument, one: BindingDocument) -> BindingDocument:
    one = _beside(doc, one, "")
    flight, gate = one.change, replace(one.gate, revision="", evidence=())
    if flight is not None:
        flight = replace(flight, revision="", evidence=())
    return replace(one, change=flight, gate=gate)


def _application_touches(
    before: ApplicationDocument | None, after: ApplicationDocument | None, look: Look
) -> Iterable[RowKey]:
    """Yield the Environments that are as it is, and the changes that lead to it."""
    doc = after or before
    if doc is None:
        return
    both = [one for one in (before, after) if one is not None]
    names = dict.fromkeys(one.environment for each in both for one in each.bindings)
    for name in names:
        old, now = health.part_of(before, name), health.part_of(after, name)
        if old == now or (old and now and old.health == now.health and old.as_of and now.as_of):
            continue
        key = environment_key(doc.organization, name)
        place = look(key)
        if place is not None and _moves(doc.name, place, now):
            yield key
    if before is not None and after is not None and _same_to_changes(before, after):
        return
    changes = dict.fromkeys(item.change for each in both for item in each.queue)
    for user in _waiting(doc.organization, doc.name, set(names), look):
        changes |= dict.fromkeys(item.change for item in user.queue)
        yield application_key(doc.organization, user.name)
    yield from (change_key(doc.organization, change) for change in changes)


def _waiting(
    organization: str, name: str, environments: Collection[str], look: Look
) -> list[ApplicationDocument]:
    """Return the Applications that say they wait for one in an Environment, through others too.

    However many they are: only from farther away than a chain goes none leads here.
    """
    found: dict[str, ApplicationDocument] = {}
    ahead = [name]
    for _ in range(FOLLOWED_MAX):
        before, ahead = ahead, []
        for behind in before:
            doc: ApplicationDocument | None = look(application_key(organization, behind))
            here = [one for one in doc.bindings if one.environment in environments] if doc else []
            for other in dict.fromkeys(user for one in here for user in one.dependents):
                user: ApplicationDocument | None = look(application_key(organization, other))
                if user is None or other == name or other in found:
                    continue
                links = [link for one in user.bindings for link in blocked.own(one.blocked_by)]
                if behind in needed(links):
                    found[other] = user
                    ahead.append(other)
    return list(found.values())


def _moves(name: str, place: EnvironmentDocument, now: Part | None) -> bool:
    """Return whether an Environment may be another one once an Application is as it is now."""
    if health.matters(place.health, name, None if now is None else now.health):
        return True
    if now is None or now.as_of is None or not health.waits(place.cluster):
        return False
    return place.cluster is None or now.real


def _adds(doc: ApplicationDocument) -> Iterable[tuple[RowKey, str, Part | None]]:
    for one in doc.bindings:
        key = environment_key(doc.organization, one.environment)
        yield key, doc.name, health.part_of(doc, one.environment)


def _same_to_changes(before: ApplicationDocument, after: ApplicationDocument) -> bool:
    links = [[blocked.own(one.blocked_by) for one in doc.bindings] for doc in (before, after)]
    return before.queue == after.queue and links[0] == links[1]


APPLICATION = Related(
    make=_application, bare=_bare_application, adds=_adds, touches=_application_touches
)
