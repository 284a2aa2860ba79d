"""Search: what is found of what people type, in which order; no typed text is a pattern."""

from __future__ import annotations

from functools import cache

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.each import each

from catalyst.blueprints import document
from catalyst.blueprints.starter import loading
from catalyst.catalog_svc.adapters import engine as engine_module
from catalyst.catalog_svc.adapters.engine import Tantivy
from catalyst.catalog_svc.domain import wording
from catalyst.catalog_svc.domain.catalogue import BUNDLE
from catalyst.catalog_svc.ports import Count, Results, Search, Shown


def starter() -> list[Shown]:
    found = []
    for folder in loading.names():
        blueprint = document.read(loading.load(folder)).blueprint
        assert blueprint is not None
        card = blueprint.spec["card"]
        found.append(
            Shown(
                name=blueprint.name,
                title=blueprint.title,
                summary=card.get("summary", ""),
                description=card.get("description", ""),
                category=card.get("category", ""),
                tags=tuple(card.get("tags", ())),
                bundle=card.get("category") == BUNDLE,
                origin="public",
            )
        )
    return found


@pytest.fixture(scope="module")
def shelf() -> Tantivy:
    engine = Tantivy()
    engine.put(starter())
    return engine


def search(engine: Tantivy, text: str) -> Results:
    return engine.search(Search(words=wording.asked(text), name=text))


OTHERWISE = {
    "bp-forgejo": "gitlab, bitbucket, forge, repository",
    "bp-grafana": "kibana, datadog, elasticsearch, metrics, observability, logging, dashboards",
    "bp-keycloak": "oauth2, okta, auth0, sso, oidc, identity, sign in",
    "bp-litellm": "openai, ai, llm",
    "bp-mailpit": "mailhog, email, smtp",
    "bp-mariadb": "db, sql",
    "bp-mattermost": "ms teams, microsoft teams, messaging, messenger",
    "bp-n8n": "workflow, workflows",
    "bp-nextcloud": "onedrive, owncloud, drive, sharing",
    "bp-object-store": "bucket, buckets",
    "bp-redis": "memcached, caching",
    "bp-umami": "matomo, plausible, statistics",
    "bp-vaultwarden": "1password, lastpass, vault",
    "bp-wiki": "confluence, mediawiki, notion, documentation, knowledge",
}
"""What people call it otherwise, as they type it."""


@each(
    [
        ("wiki", "bp-wiki"),
        ("bp-wiki", "bp-wiki"),
        ("WORDPRESS", "bp-wordpress"),
        ("wordp", "bp-wordpress"),
        ("wordpess", "bp-wordpress"),
        ("graf", "bp-grafana"),
        ("garfana", "bp-grafana"),
        ("postgresql", "bp-postgres"),
        ("pg", "bp-postgres"),
        ("mysql", "bp-mariadb"),
        ("mattremost", "bp-mattermost"),
        ("a wiki for my team", "bp-wiki"),
        ("the knowledge base", "bp-wiki"),
        ("password manager", "bp-vaultwarden"),
        ("word press", "bp-wordpress"),
        ("wp", "bp-wordpress"),
        ("next cloud", "bp-nextcloud"),
        ("next clou", "bp-nextcloud"),
        ("Dropbox", "bp-nextcloud"),
        ("google drive", "bp-nextcloud"),
        ("single sign on", "bp-keycloak"),
        ("single sign-on for us", "bp-keycloak"),
        ("log in", "bp-keycloak"),
        ("oauth", "bp-keycloak"),
        ("minio", "bp-object-store"),
        ("keyvalue", "bp-redis"),
        ("kv", "bp-redis"),
        ("CI/CD", "bp-forgejo"),
        ("notes", "bp-wiki"),
        ("github", "bp-forgejo"),
        ("gitea", "bp-forgejo"),
        ("slack", "bp-mattermost"),
        ("chatgpt", "bp-litellm"),
        ("zapier", "bp-n8n"),
        ("google analytics", "bp-umami"),
        # Both have the tag; one says of itself that it is one, the other that it counts visits.
        ("website", "bp-wordpress"),
        ("a website for us", "bp-wordpress"),
        *((word, first) for first, words in OTHERWISE.items() for word in words.split(", ")),
    ]
)
@pytest.mark.guarantee("G23.2")
def test_beginnings_typing_errors_and_other_words_find_it_first(
    text: str, first: str, *, shelf: Tantivy
) -> None:
    assert search(shelf, text).names[0] == first


