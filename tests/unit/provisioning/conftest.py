"""The town of most tests of plans, and who answers what is asked outside; some have their own."""

import pytest
from tests.support.changing import Town
from tests.support.planning import Others, known, wiki
from tests.support.plans import town


@pytest.fixture
def place() -> Town:
    """Return `acme`, and every Blueprint."""
    found = town()
    known(found)
    return found


@pytest.fixture
def others() -> Others:
    """Return a catalogue that knows the wiki."""
    found = Others()
    wiki(found)
    return found
