"""What `catalyst up` suggests can be pasted, word for word."""

from __future__ import annotations

import re
import shlex
from importlib import resources
from pathlib import Path

import msgspec
import pytest
import yaml
from tools.files import ROOT

from catalyst.cli.calling import UNDER_UV, as_called, called
from catalyst.cli.contexts import ENDPOINTS, Context, Contexts, Credentials
from catalyst.cli.greeting import EXAMPLE, EXAMPLES_ENVIRONMENT, greeting, suggestions
from catalyst.cli.installation import Installation
from catalyst.contracts.registry import COMMANDS

CONTEXT = Context(
    http="http://127.0.0.1:8080",
    nats="nats://127.0.0.1:4222",
    operator=Credentials(user="operator", password="secret"),
    data="/srv/second",
)
ALONE = Contexts(current="local", contexts={"local": CONTEXT})


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Call the command by its plain name, whatever runs the tests."""
    for name in UNDER_UV:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("name", UNDER_UV)
def test_whoever_called_it_through_uv_gets_it_so(name: str) -> None:
    assert called({name: "1"}) == "uv run catalyst"
    assert as_called("see `catalyst dlq list`", {name: "1"}) == "see `uv run catalyst dlq list`"
    assert called({}) == "catalyst"
    assert as_called("see `catalyst dlq list`", {}) == "see `catalyst dlq list`"


def test_the_example_is_named_where_it_is(tmp_path: Path) -> None:
    file = tmp_path / EXAMPLE
    file.parent.mkdir()
    file.write_text("{}")
    assert suggestions(tmp_path)[0] == "catalyst apply -f examples/omantel.yaml"


def test_the_example_leads_to_a_plan_in_the_environment_that_it_makes() -> None:
    (planned,) = (line for line in suggestions(ROOT) if " plan " in line)
    assert planned.split()[-2:] == ["--env", EXAMPLES_ENVIRONMENT]
    documents = yaml.safe_load_all((ROOT / EXAMPLE).read_text("utf-8"))
    made = [one["metadata"]["name"] for one in documents if one["kind"] == "Environment"]
    assert made == [EXAMPLES_ENVIRONMENT]


def test_elsewhere_one_line_creates_an_organization(tmp_path: Path) -> None:
    words = shlex.split(suggestions(tmp_path)[0])
    assert words[:2] == ["catalyst", "send"]
    shape = COMMANDS[words[2]].shape
    data = words[words.index("--data") + 1]
    assert isinstance(msgspec.json.decode(data, type=shape), shape)
    assert words[words.index("--org") + 1] == "acme"


def test_every_suggestion_stands_whole_on_its_line(tmp_path: Path) -> None:
    lines = list(greeting("local", ALONE, tmp_path))
    commands = [line for line in lines if line.startswith("  catalyst ")]
    assert len(commands) == 4
    assert all(shlex.split(line) for line in commands)


def test_the_brokers_user_is_told_without_the_password(tmp_path: Path) -> None:
    text = "\n".join(greeting("local", ALONE, tmp_path))
    assert '"operator"' in text
    assert text.count("operator") == 1
    assert "secret" not in text


def test_the_password_is_in_the_file_that_the_greeting_names(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "data")
    context = installation.write_endpoints(
        "http://127.0.0.1:1", "nats://127.0.0.1:2", {}, ours=True
    )
    known = Contexts(
        current="local",
        contexts={"local": msgspec.structs.replace(context, data=str(installation.data))},
    )
    said = next(line for line in greeting("local", known, tmp_path) if "password" in line)
    file = Path(said.partition(" is in ")[2])
    assert msgspec.json.decode(file.read_bytes(), type=Context).operator.password
    # The one that the README and the protocol name.
    assert file.name == ENDPOINTS


def test_a_simulated_cluster_is_said_in_one_line(tmp_path: Path) -> None:
    def about(*, simulated: bool) -> list[str]:
        lines = greeting("local", ALONE, tmp_path, simulated=simulated)
        return [line for line in lines if "cluster" in line]

    assert about(simulated=False) == []
    assert about(simulated=True) == [
        "  cluster       simulated: rows say what a cluster would say, and nothing runs"
    ]


def test_the_page_asks_for_the_token_in_the_same_words(tmp_path: Path) -> None:
    page = (resources.files("catalyst.gateway") / "static" / "index.html").read_text("utf-8")
    said = [line.strip() for line in greeting("local", ALONE, tmp_path) if " token --" in line]
    assert said
    arguments = said[0].partition(" token ")[2]
    # Its words are kept whole, each in a mark of its own.
    assert f"uv run catalyst token {arguments}<" in re.sub(r"</?span>", "", page)


def test_beside_another_stack_every_command_names_its_own(tmp_path: Path) -> None:
    first = Context(http="http://127.0.0.1:8081", data="/srv/first")
    known = Contexts(current="local", contexts={"local": first, "second": CONTEXT})
    text = list(greeting("second", known, tmp_path))
    commands = [line for line in text if line.startswith("  catalyst ")]
    assert commands.pop(0) == "  catalyst context use second"
    assert all(line.endswith(" --context second") for line in commands)
    assert any("stays local, which runs at http://127.0.0.1:8081" in line for line in text)


@pytest.mark.guarantee("G27.3")
def test_a_name_that_moves_to_another_stack_is_said(tmp_path: Path) -> None:
    first = Context(http="http://127.0.0.1:8081", data="/srv/first")
    before = Contexts(current="local", contexts={"local": first})
    text = list(greeting("local", ALONE, tmp_path, before=before))
    assert "Until now local was the stack in /srv/first, which is there no more." in text
    for same in (ALONE, Contexts()):
        text = list(greeting("local", ALONE, tmp_path, before=same))
        assert not any("Until now" in line for line in text)


@pytest.mark.guarantee("G27.3")
def test_that_another_connection_is_the_current_one_is_said_with_the_way_back(
    tmp_path: Path,
) -> None:
    prod = Context(http="https://catalyst.example.com")
    before = Contexts(current="prod", contexts={"prod": prod})
    known = Contexts(current="local", contexts={"local": CONTEXT, "prod": prod})
    text = list(greeting("local", known, tmp_path, before=before))
    at = text.index("Until now the current connection was prod. To go back to it:")
    assert text[at + 1] == "  catalyst context use prod"
