"""Settings of provisioning: `PROVISIONING_<NAME>` or `CATALYST_<NAME>`."""

from __future__ import annotations

from typing import Annotated

from catalyst.chassis import forms
from catalyst.chassis.settings import BrokerSettings
from catalyst.contracts.money_v1 import EXPONENTS


class Settings(BrokerSettings, frozen=True, kw_only=True):
    """What provisioning can be told."""

    currency: Annotated[str, forms.one_of(EXPONENTS)] = "OMR"
    """The currency of what is bought without naming one; the price book has to have it."""
    git_url: forms.GitDoor = "http://127.0.0.1:8080"
    """Where Applications' repositories are written: the environment-controller or the gateway,
    without `/git` at the end."""
    cluster_git_url: forms.GitDoor = ""
    """Where clusters read them, as it stands in the Flux objects; empty: the same."""
