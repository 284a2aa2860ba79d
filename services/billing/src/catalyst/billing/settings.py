"""Settings of billing: `BILLING_<NAME>` or `CATALYST_<NAME>`."""

from __future__ import annotations

from catalyst.chassis.settings import BrokerSettings


class Settings(BrokerSettings, frozen=True, kw_only=True):
    """What billing can be told."""
