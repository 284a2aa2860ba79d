"""Organizations whose rows say something of each other, and what holds it against what they say."""

from collections.abc import Sequence
from typing import Any

import msgspec
from tests.support import log as writing
from tests.support.log import START, On
from tests.support.plans import PROD
from tests.unit.projector.test_fold import recorded

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.provisioning_values_v1 import Desired, Evidence, Source
from catalyst.contracts.subjects import Ref, RowKey
from catalyst.projector.fold import Fold
from catalyst.projector.ports import LogMessage
from catalyst.projector.replay import reference
from catalyst.projector.views.table import VIEWS
from catalyst.projector.views.tally import Tally
from catalyst.provisioning.domain.application import application_ref

POD = Evidence(
    kind="Pod", name="blog-0", status="degraded", reason="CrashLoopBackOff", message="exit 1"
)


def disagreeing(fold: Fold) -> list[str]:
    """Return the rows that say something else of others than those do themselves."""

    def look(place: RowKey) -> Any:
        row = fold.rows.get(place.encode())
        return None if row is None else row.value.doc

    found = []
    for key, row in fold.rows.items():
        doc, related = row.value.doc, row.view.related
        if doc is not None and related is not None and related.make(doc, look, Tally()) != doc:
            found.append(key)
    return found


Alone = dict[str, tuple[tuple[str, ...], int, Fold]]
"""By row: whose events make it, how many messages were looked at, and what these made."""


def unlike_alone(
    fold: Fold, messages: Sequence[LogMessage], known: Alone | None = None
) -> list[str]:
    """Return the rows that are not what their own events make, but for what others say.

    Args:
        fold: Of all messages.
        messages: From the first on.
        known: What was found of fewer of the same messages, which goes on from there.
    """
    known = {} if known is None else known
    found = []
    for key, row in fold.rows.items():
        related, ref = row.view.related, reference(RowKey.decode(key))
        if related is None or ref is None or row.value.doc is None:
            continue
        told = row.view.told_by(row.value.doc) if row.view.told_by is not None else ()
        paths = tuple(f"evt.{one.path}." for one in (ref, *told))
        were, looked_at, alone = known.get(key, ((), 0, None))
        if alone is None or were != paths:
            looked_at, alone = 0, Fold(VIEWS)
        for message in messages[looked_at:]:
            if message.subject.startswith(paths):
                alone.apply([message])
        known[key] = paths, len(messages), alone
        one = alone.rows[key].value
        same = msgspec.structs.replace(row.value, doc=related.bare(row.value.doc))
        if msgspec.structs.replace(one, doc=related.bare(one.doc)) != same:
            found.append(key)
    return found


def made(*environments: str) -> list[On]:
    """Return `acme` with Environments in which nothing runs."""
    found: list[On] = [writing.created("acme")]
    for name in environments:
        found += [
            (
                writing.environment("acme", name),
                env1.EnvironmentCreated(
                    environment=name,
                    organization="acme",
                    env_type="prod",
                    placement="single-region",
                    regions=(),
                    branch="main",
                ),
            ),
            (writing.organization("acme"), env1.EnvironmentAdded(slug="acme", environment=name)),
        ]
    return found


def home(name: str = PROD) -> Ref:
    return writing.environment("acme", name)


def admitted(application: str, environment: str = PROD) -> On:
    return home(environment), env1.ApplicationAdmitted(
        environment=environment, application=application
    )


def wanted(application: str, environment: str = PROD) -> list[On]:
    """Let an Application be admitted, and be to run."""
    ref = application_ref("acme", application)
    desired = Desired(
        change="ch-1", blueprint="bp-x", origin="public", version="1.0.0", digest="sha256:0"
    )
    return [
        admitted(application, environment),
        (
            ref,
            app1.ChangeWaiting(environment=environment, change="ch-1", action="install", gates=()),
        ),
        (ref, app1.DesiredSet(environment=environment, change="ch-1", desired=desired)),
        (ref, app1.ChangeLeft(environment=environment, change="ch-1", result="completed")),
    ]


def seen(
    application: str,
    health: str,
    environment: str = PROD,
    source: Source = "cluster",
    *evidence: Evidence,
    **more: Any,
) -> On:
    return application_ref("acme", application), app1.ApplicationObserved(
        environment=environment,
        applied=more.get("applied", "current"),
        revision="ch-1",
        health=health,  # type: ignore[arg-type]
        reason=evidence[0].reason if evidence else "",
        evidence=evidence,
        source=source,
        observed_at=START,
    )


def doc(fold: Fold, kind: str, name: str) -> Any:
    place = name if kind == "environment" else "_"
    return fold.rows[f"acme.{place}.{kind}._.{name}"].value.doc


def told(given: Sequence[On]) -> Fold:
    fold = Fold(VIEWS)
    messages = recorded(*given)
    for message in messages:
        fold.apply([message])
        assert disagreeing(fold) == []
    assert unlike_alone(fold, messages) == []
    assert all(row.value.stale is None for row in fold.rows.values())
    return fold


def place_of(fold: Fold, application: str, environment: str = PROD) -> Any:
    found = doc(fold, "application", application).bindings
    return next(one for one in found if one.environment == environment)


def silent(application: str, environment: str) -> list[On]:
    ref = application_ref("acme", application)
    return [(ref, app1.ApplicationSilent(environment=environment, since=START))]


def removed(application: str, environment: str) -> list[On]:
    ref = application_ref("acme", application)
    return [
        (ref, app1.ApplicationRemoved(environment=environment, change="ch-1", kept_data=False)),
        (
            home(environment),
            env1.ApplicationReleased(environment=environment, application=application),
        ),
    ]
