"""Settings of the environment-controller: `ENVIRONMENT_CONTROLLER_<NAME>` or `CATALYST_<NAME>`."""

from __future__ import annotations

from catalyst.chassis import forms
from catalyst.chassis.settings import BrokerSettings


class Settings(BrokerSettings, frozen=True, kw_only=True):
    """What the environment-controller can be told."""

    git_root: forms.OwnFolder = "git"
    """Folder that holds the Git homes; one process at a time uses it."""
