"""Helm with its charts, built once for all tests here."""

import pytest
from tests.deploy import charts
from tests.deploy.charts import UMBRELLA, Helm


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """The charts as a fresh clone has them, with the dependencies of each built by itself."""
    found = charts.helm(tmp_path_factory.mktemp("helm"))
    # The umbrella first: it takes the members' charts as they are in the repository.
    found.build(UMBRELLA, *(name for name in charts.names() if name != UMBRELLA))
    return found
