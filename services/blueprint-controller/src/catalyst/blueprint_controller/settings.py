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
    `*.example.com` stands for every host below it. A private address is never read, and no password
    is sent: a clone of such a repository goes below `SOURCE_DIRECTORIES`."""
    git_url: forms.GitDoor = ""
    """Address of our own Git door, such as `http://gateway:8080`, for Organizations' own
    repositories; empty: they cannot be sources."""