COMMON = {
    "password": "vaultwarden",
    "passwords": "vaultwarden",
    "wiki": "wiki",
    "docs": "wiki",
    "knowledge base": "wiki",
    "chat": "mattermost",
    "messenger": "mattermost",
    "files": "nextcloud",
    "file sharing": "nextcloud",
    "cloud storage": "nextcloud",
    "photos": "nextcloud",
    "calendar": "nextcloud",
    "groupware": "nextcloud",
    "object storage": "object-store",
    "s3": "object-store",
    "postgres": "postgres",
    "mysql": "mariadb",
    "cache": "redis",
    "blog": "wordpress",
    "website": "wordpress",
    "login": "keycloak",
    "2fa": "keycloak",
    "email": "mailpit",
    "source code": "forgejo",
    "git": "forgejo",
    "monitoring": "grafana",
    "charts": "grafana",
    "logs": "loki",
    "alerts": "prometheus",
    "automation": "n8n",
    "analytics": "umami",
    "ai": "litellm",
    "team": "team-suite",
    "bundle": "team-suite",
    "wiki and chat": "team-suite",
}
"""What a person types who looks for something common, and what that person is after."""


@each(list(COMMON.items()))
@pytest.mark.guarantee("G23.2")
def test_a_common_word_finds_first_what_a_person_is_after(
    text: str, first: str, *, shelf: Tantivy
) -> None:
    assert search(shelf, text).names[0] == f"bp-{first}"


@pytest.mark.parametrize("text", ["mail", "mails", "post mail"])
def test_a_bundle_is_found_by_its_parts_behind_what_is_one_of_them(text: str) -> None:
    engine = Tantivy()
    one = Shown(
        name="bp-post",
        title="Other",
        tags=("mail",),
        summary="Mail for everybody.",
        description="Mail and post.",
    )
    parts = msgspec.structs.replace(one, name="bp-all", title="All of it, by post", bundle=True)
    engine.put([parts, one])
    assert search(engine, text).names == ("bp-post", "bp-all")
    engine.put([msgspec.structs.replace(parts, bundle=False), Shown(name="bp-x", title="X")])
    assert search(engine, text).names == ("bp-all",)


@each(
    [
        ("blog", ["bp-wordpress"]),
        ("blogs", ["bp-wordpress"]),
        ("cms", ["bp-wordpress"]),
        ("wordpres", ["bp-wordpress"]),
        ("wordpess", ["bp-wordpress"]),
        ("postgers", ["bp-postgres"]),
        ("garfana", ["bp-grafana"]),
        ("chat", ["bp-mattermost", "bp-team-suite"]),
    ]
)
@pytest.mark.guarantee("G23.2")
def test_a_word_that_is_there_as_it_stands_brings_nothing_that_is_only_spelt_alike(
    text: str, found: list[str], *, shelf: Tantivy
) -> None:
    assert list(search(shelf, text).names) == found


def test_whether_a_word_is_misspelt_is_judged_by_what_is_listed_alone() -> None:
    engine = Tantivy()
    engine.put(
        [
            Shown(name="bp-logs", title="Logs"),
            Shown(name="bp-blog", title="Blog", category="cms", listed=False),
        ]
    )
    assert search(engine, "blog").names == ("bp-logs",)
    assert search(engine, "bp-blog").names == ("bp-blog",)


def test_a_word_that_is_there_stays_exact_whatever_else_was_chosen() -> None:
    engine = Tantivy()
    engine.put(
        [Shown(name="bp-logs", title="Logs", category="x"), Shown(name="bp-a", title="Blog")]
    )
    only = Search(words=("blog",), only={"category": ("x",)})
    assert engine.search(only).names == ()
    assert engine.search(only).facets["category"] == ()


@each([("the", 0), ("for my", 0), ("pg", 1)])
def test_words_that_say_nothing_find_nothing_and_other_words_what_is_called_so(
    text: str, found: int
) -> None:
    words = wording.asked(text)
    engine = Tantivy()
    engine.put(
        [
            Shown(name="bp-postgres", title="PostgreSQL", description="The database for my site."),
            Shown(name="bp-forge", title="Forge", description="The forge for my code; PostgreSQL."),
        ]
    )
    assert (search(engine, text).total if words else 0) == found


def test_behind_bp_every_word_is_one_of_a_name() -> None:
    assert wording.asked("bp-for-the-team") == ("for", "the", "team")
    assert wording.asked("a wiki for the team") == ("wiki", "team")
    assert wording.asked("what wiki is for us") == ("wiki",)


def test_every_word_has_to_be_there_unless_nothing_has_them_all() -> None:
    engine = Tantivy()
    engine.put(
        [
            Shown(name="bp-a1", title="Fast cache", category="data"),
            Shown(name="bp-b1", title="Fast database"),
        ]
    )
    assert search(engine, "fast").names == ("bp-a1", "bp-b1")
    assert search(engine, "fast cache").names == ("bp-a1",)
    assert search(engine, "nothing").names == ()
    some = search(engine, "quite nothing fast cache")
    assert (some.total, some.names) == (2, ("bp-a1", "bp-b1"))
    assert some.facets["category"] == (Count(value="data", count=1),)
    # What is chosen beside the words makes nothing fit that lacks one of them.
    only = Search(words=("fast", "cache"), only={"category": ("cms",)})
    assert engine.search(only).names == ()
    assert engine.search(only).facets["category"] == (Count(value="data", count=1),)


