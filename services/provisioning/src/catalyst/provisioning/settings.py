"""Settings of provisioning: `PROVISIONING_<NAME>` or `CATALYST_<NAME>`."""

from __future__ import annotations

from catalyst.chassis.settings import BrokerSettings


class Settings(BrokerSettings, frozen=True, kw_only=True):
    """What provisioning can be told."""

    currency: str = "OMR"
    """The currency in which plans say prices: the three capital letters of one that the price
    book has."""
