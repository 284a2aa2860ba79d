"""docs/protocol.md is true: each example is run, in the page's order, against `catalyst up`."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.docs.page import Example, Exchange, Frame, Values, examples, exchange, frames, matches
from tools.files import ROOT

from catalyst.contracts import schema, subjects
from catalyst.contracts.message import Outcome
from catalyst.projector.views.table import BY_PLURAL

PAGE = (ROOT / "docs" / "protocol.md").read_text("utf-8")
EXAMPLES = examples(PAGE)
DEADLINE_SECONDS = 30.0


# ---- the page


def test_each_example_has_an_id_of_its_own() -> None:
    blocks = [(item.language, item.id) for item in EXAMPLES]
    assert len(blocks) == len(set(blocks))


def test_each_output_that_is_shown_belongs_to_a_program() -> None:
    programs = [item.id for item in EXAMPLES if item.language == "python"]
    assert [
        item.id for item in EXAMPLES if item.language == "text" and item.id not in programs
    ] == []


def test_every_field_of_an_outcome_is_explained() -> None:
    section = PAGE.split("## Outcomes and codes")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]+`) \|", section, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", " ".join(rows))) == set(Outcome.__struct_fields__)


def test_every_subject_that_others_may_write_to_or_read_is_named() -> None:
    table = PAGE.split("| Subject | Holds |")[1].split("\n\n")[0]
    named = set(re.findall(r"`(\w+)\.", table))
    channels = schema.asyncapi("1.2.3")["channels"].values()
    assert {one["address"].split(".")[0] for one in channels if one["address"]} <= named
    assert {"cmd", "dlq", "evt", "use", "ws"} <= named


def test_every_kind_of_rows_is_named() -> None:
    section = PAGE.split("**Rows.**")[1].split("A row is")[0]
    assert set(re.findall(r"`([a-z-]+)`", section)) == BY_PLURAL.keys() | {"kinds", "all"}


@given(st.text())
def test_the_escape_that_is_shown_is_ours(text: str) -> None:
    assert _escape()(text) == subjects.escape(text)


def _escape() -> Callable[[str], str]:
    (shown,) = (item for item in EXAMPLES if item.id == "escape.py" and item.language == "python")
    found: dict[str, Any] = {}
    exec(shown.text.partition("\n\n\nfor ")[0], found)  # noqa: S102 - our own page
    return found["escape"]  # type: ignore[no-any-return]


def test_the_page_says_how_to_get_what_its_programs_need() -> None:
    programs = {item.id: item.text for item in EXAMPLES if item.language == "python"}
    worker = (ROOT / "examples" / "faststream_worker.py").read_text("utf-8")
    texts = [*programs.values(), worker]
    used = {
        name for text in texts for name in re.findall(r"^(?:from|import) (\w+)", text, re.MULTILINE)
    }
    ours = {name.removesuffix(".py") for name in programs}
    assert used - sys.stdlib_module_names - ours == {"nats", "faststream"}
    assert 'pip install nats-py "faststream[nats]"' in PAGE


# ---- the examples


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with `endpoints.json` of a stack that runs."""
    data = tmp_path_factory.mktemp("data")
    folder = tmp_path_factory.mktemp("programs")
    log = folder / "up.txt"
    environment = os.environ | {"XDG_CONFIG_HOME": str(folder / "config")}
    command = [Path(sys.executable).with_name("catalyst"), "up", "--data", data, "--port", "0"]
    with log.open("w") as output, _started(command, folder, environment, output) as process:
        # It greets once everything can do its work.
        _until(lambda: "Ctrl-C drains" in log.read_text("utf-8"), log, process)
        shutil.copy(data / "endpoints.json", folder)
        yield folder
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE_SECONDS) == 0, log.read_text("utf-8")


@contextmanager
def _started(
    command: list[Any], folder: Path, environment: dict[str, str], output: Any
) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(DEADLINE_SECONDS)


