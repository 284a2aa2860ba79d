"""What each step of a change works on, as data."""

from typing import Any

from msgspec.structs import replace
from tests.support.each import each

from catalyst.contracts.provisioning_v1 import ChangeOpened
from catalyst.contracts.provisioning_values_v1 import Locked, PlanRequest, Step
from catalyst.provisioning.domain.steps import WHOLE, Unit, is_new, subscription, units

PROD, DEV = "acme-prod", "acme-dev"


def locked(application: str, role: Any, environment: str = PROD) -> Locked:
    """Return an entry of a lock."""
    return Locked(
        application=application,
        environment=environment,
        blueprint="bp-x",
        origin="public",
        version="1.0.0",
        digest="sha256:1",
        role=role,
    )


LOCK = (
    locked("db", "new"),
    locked("cache", "shared"),
    locked("store", "upgraded"),
    locked("wiki", "target"),
)


def opened(action: Any, lock: tuple[Locked, ...] = LOCK, **more: Any) -> ChangeOpened:
    """Return a change."""
    return ChangeOpened(
        request=PlanRequest(action=action, environment=PROD, application="wiki"),
        hash="0",
        inputs={},
        environment=PROD,
        branches={},
        lock=lock,
        steps=(),
        author="ada",
        **more,
    )


def names(found: tuple[Unit, ...]) -> list[str]:
    """Return what a step works on, in words."""
    return [f"{one.application}@{one.environment}".strip("@") for one in found]


@each([
    ("new", "install", True),
    ("new", "upgrade", True),
    ("target", "install", True),
    ("target", "upgrade", False),
    ("upgraded", "install", False),
    ("shared", "install", False),
])  # fmt: skip
def test_what_begins_to_run_is_the_target_of_an_install_and_what_comes_along(
    role: str, action: Any, new: Any
) -> None:
    assert is_new(locked("x", role), action) is new


@each([
    ("admit", "install", ["db@acme-prod", "wiki@acme-prod"]),
    ("admit", "upgrade", ["db@acme-prod"]),
    ("repository", "install", ["db", "wiki"]),
    ("repository", "upgrade", ["db"]),
    ("commit", "upgrade", ["db", "store", "wiki"]),
    ("observe", "upgrade", ["db@acme-prod", "store@acme-prod", "wiki@acme-prod"]),
    ("release", "uninstall", ["db@acme-prod", "store@acme-prod", "wiki@acme-prod"]),
    ("settle", "uninstall", ["store@acme-prod"]),
    ("archive", "uninstall", ["wiki", "db"]),
    ("unprotect", "uninstall", ["wiki"]),
    ("hold", "install", [""]),
    ("capture", "install", [""]),
    ("delete", "delete-environment", [""]),
])  # fmt: skip
def test_a_step_works_on_what_the_change_writes_and_never_on_what_is_shared(
    step: Step, action: Any, found: list[str]
) -> None:
    more: dict[str, Any] = {
        "sold": ("cache.acme-prod", "store.acme-prod"),
        "gone": ("wiki", "db", "wiki"),
        "volumes": {"wiki.acme-prod": ("data",), "cache.acme-prod": ("data",), "db.acme-prod": ()},
    }
    assert names(units(opened(action, **more), step)) == found


def test_an_application_in_two_environments_has_one_repository_and_two_places() -> None:
    both = (locked("wiki", "target"), locked("wiki", "target", DEV))
    change = opened(
        "delete-organization", both, sold=("wiki.acme-dev",), volumes={"wiki.acme-dev": ("data",)}
    )
    assert names(units(change, "commit")) == names(units(change, "unprotect")) == ["wiki"]
    places = ["wiki@acme-prod", "wiki@acme-dev"]
    assert names(units(change, "observe")) == names(units(change, "release")) == places
    assert names(units(change, "settle")) == ["wiki@acme-dev"]
    assert names(units(replace(change, volumes={}), "unprotect")) == []


def test_a_subscription_is_named_after_its_application_and_environment() -> None:
    assert subscription(Unit("wiki", PROD)) == "wiki.acme-prod"
    assert names((WHOLE,)) == [""]
