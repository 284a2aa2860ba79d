"""What the demonstration says at its end, and what it refuses before it begins."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalyst.chassis import settings
from catalyst.cli import contexts, main
from catalyst.cli.contexts import Context
from catalyst.cli.demo.omantel import PRICES
from catalyst.cli.demo.screen import Screen
from catalyst.cli.demo.verb import SIMULATOR_PACE
from catalyst.cli.simulating import paced
from catalyst.cli.stack import Options
from catalyst.simulator.settings import Settings

EXAMPLE = Path(__file__).parents[3] / "examples" / "price-book.yaml"
LATENCY = "stored 1.0  outcome 2.0  row 3.0 ms"


def told(screen: Screen) -> None:
    screen.prove_command("create-organization acme", held=True, detail=LATENCY)
    screen.prove_command("create-environment acme-dev", held=True, detail=LATENCY)
    screen.prove("no event stands twice", held=True, detail="2 events")
    screen.leave_out("nothing is lost when a worker is killed", "no --kill")


def test_the_closing_table_counts_commands_and_shows_what_was_left_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    screen = Screen()
    told(screen)
    screen.finish([("commands sent", "2")], {}, ["next: this"])
    said = capsys.readouterr().out
    _, table = said.split("What was proved")
    assert LATENCY not in table
    assert "2 of 2" in table
    assert "left out   nothing is lost when a worker is killed" in table
    assert "All 2 checks held. 1 left out." in table
    assert table.count("\nok ") == 2
    assert said.count(LATENCY) == 2
    assert said.count("2 events") == 1
    assert said.rstrip().endswith("next: this")


def test_what_did_not_hold_is_counted_and_named(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen()
    told(screen)
    screen.prove_command("suspend-organization acme", held=False, detail="forbidden")
    screen.finish([], {}, [])
    _, table = capsys.readouterr().out.split("What was proved")
    assert not screen.held
    assert "1 of 3 checks did not hold." in table
    assert "FAILED     suspend-organization acme" in table


def test_a_person_who_waits_for_json_is_told_that_it_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for looks, said in ((True, "starting the broker\n"), (False, "")):
        monkeypatch.setattr(sys.stderr, "isatty", lambda looks=looks: looks)
        Screen(as_json=True).waiting("starting the broker")
        assert capsys.readouterr() == ("", said)


def test_what_the_stack_says_stands_where_it_happens(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen()
    screen.waiting("starting the broker")
    screen.step("A worker killed")
    screen.line("killed the worker")
    screen.waiting("billing ended (SIGKILL), starting it again; see /tmp/x/billing.log")
    said = capsys.readouterr()
    assert said.err == "starting the broker\n"
    assert said.out.splitlines()[-2:] == [
        "  killed the worker",
        "  billing ended (SIGKILL), starting it again",
    ]


def test_a_program_gets_every_proof(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(as_json=True)
    told(screen)
    screen.finish([], {"commands": 2}, ["next: this"])
    found = json.loads(capsys.readouterr().out)
    assert [proof["held"] for proof in found["proofs"]] == [True, True, True, None]
    assert (found["held"], found["commands"]) == (True, 2)


@pytest.mark.parametrize("variable", ["SIMULATOR_PACE", "CATALYST_PACE"])
def test_its_cluster_is_quicker_than_others_unless_somebody_says_how_quick(variable: str) -> None:
    options = Options(simulate_cluster=True, simulator_pace=SIMULATOR_PACE)

    def pace(environment: dict[str, str]) -> float:
        told = paced(environment, options)
        return settings.load(Settings, told, "SIMULATOR", {"nats_url": "nats://here"}).pace

    assert pace({}) == SIMULATOR_PACE < Options().simulator_pace
    assert pace({variable: "3"}) == 3.0


def test_killing_needs_somebody_elses_installation(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.ended(["demo", "--kill", "true"]) == 2
    assert "--against" in capsys.readouterr().err


def test_an_installation_without_a_broker_cannot_be_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    contexts.register(contexts.default_path(), "half", Context(http="http://127.0.0.1:1"))
    assert main.ended(["demo", "--against", "half"]) == 2
    assert "--against half" in capsys.readouterr().err


def in_rials(item: Any) -> Any:
    """Return a part of a price book with the prices of one currency alone."""
    if isinstance(item, dict):
        return {name: in_rials(value) for name, value in item.items() if name != "USD"}
    return [in_rials(value) for value in item] if isinstance(item, list) else item


def test_the_prices_of_the_demonstration_are_those_of_the_example() -> None:
    shown, example = yaml.safe_load(PRICES), yaml.safe_load(EXAMPLE.read_text("utf-8"))
    for part in ("packages", "blueprints", "usage"):
        assert shown[part]
        for name, item in shown[part].items():
            assert item == in_rials(example[part][name])
