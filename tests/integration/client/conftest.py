"""The whole stack once for all tests of this folder; each uses Organizations of its own."""

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from tests.integration.client.approving import CODE, MANIFESTS, ORG, PRICES
from tests.integration.client.command import Ran, command
from tests.integration.client.shop import Shop, open_supplied
from tests.integration.client.stack import Stack, running
from tests.support.broker import SharedBroker
from tests.support.rig import acme
from tests.support.sequential import CREATE
from tests.support.staying import Staying

_STACK: Final = Staying[Stack](Path(__file__).parent)


@pytest.fixture(scope="session")
def _staying(shared_broker: SharedBroker) -> Iterator[SharedBroker]:
    yield shared_broker
    _STACK.end()


@pytest.fixture(scope="module")
def stack(_staying: SharedBroker, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    # All tests are one address, and many of them are refused.
    door = {"refusals_per_address": 1e6}
    data = Path(tmp_path_factory.mktemp("stack"))
    return _STACK.held(lambda: running(_staying.account(), data, door=door))


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """Let nothing run for tests that this worker has left behind."""
    _STACK.after(nextitem)


_NUMBERS = itertools.count(1)


@pytest.fixture
def fresh() -> Callable[[], str]:
    """Return slugs that no test has used."""
    return lambda: f"org{next(_NUMBERS)}x"


@pytest.fixture
def catalyst(
    stack: Stack,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., Ran]:
    """Run the command as a sovereign-admin of the stack."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return command(stack, capsys)


@pytest.fixture
def organization(catalyst: Callable[..., Ran], fresh: Callable[[], str]) -> str:
    """An Organization whose row is there to be read."""
    slug = fresh()
    data = json.dumps(acme(display_name="Acme"))
    made = catalyst("send", CREATE, "--org", slug, "--data", data, "-o", "json")
    assert made.code == 0
    shown = catalyst("get", "organizations", slug, "--min-seq", str(made.json["seq"]))
    assert shown.code == 0
    return slug


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A stack with Organizations of the same people, in which changes wait for approvals.

    One Environment asks for more of them than its Organization can give.
    """
    folder = tmp_path_factory.mktemp("shop")
    with open_supplied(folder, MANIFESTS, organization=ORG, prices=PRICES, code=CODE) as found:
        found.once_said("bp-wordpress", "catalog", "search", "wordpress", "--org", ORG)
        yield found
