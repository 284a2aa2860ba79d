"""What tests of the catalogue with its neighbours share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.integration.catalog_svc import town as place

from catalyst.chassis.jetstream.broker import JetStream


@pytest.fixture
async def town(js: JetStream, tmp_path: Path) -> AsyncIterator[place.Town]:
    """Return who may be asked."""
    async with place.town(js, tmp_path) as found:
        yield found
