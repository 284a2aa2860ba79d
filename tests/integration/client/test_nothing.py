"""Where there is nothing to show, what to do next is said, and whether the name was right."""

from collections.abc import Callable

import pytest
from tests.integration.client.command import Ran

pytestmark = pytest.mark.real

FIRST = "`catalyst apply -f FILE` makes one"
NOBODY = "there is no Organization 'nobody'"


def test_an_empty_list_says_what_brings_the_first(
    catalyst: Callable[..., Ran], organization: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalyst.cli.output.as_called", str)
    ran = catalyst("get", "environments", "--org", organization)
    assert (ran.code, ran.out) == (0, "")
    assert FIRST in ran.err
    # Whoever asked for something of it knows that there are others.
    narrow = catalyst("get", "environments", "--org", organization, "--label", "a=b")
    assert FIRST not in narrow.err
    ran = catalyst("billing", "invoice", "list", "--org", organization)
    assert ran.err.count("billing invoice show") == 1
    for wrong in (("get", "environments"), ("events",)):
        told = catalyst(*wrong, "--org", "nobody").err
        assert NOBODY in told
        assert FIRST not in told
    assert NOBODY not in catalyst("events", "--org", organization, "--type", "none.none.v1").err
    as_json = catalyst("get", "environments", "--org", organization, "-o", "json")
    assert as_json.err == ""
