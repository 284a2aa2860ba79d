"""Settings of the simulator: `SIMULATOR_<NAME>` or `CATALYST_<NAME>`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from catalyst.chassis.settings import BrokerSettings, Seconds


class Settings(BrokerSettings, frozen=True, kw_only=True):
    """What the simulator can be told."""

    # It signs nothing and believes nobody, so nothing has to be where these say.
    key_file: str = ""
    jwks: str = ""
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)] = 0
    """With the same seed the same commits take the same time."""
    pace: Seconds = 1.0
    """Seconds that a stage takes, about; a commit has three."""
