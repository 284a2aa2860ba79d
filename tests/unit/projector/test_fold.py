"""The fold: rows from events, frozen rows for bad ones, and the same bytes every time."""

import dataclasses
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from tests.support import log as writing
from tests.support.each import each
from tests.support.log import START, On

from catalyst.contracts import environment_v1 as env
from catalyst.contracts import environment_v2 as env2
from catalyst.contracts import registry, runtime_v1
from catalyst.contracts.message import Event
from catalyst.projector import row as rows
from catalyst.projector.fold import Changes, Fold, Gone, Row
from catalyst.projector.ports import LogMessage
from catalyst.projector.views import view as views
from catalyst.projector.views.table import VIEWS

ACME = "acme._.organization._.acme"


def recorded(*events: On, start: int = 1) -> list[LogMessage]:
    """Events as they stand in the log, from sequence `start` on."""
    found = []
    for seq, on in enumerate(events, start):
        sent = writing.message(on, f"c-{seq}", 0, START + timedelta(seconds=seq))
        found.append(
            LogMessage(
                seq=seq,
                subject=sent.subject,
                time_ns=seq * 1_000_000_000,
                batch=None,
                commit=False,
                data=sent.data,
            )
        )
    return found


def folded(messages: Iterable[LogMessage], fold: Fold | None = None) -> Fold:
    found = fold or Fold(VIEWS)
    for message in messages:
        found.apply([message])
    return found


def values(fold: Fold) -> dict[str, bytes]:
    return {key: row.raw for key, row in fold.rows.items()}


def doc(fold: Fold, key: str = ACME) -> Any:
    return fold.rows[key].value.doc


def parked(reason: str = "bug", number: int = 1) -> On:
    return writing.organization("acme"), runtime_v1.Parked(
        subject=f"dlq.acme.environment.organization.acme.c{number}",
        message_id=f"c-{number}",
        message_type="environment.update-organization.v1",
        reason=reason,
    )


def unparked(number: int = 1) -> On:
    return writing.organization("acme"), runtime_v1.Unparked(
        subject=f"dlq.acme.environment.organization.acme.c{number}",
        message_id=f"c-{number}",
        how="retried",
    )


def test_a_row_says_where_it_comes_from() -> None:
    value = folded(recorded(writing.created("acme"))).rows[ACME].value
    assert (value.seq, value.command, value.cause, value.actor) == (
        1,
        "c-1",
        "c-1",
        "user:test#ann",
    )
    assert value.time == START + timedelta(seconds=1)
    assert value.stale is None


def test_an_organization_follows_its_events() -> None:
    fold = folded(
        recorded(
            writing.created("acme"),
            writing.renamed("acme", "Acme Limited", tier="corporate"),
            (writing.organization("acme"), env.OrganizationReady(slug="acme")),
            (
                writing.organization("acme"),
                env.OrganizationSuspended(slug="acme", reason="unpaid"),
            ),
            (writing.organization("acme"), env.EnvironmentAdded(slug="acme", environment="acme-b")),
            (writing.organization("acme"), env.EnvironmentAdded(slug="acme", environment="acme-a")),
            (
                writing.organization("acme"),
                env.ManifestCommitted(path="organization.yaml", commit="abc", event_seq=2),
            ),
        )
    )
    found = doc(fold)
    assert (found.display_name, found.tier, found.phase) == ("Acme Limited", "corporate", "ready")
    assert (found.suspended.reason, found.suspended.since) == (
        "unpaid",
        START + timedelta(seconds=4),
    )
    assert found.environments == ("acme-a", "acme-b")
    assert (found.git.commit, found.git.event_seq) == ("abc", 2)


def test_a_deleted_organization_takes_its_rows_along() -> None:
    fold = folded(
        recorded(
            writing.created("acme"),
            *writing.environment_created("acme"),
            (writing.policy("acme", "strict"), env2.PolicyDefined(policy="strict")),
            (writing.organization("acme"), env.PolicyAdded(slug="acme", policy="strict")),
            (
                writing.onboarding("acme"),
                env.OnboardingStarted(slug="acme", steps=("git-home",), started_by="e"),
            ),
            writing.created("other"),
        )
    )
    changes = fold.apply(recorded(writing.deleted("acme"), start=9))
    assert list(fold.rows) == ["other._.organization._.other"]
    assert all(isinstance(change, Gone) for change in changes.values())
    assert len(changes) == 4
    marker = msgspec.json.decode(changes[ACME].raw)
    assert (marker["seq"], marker["command"], marker["doc"]) == (9, "c-9", None)


def test_a_report_about_a_deleted_thing_changes_nothing() -> None:
    fold = folded(recorded(writing.created("acme"), writing.deleted("acme")))
    late = (
        writing.organization("acme"),
        env.ManifestCommitted(path="organization.yaml", commit="abc", event_seq=1),
    )
    assert fold.apply(recorded(late, start=3)) == {}
    assert fold.rows == {}


