"""What a change asked for has come true once all of it was seen, and nothing less is enough."""

import msgspec
from tests.support import build
from tests.support.each import each
from tests.support.plans import DIGEST, PROD

from catalyst.contracts.provisioning_values_v1 import Desired, Evidence, Health
from catalyst.provisioning.domain.application import Application, Binding, Committed, Observed
from catalyst.provisioning.domain.fulfilled import is_applied, is_gone, is_seen, unseen

replace = msgspec.structs.replace

SEEN = Observed(
    applied="current",
    revision="ch-1",
    commit="aaa",
    health="healthy",
    reason="",
    message="",
    evidence=(),
    source="cluster",
    observed_at=build.NOW,
)
BINDING = Binding(
    desired=Desired(
        change="ch-1", blueprint="bp-x", origin="public", version="1.0.0", digest=DIGEST
    ),
    committed=Committed(change="ch-1", repository="blog", branch="main", commit="aaa"),
    observed=SEEN,
)


def blog(binding: Binding) -> Application:
    return Application(bindings={PROD: binding})


def test_a_change_has_come_true_where_all_of_it_was_seen() -> None:
    assert is_seen(blog(BINDING), PROD, "ch-1")
    assert is_applied(blog(BINDING), PROD, "ch-1")


@each([
        replace(BINDING, observed=None),
        replace(BINDING, observed=replace(SEEN, silent_since=build.NOW)),
        replace(BINDING, observed=replace(SEEN, revision="ch-0")),
        replace(BINDING, observed=replace(SEEN, revision="")),
        replace(BINDING, observed=replace(SEEN, applied="pending")),
        replace(BINDING, observed=replace(SEEN, applied="unknown")),
        replace(BINDING, observed=replace(SEEN, health="progressing")),
        replace(BINDING, observed=replace(SEEN, health="missing")),
        replace(BINDING, desired=None),
        replace(BINDING, desired=msgspec.structs.replace(BINDING.desired, change="ch-2")),  # type: ignore[type-var]
    ])  # fmt: skip
def test_nothing_less_than_its_own_revision_healthy_is_enough(binding: Binding) -> None:
    assert not is_seen(blog(binding), PROD, "ch-1")


def test_what_is_seen_in_one_environment_says_nothing_of_another() -> None:
    state = blog(BINDING)
    assert not is_seen(state, "acme-dev", "ch-1")
    assert not is_applied(state, "acme-dev", "ch-1")
    assert unseen(state, [PROD, "acme-dev"]) == ("acme-dev",)


@each([
        (replace(BINDING, observed=None), True),
        (replace(BINDING, observed=replace(SEEN, health="degraded", revision="")), True),
        (replace(BINDING, observed=replace(SEEN, silent_since=build.NOW)), False),
        (replace(BINDING, observed=replace(SEEN, commit="bbb")), False),
        (replace(BINDING, observed=replace(SEEN, applied="pending")), False),
        (replace(BINDING, committed=None), False),
        (replace(BINDING, committed=None, observed=None), False),
        (replace(BINDING, committed=Committed(
            change="ch-0", repository="blog", branch="main", commit="aaa")), False),
        (replace(BINDING, observed=None, committed=Committed(
            change="ch-0", repository="blog", branch="main", commit="aaa")), False),
    ])  # fmt: skip
def test_a_commit_is_applied_where_it_was_seen_or_nothing_ever_was(
    binding: Binding,
    applied: bool,  # noqa: FBT001 - drawn from the table
) -> None:
    assert is_applied(blog(binding), PROD, "ch-1") is applied


def item(kind: str, name: str = "x") -> Evidence:
    return Evidence(kind=kind, name=name, status="healthy", uid=f"{kind}/{name}")


def left(*evidence: Evidence, health: Health = "healthy") -> Application:
    """Return an Application of which this is left."""
    return blog(replace(BINDING, observed=replace(SEEN, evidence=evidence, health=health)))


DATA, OTHER = item("PersistentVolumeClaim", "data-0"), item("PersistentVolumeClaim", "old")
SECRET = item("ExternalSecret", "credentials")
LOST = ("data-*", "ExternalSecret/credentials")


@each([
        (left(health="missing"), (), True),
        (left(), (), False),
        (left(item("Pod")), None, False),
        (left(item("Pod")), (), False),
        # What is kept may stay, and does not keep a removal from its end.
        (left(DATA, SECRET), None, True),
        (left(DATA, item("Pod")), None, False),
        # What is given up has to go, and what no plan gave up stays as it was.
        (left(DATA), LOST, False),
        (left(SECRET), LOST, False),
        (left(OTHER), LOST, True),
        (left(OTHER, DATA), LOST, False),
        (left(item("ExternalSecret", "other")), LOST, True),
        (left(item("Secret", "credentials")), LOST, False),
        # A cluster that nothing was seen in is no object of it.
        (left(item("cluster", "hz-fsn-rtz-prod")), None, True),
        (left(item("cluster", "hz-fsn-rtz-prod")), LOST, True),
        (left(item("cluster", "hz-fsn-rtz-prod"), DATA), LOST, False),
        (blog(replace(BINDING, observed=None)), LOST, True),
        (Application(), (), True),
    ])  # fmt: skip
def test_nothing_is_left_once_all_that_had_to_go_is_gone(
    state: Application,
    lost: tuple[str, ...] | None,
    gone: bool,  # noqa: FBT001 - drawn from the table
) -> None:
    assert is_gone(state, PROD, lost) is gone


def test_what_is_silent_is_not_gone() -> None:
    silent = replace(SEEN, health="missing", silent_since=build.NOW)
    assert not is_gone(blog(replace(BINDING, observed=silent)), PROD, None)
