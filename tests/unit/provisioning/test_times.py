"""When something was seen last: the latest of all that counts, whatever order it comes in."""

from datetime import datetime, timedelta

import msgspec
import pytest
from tests.support import build
from tests.support.each import each
from tests.support.facts import kustomization, pod

from catalyst.contracts.provisioning_values_v1 import Desired
from catalyst.provisioning.domain import observing, seen
from catalyst.provisioning.domain.application import Binding
from catalyst.provisioning.domain.seen import Fact

pytestmark = pytest.mark.guarantee("G13.4")

RUNS = Desired(change="ch-1", blueprint="bp-x", origin="public", version="1.0.0", digest="sha256:0")


def told(message: tuple[str, bytes], minute: int) -> tuple[Fact, datetime]:
    """Return a fact that was seen at a minute."""
    fact = seen.decode(*message)
    assert fact is not None
    return fact, build.NOW + timedelta(minutes=minute)


@each([(1, 5), (5, 1)])
def test_it_is_the_latest_time_in_whatever_order_the_versions_stand(lower: int, upper: int) -> None:
    facts = [told(kustomization(10, "aaa"), lower), told(pod(11), upper)]
    for order in (facts, facts[::-1]):
        found = observing.fold(Binding(desired=RUNS), order)
        assert found is not None
        assert found.observed_at == build.NOW + timedelta(minutes=5)


def test_what_was_seen_earlier_and_comes_later_takes_no_time_back() -> None:
    first = observing.fold(Binding(desired=RUNS), [told(kustomization(10, "aaa"), 9)])
    binding = msgspec.structs.replace(Binding(desired=RUNS), observed=first)
    after = observing.fold(binding, [told(pod(11), 2)])
    assert after is not None
    assert (len(after.evidence), after.observed_at) == (2, build.NOW + timedelta(minutes=9))
