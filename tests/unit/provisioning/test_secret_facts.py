"""What a cluster says of a Secret: that it is there, and nothing that stands in it."""

import msgspec
from tests.support import facts

from catalyst.provisioning.domain import seen

CONTENT = "aHVudGVyMg=="


def test_of_a_secret_nothing_is_kept_that_stands_in_it() -> None:
    held = {"data": {"password": CONTENT}, "stringData": {"user": CONTENT}}
    kept = {"kubectl.kubernetes.io/last-applied-configuration": msgspec.json.encode(held).decode()}
    metadata = {
        "name": "db",
        "namespace": "blog",
        "uid": "u-1",
        "resourceVersion": "7",
        "labels": facts.LABELS,
        "annotations": kept,
    }
    told = facts.body("Secret", {"metadata": metadata, "type": "Opaque", **held})
    assert CONTENT in told.decode()
    fact = seen.decode(facts.subject("Secret", "db"), told)
    assert fact is not None
    assert (fact.evidence.kind, fact.evidence.name, fact.application) == ("Secret", "db", "blog")
    assert CONTENT not in msgspec.json.encode(fact).decode()
