"""Settings of provisioning: `PROVISIONING_<NAME>` or `CATALYST_<NAME>`."""

from __future__ import annotations

from catalyst.chassis.settings import BrokerSettings


class Settings(BrokerSettings, frozen=True, kw_only=True):
    """What provisioning can be told."""

    currency: str = "OMR"
    """The currency in which plans say prices: the three capital letters of one that the price
    book has."""
    git_url: str = "http://127.0.0.1:8080"
    """Where Applications' repositories are written: the environment-controller or the gateway,
    without `/git` at the end."""
    cluster_git_url: str = ""
    """Where clusters read them, as it stands in the Flux objects; empty: the same."""
