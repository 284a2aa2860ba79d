"""Settings: everything that is wrong is told at once, by the variable that was set."""

import sys

import msgspec
import pytest
from tests.support.each import each
from tests.support.told import FREE, RIGHT, UNREAD, bounded, cases, members, wrong

from catalyst.chassis import forms, settings
from catalyst.chassis.errors import WrongSettings
from catalyst.chassis.settings import BrokerSettings

LONG = 200
ISSUERS = "issuers with their keys, such as https://host=https://host/keys, separated by spaces"


def prefix(member: str) -> str:
    return member.upper().replace("-", "_")


def told(kind: type[BrokerSettings], member: str, environ: dict[str, str]) -> tuple[str, ...]:
    """Return what is said of wrong settings."""
    with pytest.raises(WrongSettings) as caught:
        settings.load(kind, environ, prefix(member))
    return caught.value.wrong


@each(cases(), lambda case: getattr(case, "name", case))
def test_whatever_is_wrong_with_a_setting_is_refused(
    member: str, field: msgspec.structs.FieldInfo
) -> None:
    name = f"{prefix(member)}_{field.name.upper()}"
    for value in wrong(member, field):
        (line,) = told(members()[member], member, {name: value})
        assert f"it must be {settings.rule(field.type)}" in line or " our own" in line, value
        if value.isprintable() and "://" not in value and value:
            assert line.startswith(f"{name} is {value!r}: ")


@each(cases(), lambda case: getattr(case, "name", case))
def test_what_a_setting_has_to_be_is_known(member: str, field: msgspec.structs.FieldInfo) -> None:
    """Whoever adds a text says here what of it is wrong, or that it may be anything."""
    assert wrong(member, field) or field.name in FREE
    assert bounded(field)
    if isinstance(field.default, str) and field.name not in FREE | {"log_level"}:
        assert forms.form_of(field.type) is not None


@each(cases(), lambda case: getattr(case, "name", case))
def test_what_is_right_is_taken(member: str, field: msgspec.structs.FieldInfo) -> None:
    kind = members()[member]
    shown = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
    for value in (shown, *RIGHT.get(field.name, ())):
        chosen = settings.load(kind, {f"CATALYST_{field.name.upper()}": value}, prefix(member))
        assert str(getattr(chosen, field.name)).lower() == value.lower()


@pytest.mark.guarantee("G21.7")
@each(members())
def test_all_that_is_wrong_is_told_at_once_each_by_the_variable_that_counts(member: str) -> None:
    environ, expected = {}, []
    for number, field in enumerate(msgspec.structs.fields(members()[member])):
        if (member, field.name) in UNREAD or field.name in FREE or field.name == "nats_password":
            continue
        shared, own = f"CATALYST_{field.name.upper()}", f"{prefix(member)}_{field.name.upper()}"
        environ[shared] = wrong(member, field)[-1]
        if number % 2:
            environ[own] = environ[shared]
        expected.append(own if number % 2 else shared)
    # What two settings say together is looked at once each is right by itself.
    environ[next(name for name in expected if name.endswith("OTHER_ISSUERS"))] = "x"

    said = told(members()[member], member, environ)
    assert [line.split()[0].rstrip(":") for line in said] == expected


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("LOG_LEVEL", "loud", "is 'loud': it must be one of debug, info, warning, error"),
        ("NATS_REPLICAS", "x", "is 'x': it must be a whole number from 1 to 5"),
        ("HTTP_PORT", "99999", "is '99999': it must be a whole number from 0 to 65535"),
        ("NATS_URL", "nonsense", "is 'nonsense': it must be an address such as nats://host:4222"),
        ("REQUIRE_TOKENS", "", "is empty: it must be true or false"),
        (
            "KEY_FILE",
            "/no/key",
            "is '/no/key': it must be a file that can be read (No such file or directory)",
        ),
        (
            "NATS_PASSWORD_FILE",
            "/dev/null",
            "is '/dev/null': it must be a file that can be read, with a text in it (it is empty)",
        ),
        (
            "OTHER_ISSUERS",
            "a=/no/keys",
            f"is 'a=/no/keys': it must be {ISSUERS} (/no/keys: No such file or directory)",
        ),
        (
            "OTHER_ISSUERS",
            "catalyst=https://a/b",
            "names 'catalyst': it must be further issuers, not our own",
        ),
    ],
)
def test_the_rule_is_in_plain_words(name: str, value: str, line: str) -> None:
    name = f"CATALYST_{name}"
    assert told(BrokerSettings, "billing", {name: value}) == (f"{name} {line}",)


def test_levels_are_taken_in_capital_letters() -> None:
    assert settings.load(BrokerSettings, {"X_LOG_LEVEL": "WARNING"}, "X").log_level == "warning"


@pytest.mark.guarantee("G21.7")
@each(
    [
        ("NATS_URL", "nats://somebody:hunter2@host:99999"),
        ("NATS_URL", "nats://somebody:hunter2/x@host"),
        ("NATS_URL", "nats://somebody:hunter2"),
        ("NATS_URL", "nats://some body:hunter2 @host"),
        ("OTLP_ENDPOINT", "ftp://somebody:hunter2@host"),
        ("OTHER_ISSUERS", "a=https://b/c d=http://hunter2@:x"),
        ("NATS_PASSWORD", "hunter2\udcff"),
        ("KEY_FILE", '{"kty":"OKP","d":"hunter2"}'),
        ("KEY_FILE", "-----BEGIN PRIVATE KEY-----hunter2"),
        ("KEY_FILE", "a\nhunter2"),
        ("JWKS", ' {"keys":["hunter2"]}'),
        ("NATS_PASSWORD_FILE", "hunter\nhunter2"),
    ]
)
def test_no_password_and_no_key_is_shown(name: str, value: str) -> None:
    (said,) = told(BrokerSettings, "billing", {f"BILLING_{name}": value})
    assert said.startswith(f"BILLING_{name}")
    assert "hunter2" not in said


def test_a_long_value_is_cut() -> None:
    (said,) = told(BrokerSettings, "billing", {"BILLING_HTTP_PORT": "9" * LONG})
    assert len(said) < LONG


def test_nothing_is_looked_for_on_this_machine_if_the_values_are_for_another_one() -> None:
    environ = {"X_KEY_FILE": "/no/key", "X_JWKS": "/no/keys", "X_OTHER_ISSUERS": "a=/no/keys"}
    chosen = settings.load(BrokerSettings, environ, "X", here=False)
    assert (chosen.key_file, chosen.jwks) == ("/no/key", "/no/keys")


def test_what_is_fixed_is_not_read() -> None:
    environ = {"X_KEY_FILE": "/no/key", "CATALYST_NATS_REPLICAS": "x"}
    chosen = settings.load(BrokerSettings, environ, "X", {"key_file": "", "nats_replicas": 3})
    assert (chosen.key_file, chosen.nats_replicas) == ("", 3)


def test_a_setting_without_a_default_is_missed() -> None:
    class Stricter(BrokerSettings, frozen=True, kw_only=True):
        shards: settings.Count

    (said,) = told(Stricter, "billing", {})
    assert said == "BILLING_SHARDS is not set: it must be a whole number from 1 to 1000000"


def test_looking_for_slips_costs_no_start_that_has_none() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(sys.modules, "difflib", raising=False)
        assert not list(settings.strays(BrokerSettings, {"X_NATS_URL": "", "PATH": ""}, "X"))
        assert "difflib" not in sys.modules
