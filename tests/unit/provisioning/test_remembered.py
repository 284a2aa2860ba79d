"""What stands is remembered, and what anything else is asked for is made of that alone."""

from collections import OrderedDict
from typing import Any

import msgspec
import pytest
from tests.support import starters
from tests.support.each import each
from tests.unit.provisioning.test_files import ORIGIN, place

from catalyst.provisioning.domain import rendered
from catalyst.provisioning.domain.files import Origin
from catalyst.provisioning.domain.place import Content, Place
from catalyst.provisioning.domain.rendered import standing

replace = msgspec.structs.replace

WIKI = Content(starters.blueprint("bp-wiki"), starters.package("bp-wiki"))
STOOD = place({"logLevel": "info"}, {"postgres": "pg"})
DESIRED = replace(STOOD.desired, blueprint="bp-wiki", version=WIKI.blueprint.version)
PLACE = replace(STOOD, desired=DESIRED, hosts={"pg": "pg.example"})


@pytest.fixture(autouse=True)
def remembered(monkeypatch: pytest.MonkeyPatch) -> OrderedDict[Any, Any]:
    """Return what is remembered: nothing yet."""
    found: OrderedDict[Any, Any] = OrderedDict()
    monkeypatch.setattr(rendered, "_remembered", found)
    return found


def made(place: Place, content: Content = WIKI, origin: Origin = ORIGIN, **more: bool) -> Any:
    return standing(place, content, origin, **more)


def test_what_is_asked_for_again_is_made_once_whichever_change_asks() -> None:
    first = made(PLACE)
    assert made(replace(PLACE, desired=replace(DESIRED, change="ch-2"))) is first


@each(
    [
        ({"place": replace(PLACE, application="other")},),
        ({"place": replace(PLACE, hosts={"pg": "other.example"})},),
        ({"place": replace(PLACE, desired=replace(DESIRED, values={"logLevel": "debug"}))},),
        ({"place": replace(PLACE, desired=replace(DESIRED, dependencies={"postgres": "other"}))},),
        ({"origin": replace(ORIGIN, branch="develop")},),
        ({"more": {"kept": False}},),
        (
            {
                "content": Content(
                    replace(WIKI.blueprint, values={"logLevel": "debug"}), WIKI.package
                ),
                "place": replace(PLACE, desired=replace(DESIRED, values={})),
            },
        ),
    ]
)
def test_what_is_asked_for_otherwise_is_made_of_that(
    other: dict[str, Any], *, remembered: OrderedDict[Any, Any]
) -> None:
    asked = {"place": PLACE, "content": WIKI, "origin": ORIGIN, **other}
    more = asked.pop("more", {})
    first = made(PLACE)
    found = made(**asked, **more)
    remembered.clear()
    assert (found.files, found.objects) == ((again := made(**asked, **more)).files, again.objects)
    assert found.files != first.files


def test_the_newest_are_remembered_and_no_large_ones(
    monkeypatch: pytest.MonkeyPatch, remembered: OrderedDict[Any, Any]
) -> None:
    monkeypatch.setattr(rendered, "REMEMBERED", 2)
    names = ("a1", "b1", "a1", "c1")
    _, _, first, newest = (made(replace(PLACE, application=name)) for name in names)
    assert made(replace(PLACE, application="a1")) is first
    assert made(replace(PLACE, application="c1")) is newest
    assert len(remembered) == 2
    # What is remembered holds the package, too.
    size = sum(map(len, first.files.values())) + WIKI.package.size
    for most, number in ((size, 1), (size - 1, 0)):
        monkeypatch.setattr(rendered, "REMEMBERED_BYTES", most)
        remembered.clear()
        assert made(replace(PLACE, application="a1")).files == first.files
        assert len(remembered) == number


def test_every_starter_blueprint_is_small_enough_to_be_remembered() -> None:
    for name in starters.NAMES:
        assert 3 * starters.package(name).size <= 2 * rendered.REMEMBERED_BYTES, name
