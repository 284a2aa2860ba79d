"""Named connections on disk."""

from __future__ import annotations

import asyncio
import json
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.support.ports import free_ports

from catalyst.cli import brokerlock, contexts, main, startable
from catalyst.cli.calling import as_called
from catalyst.cli.contexts import Context, Credentials
from catalyst.cli.exits import ExitCode, Failure
from catalyst.cli.installation import Installation, broker_directory
from catalyst.cli.target import resolve


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "contexts.json"


SECRET = Context(http="http://a", operator=Credentials(token="s3cret"))


def test_the_file_is_for_its_owner_alone(path: Path) -> None:
    contexts.register(path, "one", SECRET)
    contexts.register(path, "two", SECRET)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [item.name for item in path.parent.iterdir()] == ["contexts.json"]


def test_the_first_one_is_the_current_one_until_another_is_chosen(path: Path) -> None:
    contexts.register(path, "one", SECRET)
    contexts.register(path, "two", SECRET)
    assert contexts.load(path).current == "one"
    contexts.use(path, "two")
    assert contexts.load(path).current == "two"
    contexts.remove(path, "two")
    assert contexts.load(path) == contexts.Contexts(current="", contexts={"one": SECRET})


def stack(folder: Path, port: int) -> Path:
    """Return a data directory of a stack at a port."""
    folder.mkdir(parents=True)
    endpoints = {
        "http": f"http://127.0.0.1:{port}",
        "nats": "nats://127.0.0.1:2",
        "operator": {"user": "operator", "password": "p", "token": "t"},
    }
    (folder / contexts.ENDPOINTS).write_text(json.dumps(endpoints))
    return folder


def test_what_no_longer_runs_is_marked_and_told_how_to_start_or_forget_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    file = contexts.default_path()
    (port,) = free_ports(1)
    for name in ("gone", "kept data"):
        contexts.register_local(stack(tmp_path / name, port), file)
    contexts.register(file, "prod", SECRET)
    shutil.rmtree(tmp_path / "gone")
    assert main.ended(["context", "list"]) == 0
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert lines[0].split() == ["CURRENT", "NAME", "HTTP", "NATS", "RUNS", "DATA"]
    places = [line.split(maxsplit=5)[1:2] + line.split(maxsplit=5)[4:] for line in lines[1:]]
    assert places == [
        ["kept-data", "no", f"{tmp_path}/kept data"],
        ["local", "no", f"{tmp_path}/gone"],
        ["prod", "-", "-"],
    ]
    runs = {name: one for name, one, _ in places}
    start = as_called(f"`catalyst up --data '{tmp_path}/kept data'` starts it")
    end = {name: as_called(f"`catalyst context remove {name}` forgets it") for name in runs}
    assert shown.err.splitlines() == [
        f"kept-data does not run: {start}, {end['kept-data']}",
        f"local does not run: {end['local']}",
    ]
    assert main.ended(["context", "list", "--json"]) == 0
    found = {one["name"]: (one["runs"], one["data"]) for one in json.loads(capsys.readouterr().out)}
    assert found == {
        "kept-data": (False, f"{tmp_path}/kept data"),
        "local": (False, f"{tmp_path}/gone"),
        "prod": (None, ""),
    }


@pytest.mark.guarantee("G27.12")
def test_what_was_simulated_is_started_with_its_simulated_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for data, named in ((tmp_path / "own", f" --data {tmp_path}/own"), (contexts.DATA, "")):
        kept = Installation(data)
        assert contexts.start(str(data.resolve())) == f"catalyst up{named}"
        kept.remember_simulated()
        assert contexts.start(str(data.resolve())) == f"catalyst up{named} --simulate-cluster"
    # Of a stack whose directory is not known, nothing is; least of all what lies around here.
    monkeypatch.chdir(tmp_path / "own")
    assert contexts.start("") == "catalyst up"
    Installation(Path()).remember_variables(dict.fromkeys(contexts.TOLD, "/elsewhere"))
    Installation(Path()).write_endpoints("http://127.0.0.1:8080", "nats://b:4222", {}, ours=False)
    assert contexts.start("") == "catalyst up"


