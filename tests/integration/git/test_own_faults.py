"""A fault of ours in a conversation with the Git door is ours: nobody waits for the door then."""

from collections.abc import Callable
from typing import Any

import pytest
from dulwich.repo import MemoryRepo
from tests.integration.git.test_applications import BEGUN, TRUNK, signed
from tests.support.each import each

from catalyst.environment_controller.adapters.git import DulwichHome
from catalyst.provisioning.adapters.git import GitRepositories
from catalyst.provisioning.adapters.git_door import Door, NoRepository

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G13.10")]

FAULTS = (KeyError, ValueError, AssertionError, TypeError, RuntimeError)
"""What the library raises for an answer that it cannot read, among others."""


def failing(fault: type[Exception]) -> Callable[..., Any]:
    def fails(*_: Any) -> Any:
        raise fault("ours")

    return fails


def nothing(_refs: Any) -> dict[Any, Any]:
    return {}


@pytest.fixture
async def url(door: str, homes: DulwichHome) -> str:
    """Where a door stands that has a repository."""
    await homes.ensure("acme")
    found = f"http://{door.removesuffix('/git')}"
    await GitRepositories(found, lambda: "provisioning").prepare(signed(1), TRUNK, BEGUN)
    return found


@each(FAULTS, lambda fault: fault.__name__)
async def test_a_fault_of_whoever_says_what_is_fetched_is_no_answer(
    fault: type[Exception], *, url: str
) -> None:
    with Door(url, "provisioning", "git/acme/blog.git") as door:
        with pytest.raises(fault, match="ours"):
            door.fetch(MemoryRepo(), failing(fault), depth=1)
        # The same conversation goes on.
        assert b"refs/heads/main" in door.refs()


@each(FAULTS, lambda fault: fault.__name__)
async def test_nor_is_one_of_whoever_says_what_is_pushed(
    fault: type[Exception], *, url: str
) -> None:
    with Door(url, "provisioning", "git/acme/blog.git") as door:
        with pytest.raises(fault, match="ours"):
            door.push(failing(fault), failing(RuntimeError))
        moved = {b"refs/heads/main": b"1" * 40}
        with pytest.raises(fault, match="ours"):
            door.push(lambda _refs: moved, failing(fault))  # type: ignore[arg-type, return-value]
        assert door.push(nothing, failing(RuntimeError)) == {}


async def test_nor_is_a_question_that_makes_no_sense(url: str) -> None:
    with (
        Door(url, "provisioning", None) as door,  # type: ignore[arg-type]
        pytest.raises((TypeError, AttributeError)),
    ):
        door.refs()


async def test_what_the_door_does_not_have_is_its_answer(url: str) -> None:
    with Door(url, "provisioning", "git/acme/other.git") as door, pytest.raises(NoRepository):
        door.refs()
