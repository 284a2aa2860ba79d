"""What a cluster says, read: for which Environment, and whatever it is."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import facts
from tests.support.each import each
from tests.support.facts import pod
from tools.examples import SHARED_EXAMPLES

from catalyst.contracts.codec import Undecodable
from catalyst.provisioning.domain import seen


@pytest.mark.guarantee("G13.6")
@pytest.mark.parametrize("environment", ["omantel-prod", "acme-dev"])
def test_nobody_speaks_for_another_environment(environment: str) -> None:
    _, data = pod(1)
    with pytest.raises(Undecodable, match="labels"):
        seen.decode(facts.subject("Pod", "blog-0", environment=environment), data)


@pytest.mark.guarantee("G13.6")
def test_an_organization_is_not_taken_from_a_label_that_its_environment_contradicts() -> None:
    item = {
        "metadata": {
            "name": "x",
            "resourceVersion": "1",
            "labels": {**facts.LABELS, "openova.io/organization": "omantel"},
        }
    }
    with pytest.raises(Undecodable, match="labels"):
        seen.decode(facts.subject("Pod", "x"), facts.body("Pod", item))


def test_the_fact_that_is_published_as_an_example_is_read() -> None:
    subject = "ws.acme-prod.k8s.Deployment.acme-prod.blog"
    found = seen.decode(subject, msgspec.json.encode(SHARED_EXAMPLES["catalyst.fact"]))
    assert found is not None
    assert (found.organization, found.application, found.environment) == (
        "acme",
        "blog",
        "acme-prod",
    )
    assert found.evidence.status == "healthy"


@pytest.mark.guarantee("G5.7")
def test_a_fact_whose_time_has_no_offset_is_refused() -> None:
    subject, data = pod(1, time="2026-03-02T12:00:00")
    with pytest.raises(Undecodable) as caught:
        seen.decode(subject, data)
    assert (caught.value.code, caught.value.pointer) == ("invalid-data", "/time")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["conditions", "phase", "type", "status", "reason", "replicas", "state"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=10,
)


@given(
    kind=st.sampled_from(["Pod", "Deployment", "Job", "Kustomization", "Service"]),
    status=JSON,
    spec=JSON,
)
def test_whatever_a_cluster_says_is_read(kind: str, status: Any, spec: Any) -> None:
    found, _, _ = seen.health({"kind": kind, "metadata": {}, "spec": spec, "status": status})
    assert found in {"healthy", "progressing", "degraded", "unknown"}


@each(
    [
        ("uid", None),
        ("uid", ""),
        ("resourceVersion", "9" * 19),
        ("resourceVersion", "9" * 5000),
        ("resourceVersion", "\u0663"),
    ]
)
def test_what_does_not_say_which_object_it_is_about_is_refused(field: str, value: Any) -> None:
    subject, data = facts.pod(4)
    body = msgspec.json.decode(data)
    body["object"]["metadata"][field] = value
    with pytest.raises(Undecodable, match="uid or resourceVersion") as refused:
        seen.decode(subject, msgspec.json.encode(body))
    assert (refused.value.code, refused.value.pointer) == ("invalid-data", "/object")


@each(["Hz", "a.b", "-a", "a" * 64])
def test_what_is_no_name_of_a_cluster_is_refused(cluster: str) -> None:
    with pytest.raises(Undecodable, match="cluster"):
        seen.decode(*facts.pod(4, cluster=cluster))


@each([b"", b"[]", b'{"type":"MODIFIED"}', b'{"type":"X","object":{}}'])
def test_what_is_no_fact_is_refused(data: bytes) -> None:
    with pytest.raises(Undecodable):
        seen.decode(facts.subject("Pod", "x"), data)


PASSWORD = "hunter2-hunter2"
SECRET = facts.body(
    "Secret",
    {
        "metadata": {
            "name": "blog-credentials",
            "resourceVersion": "1",
            "uid": "u-1",
            "labels": facts.LABELS,
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": PASSWORD},
        },
        "data": {"password": PASSWORD},
    },
    source="cluster",
)


@pytest.mark.guarantee("G6.7")
@given(
    at=st.integers(0, len(SECRET)),
    length=st.integers(0, len(SECRET)),
    instead=st.sampled_from([b"", b"{", b'"', b"\\", b"\xff", b"NaN", SECRET, SECRET[:60], b"1"]),
)
def test_however_a_secret_is_mangled_nothing_says_what_is_in_it(
    at: int, length: int, instead: bytes
) -> None:
    mangled = SECRET[:at] + instead + SECRET[at + length :]
    try:
        said = repr(seen.decode(facts.subject("Secret", "blog-credentials"), mangled))
    except Undecodable as refused:
        said = repr(vars(refused)) + str(refused)
    assert PASSWORD not in said
