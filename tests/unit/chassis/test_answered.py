"""What was answered lately is known, by its Organization and its id, and no more than so much."""

import pytest
from tests.unit.chassis.drafts import job

from catalyst.chassis import answered
from catalyst.chassis.answered import Answered
from catalyst.contracts.subjects import Ref

ACME, OTHER, NOBODY = (
    Ref(owner, "environment", "organization", "x") for owner in ("acme", "other", None)
)


def test_one_is_known_by_its_organization_and_its_id() -> None:
    known = Answered()
    known.add(job(ref=ACME, done_id="c-1"))
    assert job(ref=ACME, done_id="c-1", digest="other") in known
    for ref, name in ((ACME, "c-2"), (OTHER, "c-1"), (NOBODY, "c-1")):
        assert job(ref=ref, done_id=name) not in known


def test_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answered, "MOST", 2)
    known = Answered()
    for name in ("c-1", "c-2", "c-2", "c-3"):
        known.add(job(ref=ACME, done_id=name))
    assert [job(ref=ACME, done_id=f"c-{n}") in known for n in (1, 2, 3)] == [False, True, True]
