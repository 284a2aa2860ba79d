"""What the environment tells the members is looked at before a stack is begun."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from tests.support.each import each
from tests.support.told import RIGHT, cases, members, wrong

from catalyst.chassis import settings
from catalyst.chassis.app import listen
from catalyst.chassis.errors import WrongSettings
from catalyst.cli import main, variables
from catalyst.cli.exits import ExitCode, expected
from catalyst.cli.installation import MEMBERS, Installation, fixed
from catalyst.cli.processes import MODULES, Supervisor, prefix
from catalyst.cli.stack import Options
from catalyst.contracts.permissions import SIMULATOR
from catalyst.provisioning.settings import Settings

OPTIONS = [
    Options(processes=processes, nats_url=url, simulate_cluster=not url)
    for processes in (False, True)
    for url in ("", "nats://127.0.0.1:1")
]
WRONG = {
    "CATALYST_LOG_LEVEL": "loud",
    "GATEWAY_MAX_FOLLOWERS": "-1",
    "BILLING_HTTP_PORT": "-1",
    "SIMULATOR_PACE": "0",
}


@pytest.mark.guarantee("G21.7")
@each(["up", "demo"])
def test_a_stack_does_not_begin_with_wrong_settings(
    verb: str,
    *,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    for name, value in WRONG.items():
        monkeypatch.setenv(name, value)
    data = tmp_path / "data"
    more = ["--data", str(data), "--port", "0", "--simulate-cluster"] if verb == "up" else []
    assert main.ended([verb, *more]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[said.index("Error: 4 settings are wrong") :] == [
        "Error: 4 settings are wrong",
        "  CATALYST_LOG_LEVEL is 'loud': it must be one of debug, info, warning, error",
        "  BILLING_HTTP_PORT is '-1': it must be a whole number from 0 to 65535",
        "  GATEWAY_MAX_FOLLOWERS is '-1': it must be a whole number from 1 to 1000000",
        "  SIMULATOR_PACE is '0': it must be a number, above 0 and at most 86400",
        "Hint: settings are environment variables; docs/settings.md lists them",
    ]
    assert not list(tmp_path.iterdir())


def test_a_program_gets_each_wrong_setting_by_itself() -> None:
    error = WrongSettings(["A is 'x': it must be y", "B is not set"])
    error.add_note("the disk is full")
    failure = expected(error)
    assert failure is not None
    assert (failure.exit_code, failure.message) == (ExitCode.USAGE, "2 settings are wrong")
    assert failure.causes == ("A is 'x': it must be y", "B is not set", "the disk is full")


def test_what_an_installation_fixes_is_what_it_says(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    for user in (*MEMBERS, SIMULATOR):
        for ours in (True, False):
            told = installation.settings(user, "nats://127.0.0.1:1", ours=ours)
            assert fixed(user, ours=ours) == told.keys()


def test_what_a_stack_of_processes_keeps_is_what_it_tells_them(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    for options in (one for one in OPTIONS if one.processes):
        ours = not options.nats_url
        with listen("127.0.0.1", 0) as bound:
            supervisor = Supervisor(installation, "nats://127.0.0.1:1", bound, print, ours=ours)
            for held in supervisor._sockets:
                held.close()
        for user, member in supervisor.members.items():
            own = f"{prefix(user)}_"
            # Where clusters find the repositories is told as well, unless somebody says so.
            free = {"PROVISIONING_CLUSTER_GIT_URL"}
            told = {name for name in member.environ if name.startswith(own)} - free
            assert told == {f"{own}{name.upper()}" for name in variables.kept(user, options)}


@pytest.mark.guarantee("G27.15")
@pytest.mark.parametrize("name", ["PROVISIONING_CLUSTER_GIT_URL", "CATALYST_CLUSTER_GIT_URL"])
def test_whoever_says_where_clusters_find_repositories_is_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "https://git.example.org")
    with listen("127.0.0.1", 0) as bound:
        supervisor = Supervisor(
            Installation(tmp_path), "nats://127.0.0.1:1", bound, print, ours=True
        )
        for held in supervisor._sockets:
            held.close()
    told = supervisor.members["provisioning"].environ
    found = settings.load(Settings, told, "PROVISIONING", here=False)
    assert found.cluster_git_url == "https://git.example.org"


@pytest.mark.guarantee("G21.7")
@each(cases(), lambda case: getattr(case, "name", case))
def test_what_a_member_would_refuse_keeps_a_stack_from_beginning(
    member: str, field: msgspec.structs.FieldInfo
) -> None:
    start = member.upper().replace("-", "_")
    name = f"{start}_{field.name.upper()}"
    user = next((user for user in MODULES if prefix(user) == start), SIMULATOR)
    options = Options(processes=True, simulate_cluster=True)
    value = (wrong(member, field) or ("x",))[-1]
    if field.name in variables.kept(user, options) or not wrong(member, field):
        assert variables.check({name: value}, options) == ()
        return
    with pytest.raises(WrongSettings) as caught:
        variables.check({name: value}, options)
    (said,) = caught.value.wrong
    assert said.startswith(name)


@pytest.mark.guarantee("G21.8")
def test_a_slip_is_told_once_and_the_name_of_any_member_is_none() -> None:
    options = Options(simulate_cluster=True)
    slip = "_".join(("CATALYST", "LOGLEVEL"))
    environ = {slip: "debug", "CATALYST_URL": "http://x", "GATEWAY_BURST_PER_SUBJET": "1"}
    every = {
        f"CATALYST_{name.upper()}": RIGHT[name][0]
        for kind in members().values()
        for name in kind.__struct_fields__
        if name in RIGHT and name != "nats_url"
    }
    assert variables.check(environ | every, options) == (
        f"{slip} is no setting; the nearest is CATALYST_LOG_LEVEL",
        "GATEWAY_BURST_PER_SUBJET is no setting; the nearest is GATEWAY_BURST_PER_SUBJECT",
    )


@pytest.mark.guarantee("G21.8")
@each(["CATALYST_NATS_URL", "NATS_URL"])
def test_a_variable_that_names_another_broker_than_the_one_that_is_used_is_told(name: str) -> None:
    environ = {name: "nats://127.0.0.1:2"}
    other = "`catalyst up --nats URL` uses another one"
    assert variables.check(environ, Options(simulate_cluster=True)) == (
        f"{name} is not looked at: a broker is started here; {other}",
    )
    assert variables.check(environ, Options(nats_url="nats://127.0.0.1:1")) == (
        f"{name} is not looked at: the broker of --nats is used; {other}",
    )
    assert variables.check(environ, Options(nats_url="nats://127.0.0.1:2")) == ()


@each([("CATALYST_URL", "nonsense", 2), ("CATALYST_CONTEXT", "nowhere", 4)])
def test_a_variable_of_the_commands_own_is_named(
    name: str,
    value: str,
    code: int,
    *,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with monkeypatch.context() as environ:
        environ.setenv(name, value)
        assert main.ended(["get", "organizations"]) == code
        assert capsys.readouterr().err.startswith(f"Error: {name}: ")
    option = "--url" if name.endswith("URL") else "--context"
    assert main.ended(["get", "organizations", option, value]) == code
    assert name not in capsys.readouterr().err


@each(["a b", "a\nb", "schlüssel", "a\x7f"])
def test_what_can_be_no_token_is_told_without_it(
    value: str, *, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = ["get", "organizations", "--url", "http://127.0.0.1:1"]
    with monkeypatch.context() as environ:
        environ.setenv("CATALYST_TOKEN", value)
        assert main.ended(line) == 2
        said = capsys.readouterr().err
        assert said.startswith("Error: CATALYST_TOKEN: this is no token\n")
        assert value not in said
    assert main.ended([*line, "--token", value]) == 2
    assert capsys.readouterr().err.startswith("Error: --token: this is no token\n")
