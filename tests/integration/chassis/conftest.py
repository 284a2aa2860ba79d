"""What makes the faults of these tests quick, without changing what they prove."""

import pytest
from tests.support.rig import FreeLease, deliver_again_after

from catalyst.chassis import worker


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deliver again after 2 s instead of 5: most of a crash is waiting for that."""
    deliver_again_after(monkeypatch, 2.0)


@pytest.fixture
def rivals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every worker be active at once, as if each believed to hold the lease."""
    monkeypatch.setattr(worker, "Lease", FreeLease)
