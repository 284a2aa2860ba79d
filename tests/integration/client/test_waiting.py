"""What waits or fails is named by the doctor, what a source holds and is not taken by its list."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.integration.client.shop import WAIT_SECONDS, Shop, open_shop

pytestmark = pytest.mark.real
BLUEPRINT = """\
apiVersion: catalyst.openova.io/v1
kind: Blueprint
metadata:
  name: {name}
spec:
  version: 1.0.0
  card:
    title: Hello
    summary: {summary}
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with open_shop(tmp_path_factory.mktemp("waiting")) as found:
        yield found


def package(shop: Shop, folder: str, text: str) -> None:
    path = shop.installation.data.parent / "my-blueprints" / folder / "blueprint.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def waiting(shop: Shop, health: str, text: str = "") -> Any:
    """Return what the doctor says of rows that wait, once that is so and nothing else is wrong.

    Meanwhile what a Blueprint of the starter catalogue waits for may be told.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        ran = shop.run("doctor", "-o", "json")
        # Behind a door that does not answer soon, rows are not looked at.
        rows = [one for one in ran.json if one["check"] == "waiting rows"]
        said = [one for one in rows if one["health"] == health and text in one["detail"]]
        if ran.code == 0 and said:
            return said[0]
        assert time.monotonic() < deadline, ran.out
        time.sleep(0.1)


@pytest.mark.guarantee("G7.4")
def test_a_source_that_fails_is_named_with_its_cause_and_what_to_do(shop: Shop) -> None:
    assert waiting(shop, "ok")["detail"] == "nothing waits or fails"
    shop.well("source", "add", "gone", "nonexist")
    found = waiting(shop, "warn", "gone cannot be read: ")
    assert "(not-found): " in found["detail"]
    assert "source gone" in found["detail"].partition("(not-found): ")[2]
    assert "catalyst source sync gone`" in found["fix"]
    shop.well("source", "remove", "gone")
    assert waiting(shop, "ok")["detail"] == "nothing waits or fails"


@pytest.mark.guarantee("G27.2")
def test_what_a_source_holds_and_is_not_taken_is_told_with_its_reason(shop: Shop) -> None:
    package(shop, "own/bp-bad", BLUEPRINT.format(name="bp-bad", summary="Hi").replace("spec", "x"))
    package(shop, "own/bp-other", BLUEPRINT.format(name="bp-other", summary="One"))
    shop.well("source", "add", "own", "own")
    shop.once_said("bp-other", "get", "blueprints")
    package(shop, "own/bp-other", BLUEPRINT.format(name="bp-other", summary="Two"))
    shop.once_free("sync-in-progress", "source", "sync", "own")
    shop.once_said("version-immutable", "source", "list", "-o", "json")
    told = shop.well("source", "list").err
    assert "own: bp-bad is bad: blueprint.yaml:" in told
    why = "own: bp-other 1.0.0 is refused: The version exists with other content"
    assert f"{why} (version-immutable); raise its `spec.version`" in told
    assert "catalyst source list -o yaml`" in told
