"""Settings of catalog-svc: `CATALOG_SVC_<NAME>` or `CATALYST_<NAME>`."""

from __future__ import annotations

from catalyst.chassis.settings import BrokerSettings


class Settings(BrokerSettings, frozen=True, kw_only=True):
    """What catalog-svc can be told."""