def test_an_environment_created_again_is_a_new_row() -> None:
    name = "acme-prod"
    made, _ = writing.environment_created("acme")
    fold = folded(
        recorded(
            made,
            (
                writing.environment("acme", name),
                env.ApplicationAdmitted(environment=name, application="shop"),
            ),
            (
                writing.environment("acme", name),
                env.EnvironmentDeleted(environment=name, organization="acme"),
            ),
            made,
        )
    )
    found = doc(fold, "acme.acme-prod.environment._.acme-prod")
    assert found.applications == ()
    assert found.created == START + timedelta(seconds=4)
    assert found.subject_prefix == "ws.acme-prod."


def test_an_older_event_is_read_as_the_newest_version() -> None:
    old = (writing.policy("acme", "strict"), env.PolicyDefined(policy="strict", soak_hours=2))
    fold = folded(recorded(old))
    assert doc(fold, "acme._.policy._.strict").soak_minutes == 120


def test_an_onboarding_shows_its_steps() -> None:
    on = writing.onboarding("acme")
    deadline = START + timedelta(minutes=5)
    fold = folded(
        recorded(
            (
                on,
                env.OnboardingStarted(slug="acme", steps=("git-home", "ready"), started_by="e"),
            ),
            (
                on,
                env.StepStarted(
                    slug="acme", step="git-home", attempt=1, gen="g", deadline=deadline
                ),
            ),
            (on, env.StepFailed(slug="acme", step="git-home", attempt=1, reason="disk full")),
            (
                on,
                env.StepStarted(
                    slug="acme", step="git-home", attempt=2, gen="h", deadline=deadline
                ),
            ),
        )
    )
    found = doc(fold, "acme._.onboarding._.acme")
    assert found.status == "running"
    first, second = found.steps
    assert (first.status, first.attempt, first.reason, first.deadline) == (
        "running",
        2,
        "disk full",
        deadline,
    )
    assert second.status == "pending"


def test_a_restarted_onboarding_shows_its_run_and_what_is_left_to_do() -> None:
    on, owner = writing.onboarding("acme"), writing.organization("acme")
    steps: tuple[env.Step, ...] = ("git-home", "ready")
    before = (
        writing.created("acme"),
        (on, env.OnboardingStarted(slug="acme", steps=steps, started_by="e")),
        (on, env.StepCompleted(slug="acme", step="git-home", detail="made")),
        (on, env.StepFailed(slug="acme", step="ready", attempt=3, reason="no answer")),
        (on, env.OnboardingFailed(slug="acme", step="ready", reason="no answer")),
        (owner, env.OrganizationFailed(slug="acme", step="ready", reason="no answer")),
    )
    again = env.OnboardingStarted(
        slug="acme", steps=steps, started_by="c", run=2, done=("git-home",)
    )
    fold = folded(
        recorded(*before, (on, again), (owner, env.OnboardingRestarted(slug="acme", run=2)))
    )
    found = doc(fold, "acme._.onboarding._.acme")
    assert (found.status, found.run, found.reason, found.finished) == ("running", 2, "", None)
    assert [(item.status, item.detail, item.reason) for item in found.steps] == [
        ("done", "made", ""),
        ("pending", "", ""),
    ]
    shown = doc(fold, "acme._.organization._.acme")
    assert (shown.phase, shown.failure) == ("onboarding", None)


def test_a_parked_message_shows_in_the_row_until_it_is_not_parked_any_more() -> None:
    fold = folded(recorded(writing.created("acme"), parked("bug"), parked("behind", 2)))
    stale = fold.rows[ACME].value.stale
    assert stale is not None
    assert (stale.since, stale.code, stale.count) == (START + timedelta(seconds=2), "bug", 2)
    folded(recorded(unparked(1), start=4), fold)
    assert fold.rows[ACME].value.stale is not None
    folded(recorded(unparked(2), start=5), fold)
    assert fold.rows[ACME].value.stale is None
    assert doc(fold).display_name == "Acme"


def test_what_was_parked_before_there_was_a_row_is_a_row_without_a_document() -> None:
    fold = folded(recorded(parked()))
    assert doc(fold) is None
    assert fold.rows[ACME].value.stale is not None
    changes = fold.apply(recorded(unparked(), start=2))
    assert isinstance(changes[ACME], Gone)


def poison(seq: int, subject: str, data: bytes) -> LogMessage:
    return LogMessage(seq=seq, subject=subject, time_ns=seq, batch=None, commit=False, data=data)


