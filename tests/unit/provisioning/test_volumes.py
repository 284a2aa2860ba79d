"""What Flux may delete: no data, unless the files in the cluster say so."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import build
from tests.support.each import each

from catalyst.contracts.provisioning_values_v1 import Evidence
from catalyst.provisioning.domain import volumes
from catalyst.provisioning.domain.application import Application, Binding, Observed
from catalyst.provisioning.domain.fulfilled import is_gone

CLAIM: dict[str, Any] = {"kind": "PersistentVolumeClaim", "metadata": {"name": "data"}}
SET: dict[str, Any] = {
    "kind": "StatefulSet",
    "metadata": {"name": "db"},
    "spec": {
        "replicas": 3,
        "volumeClaimTemplates": [{"metadata": {"name": "data"}}],
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete", "whenScaled": "Retain"},
    },
}
GENERATED: dict[str, Any] = {
    "kind": "ExternalSecret",
    "metadata": {"name": "site-credentials"},
    "spec": {"dataFrom": [{"sourceRef": {"generatorRef": {"kind": "Password", "name": "site"}}}]},
}
PUSHED: dict[str, Any] = {"kind": "PushSecret", "metadata": {"name": "site-credentials"}}
TEXTS = st.dictionaries(st.sampled_from(["a", "b", volumes.PRUNE]), st.text(max_size=3))


@pytest.mark.guarantee("G14.12")
@pytest.mark.parametrize("kind", ["PersistentVolumeClaim", "Namespace"])
@given(annotations=st.none() | TEXTS)
def test_what_holds_data_is_kept_whatever_its_blueprint_says_and_goes_only_when_given_up(
    kind: str, annotations: dict[str, str] | None
) -> None:
    made = {"kind": kind, "metadata": {"name": "x", "annotations": annotations}}
    others = {name: text for name, text in (annotations or {}).items() if name != volumes.PRUNE}
    kept, gone = volumes.kept(made), volumes.given_up(made)
    assert kept["metadata"]["annotations"] == {**others, volumes.PRUNE: volumes.DISABLED}
    assert gone["metadata"].get("annotations", {}) == others
    assert volumes.given_up(kept) == gone
    assert volumes.kept(gone) == kept


@pytest.mark.guarantee("G14.12")
def test_a_template_never_changes_and_its_retention_does() -> None:
    for made, word in ((volumes.kept(SET), "Retain"), (volumes.given_up(SET), "Delete")):
        assert made["spec"]["volumeClaimTemplates"] == SET["spec"]["volumeClaimTemplates"]
        assert made["spec"]["persistentVolumeClaimRetentionPolicy"] == {
            "whenDeleted": word,
            "whenScaled": "Retain",
        }


@pytest.mark.guarantee("G14.12")
@pytest.mark.parametrize("made", [GENERATED, PUSHED])
def test_passwords_that_were_made_for_data_are_kept_and_go_with_it(made: dict[str, Any]) -> None:
    kept = volumes.kept(made)
    assert kept["metadata"]["annotations"] == {volumes.PRUNE: volumes.DISABLED}
    assert kept.get("spec") == made.get("spec")
    assert volumes.given_up(kept) == made
    assert volumes.names([made]) == (f"{made['kind']}/site-credentials",)
    assert made["kind"] in volumes.HOLDERS


def test_what_is_only_read_from_the_store_is_not_kept() -> None:
    for spec in (
        {"data": [{"secretKey": "a"}]},
        {"dataFrom": [{"extract": {"key": "a"}}]},
        {},
        None,
    ):
        made = {**GENERATED, "spec": spec}
        assert volumes.kept(made) is volumes.given_up(made) is made
        assert volumes.names([made]) == ()
    # Nor is what merely looks like it, or like a StatefulSet.
    for other in ({**GENERATED, "kind": "Widget"}, {**SET, "kind": "Widget"}):
        assert volumes.kept(other) is volumes.given_up(other) is other
        assert volumes.names([other]) == ()


def test_what_holds_data_is_named_in_words_once() -> None:
    found = volumes.names([GENERATED, PUSHED, CLAIM])
    assert volumes.in_words(found) == (
        "volume data: data of",
        "credentials site-credentials: made for",
    )


def test_what_holds_no_data_stays_as_it_is() -> None:
    for kind in ("Deployment", "Secret", "StatefulSet"):
        made = {"kind": kind, "metadata": {"name": "x"}, "spec": {"replicas": 1}}
        assert volumes.kept(made) is volumes.given_up(made) is made


def test_what_runs_the_containers_is_named_with_its_kind() -> None:
    web = {"kind": "Deployment", "metadata": {"name": "web"}}
    assert volumes.workloads([SET, CLAIM, web]) == ("Deployment/web", "StatefulSet/db")


def test_volumes_have_the_names_that_they_get_in_a_cluster() -> None:
    assert volumes.names([SET, CLAIM, {"kind": "Secret", "metadata": {"name": "s"}}]) == (
        "data",
        "data-db-*",
    )


@pytest.mark.guarantee("G14.12")
@each(["ExternalSecret", "PushSecret", "Secret"])
def test_credentials_that_no_plan_gave_up_hold_no_removal_up(kind: str) -> None:
    """An older version of a Blueprint left them: protected as they were, they go nowhere."""
    left = Evidence(kind=kind, namespace="blog", name="old", uid="u", version=1, status="healthy")
    seen = Observed(
        applied="current",
        revision="ch-1",
        commit="aaa",
        health="healthy",
        reason="",
        message="",
        evidence=(left,),
        source="cluster",
        observed_at=build.NOW,
    )
    state = Application(bindings={"acme-prod": Binding(observed=seen)})
    given_up = ("ExternalSecret/site-credentials", "PushSecret/site-credentials", "data")
    assert is_gone(state, "acme-prod", given_up)
    # What the plan named is waited for.
    assert not is_gone(state, "acme-prod", ("ExternalSecret/old", "PushSecret/old"))
