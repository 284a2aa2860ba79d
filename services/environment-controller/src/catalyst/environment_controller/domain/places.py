"""Providers, regions, building blocks and environment types, with their codes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, get_args

from catalyst.contracts.environment_v1 import BuildingBlock, EnvType, Provider, Region

PROVIDERS: Final[tuple[str, ...]] = get_args(Provider)
BLOCKS: Final[tuple[str, ...]] = get_args(BuildingBlock)
ENVIRONMENT_TYPES: Final[tuple[str, ...]] = get_args(EnvType)

SHORT: Final[Mapping[str, str]] = {
    "hetzner": "hz",
    "huawei": "hw",
    "oci": "oci",
    "aws": "aws",
    "gcp": "gcp",
    "azure": "az",
    "contabo": "ct",
}
"""Provider → its code in the names of clusters."""

REGIONS: Final[Mapping[str, frozenset[str]]] = {
    "hetzner": frozenset({"fsn", "nbg", "hel", "ash", "hil", "sin"}),
    "huawei": frozenset({"apse", "cnn", "las", "mer"}),
    "oci": frozenset({"dxb", "fra", "sg", "iad", "syd"}),
    "contabo": frozenset({"eu"}),
}
"""Provider → the codes of its regions. For the other providers no table is documented: any code of
the right shape is taken."""

BRANCHES: Final[Mapping[str, str]] = {
    "dev": "develop",
    "stg": "staging",
    "prod": "main",
    "uat": "uat",
    "poc": "poc",
}
"""Environment type → the branch that Applications of such an Environment follow."""

_SUFFIX: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LABEL_LENGTH: Final = 63


def region_known(provider: str, region: str) -> bool:
    """Return whether the provider has the region, as far as its regions are known."""
    return region in REGIONS[provider] if provider in REGIONS else True


def host_cluster(region: Region, env_type: str) -> str:
    """Return the derived name of the host cluster: `{prov}-{reg}-{block}-{env_type}`."""
    return f"{SHORT[region.provider]}-{region.region}-{region.building_block}-{env_type}"


def host_cluster_fits(name: str, region: Region) -> bool:
    """Return whether a given host cluster lies where the region says.

    An Environment may share a cluster of another environment type (`hz-fsn-rtz-prod` for a dev
    Environment), and a place may hold several clusters (`hz-fsn-rtz-prod-2`); provider, region and
    building block may not differ.
    """
    if len(name) > _LABEL_LENGTH:
        return False
    for env_type in ENVIRONMENT_TYPES:
        base = host_cluster(region, env_type)
        if name == base:
            return True
        if name.startswith(f"{base}-") and _SUFFIX.fullmatch(name, len(base) + 1):
            return True
    return False


def placed(regions: tuple[Region, ...], env_type: str) -> tuple[Region, ...]:
    """Return the regions with the name of every host cluster filled in."""
    return tuple(
        region
        if region.host_cluster
        else Region(
            provider=region.provider,
            region=region.region,
            building_block=region.building_block,
            host_cluster=host_cluster(region, env_type),
        )
        for region in regions
    )
