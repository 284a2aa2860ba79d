"""What an action needs, what it has no use for, and which steps it has."""

from itertools import product
from typing import Any, Final, get_args

import pytest
from tests.support.each import each
from tests.support.plans import PROD, locked

from catalyst.contracts.provisioning_values_v1 import Action, PlanRequest, Step
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.domain.facts import required
from catalyst.provisioning.domain.steps import WAYS, steps_of

BARE: Final[dict[Action, dict[str, Any]]] = {
    "install": {"environment": PROD, "application": "blog", "blueprint": "bp-blog"},
    "configure": {"environment": PROD, "application": "blog"},
    "upgrade": {"environment": PROD, "application": "blog"},
    "rollback": {"environment": PROD, "application": "blog"},
    "uninstall": {"environment": PROD, "application": "blog"},
    "delete-environment": {"environment": PROD},
    "delete-organization": {},
}
"""All that each action needs."""
WRITES: Final = frozenset({"install", "configure", "upgrade"})
TAKES: Final[dict[str, tuple[Any, frozenset[str]]]] = {
    "values": ({"a": 1}, WRITES),
    "dependencies": ({"store": "new"}, WRITES),
    "version": ("1.x", frozenset({"install", "upgrade"})),
    "revision": ("ch-1", frozenset({"rollback"})),
    "plan": ("s", WRITES),
    "addons": (("addon.backup",), WRITES),
    "drop_plan": (True, frozenset({"configure", "upgrade"})),
    "drop_addons": (("addon.backup",), frozenset({"configure", "upgrade"})),
}
"""What a field may hold, and who has a use for it."""
NAMES: Final = {"environment": PROD, "application": "blog", "blueprint": "bp-blog"}


def request(action: Action, **changes: Any) -> PlanRequest:
    """Return a request that lacks nothing, but for some changes."""
    return PlanRequest(action=action, **{**BARE[action], **changes})


def refusal(asked: PlanRequest) -> tuple[str, str]:
    """Return at which field a request is refused, and in which words."""
    with pytest.raises(Rejected) as caught:
        required(asked)
    assert caught.value.code == "request-incomplete"
    (error,) = caught.value.errors
    return error.pointer, error.message


def test_every_action_is_asked_for_with_what_it_needs_alone() -> None:
    assert set(BARE) == set(get_args(Action))
    for action in BARE:
        required(request(action))


@each(product(BARE, NAMES))
def test_what_is_needed_and_not_said_or_said_and_not_needed_is_refused(
    action: Action, name: str
) -> None:
    needed = name in BARE[action]
    asked = request(action, **{name: None if needed else NAMES[name]})
    word = "needs" if needed else "takes no"
    assert refusal(asked) == (f"/request/{name}", f"{action} {word} {name}")


@each(product(BARE, TAKES))
def test_what_an_action_has_no_use_for_is_refused(action: Action, name: str) -> None:
    value, takers = TAKES[name]
    asked = request(action, **{name: value})
    if action in takers:
        required(asked)
    else:
        assert refusal(asked) == (f"/request/{name}", f"{action} takes no {name}")


# ---- steps

TARGET, NEW, SHARED = locked("blog"), locked("store", "new"), locked("store", "shared")


@each([
        ("install", (TARGET,), "sold", "admit hold repository commit observe capture"),
        ("install", (TARGET,), "", "admit repository commit observe"),
        ("configure", (SHARED, TARGET), "sold", "hold commit observe capture"),
        ("upgrade", (SHARED, TARGET), "", "commit observe"),
        ("upgrade", (NEW, TARGET), "", "admit repository commit observe"),
        ("rollback", (TARGET,), "", "commit observe"),
        ("uninstall", (TARGET,), "sold gone lost",
         "unprotect commit observe release settle archive"),
        ("uninstall", (TARGET,), "gone", "commit observe release archive"),
        ("uninstall", (TARGET,), "sold", "commit observe release settle"),
        ("uninstall", (TARGET,), "lost", "unprotect commit observe release"),
        ("delete-environment", (TARGET,), "sold gone",
         "commit observe release settle archive delete"),
        ("delete-environment", (), "", "delete"),
        ("delete-organization", (), "", "delete"),
        ("delete-organization", (TARGET,), "lost", "unprotect commit observe release delete"),
    ])  # fmt: skip
def test_a_change_has_the_steps_that_have_something_to_do(
    action: Action, lock: Any, what: str, wanted: str
) -> None:
    found = steps_of(action, lock, sold="sold" in what, gone="gone" in what, lost="lost" in what)
    assert " ".join(found) == wanted


KINDS: Final[dict[str, set[str]]] = {
    "command": {"admit", "hold", "capture", "release", "settle"},
    "effect": {"repository", "unprotect", "commit", "archive", "delete"},
    "facts": {"observe"},
}


def test_who_may_stop_a_change_and_what_is_taken_back_is_said_of_each_step() -> None:
    assert set(WAYS) == set(get_args(Step))
    back = {step for step, way in WAYS.items() if way.undone}
    assert back == {"admit", "hold", "repository", "unprotect", "commit"}
    stops = {step for step, way in WAYS.items() if way.cancels}
    assert stops == {"admit", "hold", "repository", "unprotect", "observe"}
    patient = {step for step, way in WAYS.items() if way.attempts == 40}
    assert patient == {"capture", "release", "settle", "archive", "delete"}
    # To look again would see the same: what is waited for is told when it comes.
    once = {step for step, way in WAYS.items() if way.attempts == 1}
    assert once == {"observe"}
    rest = set(WAYS) - patient - once
    assert {WAYS[step].attempts for step in rest} == {3}
    kinds = {kind: {step for step, way in WAYS.items() if way.kind == kind} for kind in KINDS}
    assert kinds == KINDS
