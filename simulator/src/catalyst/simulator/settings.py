"""Settings of the simulator: `SIMULATOR_<NAME>` or `CATALYST_<NAME>`."""

from __future__ import annotations

from catalyst.chassis.settings import BrokerSettings


class Settings(BrokerSettings, frozen=True, kw_only=True):
    """What the simulator can be told."""

    seed: int = 0
    """With the same seed the same commits take the same time."""
    pace: float = 1.0
    """Seconds that a stage takes, about; a commit has three."""
