"""What people type, as the words that are looked for."""

from __future__ import annotations

from tests.support.each import each

from catalyst.catalog_svc.domain import wording
from catalyst.catalog_svc.domain.wording import SYNONYMS, asked, joined, synonyms, typos, words


@each(
    [
        ("", ()),
        ("  Wiki, for ME! ", ("wiki", "for", "me")),
        ("Größe Café ﬁle", ("grosse", "cafe", "file")),
        ("a_b-c.d/e", ("a", "b", "c", "d", "e")),
        ("s3 k8s n8n", ("s3", "k8s", "n8n")),
        ("*?[x](y)\\", ("x", "y")),
        ("Ω数据", ("ω数据",)),
        ("x" * 41, ("x" * 40,)),
    ]
)
def test_words_are_small_letters_without_accents(text: str, found: tuple[str, ...]) -> None:
    assert words(text) == found


@each(
    [
        ("wiki wiki WIKI", ("wiki",)),
        ("a wiki for my own team", ("wiki", "team")),
        ("the", ()),
        ("bp", ()),
        ("bp-wiki", ("wiki",)),
        ("bp-on-the-wiki", ("on", "the", "wiki")),
        ("wiki bp", ("wiki",)),
        ("log in", ("login",)),
        ("sign in with sso", ("signin", "sso")),
        ("sign on", ("signon",)),
        ("in log", ("log",)),
        ("log it in", ("log",)),
        ("wiki in", ("wiki",)),
        ("bp log in", ("log", "in")),
        (" ".join(f"w{n}" for n in range(10)), tuple(f"w{n}" for n in range(8))),
    ]
)
def test_what_says_nothing_is_left_out(text: str, found: tuple[str, ...]) -> None:
    assert asked(text) == found


def test_a_word_is_tried_together_with_each_beside_it() -> None:
    found = ("word", "press", "site")
    assert [joined(found, at) for at in range(3)] == [
        ("wordpress",),
        ("wordpress", "presssite"),
        ("presssite",),
    ]
    assert joined(("wiki",), 0) == ()
    assert joined(("x" * 30, "y" * 30), 0) == ("x" * 30 + "y" * 10,)


@each(
    [
        ("pg", ("postgres", "postgresql")),
        ("mysql", ("mariadb",)),
        ("oauth", ("keycloak", "identity", "sso", "login", "oidc", "signin", "signon",
                   "singlesign")),
        ("slack", ("mattermost", "chat")),
        ("mattermost", ()),
        ("wikis", ("wiki", "knowledge", "documentation", "knowledgebase")),
        ("databases", ("database", "db", "sql")),
        ("dbs", ()),
        ("llms", ()),
        ("files", ("file", "drive", "sharing")),
        ("nothing", ()),
        ("things", ("thing",)),
    ]
)  # fmt: skip
def test_what_people_call_it_otherwise(word: str, found: tuple[str, ...]) -> None:
    assert synonyms(word) == found


def test_words_that_mean_the_same_do_so_both_ways() -> None:
    for word, others in SYNONYMS.items():
        assert word not in others
        assert all({word, *others} == {other, *SYNONYMS[other]} for other in others)


@each([("abc", 0), ("abcd", 1), ("abcdefg", 1), ("abcdefgh", 2), ("abcdefghi", 2), ("", 0)])
def test_the_longer_a_word_the_more_of_it_may_be_wrong(word: str, letters: int) -> None:
    assert typos(word) == letters


def test_the_limits_are_these() -> None:
    assert (wording.MAX_WORDS, wording.MAX_LENGTH) == (8, 40)
