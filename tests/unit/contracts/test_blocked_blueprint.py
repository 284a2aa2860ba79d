"""From what waits for a Blueprint to the source that is not read, as far as the reader sees it."""

from datetime import UTC, datetime

import pytest

from catalyst.contracts.blocked import Link
from catalyst.contracts.blocked_blueprint import (
    PLATFORM,
    Listed,
    Package,
    Shelves,
    Source,
    Wrong,
    of_source,
    of_version,
)
from catalyst.contracts.blocked_chain import tree
from catalyst.contracts.blueprint_values_v1 import Missing

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECRET = ("lost", "secret.example", "internal")
"""Words that only the platform's own people may read."""


def waits(name: str, needed: str, owner: str | None = "acme") -> Listed:
    """Return a Blueprint whose only version waits for another one."""
    links = of_version(name, "1.0.0", (Missing(blueprint=needed, version="^2"),), (), NOON)
    return Listed(name=name, organization=owner, sources=frozenset({"own"}), blocked_by=links)


def failing(name: str, owner: str | None, *bad: Package) -> Source:
    """Return a source that cannot be read since noon."""
    why = of_source(name, "refused", f"git refused {name} at secret.example", 3, NOON)
    return Source(name=name, organization=owner, blocked_by=why, refused=bad)


def shelves(
    blueprints: tuple[Listed, ...], sources: tuple[Source, ...], *, platform: bool = False
) -> Shelves:
    """Return what one reader sees."""
    return Shelves(
        lambda name: [one for one in blueprints if one.name == name], sources, platform=platform
    )


def chain(found: Shelves, name: str) -> list[tuple[int, str, str, str]]:
    """Return the whole chain of a Blueprint."""
    links = found.links_of("blueprint", name)
    whole = tree(links, found.links_of, start=("blueprint", name))
    return [(link.depth, link.kind, link.name, link.code) for link in whole]


@pytest.mark.guarantee("G13.7")
def test_a_blueprint_that_waits_leads_to_the_source_that_is_not_read() -> None:
    seen = shelves(
        (waits("bp-blog", "bp-wiki"), waits("bp-wiki", "bp-db")),
        (failing("own", "acme"), Source(name="other", organization="acme")),
    )
    assert chain(seen, "bp-blog") == [
        (0, "blueprint", "bp-wiki", "dependency-missing"),
        (1, "blueprint", "bp-db", "dependency-missing"),
        (2, "source", "own", "refused"),
    ]
    (last,) = seen.links_of("source", "own")
    assert (last.since, last.who) == (NOON, "whoever keeps the source")
    assert "git refused" in last.message
    assert "`catalyst source sync own`" in last.what_to_do


@pytest.mark.guarantee("G13.7")
def test_only_where_a_blueprint_came_from_is_blamed_for_a_version_that_is_missing() -> None:
    there = Listed(name="bp-wiki", organization="acme", sources=frozenset({"own"}))
    sources = (failing("own", "acme"), failing("lost", "acme"))
    seen = shelves((waits("bp-blog", "bp-wiki"), there), sources)
    assert chain(seen, "bp-blog")[1:] == [(1, "source", "own", "refused")]
    well = shelves((waits("bp-blog", "bp-wiki"), there), sources[1:])
    assert chain(well, "bp-blog")[1:] == []


@pytest.mark.guarantee("G13.7")
def test_a_package_that_is_not_taken_is_the_cause_of_what_waits_for_it() -> None:
    findings = (Wrong(severity="warning", message="no icon"), Wrong(severity="error", message="x"))
    bad = Package(folder="wiki", blueprint="bp-wiki", version="2.0.0", findings=findings)
    other = Package(folder="db", blueprint="bp-db")
    source = Source(name="own", organization="acme", refused=(other, bad))
    seen = shelves((waits("bp-blog", "bp-wiki"),), (source,))
    found = tree(seen.links_of("blueprint", "bp-blog"), seen.links_of)
    assert [link.code for link in found] == ["dependency-missing", "package-refused"]
    assert found[-1].message == "own holds bp-wiki 2.0.0, which is not taken: x"


@pytest.mark.guarantee("G13.7")
@pytest.mark.parametrize("known", [True, False])
def test_the_platform_s_source_has_no_name_for_whoever_may_not_see_it(known: bool) -> None:  # noqa: FBT001
    """Whether it is among what the chain is made of, or was never shown to begin with."""
    sources = (failing("lost", None),) if known else ()
    seen = shelves((waits("bp-blog", "bp-wiki"),), sources)
    found = tree(seen.links_of("blueprint", "bp-blog"), seen.links_of)
    assert [(link.kind, link.name, link.code) for link in found] == [
        ("blueprint", "bp-wiki", "dependency-missing"),
        ("source", PLATFORM, "not-shown"),
    ]
    assert found[-1].since == (NOON if known else None)
    assert found[-1].who == "whoever runs Catalyst"
    assert not any(word in str(found) for word in SECRET)
    shown = shelves((waits("bp-blog", "bp-wiki"),), sources, platform=True)
    told = tree(shown.links_of("blueprint", "bp-blog"), shown.links_of)
    assert ("lost" in str(told)) is known


def test_a_source_of_one_s_own_with_the_name_of_the_neutral_link_is_not_taken_for_it() -> None:
    sources = (failing(PLATFORM, "acme"), failing("lost", None))
    there = Listed(name="bp-wiki", organization=None, sources=frozenset({"lost"}))
    seen = shelves((waits("bp-blog", "bp-wiki"), there), sources)
    assert chain(seen, "bp-blog")[1:] == [(1, "source", PLATFORM, "not-shown")]


def test_blueprints_that_wait_for_each_other_end() -> None:
    seen = shelves((waits("bp-a", "bp-b"), waits("bp-b", "bp-a")), (), platform=True)
    assert [(depth, name) for depth, _, name, _ in chain(seen, "bp-a")] == [
        (0, "bp-b"),
        (1, "bp-a"),
    ]


def test_every_link_says_who_and_what_to_do() -> None:
    bad = Package(folder="", blueprint="bp-wiki")
    seen = shelves((), (failing("own", "acme", bad), failing("lost", None)))
    found: tuple[Link, ...] = seen.links_of("blueprint", "bp-wiki")
    assert {link.code for link in found} == {"package-refused", "refused", "not-shown"}
    assert all(link.who and link.what_to_do and link.message for link in found)
