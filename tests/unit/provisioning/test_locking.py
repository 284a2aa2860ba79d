"""The lock of a plan is made whole: what is used beside it, and what gets another version."""

from collections.abc import Mapping
from typing import Any

import msgspec
from tests.support import build
from tests.support.each import each
from tests.support.plans import DIGEST, PROD, locked

from catalyst.contracts.message import FieldError
from catalyst.contracts.provisioning_values_v1 import Action, Desired, Locked, PlanRequest
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.domain import foreign, locking
from catalyst.provisioning.domain.application import Application, Binding, Queued
from catalyst.provisioning.domain.facts import Facts
from catalyst.provisioning.domain.writing_plan import kept_values, to_solve

replace = msgspec.structs.replace
OTHER = "sha256:" + "1" * 64


def runs(version: str = "1.0.0", digest: str = DIGEST, **needs: str) -> Desired:
    """Return what runs."""
    return Desired(
        change="ch-0",
        blueprint="bp-x",
        origin="public",
        version=version,
        digest=digest,
        dependencies=needs,
    )


def facts(running: Mapping[str, Desired], queues: Mapping[str, Any] | None = None) -> Facts:
    """Return facts of an Environment in which these run."""
    applications = {
        name: Application(bindings={PROD: Binding(desired=one)}, queue=(queues or {}).get(name, ()))
        for name, one in running.items()
    }
    return Facts(
        name="acme",
        now=build.NOW,
        organization=foreign.Organization(),
        environments={PROD: foreign.Environment(exists=True)},
        applications=applications,
        git_url="https://git.example",
        currency="OMR",
    )


def told(lock: tuple[Locked, ...]) -> list[tuple[str, str]]:
    return [(one.application, one.role) for one in lock]


@each([
        # As the catalogue says; but what it shares in another version gets that.
        ("shared", DIGEST, "shared"),
        ("shared", OTHER, "upgraded"),
        ("upgraded", OTHER, "upgraded"),
        ("new", OTHER, "new"),
        ("target", OTHER, "target"),
    ])  # fmt: skip
def test_what_is_shared_and_gets_another_version_is_upgraded(
    role: str, digest: str, wanted: str
) -> None:
    known = facts({"store": runs()})
    lock = (replace(locked("store", role), digest=digest), locked("blog", database="store"))
    assert told(locking.complete(lock, known)) == [("store", wanted), ("blog", "target")]


def test_what_is_used_or_was_used_stands_in_the_lock_once_before_who_uses_it() -> None:
    known = facts({
        "blog": runs(database="old-store", cache="cache"),
        "old-store": runs("2.0.0", OTHER, disk="disk"),
        "store": runs(),
        "cache": runs("3.0.0"),
        "aside": runs(),
    })  # fmt: skip
    lock = (locked("blog", database="store", cache="cache", gone="nowhere"),)
    found = locking.complete(lock, known)
    assert told(found) == [
        *(("store", "shared"), ("old-store", "shared"), ("cache", "shared"), ("blog", "target")),
    ]
    assert found[1] == Locked(
        application="old-store",
        environment=PROD,
        blueprint="bp-x",
        origin="public",
        version="2.0.0",
        digest=OTHER,
        role="shared",
        dependencies={"disk": "disk"},
    )
    assert locking.complete(found, known) == found


def test_what_will_run_is_used_and_not_what_runs_now() -> None:
    waiting = Queued(change="ch-1", environment=PROD, action="upgrade", desired=runs("2.0.0"))
    going = Queued(change="ch-2", environment=PROD, action="uninstall")
    elsewhere = Queued(change="ch-3", environment="acme-dev", action="uninstall")
    known = facts(
        {"store": runs(), "cache": runs(), "disk": runs()},
        {"store": (waiting,), "cache": (going,), "disk": (elsewhere,)},
    )
    lock = (locked("blog", database="store", cache="cache", disk="disk"),)
    found = locking.complete(lock, known)
    assert [(one.application, one.version) for one in found] == [
        *(("store", "2.0.0"), ("disk", "1.0.0"), ("blog", "1.0.0")),
    ]


@each([
        ("rollback", OTHER, "then"),
        ("rollback", "sha256:" + "2" * 64, "now"),
        ("upgrade", OTHER, "now"),
    ])  # fmt: skip
def test_what_goes_back_has_what_was_chosen_for_it_and_what_goes_on_keeps_what_it_has(
    action: Action, digest: str, wanted: str
) -> None:
    now, then, first = (
        replace(runs(digest=one), values={"level": level})
        for one, level in ((DIGEST, "now"), (OTHER, "then"), (OTHER, "first"))
    )
    known = facts({"store": now})
    binding = Binding(desired=now, history=(first, then, now))
    known = replace(known, applications={"store": Application(bindings={PROD: binding})})
    request = PlanRequest(action=action, environment=PROD, application="blog")
    item = replace(locked("store", "upgraded"), digest=digest)
    assert kept_values(request, known, item, now) == {"level": wanted}


def test_a_refusal_of_the_catalogue_is_told_at_the_field_that_was_asked() -> None:
    places = ("/config/size", "/config", "/dependencies/db", "/configuration", "/blueprint")
    errors = [FieldError(pointer=one, rule="values-invalid", message="no") for one in places]
    found = locking.refused(Rejected("values-invalid", "no", errors, wait_seconds=3))
    assert [one.pointer for one in found.errors] == [
        *("/request/values/size", "/request/values", "/request/dependencies/db"),
        *("/configuration", "/blueprint"),
    ]
    assert (found.code, found.message, found.wait_seconds) == ("values-invalid", "no", 3)


def test_the_catalogue_is_asked_of_aliases_alone_and_not_of_what_values_name() -> None:
    base = replace(runs(), dependencies={"db": "store", "/near/0": "blog"})
    asked = PlanRequest(
        action="rollback", environment=PROD, application="x", dependencies={"cache": "new"}
    )
    assert to_solve(asked, base)["dependencies"] == {"db": "store", "cache": "new"}
