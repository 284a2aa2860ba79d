"""Tokens, subjects and keys: what goes in comes out, and nothing else does."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.support.each import each

from catalyst.contracts import subjects
from catalyst.contracts.subjects import BadSubject, Claim, Ref, RowKey

TOKEN = re.compile(r"[A-Za-z0-9_=-]+")
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
"""Any text that UTF-8 can hold."""
awkward = st.one_of(text, st.sampled_from(["", "_", "=", "=5F", ".", "*", ">", "a.b", "\x00", "é"]))
names = st.from_regex(r"[a-z][a-z0-9]{0,5}(-[a-z0-9]{1,4}){0,2}", fullmatch=True)
"""What services and kinds of aggregates are called."""
refs = st.builds(Ref, st.one_of(st.none(), awkward), names, names, awkward)
versions = st.integers(1, 9999)


@given(awkward)
@example("_")
@example("")
def test_a_token_leads_back_to_its_text(value: str) -> None:
    token = subjects.escape(value)
    assert TOKEN.fullmatch(token)
    assert token != subjects.PLATFORM
    assert subjects.unescape(token) == value


@given(awkward, awkward)
def test_two_texts_never_share_a_token(one: str, other: str) -> None:
    assert (subjects.escape(one) == subjects.escape(other)) == (one == other)


@given(st.text(st.sampled_from(string.ascii_letters + string.digits + "-_"), min_size=2))
def test_a_plain_name_is_its_own_token(value: str) -> None:
    assert subjects.escape(value) == value


@given(st.text(st.sampled_from("ab=05CEF_.-é\n"), max_size=12))
def test_unescaping_is_refused_or_exact(token: str) -> None:
    try:
        value = subjects.unescape(token)
    except BadSubject:
        return
    assert subjects.escape(value) == token


@each(["", "_", "=5f", "=6", "=61", "a=", "a.b", "=FF", "=ED=A0=80", "a\n", "=5F=5F", "é"])
def test_a_token_that_no_text_has_is_refused(token: str) -> None:
    with pytest.raises(BadSubject):
        subjects.unescape(token)


@given(st.one_of(st.none(), awkward))
def test_the_platform_is_no_organization(organization: str | None) -> None:
    token = subjects.organization_token(organization)
    assert subjects.organization_of(token) == organization


@given(refs, awkward, versions)
def test_a_subject_leads_back_to_its_aggregate(ref: Ref, name: str, version: int) -> None:
    for subject, kind in (
        (ref.command(subjects.escape(name), version), "cmd"),
        (ref.event(subjects.escape(name), version), "evt"),
    ):
        found = subjects.parse(subject)
        assert (found.kind, found.ref, found.name, found.version) == (kind, ref, name, version)
        assert len(subject.split(".")) == 7


@given(refs)
def test_a_path_leads_back_to_its_aggregate(ref: Ref) -> None:
    assert Ref.parse(ref.path) == ref
    assert ref.guard == f"evt.{ref.path}.>"
    assert ref.event("x", 1).startswith(ref.guard.removesuffix(">"))


@given(refs, refs)
def test_two_aggregates_never_share_a_guard(one: Ref, other: Ref) -> None:
    assert (one.guard == other.guard) == (one == other)


@given(st.text(st.sampled_from("cmdevtou.v019=_ab\n"), max_size=30))
def test_parsing_is_refused_or_exact(subject: str) -> None:
    try:
        found = subjects.parse(subject)
    except BadSubject:
        return
    make = {"cmd": found.ref.command, "evt": found.ref.event, "out": found.ref.command}[found.kind]
    rebuilt = make(subjects.escape(found.name), found.version)
    assert rebuilt.partition(".")[2] == subject.partition(".")[2]


@each(
    [
        "cmd.acme.environment.organization.acme.create-organization",
        "cmd.acme.environment.organization.acme.create-organization.v0",
        "cmd.acme.environment.organization.acme.create-organization.v01",
        "cmd.acme.environment.organization.acme.create-organization.1",
        "cmd.acme.environment.organization.acme.create-organization.v1.more",
        "cmd.acme.environment.organization..create-organization.v1",
        "cmd.*.environment.organization.acme.create-organization.v1",
        "cmd.acme.environment.>",
        "st.acme.environment.organization.acme.create-organization.v1",
        "cmd.acme.environment.organization.acme.create-organization.v1\n",
        "",
    ]
)
def test_a_subject_of_another_grammar_is_refused(subject: str) -> None:
    with pytest.raises(BadSubject):
        subjects.parse(subject)


@each(
    ["a.b.c", "a.b.c.d.e", "", "a.b.c._", "a.*.c.d", "a.b.=2A.d", "a..c.d", "a.B.c.d", "a.b-.c.d"]
)
def test_a_path_of_another_grammar_is_refused(path: str) -> None:
    with pytest.raises(BadSubject):
        Ref.parse(path)


keys = st.builds(
    RowKey, st.one_of(st.none(), awkward), st.one_of(st.none(), awkward), awkward,
    st.one_of(st.none(), awkward), awkward,
)  # fmt: skip


@given(keys)
def test_a_row_s_key_leads_back_to_the_row(key: RowKey) -> None:
    encoded = key.encode()
    assert RowKey.decode(encoded) == key
    assert len(encoded.split(".")) == 5
    assert encoded != "_ck"


@given(keys, keys)
def test_two_rows_never_share_a_key(one: RowKey, other: RowKey) -> None:
    assert (one.encode() == other.encode()) == (one == other)


@given(st.text(st.sampled_from("ab=05CEF_.-\n"), max_size=20))
def test_decoding_a_key_is_refused_or_exact(key: str) -> None:
    try:
        found = RowKey.decode(key)
    except BadSubject:
        return
    assert found.encode() == key


@each(["_ck", "", "a.b.c.d", "a.b.c.d.e.f", "a.b._.d.e"])
def test_a_key_that_is_no_row_s_is_refused(key: str) -> None:
    with pytest.raises(BadSubject):
        RowKey.decode(key)


@given(awkward, awkward)
def test_two_names_never_share_a_claim(one: str, other: str) -> None:
    same = Claim("environment", one).subject == Claim("environment", other).subject
    assert same == (one == other)


ACME = Ref("acme", "environment", "organization", "acme")


@each(
    [
        (ACME.snapshot, "st.acme.environment.organization.acme"),
        (ACME.timer("dead line"), "tmr.acme.environment.organization.acme.dead=20line"),
        (ACME.due("deadline"), "due.tmr.acme.environment.organization.acme.deadline"),
        (ACME.dead_letter("c", 7), "dlq.acme.environment.organization.acme.c7"),
        (subjects.done("acme", "c-1"), "done.acme.c-1"),
        (subjects.done(None, "c-1"), "done._.c-1"),
        (subjects.check("acme", "c-1"), "chk.acme.c-1"),
        (subjects.check("acme", "c-1", 2), "chk.acme.c-1.2"),
        (Claim("host", "shop.acme.example").subject, "clm._.host.shop=2Eacme=2Eexample"),
        (Claim("use", "u 1", "acme").subject, "clm.acme.use.u=201"),
    ]
)
def test_each_class_of_subject_is_spelled_as_documented(found: str, expected: str) -> None:
    assert found == expected


def test_names_of_claims_are_written_as_tokens_and_take_no_memory() -> None:
    subjects.organization_token("acme")
    before = subjects.escape.cache_info().currsize
    names = [f"{number:064x}" for number in range(100)]
    found = [Claim("usage", name, "acme").subject for name in (*names, "a.b")]
    assert found == [f"clm.acme.usage.{name}" for name in (*names, "a=2Eb")]
    assert subjects.escape.cache_info().currsize == before
