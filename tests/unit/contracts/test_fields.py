"""Field types of the messages: what a pattern must refuse, whatever decodes it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from tests.support.each import each

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import runtime_v1 as run1
from catalyst.contracts.message import UtcTime

ONE_LINE: tuple[tuple[Any, str], ...] = (
    (env1.Line, "a line"),
    (env1.DisplayName, "Acme"),
    (env1.Slug, "acme"),
    (env1.PolicyName, "strict"),
    (env1.Email, "ada@example.org"),
    (env1.DottedName, "cloud.example"),
    (run1.DlqSubject, "dlq.acme.environment.organization.acme.c7"),
)


def decode(kind: Any, text: str) -> Any:
    return msgspec.json.decode(msgspec.json.encode(text), type=kind)


@each(ONE_LINE)
def test_the_plain_value_is_taken(kind: Any, good: str) -> None:
    assert decode(kind, good) == good


@pytest.mark.guarantee("G5.6")
@each(ONE_LINE)
def test_no_control_character_slips_in_at_the_end(kind: Any, good: str) -> None:
    for extra in ("\n", "\r", "\x00", "\x7f", "\nmore"):
        with pytest.raises(msgspec.ValidationError):
            decode(kind, good + extra)


@each(ONE_LINE)
def test_the_published_schema_refuses_the_same(kind: Any, good: str) -> None:
    schema = msgspec.json.schema(kind)
    jsonschema.validate(good, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(good + "\n", schema)


def test_a_reason_may_have_several_lines_but_no_nul() -> None:
    assert decode(env1.Reason, "one\ntwo\n") == "one\ntwo\n"
    with pytest.raises(msgspec.ValidationError):
        decode(env1.Reason, "one\x00two")


@each(["", " ", "\t"])
def test_a_display_name_says_something(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        decode(env1.DisplayName, text)


@each(["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.123456Z", "2026-01-02T03:04:05+00:00"])
def test_a_time_with_an_offset_is_taken(text: str) -> None:
    assert decode(UtcTime, text).tzinfo is not None


@pytest.mark.guarantee("G5.7")
@each(["2026-01-02T03:04:05", "2026-01-02", "yesterday", "1767322800"])
def test_a_time_without_an_offset_is_refused(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        decode(UtcTime, text)


def test_no_pattern_ends_in_a_bare_dollar_on_one_line() -> None:
    folder = Path(env1.__file__).parent
    bare = [
        found
        for path in folder.glob("*_v[0-9]*.py")
        for found in re.findall(r'pattern=(r"[^"]*\$)"', path.read_text("utf-8"))
    ]
    assert bare == [r'r"^[^\x00-\x08\x0b-\x1f\x7f]*$'], "only Reason has several lines"
