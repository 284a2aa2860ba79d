"""Rows say why what they show does not move, and lead to the cause."""

from datetime import timedelta
from typing import Any

import pytest
from tests.support.log import START
from tests.support.plans import ADMIN, apply, planned, town
from tests.unit.projector.test_changes import advance, rows

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.blocked import Link
from catalyst.contracts.provisioning_values_v1 import Evidence
from catalyst.provisioning.domain.application import application_ref
from catalyst.provisioning.domain.change import change_ref


def links(found: dict[str, Any], kind: str, name: str) -> tuple[Link, ...]:
    row = found[f"{kind} {name}"]
    if kind == "change":
        return tuple(row.blocked_by)
    return tuple(link for one in row.bindings for link in one.blocked_by)


@pytest.mark.guarantee("G13.7")
def test_a_queued_change_leads_to_what_keeps_the_one_before_it() -> None:
    place = town()
    apply(place, "ch-1", planned(place))
    apply(place, "ch-2", planned(place, "configure", values={"a": 1}))
    advance(place, "observe")
    found = rows(place)
    chain = links(found, "change", "ch-2")
    assert [(link.depth, link.code) for link in chain] == [
        *((0, "queued"), (1, "not-seen"), (2, "no-cluster")),
    ]
    assert all(link.since is not None for link in chain)

    seen = app1.ApplicationObserved(
        environment="acme-prod",
        change="ch-1",
        applied="failed",
        health="degraded",
        reason="ImagePullBackOff",
        evidence=(
            Evidence(kind="Pod", name="blog-0", status="degraded", reason="ImagePullBackOff"),
        ),
        source="cluster",
        observed_at=place.now,
    )
    place.log.append((application_ref("acme", "blog"), seen))
    found = rows(place)
    chain = links(found, "change", "ch-2")
    assert [link.code for link in chain] == ["queued", "not-seen", "image-not-pulled"]


def test_a_change_that_is_over_waits_for_nothing() -> None:
    place = town()
    apply(place, "ch-1", planned(place))
    advance(place, "observe")
    place.see("blog", "ch-1")
    place.answer_all()
    found = rows(place)
    assert links(found, "change", "ch-1") == links(found, "application", "blog") == ()

    apply(place, "ch-2", planned(place, "configure", values={"a": 1}), ADMIN)
    place.command(change_ref("acme", "ch-2"), pro1.CancelChange(reason="no"), ADMIN)
    while place.change("ch-2").status != "failed":
        place.answer_all()
    assert links(rows(place), "change", "ch-2") == ()


@pytest.mark.guarantee("G13.10")
def test_what_keeps_a_try_at_a_step_stands_in_the_row_until_the_step_is_done() -> None:
    place = town()
    apply(place, "ch-1", planned(place))
    advance(place, "repository")
    assert [link.code for link in links(rows(place), "change", "ch-1")] == ["git-under-way"]
    place.report("ch-1", "repository", "blog", failed="the Git door is away", goes_on=True)
    row = rows(place)["change ch-1"]
    (link,) = row.blocked_by
    assert link.code == "git-unavailable"
    assert "the Git door is away" in link.message
    (step,) = (one for one in row.steps if one.step == "repository")
    assert (step.status, step.attempt, step.deadline is None) == ("running", 1, False)
    advance(place, "observe")
    (step,) = (one for one in rows(place)["change ch-1"].steps if one.step == "repository")
    assert (step.status, step.reason) == ("done", "")


@pytest.mark.guarantee("G13.7")
def test_what_is_not_taken_over_is_so_since_it_was_asked_for_and_not_since_it_was_seen() -> None:
    place = town()
    apply(place, "ch-1", planned(place))
    advance(place, "observe")
    place.see("blog", "ch-1")
    place.answer_all()
    before = len(place.log)
    apply(place, "ch-2", planned(place, "configure", values={"a": 1}))
    advance(place, "observe", "ch-2")
    link = links(rows(place), "application", "blog")[-1]
    asked = next(
        seq
        for seq, on in enumerate(place.log, 1)
        if seq > before and isinstance(on[1], app1.DesiredSet)
    )
    # The log of these tests goes on by a second with each event.
    assert (link.code, link.since) == ("pending", START + timedelta(seconds=asked))
