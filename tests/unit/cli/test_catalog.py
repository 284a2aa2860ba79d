"""`catalyst catalog`: what a person reads of an answer."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.support.each import each

from catalyst.blueprints import form
from catalyst.cli import catalog, owned
from catalyst.cli.exits import ExitCode, Failure
from catalyst.cli.source import OriginName
from catalyst.client.errors import Problem

CARD: dict[str, Any] = {
    "name": "bp-wiki",
    "title": "Wiki\x1b[2J",
    "summary": "Pages.",
    "category": "cms",
    "tags": ["wiki"],
    "origin": "public",
    "version": "1.0.0",
    "featured": True,
    "deprecated": "old",
    "security": True,
    "price": None,
}


def answered(monkeypatch: pytest.MonkeyPatch, result: dict[str, Any]) -> list[tuple[str, Any]]:
    """Let every question have one answer; return what was asked."""
    asked: list[tuple[str, Any]] = []

    def ask(_target: object, _service: str, name: str, request: dict[str, Any], _org: str) -> Any:
        asked.append((name, request))
        return type("Answered", (), {"result": result})()

    monkeypatch.setattr(owned, "answered", ask)
    return asked


def test_what_has_no_price_is_not_free(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    price = [{"minor": 5000, "text": "5.000 OMR"}, {"minor": 1300, "text": "13.00 USD"}]
    bundle = [{"minor": 0, "text": "0.000 OMR"}, {"minor": 0, "text": "0.00 USD"}]
    priced = {**CARD, "name": "bp-chat", "price": price, "needs": ["bp-postgres", "bp-valkey"]}
    suite = {**CARD, "name": "bp-suite", "price": bundle}
    answered(monkeypatch, {"items": [CARD, priced, suite], "total": 7, "next": 3})
    catalog.search("wiki", org="acme", url="http://127.0.0.1:1")
    shown = capsys.readouterr()
    first, second, third = shown.out.splitlines()[1:]
    assert "no price" in first
    assert first.endswith("featured, security, deprecated")
    assert "\x1b" not in shown.out
    assert "5.000 OMR or 13.00 USD a month" in second
    # What comes along has a price, too.
    assert second.endswith("deprecated; needs bp-postgres, bp-valkey (priced apart)")
    # A bundle costs what its parts do.
    assert "no charge of its own" in third
    assert "3 of 7" in shown.err
    assert "--offset 3" in shown.err


@each([([], "5.000 OMR a month"), (["bp-db"], "5.000 OMR a month, without what it needs")])
def test_a_price_says_that_what_comes_along_costs_more(
    needs: list[str],
    said: str,
    *,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    texts = dict.fromkeys(("description", "documentation", "license"), "")
    lists: dict[str, Any] = {name: [] for name in ("needs", "versions", "runs")}
    card = {**CARD, "price": [{"minor": 5000, "text": "5.000 OMR"}], "needs": needs}
    answered(monkeypatch, {"card": card, "version": "1.0.0", "copies": None, **texts, **lists})
    catalog.show_("bp-wiki", org="acme", url="http://x:1")
    assert f"price:         {said}" in capsys.readouterr().out.splitlines()


def test_reasons_and_forms_are_asked_for_where_it_shall_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reasons = ["bp-wiki 2.0.0 needs bp-postgres ^16", "acme-prod runs bp-postgres 15.4"]
    asked = answered(monkeypatch, {"reasons": reasons})
    catalog.show_("bp-wiki", org="acme", why_not="2.0.0", env="acme-prod", url="http://x:1")
    wanted = {
        "blueprint": "bp-wiki",
        "version": "2.0.0",
        "environment": "acme-prod",
        "application": "",
    }
    assert asked == [("why-not", wanted)]
    assert capsys.readouterr().out.splitlines() == reasons
    # Whose Environment it is, is whose catalogue is meant.
    monkeypatch.setattr(owned, "require_environment", lambda *_: {"organization": "acme"})
    catalog.show_("bp-wiki", why_not="2.0.0", env="acme-prod", url="http://x:1")
    assert asked == [("why-not", wanted), ("why-not", wanted)]
    assert capsys.readouterr().out.splitlines() == reasons
    field = {"path": ["db", "mode"], "title": "Mode", "type": "string", "enum": ["a", "b"]}
    answered(monkeypatch, {"fields": [{"field": field, "value": "a", "options": []}]})
    catalog.show_("bp-wiki", org="acme", form=True, url="http://x:1")
    assert capsys.readouterr().out.splitlines()[1].split()[:2] == ["db.mode", "Mode"]


def test_a_form_says_what_stands_for_a_secret_and_for_an_application(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ref = {"type": "string", "x-catalyst-ui-hint": "application-ref"}
    parts = {
        "apiKey": {"type": "string", "x-catalyst-ui-hint": "password"},
        "other": ref,
        "tickets": {**ref, "x-catalyst-ui-filter": {"blueprint": "tickets"}},
        "seats": {"type": "integer"},
    }
    found = [msgspec.to_builtins(one) for one in form.fields({"properties": parts})]
    fields = [{"field": one, "value": None, "options": []} for one in found]
    answered(monkeypatch, {"fields": fields})
    catalog.show_("bp-board", org="acme", form=True, url="http://x:1")
    heading, *lines = capsys.readouterr().out.splitlines()
    begin, end = heading.index("TYPE"), heading.index("VALUE")
    assert {line.split()[0]: line[begin:end].strip() for line in lines} == {
        "apiKey": "secret:<name>/<key>",
        "other": "Application of any Blueprint",
        "tickets": "Application of bp-tickets",
        "seats": "integer",
    }


def test_a_form_says_while_what_a_field_is_there_and_needed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    schema = {
        "required": ["domain"],
        "properties": {"domain": {"type": "string"}, "mode": {"type": "string"}},
        "if": {"properties": {"mode": {"const": "queue"}}},
        "then": {"required": ["workers"], "properties": {"workers": {"type": "integer"}}},
        "oneOf": [
            {"properties": {"mode": {"enum": ["a", True]}, "host": {"type": "string"}}},
        ],
        "dependentSchemas": {"domain": {"properties": {"cert": {"type": "string"}}}},
        "dependentRequired": {"mode": ["cert", "note"], "workers": ["note"]},
    }
    found = [{"field": msgspec.to_builtins(one), "options": []} for one in form.fields(schema)]
    answered(monkeypatch, {"fields": [{**one, "value": None} for one in found]})
    catalog.show_("bp-flows", org="acme", form=True, url="http://x:1")
    heading, *lines = capsys.readouterr().out.splitlines()
    required, when, fixed = (heading.index(name) for name in ("REQUIRED", "WHEN", "FIXED"))
    assert {
        line.split()[0]: (line[required:when].strip(), line[when:fixed].strip()) for line in lines
    } == {
        "domain": ("yes", "-"),
        "mode": ("no", "-"),
        "host": ("no", "mode is a or true"),
        "workers": ("only then", "mode is queue"),
        "cert": ("if mode is given", "domain is given"),
        "note": ("if mode is given, or workers is given", "-"),
    }


def test_what_a_condition_asks_for_is_asked_of_the_person_and_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise Problem(422, "values-invalid", "wiki: there is no baseDomain")

    monkeypatch.setattr(owned, "answered", refuse)
    with pytest.raises(Failure) as refused:
        catalog.show_("bp-suite", org="acme", why_not="*", env="acme-prod", url="http://x:1")
    assert "--set PATH=VALUE" in refused.value.hint
    wanted = "`catalyst catalog show bp-suite --form --env acme-prod --org acme`"
    assert wanted in refused.value.hint
    asked = answered(monkeypatch, {"reasons": []})
    given = ["baseDomain=a.example", "wiki.seats=3"]
    catalog.show_(
        "bp-suite", org="acme", why_not="*", env="acme-prod", settings=given, url="http://x:1"
    )
    assert asked[0][1]["config"] == {"baseDomain": "a.example", "wiki": {"seats": 3}}


@each([{}, {"env": "acme-prod"}, {"why_not": "*"}])
def test_values_that_no_question_looks_at_are_refused(more: dict[str, Any]) -> None:
    with pytest.raises(Failure) as refused:
        catalog.show_("bp-suite", org="acme", settings=["a=1"], url="http://x:1", **more)
    assert refused.value.exit_code is ExitCode.USAGE


def test_two_questions_at_once_and_the_platform_are_refused() -> None:
    with pytest.raises(Failure) as both:
        catalog.show_("bp-wiki", org="acme", form=True, why_not="1.0.0", url="http://x:1")
    assert both.value.exit_code is ExitCode.USAGE
    with pytest.raises(Failure) as platform:
        catalog.search("wiki", org="_", url="http://x:1")
    assert "whose catalogue" in platform.value.message


def test_what_is_found_can_be_looked_at_and_planned(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answered(monkeypatch, {"items": [CARD], "total": 1, "next": None})
    catalog.search("wiki", org="acme", url="http://x:1")
    assert "catalog show bp-wiki --org acme`" in capsys.readouterr().err
    answered(monkeypatch, {"fields": []})
    catalog.show_("bp-wiki", org="acme", form=True, env="acme-prod", url="http://x:1")
    wanted = "plan install bp-wiki --as NAME --env acme-prod --org acme`"
    assert wanted in capsys.readouterr().err
    # Under its full name, however it was asked for.
    catalog.show_("wiki", org="acme", form=True, env="acme-prod", url="http://x:1")
    assert wanted in capsys.readouterr().err
    # The version that was looked at is the one that is planned.
    catalog.show_("wiki", org="acme", version="1.0.1", form=True, url="http://x:1")
    assert "--env ENVIRONMENT --org acme --version 1.0.1`" in capsys.readouterr().err


@each([(0, "nothing was found"), (7, "nothing else: 7 in all")])
def test_a_search_that_finds_nothing_says_so_without_a_table(
    total: int,
    said: str,
    *,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    answered(monkeypatch, {"items": [], "total": total, "next": None})
    catalog.search("wikki", org="acme", url="http://x:1")
    shown = capsys.readouterr()
    assert (shown.out, shown.err.strip()) == ("", said)


@each([("", "1.1.0"), ("1.0.0", "1.0.0")])
def test_the_version_that_was_asked_for_stands_at_the_top(
    asked: str,
    shown: str,
    *,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    texts = dict.fromkeys(("description", "documentation", "license"), "")
    lists: dict[str, Any] = {name: [] for name in ("needs", "versions", "runs")}
    card = {**CARD, "title": "Wiki", "version": "1.1.0"}
    answered(monkeypatch, {"card": card, "version": shown, "copies": None, **texts, **lists})
    catalog.show_("bp-wiki", org="acme", version=asked, url="http://x:1")
    assert capsys.readouterr().out.splitlines()[0] == f"Wiki (bp-wiki {shown})"


@pytest.mark.guarantee("G14.24")
@pytest.mark.parametrize(
    ("most", "line"),
    [
        (None, []),
        (1, ["copies:        one in an Organization"]),
        (5, ["copies:        5 at most in an Organization"]),
    ],
)
def test_how_many_copies_an_organization_is_meant_to_have_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    most: int | None,
    line: list[str],
) -> None:
    texts = dict.fromkeys(("description", "documentation", "license"), "")
    lists: dict[str, Any] = {name: [] for name in ("needs", "versions", "runs")}
    answered(monkeypatch, {"card": CARD, "version": "1.0.0", "copies": most, **texts, **lists})
    catalog.show_("bp-wiki", org="acme", url="http://x:1")
    shown = capsys.readouterr().out.splitlines()
    assert [one for one in shown if one.startswith("copies")] == line


def test_a_search_says_by_what_it_can_be_narrowed_and_is_by_an_origin(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    facets = {
        "category": [{"value": "cms", "count": 2}, {"value": "data", "count": 1}],
        "origin": [{"value": "public", "count": 3}],
        "tag": [{"value": "x", "count": 1}, {"value": "y", "count": 2}],
    }
    found = {"items": [CARD], "total": 3, "next": None, "facets": facets}
    asked = answered(monkeypatch, found)
    catalog.search(org="acme", origin=[OriginName.PUBLIC], url="http://x:1")
    # Where there is one of a kind alone, there is nothing to choose.
    assert "1 of 3; --category cms (2), data (1)\n" in capsys.readouterr().err
    assert asked[0][1]["origin"] == ["public"]
    found["facets"] = {**facets, "origin": [*facets["origin"], {"value": "private", "count": 1}]}
    catalog.search(org="acme", url="http://x:1")
    said = "1 of 3; --category cms (2), data (1); --origin public (3), private (1)\n"
    assert said in capsys.readouterr().err
    assert asked[1][1]["origin"] == []


def test_a_map_in_a_form_stands_as_it_is_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fields = [
        {"field": {"path": [name], "title": "T", "type": "object"}, "value": value, "options": []}
        for name, value in (("map", {"mode": "none", "on": True}), ("list", [{"a": 1}]), ("no", []))
    ]
    answered(monkeypatch, {"fields": fields})
    catalog.show_("bp-wiki", org="acme", form=True, url="http://x:1")
    lines = capsys.readouterr().out.splitlines()[1:]
    assert [line.split()[3] for line in lines] == ['{"mode":"none","on":true}', '[{"a":1}]', "-"]


def test_what_is_in_each_entry_of_a_list_stands_below_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    port = {"type": "object", "properties": {"number": {"type": "integer", "default": 80}}}
    entry = {
        "type": "object",
        "required": ["name"],
        "properties": {"name": {}, "ports": {"type": "array", "items": port}},
    }
    (made,) = form.fields({"properties": {"hosts": {"type": "array", "items": entry}}})
    found = {"field": msgspec.to_builtins(made), "options": [], "value": None}
    answered(monkeypatch, {"fields": [found]})
    catalog.show_("bp-wiki", org="acme", form=True, url="http://x:1")
    lines = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert [(one[0], *one[2:5]) for one in lines] == [
        ("hosts", "array", "-", "no"),
        ("hosts[].name", "string", "-", "yes"),
        ("hosts[].ports", "array", "-", "no"),
        ("hosts[].ports[].number", "integer", "80", "no"),
    ]
