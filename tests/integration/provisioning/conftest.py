"""Sites at which stories are told, and how each ends where nobody dies."""

from pathlib import Path

import pytest
from tests.integration.provisioning.proving import Prover, Recorded
from tests.support.broker import SharedBroker
from tests.support.rig import deliver_again_after

from catalyst.chassis.keyring import KeyRing
from catalyst.simulator import worker as simulator


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KeyRing:
    deliver_again_after(monkeypatch, 2.0)
    # A fact that came while its hearer died is said again sooner than by a real cluster.
    monkeypatch.setattr(simulator, "REPEAT_SECONDS", 3.0)
    return KeyRing.open(tmp_path / "keys")


@pytest.fixture(scope="module")
def known() -> dict[str, Recorded]:
    """What a run without a crash is like: recorded once, by story."""
    return {}


@pytest.fixture
def prover(
    shared_broker: SharedBroker, keys: KeyRing, tmp_path: Path, known: dict[str, Recorded]
) -> Prover:
    return Prover(shared_broker, keys, tmp_path, known)