@pytest.mark.guarantee("G27.12")
def test_what_was_told_of_sources_stands_before_what_starts_it_again(tmp_path: Path) -> None:
    kept = Installation(tmp_path / "own")
    sources = {
        "BLUEPRINT_CONTROLLER_SOURCE_DIRECTORIES": "/my blueprints",
        "BLUEPRINT_CONTROLLER_GIT_HOSTS": "git.example.org",
        "BLUEPRINT_CONTROLLER_GIT_NETWORKS": "10.20.0.0/16",
    }
    plain = f"catalyst up --data {tmp_path}/own"
    said = (
        "BLUEPRINT_CONTROLLER_SOURCE_DIRECTORIES='/my blueprints' "
        "BLUEPRINT_CONTROLLER_GIT_HOSTS=git.example.org "
        "BLUEPRINT_CONTROLLER_GIT_NETWORKS=10.20.0.0/16 "
    )
    for told, before in ((sources, said), ({}, "")):
        kept.remember_variables({**told, "CATALYST_TOKEN": "secret"})
        assert contexts.start(f"{tmp_path}/own") == f"{before}{plain}"
        started = as_called(f"`{contexts.start(f'{tmp_path}/own')}` starts it", {"UV": "1"})
        assert started == f"`{before}uv run {plain}` starts it"


def test_a_start_that_tells_less_of_sources_than_the_last_says_so_once(tmp_path: Path) -> None:
    data = tmp_path / "own"
    kept = Installation(data)
    assert contexts.less_told(data, {}) == ""
    first, second, third = contexts.TOLD
    kept.remember_variables(dict.fromkeys((first, second), "/elsewhere"))
    # Another value is meant so; what is missing may have been forgotten.
    assert contexts.less_told(data, dict.fromkeys(contexts.TOLD, "/here")) == ""
    said = contexts.less_told(data, {first: "/here"})
    assert f"had {second}, and this one has not" in said
    assert f"`{first}=/elsewhere {second}=/elsewhere catalyst up --data {data}`" in said
    kept.remember_variables({first: "/here"})
    assert contexts.less_told(data, {first: "/here"}) == ""
    kept.remember_variables({third: "10.20.0.0/16"})
    assert f"had {third}, and this one has not" in contexts.less_told(data, {})


@pytest.mark.guarantee("G27.12")
def test_what_ran_on_somebody_else_s_broker_is_started_on_it_again(tmp_path: Path) -> None:
    kept = Installation(tmp_path / "own")
    kept.remember_simulated()
    start = f"catalyst up --data {tmp_path}/own"
    broker = "nats://me:secret@broker.example:4222"
    for url, ours, told in (
        ("nats://127.0.0.1:4222", True, " --simulate-cluster"),
        (broker, False, " --nats nats://broker.example:4222"),
    ):
        kept.write_endpoints("http://127.0.0.1:8080", url, {}, ours=ours)
        assert contexts.start(f"{tmp_path}/own") == start + told
        # What simulates a cluster has a broker of its own, whatever was used last.
        assert contexts.simulating(f"{tmp_path}/own") == f"{start} --simulate-cluster"
    kept.write_endpoints("http://127.0.0.1:8080", "nats://127.0.0.1:4222", {}, ours=True)
    kept.forget_simulated()
    assert contexts.start(f"{tmp_path}/own") == start
    kept.forget_simulated()


