"""The files of an Application: the same input, the same bytes, and nobody's secret."""

import string
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.support import plans, starters
from tests.support.each import each

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.provisioning_values_v1 import Desired
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.domain import files, foreign
from catalyst.provisioning.domain.place import VALUES as AT
from catalyst.provisioning.domain.place import (
    Content,
    Place,
    check_values,
    values_for_dependencies,
)
from catalyst.provisioning.domain.rendered import refuse_its_own, standing

ORIGIN = files.Origin(url="https://catalyst.example", branch="main")
KUSTOMIZATION = b"apiVersion: v1\nkind: Kustomization\nresources:\n- a.yaml\n"
NAME = st.text(string.ascii_lowercase, min_size=2, max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAME, inner, max_size=3),
    max_leaves=8,
)
TREES = st.dictionaries(
    st.builds("{}/{}".format, st.sampled_from(["environments/a", "environments/ab", "x"]), NAME),
    st.binary(max_size=4),
    max_size=6,
)


def place(values: dict[str, Any], dependencies: dict[str, str] | None = None) -> Place:
    return Place(
        organization="acme",
        application="blog",
        name=plans.PROD,
        environment=foreign.Environment(exists=True, env_type="prod", branch="main"),
        desired=Desired(
            change="ch-1",
            blueprint="bp-x",
            origin="public",
            version="1.0.0",
            digest=plans.DIGEST,
            values=values,
            dependencies=dependencies or {},
        ),
    )


@pytest.mark.guarantee("G13.3")
@given(values=st.dictionaries(NAME, VALUES, max_size=4), order=st.randoms())
def test_the_order_of_what_comes_in_changes_no_byte(values: dict[str, Any], order: Any) -> None:
    shuffled = list(values.items())
    order.shuffle(shuffled)
    made = {"kustomization.yaml": KUSTOMIZATION, "a.yaml": b"x\n"}
    first = files.placed(place(values, {"db": "pg", "cache": "redis"}), made, ORIGIN)
    again = files.placed(
        place(dict(shuffled), {"cache": "redis", "db": "pg"}),
        dict(reversed(made.items())),
        ORIGIN,
    )
    assert list(first.items()) == list(again.items())


def test_the_change_stands_in_no_file() -> None:
    made = {"kustomization.yaml": KUSTOMIZATION, "a.yaml": b"x\n"}
    other = place({})
    desired = msgspec.structs.replace(other.desired, change="ch-2")
    assert files.placed(place({}), made, ORIGIN) == files.placed(
        msgspec.structs.replace(other, desired=desired), made, ORIGIN
    )


def test_flux_waits_for_what_the_lock_names_and_gives_up_in_time() -> None:
    found = files.placed(place({}, {"db": "pg", "cache": "redis"}), {}, ORIGIN)
    spec = yaml.safe_load(found[f"environments/{plans.PROD}/flux/kustomization.yaml"])["spec"]
    assert spec["dependsOn"] == [{"name": "pg-prod"}, {"name": "redis-prod"}]
    assert spec["prune"] is spec["wait"] is True
    assert {"interval", "timeout", "retryInterval"} < spec.keys()
    # Who applies it is the cluster's to say: --default-service-account holds where none is named.
    assert "serviceAccountName" not in spec


@pytest.mark.guarantee("G13.3")
def test_secrets_are_references() -> None:
    values = {"a": "secret:db/password", "deep": [{"b": "secret:db/user"}], "c": "secret:x/k"}
    made = {"kustomization.yaml": KUSTOMIZATION}
    found = files.placed(place(values), made, ORIGIN)
    top = f"environments/{plans.PROD}/"
    documents = [yaml.safe_load(found[f"{top}secrets/{name}.yaml"]) for name in ("db", "x")]
    assert {item["kind"] for item in documents} == {"ExternalSecret"}
    for item in documents:
        assert item["metadata"]["labels"] == files.labels(place(values))
    assert documents[0]["spec"]["data"] == [
        {
            "secretKey": key,
            "remoteRef": {"key": "org/acme/env/prod/db", "property": key},
        }
        for key in ("password", "user")
    ]
    listed = yaml.safe_load(found[f"{top}kustomization.yaml"])["resources"]
    assert listed == ["a.yaml", "secrets/db.yaml", "secrets/x.yaml"]
    assert documents[1]["apiVersion"] == "external-secrets.io/v1"
    assert documents[1]["spec"]["secretStoreRef"] == {
        "kind": "ClusterSecretStore",
        "name": "catalyst",
    }