def _until(condition: Callable[[], bool], log: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert process.poll() is None, log.read_text("utf-8")
        assert time.monotonic() < deadline, log.read_text("utf-8")
        time.sleep(0.02)


@pytest.mark.real
def test_every_example_does_what_the_page_says(place: Path) -> None:
    endpoints = json.loads((place / "endpoints.json").read_text("utf-8"))
    address = endpoints["http"].removeprefix("http://")
    values = Values(TOKEN=endpoints["operator"]["token"], ADDRESS=address)
    outputs = {item.id: item.text for item in EXAMPLES if item.language == "text"}
    with httpx.Client(base_url=endpoints["http"], timeout=DEADLINE_SECONDS) as http:
        waiting = iter(EXAMPLES)
        for example in waiting:
            if example.id == "worker":
                _refused_until_the_worker_ran(place)
                with _worker(place):
                    _holds(http, next(waiting), values)
            elif example.language == "python":
                _program(place, example, outputs.get(example.id, ""))
            elif example.language == "http":
                _holds(http, example, values)
            elif example.language == "sh":
                _clone(place, values.fill(example.text))


def _run(place: Path, example: Example) -> subprocess.CompletedProcess[str]:
    (place / example.id).write_text(example.text, encoding="utf-8")
    return subprocess.run(
        [sys.executable, example.id], cwd=place, capture_output=True, text=True, timeout=60,
        check=False, encoding="utf-8", env=os.environ | {"PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip


def _refused_until_the_worker_ran(place: Path) -> None:
    (plan,) = (item for item in EXAMPLES if item.id == "plan.py" and item.language == "python")
    done = _run(place, plan)
    assert done.returncode == 1
    assert done.stdout == "404 environment-not-found\n"
    assert done.stderr.startswith("refused: environment-not-found: "), done.stderr
    assert "Traceback" not in done.stderr


def _program(place: Path, example: Example, shown: str) -> None:
    done = _run(place, example)
    assert done.returncode == 0, f"{example.id}\n{done.stderr}"
    said = done.stdout.strip().splitlines()
    expected = shown.strip().splitlines()
    as_shown = [a for a, b in zip(expected, said, strict=False) if matches(a, b)]
    assert len(as_shown) == len(expected) == len(said), f"{example.id} printed\n{done.stdout}"


@contextmanager
def _worker(place: Path) -> Iterator[None]:
    shutil.copy(ROOT / "examples" / "faststream_worker.py", place)
    command = [sys.executable, "faststream_worker.py"]
    log = place / "worker.txt"
    with log.open("w") as output, _started(command, place, dict(os.environ), output):
        yield
    assert "Traceback" not in log.read_text("utf-8"), log.read_text("utf-8")


def _clone(place: Path, script: str) -> None:
    if shutil.which("git") is None:
        assert "CI" not in os.environ, "CI has to have git"
        return
    clean = {"PATH": os.environ["PATH"], "HOME": str(place), "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["sh", "-ec", script], cwd=place, env=clean, check=True, timeout=60)
    said = subprocess.run(
        ["git", "log", "-1", "--format=%B"], cwd=place / "home", env=clean, check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    assert re.search(r"^Catalyst-Command: \S+\nCatalyst-Seq: \d+$", said.stdout, re.MULTILINE)
    files = {str(path.relative_to(place / "home")) for path in (place / "home").rglob("*.yaml")}
    assert "organization.yaml" in files
    # An address with a token in it would be kept there.
    assert "@" not in (place / "home" / ".git" / "config").read_text("utf-8")


def _holds(http: httpx.Client, example: Example, values: Values) -> None:
    deadline = time.monotonic() + (DEADLINE_SECONDS if example.until else 0.0)
    asked = exchange(example.text)
    while True:
        wrong = _streamed(http, asked, values) if asked.frames else _asked(http, asked, values)
        if not wrong:
            return
        assert time.monotonic() < deadline, f"{example.id}: {wrong}"
        time.sleep(0.05)


def _request(asked: Exchange, values: Values) -> dict[str, Any]:
    return {
        "method": asked.method,
        "url": values.fill(asked.target),
        "headers": {name: values.fill(text) for name, text in asked.headers.items()},
        "content": values.fill(asked.body) or None,
    }


def _asked(http: httpx.Client, asked: Exchange, values: Values) -> str:
    """Empty if the answer is as shown."""
    found = http.request(**_request(asked, values))
    if found.status_code != asked.status or not values.fits(asked.answer, found.json()):
        return f"{found.status_code} {found.text}"
    return ""


def _streamed(http: httpx.Client, asked: Exchange, values: Values) -> str:
    """Empty if the stream sends what is shown and nothing between."""
    with http.stream(**_request(asked, values)) as found:
        assert found.status_code == asked.status
        seen: list[Frame] = []
        for frame in _frames(found):
            shown = asked.frames[len(seen)]
            seen.append(frame)
            expected = {"event": shown.event, "id": shown.id, "data": shown.data}
            if not values.fits(expected, msgspec.to_builtins(frame)):
                return f"{seen}"
            if len(seen) == len(asked.frames):
                return ""
    return f"ended after {seen}"


def _frames(found: httpx.Response) -> Iterator[Frame]:
    text = ""
    for chunk in found.iter_text():
        *whole, text = (text + chunk).split("\n\n")
        for part in whole:
            yield from frames(part)
