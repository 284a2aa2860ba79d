"""Filters, rights and cursors: which rows somebody is shown, and under which fingerprint."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import log as writing
from tests.support import plans
from tests.support.each import each
from tests.support.plans import PROD, apply, planned, town
from tests.support.showing import ANN, SOVEREIGN, Tab, World

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import catalog_v1 as cat1
from catalyst.contracts.roles import PLATFORM_ROLES
from catalyst.contracts.subjects import Ref, RowKey
from catalyst.projector import cursor, filters, frames
from catalyst.projector.access import Reader
from catalyst.projector.cursor import Cursor
from catalyst.projector.filters import BadFilter, Term, UnknownKind
from catalyst.provisioning.domain.application import application_ref

TOKENS = st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=1, max_size=32)


@given(TOKENS, st.integers(0, 10**18), TOKENS)
def test_a_cursor_is_read_back_as_it_was_written(epoch: str, revision: int, scope: str) -> None:
    found = Cursor(epoch, revision, scope)
    assert cursor.parse(found.encode()) == found


@given(st.text())
def test_any_other_text_is_no_cursor(text: str) -> None:
    found = cursor.parse(text)
    assert found is None or found.encode() == text


@each(
    [
        (Term("a", equal=True, value="x"), "x", True),
        (Term("a", equal=True, value="x"), "y", False),
        (Term("a", equal=True, value="x"), None, False),
        (Term("a", equal=False, value="x"), "y", True),
        (Term("a", equal=False, value="x"), None, True),
        (Term("a", equal=True, value=None), "x", True),
        (Term("a", equal=True, value=None), None, False),
        (Term("a", equal=False, value=None), None, True),
        (Term("a", equal=False, value=None), "x", False),
    ]
)
def test_a_condition_on_a_value_that_is_there_or_not(
    term: Term,
    found: str | None,
    holds: bool,  # noqa: FBT001
) -> None:
    assert term.holds(found) is holds


def test_the_same_filter_has_the_same_fingerprint_however_it_is_written() -> None:
    world = World()
    one = filters.parse("organizations,environments", {"label": "tier=sme,kind!=internal"})
    two = filters.parse(
        "environments,organizations", {"label": "openova.io/kind!=internal,tier==sme"}
    )
    other = filters.parse("environments,organizations", {"label": "tier=sme"})
    owners = world.hub.owners
    assert owners.access(ANN, one).scope == owners.access(ANN, two).scope
    assert owners.access(ANN, one).scope != owners.access(ANN, other).scope
    assert owners.access(ANN, one).scope != owners.access(SOVEREIGN, one).scope


def test_that_something_is_there_and_what_it_is_are_asked_for_together() -> None:
    one, two = (
        filters.parse("all", {"field": text}) for text in ("tier,tier=sme", "tier=sme,tier")
    )
    assert one == two
    assert [term.value for term in one.fields] == [None, "sme"]


@each(["=", "a b=c", "!a=b", "a=b\nc", "a=b,,c=d", "a" * 200, ","])
def test_a_condition_that_cannot_be_read_names_its_parameter(text: str) -> None:
    with pytest.raises(BadFilter) as refused:
        filters.parse("all", {"field": text})
    assert refused.value.parameter == "field"


@each(
    [
        ("field", "a", Term("a", equal=True, value=None)),
        ("field", "!a", Term("a", equal=False, value=None)),
        ("field", "a=b", Term("a", equal=True, value="b")),
        ("field", "a==b", Term("a", equal=True, value="b")),
        ("field", "a!=b", Term("a", equal=False, value="b")),
        ("field", "a=", Term("a", equal=True, value="")),
        ("label", "tier", Term("openova.io/tier", equal=True, value=None)),
        ("label", "!x/tier", Term("x/tier", equal=False, value=None)),
    ]
)
def test_each_way_to_write_a_condition(parameter: str, text: str, term: Term) -> None:
    found = filters.parse("all", {parameter: text})
    assert (*found.fields, *found.labels) == (term,)


@each(
    [
        ("a.b", "true"),
        ("a.c", "false"),
        ("n", "3"),
        ("list", "x,y,true"),
        ("a", None),
        ("null", None),
        ("a.b.c", None),
        ("other", None),
    ]
)
def test_a_field_is_compared_as_text(path: str, text: str | None) -> None:
    held: list[object] = ["x", None, "y", {}, True]
    doc: object = {"a": {"b": True, "c": False}, "n": 3, "list": held, "null": None}
    assert filters._field(doc, path) == text


def test_too_many_conditions_are_refused() -> None:
    conditions = [f"a{number}=b" for number in range(17)]
    assert len(filters.parse("all", {"label": ",".join(conditions[1:])}).labels) == 16
    with pytest.raises(BadFilter):
        filters.parse("all", {"label": ",".join(conditions)})


def test_a_row_of_which_nothing_is_known_yet_meets_no_condition_on_what_it_holds() -> None:
    world = World()
    acme = writing.organization("acme")
    world.flush([(acme, writing.parked(acme))])
    assert len(world.visible(SOVEREIGN, filters.parse("all", {}))) == 1
    for query in ({"field": "phase=ready"}, {"field": "!phase"}, {"label": "!tier"}):
        assert world.visible(SOVEREIGN, filters.parse("all", query)) == {}


@pytest.mark.parametrize("name", ["", "a" * 254])
def test_a_name_that_no_row_can_have_is_refused(name: str) -> None:
    assert filters.parse("organizations", {}, "a" * 253).name == "a" * 253
    with pytest.raises(BadFilter) as refused:
        filters.parse("organizations", {}, name)
    assert refused.value.parameter == "name"


@each(["", "organization", "organizations,", "all,organizations"])
def test_a_kind_that_does_not_exist_is_unknown(kinds: str) -> None:
    with pytest.raises(UnknownKind):
        filters.parse(kinds, {})


@pytest.mark.guarantee("G4.5")
@each(["applications", "changes", "applications,changes", "all"])
def test_what_stands_in_an_environment_is_found_by_it_and_nothing_else(kinds: str) -> None:
    place = town()
    plans.install(place, "blog", "ch-0")
    apply(place, "ch-1", planned(place, "configure", values={"n": 1}, priced=False))
    world = World()
    for on in place.log:
        world.flush([on])
    world.flush([writing.created("acme")], list(writing.environment_created("acme")))
    world.flush(list(writing.environment_created("acme", "dev")))

    def found(environment: str) -> list[tuple[str, str]]:
        asked = filters.parse(kinds, {"environment": environment})
        places = map(RowKey.decode, world.visible(ANN, asked))
        return sorted((place.kind, place.name) for place in places)

    wanted = [("application", "blog"), ("change", "ch-0"), ("change", "ch-1")]
    if kinds != "all":
        wanted = [one for one in wanted if one[0] in kinds]
    own = [("environment", PROD)] if kinds == "all" else []
    assert found(PROD) == [*wanted, *own]
    assert found("acme-dev") == ([("environment", "acme-dev")] if kinds == "all" else [])


@pytest.mark.guarantee("G4.5")
def test_a_reader_of_one_environment_hears_when_an_application_no_longer_stands_there() -> None:
    place = town()
    plans.install(place, "blog", "ch-0")
    world = World()
    world.flush([writing.created("acme")])
    tabs = [
        Tab(world, ANN, filters.parse("applications", {"environment": name}))
        for name in (PROD, "acme-dev")
    ]
    for tab in tabs:
        tab.connect()
    for on in place.log:
        world.flush([on])
    for tab in tabs:
        tab.drain()
    assert [len(tab.rows) for tab in tabs] == [1, 0]
    ref = application_ref("acme", "blog")
    gone = app1.ApplicationRemoved(environment=PROD, change="ch-2", kept_data=True)
    world.flush([(ref, gone)])
    for tab in tabs:
        tab.drain()
        assert tab.rows == {}
    assert "del" in tabs[0].names
    assert "del" not in tabs[1].names


@pytest.mark.parametrize("kinds", ["organizations", "invoices,policies"])
def test_an_environment_is_refused_of_what_belongs_to_none(kinds: str) -> None:
    with pytest.raises(BadFilter, match="belong to no Environment") as refused:
        filters.parse(kinds, {"environment": PROD})
    assert refused.value.parameter == "environment"
    for some in ("environments", "subscriptions", "changes,invoices", "all"):
        assert filters.parse(some, {"environment": PROD}).environment == PROD


@each(sorted(PLATFORM_ROLES))
def test_platform_roles_see_what_the_table_of_roles_says(role: str) -> None:
    world = World()
    world.flush([writing.created("acme", owners=())], list(writing.environment_created("acme")))
    seen = world.visible(Reader("", frozenset({role})), filters.parse("all", {}))
    kinds = {RowKey.decode(key).kind for key in seen}
    expected = {"organization"} if role == "billing-admin" else {"organization", "environment"}
    assert kinds == expected


def test_what_no_organization_owns_is_asked_for_as_the_platform_s() -> None:
    world = World()
    for owner in (None, "acme"):
        ref = Ref(owner, "catalog", "curation", "public-bp-wiki")
        world.flush([(ref, cat1.BlueprintFeatured())])
    world.flush([writing.created("acme")])
    places = {
        name: [
            RowKey.decode(key).organization
            for key in world.visible(SOVEREIGN, filters.parse("all", {"organization": name}))
        ]
        for name in ("_", "acme")
    }
    assert places == {"_": [None], "acme": ["acme"]}
    platform = filters.parse("all", {"organization": "_"})
    assert world.hub.owners.access(SOVEREIGN, platform).sees("_")
    assert world.visible(ANN, platform) == {}


def test_nobody_without_a_role_sees_anything() -> None:
    world = World()
    world.flush([writing.created("acme")], list(writing.environment_created("acme")))
    everything = filters.parse("all", {})
    assert world.visible(Reader("", frozenset()), everything) == {}
    assert world.visible(Reader("eve@example.org", frozenset()), everything) == {}
    assert len(world.visible(Reader("ann@example.org", frozenset()), everything)) == 2


def test_the_roles_of_a_deleted_organization_are_gone() -> None:
    world = World()
    world.flush([writing.created("acme")])
    everything = filters.parse("all", {})
    before = world.hub.owners.access(ANN, everything)
    world.flush([writing.deleted("acme")])
    after = world.hub.owners.access(ANN, everything)
    assert before.sees("acme")
    assert not after.sees("acme")
    assert before.scope != after.scope


@given(st.text(max_size=40))
def test_a_frame_is_one_event_whatever_a_row_holds(text: str) -> None:
    world = World()
    world.flush([writing.created("acme", display_name=text)])
    (entry,) = world.hub.rows.values()
    frame = frames.identified("e.1.s", entry.frame(0))
    lines = frame.decode().replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert [line.partition(":")[0] for line in lines] == ["id", "event", "data", "", ""]


def test_json_of_others_is_brought_into_one_line() -> None:
    assert frames.one_line(b'{"a":\r\n "b\\n"}') == b'{"a":"b\\n"}'