def test_secrets_are_listed_behind_what_is_rendered_and_the_rest_of_the_list_stays() -> None:
    rest = b"namespace: blog\nlabels:\n- pairs: {a: b}\n"
    made = {"kustomization.yaml": KUSTOMIZATION + b"- b.yaml\n" + rest}
    name = f"environments/{plans.PROD}/kustomization.yaml"
    found = files.placed(place({"a": "secret:db/password"}), made, ORIGIN)[name]
    assert found == KUSTOMIZATION + b"- b.yaml\n- secrets/db.yaml\n" + rest
    # Without any, not a byte is another.
    assert files.placed(place({}), made, ORIGIN)[name] == made["kustomization.yaml"]


def test_values_do_not_name_a_secret_that_the_blueprint_makes() -> None:
    values = {"keys": {"openai": "secret:blog-credentials/x", "mistral": "secret:mine/x"}}
    litellm = Content(starters.blueprint("bp-litellm"), starters.package("bp-litellm"))
    made = standing(place(values, {"postgres": "pg"}), litellm, ORIGIN)
    with pytest.raises(Rejected) as refused:
        refuse_its_own(values, made, "/request/values")
    assert refused.value.code == "values-invalid"
    assert [item.pointer for item in refused.value.errors] == ["/request/values/keys/openai"]
    own = {"keys": {"openai": "secret:mine/x"}}
    refuse_its_own(
        own, standing(place(own, {"postgres": "pg"}), litellm, ORIGIN), "/request/values"
    )


def with_rows(default: dict[str, Any], values: dict[str, Any] | None = None) -> Content:
    """Return a version with rows that have ten defaults each."""
    fields = {f"f{number}": {"type": "integer", "default": number} for number in range(10)}
    rows = {"type": "array", "items": {"type": "object", "properties": fields}, **default}
    schema = {"type": "object", "properties": {"rows": rows, "n": {"type": "integer"}}}
    wiki = starters.blueprint("bp-wiki")
    changed = msgspec.structs.replace(wiki, schema=schema, values=values or {})
    return Content(changed, starters.package("bp-wiki"))


@pytest.mark.guarantee("G20.12")
def test_values_that_ask_for_more_defaults_than_are_filled_in_are_refused_at_the_value() -> None:
    content = with_rows({})
    check_values(content, {"rows": [{}] * 100}, AT)
    for was in (None, (content, dict[str, Any](rows=[{}]))):
        with pytest.raises(Rejected) as refused:
            check_values(content, {"rows": [{}] * 10_000}, AT, was)
        assert refused.value.code == "values-invalid"
        (error,) = refused.value.errors
        assert error.pointer.startswith(f"{AT}/rows/")
        assert "take more than 100000 steps to fill in; give fewer values" in error.message


@pytest.mark.guarantee("G20.12")
@pytest.mark.parametrize(
    "too_many",
    [with_rows({"default": [{}] * 10_000}), with_rows({}, {"rows": [{}] * 10_000})],
)
def test_a_version_whose_own_defaults_are_too_many_is_planned_no_more_but_left(
    too_many: Content,
) -> None:
    other = with_rows({"default": [{}]})
    for was in (None, (too_many, dict[str, Any](n=1)), (other, dict[str, Any](n=1))):
        with pytest.raises(Rejected) as refused:
            check_values(too_many, {"n": 2}, AT, was)
        (error,) = refused.value.errors
        message = "the defaults of this version take more than 100000 steps to fill in"
        assert error.message == f"{message}; choose another version: no values are of help"
        assert error.pointer == AT
    check_values(other, {"n": 2}, AT, (too_many, {"n": 1}))


def test_what_others_get_of_a_value_that_is_missing_is_refused_at_the_value() -> None:
    suite = Content(starters.blueprint("bp-team-suite"), starters.package("bp-team-suite"))
    with pytest.raises(Rejected) as refused:
        values_for_dependencies(place({}), suite)
    assert refused.value.code == "values-invalid"
    assert [(item.pointer, item.message) for item in refused.value.errors] == [
        ("/request/values/baseDomain", "baseDomain is missing; add baseDomain")
    ]


