"""What Kubernetes would refuse for ever is refused by the plan."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.each import each

from catalyst.provisioning.domain.unchangeable import grown, refused

GROUPS = {
    "StatefulSet": "apps/v1",
    "Deployment": "apps/v1",
    "DaemonSet": "apps/v1",
    "ReplicaSet": "apps/v1",
    "Job": "batch/v1",
    "RoleBinding": "rbac.authorization.k8s.io/v1",
}


def made(kind: str, spec: Any = None, **others: Any) -> dict[str, Any]:
    found = {"apiVersion": GROUPS.get(kind, "v1"), "kind": kind, "metadata": {"name": "db"}}
    return {**found, **({} if spec is None else {"spec": spec}), **others}


def claim(size: Any) -> dict[str, Any]:
    return made("PersistentVolumeClaim", {"resources": {"requests": {"storage": size}}})


@pytest.mark.guarantee("G14.17")
@each(
    [
        *(
            (kind, "selector", {"matchLabels": {"a": "1"}}, {"matchLabels": {"a": "2"}})
            for kind in ("StatefulSet", "Deployment", "DaemonSet", "ReplicaSet")
        ),
        ("StatefulSet", "serviceName", "a", "b"),
        ("StatefulSet", "serviceName", "a", None),
        ("StatefulSet", "podManagementPolicy", None, "Parallel"),
        ("StatefulSet", "volumeClaimTemplates", [{"metadata": {"name": "data"}}], []),
        ("Job", "template", {"spec": {"a": 1}}, {"spec": {"a": 2}}),
        ("Job", "completionMode", None, "Indexed"),
        *(
            ("Job", name, None, {"rules": []})
            for name in ("backoffLimitPerIndex", "managedBy", "podFailurePolicy", "successPolicy")
        ),
        ("PersistentVolumeClaim", "accessModes", ["ReadWriteOnce"], ["ReadWriteMany"]),
        ("PersistentVolumeClaim", "storageClassName", "fast", "slow"),
        ("PersistentVolumeClaim", "storageClassName", "fast", None),
        ("PersistentVolumeClaim", "volumeMode", "Filesystem", "Block"),
        ("PersistentVolumeClaim", "dataSource", None, {"name": "snap"}),
        ("Service", "clusterIP", "10.0.0.1", "10.0.0.2"),
        ("Service", "clusterIP", "None", "10.0.0.2"),
    ]
)
def test_a_field_that_stays_is_named(kind: str, field: str, old: Any, new: Any) -> None:
    before = made(kind, {} if old is None else {field: old})
    after = made(kind, {} if new is None else {field: new})
    words = f"Kubernetes does not change spec.{field} of the {kind} db once it is made"
    assert refused([before], [after]) == (words,)
    assert refused([before], [before]) == ()


@pytest.mark.guarantee("G14.17")
@each(
    [
        (made("Deployment", {"replicas": 1}), made("Deployment", {"replicas": 2})),
        (made("StatefulSet", {}), made("StatefulSet", {"podManagementPolicy": "OrderedReady"})),
        (made("StatefulSet", {"template": 1}), made("StatefulSet", {"template": 2})),
        (made("Service", {}), made("Service", {"clusterIP": "10.0.0.1"})),
        (made("Service", {"clusterIP": "10.0.0.1"}), made("Service", {})),
        (
            made("PersistentVolumeClaim", {}),
            made("PersistentVolumeClaim", {"storageClassName": "fast"}),
        ),
        (
            made("Job", {"template": 1, "ttlSecondsAfterFinished": 60}),
            made("Job", {"template": 2}),
        ),
        (
            made("Job", {"template": 1}, apiVersion="jobs.example.com/v1"),
            made("Job", {"template": 2}, apiVersion="jobs.example.com/v1"),
        ),
        (
            made("Job", {"template": 1}),
            made("Job", {"template": 2}, metadata={"name": "another"}),
        ),
        (
            made("Job", {"template": 1}, metadata={"name": "db", "namespace": "a"}),
            made("Job", {"template": 2}, metadata={"name": "db", "namespace": "b"}),
        ),
        (made("ConfigMap", data={"a": "1"}), made("ConfigMap", data={"a": "2"}, immutable=True)),
        (
            made("ConfigMap", data={"a": "1"}, apiVersion="example.com/v1", immutable=True),
            made("ConfigMap", data={"a": "2"}, apiVersion="example.com/v1", immutable=True),
        ),
        (made("Widget", data="a", immutable=True), made("Widget", data="b", immutable=True)),
        ({**claim("2"), "kind": "Widget"}, {**claim("1"), "kind": "Widget"}),
        (
            {**claim("2"), "apiVersion": "x.example/v1"},
            {**claim("1"), "apiVersion": "x.example/v1"},
        ),
        (made("Secret"), made("Secret", type="Opaque")),
    ]
)
def test_what_changes_or_is_another_object_is_let_through(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    assert refused([before], [after]) == ()


INDEXED = {"completionMode": "Indexed", "completions": 3}


@pytest.mark.guarantee("G14.17")
@each(
    [
        ({"completions": 3}, {"completions": 5}),
        ({"completions": 3, "parallelism": 3}, {"completions": 5, "parallelism": 5}),
        # A cluster fills in 1 of both where a Job says neither, and 1 at once where it says one.
        ({}, {"completions": 2}),
        ({"completions": 1}, {}),
        ({"completions": 2}, {}),
        ({"completions": 2, "parallelism": 2}, {}),
        # Where only how many run at once is said, any one that is done is enough.
        ({"parallelism": 2}, {"completions": 1, "parallelism": 2}),
        ({"completions": 2, "parallelism": 2}, {"parallelism": 2}),
        ({"parallelism": 2}, {}),
        ({**INDEXED, "parallelism": 3}, {"completionMode": "Indexed", "parallelism": 3}),
    ]
)
def test_how_many_of_a_job_have_to_be_done_stays(old: Any, new: Any) -> None:
    words = "Kubernetes does not change spec.completions of the Job db once it is made"
    assert refused([made("Job", old)], [made("Job", new)]) == (words,)


@pytest.mark.guarantee("G14.17")
@each(
    [
        ({}, {"completions": 1}),
        ({}, {"parallelism": 4}),
        ({"completions": 2}, {"completions": 2, "parallelism": 2}),
        ({"completions": 1, "parallelism": 2}, {}),
        ({"parallelism": 2}, {"parallelism": 4}),
        ({"completions": 3, "ttlSecondsAfterFinished": 60}, {"completions": 5}),
        (INDEXED, {**INDEXED, "parallelism": 2}),
        ({**INDEXED, "parallelism": 2}, {**INDEXED, "completions": 5, "parallelism": 5}),
        ({**INDEXED, "parallelism": 2}, {**INDEXED, "completions": 1}),
    ]
)
def test_how_many_run_at_once_changes_and_of_an_indexed_job_both_together(
    old: Any, new: Any
) -> None:
    assert refused([made("Job", old)], [made("Job", new)]) == ()


@pytest.mark.guarantee("G14.17")
@each([{}, {"parallelism": 3}])
def test_of_an_indexed_job_one_does_not_change_without_the_other(at_once: Any) -> None:
    old, new = {**INDEXED, **at_once}, {**INDEXED, **at_once, "completions": 5}
    words = "change spec.completions to another number than spec.parallelism"
    found = f"Kubernetes does not {words} of the Job db once it is made"
    assert refused([made("Job", old)], [made("Job", new)]) == (found,)


@pytest.mark.guarantee("G14.17")
def test_a_binding_keeps_its_role_a_secret_its_type_and_what_is_sealed_its_content() -> None:
    for kind, field in (("RoleBinding", "roleRef"), ("Secret", "type")):
        old, new = made(kind, **{field: "a"}), made(kind, **{field: "b"})
        assert [words.split(" of ")[0] for words in refused([old], [new])] == [
            f"Kubernetes does not change {field}"
        ]
    for kind in ("ConfigMap", "Secret"):
        sealed = made(kind, data={"a": "1"}, immutable=True)
        found = refused([sealed], [made(kind, data={"a": "2"})])
        assert [words.split(" of ")[0].rpartition(" ")[2] for words in found] == [
            "data",
            "immutable",
        ]


@pytest.mark.guarantee("G14.17")
@pytest.mark.parametrize(
    ("old", "new", "smaller"),
    [
        ("10Gi", "5Gi", True),
        ("10Gi", "10G", True),
        ("1Ti", "999Gi", True),
        ("2", "1", True),
        ("1.5Gi", "1Gi", True),
        ("1e9", "9e8", True),
        ("5Gi", "10Gi", False),
        ("1024Mi", "1Gi", False),
        ("1e9", "1G", False),
        ("nonsense", "1Gi", False),
        ("1Gi", "nonsense", False),
    ],
)
def test_a_volume_grows_and_never_shrinks(old: str, new: str, *, smaller: bool) -> None:
    found = f"the volume db has {old} and cannot become smaller, and {new} is asked for"
    assert refused([claim(old)], [claim(new)]) == ((found,) if smaller else ())
    back = (("db", new, old),) if smaller else ()
    assert grown([claim(new)], [claim(old)]) == back


def test_what_is_new_or_of_the_same_size_or_not_read_does_not_grow() -> None:
    assert grown([], [claim("1Gi")]) == ()
    assert grown([claim("1024Mi")], [claim("1Gi")]) == ()
    assert grown([claim("odd")], [claim("1Gi")]) == ()
    assert grown([claim("1Gi")], [claim("2Gi")]) == (("db", "1Gi", "2Gi"),)
    template = [
        made("StatefulSet", {"resources": {"requests": {"storage": size}}}) for size in "12"
    ]
    assert grown(template[:1], template[1:]) == ()


@given(
    old=st.integers(0, 5000),
    new=st.integers(0, 5000),
    unit=st.sampled_from(["", "k", "M", "Gi", "Ti", "e3"]),
)
def test_sizes_of_one_unit_compare_like_their_numbers(old: int, new: int, unit: str) -> None:
    assert bool(refused([claim(f"{old}{unit}")], [claim(f"{new}{unit}")])) is (new < old)
