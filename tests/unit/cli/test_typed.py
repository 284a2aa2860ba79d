"""A refusal names what a person typed, in words of ours and of no library."""

from __future__ import annotations

import pytest
from tests.support.each import each

from catalyst.cli import main
from catalyst.cli.exits import ExitCode, Failure
from catalyst.cli.typed import as_typed
from catalyst.contracts.message import FieldError

pytestmark = pytest.mark.guarantee("G27.2")
NOWHERE = ("--url", "http://127.0.0.1:1")
UPDATE = ("send", "environment.update-organization.v1", "--org", "acme", *NOWHERE)
LIBRARIES = ("Expecting", "Value error", "Input should", "char ", "node content", "<stream")


def refused(message: str, *errors: tuple[str, str]) -> Failure:
    fields = tuple(FieldError(pointer=at, rule="type", message=text) for at, text in errors)
    return Failure(ExitCode.REJECTED, message, errors=fields)


@pytest.mark.parametrize(
    ("verb", "field", "typed"),
    [
        (("plan", "install"), "/request/application", "--as"),
        (("plan", "upgrade"), "/request/application", "APP"),
        (("plan", "install"), "/request/addons/0", "--addon"),
        (("plan", "install"), "/request/plan", "--package"),
        (("plan", "delete-environment"), "/request/environment", "ENVIRONMENT"),
        (("billing", "invoice finalize"), "/data/month", "MONTH"),
        (("billing", "invoice explain"), "/data/line", "LINE"),
        (("source", "add"), "/data/interval", "--interval"),
        (("approve", ""), "/data/hash", "--hash"),
        # Who gives the fields themselves reads the names that they gave.
        (("send", ""), "/data/regions/0/provider", "regions[0].provider"),
        (("query", ""), "/blueprint", "blueprint"),
    ],
)
def test_a_field_is_called_what_was_typed_for_it(
    verb: tuple[str, str], field: str, typed: str
) -> None:
    bare = field.removeprefix("/data").removeprefix("/request").removeprefix("/")
    one = as_typed(refused(f"{bare}: is wrong", (field, "is wrong")), verb)
    assert one.message == f"{typed}: is wrong"
    several = as_typed(refused("2 fields are wrong", (field, "is wrong")), verb)
    assert [error.pointer for error in several.errors] == [typed]


def test_a_value_is_called_by_its_own_path() -> None:
    found = as_typed(refused("b is wrong", ("/request/values/db/size", "is wrong")), ("plan", ""))
    assert found.errors[0].pointer == "--set db.size"


@pytest.mark.parametrize(
    ("code", "says", "arguments"),
    [
        (3, "--data is not JSON: see line 1, column 2", (*UPDATE, "--data", "{")),
        (3, "--data is not JSON: see line 1, column 7", (*UPDATE, "--data", '{"a":1;}')),
        (3, "--data: the object names a key twice", (*UPDATE, "--data", '{"a":1,"a":2}')),
        (3, "--data: NaN is not a number", (*UPDATE, "--data", '{"a":NaN}')),
        (3, "--data is not JSON that can be read", (*UPDATE, "--data", f"[{'9' * 5000}]")),
        (3, "--data:1: expected a value", ("query", "catalog", "search", "--data", "{", *NOWHERE)),
        (2, "'table', 'json', 'yaml'", ("get", "organizations", "--output", "xml", *NOWHERE)),
        (2, "must be at least 1", ("catalog", "search", "--limit", "0", *NOWHERE)),
        (2, "must be at most 100", ("catalog", "search", "--limit", "900", *NOWHERE)),
        (2, "must be a whole number", ("catalog", "search", "--limit", "x", *NOWHERE)),
        (2, "must be a number", ("send", "a.b.v1", "--timeout", "x", *NOWHERE)),
    ],
)
def test_what_is_wrong_is_said_in_words_of_ours(
    code: int, says: str, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.ended(list(arguments)) == code
    said = capsys.readouterr().err
    assert says in said
    assert not [words for words in LIBRARIES if words in said], said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ("plan", "install"),
            ["Missing argument 'BLUEPRINT'.", "Missing option '--as'."],
        ),
        (
            ("voucher", "issue", "3.000", "--cap", "0", "--timeout", "x"),
            [
                "Missing argument 'CURRENCY'.",
                "Invalid value for '--cap': must be at least 1",
                "Invalid value for '--timeout': must be a number",
            ],
        ),
        (("voucher", "revoke", "VCH-1"), ["Missing option '--reason'."]),
        (("token", "--hours", "0"), ["Missing option '--email'.", "'--hours': must be at least"]),
    ],
)
def test_all_that_is_missing_or_wrong_of_what_was_typed_is_told_at_once(
    arguments: tuple[str, ...], says: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.ended(list(arguments)) == ExitCode.USAGE
    _, _, said = capsys.readouterr().err.partition("Error: ")
    # What lacks something is shown a line that lacks nothing.
    *lines, hint = said.splitlines()
    assert f"catalyst {arguments[0]} " in hint.removeprefix("Hint: such as: ")
    assert len(lines) == len(says)
    assert all(text in line for text, line in zip(says, lines, strict=True)), said


@each(
    [
        (("plan", "upgrade", "blog", "--to", "1.0.1"), "--to (here it is called --version)"),
        (("plan", "install", "wiki", "--name=w"), "--name (here it is called --as)"),
        # It is no option of these, and nothing else is called so.
        (("get", "apps", "--to", "1"), "No such option: --to"),
    ]
)
def test_an_option_of_another_verb_is_told_by_its_name_here(
    arguments: tuple[str, ...], told: str, *, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.ended(list(arguments)) == ExitCode.USAGE
    assert told in capsys.readouterr().err


@each(
    [
        (("get",), "Missing argument 'KIND'. Kinds are organizations, environments, policies"),
        (
            ("contracts", "a.b.v1"),
            "No such command 'a.b.v1'. `catalyst contracts show a.b.v1` shows a message",
        ),
        (("contracts", "dump"), "No such command 'dump'."),
        (
            ("send", "a.b.v1", "organization.omantel", "--org", "omantel"),
            "extra argument (organization.omantel): --id says which one is meant",
        ),
        (
            ("blueprint", "withdraw", "bp-wiki", "1.0.0", "--reason", "Why?"),
            "(1.0.0): it is about all versions; `catalyst blueprint yank NAME VERSION` is about",
        ),
    ]
)
def test_a_line_that_lacks_a_word_or_has_one_too_many_says_what_would_do(
    arguments: tuple[str, ...],
    told: str,
    *,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("catalyst.cli.typed.as_called", str)
    assert main.ended(list(arguments)) == ExitCode.USAGE
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("group", "told"),
    [
        ("voucher", "`catalyst get vouchers` lists them."),
        ("blueprint", "`catalyst get blueprints` lists them."),
        ("plan", ""),
    ],
)
def test_a_group_that_lists_nothing_says_what_does_where_something_does(
    group: str, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("catalyst.cli.typed.as_called", str)
    assert main.ended([group, "list"]) == ExitCode.USAGE
    assert f"Error: No such command 'list'. {told}".strip() in capsys.readouterr().err