@given(tree=TREES, own=st.dictionaries(NAME, st.binary(max_size=4), max_size=3))
def test_an_environment_is_replaced_and_nothing_else(
    tree: dict[str, bytes], own: dict[str, bytes]
) -> None:
    made = {f"environments/a/{name}": content for name, content in own.items()}
    after = files.with_environment(tree, "a", made)
    assert {path: x for path, x in after.items() if path.startswith("environments/a/")} == made
    others = {path: x for path, x in tree.items() if not path.startswith("environments/a/")}
    assert others.items() <= after.items()
    assert files.with_environment(after, "a", made) == after


@given(tree=TREES)
def test_a_closed_branch_is_opened_again(tree: dict[str, bytes]) -> None:
    opened = files.reopened(files.closed(tree), "acme", "blog")
    assert files.ARCHIVED not in opened
    assert tree.items() <= opened.items()


def test_a_branch_begins_with_who_owns_it_and_is_closed_by_a_file_that_says_so() -> None:
    begun = files.trunk("acme", "blog")
    assert begun["CODEOWNERS"] == b"* @acme/org-developer\n/environments/ @acme/org-admin\n"
    assert begun["README.md"].startswith(b"# blog\n\nAn Application of acme, written by Catalyst")
    assert set(begun) == {"CODEOWNERS", "README.md"}
    assert files.reopened({"CODEOWNERS": b"", "x": b"1"}, "acme", "blog") == {**begun, "x": b"1"}
    closed = files.closed({"x": b"1"})
    assert closed == {"x": b"1", "ARCHIVED": b"This Application runs nowhere any more.\n"}


def test_two_environments_of_a_type_do_not_meet() -> None:
    first, second = place({}), msgspec.structs.replace(place({}), name="acme-lab-prod")
    made = {"a.yaml": b"x\n"}
    one = files.placed(first, made, ORIGIN)
    two = files.placed(second, made, ORIGIN)
    assert not one.keys() & two.keys()
    assert files.flux_name("acme", "blog", first.name) == "blog-prod"
    assert files.flux_name("acme", "blog", second.name) == "blog--lab-prod"


LABELLED = "acme-lab-prod"


@each(
    [
        (plans.PROD, "prod", "hz-fsn-rtz-prod", "blog"),
        (plans.PROD, "prod", "hz-fsn-rtz-prod-2", "blog"),
        (LABELLED, "prod", "hz-fsn-rtz-prod", "blog--lab-prod"),
        ("acme-dev", "dev", "hz-fsn-rtz-prod", "blog--dev"),
        ("acme-dev", "dev", "hz-fsn-rtz-dev", "blog"),
    ]
)
def test_what_may_share_a_cluster_has_namespaces_and_secrets_of_its_own(
    name: str, env_type: Any, cluster: str, namespace: str
) -> None:
    region = env1.Region(
        provider="hetzner", region="fsn", building_block="rtz", host_cluster=cluster
    )
    environment = msgspec.structs.replace(
        place({}).environment, env_type=env_type, regions=(region,)
    )
    there = msgspec.structs.replace(
        place({"password": "secret:mail/key"}, {"db": "pg"}), name=name, environment=environment
    )
    around = there.around
    assert there.namespace("blog") == namespace
    assert around.secrets == f"org/acme/env/{name.removeprefix('acme-')}"
    made = files.placed(there, {"kustomization.yaml": KUSTOMIZATION}, ORIGIN)
    (secret,) = yaml.safe_load_all(made[f"environments/{name}/secrets/mail.yaml"])
    assert secret["metadata"]["namespace"] == namespace
    assert secret["spec"]["data"][0]["remoteRef"]["key"] == f"{around.secrets}/mail"


def test_flux_objects_of_one_application_are_never_called_like_those_of_another() -> None:
    names = {
        files.flux_name("acme", application, environment)
        for application in ("blog", "blog-lab")
        for environment in (plans.PROD, LABELLED, "acme-dev")
    }
    assert len(names) == 6