@each(
    [
        ("organization-exploded.v1", b'{"id":"e","data":{}}', rows.UNKNOWN_EVENT),
        ("organization-updated.v9", b'{"id":"e","data":{}}', rows.UNKNOWN_EVENT),
        ("organization-updated.v1", b"not json", rows.UNREADABLE_EVENT),
        ("organization-updated.v1", b'{"id":"e","data":{"slug":1}}', rows.UNREADABLE_EVENT),
        ("organization-updated.v1", b'{"id":"e","data":\xff}', rows.UNREADABLE_EVENT),
    ]
)
def test_a_bad_event_freezes_the_rows_of_its_aggregate_and_no_other(
    subject: str, data: bytes, code: str
) -> None:
    fold = folded(recorded(writing.created("acme"), writing.created("other")))
    before = fold.rows[ACME].value
    fold.apply([poison(3, f"evt.acme.environment.organization.acme.{subject}", data)])
    fold.apply(recorded(writing.renamed("acme", "Never shown"), start=4))
    fold.apply(recorded(writing.renamed("other", "Other Limited"), start=5))
    after = fold.rows[ACME].value
    assert after.doc == before.doc
    assert (after.seq, after.event) == (before.seq, before.event)
    assert after.stale is not None
    assert (after.stale.code, after.stale.count) == (code, 2)
    assert doc(fold, "other._.organization._.other").display_name == "Other Limited"


def test_a_view_that_fails_freezes_its_row() -> None:
    broken = VIEWS[0]

    def fail(*_: object) -> None:
        raise RuntimeError("a bug in a view")

    folds: dict[type[Event], views.Fold] = {**broken.folds, env.OrganizationUpdated: fail}
    fold = folded(
        recorded(writing.created("acme"), writing.renamed("acme", "Never")),
        Fold([dataclasses.replace(broken, folds=folds)]),
    )
    stale = fold.rows[ACME].value.stale
    assert stale is not None
    assert (stale.code, stale.since) == (rows.UNFOLDABLE_EVENT, START + timedelta(seconds=2))
    assert doc(fold).display_name == "Acme"


def test_an_aggregate_that_begins_with_a_bad_event_is_visible() -> None:
    fold = Fold(VIEWS)
    fold.apply([poison(1, "evt.acme.environment.organization.acme.nonsense.v1", b'{"data":{}}')])
    assert doc(fold) is None
    assert fold.rows[ACME].value.stale is not None


def test_events_of_other_services_are_not_ours() -> None:
    fold = Fold(VIEWS)
    assert fold.apply([poison(1, "evt.acme.nobody.account.acme.opened.v1", b"{}")]) == {}
    assert fold.apply([poison(2, "evt.=.environment.organization.x.opened", b"{}")]) == {}


def test_every_event_of_the_registry_has_its_place_in_a_view() -> None:
    for view in VIEWS:
        known = {*view.folds, *view.ignores, runtime_v1.Parked, runtime_v1.Unparked}
        for message in registry.EVENTS.values():
            if message.service == view.service and view.aggregate in message.aggregates:
                newest = message.shape
                if newest is env.PolicyDefined:
                    newest = env2.PolicyDefined
                assert newest in known, f"{view.kind}: {message.type}"


_CHOICES: Sequence[On] = (
    writing.created("acme"),
    writing.created("beta"),
    writing.renamed("acme", "Acme Limited"),
    writing.owned("acme", ("bob@example.org", "viewer")),
    *writing.environment_created("acme"),
    (
        writing.environment("acme", "acme-prod"),
        env.EnvironmentDeleted(environment="acme-prod", organization="acme"),
    ),
    (writing.policy("acme", "p"), env2.PolicyDefined(policy="p", modes={"b": "enforcing"})),
    (writing.organization("acme"), env.PolicyAdded(slug="acme", policy="p")),
    parked(),
    unparked(),
    writing.deleted("acme"),
)


@given(st.lists(st.sampled_from(_CHOICES), max_size=30), st.data())
def test_a_fold_continued_from_stored_rows_gives_the_same_bytes(
    events: list[On], data: st.DataObject
) -> None:
    messages = recorded(*events)
    whole = folded(messages)
    cut = data.draw(st.integers(0, len(messages)))
    half = folded(messages[:cut])
    continued = folded(messages[cut:], Fold(VIEWS, values(half)))
    assert values(continued) == values(whole)


@given(st.lists(st.sampled_from(_CHOICES), max_size=20), st.data())
def test_changes_are_all_that_changes(events: list[On], data: st.DataObject) -> None:
    fold = Fold(VIEWS)
    kept: dict[str, bytes] = {}
    messages = recorded(*events)
    while messages:
        size = data.draw(st.integers(1, len(messages)))
        changes: Changes = fold.apply(messages[:size])
        messages = messages[size:]
        for key, change in changes.items():
            if isinstance(change, Row):
                kept[key] = change.raw
            else:
                kept.pop(key, None)
    assert kept == values(fold)


@given(st.permutations(_CHOICES))
def test_folding_is_total_over_any_order(events: Sequence[On]) -> None:
    fold = folded(recorded(*events))
    for row in fold.rows.values():
        stale = row.value.stale
        assert stale is None or stale.code not in rows.FROZEN
