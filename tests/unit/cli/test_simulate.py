"""`catalyst simulate`: a word about an Application, where a simulated cluster hears it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NoReturn, get_args

import pytest

from catalyst.chassis.jetstream.port import Outgoing
from catalyst.cli import application, owned, simulate
from catalyst.cli.exits import ExitCode
from catalyst.cli.main import ended
from catalyst.cli.target import Target
from catalyst.client.errors import Problem, Unreachable
from catalyst.simulator import objects
from catalyst.simulator.cluster import Cluster

Say = Callable[..., tuple[int, str, str]]
WORD = ("simulate", "blog", "crash-loop", "--env", "acme-prod", "--org", "acme")
SEEN = [
    {"name": name, "bindings": [{"environment": env, "desired": desired}]}
    for name, env, desired in (
        ("blog", "acme-prod", {"blueprint": "bp-wordpress"}),
        ("shop", "acme-dev", {"blueprint": "bp-wordpress"}),
        ("wiki", "acme-prod", None),
    )
]
"""One runs there, one elsewhere, one no more."""


@pytest.fixture
def published() -> list[Outgoing]:
    """Return what was published."""
    return []


@pytest.fixture
def say(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], published: list[Outgoing]
) -> Say:
    """Run the verb where an Environment was heard of from one; return its end and its words."""

    class Broker:
        async def publish(self, message: Outgoing) -> None:
            published.append(message)

    @asynccontextmanager
    async def operating(_target: Any) -> AsyncIterator[Broker]:
        yield Broker()

    monkeypatch.setattr(simulate, "operating", operating)

    def said(
        source: str, words: tuple[str, ...] = WORD, url: str = "nats://127.0.0.1:1"
    ) -> tuple[int, str, str]:
        doc = {"organization": "acme", "cluster": {"source": source} if source else None}
        monkeypatch.setattr(owned, "require_environment", lambda *_: doc)
        monkeypatch.setattr(owned, "docs", lambda *_: SEEN)
        code = ended([*words, "--url", url])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return said


def test_a_word_is_published_as_the_simulated_cluster_takes_it(
    say: Say, published: list[Outgoing]
) -> None:
    code, out, err = say("simulator")
    assert (code, out) == (0, "blog fares so in acme-prod from now on: crash-loop\n")
    (word,) = published
    assert word.subject == "ws.acme-prod.simulator.blog"
    assert json.loads(word.data) == {"mode": "crash-loop"}
    Cluster(0, 1.0).word(word.subject, json.loads(word.data))
    assert "catalyst app show blog --env acme-prod --org acme`" in err
    assert "catalyst simulate blog well --env acme-prod --org acme` ends that" in err
    assert "--simulate-cluster" not in err
    _, _, err = say("simulator", words=("simulate", "blog", "well", *WORD[3:]))
    assert "ends that" not in err


@pytest.mark.parametrize(
    ("name", "near"),
    [("blgo", "; do you mean blog?"), ("shop", ""), ("wiki", "")],
)
def test_of_a_name_that_does_not_run_there_it_is_said_what_may_be_meant(
    name: str, near: str, say: Say, published: list[Outgoing]
) -> None:
    code, out, err = say("simulator", words=("simulate", name, *WORD[2:]))
    # It may be installed later: the word is kept for it.
    assert (code, len(published)) == (0, 1)
    assert out == f"{name} fares so in acme-prod from now on: crash-loop\n"
    assert f"no {name} runs in acme-prod yet: one that is installed will fare so{near}\n" in err
    assert "app show" not in err


def test_where_nobody_may_see_what_runs_nothing_is_said_of_it(
    say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> Any:
        raise Problem(403, "forbidden")

    monkeypatch.setattr(application, "names", refused)
    code, _, err = say("simulator", words=("simulate", "blgo", *WORD[2:]))
    assert code == 0
    assert "runs in" not in err


def test_a_program_is_told_the_word_and_no_more(say: Say, published: list[Outgoing]) -> None:
    code, out, err = say("", (*WORD, "-o", "json"))
    body = {"application": "blog", "environment": "acme-prod", "mode": "crash-loop"}
    assert (code, json.loads(out), err, len(published)) == (0, body, "", 1)


def test_a_name_is_one_part_of_the_subject(say: Say, published: list[Outgoing]) -> None:
    say("simulator", ("simulate", "a.b", *WORD[2:]))
    (word,) = published
    assert word.subject.split(".")[:3] == ["ws", "acme-prod", "simulator"]
    assert len(word.subject.split(".")) == 4


def test_without_the_broker_s_address_nothing_is_said(say: Say, published: list[Outgoing]) -> None:
    code, _, err = say("simulator", url="http://127.0.0.1:1")
    assert (code, published) == (ExitCode.USAGE, [])
    assert "needs the broker's address" in err


def test_where_its_stack_is_down_the_command_that_starts_it_is_named(
    say: Say, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def operating(_target: Target) -> NoReturn:
        raise Unreachable("no broker answers")

    here = Target(nats="nats://127.0.0.1:1", data=str(tmp_path))
    monkeypatch.setattr(simulate, "resolve", lambda *_: here)
    monkeypatch.setattr(simulate, "operating", operating)
    code, out, err = say("simulator")
    assert (code, out) == (ExitCode.UNREACHABLE, "")
    assert f"catalyst up --data {tmp_path}" in err


def test_where_nothing_was_heard_yet_it_is_said_who_would_hear_it(say: Say) -> None:
    code, _, err = say("")
    assert code == 0
    assert "--simulate-cluster` does that" in err


def test_nothing_is_simulated_where_a_real_cluster_speaks(
    say: Say, published: list[Outgoing]
) -> None:
    code, _, err = say("cluster")
    assert (code, published) == (ExitCode.REJECTED, [])
    assert "a real cluster speaks of acme-prod" in err


def test_every_way_to_fare_can_be_said() -> None:
    assert {*simulate.Mode} == {*get_args(objects.Mode)}
