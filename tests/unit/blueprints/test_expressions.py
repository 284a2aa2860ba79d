"""Expressions: what they give, where they are wrong, and what they may cost."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.each import each

from catalyst.blueprints.expressions import (
    MAX_BRACKETS,
    MAX_CHARACTERS,
    MAX_PATTERN,
    BadExpression,
    EvaluationError,
    Variables,
    compile_,
)
from catalyst.blueprints.templates import MAX_EXPRESSIONS, condition, parse, translate

SCOPE: dict[str, Any] = {
    "config": {
        "n": 3, "f": 1.5, "b": True, "s": "x", "l": [1, 2], "m": {"k": "v"},
        "p": "secret:site/pw", "none": None,
    },
    "application": {"name": "site", "dependencies": {}},
    "environment": {"type": "prod"},
}  # fmt: skip


@each(
    [
        ("${{ config.n }}", 3),
        ("  ${{ config.l }}\n", [1, 2]),
        ("${{ config.b ? {'a': {'b': 1}} : null }}", {"a": {"b": 1}}),
        ("a-${{ config.n }}-${{ config.b }}-${{ config.f }}", "a-3-true-1.5"),
        ("$${{ as it is }}", "${{ as it is }}"),
        ("${{ 'a}}b' }}", "a}}b"),
        ("{{ .Values.others }}", "{{ .Values.others }}"),
        ("${{ has(config.q) ? 1 : 2 }}", 2),
        ("${{ config.l.map(i, i * 2) }}", [2, 4]),
        ("${{ join(config.l, '-') + lower('A') + replace('aa', 'a', 'b') }}", "1-2abb"),
        ("${{ json(config.m) }}", '{"k": "v"}'),
        ("${{ secretName(config.p) + ' ' + secretKey(config.p) }}", "site pw"),
        ("${{ config.s.matches('^(x+)+$') }}", True),
        ("${{ size(config.l) }} // no comment", "2 // no comment"),
        ("${{ 'it\\'s }}' }}", "it's }}"),
        ("", ""),
        (" \n ", " \n "),
    ]
)
def test_a_text_gives_its_value(text: str, value: Any) -> None:
    found = parse(text).evaluate(SCOPE)
    assert (found, type(found)) == (value, type(value))


def test_what_fails_leaves_no_trace_in_what_is_evaluated_with_the_same_values() -> None:
    seen = Variables(SCOPE)
    for _ in range(2):
        with pytest.raises(EvaluationError, match="lower takes a text"):
            parse("${{ lower(config.n) }}").evaluate(seen)
        assert parse("${{ lower('A') + config.s }}").evaluate(seen) == "ax"
        assert parse("${{ application.name }}").evaluate(seen) == "site"


@pytest.mark.guarantee("G20.3")
@each(
    [
        ("a ${{ config.n + }}", 16),
        ("${{ confg.n }}", 4),
        ("${{ config.n", 3),
        ("${{ }}", 4),
        ("${{ config.n\n  + nope(1) }}", 17),
        ("${{ timestamp('2026-01-01T00:00:00Z') }}", 4),
        ("${{ config.s.matches(config.s) }}", 21),
        ("${{ config.l.map(config, 1) }}", 17),
        ("${{ a`b }}", 5),
        ("${{ 'a'.matches( }}", 8),
        ("${{ 'a'.matches('b' }}", 16),
        ("${{ 'a'.matches('b' + config.s) }}", 16),
        ("${{ config.l.map(i, 'a'.matches(i)) }}", 32),
        (f"${{{{ 'a'.matches('{'b' * MAX_PATTERN}') }}}}", 16),
        ("${{ config.l.map( }}", 17),
        ("${{ size(other) }}", 9),
        ("${{ config.map + other }}", 17),
        ("${{ config.n\n  + 1 +\n   * 2 }}", 24),
    ]
)
def test_what_does_not_compile_is_told_at_its_character(text: str, offset: int) -> None:
    with pytest.raises(BadExpression) as caught:
        parse(text)
    assert caught.value.offset == offset


@each(["${{ config.nope }}", "${{ config.n + 'x' }}", "${{ 1 / 0 }}", "${{ config.l[9] }}",
     "${{ secretName('plain') }}", "${{ 1.0 / 0.0 }}", "${{ 9223372036854775807 + 1 }}",
     "${{ {1: 2} }}", "${{ join('x', 1) }}", "${{ int('x') }}"])  # fmt: skip
def test_what_has_no_result_says_so(text: str) -> None:
    template = parse(text)
    with pytest.raises(EvaluationError):
        template.evaluate(SCOPE)


@each(
    [
        ("{{ .config.postgres.mode == 'embedded' }}", "config.postgres.mode == 'embedded'"),
        ('{{ !(.config.a && .environment.type != "dev") }}', None),
        ("config.n > 2", "config.n > 2"),
        ("${{ config.n > 2 }}", "config.n > 2"),
    ]
)
def test_a_condition_may_be_written_in_three_forms(text: str, cel: str | None) -> None:
    found = condition(text)
    assert cel is None or found.source == cel


@pytest.mark.guarantee("G20.3")
@each(
    [
        ("{{ eq .config.a 1 }}", 3),
        ("{{ .Values.x }}", 3),
        ("{{ .config.a | default 1 }}", 13),
        ("{{ .config.a == now }}", 16),
        ("{{ range .config.l }}", 3),
        ("{{ }}", 2),
        ("{{ .config.a + 1 }}", 13),
        ("{{ . }}", 3),
        ("{{ .config.a == . }}", 16),
        ("{{ .config.a == .1 }}", 16),
        ("{{ .config.a.", 2),
        ("{{ !.other.a }}", 4),
    ]
)
def test_anything_else_between_braces_is_refused_at_its_character(text: str, offset: int) -> None:
    with pytest.raises(BadExpression) as caught:
        parse(text, old=True)
    assert caught.value.offset == offset


def test_what_stands_around_a_condition_is_refused() -> None:
    with pytest.raises(BadExpression, match="one expression"):
        condition("{{ .config.a == 1 }} or so")


def test_translation_keeps_texts_as_they_are() -> None:
    assert translate(" .config.a == '.config.b' ") == "config.a == '.config.b'"


def test_an_expression_tells_what_it_reads() -> None:
    found = compile_("has(config.a.b) && config.a.b.c == 1 && application.name == 'x'")
    assert [(one.path, one.guarded) for one in found.references] == [
        (("config", "a", "b"), True),
        (("config", "a", "b", "c"), True),
        (("application", "name"), False),
    ]
    found = compile_("has(config.a) && has(config.b) && config.a == config.b")
    assert [one.guarded for one in found.references] == [True] * 4
    found = compile_("size(config.a) + config.l.map(i, i.name).size()")
    assert [(one.path, one.guarded) for one in found.references] == [
        (("config", "a"), False),
        (("config", "l"), False),
    ]


def test_an_expression_that_reaches_a_limit_compiles_and_one_beyond_it_does_not() -> None:
    compile_("1".ljust(MAX_CHARACTERS))
    compile_("(" * MAX_BRACKETS + "1" + ")" * MAX_BRACKETS)
    for source in (
        "1".ljust(MAX_CHARACTERS + 1),
        "(" * (MAX_BRACKETS + 1) + "1" + ")" * (MAX_BRACKETS + 1),
    ):
        with pytest.raises(BadExpression):
            compile_(source)


@pytest.mark.guarantee("G20.4")
@each(["", " - "])
def test_a_text_has_so_many_expressions_and_no_more(between: str) -> None:
    assert parse(between.join(["${{ 1 }}"] * MAX_EXPRESSIONS)).evaluate(SCOPE)
    with pytest.raises(BadExpression, match="at most"):
        parse(between.join(["${{ 1 }}"] * (MAX_EXPRESSIONS + 1)))


@pytest.mark.guarantee("G20.4")
@each(["(" * 500 + "1" + ")" * 500, "[" * 500 + "]" * 500, "1" + " + 1" * 1000,
     "config.l.map(a, config.l.map(b, config.l.map(c, config.l.map(d, d))))"])  # fmt: skip
def test_an_expression_beyond_a_limit_does_not_compile(source: str) -> None:
    with pytest.raises(BadExpression):
        compile_(source)


@pytest.mark.guarantee("G20.4")
@each(
    [
        "config.l.map(a, config.l.map(b, config.l.map(c, config.l)))",
        "config.l.map(a, config.l.map(b, a * b))",
        "config.l.map(a, 'x'.matches('((a{20}){20}){20}'))",
        "config.s + config.s + config.s",
        "replace(config.s, 'a', config.s)",
        "config.l.map(a, config.s)",
        "[config.l, config.l].map(a, [a, a].map(b, [b, b].map(c, [c, c, c, c])))",
        "join(config.l.map(a, config.s), '')",
    ]
)
def test_work_that_could_grow_is_refused_before_or_cut_after(source: str) -> None:
    large = {"config": {"l": list(range(2000)), "s": "a" * 30_000}}
    with pytest.raises(EvaluationError):
        compile_(source).evaluate(large)


@pytest.mark.guarantee("G20.4")
@pytest.mark.parametrize(
    ("source", "entries"),
    [
        ("config.l.map(a, config.l.map(b, a * b))", 150),
        ("config.l.map(a, 'x'.matches('a'))", 250),
    ],
    ids=["work", "patterns"],
)
def test_each_limit_of_work_is_reached_by_what_would_still_end(source: str, entries: int) -> None:
    compile_(source).evaluate({"config": {"l": list(range(entries // 5))}})
    with pytest.raises(EvaluationError, match="could do too much"):
        compile_(source).evaluate({"config": {"l": list(range(entries))}})


@pytest.mark.guarantee("G20.4")
@given(st.text(alphabet="config.napltio()[]{}'\"\\?:!-+*/&|=<>, 0123456789\n$`x", max_size=80))
def test_any_text_compiles_or_is_refused_inside_itself(text: str) -> None:
    for read in (lambda: parse(text, old=True), lambda: compile_(text), lambda: condition(text)):
        try:
            found = read()
        except BadExpression as error:
            assert 0 <= error.offset <= len(text)  # noqa: PT017 - any text may be drawn
            continue
        try:
            found.evaluate(SCOPE)
        except EvaluationError as error:
            assert str(error)  # noqa: PT017 - any text may be drawn


@each([
        ("size('abc')", 3), ("'abc'.contains('b')", True), ("'abc'.startsWith('a')", True),
        ("'abc'.endsWith('c')", True), ("'abc'.matches('^a')", True), ("int('7')", 7),
        ("double(2)", 2.0), ("string(true)", "true"), ("string(7)", "7"), ("string('a')", "a"),
        ("bool('true')", True), ("bool(false)", False), ("min(3, 1, 2)", 1), ("max([3, 9])", 9),
        ("join(['a', 'b'], '-')", "a-b"), ("replace('a.b', '.', '-')", "a-b"),
        ("lower('AB')", "ab"), ("json([1])", "[1]"), ("type(1) == type(2)", True),
        ("secretName('secret:db/password')", "db"), ("secretKey('secret:db/password')", "password"),
        ("port('https://a.example/x')", 443), ("port('http://u:p@[::1]:8080/x?y#z')", 8080),
        ("port('HTTP://a')", 80),
    ])  # fmt: skip
def test_every_function_that_compiles_has_a_result(text: str, result: object) -> None:
    assert compile_(text).evaluate(SCOPE) == result


@each(["min()", "max('a')", "bool('yes')", "string([1])", "port('https://a:99999')", "port('a')"])
def test_a_function_says_what_it_takes(text: str) -> None:
    with pytest.raises(EvaluationError, match="takes"):
        compile_(text).evaluate(SCOPE)