@pytest.mark.guarantee("G27.3")
async def test_a_stack_that_works_in_its_directory_runs_however_slow_it_answers(
    path: Path, tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    first = stack(tmp_path / "one", port)
    _, known = contexts.register_local(first, path)
    place = broker_directory(first)
    place.mkdir()
    ours = contexts.of_directory(stack(tmp_path / "two", 1))
    with brokerlock.held(place, str(first)):
        assert await startable.running(known.contexts) == {"local": True}
        assert await startable.answering(known, ours) == {"local"}
    assert await startable.running(known.contexts) == {"local": False}
    assert await startable.answering(known, ours) == set()


def test_what_runs_here_becomes_the_current_one(path: Path, tmp_path: Path) -> None:
    contexts.register(path, "prod", SECRET)
    contexts.register_local(stack(tmp_path / "a", 1), path)
    target = resolve(None, None, None, path=path)
    assert (target.name, target.http, target.token) == ("local", "http://127.0.0.1:1", "t")
    assert (target.nats, target.user, target.password) == ("nats://127.0.0.1:2", "operator", "p")
    assert target.data == str(tmp_path / "a")


@pytest.mark.guarantee("G27.3")
async def test_of_two_that_start_at_once_one_is_local_and_both_are_kept(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def running(asked: Mapping[str, Context]) -> dict[str, bool]:
        # Whoever looks waits, so that the other one goes on meanwhile.
        await asyncio.sleep(0)
        return dict.fromkeys(asked, True)

    monkeypatch.setattr(startable, "running", running)
    stacks = [stack(tmp_path / name, 1 + at) for at, name in enumerate(("one", "two"))]
    contexts.register(path, "prod", SECRET)
    found = await asyncio.gather(*(startable.register(one, path) for one in stacks))
    names = [name for name, *_ in found]
    other = ("one", "two")[1 - names.index("local")]
    assert sorted(names) == sorted(("local", other))
    kept = contexts.load(path).contexts
    assert [kept[name].data for name in names] == [str(one) for one in stacks]
    assert kept.keys() == {"local", other, "prod"}


@pytest.mark.guarantee("G27.3")
def test_a_second_stack_leaves_the_one_that_answers_where_it_is(path: Path, tmp_path: Path) -> None:
    first, second = stack(tmp_path / "one", 1), stack(tmp_path / "site" / ".catalyst", 2)
    contexts.register_local(first, path)
    for _ in range(2):  # started again, it has the same name
        name, known = contexts.register_local(second, path, answering={"local"})
        assert (name, known.current) == ("site", "local")
        assert {key: one.http[-1] for key, one in known.contexts.items()} == {
            "local": "1",
            "site": "2",
        }
    third, _ = contexts.register_local(stack(tmp_path / "x" / "site", 3), path, answering={"local"})
    assert third == "site-2"


@pytest.mark.guarantee("G27.3")
def test_a_directory_keeps_its_name_whatever_is_started_and_in_whatever_order(
    path: Path, tmp_path: Path
) -> None:
    places = [stack(tmp_path / at / ".catalyst", 1 + n) for n, at in enumerate(("one", "two"))]
    third = stack(tmp_path / "two-2", 3)
    names = {places[0]: "local", places[1]: "two", third: "two-2"}
    for started in (*names, *reversed(names), *names):
        # Nothing else runs any more, so that this is the current one.
        name, known = contexts.register_local(started, path)
        assert (name, known.current) == (names[started], names[started])
    # What is there no more gives its name away.
    shutil.rmtree(places[1])
    other = stack(tmp_path / "x" / "two", 4)
    assert contexts.register_local(other, path)[0] == "two"
    assert contexts.register_local(third, path)[0] == "two-2"
    shutil.rmtree(places[0])
    newest = stack(tmp_path / "y", 5)
    name, known = contexts.register_local(newest, path, answering={"two"})
    assert (name, known.current) == ("local", "local")
    assert {key: one.http[-1] for key, one in known.contexts.items()} == {
        "local": "5",
        "two": "4",
        "two-2": "3",
    }


@pytest.mark.guarantee("G27.3")
def test_what_answers_keeps_its_name_though_its_directory_is_gone(
    path: Path, tmp_path: Path
) -> None:
    first = stack(tmp_path / "one", 1)
    contexts.register_local(first, path)
    shutil.rmtree(first)
    second = stack(tmp_path / "two", 2)
    name, known = contexts.register_local(second, path, answering={"local"})
    assert (name, known.current) == ("two", "local")
    assert known.contexts["local"].data == str(first)


def test_a_connection_that_somebody_called_local_is_not_taken(path: Path, tmp_path: Path) -> None:
    contexts.register(path, "local", SECRET)
    name, known = contexts.register_local(stack(tmp_path / "one", 1), path)
    assert (name, known.current, known.contexts["local"]) == ("one", "one", SECRET)


def test_an_address_wins_over_every_connection(path: Path) -> None:
    contexts.register(path, "one", SECRET)
    target = resolve("one", "http://b:1/", None, path=path)
    assert (target.http, target.token) == ("http://b:1", None)


def test_a_token_replaces_that_of_the_connection(path: Path) -> None:
    contexts.register(path, "one", SECRET)
    assert resolve(None, None, "mine", path=path).token == "mine"


def test_nothing_to_go_to_says_what_to_do(path: Path) -> None:
    with pytest.raises(Failure) as caught:
        resolve(None, None, None, path=path)
    assert caught.value.exit_code is ExitCode.USAGE
    assert "catalyst up" in caught.value.hint


def test_an_unknown_name_lists_the_known_ones(path: Path) -> None:
    contexts.register(path, "one", SECRET)
    with pytest.raises(Failure) as caught:
        resolve("eno", None, None, path=path)
    assert caught.value.hint == "known: one"


def test_a_file_that_cannot_be_read_is_named(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("{")
    with pytest.raises(Failure, match=r"contexts\.json"):
        contexts.load(path)


@pytest.mark.parametrize("url", ["ftp://a", "localhost:8080", "http://", "nats"])
def test_an_address_must_look_like_one(path: Path, url: str) -> None:
    with pytest.raises(Failure):
        resolve(None, url, None, path=path)


def test_without_any_connection_to_show_the_command_that_makes_one_is_named(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(contexts, "default_path", lambda: path)
    assert main.ended(["context", "show"]) == ExitCode.USAGE
    assert "catalyst up`" in capsys.readouterr().err
    contexts.register(path, "one", SECRET)
    contexts.register(path, "two", SECRET)
    contexts.remove(path, contexts.load(path).current)
    assert main.ended(["context", "show"]) == ExitCode.NOT_FOUND
    assert "catalyst context use NAME`" in capsys.readouterr().err


def test_a_directory_is_registered_where_there_was_no_connection_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "never" / "made" / "contexts.json"
    monkeypatch.setattr(contexts, "default_path", lambda: path)
    kept = Installation(tmp_path / "data")
    kept.write_endpoints("http://127.0.0.1:8080", "nats://127.0.0.1:4222", {}, ours=True)
    assert main.ended(["context", "add", "--data", str(tmp_path / "data")]) == ExitCode.OK
    (known,) = contexts.load(path).contexts.values()
    assert known.http == "http://127.0.0.1:8080"


def test_a_directory_says_all_of_its_connection(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(contexts, "default_path", lambda: path)
    here = ["--data", str(path.parent)]
    for more in (["mine"], ["--http", "http://a:1"], ["--user", "ann"]):
        assert main.ended(["context", "add", *more, *here]) == ExitCode.USAGE
        assert "leave the rest out" in capsys.readouterr().err
    assert contexts.load(path).contexts == {}


def test_what_becomes_the_current_one_and_what_was_it_is_told(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(contexts, "default_path", lambda: path)

    def told(*words: str) -> str:
        assert main.ended(["context", *words]) == ExitCode.OK
        return capsys.readouterr().err

    current = "current connection"
    assert f"and is the {current} now" in told("add", "one", "--http", "http://127.0.0.1:1")
    assert current not in told("add", "one", "--http", "http://127.0.0.1:2")
    assert current not in told("add", "other", "--http", "http://127.0.0.1:1")
    assert current not in told("remove", "other")
    told("add", "other", "--http", "http://127.0.0.1:1")
    assert "context use NAME` chooses one of other" in told("remove", "one")
    # Nothing is left to choose.
    contexts.use(path, "other")
    assert current not in told("remove", "other")


def test_a_connection_that_is_nearly_named_is_the_one_that_is_meant(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(contexts, "default_path", lambda _environ=None: path)
    contexts.register(path, "local", SECRET)
    contexts.register(path, "other", SECRET)
    for verb in ("use", "show", "remove"):
        assert main.ended(["context", verb, "othe"]) == ExitCode.NOT_FOUND
        assert "do you mean other? known: local, other" in capsys.readouterr().err
    assert main.ended(["get", "organizations", "--context", "othe"]) == ExitCode.NOT_FOUND
    assert "do you mean other?" in capsys.readouterr().err