def test_a_name_comes_before_a_tag_and_a_tag_before_a_description() -> None:
    engine = Tantivy()
    engine.put(
        [
            Shown(name="bp-one", title="One", description="Made for gardens."),
            Shown(name="bp-two", title="Two", tags=("garden",)),
            Shown(name="bp-garden", title="Three"),
            Shown(name="bp-four", title="Four", summary="A garden."),
            Shown(name="bp-five", title="Garden"),
        ]
    )
    found = ("bp-garden", "bp-five", "bp-two", "bp-four", "bp-one")
    assert search(engine, "garden").names == found


@pytest.mark.guarantee("G23.2")
def test_among_equals_the_one_that_says_it_more_often_comes_first_and_a_mark_beats_that() -> None:
    engine = Tantivy()
    full = Shown(
        name="bp-a-garden", title="Garden", tags=("garden",), summary="Garden", description="Garden"
    )
    said = Shown(name="bp-z", title="Z", tags=("garden",), summary="A garden.")
    engine.put([Shown(name="bp-a", title="A", tags=("garden",)), said])
    assert search(engine, "garden").names == ("bp-z", "bp-a")
    marked = Shown(name="bp-z-garden", title="Z", featured=True)
    engine.put([full, marked])
    assert search(engine, "garden").names == ("bp-z-garden", "bp-a-garden")


def test_among_equals_what_is_featured_comes_first_and_then_the_name_decides() -> None:
    engine = Tantivy()
    same = [Shown(name=f"bp-x{n}", title="Same", featured=n == 2) for n in (3, 1, 2)]
    engine.put(same)
    assert search(engine, "same").names == ("bp-x2", "bp-x1", "bp-x3")
    assert search(engine, "").names == ("bp-x2", "bp-x1", "bp-x3")
    assert engine.search(Search(featured=True)).names == ("bp-x2",)


def test_however_many_equals_there_are_the_first_names_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine_module, "_EQUALS", 2)
    engine = Tantivy()
    engine.put([Shown(name=f"bp-x{number}", title="Same") for number in (7, 3, 9, 1, 5, 2, 8)])
    for words in ((), ("same",)):
        found = engine.search(Search(words=words, first=3))
        assert (found.total, found.names) == (7, ("bp-x1", "bp-x2", "bp-x3"))


def test_what_is_not_listed_is_found_by_its_whole_name_alone() -> None:
    engine = Tantivy()
    engine.put([Shown(name="bp-quiet", title="Quiet", category="cms", listed=False)])
    for text in ("", "quiet", "bp-quie", "qu"):
        found = search(engine, text)
        assert (found.names, found.facets["category"]) == ((), ())
    assert search(engine, "bp-quiet").names == ("bp-quiet",)


def test_a_facet_counts_what_another_choice_in_it_would_find() -> None:
    engine = Tantivy()
    engine.put(
        [
            Shown(name="bp-a1", title="A", category="data", origin="public", tags=("sql",)),
            Shown(name="bp-b1", title="B", category="data", origin="private", tags=("sql", "kv")),
            Shown(name="bp-c1", title="C", category="cms", origin="public"),
        ]
    )
    found = engine.search(Search(only={"category": ("data",)}))
    assert found.names == ("bp-a1", "bp-b1")
    assert found.facets["category"] == (Count(value="data", count=2), Count(value="cms", count=1))
    assert found.facets["tag"] == (Count(value="sql", count=2), Count(value="kv", count=1))
    both = engine.search(Search(only={"category": ("data", "cms"), "origin": ("private",)}))
    assert both.names == ("bp-b1",)


@each(["w.*", "[a-z]+", "wiki*", "name:wiki", "(wiki", "wiki OR git", '"'])
@pytest.mark.guarantee("G23.2")
def test_what_looks_like_a_pattern_is_words(text: str, *, shelf: Tantivy) -> None:
    plain = " ".join(wording.words(text))
    assert search(shelf, text).names == search(shelf, plain).names


@cache
def wiki() -> Tantivy:
    engine = Tantivy()
    engine.put([Shown(name="bp-wiki", title="Wiki")])
    return engine


@given(text=st.text(max_size=80))
@pytest.mark.guarantee("G23.2")
def test_any_text_is_answered(text: str) -> None:
    assert set(search(wiki(), text).names) <= {"bp-wiki"}


names = st.sampled_from([f"bp-n{number}" for number in range(4)])
shown = st.builds(
    Shown,
    name=names,
    title=st.sampled_from(["Wiki", "Chat", "Wide"]),
    category=st.sampled_from(["", "cms", "data"]),
    featured=st.booleans(),
    listed=st.booleans(),
)


@pytest.mark.guarantee("G23.3")
@given(states=st.lists(st.lists(shown, max_size=4, unique_by=lambda one: one.name), max_size=3))
def test_an_engine_that_followed_changes_answers_like_a_new_one(states: list[list[Shown]]) -> None:
    followed = Tantivy()
    for state in states:
        followed.put(state)
    new = Tantivy()
    new.put(states[-1] if states else [])
    for text in ("", "wi", "chat", "bp-n1"):
        assert search(followed, text) == search(new, text)
