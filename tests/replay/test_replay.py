"""Recorded streams fold to the same states and rows with today's code."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tools import histories

from catalyst.contracts.registry import EVENTS
from catalyst.projector import row as rows
from catalyst.projector.views.table import BY_KIND

FILES = sorted((histories.FOLDER / "histories").glob("*.jsonl"))
STORY = histories.FOLDER / "histories" / "three-organizations.jsonl"


def _stem(file: Path) -> str:
    return file.stem


def _expected(file: Path) -> Any:
    path = histories.FOLDER / "expected" / f"{file.stem}.json"
    return json.loads(path.read_text("utf-8"))


@pytest.mark.parametrize("file", FILES, ids=_stem)
def test_a_recorded_stream_folds_to_what_it_always_did(file: Path) -> None:
    assert histories.play(file) == _expected(file)


def test_every_event_that_was_ever_released_is_recorded() -> None:
    recorded = {
        json.loads(bytes(line.data))["type"] for file in FILES for line in histories.lines(file)
    }
    assert recorded == set(EVENTS)


@pytest.mark.parametrize("file", FILES, ids=_stem)
def test_nothing_that_is_recorded_is_poison(file: Path) -> None:
    found = histories.rows(list(histories.lines(file)))
    frozen = {
        key
        for key, value in found.items()
        if value["stale"] is not None and value["stale"]["code"] in rows.FROZEN
    }
    assert frozen == set()


@pytest.mark.parametrize("file", FILES, ids=_stem)
def test_a_state_survives_its_snapshot(file: Path) -> None:
    for state in histories.states(list(histories.lines(file))).values():
        assert msgspec.json.decode(msgspec.json.encode(state), type=type(state)) == state


@pytest.mark.parametrize("file", FILES, ids=_stem)
def test_a_stored_row_reads_as_it_was_written(file: Path) -> None:
    for key, value in histories.rows(list(histories.lines(file))).items():
        raw = rows.encode(
            rows.decode(json.dumps(value).encode(), BY_KIND[key.split(".")[2]].document)
        )
        assert json.loads(raw) == value


# ---- the gate


def test_another_result_with_the_same_number_is_refused() -> None:
    before = _expected(STORY)
    after = copy.deepcopy(before)
    path = next(path for path in after["states"] if ".environment.organization." in path)
    after["states"][path]["display_name"] = "Other"
    assert histories.refusals(before, after) == [
        "the fold of environment.organization gives another result; raise its number, which is 3"
    ]
    after["folds"]["environment.organization"] += 1
    assert histories.refusals(before, after) == []


def test_other_rows_with_the_same_number_are_refused() -> None:
    before = _expected(STORY)
    after = copy.deepcopy(before)
    after["rows"].popitem()
    assert histories.refusals(before, after) != []
    after["folds"]["rows"] += 1
    assert histories.refusals(before, after) == []


def test_a_state_that_is_gone_is_a_change() -> None:
    before = _expected(STORY)
    after = copy.deepcopy(before)
    after["states"].popitem()
    assert histories.refusals(before, after) != []
