"""Settings of blueprint-controller: `BLUEPRINT_CONTROLLER_<NAME>` or `CATALYST_<NAME>`."""

from __future__ import annotations

from catalyst.chassis import forms
from catalyst.chassis.settings import BrokerSettings


class Settings(BrokerSettings, frozen=True, kw_only=True):
    """What blueprint-controller can be told."""

    starter: bool = True
    """Register the catalogue that comes with Catalyst as the source `starter`."""
    source_directories: forms.Folder = ""
    """Folder below which directories may be read as sources of the platform; empty: none may."""
    git_hosts: forms.HostPatterns = ""
    """Hosts on the public network that Git sources may stand on, with spaces between them;
    `*.example.com` stands for every host below it. No password is sent: a clone of a repository
    that asks for one goes below `SOURCE_DIRECTORIES`."""
    git_networks: forms.PrivateNetworks = ""
    """Private networks that hosts of the platform's own sources may stand on, such as
    `10.20.0.0/16`, separated by spaces; `GIT_HOSTS` names the hosts all the same. Sources of an
    Organization stand on the public network alone."""
    git_url: forms.GitDoor = ""
    """Address of our own Git door, such as `http://gateway:8080`, for Organizations' own
    repositories; empty: they cannot be sources."""
